"""The other readings of the contract, each behind its name."""

import pytest


def contact(tenant, **fields):
    return tenant.post("/contacts", {"contact": {"mobile_number": "1", **fields}})


@pytest.mark.parametrize(
    ("switch", "value", "fields", "status"),
    [
        ("create_status", 200, {}, 200),
        ("unknown_field_dropped", False, {"custom_field": {"cf_none": "x"}}, 400),
        ("unmatched_choice_dropped", False, {"custom_field": {"cf_carrier": "x"}}, 400),
        ("bad_value_dropped", False, {"custom_field": {"cf_visits": "x"}}, 400),
        ("long_text_refused", False, {"city": "x" * 300}, 201),
        ("contact_email_mandatory", True, {}, 400),
        ("contact_identity_needed", False, {"mobile_number": None}, 201),
        ("required_fields", {"contacts": ["last_name"]}, {}, 400),
        ("bad_owner_refused", False, {"owner_id": 5}, 201),
        ("time_zone_checked", False, {"time_zone": "America/Chicago"}, 201),
    ],
)
def test_a_switch_changes_what_a_create_answers(tenant, switch, value, fields, status):
    assert contact(tenant, **fields).status_code != status
    tenant.post("/_tenant/switches", {switch: value})
    assert contact(tenant, **fields).status_code == status


@pytest.mark.parametrize(
    ("switch", "value", "second"),
    [
        ("email_unique", False, {"email": "a@x.co"}),
        ("bin_holds_unique_values", False, {"email": "b@x.co"}),
    ],
)
def test_a_switch_lets_an_email_be_taken_again(tenant, switch, value, second):
    contact(tenant, email="a@x.co")
    binned = contact(tenant, email="b@x.co").json()["contact"]["id"]
    tenant.call("DELETE", f"/contacts/{binned}")
    assert contact(tenant, **second).status_code == 400
    tenant.post("/_tenant/switches", {switch: value})
    assert contact(tenant, **second).status_code == 201


def test_with_any_email_unique_a_second_address_collides_too(tenant):
    contact(tenant, email="a@x.co")
    both = [{"value": "b@x.co", "is_primary": True}, {"value": "a@x.co"}]
    tenant.post("/_tenant/switches", {"email_unique_scope": "any"})
    assert contact(tenant, emails=both).status_code == 400


def test_account_names_may_repeat_behind_a_switch(tenant):
    tenant.post("/_tenant/switches", {"account_name_unique": False})
    assert [tenant.post("/sales_accounts", {"name": "A"}).status_code for _ in range(2)] == [201, 201]


def test_a_status_can_be_honoured_on_post(tenant):
    won = tenant.listing("contact_statuses")["Won"]
    tenant.post("/_tenant/switches", {"status_ignored_on_post": False})
    made = contact(tenant, contact_status_id=won).json()["contact"]["id"]
    shown = tenant.get(f"/contacts/{made}", include="contact_status")
    assert shown["contact"]["contact_status_id"] == won


def test_a_closed_date_can_be_honoured_on_create(tenant):
    stages = tenant.get("/selector/deal_pipelines")["deal_pipelines"][1]["deal_stages"]
    deal = {"name": "D", "amount": 1, "deal_stage_id": stages[1]["id"], "closed_date": "2020-02-03"}
    tenant.post("/_tenant/switches", {"closed_date_stamped": False})
    assert tenant.post("/deals", deal).json()["deal"]["closed_date"] == "2020-02-03"


def test_ids_can_be_hidden_until_they_are_included(tenant):
    me = tenant.get("/selector/owners")["users"][0]["id"]
    tenant.post("/_tenant/switches", {"ids_need_include": True})
    made = contact(tenant, owner_id=me).json()["contact"]
    assert "owner_id" not in made
    assert "lifecycle_stage_id" not in made
    assert tenant.get(f"/contacts/{made['id']}", include="owner")["contact"]["owner_id"] == me


@pytest.mark.parametrize(("body", "media"), [("empty", "application/json"), ("html", "text/html; charset=utf-8")])
def test_the_body_of_a_429_varies(tenant, body, media):
    tenant.post("/_tenant/switches", {"limit_body": body, "retry_after": True})
    tenant.at = 2_000_000_000.0
    for _ in range(400):
        tenant.call("GET", "/lists")
    reply = tenant.call("GET", "/lists")
    assert (reply.status_code, reply.headers["content-type"], reply.headers["retry-after"]) == (429, media, "60")


def test_a_lead_workflow_makes_a_task_for_each_new_lead(bare):
    bare.post("/_tenant/switches", {"lead_workflow_task": True})
    made = bare.contact()
    (task,) = bare.get(f"/contacts/{made['id']}/tasks")["tasks"]
    assert task["title"] == "Call the new lead"
