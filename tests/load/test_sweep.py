"""A request that the tenant commits after every look makes a double where no key is enforced: the sweep tells of it."""

import json

import httpx
import pytest
from loads import NOTHING_WRONG, WRITES, PowerCutError, Rehearsal, cut
from slices import slice_of
from sqlalchemy import select

from workbench.journey.record import open_run_ledger
from workbench.ledger.history import in_doubt
from workbench.ledger.tables import audit

HOURS = 3 * 3600
PLURALS = {"task": "tasks", "appointment": "appointments", "note": "notes", "sales activity": "sales_activities"}


def wait_hours(rehearsal: Rehearsal) -> None:
    """Let the tenant's clock go on."""
    rehearsal.admin("time", {"advance": HOURS})


def incidents(rehearsal: Rehearsal) -> list[list[int]]:
    """Return the ids of doubles that stand in the audit chain."""
    ledger = open_run_ledger(rehearsal.practice.settings)
    with ledger.read() as connection:
        rows = list(connection.execute(select(audit).where(audit.c.act == "double found")))
    ledger.engine.dispose()
    return [json.loads(row.detail)["ids"] for row in rows]


def doubts(rehearsal: Rehearsal) -> int:
    """Return how many operations still wait for their last look."""
    ledger = open_run_ledger(rehearsal.practice.settings)
    count = len(in_doubt(ledger))
    ledger.engine.dispose()
    return count


@pytest.mark.parametrize("write", slice_of(["task", "appointment", "note", "sales activity"], every=2))
def test_a_commit_after_both_looks_is_a_double_that_the_next_load_tells_and_leaves(
    rehearsal: Rehearsal, write: str
) -> None:
    scope = rehearsal.few(1, 1)
    rehearsal.order("delay_commit", WRITES[write], seconds=1500)
    assert rehearsal.load(scope).doubles == {}
    wait_hours(rehearsal)
    later = rehearsal.load(scope)
    [(mapping, found)] = later.doubles.items()
    [[double]] = found.values()
    state = rehearsal.state()
    assert double in {one["id"] for one in state[PLURALS[write]]}, "a double is told, never deleted"
    wrong = rehearsal.doubles_and_losses(scope)
    assert wrong == NOTHING_WRONG | {"records beyond the ledger": {PLURALS[write]: 1}}
    assert incidents(rehearsal) == [[double]]
    log = (next(rehearsal.practice.settings.runs.iterdir()) / "log.jsonl").read_text()
    assert f'"event": "double", "mapping": "{mapping}"' in log
    assert rehearsal.load(scope).doubles == {}, "an incident is told once"


def test_an_upload_that_the_tenant_finishes_after_both_looks_is_told_too(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(1, 1)
    held: list[httpx.Request] = []

    def hold(request: httpx.Request) -> None:
        if request.method == "POST" and request.url.path.endswith("/documents") and not held:
            held.append(request)
            raise httpx.ReadTimeout("no answer", request=request)

    rehearsal.transport.before.append(hold)
    assert rehearsal.load(scope).doubles == {}
    rehearsal.transport.before.clear()
    assert rehearsal.transport.handle_request(held[0]).status_code == 201
    wait_hours(rehearsal)
    [[double]] = rehearsal.load(scope).doubles["attachment"].values()
    assert double in {one["id"] for one in rehearsal.state()["documents"]}
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG | {"records beyond the ledger": {"documents": 1}}


def test_a_double_that_commits_while_its_object_is_loaded_is_told_by_the_same_load(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(1, 2)
    rehearsal.order("delay_commit", WRITES["note"], seconds=900)
    # Another note, lost twice, keeps the load busy for twenty minutes, in which the first one is made a second time.
    for nth in (3, 4):
        rehearsal.order("drop_before", WRITES["note"], nth=nth)
    loaded = rehearsal.load(scope)
    assert [len(one) for one in loaded.doubles["note"].values()] == [1]
    assert doubts(rehearsal) > 0, "the other one was in doubt for less than an hour"


def test_what_was_in_doubt_and_is_there_once_needs_one_last_look(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(1, 1)
    rehearsal.order("drop_after", WRITES["note"])
    rehearsal.load(scope)
    assert doubts(rehearsal) == 1
    wait_hours(rehearsal)
    rehearsal.load(scope)
    asked = len(rehearsal.transport.asked)
    assert (doubts(rehearsal), incidents(rehearsal)) == (0, [])
    rehearsal.load(scope)
    assert [one for one in rehearsal.transport.asked[asked:] if "/notes" in one] == [], "a last look is the last"


def test_a_row_that_was_open_when_the_process_ended_is_looked_at_again(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(1, 1)
    cut(rehearsal, WRITES["task"], 1, after=False)
    with pytest.raises(PowerCutError):
        rehearsal.load(scope)
    rehearsal.transport.before.clear()
    rehearsal.load(scope)
    assert doubts(rehearsal) == 1
    wait_hours(rehearsal)
    assert rehearsal.load(scope).doubles == {}
    assert doubts(rehearsal) == 0


def test_where_the_tenant_enforces_the_key_nothing_is_swept(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(2, 0)
    rehearsal.order("delay_commit", WRITES["contact"], seconds=1500, nth=2)
    rehearsal.load(scope)
    wait_hours(rehearsal)
    assert rehearsal.load(scope).doubles == {}
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
