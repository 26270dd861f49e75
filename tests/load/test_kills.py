"""Twenty kill -9 in one load, at moments that a seed picks, and each time it goes on: no loss, no double."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from rooms import Practice, make_practice, make_ready_to_load
from truth import Tenant, mismatches

from workbench.journey.desk import writing
from workbench.keys import image_key
from workbench.ledger.audit import verify
from workbench.ledger.operations import open_operations
from workbench.ledger.store import open_ledger
from workbench.load.plan import plan_load

KILLS, SEED = 20, 20261124
LOADING = Path(__file__).parent.parent / "support" / "loading.py"


def moves(practice: Practice) -> int:
    """Return how many changes of state the ledger holds: read beside the running loader."""
    with sqlite3.connect(f"file:{practice.settings.ledger}?mode=ro", uri=True, timeout=5) as ledger:
        return int(ledger.execute("SELECT count(*) FROM transitions").fetchone()[0])


def load_until(practice: Practice, target: int | None) -> int:
    """Load in a process of its own, and kill it once the ledger holds `target` moves; return its exit code."""
    process = subprocess.Popen(
        [sys.executable, str(LOADING), str(practice.folder)], stderr=subprocess.PIPE, start_new_session=True
    )
    while process.poll() is None:
        if target is not None and moves(practice) >= target:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.001)
    assert process.stderr is not None
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode


def test_twenty_kills_in_one_load_lose_nothing_and_double_nothing(tmp_path):
    practice = make_practice(tmp_path, patients=31)
    make_ready_to_load(practice)
    try:
        rows = len(json.loads(practice.truth.read_text())["records"])
        rng = random.Random(SEED)
        # A row moves about twice; the marks spread the kills over accounts, people, deals, activities, notes and files.
        marks = sorted(rng.sample(range(5, 2 * rows - 20), KILLS))
        killed = sum(load_until(practice, mark) == -signal.SIGKILL for mark in marks)
        assert load_until(practice, None) == 0
        assert killed >= KILLS - 2, "a kill that came too late is no kill"
        assert (
            mismatches(json.loads(practice.truth.read_text()), Tenant(practice.base_url), practice.open_spellings())
            == []
        )
        ledger = open_ledger(practice.settings.ledger, image_key(practice.settings))
        assert open_operations(ledger) == []
        assert verify(ledger)[2] == []
        with writing(practice.settings, practice.mappings) as session:
            again = plan_load(
                practice.settings, practice.mappings, session.schema, session.ledger, session.run_id, name="proof"
            )
        assert again.writes == 0
    finally:
        practice.stop_tenant()
