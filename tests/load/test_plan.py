from loads import KINDS, Rehearsal

from workbench.ledger.plans import planned_rows
from workbench.load.loader import run_load
from workbench.vocabulary import Operation
from workbench.warehouse import open_warehouse


def test_a_plan_made_twice_has_one_hash_and_frozen_rows(rehearsal: Rehearsal) -> None:
    with rehearsal.session() as session:
        first, second = rehearsal.plan(session), rehearsal.plan(session)
    assert (first.digest, first.counts) == (second.digest, second.counts)


def test_the_hash_does_not_depend_on_ids_learned_while_loading(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(6, 0)
    people = {key for key in scope if key.startswith("contacts/")}
    with rehearsal.session() as session:
        before = rehearsal.plan(session, people)
        run_load(session, rehearsal.plan(session, scope - people))
        after = rehearsal.plan(session, people)
    assert before.digest == after.digest


def test_a_row_already_delivered_is_not_planned_again(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(3, 1)
    rehearsal.load(scope)
    with rehearsal.session() as session:
        plan = rehearsal.plan(session, scope)
        assert (plan.writes, list(planned_rows(session.ledger, plan))) == (0, [])


def test_what_hangs_on_a_held_record_is_deferred_with_the_root_cause(rehearsal: Rehearsal) -> None:
    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        held = {
            f"contacts/{row[0]}"
            for row in warehouse.run("SELECT source_id FROM checked.held WHERE source_object = 'contacts'")
        }
        contact_of = {
            f"cases/{row[0]}": row[1] for row in warehouse.run("SELECT source_id, contact FROM staged.treatment_case")
        }
        target_of = {row[0]: row[1] for row in warehouse.run("SELECT source_id, target FROM staged.note")}
    with rehearsal.session() as session:
        plan = rehearsal.plan(session)
        deferred = {
            (row.source_object, row.source_id): row.reason
            for row in planned_rows(session.ledger, plan, operation=Operation.DEFER)
        }
    assert deferred
    for (source_object, source_id), reason in deferred.items():
        assert reason in held or reason.split("/")[0] in ("cases", "companies", "contacts")
        if source_object == "cases":
            assert reason == contact_of[f"cases/{source_id}"]
    through_a_case = [
        (source_id, reason)
        for (source_object, source_id), reason in deferred.items()
        if source_object == "notes" and target_of.get(source_id, "").startswith("cases/")
    ]
    # A note on a deal of a held patient waits for the patient, not for the deal.
    assert any(
        reason.startswith("contacts/") and contact_of[target_of[source_id]] == reason
        for source_id, reason in through_a_case
    )


def test_nothing_is_sent_for_rows_staged_again_after_the_plan(rehearsal: Rehearsal) -> None:
    import pytest

    from workbench.errors import StoreProblem

    with rehearsal.session() as session:
        plan = rehearsal.plan(session, rehearsal.few(2, 1))
        with open_warehouse(session.settings.warehouse, write=True) as warehouse:
            warehouse.run("UPDATE staged.stamp SET stamp = 'another'")
        with pytest.raises(StoreProblem, match="staged again after this plan"):
            run_load(session, plan, kinds=KINDS)
    assert [one for one in rehearsal.transport.asked if one.startswith("POST /s")] == []
