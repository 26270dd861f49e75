"""python-freshworks-crm, a public client that we did not write, runs unchanged against `workbench tenant --tls`."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from freshsales.api import API
from freshsales.errors import FreshsalesAccessDenied, FreshsalesBadRequest, FreshsalesNotFound, FreshsalesUnauthorized

SETUP = {
    "custom_fields": {
        entity: [{"label": "Source System Id", "name": "cf_source_system_id", "type": "text", "unique": True}]
        for entity in ("contacts", "sales_accounts", "deals")
    },
    "users": [{"name": "M. Reyes", "email": "mreyes@example.com"}],
}


class Door:
    """A tenant that serves https, and clients of it by the way they name their host."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "setup.json").write_bytes(orjson.dumps(SETUP))
        command = [sys.executable, "-m", "workbench.cli", "tenant", "--port", "0", "--tls", "--idle", "60"]
        command += ["--state", os.fspath(folder), "--setup", os.fspath(folder / "setup.json")]
        self.child = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=folder)
        facts = folder / "tenant.json"
        until = time.monotonic() + 20
        while not facts.exists() and self.child.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        self.host = f"localhost:{orjson.loads(facts.read_bytes())['port']}"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.fspath(folder / "ca.pem"))
        self.clients: list[API] = []

    def client(self, domain: str = "{host}/crm/sales", key: str = "rehearsal-admin") -> API:
        self.clients.append(API(domain.format(host=self.host), key))
        return self.clients[-1]

    def wait(self, seconds: float) -> None:
        self.clients[0]._session.post(f"https://{self.host}/_tenant/time", json={"advance": seconds})

    def close(self) -> None:
        for one in self.clients:
            one._session.close()
        self.child.terminate()
        self.child.wait(10)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with pytest.MonkeyPatch.context() as patch:
        made = Door(tmp_path_factory.mktemp("public"), patch)
        yield made
        made.close()


@pytest.fixture(scope="module")
def api(door: Door) -> API:
    return door.client()


@pytest.fixture(scope="module")
def person(api: API) -> Any:
    return api.contacts.create_contact(first_name="Jane", last_name="Sampleton", emails="jane@example.com")


@pytest.fixture(scope="module")
def practice(api: API) -> Any:
    return api.accounts.create_account(name="Widgetz.io", cf_ignored="x")


@pytest.mark.parametrize(
    "domain",
    [
        pytest.param("{host}/crm/sales", id="as its manual says"),
        pytest.param("{host}", id="without the product's path"),
        pytest.param("{host}/acme.myfreshworks.com/crm/sales", id="behind a Suite host"),
        pytest.param("{host}/acme.freshsales.io", id="behind a Classic host"),
    ],
)
def test_a_client_reaches_the_tenant_however_it_names_its_host(door, api, person, domain):
    assert door.client(domain).contacts.view_contact(person.id).last_name == "Sampleton"


def test_a_host_of_nobody_is_no_tenant(door, api):
    with pytest.raises(FreshsalesNotFound):
        door.client("{host}/acme.example.com/crm/sales").selectors.get_currencies()


def test_a_wrong_key_is_told_so_even_to_a_client_that_takes_any_answer(door, api):
    stranger = door.client(key="wrong")
    stranger._session.headers["Accept"] = "application/json"
    with pytest.raises(FreshsalesUnauthorized, match="Incorrect or expired API key"):
        stranger.selectors.get_currencies()
    with pytest.raises(FreshsalesAccessDenied, match="not authorised"):
        door.client(key="rehearsal-agent").selectors.get_users()


def test_contacts_have_their_whole_life(door, api, practice):
    links = [{"id": practice.id, "is_primary": True}]
    made = api.contacts.create_contact(
        first_name="Ana", emails="ana@example.com", sales_accounts=links, custom_field={"cf_source_system_id": "C1"}
    )
    assert (made.emails[0]["value"], made.cf_source_system_id, made.created_at.tzinfo is not None) == (
        "ana@example.com",
        "C1",
        True,
    )
    seen = api.contacts.view_contact(made.id, "sales_accounts", "owner")
    assert [(one.name, one.is_primary) for one in seen.sales_accounts] == [("Widgetz.io", True)]
    assert api.contacts.update_contact(made.id, job_title="CEO").job_title == "CEO"
    again = api.contacts.upsert_contact(("emails", "ana@example.com"), last_name="Reyes")
    assert (again.id, again.last_name) == (made.id, "Reyes")
    other = api.contacts.upsert_contact(("cf_source_system_id", "C2"), mobile_number="2", last_name="New")
    assert (other.id == made.id, other.cf_source_system_id) == (False, "C2")
    twin = {"emails": "twin@example.com", "custom_field": {"cf_source_system_id": "C3"}}
    assert api.contacts.clone_contact(made.id, **twin).first_name == "Ana"
    with pytest.raises(FreshsalesBadRequest, match="Contact is not unique"):
        api.contacts.clone_contact(made.id)
    assert api.contacts.delete_contact(other.id) is True
    with pytest.raises(FreshsalesNotFound):
        api.contacts.view_contact(other.id)
    assert api.contacts.forget_contact(other.id) is True
    with pytest.raises(FreshsalesNotFound):
        api.contacts.view_contact("a-word")


