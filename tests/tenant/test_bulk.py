"""Bulk calls: jobs, lag, failures inside a success."""

import json

import pytest


def rows(count, **fields):
    return [{"emails": f"p{n}@x.co", "data": {"first_name": "P", **fields}} for n in range(count)]


def finish(tenant, reply, seconds=5):
    tenant.wait(seconds)
    return tenant.get("/job_statuses/" + reply.json()["job_status_url"].rsplit("/", 1)[1])


def test_a_bulk_job_is_in_progress_then_done_and_names_no_id(tenant):
    tenant.at = 2_000_000_000.0
    reply = tenant.post("/contacts/bulk_upsert", {"contacts": rows(3)})
    url = reply.json()["job_status_url"]
    assert url.startswith("http://tenant/crm/sales/api/job_statuses/")
    assert tenant.runner.run(tenant.http.get(url)).json()["status"] == "IN_PROGRESS"
    assert tenant.get("/_tenant/state")["contacts"] == []
    tenant.at += 4
    job = tenant.call("GET", "/job_statuses/" + url.rsplit("/", 1)[1]).json()
    assert (job["status"], job["job_type_name"]) == ("SUCCESS", "bulk_upsert")
    assert json.loads(job["data"]) == {
        "record_status": {"succeeded": 3, "failed": 0},
        "detailed_failure_report": [],
    }


def test_bulk_rows_show_in_views_a_few_seconds_after_the_job(tenant):
    tenant.at = 2_000_000_000.0
    tenant.post("/contacts/bulk_upsert", {"contacts": rows(2)})
    tenant.at += 4
    assert tenant.listed("contacts", "All Contacts")["contacts"] == []
    tenant.at += 3
    assert len(tenant.listed("contacts", "All Contacts")["contacts"]) == 2


def test_a_long_wait_does_not_restart_the_lag(tenant):
    tenant.at = 2_000_000_000.0
    tenant.post("/contacts/bulk_upsert", {"contacts": rows(2)})
    tenant.at += 600
    shown = tenant.listed("contacts", "All Contacts")["contacts"]
    assert [one["created_at"][17:19] for one in shown] == ["24", "24"]  # the job's own second


def test_failures_hide_inside_a_success_with_their_own_reasons(tenant):
    tenant.contact(email="taken@x.co")
    reply = tenant.post(
        "/contacts/bulk_upsert",
        {
            "contacts": [
                {"emails": "p0@x.co", "data": {"first_name": "P"}},
                {"emails": "p1@x.co", "data": {"email": "taken@x.co"}},
                {"emails": "p2@x.co", "data": {"owner_id": 7}},
                {"cf_source_system_id": "P-1", "data": {"mobile_number": "1"}},
            ]
        },
    )
    job = finish(tenant, reply)
    assert job["status"] == "SUCCESS"
    assert json.loads(job["data"]) == {
        "record_status": {"succeeded": 1, "failed": 3},
        "detailed_failure_report": [
            {"emails": "p1@x.co", "message": ["Contact is not unique"]},
            {"emails": "p2@x.co", "message": ["Owner is invalid"]},
            {"cf_source_system_id": "P-1", "message": ["contact needs one of emails, id"]},
        ],
    }


def test_the_same_new_identifier_twice_in_a_batch_is_made_once(tenant):
    job = finish(tenant, tenant.post("/contacts/bulk_upsert", {"contacts": [*rows(2), *rows(1)]}))
    report = json.loads(job["data"])
    assert report["record_status"] == {"succeeded": 2, "failed": 1}
    assert report["detailed_failure_report"] == [{"emails": "p0@x.co", "message": ["Contact is not unique"]}]


def test_bulk_updates_by_id(tenant):
    made = tenant.contact(first_name="A")
    items = [{"id": str(made["id"]), "data": {"first_name": "B"}}]
    finish(tenant, tenant.post("/contacts/bulk_upsert", {"contacts": items}))
    assert tenant.get(f"/contacts/{made['id']}")["contact"]["first_name"] == "B"


def test_more_than_a_hundred_items_store_nothing(tenant):
    assert tenant.post("/contacts/bulk_upsert", {"contacts": rows(101)}).status_code == 400
    tenant.wait(60)
    tenant.call("GET", "/lists")
    assert tenant.get("/_tenant/state")["contacts"] == []


def test_too_many_unfinished_jobs_are_405(tenant):
    tenant.at = 2_000_000_000.0
    statuses = [tenant.post("/contacts/bulk_upsert", {"contacts": rows(1)}).status_code for _ in range(10)]
    assert statuses == [200] * 9 + [405]


def test_bulk_deals_need_a_unique_deal_field_and_lose_their_contacts(bare, tenant, messages):
    items = [{"name": "D", "data": {"amount": 1}}]
    assert messages(bare.post("/deals/bulk_upsert", {"deals": items})) == ["Bulk upsert needs a unique field"]
    contact = tenant.contact()
    items[0]["data"]["contacts_added_list"] = [contact["id"]]
    finish(tenant, tenant.post("/deals/bulk_upsert", {"deals": items}))
    (deal,) = tenant.get("/_tenant/state")["deals"]
    assert tenant.get(f"/deals/{deal['id']}", include="contacts")["contacts"] == []


def test_bulk_destroy_and_bulk_assign_owner_act_later(tenant):
    made = [tenant.contact()["id"] for _ in range(2)]
    ana = tenant.get("/selector/owners")["users"][1]["id"]
    tenant.post("/contacts/bulk_assign_owner", {"selected_ids": made, "owner_id": ana})
    tenant.post("/contacts/bulk_destroy", {"selected_ids": made[:1]})
    assert tenant.call("GET", f"/contacts/{made[0]}").status_code == 200
    tenant.wait(5)
    assert tenant.call("GET", f"/contacts/{made[0]}").status_code == 404
    assert tenant.get(f"/contacts/{made[1]}")["contact"]["owner_id"] == ana


@pytest.mark.parametrize("body", [{}, {"contacts": []}, {"contacts": {}}])
def test_an_empty_bulk_call_is_refused(tenant, body):
    assert tenant.post("/contacts/bulk_upsert", body).status_code == 400
