"""The main job in one command: a practice, every step, the embedded tenant, and one table at the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from typing import Any

from workbench.errors import WorkbenchError
from workbench.journey.report import summary_text
from workbench.journey.run import run_steps
from workbench.journey.summary import write_summary
from workbench.sample.generation import write_sample
from workbench.settings import Settings


def rehearse(settings: Settings, *, patients: int, fresh: bool) -> dict[str, Any]:
    """Run every step on the rehearsal tenant; the generated practice stands in where no exports are named."""
    if fresh:
        forget_rehearsal(settings)
    marker = settings.exports.parent / "made_for"
    wanted = str(patients)
    if settings.is_sample and (not marker.is_file() or marker.read_text("utf-8") != wanted):
        print(f"Generating a practice of {patients} patients in data/sample", file=sys.stderr)  # noqa: T201
        shutil.rmtree(settings.exports.parent, ignore_errors=True)
        write_sample(settings.exports.parent, patients=patients)
        marker.write_text(wanted, "utf-8")
    ran = run_steps(settings)
    summary = write_summary(settings, ran.run.run_id)
    return {**summary, "text": summary_text(settings, ran.run.run_id, summary)}


def forget_rehearsal(settings: Settings) -> None:
    """Delete the throw-away pair of tenant and ledger together, after ending the tenant."""
    folder = settings.target_folder
    if not settings.is_rehearsal or not folder.is_dir():
        return
    path = folder / "tenant.json"
    if path.is_file():
        try:
            os.kill(int(json.loads(path.read_text("utf-8"))["pid"]), signal.SIGTERM)
            time.sleep(0.5)
        except (ProcessLookupError, KeyError, ValueError):
            pass
    try:
        shutil.rmtree(folder)
    except OSError as problem:
        raise WorkbenchError(f"data/rehearsal cannot be deleted ({problem.strerror}); end what uses it.") from None
