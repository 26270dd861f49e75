from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.jobs import BulkRow, JobResult, job_path, poll_job, read_result, send_bulk
from workbench.freshsales.refusals import OutcomeUnknown, Reason, Refused

if TYPE_CHECKING:
    from conftest import Stub

LOCAL = "http://127.0.0.1:1/crm/sales/api"
TAKEN = {"message": "ok", "job_status_url": "http://127.0.0.1:999/crm/sales/api/job_statuses/402"}


def done(succeeded: int, failed: int, report: object) -> dict[str, Any]:
    counts = {"succeeded": succeeded, "failed": failed}
    return {"status": "SUCCESS", "data": json.dumps({"record_status": counts, "detailed_failure_report": report})}


def test_a_bulk_call_carries_each_row_under_its_key_and_names_its_job_without_the_port(
    stub: Stub, tenant: Freshsales
) -> None:
    stub.answers = [httpx.Response(200, json=TAKEN)]
    rows = [
        BulkRow("a@x.org", {"email": "a@x.org", "last_name": "A", "cf_source_system_id": "C1"}),
        BulkRow(77, {"last_name": "B"}),
        BulkRow("C3", {"last_name": "C"}, by="cf_source_system_id"),
    ]
    assert send_bulk(tenant, endpoint("contact"), rows) == "/job_statuses/402"
    assert stub.asked == ["POST /contacts/bulk_upsert"]
    assert json.loads(stub.requests[-1].content) == {
        "contacts": [
            {
                "emails": "a@x.org",
                "data": {"email": "a@x.org", "last_name": "A", "custom_field": {"cf_source_system_id": "C1"}},
            },
            {"id": 77, "data": {"last_name": "B"}},
            {"cf_source_system_id": "C3", "data": {"last_name": "C"}},
        ]
    }


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://other.example.com/crm/sales/api/job_statuses/402", id="another host"),
        pytest.param("http://127.0.0.1:1/crm/sales/job_statuses/402", id="another base"),
        pytest.param("/crm/sales/api/job_statuses/402", id="a bare path"),
        pytest.param("/job_statuses/402?x=1", id="with a query"),
    ],
)
def test_a_job_is_always_asked_for_below_our_own_base_url(url: str) -> None:
    assert job_path(url, LOCAL) == "/job_statuses/402"


def test_an_answer_without_a_job_leaves_the_batch_unknown(stub: Stub, tenant: Freshsales) -> None:
    for body in ({}, [], {"job_status_url": None}, {"job_status_url": "http://127.0.0.1/elsewhere"}):
        stub.answers = [httpx.Response(200, json=body)]
        with pytest.raises(OutcomeUnknown):
            send_bulk(tenant, endpoint("account"), [BulkRow("A", {"name": "A"})])


def test_a_busy_tenant_is_asked_again_a_few_times(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(405), httpx.Response(405), httpx.Response(200, json=TAKEN)]
    before = tenant.clock.now()
    assert send_bulk(tenant, endpoint("account"), [BulkRow("A", {"name": "A"})]) == "/job_statuses/402"
    assert tenant.clock.now() - before >= 15
    stub.handler = lambda _: httpx.Response(405)
    with pytest.raises(Refused, match="nothing was stored"):
        send_bulk(tenant, endpoint("account"), [BulkRow("A", {"name": "A"})])


def test_what_cannot_go_in_bulk_is_refused_before_any_call(stub: Stub, tenant: Freshsales) -> None:
    for destination, rows, reason in (
        ("note", [BulkRow("A", {})], Reason.NO_KEY),
        ("deal", [BulkRow("A", {})], Reason.NO_KEY),
        ("account", [BulkRow("A", {})] * 101, Reason.TOO_MANY),
    ):
        with pytest.raises(Refused) as caught:
            send_bulk(tenant, endpoint(destination), rows)
        assert caught.value.reason is reason
    assert stub.asked == []


def test_a_job_is_polled_until_it_is_done(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [
        httpx.Response(200, json={"status": "IN_PROGRESS", "progress": 50, "data": None}),
        httpx.Response(200, json=done(2, 0, [])),
    ]
    before = tenant.clock.now()
    assert poll_job(tenant, "/job_statuses/402") == JobResult(2)
    assert len(stub.asked) == 2
    assert tenant.clock.now() - before >= 12


def test_a_job_that_never_ends_is_unknown_within_bounds(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(200, json={"status": "IN_PROGRESS"})
    with pytest.raises(OutcomeUnknown, match="did not end within 16 minutes"):
        poll_job(tenant, "/job_statuses/402")
    assert len(stub.asked) == 8


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx.Response(200, json={"status": "FAILED"}), id="broken"),
        pytest.param(httpx.Response(404), id="not there"),
        pytest.param(httpx.Response(200, json={"status": "SUCCESS", "data": "{"}), id="half a report"),
        pytest.param(httpx.Response(200, json={"status": "SUCCESS", "data": None}), id="no report"),
    ],
)
def test_a_job_without_a_readable_end_is_unknown(stub: Stub, tenant: Freshsales, answer: httpx.Response) -> None:
    stub.answers = [answer]
    with pytest.raises(OutcomeUnknown):
        poll_job(tenant, "/job_statuses/402")


@pytest.mark.parametrize(
    ("report", "key"),
    [
        pytest.param([{"emails": "a@x.org", "message": ["Contact is not unique"]}], "a@x.org", id="by identifier"),
        pytest.param([{"id": 77, "errors": {"message": "Contact is not unique"}}], "77", id="by id"),
        pytest.param([{"index": 4, "emails": "a@x.org", "error": "Contact is not unique"}], 4, id="by place"),
        pytest.param([{"unique_identifier": {"emails": "a@x.org"}, "reason": "is not unique"}], "a@x.org", id="nested"),
        pytest.param({"a@x.org": ["Contact is not unique"]}, "a@x.org", id="a table"),
    ],
)
def test_a_failed_row_is_named_with_its_reason_though_the_job_succeeded(report: object, key: int | str) -> None:
    result = read_result(done(97, 3, report))
    assert (result.succeeded, result.unnamed) == (97, 2)
    [(found, refused)] = result.failed
    assert (found, refused.reason) == (key, Reason.NOT_UNIQUE)


def test_failures_that_name_nobody_are_counted() -> None:
    assert read_result(done(97, 3, ["Something went wrong"])).unnamed == 3
    assert read_result(done(97, 3, None)).unnamed == 3
