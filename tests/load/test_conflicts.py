"""Later deliveries against records that people work with: what the source changed travels, what a person changed stays."""

import pytest
from loads import WRITES, Rehearsal
from redelivered import drop_row, listed, patient, restage

from workbench.ledger.identities import find_identity
from workbench.ledger.images import last_image
from workbench.ledger.operations import operations_of
from workbench.load.rollback import roll_back
from workbench.mapping.value_map import Decided, ValueMap, save_value_map
from workbench.vocabulary import Decision
from workbench.warehouse import open_warehouse


def test_what_the_source_changed_travels_and_what_it_emptied_is_cleared(loaded: tuple[Rehearsal, str, int]) -> None:
    rehearsal, source_id, number = loaded
    assert patient(rehearsal, number)["zipcode"]
    restage(rehearsal, "patient", source_id, city="Elgin", zipcode=None, account=None)
    assert rehearsal.load(rehearsal.few(2, 1)).counts == {"patient": {"updated": 1}}
    there = patient(rehearsal, number)
    assert (there["city"], there.get("zipcode"), there["sales_accounts"]) == ("Elgin", None, [])


def test_a_field_that_a_person_changed_stays_theirs_in_every_later_delivery(loaded: tuple[Rehearsal, str, int]) -> None:
    rehearsal, source_id, number = loaded
    scope = rehearsal.few(2, 1)
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"city": "Reno"}})
    for place, state in enumerate(("OH", "KY", "TN")):
        restage(rehearsal, "patient", source_id, state=state, **({"city": "Elgin"} if place else {}))
        rehearsal.load(scope)
        there = patient(rehearsal, number)
        assert (there["city"], there["state"]) == ("Reno", state)
    with rehearsal.session() as session:
        assert operations_of(session.ledger, "contacts", source_id)[-1].reason == "kept what a user changed: city"
    restage(rehearsal, "patient", source_id, city="Reno")
    rehearsal.load(scope)
    restage(rehearsal, "patient", source_id, city="Gary")
    rehearsal.load(scope)
    assert patient(rehearsal, number)["city"] == "Gary"  # both sides agreed in between, so it is the source's again


def test_a_note_that_a_person_edited_is_not_written_over(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(2, 1)
    rehearsal.load(scope)
    source_id = sorted(key for key in scope if key.startswith("notes/"))[0].removeprefix("notes/")
    with rehearsal.session() as session:
        identity = find_identity(session.ledger, "notes", source_id)
    assert identity is not None
    text = "description" if identity.destination == "note" else "notes"
    entity = "notes" if identity.destination == "note" else "sales_activities"
    rehearsal.admin("edit", {"entity": entity, "id": identity.destination_id, "changes": {text: "Theirs now"}})
    restage(rehearsal, identity.mapping, source_id, **{text: "<p>Ours, later</p>"})
    rehearsal.load(scope)
    assert next(one for one in rehearsal.state()[entity] if one["id"] == identity.destination_id)[text] == "Theirs now"


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_an_update_without_an_answer_is_written_again_and_keeps_what_stood_there_first(
    loaded: tuple[Rehearsal, str, int], kind: str
) -> None:
    rehearsal, source_id, number = loaded
    city = patient(rehearsal, number)["city"]
    restage(rehearsal, "patient", source_id, city="Elgin")
    rehearsal.order(kind, "PUT /contacts/")
    assert rehearsal.load(rehearsal.few(2, 1)).counts == {"patient": {"updated": 1}}
    assert patient(rehearsal, number)["city"] == "Elgin"
    with rehearsal.session() as session:
        images = [
            last_image(session.ledger, one.operation_id, "before")
            for one in operations_of(session.ledger, "contacts", source_id)
        ]
    assert next(image for image in images if image)["city"] == city


def test_a_record_that_a_person_deleted_is_not_raised_from_the_dead(loaded: tuple[Rehearsal, str, int]) -> None:
    rehearsal, source_id, number = loaded
    rehearsal.admin("delete", {"entity": "contacts", "id": number})
    restage(rehearsal, "patient", source_id, city="Elgin")
    scope = rehearsal.few(2, 1)
    assert rehearsal.load(scope).counts == {"patient": {"unchanged": 1}}
    assert number not in {one["id"] for one in rehearsal.state()["contacts"]}
    assert listed(rehearsal) == [(f"contacts/{source_id}/(record)", "destination", "gone", None, None, None)]
    assert rehearsal.load(scope).counts == {}


def test_an_optional_parent_that_arrives_later_makes_exactly_its_children_travel_again(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(6, 0)
    people = {key for key in scope if key.startswith("contacts/")}
    rehearsal.load(people)
    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        children = {
            row[0]
            for row in warehouse.run(
                "SELECT source_id FROM staged.patient WHERE account IN (SELECT unnest(?))"
                " AND 'contacts/' || source_id IN (SELECT unnest(?))",
                [sorted(scope), sorted(people)],
            )
        }
    plan = rehearsal.load(scope)
    assert plan.counts.get("patient") == {"updated": len(children)}
    assert len(children) > 0
    there = {
        one["custom_field"]["cf_source_system_id"] for one in rehearsal.state()["contacts"] if one["sales_accounts"]
    }
    assert there == children
    assert rehearsal.load(scope).counts == {}
    assert asked_again(rehearsal) == 0


def test_an_e_mail_that_changes_its_holder_is_released_and_claimed_in_one_load(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(12, 0)
    rehearsal.load(scope)
    holders = sorted(
        (one["custom_field"]["cf_source_system_id"], one["email"])
        for one in rehearsal.state()["contacts"]
        if one["email"]
    )
    (first, _), (last, email) = holders[0], holders[-1]
    restage(rehearsal, "patient", first, email=email)
    restage(rehearsal, "patient", last, email=None, cf_shared_email=email)
    assert rehearsal.load(scope).counts == {"patient": {"updated": 2}}
    there = {one["custom_field"]["cf_source_system_id"]: one for one in rehearsal.state()["contacts"]}
    assert (there[first]["email"], there[last].get("email")) == (email, None)
    assert there[last]["custom_field"]["cf_shared_email"] == email


def asked_again(rehearsal: Rehearsal) -> int:
    with rehearsal.session() as session:
        return rehearsal.plan(session, None, "proof").counts.get("patient", {}).get("update", 0)


def test_writes_that_a_load_makes_are_those_that_faults_are_ordered_for(rehearsal: Rehearsal) -> None:
    rehearsal.load(rehearsal.few(12, 1))
    tried = {
        one.split("/")[1]
        for one in rehearsal.transport.asked
        if one.startswith(("POST", "PUT")) and "_tenant" not in one
    }
    assert tried <= {one.split("/")[1].removesuffix("$") for one in WRITES.values()}


@pytest.mark.parametrize("kind", ["", "drop_before", "drop_after"])
def test_a_value_written_over_by_policy_is_listed_with_three_values_whatever_became_of_the_answer(
    loaded: tuple[Rehearsal, str, int], kind: str
) -> None:
    rehearsal, source_id, number = loaded
    toml = rehearsal.practice.folder / "migration.toml"
    text = toml.read_text("utf-8")
    toml.write_text(text.replace('conflicts = "destination"', 'conflicts = "source"'), "utf-8")
    assert rehearsal.practice.settings.conflict_policy == "source"
    city = patient(rehearsal, number)["city"]
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"city": "Reno"}})
    restage(rehearsal, "patient", source_id, city="Elgin")
    if kind:
        rehearsal.order(kind, "PUT /contacts/")
    assert rehearsal.load(rehearsal.few(2, 1)).counts == {"patient": {"updated": 1}}
    assert patient(rehearsal, number)["city"] == "Elgin"
    assert listed(rehearsal) == [(f"contacts/{source_id}/city", "source", "written", city, "Elgin", "Reno")]


