"""One test a case of the three-way table: what stood before us, what we wrote, what stands there now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from loads import Rehearsal, rehearse
from over_theirs import Written

from workbench.clock import RehearsalClock, as_text
from workbench.errors import SettingsProblem
from workbench.freshsales.shapes import without_ours
from workbench.journey.record import open_run_ledger
from workbench.ledger.runs import note_step, went_live_at
from workbench.load.rollback import RollbackPreview, plan_rollback, roll_back
from workbench.load.survey import Case
from workbench.reconcile.people import SETTLING
from workbench.reconcile.reconciliation import reconcile
from workbench.warehouse import open_warehouse

SOURCE_ID = "cf_source_system_id"


@pytest.fixture
def loaded(written: Written, tmp_path: Path) -> Iterator[Rehearsal]:
    """A copy of what was loaded."""
    with rehearse(written.practice, tmp_path) as made:
        yield made


def preview(rehearsal: Rehearsal) -> RollbackPreview:
    with rehearsal.session() as session:
        return plan_rollback(session)


def undo(rehearsal: Rehearsal, **how: Any) -> RollbackPreview:
    with rehearsal.session() as session:
        return roll_back(session, **how)


def cases(made: RollbackPreview) -> dict[tuple[str, int], Case]:
    return {(one.identity.destination, one.identity.destination_id): one.case for one in made.verdicts}


def foreseen_and_done(rehearsal: Rehearsal) -> RollbackPreview:
    foreseen = preview(rehearsal)
    done = undo(rehearsal)
    assert cases(done) == cases(foreseen)
    return done


def by_id(rehearsal: Rehearsal, entity: str, number: int) -> dict[str, Any] | None:
    return next((one for one in rehearsal.state()[entity] if one["id"] == number), None)


def ours(rehearsal: Rehearsal, but: int) -> list[dict[str, Any]]:
    """The contacts that the load made."""
    return [one for one in rehearsal.state()["contacts"] if one["id"] != but]


def edit(rehearsal: Rehearsal, number: int, **changes: Any) -> None:
    rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": changes})


def test_what_still_is_as_we_wrote_it_becomes_what_it_was_and_what_a_person_wrote_stays(loaded, written):
    number = written.number
    edit(loaded, number, city="Boise")
    done = foreseen_and_done(loaded)
    after = by_id(loaded, "contacts", number)
    assert (after["last_name"], after["city"], after["job_title"]) == ("Theirs", "Boise", "Owner")
    assert cases(done)["contact", number] is Case.EDITED
    assert done.kept.filter(done.kept["destination_id"] == number)["why"].to_list() == ["city"]


def test_what_a_person_wrote_before_a_delta_that_kept_it_stays_with_its_record(loaded, written):
    made, theirs = ours(loaded, written.number)[0], written.number
    edit(loaded, made["id"], city="Boise")
    edit(loaded, theirs, city="Salem")
    scope = loaded.few(3, 1)
    with open_warehouse(loaded.practice.settings.warehouse, write=True) as warehouse:
        warehouse.run("UPDATE staged.patient SET city = 'Nome', fingerprint = sha256(fingerprint)")
    loaded.load(scope)
    assert [by_id(loaded, "contacts", one)["city"] for one in (made["id"], theirs)] == ["Boise", "Salem"]
    done = foreseen_and_done(loaded)
    assert by_id(loaded, "contacts", made["id"])["city"] == "Boise"
    assert by_id(loaded, "contacts", theirs)["city"] == "Salem"
    assert {cases(done)["contact", one] for one in (made["id"], theirs)} == {Case.EDITED}


def test_what_a_person_set_back_already_is_left_alone(loaded, written):
    number = written.number
    before, _ = _images(loaded, number)
    now = by_id(loaded, "contacts", number)
    custom = {name: before["custom_field"].get(name) for name in now["custom_field"]}
    emails = [{**one, "_destroy": True} for one in now["emails"]] + before["emails"]
    plain = (
        "last_name",
        "first_name",
        "city",
        "state",
        "address",
        "zipcode",
        "country",
        "mobile_number",
        "work_number",
    )
    rest = {name: before.get(name) for name in (*plain, "owner_id", "lifecycle_stage_id", "subscription_status")}
    edit(loaded, number, custom_field=custom, sales_accounts=before["sales_accounts"], emails=emails, **rest)
    writes = len(loaded.transport.asked)
    done = foreseen_and_done(loaded)
    assert cases(done)["contact", number] is Case.AS_BEFORE, done.kept.rows()
    assert [one for one in loaded.transport.asked[writes:] if one == f"PUT /contacts/{number}"] == []


def _images(rehearsal: Rehearsal, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """How a record stood before us, and as we left it, as the ledger knows it."""
    from workbench.ledger.identities import live_identities
    from workbench.ledger.images import last_image

    ledger = open_run_ledger(rehearsal.practice.settings)
    [one] = [one for one in live_identities(ledger) if (one.destination, one.destination_id) == ("contact", number)]
    images = tuple(last_image(ledger, one.operation_id, kind) for kind in ("before", "read_back"))
    ledger.engine.dispose()
    return images


def test_what_we_made_goes_into_the_bin_and_is_never_forgotten(loaded, written):
    made = {one["id"] for one in ours(loaded, written.number)}
    foreseen_and_done(loaded)
    state = loaded.state()
    assert made <= {one["id"] for one in state["bin"]["contacts"]}
    assert [one for one in loaded.transport.asked if "forget" in one] == []


def test_a_record_that_a_person_deleted_is_noted_and_left_in_the_bin(loaded, written):
    gone = ours(loaded, written.number)[0]["id"]
    loaded.admin("delete", {"entity": "contacts", "id": gone})
    asked = len(loaded.transport.asked)
    done = foreseen_and_done(loaded)
    assert cases(done)["contact", gone] is Case.GONE
    assert [one for one in loaded.transport.asked[asked:] if one == f"DELETE /contacts/{gone}"] == []


def test_records_that_a_person_merged_are_left_alone_with_what_hangs_on_them(loaded, written):
    survivor, merged = (one["id"] for one in ours(loaded, written.number)[:2])
    hung = [
        (kind, one["id"])
        for kind in ("notes", "tasks", "appointments")
        for one in loaded.state()[kind]
        if one["targetables"][0]["id"] == merged
    ]
    assert hung
    loaded.admin("merge", {"entity": "contacts", "survivor": survivor, "merged": [merged]})
    before = by_id(loaded, "contacts", survivor)
    done = foreseen_and_done(loaded)
    assert cases(done)["contact", merged] is cases(done)["contact", survivor] is Case.MERGED
    assert by_id(loaded, "contacts", survivor) == before
    assert [by_id(loaded, kind, number) is not None for kind, number in hung] == [True] * len(hung)
    told = {row["destination_id"]: row["why"] for row in done.kept.iter_rows(named=True)}
    assert (told[merged], told[survivor]) == (f"contacts/{survivor}", f"contacts/{merged}")


def rewritten(rehearsal: Rehearsal) -> set[tuple[str, str]]:
    """Reconcile what was loaded, and return what counts as rewritten by a rule: ids and fields."""
    with rehearsal.session() as session:
        made = reconcile(
            session.settings, session.mappings, session.tenant, session.schema, session.ledger, session.run_id
        )
    return {(source_id, field) for _, source_id, field in made.rewritten.rows()}


def test_what_a_rule_of_the_tenant_rewrote_at_once_is_named_as_that_and_taken_back_with_its_record(loaded, written):
    touched, other = (one for one in ours(loaded, written.number)[:2])
    edit(loaded, touched["id"], city="Set by a workflow", keyword="set by a workflow")
    of_ours = touched["custom_field"][SOURCE_ID]
    assert rewritten(loaded) == {(of_ours, "city"), (of_ours, "keyword")}
    edit(loaded, other["id"], job_title="Mayor")
    done = foreseen_and_done(loaded)
    assert cases(done)["contact", touched["id"]] is Case.DELETED
    assert cases(done)["contact", other["id"]] is Case.EDITED


def test_what_a_person_changed_over_what_a_rule_rewrote_stays(loaded, written):
    touched = ours(loaded, written.number)[0]["id"]
    edit(loaded, touched, city="Set by a workflow", keyword="set by a workflow")
    rewritten(loaded)
    edit(loaded, touched, city="Boise")
    done = foreseen_and_done(loaded)
    assert {row["destination_id"]: row["why"] for row in done.kept.iter_rows(named=True)}[touched] == "city"
    assert by_id(loaded, "contacts", touched)["city"] == "Boise"


def test_what_changed_later_than_minutes_after_our_write_or_once_people_work_there_is_somebodys_edit(loaded, written):
    early, late = (one["id"] for one in ours(loaded, written.number)[:2])
    edit(loaded, early, keyword="at once")
    loaded.admin("time", {"advance": SETTLING + 60})
    edit(loaded, late, city="Boise")
    assert {field for _, field in rewritten(loaded)} == {"keyword"}
    done = foreseen_and_done(loaded)
    assert cases(done)["contact", early] is Case.DELETED
    assert cases(done)["contact", late] is Case.EDITED


def test_once_a_reconciliation_was_green_nothing_counts_as_a_rules(loaded, written):
    touched = ours(loaded, written.number)[0]["id"]
    ledger = open_run_ledger(loaded.practice.settings)
    note_step(ledger, "run", "reconcile", "green")
    ledger.engine.dispose()
    edit(loaded, touched, keyword="typed")
    assert rewritten(loaded) == set()
    assert cases(foreseen_and_done(loaded))["contact", touched] is Case.EDITED


@pytest.mark.parametrize(
    ("before", "wrote", "now", "after"),
    [
        pytest.param(["a"], ["a", "b"], ["a", "b"], ["a"], id="what we added goes"),
        pytest.param(["a"], ["a", "b"], ["a", "b", "c"], ["a", "c"], id="what a person added stays"),
        pytest.param(["a"], ["a", "b"], ["b"], [], id="what a person took out does not come back"),
        pytest.param(["a", "b"], ["b"], ["b", "c"], ["b", "c", "a"], id="what we took out comes back"),
        pytest.param(["A"], ["a", "b"], ["a", "B"], ["a"], id="in any case of letters"),
        pytest.param([], ["a"], [], [], id="nothing is left"),
        pytest.param(["a"], ["a"], ["a", "c"], ["a", "c"], id="we changed nothing"),
    ],
)
def test_a_list_is_restored_element_by_element(before, wrote, now, after):
    assert without_ours(before, wrote, now) == after


def test_a_second_address_of_a_persons_survives_where_ours_are_taken_out(loaded, written):
    number = written.number
    before, wrote = _images(loaded, number)
    edit(loaded, number, emails=[{"value": "third@theirs.example"}])
    now = {one["value"] for one in by_id(loaded, "contacts", number)["emails"]}
    assert "third@theirs.example" in now
    foreseen_and_done(loaded)
    after = {one["value"] for one in by_id(loaded, "contacts", number)["emails"]}
    was, ours_ = ({one["value"] for one in image["emails"]} for image in (before, wrote))
    assert after == (now - (ours_ - was)) | (was - ours_) | {"third@theirs.example"}


# -- the recycle bin
def test_unique_values_are_released_before_the_delete(loaded, written):
    made = {one["id"]: one["email"] for one in ours(loaded, written.number)}
    done = foreseen_and_done(loaded)
    binned = {one["id"]: one for one in loaded.state()["bin"]["contacts"]}
    assert [one for number, one in binned.items() if one.get("email") and one["email"] == made.get(number)] == []
    assert {one["custom_field"].get(SOURCE_ID) for one in binned.values()} == {None}
    assert done.advice == []


def test_kept_unique_values_stay_and_a_new_load_says_who_holds_them_and_what_to_do(loaded, written):
    made = {one["id"]: one["email"] for one in ours(loaded, written.number)}
    done = undo(loaded, release=False)
    binned = {one["id"]: one for one in loaded.state()["bin"]["contacts"]}
    assert {number: binned[number]["email"] for number in made} == made
    assert done.advice[0].startswith("Empty the recycle bin first, before a new load: ")
    loaded.load(loaded.few(3, 1))
    told = _refusals(loaded)
    assert told
    for reason in told:
        assert "was made for this row and lies in the recycle bin. Empty the bin, then load again" in reason, told


def _refusals(rehearsal: Rehearsal) -> list[str]:
    from workbench.ledger.history import count_refusals

    with rehearsal.session() as session:
        return [
            reason for _, reason, _ in count_refusals(session.ledger, session.run_id) if "already holds" in str(reason)
        ]


def test_an_address_that_the_tenant_does_not_let_go_is_listed_with_what_to_do(loaded, written):
    def refuse(request: httpx.Request) -> httpx.Request | None:
        """Let the tenant refuse whatever changes an address: it finds no such record."""
        if request.method == "PUT" and b'"email' in request.content:
            return httpx.Request(
                "PUT", request.url.copy_with(path="/crm/sales/api/contacts/0"), headers=request.headers
            )
        return None

    loaded.transport.before.append(refuse)
    made = {one["id"] for one in ours(loaded, written.number) if one.get("email")}
    done = undo(loaded)
    listed = {one.identity.destination_id for one in done.verdicts if one.case is Case.DELETED and one.why}
    assert made <= listed
    assert "Empty the recycle bin first, before a new load" in done.advice[0]
    # The record of others could not be restored for the same reason: it is kept, and the rollback went on.
    assert cases(done)["contact", written.number] is Case.REFUSED


# -- open for 48 hours
def test_a_rollback_is_open_for_48_hours_from_the_first_green_reconciliation(loaded, written):
    ledger = open_run_ledger(loaded.practice.settings)
    assert went_live_at(ledger) is None
    note_step(ledger, "run", "reconcile", "red")
    note_step(ledger, "run", "reconcile", "green")
    live = went_live_at(ledger)
    note_step(ledger, "run", "reconcile", "green")
    assert went_live_at(ledger) == live
    ledger.engine.dispose()
    from datetime import datetime

    moment = datetime.fromisoformat(live).timestamp()
    state, asked = loaded.state(), len(loaded.transport.asked)
    with pytest.raises(SettingsProblem) as refused:
        undo(loaded, clock=RehearsalClock(moment + 48 * 3600 + 1))
    assert str(refused.value) == (
        f"The rollback closed at {as_text(moment + 48 * 3600)}, 48 h after the first green reconciliation. Nothing was changed."
        " See what it would do with workbench rollback --preview; whoever may decide it then raises rollback_hours"
        " under [policy] in migration.toml and confirms again."
    )
    assert (loaded.state(), [one for one in loaded.transport.asked[asked:] if not one.startswith("GET")]) == (state, [])
    assert preview(loaded).verdicts
    undo(loaded, clock=RehearsalClock(moment + 48 * 3600))
    ledger = open_run_ledger(loaded.practice.settings)
    assert went_live_at(ledger) is None  # so that what was begun in time may be finished, however late
    ledger.engine.dispose()
