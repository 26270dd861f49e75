"""A tenant in process for the shapes of single answers, with a clock that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from workbench.freshsales.client import Freshsales
from workbench.freshsales.limits import MemoryBudget
from workbench.pacing import Pacing
from workbench.vocabulary import Edition

LOCAL = "http://127.0.0.1:1/crm/sales/api"
START = 1_800_000_000.0
Handler = Callable[[httpx.Request], httpx.Response]


class Stub:
    """Answers calls by a handler as the rehearsal tenant would, and remembers them."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answers: list[httpx.Response | Exception] = []
        self.handler: Handler = lambda request: httpx.Response(200, json={})
        self.moment = START

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        self.moment = max(self.moment, float(request.headers.get("x-rehearsal-time", 0)))
        answer = self.answers.pop(0) if self.answers else self.handler(request)
        if isinstance(answer, Exception):
            raise answer
        answer.headers.setdefault("x-rehearsal-time", str(self.moment))
        answer.headers.setdefault("x-rehearsal-alias", "brisk-otter")
        return answer

    @property
    def asked(self) -> list[str]:
        """What was asked for, without the greeting."""
        skip = len("/crm/sales/api")
        return [f"{one.method} {one.url.path[skip:]}" for one in self.requests[1:]]


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def tenant(stub: Stub) -> Iterator[Freshsales]:
    budget = MemoryBudget(Pacing(5000, 400, 0.1))
    transport = httpx.MockTransport(stub)
    with Freshsales(LOCAL, "canary-key", budget=budget, transport=transport, edition=Edition.SUITE) as made:
        made.call("GET", "/selector/lifecycle_stages")
        yield made