def test_a_row_that_is_gone_marks_its_record_once_and_the_mark_goes_when_it_comes_back(
    loaded: tuple[Rehearsal, str, int],
) -> None:
    rehearsal, source_id, number = loaded
    scope = rehearsal.few(2, 1)
    before = patient(rehearsal, number)
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"tags": ["VIP"]}})
    taken = drop_row(rehearsal, source_id)
    assert rehearsal.load(scope).counts == {"patient": {"updated": 1}}
    there = patient(rehearsal, number)
    assert there["tags"] == ["VIP", "Removed in Dental-Exec"]
    untouched = {name for name in before if name not in ("tags", "updated_at", "updater_id")}
    assert {name: there[name] for name in untouched} == {name: before[name] for name in untouched}
    assert rehearsal.load(scope).counts == {}
    drop_row(rehearsal, source_id, taken)
    assert rehearsal.load(scope).counts == {"patient": {"updated": 1}}
    assert patient(rehearsal, number)["tags"] == ["VIP"]
    assert rehearsal.load(scope).counts == {}


def test_a_person_who_takes_the_mark_away_is_not_contradicted(loaded: tuple[Rehearsal, str, int]) -> None:
    rehearsal, source_id, number = loaded
    scope = rehearsal.few(2, 1)
    drop_row(rehearsal, source_id)
    rehearsal.load(scope)
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"tags": []}})
    assert rehearsal.load(scope).counts == {}
    assert patient(rehearsal, number)["tags"] == []


def test_a_rollback_takes_the_mark_off_an_adopted_record_and_leaves_the_tags_of_people(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(1, 0)
    [key] = [one for one in scope if one.startswith("contacts/")]
    theirs = {"last_name": "Theirs", "mobile_number": "+13125550199", "tags": ["VIP"]}
    with rehearsal.session() as session:
        number = session.tenant.call("POST", "/contacts", json={"contact": theirs}).body["contact"]["id"]
    rows = {key: Decided(key, Decision.MAP, str(number), "Dana", "2026-11-24")}
    save_value_map(rehearsal.practice.settings.own_decisions, ValueMap("existing", rows))
    rehearsal.load(scope)
    drop_row(rehearsal, key.removeprefix("contacts/"))
    rehearsal.load(scope)
    assert patient(rehearsal, number)["tags"] == ["VIP", "Removed in Dental-Exec"]
    with rehearsal.session() as session:
        roll_back(session)
    assert patient(rehearsal, number)["tags"] == ["VIP"]
