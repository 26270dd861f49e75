from itertools import product

import pytest
from loads import ENTITIES, NOTHING_WRONG, PowerCutError, Rehearsal, cut
from slices import slice_of

from workbench.errors import StoreProblem
from workbench.journey.desk import counting
from workbench.journey.record import open_run_ledger
from workbench.ledger.audit import verify
from workbench.ledger.identities import Identity, find_identity, keep_identity
from workbench.load.forecast import EVERYTHING, count_figures
from workbench.load.rollback import RollbackPreview, plan_rollback, roll_back
from workbench.load.survey import Case
from workbench.pacing import agreed_pacing

RECORDS = sorted({*ENTITIES.values()} - {"documents"})


def left(rehearsal: Rehearsal) -> dict[str, int]:
    state = rehearsal.state()
    return {name: len(state[name]) for name in RECORDS if state[name]}


def preview(rehearsal: Rehearsal) -> RollbackPreview:
    with rehearsal.session() as session:
        return plan_rollback(session)


def undo(rehearsal: Rehearsal) -> RollbackPreview:
    with rehearsal.session() as session:
        return roll_back(session)


def cases(made: RollbackPreview) -> dict[str, Case]:
    return {f"{one.identity.source_object}/{one.identity.source_id}": one.case for one in made.verdicts}


def contact_of(rehearsal: Rehearsal, scope: set[str]) -> tuple[str, int]:
    """Return a patient with an account, by source id and id."""
    by_id = {one["custom_field"]["cf_source_system_id"]: one for one in rehearsal.state()["contacts"]}
    source_id, record = next(
        (key, one) for key, one in sorted(by_id.items()) if one.get("sales_accounts") and f"contacts/{key}" in scope
    )
    return source_id, record["id"]


def test_what_nobody_touched_is_gone_and_a_fresh_load_works_again(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(12, 1)
    rehearsal.load(scope)
    foreseen, asked = preview(rehearsal), len(rehearsal.transport.asked)
    with counting(rehearsal.practice.settings, rehearsal.mappings) as (warehouse, _):
        rows = f"{EVERYTHING} AND key IN {tuple(sorted(scope))}"
        forecast = count_figures(warehouse, rehearsal.practice.settings, rehearsal.mappings, rows=rows)
    done = undo(rehearsal)
    assert abs(forecast.total("rollback") / done.calls - 1) < 0.1
    assert cases(done) == cases(foreseen)
    assert set(cases(done).values()) == {Case.DELETED, Case.FILE}
    assert left(rehearsal) == {}
    assert abs(foreseen.calls - sum(not one.startswith("GET /s") for one in rehearsal.transport.asked[asked:])) < 60
    orphans = rehearsal.doubles_and_losses(scope)["records beyond the ledger"]
    assert orphans == {"documents": sum(one is Case.FILE for one in cases(done).values())}
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG | {"records beyond the ledger": orphans}


def test_a_preview_writes_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.load(rehearsal.few(2, 1))
    asked = len(rehearsal.transport.asked)
    preview(rehearsal)
    assert [one for one in rehearsal.transport.asked[asked:] if not one.startswith("GET")] == []


def test_a_record_that_a_person_changed_survives_with_what_it_hangs_on(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(6, 1)
    rehearsal.load(scope)
    source_id, number = contact_of(rehearsal, scope)
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"job_title": "Mayor"}})
    foreseen = preview(rehearsal)
    done = undo(rehearsal)
    assert cases(done) == cases(foreseen)
    state = rehearsal.state()
    [contact] = state["contacts"]
    assert (contact["id"], contact["job_title"]) == (number, "Mayor")
    account = contact["sales_accounts"][0]["id"]
    kept = {one["id"] for one in state["sales_accounts"]}
    assert account in kept
    assert set(done.kept.filter(done.kept["case"] == Case.EDITED)["why"]) == {"job_title"}
    # Its identity stays, so that a later load neither doubles nor overwrites it.
    rehearsal.load(scope)
    assert [one["job_title"] for one in rehearsal.state()["contacts"] if one["id"] == number] == ["Mayor"]
    assert rehearsal.doubles_and_losses(scope)["planned"] == 0
    assert cases(done)[f"contacts/{source_id}"] is Case.EDITED


@pytest.mark.parametrize("kind", slice_of(["note", "document", "task", "deal"], every=2))
def test_a_record_on_which_something_of_others_hangs_is_kept(rehearsal: Rehearsal, kind: str) -> None:
    scope = rehearsal.few(3, 1)
    rehearsal.load(scope)
    source_id, number = contact_of(rehearsal, scope)
    target = {"targetable_type": "Contact", "targetable_id": number}
    with rehearsal.session() as session:
        match kind:
            case "note":
                session.tenant.call("POST", "/notes", json={"note": {"description": "Call back", **target}})
            case "task":
                due = "2026-12-01T10:00:00-05:00"
                session.tenant.call("POST", "/tasks", json={"task": {"title": "Call", "due_date": due, **target}})
            case "deal":
                session.tenant.call(
                    "POST", "/deals", json={"deal": {"name": "X", "amount": 1, "contacts_added_list": [number]}}
                )
            case "document":
                path = rehearsal.practice.folder / "theirs.txt"
                path.write_text("theirs")
                with path.open("rb") as file:
                    data = {"file_name": "theirs.txt", **{key: str(value) for key, value in target.items()}}
                    session.tenant.call("POST", "/documents", files={"file": ("theirs.txt", file)}, data=data)
    foreseen, done = preview(rehearsal), undo(rehearsal)
    assert cases(done) == cases(foreseen)
    assert cases(done)[f"contacts/{source_id}"] is Case.HANGING
    assert [one["id"] for one in rehearsal.state()["contacts"]] == [number]


