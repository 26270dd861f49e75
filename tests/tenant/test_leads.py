"""Classic's leads: a module of their own with a company inside, converted once and for good; Suite has none."""

from __future__ import annotations

import pytest

LEAD = {"last_name": "Lund", "email": "ida@example.com", "company": {"name": "Lakeside", "city": "Erie"}}


@pytest.fixture
def classic(tenants):
    """A Classic tenant with one custom field on leads."""
    return tenants(
        edition="classic",
        setup={"custom_fields": {"leads": [{"label": "Source System Id", "type": "text", "unique": True}]}},
    )


def test_a_lead_is_written_found_by_our_field_listed_and_deleted(classic):
    body = {"unique_identifier": {"cf_source_system_id": "C-1"}, "lead": LEAD}
    made = classic.post("/leads/upsert", body)
    assert made.status_code == 201
    lead = made.json()["lead"]
    assert (lead["company"], lead["subscription_status"]) == ({"name": "Lakeside", "city": "Erie"}, 1)
    assert lead["custom_field"] == {"cf_source_system_id": "C-1"}
    again = classic.post("/leads/upsert", body | {"lead": {"city": "Erie"}})
    assert (again.status_code, again.json()["lead"]["id"]) == (200, lead["id"])
    classic.wait(10)
    listed = classic.listed("leads", "All Leads")
    assert ([one["id"] for one in listed["leads"]], listed["meta"]["total"]) == ([lead["id"]], 1)
    found = classic.get("/lookup", q="C-1", f="cf_source_system_id", entities="lead")
    assert [one["id"] for one in found["leads"]["leads"]] == [lead["id"]]
    note = {"note": {"description": "rang", "targetable_type": "Lead", "targetable_id": lead["id"]}}
    assert classic.post("/notes", note).status_code == 201
    assert [one["description"] for one in classic.get(f"/leads/{lead['id']}/notes")["notes"]] == ["rang"]
    twice = classic.post("/leads", {"lead": LEAD})
    assert twice.json()["errors"]["message"] == ["Lead is not unique"]
    assert classic.call("DELETE", f"/leads/{lead['id']}").json() is True


def test_a_converted_lead_is_a_contact_with_its_account_and_what_hung_on_it(classic):
    other = LEAD | {"email": "eva@example.com", "company": {"name": "Seaside"}}
    lead = classic.post("/leads", {"lead": other}).json()["lead"]
    note = {"note": {"description": "rang", "targetable_type": "Lead", "targetable_id": lead["id"]}}
    classic.post("/notes", note)
    deal = {"name": "Crown", "amount": 900}
    contact = classic.post(f"/leads/{lead['id']}/convert", {"lead": {"deal": deal}}).json()["contact"]
    assert (contact["email"], contact["lifecycle_stage_id"]) == ("eva@example.com", None)
    there = classic.get(f"/contacts/{contact['id']}", include="sales_accounts,deals")
    assert [one["name"] for one in there["contact"]["sales_accounts"]] == ["Seaside"]
    assert [one["name"] for one in there["deals"]] == ["Crown"]
    assert [one["description"] for one in classic.get(f"/contacts/{contact['id']}/notes")["notes"]] == ["rang"]
    assert classic.call("GET", f"/leads/{lead['id']}").status_code == 404


def test_suite_has_no_leads(bare):
    for method, path in (("GET", "/leads/filters"), ("POST", "/leads"), ("GET", "/settings/leads/fields")):
        assert bare.call(method, path).status_code == 404
    assert bare.call("GET", "/lookup", params={"q": "x", "f": "email", "entities": "lead"}).status_code == 400
    assert "leads" not in bare.get("/_tenant/state")
