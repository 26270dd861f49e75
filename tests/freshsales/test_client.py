from __future__ import annotations

import gzip
import io
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from workbench.clock import RehearsalClock, WallClock
from workbench.errors import KeyProblem, SettingsProblem, TenantRefusesKey, TenantUnreachable
from workbench.freshsales.client import LARGEST, Freshsales, connect
from workbench.freshsales.limits import MemoryBudget
from workbench.freshsales.refusals import OutcomeUnknown, PermissionMissing, Reason, Refused
from workbench.pacing import Pacing
from workbench.vocabulary import Edition

if TYPE_CHECKING:
    from conftest import Stub

LOCAL = "http://127.0.0.1:1/crm/sales/api"
START = 1_800_000_000.0
SUITE = "https://acme.myfreshworks.com/crm/sales/api"
CANARY = "jane.canary@example.com"


def budget() -> MemoryBudget:
    return MemoryBudget(Pacing(360_000, 36_000))


def open_tenant(base_url: str, stub: Callable[[httpx.Request], httpx.Response]) -> Freshsales:
    return connect(base_url, "canary-key", budget=budget(), transport=httpx.MockTransport(stub))


def test_connecting_takes_one_call_and_the_tenants_clock_and_alias(stub: Stub) -> None:
    with open_tenant(LOCAL, stub) as tenant:
        assert len(stub.requests) == 1
        assert tenant.alias == "brisk-otter"
        assert isinstance(tenant.clock, RehearsalClock)
        assert tenant.clock.now() == START
        assert "x-rehearsal-time" not in stub.requests[0].headers
        assert stub.requests[0].headers["authorization"] == "Token token=canary-key"
        assert stub.requests[0].headers["accept"] == "application/json"


def test_a_wait_travels_with_the_next_request_and_the_answer_is_heard(stub: Stub, tenant: Freshsales) -> None:
    tenant.clock.wait_until(START + 5000)
    stub.answers = [httpx.Response(200, json=1, headers={"x-rehearsal-time": str(START + 9000)})]
    tenant.call("GET", "/deals/1")
    assert float(stub.requests[-1].headers["x-rehearsal-time"]) == START + 5000
    assert tenant.clock.now() == START + 9000


