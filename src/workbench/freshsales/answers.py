"""An HTTP response to a usable answer, or to the named outcome that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import orjson

from workbench.errors import TenantRefusesKey
from workbench.freshsales.refusals import Json, OutcomeUnknown, PermissionMissing, Throttled, refusal


@dataclass(frozen=True)
class Answer:
    """A usable success of the tenant."""

    status: int
    body: Json
    headers: Mapping[str, str]


def judge(what: str, alias: str, response: httpx.Response, content: bytes, labels: frozenset[str]) -> Answer:
    """Return a success that holds JSON; anything else raises what it means.

    A redirect is the sign-in page, and a page with 200 a proxy's or a captive network's: neither is a success.
    """
    status = response.status_code
    body, is_json = _parsed(content)
    if response.is_success and is_json:
        return Answer(status, body, dict(response.headers))
    if status == 429:
        raise Throttled(f"{what}: the call limit of {alias} is used up (429).")
    if status == 401:
        raise TenantRefusesKey(
            f"{alias} does not accept the API key (401). Put a current one into FRESHSALES_API_KEY and run again;"
            " nothing else is needed."
        )
    if status == 403:
        raise PermissionMissing(
            f"The API key's role may not do this: {what} (403). Use an admin's key, or give its role the right.",
            resource=what.split("/", 2)[1],
        )
    if 400 <= status < 500 and status != 408:
        raise refusal(status, body, labels)
    kind = "a page or nothing instead of data" if response.is_success else "no usable answer"
    raise OutcomeUnknown(f"{what}: {alias} gave {kind} ({status}).", status=status)


def remaining(response: httpx.Response) -> int | None:
    """Return how many calls the tenant says are left, where it says so."""
    try:
        return int(response.headers.get("x-ratelimit-remaining", ""))
    except ValueError:
        return None


def _parsed(content: bytes) -> tuple[Json, bool]:
    try:
        return orjson.loads(content), True
    except orjson.JSONDecodeError:
        return None, False
