"""Keys, limits, the clock and faults: what stands between a call and its effect."""

import time

import pytest

NOBODY = {"authorization": ""}


def test_every_reply_tells_the_time_and_the_alias(tenant):
    for reply in (
        tenant.call("GET", "/selector/owners"),
        tenant.call("GET", "/nowhere"),
        tenant.call("GET", "/contacts/1", headers=NOBODY),
        tenant.call("GET", "/_tenant/calls"),
    ):
        assert float(reply.headers["x-rehearsal-time"]) > 1_700_000_000
        assert reply.headers["x-rehearsal-alias"] == tenant.tenant.state.alias


def test_without_a_key_the_login_failed(tenant):
    reply = tenant.call("GET", "/selector/owners", headers=NOBODY)
    assert (reply.status_code, reply.json()) == (401, {"login": "failed", "message": None})


@pytest.mark.parametrize("authorization", ["Token token=wrong", "Token rehearsal-admin", "Bearer rehearsal-admin"])
def test_a_wrong_key_is_incorrect_or_expired(tenant, authorization):
    reply = tenant.call("GET", "/selector/owners", headers={"authorization": authorization})
    assert (reply.status_code, reply.json()["message"]) == (401, "Incorrect or expired API key")


def test_an_unauthenticated_browser_is_sent_to_the_sign_in_page(tenant):
    reply = tenant.call("GET", "/selector/owners", headers={**NOBODY, "accept": "*/*"})
    assert (reply.status_code, reply.headers["location"]) == (302, "/crm/sales/signin")


def test_a_plain_role_may_not_see_the_owners(tenant):
    agent = {"authorization": "Token token=rehearsal-agent"}
    reply = tenant.call("GET", "/selector/owners", headers=agent)
    assert reply.status_code == 403
    assert reply.json()["errors"]["message"] == "You are not authorised to perform this operation"
    assert tenant.call("GET", "/selector/lead_sources", headers=agent).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/api/selector/currencies",
        "/selector/currencies",
        "/acme.myfreshworks.com/crm/sales/api/selector/currencies",
        "/acme.freshsales.io/api/selector/currencies.json",
    ],
)
def test_paths_of_public_clients_are_understood(tenant, path):
    assert tenant.runner.run(tenant.http.get(path)).status_code == 200


def test_the_minute_window_slides_by_the_tenants_clock(tenant):
    tenant.at = 2_000_000_000.0
    for _ in range(400):
        assert tenant.call("GET", "/selector/currencies").status_code == 200
    reply = tenant.call("GET", "/selector/currencies")
    assert reply.status_code == 429
    assert "retry-after" not in reply.headers
    assert reply.headers["x-ratelimit-remaining"] == "4600"
    tenant.at += 59.9
    assert tenant.call("GET", "/selector/currencies").status_code == 429
    tenant.at += 0.1
    assert tenant.call("GET", "/selector/currencies").status_code == 200


def test_failed_calls_and_polls_count_but_refused_and_admin_ones_do_not(tenant):
    tenant.call("GET", "/contacts/1")
    tenant.call("GET", "/nowhere", headers=NOBODY)
    tenant.call("GET", "/_tenant/state")
    told = tenant.get("/_tenant/calls")
    assert (told["total"], told["last_hour"], told["refused429"]) == (2, 2, 0)
    assert told["calls"] == {"GET (unknown)": 1, "GET contacts/:": 1}


def test_the_hour_window_is_the_plans(tmp_path, bare):
    bare.tenant.state.plan = "growth"
    bare.at = 2_000_000_000.0
    for _ in range(1000):
        bare.at += 1
        assert bare.call("GET", "/selector/currencies").status_code == 200
    bare.at += 1
    assert bare.call("GET", "/selector/currencies").status_code == 429
    bare.at = 2_000_000_000.0 + 3601
    assert bare.call("GET", "/selector/currencies").status_code == 200


def test_the_clock_moves_to_the_greatest_time_told_and_never_back(tenant):
    tenant.at = 2_000_000_000.0
    assert tenant.call("GET", "/lists").headers["x-rehearsal-time"] == "2000000000.000"
    for bad in (5.0, float("inf"), float("nan"), 9e15):
        tenant.at = bad
        assert tenant.call("GET", "/lists").headers["x-rehearsal-time"] == "2000000000.000"
    tenant.at = 5.0
    assert tenant.call("GET", "/lists").headers["x-rehearsal-time"] == "2000000000.000"
    tenant.at = None
    assert tenant.call("GET", "/lists").headers["x-rehearsal-time"] == "2000000000.000"


def test_a_plain_client_sees_a_live_clock(tenant):
    first = float(tenant.call("GET", "/lists").headers["x-rehearsal-time"])
    time.sleep(0.01)
    assert float(tenant.call("GET", "/lists").headers["x-rehearsal-time"]) > first


def test_a_status_fault_answers_instead_of_doing_the_call(tenant):
    tenant.post("/_tenant/faults", {"match": "POST ^/notes", "kind": "status", "status": 503, "times": 2})
    assert [tenant.post("/notes", {}).status_code for _ in range(3)] == [503, 503, 400]


def test_a_connection_dropped_before_does_nothing_and_after_does_all(tenant):
    tenant.post("/_tenant/faults", {"match": "POST ^/sales_accounts", "kind": "drop_before", "nth": 1})
    tenant.post("/_tenant/faults", {"match": "POST ^/sales_accounts", "kind": "drop_after", "nth": 2})
    for name in ("Before", "After"):
        with pytest.raises(ConnectionResetError):
            tenant.account(name)
    assert [one["name"] for one in tenant.get("/_tenant/state")["sales_accounts"]] == ["After"]


def test_a_delayed_commit_arrives_after_its_client_has_gone(tenant):
    tenant.post("/_tenant/faults", {"match": "POST ^/sales_accounts", "kind": "delay_commit", "seconds": 60})
    with pytest.raises(ConnectionResetError):
        tenant.account("Late")
    assert tenant.get("/_tenant/state")["sales_accounts"] == []
    tenant.wait(61)
    tenant.call("GET", "/lists")
    assert [one["name"] for one in tenant.get("/_tenant/state")["sales_accounts"]] == ["Late"]


def test_a_captive_page_is_html_with_200(tenant):
    tenant.post("/_tenant/faults", {"match": "GET .", "kind": "html"})
    reply = tenant.call("GET", "/lists")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_key_can_be_revoked_and_a_right_taken_away(tenant):
    tenant.post("/_tenant/switches", {"forbidden": ["POST deals"]})
    assert tenant.post("/deals", {"name": "D", "amount": 1}).status_code == 403
    tenant.post("/_tenant/switches", {"revoked_keys": ["rehearsal-admin"]})
    assert tenant.call("GET", "/lists").status_code == 401