def test_a_tenant_without_the_header_gets_the_wall_clock_and_never_the_header() -> None:
    seen: list[httpx.Request] = []

    def real(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    for base_url, alias in ((SUITE, "acme.myfreshworks.com"), (LOCAL, "127.0.0.1")):
        with open_tenant(base_url, real) as tenant:
            tenant.call("GET", "/deals/1")
            assert isinstance(tenant.clock, WallClock)
            assert tenant.alias == alias
    assert not any("x-rehearsal-time" in one.headers for one in seen)


def test_a_rehearsal_clock_outside_this_machine_is_refused(stub: Stub) -> None:
    with pytest.raises(TenantUnreachable, match="rehearsal clock, but is not on this machine"):
        open_tenant(SUITE, stub)


@pytest.mark.parametrize(
    ("base_url", "text"),
    [
        pytest.param("http://acme.myfreshworks.com/crm/sales/api", "must start with https://", id="plain http"),
        pytest.param("http://127.0.0.1.example.com/api", "must start with https://", id="a host that only looks local"),
        pytest.param("https://me:pass@acme.myfreshworks.com/api", "looks like", id="a password in the URL"),
        pytest.param("", "looks like", id="nothing"),
        pytest.param("ftp://127.0.0.1/api", "looks like", id="another protocol"),
    ],
)
def test_a_base_url_that_must_not_carry_a_key_is_refused(base_url: str, text: str) -> None:
    with pytest.raises(SettingsProblem, match=text):
        Freshsales(base_url, "k", budget=budget())


def test_an_empty_key_is_refused_before_any_call(stub: Stub) -> None:
    with pytest.raises(KeyProblem):
        connect(LOCAL, " ", budget=budget(), transport=httpx.MockTransport(stub))
    assert stub.requests == []


def test_the_edition_is_read_from_the_url() -> None:
    assert Freshsales(SUITE, "k", budget=budget()).edition is Edition.SUITE
    assert Freshsales("https://acme.freshsales.io/api", "k", budget=budget()).edition is Edition.CLASSIC


def test_another_server_at_base_url_is_told_plainly() -> None:
    with pytest.raises(SettingsProblem, match="not as Freshsales"):
        open_tenant(SUITE, lambda _: httpx.Response(404))


PAGE = b"<html><body>Please sign in to the guest network</body></html>"
BROKEN = [
    pytest.param(httpx.ReadTimeout("x"), id="read timeout"),
    pytest.param(httpx.ReadError("x"), id="reset while reading"),
    pytest.param(httpx.WriteError("x"), id="reset while writing"),
    pytest.param(httpx.WriteTimeout("x"), id="write timeout"),
    pytest.param(httpx.RemoteProtocolError("x"), id="server hung up"),
    pytest.param(httpx.Response(500, json={"errors": {"code": 500, "message": [CANARY]}}), id="500 with a text"),
    pytest.param(httpx.Response(502, content=PAGE), id="502"),
    pytest.param(httpx.Response(503), id="503"),
    pytest.param(httpx.Response(408), id="408"),
    pytest.param(httpx.Response(200, content=PAGE), id="captive page with 200"),
    pytest.param(httpx.Response(200, content=b""), id="empty 200"),
    pytest.param(httpx.Response(201, content=b'{"contact":{"id":1'), id="half an answer"),
    pytest.param(httpx.Response(302, headers={"location": "/crm/sales/signin"}), id="sign-in page"),
]


@pytest.mark.parametrize("answer", BROKEN)
def test_a_write_without_a_usable_answer_is_unknown_and_not_sent_again(
    stub: Stub, tenant: Freshsales, answer: httpx.Response | Exception
) -> None:
    stub.answers = [answer]
    with pytest.raises(OutcomeUnknown) as caught:
        tenant.call("POST", "/contacts", json={"contact": {"email": CANARY}}, params={"q": CANARY})
    assert stub.asked == ["POST /contacts"]
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("answer", BROKEN)
def test_a_read_without_a_usable_answer_is_asked_again(
    stub: Stub, tenant: Freshsales, answer: httpx.Response | Exception
) -> None:
    stub.answers = [answer, answer, httpx.Response(200, json={"contact": {"id": 1}})]
    assert tenant.call("GET", "/contacts/1").body == {"contact": {"id": 1}}


def test_a_read_that_never_works_ends_as_unreachable_within_bounds(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(502, content=PAGE)
    with pytest.raises(TenantUnreachable, match=r"GET /lookup: brisk-otter gave no usable answer \(502\)"):
        tenant.call("GET", "/lookup", params={"q": CANARY, "f": "email"})
    assert len(stub.asked) == 5


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(httpx.ConnectError(f"dns {CANARY}"), id="no such host"),
        pytest.param(httpx.ConnectTimeout("x"), id="no connection in time"),
        pytest.param(httpx.PoolTimeout("x"), id="no free connection"),
    ],
)
def test_what_never_left_is_sent_again_even_a_write(stub: Stub, tenant: Freshsales, problem: Exception) -> None:
    stub.answers = [problem, httpx.Response(201, json={"contact": {"id": 1}})]
    assert tenant.call("POST", "/contacts", json={}).status == 201


def test_a_tenant_that_cannot_be_reached_ends_as_unreachable(stub: Stub, tenant: Freshsales) -> None:
    def gone(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(CANARY)

    stub.handler = gone
    with pytest.raises(TenantUnreachable, match="cannot be reached") as caught:
        tenant.call("POST", "/contacts", json={})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"json": {"message": "slow down"}}, id="JSON"),
        pytest.param({"content": b""}, id="empty"),
        pytest.param({"content": PAGE}, id="HTML"),
        pytest.param({"headers": {"retry-after": "3", "x-ratelimit-reset": "1"}}, id="headers that say otherwise"),
    ],
)
def test_the_rate_limit_holds_everybody_for_a_minute_and_loses_nothing(
    stub: Stub, tenant: Freshsales, body: dict[str, object]
) -> None:
    stub.answers = [httpx.Response(429, **body), httpx.Response(201, json={"contact": {"id": 7}})]  # type: ignore[arg-type]
    assert tenant.call("POST", "/contacts", json={}).body == {"contact": {"id": 7}}
    assert stub.asked == ["POST /contacts", "POST /contacts"]
    assert tenant.clock.now() >= START + 61
    assert tenant.holds == 1


