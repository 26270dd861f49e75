from collections import Counter

import pytest
from loads import NOTHING_WRONG, Rehearsal

from workbench.ledger.account import BULK, PROVEN, REFUTED, read_verdicts
from workbench.warehouse import open_warehouse


def test_a_load_delivers_every_row_once_and_a_second_one_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.load()
    assert rehearsal.doubles_and_losses() == NOTHING_WRONG
    asked = len(rehearsal.transport.asked)
    assert rehearsal.load().counts == {}
    assert [one for one in rehearsal.transport.asked[asked:] if not one.startswith("GET")] == []


@pytest.mark.parametrize("taken", [pytest.param(True, id="taken"), pytest.param(False, id="refused")])
def test_bulk_calls_are_asked_once_whether_they_take_our_field(rehearsal: Rehearsal, taken: bool) -> None:
    rehearsal.admin("switches", {"bulk_by_unique_field": taken})
    with open_warehouse(rehearsal.practice.settings.warehouse, write=True) as warehouse:
        # Nothing but our own field finds these again.
        warehouse.run("UPDATE staged.patient SET email = NULL, emails_more = NULL WHERE mobile_number IS NOT NULL")
        keyless = warehouse.run(
            "SELECT count(*) FROM staged.patient s WHERE email IS NULL AND NOT EXISTS (SELECT 1 FROM checked.held h"
            " WHERE h.source_object = 'contacts' AND h.source_id = s.source_id)"
        )[0][0]
    rehearsal.load()
    assert rehearsal.doubles_and_losses() == NOTHING_WRONG
    asked = Counter(rehearsal.transport.asked)
    with rehearsal.session() as session:
        assert read_verdicts(session.ledger, BULK)["contacts"] == (PROVEN if taken else REFUTED)
    singly = asked["POST /contacts/upsert"]
    assert keyless > 15 and (singly < 10 if taken else singly >= keyless), (keyless, singly)


def calls(rehearsal: Rehearsal, start: str) -> int:
    return sum(one.startswith(start) for one in rehearsal.transport.asked)


def test_a_job_is_asked_only_when_a_list_page_does_not_show_its_rows(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(40, 0, all_accounts=True)
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
    assert calls(rehearsal, "POST /sales_accounts/bulk_upsert") > 1
    trials = 1  # what bulk calls of contacts make of our field is told by a job alone
    assert calls(rehearsal, "GET /job_statuses/") == trials
    assert calls(rehearsal, "POST /contacts/bulk_upsert") - trials == calls(rehearsal, "GET /contacts/view/") > 0


def test_jobs_that_take_long_are_waited_for(rehearsal: Rehearsal) -> None:
    rehearsal.admin("switches", {"bulk_seconds": 50.0})
    scope = rehearsal.few(12, 0)
    loaded = rehearsal.load(scope)
    assert {fate for fates in loaded.counts.values() for fate in fates} == {"created"}
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
    assert calls(rehearsal, "POST /contacts/bulk_upsert") <= 2, "no row goes twice"
