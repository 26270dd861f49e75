"""Two `workbench run` processes on one account: one works, the other says why it does not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from workbench.journey.record import open_run_ledger
from workbench.ledger.history import current_writer
from workbench.settings import read_settings


def test_a_second_run_says_who_runs_and_changes_nothing_and_the_first_one_ends_green(
    migration: Path, workbench
) -> None:
    command = [sys.executable, "-m", "workbench.cli", "run", "--to", "snapshot", "--migration", str(migration)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        settings = read_settings(migration)
        until = time.monotonic() + 60
        runner = None
        while runner is None and first.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
            if settings.ledger.is_file():
                ledger = open_run_ledger(settings)
                runner = current_writer(ledger)
                ledger.engine.dispose()
        assert runner is not None
        second = workbench("run", "--to", "snapshot", "--migration", migration)
        assert first.poll() is None, "the first one ended before the second began"
        assert (second.code, second.out) == (1, "")
        assert f"Process {first.pid} on " in second.err
        assert "runs this migration. Wait until it ends, or stop it, then run again." in second.err
    finally:
        out, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    assert out.strip() == "Done: snapshot."
    # Afterwards the way is free, and who was refused stands in the audit chain.
    third = workbench("run", "--to", "snapshot", "--migration", migration)
    assert third.code == 0, third.err
    verified = workbench("verify-log", "--out", migration / "log", "--migration", migration)
    assert verified.code == 0
    assert (migration / "log" / "audit.jsonl").read_text("utf-8").count('"act":"second runner refused"') == 1