def test_an_hour_without_calls_is_waited_for_and_then_given_up(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(429)
    with pytest.raises(TenantUnreachable, match="call limit"):
        tenant.call("GET", "/deals/1")
    assert 3600 < tenant.clock.now() - START < 3 * 3600
    assert len(stub.asked) == 9


def test_calls_that_another_integration_ate_are_waited_for_before_being_refused(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(200, json=1, headers={"x-ratelimit-remaining": str(left)}) for left in (40, 0)]
    for _ in range(3):
        tenant.call("GET", "/deals/1")
    assert tenant.clock.now() >= START + 61


def test_a_revoked_key_stops_at_the_first_answer(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(401, json={"login": "failed", "message": "Incorrect or expired API key"})]
    with pytest.raises(TenantRefusesKey, match="FRESHSALES_API_KEY"):
        tenant.call("POST", "/contacts", json={})
    assert len(stub.asked) == 1


def test_a_right_that_the_role_lacks_names_the_resource(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(403, json={"errors": {"message": "You are not authorised"}})]
    with pytest.raises(PermissionMissing, match=r"PUT /deals/1 \(403\)") as caught:
        tenant.call("PUT", "/deals/1", json={})
    assert caught.value.resource == "deals"


def test_an_empty_404_is_a_definite_no(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(404)]
    with pytest.raises(Refused) as caught:
        tenant.call("GET", "/contacts/abc")
    assert caught.value.reason is Reason.NOT_FOUND


def test_true_is_an_answer(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(200, content=b"true")]
    assert tenant.call("DELETE", "/contacts/1").body is True


def test_no_call_is_logged_with_its_query(stub: Stub, tenant: Freshsales, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tenant.call("GET", "/lookup", params={"q": CANARY})
    assert "canary" not in caplog.text
    assert "canary" not in repr(tenant)


def test_a_file_is_sent_whole_again_after_the_rate_limit(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(429), httpx.Response(201, json={"id": 5})]
    tenant.call("POST", "/documents", files={"file": ("a.txt", io.BytesIO(b"all of it"))}, data={"is_shared": "true"})
    assert all(b"all of it" in one.content for one in stub.requests[-2:])


def test_every_call_takes_a_slot(stub: Stub, tenant: Freshsales) -> None:
    for _ in range(10):
        tenant.call("GET", "/deals/1")
    assert tenant.clock.now() - START == pytest.approx(10 * Pacing(5000, 400, 0.1).interval, abs=0.01)
    assert tenant.calls == 11


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_key_follows_no_redirect(stub: Stub, tenant: Freshsales, status: int, method: str) -> None:
    stub.handler = lambda _: httpx.Response(status, headers={"location": "https://elsewhere.example/crm/sales/api/x"})
    with pytest.raises(OutcomeUnknown if method == "POST" else TenantUnreachable):
        tenant.call(method, "/contacts", json={} if method == "POST" else None)
    assert {one.url.host for one in stub.requests} == {"127.0.0.1"}
    assert all(one.headers["authorization"] == "Token token=canary-key" for one in stub.requests)


class Endless(httpx.SyncByteStream):
    """An answer that does not end; it counts what was taken of it."""

    taken = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += 1
            yield b" " * 1024 * 1024


def test_an_answer_without_end_is_cut_off_and_nothing_is_known_of_the_write(stub: Stub, tenant: Freshsales) -> None:
    endless = Endless()
    stub.answers = [httpx.Response(200, stream=endless)]
    with pytest.raises(OutcomeUnknown, match="an answer without end"):
        tenant.call("POST", "/contacts", json={})
    assert endless.taken <= LARGEST // 1024**2 + 1


def test_a_small_answer_that_unpacks_without_end_is_cut_off_too(stub: Stub, tenant: Freshsales) -> None:
    bomb = gzip.compress(bytes(2 * LARGEST))
    assert len(bomb) < LARGEST // 100
    stub.answers = [httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(bomb))]
    with pytest.raises(OutcomeUnknown, match="an answer without end"):
        tenant.call("POST", "/contacts", json={})
