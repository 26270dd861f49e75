"""Records that stood in the tenant before us: adopted by decision, held without one, and never changed otherwise."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from foreign import PLURALS, plant
from loaded import Loaded, load
from loads import Rehearsal
from rooms import Practice, make_practice
from truth import Tenant, fates, mismatches

from workbench.errors import DecisionMissing
from workbench.freshsales.foreign import take_census
from workbench.journey.desk import writing
from workbench.journey.loading import require_existing_decided
from workbench.journey.rehearsal import start_tenant
from workbench.ledger.identities import find_identity
from workbench.ledger.operations import operations_of
from workbench.ledger.plans import PlannedRow
from workbench.load.batches import may_go_in_bulk
from workbench.load.conflicts import NOT_THERE, TAKEN, fields_to_fill
from workbench.load.payload import Resolver
from workbench.load.requests import Sending
from workbench.load.rollback import roll_back
from workbench.load.survey import Case
from workbench.mapping.value_map import Decided, ValueMap, save_value_map
from workbench.vocabulary import Decision, Operation
from workbench.warehouse import open_warehouse


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    made = make_practice(tmp_path, patients=31)
    start_tenant(made.settings)
    yield made
    made.stop_tenant()


def records(tenant: Tenant, planted: list[tuple[str, dict]]) -> list[dict]:
    found = {(plural, one["id"]): one for plural in PLURALS.values() for one in tenant.state[plural]}
    return [without_empty(found[PLURALS[destination], one["id"]]) for destination, one in planted]


def without_empty(record: dict) -> dict:
    """A record without custom fields that are empty: they were made after it."""
    custom = {name: value for name, value in record["custom_field"].items() if value not in (None, [])}
    return record | {"custom_field": custom}


def decisions(practice: Practice) -> dict[str, tuple[str, str]]:
    path = practice.settings.own_decisions / "existing.csv"
    with path.open(newline="") as file:
        return {row["source_value"]: (row["decision"], row["destination_value"]) for row in csv.DictReader(file)}


def held(practice: Practice) -> set[tuple[str, str]]:
    with open_warehouse(practice.settings.warehouse) as warehouse:
        rows = warehouse.run("SELECT source_object, source_id FROM checked.held WHERE source_object <> 'users'")
    return set(rows)


def test_a_tenant_with_records_of_others_ends_as_the_truth_and_can_be_taken_back(practice: Practice) -> None:
    truth = Loaded(practice).truth
    planted = plant(truth, practice.base_url)
    before = Tenant(practice.base_url)
    loaded = load(practice)
    assert decisions(practice) == {
        **{key: ("map", str(one["id"])) for key, one in planted.adopted.items()},
        **dict.fromkeys(planted.holding, ("ask", "")),
    }

    after = Tenant(practice.base_url)
    expected = planted.expected(truth, after.names["lifecycle_stages"])
    strangers = ["extra account companies/", "extra contact contacts/", "extra deal cases/"]
    assert sorted(mismatches(expected, after, practice.open_spellings())) == strangers
    assert records(after, planted.untouched()) == records(before, planted.untouched())

    result = loaded.reconcile()
    assert (result.failed, result.reconciled, result.zero_write) == ((), True, True)
    assert held(practice) == fates(expected, "held")
    assert result.deferred.height == len(fates(expected, "deferred")) > len(fates(truth, "deferred"))

    with writing(practice.settings, practice.mappings) as session:
        undone = roll_back(session)
    cases = {f"{one.identity.source_object}/{one.identity.source_id}": one.case for one in undone.verdicts}
    assert {key: cases[key] for key in planted.adopted} == dict.fromkeys(planted.adopted, Case.RESTORED)
    theirs = [("account" if key.startswith("companies/") else "contact", one) for key, one in planted.adopted.items()]
    there = Tenant(practice.base_url)
    pairs = list(zip(records(before, theirs), records(there, theirs), strict=True))
    changed = {name for one, now in pairs for name in one if one[name] != now[name]}
    assert changed == {"updated_at", "updater_id", "last_assigned_at"}
    assert {name: len(there.state[name]) for name in PLURALS.values()} == {
        name: len(before.state[name]) for name in PLURALS.values()
    }


def test_a_record_that_appears_after_the_questions_were_asked_stops_before_a_write(rehearsal: Rehearsal) -> None:
    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        [(source_id, *names)] = warehouse.run(
            "SELECT source_id, first_name, last_name, email FROM staged.patient WHERE email IS NOT NULL"
            " AND first_name IS NOT NULL ORDER BY source_id LIMIT 1"
        )
    with rehearsal.session() as session:
        require_existing_decided(session)
        person = dict(zip(("first_name", "last_name", "email"), names, strict=True))
        session.tenant.call("POST", "/contacts", json={"contact": person})
        with pytest.raises(DecisionMissing) as problem:
            require_existing_decided(session)
        alias = session.tenant.alias
    assert str(problem.value) == (
        f"1 rows may stand in the tenant {alias} already, and nobody was asked about them yet: contacts/{source_id}."
        " Nothing was written. Run again from the step suggest, which asks in mappings/values/existing.csv:"
        " workbench run --from suggest"
    )


def test_a_row_whose_e_mail_or_name_a_foreign_record_holds_never_goes_in_bulk(rehearsal: Rehearsal) -> None:
    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        columns = warehouse.columns("staged.patient")
        rows = [dict(zip(columns, one, strict=True)) for one in warehouse.run("SELECT * FROM staged.patient")]
    staged = next(one for one in rows if one["email"] and not one["emails_more"])
    theirs = {"first_name": "Some", "last_name": "Body", "email": staged["email"].upper()}
    mapping = rehearsal.mappings["patient"]
    row = PlannedRow(0, "patient", "contacts", staged["source_id"], Operation.CREATE, "")
    with rehearsal.session() as session:
        plan = rehearsal.plan(session, set())
        resolver = Resolver(session.schema, {staged["account"]: ("account", 1)} if staged["account"] else {})
        assert may_go_in_bulk(Sending(session, plan, resolver), mapping, row, staged)
        session.tenant.call("POST", "/contacts", json={"contact": theirs})
        take_census(session.tenant, session.settings.warehouse, {})
        assert not may_go_in_bulk(Sending(session, plan, resolver), mapping, row, staged)


def test_adopting_fills_blanks_alone_and_leaves_the_primary_e_mail(rehearsal: Rehearsal) -> None:
    wanted = {"city": "Elgin", "state": "IL", "email": "b@x.com", "emails_more": ["c@x.com"], "cf_status": "Active"}
    now = {"city": "Reno", "state": None, "email": "A@x.com", "emails_more": [], "cf_status": ""}
    fill, kept = fields_to_fill(rehearsal.mappings["patient"], wanted, now)
    assert fill == {"state": "IL", "emails_more": ["c@x.com"], "email": "A@x.com", "cf_status": "Active"}
    assert kept == ["city", "email"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_lost_answer_while_adopting_keeps_how_the_record_stood_first(rehearsal: Rehearsal, kind: str) -> None:
    scope = rehearsal.few(1, 0)
    [key] = [one for one in scope if one.startswith("contacts/")]
    theirs = {"last_name": "Theirs", "mobile_number": "+13125550199", "city": "Reno"}
    with rehearsal.session() as session:
        number = session.tenant.call("POST", "/contacts", json={"contact": theirs}).body["contact"]["id"]
    adopt = ValueMap("existing", {key: Decided(key, Decision.MAP, str(number), "Dana", "2026-11-24")})
    save_value_map(rehearsal.practice.settings.own_decisions, adopt)
    rehearsal.order(kind, "PUT /contacts/")
    loaded = rehearsal.load(scope)
    [contact] = rehearsal.state()["contacts"]
    assert (contact["id"], contact["last_name"], contact["city"]) == (number, "Theirs", "Reno")
    assert f"contacts/{contact['custom_field']['cf_source_system_id']}" == key
    assert sum(one.get("updated", 0) for one in loaded.counts.values()) == 1
    with rehearsal.session() as session:
        identity = find_identity(session.ledger, "contacts", key.removeprefix("contacts/"))
        assert (identity.destination_id, identity.origin) == (number, "adopted")
        assert rehearsal.plan(session, scope, "proof").writes == 0
        undone = roll_back(session)
    assert {one.identity.source_id: one.case for one in undone.verdicts}[identity.source_id] is Case.RESTORED
    [contact] = rehearsal.state()["contacts"]
    assert (contact["id"], contact["custom_field"].get("cf_source_system_id")) == (number, None)


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        pytest.param({"custom_field": {"cf_source_system_id": "of another"}}, TAKEN, id="another row's"),
        pytest.param(None, NOT_THERE, id="deleted meanwhile"),
    ],
)
def test_a_record_that_cannot_be_adopted_any_more_is_refused_and_stays(rehearsal: Rehearsal, theirs, reason) -> None:
    scope = rehearsal.few(1, 0)
    [key] = [one for one in scope if one.startswith("contacts/")]
    with rehearsal.session() as session:
        body = {"last_name": "Theirs", "mobile_number": "+13125550199", **(theirs or {})}
        number = session.tenant.call("POST", "/contacts", json={"contact": body}).body["contact"]["id"]
    adopt = ValueMap("existing", {key: Decided(key, Decision.MAP, str(number), "Dana", "2026-11-24")})
    save_value_map(rehearsal.practice.settings.own_decisions, adopt)
    if theirs is None:
        rehearsal.admin("delete", {"entity": "contacts", "id": number})
    before = rehearsal.state()["contacts"]
    rehearsal.load(scope)
    assert rehearsal.state()["contacts"] == before
    with rehearsal.session() as session:
        assert operations_of(session.ledger, "contacts", key.removeprefix("contacts/"))[-1].reason == reason
