"""Records that stood in the tenant before us: adopted by decision, held without one, and never changed otherwise."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from foreign import PLURALS, plant, without_empty
from loaded import Loaded, load
from loads import Rehearsal
from rooms import Practice, make_practice, stage_and_check
from truth import Tenant, fates, mismatches

from workbench.errors import DecisionMissing
from workbench.freshsales.foreign import take_census
from workbench.journey.desk import writing
from workbench.journey.loading import require_existing_decided
from workbench.journey.rehearsal import start_tenant
from workbench.ledger.identities import find_identity
from workbench.ledger.operations import operations_of
from workbench.ledger.plans import PlannedRow, planned_rows
from workbench.load.batches import may_go_in_bulk
from workbench.load.conflicts import NOT_THERE, TAKEN, changes_to_send, fields_to_fill
from workbench.load.payload import frozen_payloads
from workbench.load.requests import Sending
from workbench.load.rollback import roll_back
from workbench.load.session import Resolver
from workbench.load.survey import Case, Known
from workbench.mapping.value_map import Decided, ValueMap, save_value_map
from workbench.reconcile.reconciliation import reconcile
from workbench.staging.existing import ELSEWHERE, OPEN
from workbench.suggest.proposals import accept
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


def decisions(practice: Practice) -> dict[str, tuple[str, str]]:
    path = practice.settings.own_decisions / "existing.csv"
    with path.open(newline="") as file:
        return {row["source_value"]: (row["decision"], row["destination_value"]) for row in csv.DictReader(file)}


def held(practice: Practice) -> set[tuple[str, str]]:
    with open_warehouse(practice.settings.warehouse) as warehouse:
        rows = warehouse.run("SELECT source_object, source_id FROM checked.held WHERE source_object <> 'users'")
    return set(rows)


def adopt(rehearsal: Rehearsal, wanted: dict[str, int]) -> None:
    rows = {key: Decided(key, Decision.MAP, str(number), "Dana", "2026-11-24") for key, number in wanted.items()}
    save_value_map(rehearsal.practice.settings.own_decisions, ValueMap("existing", rows))


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
        [(source_id, email, account)] = warehouse.run(
            "SELECT source_id, email, account FROM staged.patient WHERE email IS NOT NULL AND emails_more IS NULL LIMIT 1"
        )
    theirs = {"first_name": "Some", "last_name": "Body", "email": email.upper()}
    mapping = rehearsal.mappings["patient"]
    row = PlannedRow(0, "patient", "contacts", source_id, Operation.CREATE, "")
    with rehearsal.session() as session:
        plan = rehearsal.plan(session, set())
        resolver = Resolver(session.schema, {account: ("account", 1)} if account else {})
        payload = frozen_payloads(session, plan, mapping, [row], resolver)[source_id]
        assert may_go_in_bulk(Sending(session, plan, resolver), mapping, row, payload)
        session.tenant.call("POST", "/contacts", json={"contact": theirs})
        take_census(session.tenant, session.settings.warehouse, {})
        assert not may_go_in_bulk(Sending(session, plan, resolver), mapping, row, payload)


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
    adopt(rehearsal, {key: number})
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
    adopt(rehearsal, {key: number})
    if theirs is None:
        rehearsal.admin("delete", {"entity": "contacts", "id": number})
    before = rehearsal.state()["contacts"]
    rehearsal.load(scope)
    assert rehearsal.state()["contacts"] == before
    with rehearsal.session() as session:
        assert operations_of(session.ledger, "contacts", key.removeprefix("contacts/"))[-1].reason == reason


@pytest.mark.parametrize(
    ("source", "theirs", "ends", "said"),
    [
        pytest.param(0, 1, 0, "taken back as at the source: subscription_status; kept", id="withdrawn at the source"),
        pytest.param(
            0,
            2,
            2,
            "kept what stood there: email, last_name, lifecycle_stage_id, subscription_status",
            id="never given there",
        ),
        pytest.param(
            1,
            0,
            0,
            "kept what stood there: email, last_name, lifecycle_stage_id, subscription_status",
            id="withdrawn there",
        ),
        pytest.param(
            2,
            1,
            1,
            "kept what stood there: email, last_name, lifecycle_stage_id, subscription_status",
            id="unknown at the source",
        ),
    ],
)
def test_adopting_takes_a_withdrawn_consent_over_and_gives_none(
    rehearsal: Rehearsal, source, theirs, ends, said
) -> None:
    with open_warehouse(rehearsal.practice.settings.warehouse, write=True) as warehouse:
        [(source_id,)] = warehouse.run("SELECT min(source_id) FROM staged.patient WHERE email IS NULL")
        warehouse.run("UPDATE staged.patient SET subscription_status = ? WHERE source_id = ?", [str(source), source_id])
    body = {"last_name": "Theirs", "email": "theirs@example.com", "subscription_status": theirs}
    with rehearsal.session() as session:
        number = session.tenant.call("POST", "/contacts", json={"contact": body}).body["contact"]["id"]
    adopt(rehearsal, {f"contacts/{source_id}": number})
    scope = {f"contacts/{source_id}"}
    rehearsal.load(scope)
    [contact] = rehearsal.state()["contacts"]
    assert (contact["id"], contact["subscription_status"]) == (number, ends)
    with rehearsal.session() as session:
        [done] = operations_of(session.ledger, "contacts", source_id)
        assert said in done.reason
        assert rehearsal.plan(session, scope, "proof").writes == 0
        made = reconcile(
            session.settings, session.mappings, session.tenant, session.schema, session.ledger, session.run_id
        )
        assert made.differences.rows() == []
        roll_back(session)
    [contact] = rehearsal.state()["contacts"]
    assert contact["subscription_status"] == theirs


def test_a_consent_withdrawn_after_the_adoption_is_taken_back_too(rehearsal: Rehearsal) -> None:
    patient = rehearsal.mappings["patient"]
    adopted = Known({"subscription_status": 1}, {"subscription_status": 1}, frozenset({"subscription_status"}), True)
    assert changes_to_send(patient, adopted, {"subscription_status": 0}, {"subscription_status": 1}) == (
        {"subscription_status": 0},
        [],
    )
    # A person who takes it up again in the tenant has the last word until the source changes.
    sent = Known({"subscription_status": 0}, {"subscription_status": 0}, frozenset(), is_complete=True)
    assert changes_to_send(patient, sent, {"subscription_status": 0}, {"subscription_status": 1}) == (
        {},
        ["subscription_status"],
    )


def test_on_classic_leads_and_contacts_of_others_are_adopted_held_or_left_alone(classic: Rehearsal) -> None:
    practice = classic.practice
    with open_warehouse(practice.settings.warehouse) as warehouse:
        names = ("source_id", "first_name", "last_name", "email", "mobile_number")
        same, called, doubtful, patient, elsewhere = (
            dict(zip(names, one, strict=True))
            for name, count in (("prospect", 3), ("patient", 2))
            for one in warehouse.run(
                f"SELECT {', '.join(names)} FROM staged.{name} WHERE email IS NOT NULL AND mobile_number IS NOT NULL"
                f" AND first_name IS NOT NULL AND cf_shared_email IS NULL ORDER BY source_id LIMIT {count}"
            )
        )
    edited = {"city": "Reno", "job_title": "Mayor"}
    with classic.session() as session:

        def plant_one(plural: str, row: dict, *taken: str, **more: object) -> dict:
            singular = plural.removesuffix("s")
            body = {singular: {name: row[name] for name in taken} | more}
            return session.tenant.call("POST", f"/{plural}", json=body).body[singular]

        theirs = {
            same["source_id"]: plant_one("leads", same, *names[1:4], **edited, company={"name": "Theirs"}),
            called["source_id"]: plant_one("leads", called, *names[1:3], names[4]),
            patient["source_id"]: plant_one("contacts", patient, *names[1:4], **edited),
            doubtful["source_id"]: plant_one("leads", doubtful, "email", last_name="Since"),
            elsewhere["source_id"]: plant_one("leads", elsewhere, *names[1:4]),
            "stranger": plant_one("leads", {}, last_name="Body", email="some.body@elsewhere.example"),
        }
        alias = session.tenant.alias
        there = take_census(session.tenant, session.settings.warehouse, {})
    assert there == {"sales_accounts": 0, "contacts": 1, "deals": 0, "leads": 5}
    before = people_there(classic)
    accept(practice.settings, practice.mappings, above=0.95, by="rehearsal", on="2026-11-24", own=True)
    stage_and_check(practice.settings, alias)
    sure = (same, called, patient, elsewhere)
    assert decisions(practice) == {
        **{f"contacts/{one['source_id']}": ("map", str(theirs[one["source_id"]]["id"])) for one in sure},
        f"contacts/{doubtful['source_id']}": ("ask", ""),
    }
    with open_warehouse(practice.settings.warehouse) as warehouse:
        why = dict(warehouse.run("SELECT source_id, message FROM checked.held WHERE rule = 'existing'"))
    assert why == {doubtful["source_id"]: OPEN, elsewhere["source_id"]: ELSEWHERE}

    rows = classic.lookups()
    keys = {f"contacts/{one}" for one in theirs}
    scope = keys | {key for found in rows.values() for key, targets in found.items() if targets and targets[-1] in keys}
    loaded = classic.load(scope)
    assert (loaded.counts["prospect"], loaded.counts["patient"]) == ({"updated": 2}, {"updated": 1})
    adopted = {theirs[one["source_id"]]["id"]: one for one in (same, called, patient)}
    now = people_there(classic)
    assert now.keys() == before.keys()
    assert {number for number in now if now[number] != before[number]} == adopted.keys()
    for number, row in adopted.items():
        assert now[number]["custom_field"]["cf_source_system_id"] == row["source_id"]
        assert {name: now[number][name] for name in before[number] if name in edited and before[number][name]} == (
            {} if row is called else edited
        )
    assert now[theirs[same["source_id"]]["id"]]["company"] == {"name": "Theirs"}
    with classic.session() as session:
        proof = classic.plan(session, scope, "proof")
        waits = {one.reason for one in planned_rows(session.ledger, proof, operation=Operation.DEFER)}
        assert (proof.writes, waits) == (0, {f"contacts/{one['source_id']}" for one in (doubtful, elsewhere)})
        made = reconcile(
            session.settings, session.mappings, session.tenant, session.schema, session.ledger, session.run_id
        )
        assert made.differences.rows() == []
        undone = roll_back(session)
    cases = {
        one.identity.destination_id: one.case for one in undone.verdicts if one.identity.source_object == "contacts"
    }
    assert cases == dict.fromkeys(adopted, Case.RESTORED)
    assert people_there(classic) == before


def people_there(rehearsal: Rehearsal) -> dict[int, dict]:
    """Return what people and rules put into every lead and contact, by id."""
    stamps = ("updated_at", "updater_id", "last_assigned_at")
    state = rehearsal.state()
    return {
        one["id"]: {name: value for name, value in without_empty(one).items() if name not in stamps}
        for one in (*state["leads"], *state["contacts"])
    }
