"""Until when ledger, log and archive are kept is told where people decide what to destroy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from workbench.clock import RehearsalClock
from workbench.keeping.purge import purge
from workbench.keeping.retention import MAY_GO, RESTS_ON, later, retention, tell_retention
from workbench.ledger.lease import hold_lease
from workbench.ledger.operations import Intent, Outcome, intend, record_outcomes
from workbench.ledger.store import open_ledger
from workbench.settings import Settings
from workbench.vocabulary import State, Target

if TYPE_CHECKING:
    from conftest import Small

NOTHING = "nothing was written to the tenant yet, so no time runs."


def write_on(settings: Settings, day: date, number: int = 1) -> None:
    """Let the ledger of a target hold one write of a day."""
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    ledger = replace(open_ledger(settings.ledger, b"k" * 32), clock=RehearsalClock(moment))
    intent = Intent("patient", "contacts", f"C{number}", "contact", "create", "upsert", "f" * 64, "c" * 64, fields={})
    with hold_lease(ledger) as lease:
        [operation] = intend(ledger, lease, "run-1", [intent])
        record_outcomes(ledger, lease, "ana@desk", [Outcome(operation, State.APPLIED, number, read_back={})])
    ledger.engine.dispose()


@pytest.fixture
def real(small: Small) -> Settings:
    """The small folder, for a real tenant."""
    return replace(small.settings, target=Target.FRESHSALES)


def test_the_years_run_from_the_newest_write(real: Settings) -> None:
    write_on(real, date(2026, 11, 20), 1)
    write_on(real, date(2026, 11, 27), 2)
    found = retention(real)
    assert (found.newest_write, found.until) == (date(2026, 11, 27), date(2032, 11, 27))
    assert found.sentence == (
        "Ledger and audit log in data/freshsales, and an archive of this folder: until 2032-11-27, 6 years after the newest"
        " write to the tenant (2026-11-27)."
    )


def test_the_setting_of_the_practice_wins(real: Settings) -> None:
    write_on(real, date(2026, 11, 27))
    longer = replace(real, values=real.values | {"privacy": real.values["privacy"] | {"keep_years": 10}})
    assert retention(longer).until == date(2036, 11, 27)


def test_where_nothing_was_written_no_time_runs(small: Small, real: Settings) -> None:
    assert retention(real).sentence == f"data/freshsales: {NOTHING}"
    assert retention(small.settings).sentence == f"data/rehearsal: {NOTHING}"


def test_a_rehearsal_is_kept_for_nobody_and_says_what_a_load_would_be(small: Small) -> None:
    write_on(small.settings, date(2026, 11, 27), 7)
    told = retention(small.settings).sentence
    assert "a rehearsal has to be kept for nobody" in told and "until 2032-11-27" in told


def test_of_the_last_of_february_it_is_the_last_of_february() -> None:
    assert later(date(2028, 2, 29), 6) == date(2034, 2, 28)


def test_a_signer_is_told_until_when_what_it_rests_on_and_what_may_go(real: Settings) -> None:
    assert tell_retention(real)[1:] == [RESTS_ON, MAY_GO]
    assert "164.316(b)(2)(i)" in RESTS_ON and "read both ways" in RESTS_ON and "own rule wins" in RESTS_ON


def test_a_purge_tells_before_and_on_its_certificate_until_when_the_rest_is_kept(small: Small, real: Settings) -> None:
    write_on(real, date(2026, 11, 27))
    preview = purge(small.settings, confirm=False)
    assert preview["kept"][0].endswith("until 2032-11-27, 6 years after the newest write to the tenant (2026-11-27).")
    assert preview["kept"][1] == f"data/rehearsal: {NOTHING}"
    assert MAY_GO in preview["text"] and preview["kept"][0] in preview["text"]
    answer = purge(small.settings, confirm=True)
    page = (small.folder / answer["certificate"]).read_text()
    assert [one for one in preview["kept"] if one not in page.replace("&#x27;", "'")] == []
