"""The process ends at a chosen request and the next one plans anew: what was open is settled before anything is sent."""

from itertools import product

import pytest
from loads import KINDS, NOTHING_WRONG, WRITES, PowerCutError, Rehearsal, cut
from slices import slice_of

from workbench.load.loader import run_load


@pytest.mark.parametrize(
    ("write", "when"),
    slice_of(product([one for one in WRITES if one != "page of ids"], ["before", "after"]), every=3),
)
def test_a_new_plan_after_a_crash_sends_nothing_twice(rehearsal: Rehearsal, write: str, when: str) -> None:
    in_bulk = "contact" in write or write == "job"
    scope = rehearsal.few(12, 0) if in_bulk else rehearsal.few(2, 1, all_accounts="account" in write)
    cut(rehearsal, WRITES[write], 1 if "bulk" in write or write in ("job", "page of ids") else 2, after=when == "after")
    with pytest.raises(PowerCutError):
        rehearsal.load(scope)
    # As after a kill, the plan is made while the ledger does not yet know what came of the last request.
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_rows_settled_for_an_older_plan_are_counted_once(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(2, 3)
    cut(rehearsal, WRITES["note"], 2, after=True)
    with pytest.raises(PowerCutError):
        rehearsal.load(scope)
    loaded = rehearsal.load(scope)
    notes = len(rehearsal.state()["notes"])
    # The first was applied by the first load, the second found by look-up, and the plan still held it.
    assert loaded.counts["note"] == {"created": notes - 1, "unchanged": 1}


def test_rows_staged_away_meanwhile_are_settled_from_the_ledger(rehearsal: Rehearsal) -> None:
    from workbench.warehouse import open_warehouse

    scope = rehearsal.few(2, 3)
    cut(rehearsal, WRITES["note"], 2, after=True)
    with pytest.raises(PowerCutError):
        rehearsal.load(scope)
    with open_warehouse(rehearsal.practice.settings.warehouse, write=True) as warehouse:
        warehouse.run("DELETE FROM staged.note")
    rehearsal.load(scope)
    assert len(rehearsal.state()["notes"]) == 2
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_rejected_row_is_tried_again_by_the_next_load_of_the_same_plan(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(2, 1)
    rehearsal.order("status", WRITES["deal"], status=400, body={"errors": {"message": ["Amount is invalid"]}})
    with rehearsal.session() as session:
        plan = rehearsal.plan(session, scope)
        first = run_load(session, plan, kinds=KINDS)
        again = run_load(session, plan, kinds=KINDS)
    assert first.counts["treatment_case"]["rejected"] == 1
    assert again.counts["treatment_case"] == {"created": 1}
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_the_error_log_of_an_earlier_batch_is_kept(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(2, 1)
    rehearsal.order("status", WRITES["deal"], status=400, body={"errors": {"message": ["Amount is invalid"]}})
    with rehearsal.session() as session:
        plan = rehearsal.plan(session, scope)
        run_load(session, plan)
        run_load(session, plan)
        logs = sorted((session.folder / "batches").glob("treatment_case-*.csv"))
    assert [path.name for path in logs] == ["treatment_case-0001.csv", "treatment_case-0002.csv"]
    assert "rejected" in logs[0].read_text()


def test_a_refused_closing_date_leaves_a_known_deal_that_the_next_load_completes(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(9, 1)
    rehearsal.order(
        "status", WRITES["closing date"], status=400, body={"errors": {"message": ["Closed date is invalid"]}}
    )
    loaded = rehearsal.load(scope)
    assert loaded.counts["treatment_case"]["rejected"] == 1
    # The tenant had set the date before it refused the answer: it is looked at, and nothing has to be written.
    assert rehearsal.load(scope).counts["treatment_case"] == {"unchanged": 1}
    assert rehearsal.load(scope).counts.get("treatment_case", {}) == {}
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