def test_accounts_have_their_whole_life(api):
    made = api.accounts.create_account(name="Acme Inc", custom_field={"cf_source_system_id": "P1"})
    assert (made.name, made.cf_source_system_id) == ("Acme Inc", "P1")
    assert api.accounts.update_account(made.id, city="Austin").city == "Austin"
    assert api.accounts.upsert_account(("name", "acme inc"), website="acme.example").id == made.id
    with pytest.raises(FreshsalesBadRequest, match="Company is not unique"):
        api.accounts.create_account(name="ACME INC")
    cloned = api.accounts.clone_account(made.id, name="Acme Two", custom_field={"cf_source_system_id": "P2"})
    assert (cloned.name, cloned.city) == ("Acme Two", "Austin")
    assert api.accounts.view_account(made.id, "owner", "creater").website == "acme.example"
    assert [api.accounts.delete_account(cloned.id), api.accounts.forget_account(cloned.id)] == [True, True]


def test_deals_have_their_whole_life(api, practice, person):
    won = next(one.id for one in api.selectors.get_deal_stages() if one.name == "Won")
    made = api.deals.create_deal(name="Gold plan", amount=5600, sales_account_id=practice.id, deal_stage_id=won)
    assert (made.amount, made.closed_date is None) == ("5600.0", False)
    linked = api.deals.update_deal(made.id, contacts_added_list=[person.id], closed_date="2020-02-03")
    assert linked.closed_date == "2020-02-03"
    seen = api.deals.view_deal(made.id, "contacts", "sales_account", "owner")
    assert (seen.name, seen.stage_updated_time.tzinfo is not None) == ("Gold plan", True)
    keyed = api.deals.upsert_deal(("cf_source_system_id", "D1"), name="Keyed", amount="1.50")
    assert api.deals.upsert_deal(("cf_source_system_id", "D1"), amount="2.50").amount == "2.5"
    cloned = api.deals.clone_deal(made.id, name="Silver plan")
    assert (cloned.name, cloned.sales_account_id) == ("Silver plan", practice.id)
    assert [api.deals.delete_deal(keyed.id), api.deals.forget_deal(keyed.id)] == [True, True]


def test_notes_are_made_changed_and_deleted(api, person):
    made = api.notes.create_note(description="Sample note", targetable_type="Contact", targetable_id=person.id)
    assert (made.description, made.targetables) == ("Sample note", [{"id": person.id, "type": "Contact"}])
    assert api.notes.update_note(made.id, description="Changed").description == "Changed"
    assert api.notes.delete_note(made.id) is True


def test_tasks_take_a_time_as_javascript_prints_it(api, person):
    made = api.tasks.create_task(
        title="Sample Task",
        due_date="Tue Jun 21 2099 11:00:00 GMT+0000",
        targetable_id=person.id,
        targetable_type="Contact",
    )
    assert made.due_date.isoformat() == "2099-06-21T07:00:00-04:00"
    seen = api.tasks.view_task(made.id, "users", "targetable")
    assert ([one.id for one in seen["contacts"]], len(seen["users"])) == ([person.id], 1)
    assert (seen["task"].user_ids, seen["task"].targetable) == (
        [seen["users"][0].id],
        {"type": "contact", "id": person.id},
    )
    assert api.tasks.update_task(made.id, title="Updated").title == "Updated"
    listed = api.tasks.list_tasks("open", "owner", "targetable")
    assert list(listed) == ["users", "contacts", "tasks", "meta"]
    assert [one.id for one in listed["tasks"]] == [made.id]
    assert (api.tasks.mark_as_done(made.id).status, api.tasks.list_tasks("open")) == (
        1,
        {"tasks": [], "meta": {"total": 0}},
    )
    assert api.tasks.delete_task(made.id) is True


def test_appointments_keep_a_time_of_india_and_their_envelope(api, person):
    made = api.appointments.create_appointment(
        title="Sample Appointment",
        from_date="Mon Jun 20 2016 10:30:00 GMT+0530 (IST)",
        end_date="Mon Jun 20 2016 11:30:00 GMT+0530 (IST)",
        time_zone="Chennai",
        targetable_id=person.id,
        targetable_type="Contact",
    )
    shown = made["appointment"]
    assert list(made) == ["appointment_attendees", "conferences", "notes", "appointment"]
    assert (shown.from_date.isoformat(), shown.time_zone) == ("2016-06-20T01:00:00-04:00", "Chennai")
    assert api.appointments.view_appointment(shown.id)["appointment"].title == "Sample Appointment"
    renamed = api.appointments.update_appointment(shown.id, title="Renamed")["appointment"]
    assert (renamed.title, renamed.end_date) == ("Renamed", shown.end_date)
    assert [one.id for one in api.appointments.list_appointments("past", "creater")] == [shown.id]
    assert api.appointments.list_appointments("upcoming") == []
    assert api.appointments.delete_appointment(shown.id) is True