@pytest.mark.parametrize(
    ("write", "when"),
    slice_of(
        product(
            [
                "DELETE /notes/",
                "DELETE /tasks/",
                "PUT /contacts/",
                "DELETE /contacts/",
                "PUT /sales_accounts/",
                "DELETE /deals/",
            ],
            ["before", "after"],
        ),
        every=5,
    ),
)
def test_a_rollback_that_was_killed_goes_on(rehearsal: Rehearsal, write: str, when: str) -> None:
    scope = rehearsal.few(3, 1)
    rehearsal.load(scope)
    cut(rehearsal, write, 2, after=when == "after")
    with pytest.raises(PowerCutError):
        undo(rehearsal)
    with pytest.raises(StoreProblem, match="A rollback was begun and not finished"):
        rehearsal.load(scope)
    undo(rehearsal)
    assert left(rehearsal) == {}
    ledger = open_run_ledger(rehearsal.practice.settings)
    assert verify(ledger)[2] == []
    ledger.engine.dispose()
    rehearsal.load(scope)
    wrong = rehearsal.doubles_and_losses(scope)
    assert (wrong["planned"], wrong["open"], wrong["strangers"]) == (0, 0, [])


def test_a_record_changed_between_release_and_deletion_stays_with_its_values(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(3, 1)
    rehearsal.load(scope)
    before = {one["id"]: one for one in rehearsal.state()["contacts"]}
    cut(rehearsal, "DELETE /contacts/", 1, after=False)
    with pytest.raises(PowerCutError):
        undo(rehearsal)
    [number] = [
        one["id"]
        for one in rehearsal.state()["contacts"]
        if one["custom_field"].get("cf_source_system_id") != before[one["id"]]["custom_field"]["cf_source_system_id"]
    ]
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"job_title": "Mayor"}})
    undo(rehearsal)
    [contact] = [one for one in rehearsal.state()["contacts"] if one["id"] == number]
    old = before[number]
    assert contact["job_title"] == "Mayor"
    assert (contact["email"], contact["custom_field"]) == (old["email"], old["custom_field"])


def test_the_time_in_which_an_edit_would_be_lost_is_measured_and_told(rehearsal: Rehearsal) -> None:
    rehearsal.load(rehearsal.few(2, 0))
    calls = 3  # after a contact is read: its values are freed, it is deleted, and the next call has its slot
    with rehearsal.session() as session:
        foreseen, done = plan_rollback(session), roll_back(session)
        interval = agreed_pacing(session.settings).interval
    assert (foreseen.window, foreseen.caution) == (0.0, [])
    assert interval < done.window < (calls + 0.5) * interval
    assert done.caution == [
        f"Up to {done.window:.1f} s passed between reading and taking back a record; an edit then would be lost."
    ]


def test_lost_answers_delete_nothing_twice_and_forget_nothing(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(3, 1)
    rehearsal.load(scope)
    for match in ("DELETE /notes/", "DELETE /contacts/", "PUT /contacts/", "DELETE /tasks/"):
        rehearsal.order("drop_before", match)
        rehearsal.order("drop_after", match, nth=3)
    undo(rehearsal)
    assert left(rehearsal) == {}


def test_a_foreign_record_that_a_load_changed_is_restored_field_by_field(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(3, 0)
    source_id = sorted(key for key in scope if key.startswith("contacts/"))[0].removeprefix("contacts/")
    with rehearsal.session() as session:
        theirs = {"last_name": "Theirs", "job_title": "Owner", "city": "Reno", "mobile_number": "+13125550100"}
        number = session.tenant.call("POST", "/contacts", json={"contact": theirs}).body["contact"]["id"]
        with session.ledger.commit() as connection:
            keep_identity(
                connection,
                Identity(
                    "contacts", source_id, "patient", "contact", number, "", "", "adopted", is_live=True, operation_id=0
                ),
            )
    rehearsal.load(scope)
    taken = next(one for one in rehearsal.state()["contacts"] if one["id"] == number)
    assert taken["last_name"] != "Theirs"
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"city": "Boise"}})
    foreseen, done = preview(rehearsal), undo(rehearsal)
    assert cases(done) == cases(foreseen)
    [contact] = rehearsal.state()["contacts"]
    assert (contact["id"], contact["last_name"], contact["mobile_number"]) == (number, "Theirs", "+13125550100")
    assert contact["city"] == "Boise"
    assert contact["custom_field"].get("cf_source_system_id") is None
    with rehearsal.session() as session:
        assert find_identity(session.ledger, "contacts", source_id) is None
