"""What the ledger tells afterwards: moves, refusals, the writer, and what is known of our unique field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.ledger.account import keep_verdict, read_verdicts
from workbench.ledger.history import count_refusals, current_writer, moves_of
from workbench.ledger.lease import hold_lease
from workbench.ledger.operations import Intent, Outcome, intend, record_outcomes
from workbench.ledger.store import Ledger, open_ledger
from workbench.vocabulary import State


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite", bytes(32))
    yield opened
    opened.engine.dispose()


def test_the_ledger_tells_moves_refusals_and_the_writer(ledger: Ledger) -> None:
    intents = [
        Intent("note", "notes", name, "note", "create", "create", "finger", "completed") for name in ("N-1", "N-2")
    ]
    assert current_writer(ledger) is None
    with hold_lease(ledger) as lease:
        first, second = intend(ledger, lease, "run", intents)
        outcomes = [Outcome(first, State.APPLIED, 7), Outcome(second, State.REJECTED, reason="too long")]
        record_outcomes(ledger, lease, "test", outcomes)
        assert current_writer(ledger) == lease.holder
    assert current_writer(ledger) is None
    assert [move.state for move in moves_of(ledger, "notes", "N-1")] == ["intended", "applied"]
    assert moves_of(ledger, "notes", "N-2")[-1].sentence.endswith("create by create: rejected too long")
    assert count_refusals(ledger, "run") == [("note", "too long", 1)]


def test_the_newest_verdict_about_the_unique_field_is_kept(ledger: Ledger) -> None:
    with hold_lease(ledger) as lease:
        keep_verdict(ledger, lease, "contacts", "refuted")
        keep_verdict(ledger, lease, "deals", "refuted")
        keep_verdict(ledger, lease, "contacts", "proven")
    assert read_verdicts(ledger) == {"contacts": "proven", "deals": "refuted"}