def test_sales_activities_are_listed_by_pages(api, person):
    kind = next(one.id for one in api.selectors.get_sales_activity_types() if one.name == "Phone")
    me = api.selectors.get_users()[0].id
    given = {"start_date": "2017-12-04T17:00:00+05:30", "end_date": "2017-12-04T17:30:00+05:30", "owner_id": me}
    given |= {"sales_activity_type_id": kind, "targetable_type": "Contact", "targetable_id": person.id}
    made = api.sales_activities.create_activity(title="ticket", notes="sample", **given)
    assert (made.notes, made.end_date.isoformat()) == ("sample", "2017-12-04T07:00:00-05:00")
    assert api.sales_activities.update_activity(made.id, title="ticket Updated").title == "ticket Updated"
    assert api.sales_activities.view_activity(made.id).targetable_id == person.id
    assert [one.id for one in api.sales_activities.list_activities()] == [made.id]
    assert [one["type"] for one in api.contacts.list_activities(person.id)] == ["sales_activity"]
    assert api.sales_activities.list_fields()[1].name == "start_date"
    assert api.sales_activities.delete_activity(made.id) is True


def test_lists_hold_contacts_and_say_how_many(api, person, practice):
    other = api.contacts.create_contact(mobile_number="3")
    fans, old = api.lists.create_list("Fans"), api.lists.create_list("Old")
    assert api.lists.update_list(fans.id, "Brand Lovers").name == "Brand Lovers"
    assert [one.name for one in api.lists.fetch_all_lists()] == ["Brand Lovers", "Old"]
    assert api.lists.add_contacts_to_list(fans.id, [person.id, other.id]) == "2 contacts updated."
    assert {one.id for one in api.lists.fetch_contacts_from_list(fans.id)} == {person.id, other.id}
    assert api.lists.move_contacts_between_lists(old.id, [other.id], fans.id) == "1 contact updated."
    assert [one.id for one in api.lists.fetch_contacts_from_list(fans.id)] == [person.id]
    assert api.lists.remove_contacts_from_list(fans.id, [person.id]) == "1 contact updated."
    told = api.lists.remove_contacts_from_list(old.id, None, remove_all=True)
    assert told == "Updating now... we'll let you know once this is done."
    assert api.lists.fetch_contacts_from_list(old.id) == []


@pytest.mark.parametrize(
    ("module", "every"), [("contacts", "All Contacts"), ("accounts", "All Accounts"), ("deals", "Open Deals")]
)
def test_every_view_of_the_filters_answers(api, person, practice, module, every):
    if module == "deals":
        api.deals.create_deal(name="Open", amount=1)
    part = getattr(api, module)
    views = part.list_views()
    listed = {one.name: getattr(part, f"list_{module}")(one.id, page=1, per_page=20) for one in views}
    assert listed[every]
    assert all(one.created_at for one in listed[every])


@pytest.mark.parametrize("module", ["contacts", "accounts", "deals"])
def test_fields_name_the_custom_ones(api, module):
    fields = getattr(api, module).list_fields(include_groups=True)
    assert fields[0].position == 1
    assert [one.name for one in fields if not one.default] == ["cf_source_system_id"]


def test_every_selector_is_read(api):
    stages = api.selectors.get_deal_pipelines()[0].deal_stages
    assert [one.name for one in stages] == [one.name for one in api.selectors.get_deal_stages()]
    kind = api.selectors.get_sales_activity_types()[1]
    assert len(api.selectors.get_sales_activity_type_outcomes(kind.id)) == 5
    names = ["territories", "currencies", "deal_reasons", "deal_types", "lead_sources", "industry_types", "users"]
    names += ["business_types", "campaigns", "deal_payment_statuses", "deal_prodcuts", "contact_statuses"]
    names += ["sales_activity_entity_types", "sales_activity_outcomes", "lifecycle_stages"]
    empty = {name for name in names if not getattr(api.selectors, f"get_{name}")()}
    assert empty == {"territories", "campaigns", "deal_prodcuts"}
    with pytest.raises(FreshsalesNotFound):  # its own slip: the path lacks a slash
        api.selectors.get_deal_pipeline_stages(api.selectors.get_deal_pipelines()[0].id)


def test_a_filtered_search_finds_a_person_by_e_mail(door, api, person):
    door.wait(5)
    rule = {"attribute": "contact_email.email", "operator": "is_in", "value": "jane@example.com"}
    found, more = api.search.filter_contacts([rule], sort="updated_at", sort_type="desc")
    assert ([one.id for one in found], more) == ([person.id], False)
    assert found[0].updated_at == api.contacts.view_contact(person.id).updated_at


def test_what_a_record_has_not_kept_is_not_invented(api):
    with pytest.raises(FreshsalesBadRequest, match="Due date can't be blank"):
        api.tasks.create_task(title="No day")
    with pytest.raises(FreshsalesBadRequest, match="Amount can't be blank"):
        api.deals.create_deal(name="No amount")
