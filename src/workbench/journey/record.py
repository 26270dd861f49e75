"""The current run and the summary record that each notebook leaves in its folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from workbench.keys import image_key
from workbench.ledger.runs import Run, last_run, start_run
from workbench.ledger.store import Ledger, open_ledger
from workbench.settings import Settings


def current_run(settings: Settings, *, fresh: bool = False) -> Run:
    """Return the last unfinished run of this target, or start one."""
    ledger = open_run_ledger(settings)
    try:
        run = last_run(ledger)
        if run is None or run.finished_at or fresh:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            name = f"{settings['migration.id']}-{settings.target}-{stamp}"
            run = start_run(ledger, _free(settings, name), settings.target)
            (settings.runs / run.run_id).mkdir(parents=True, exist_ok=True)
    finally:
        ledger.engine.dispose()
    return run


def open_run_ledger(settings: Settings) -> Ledger:
    """Open the ledger of this target; without a key where images are neither written nor read."""
    return open_ledger(settings.ledger, image_key(settings))


def record_step(settings: Settings, notebook: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Write a notebook's summary record beside its executed copy and return it."""
    folder = settings.runs / current_run(settings).run_id
    folder.mkdir(parents=True, exist_ok=True)
    record = {"notebook": notebook, **facts}
    (folder / f"{notebook}.json").write_text(json.dumps(record, indent=2, default=str) + "\n", "utf-8")
    return record


def read_record(settings: Settings, run_id: str, notebook: str) -> dict[str, Any]:
    """Return what a notebook of a run recorded, or nothing."""
    path = settings.runs / run_id / f"{notebook}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _free(settings: Settings, name: str) -> str:
    taken = {path.name for path in settings.runs.glob(f"{name}*")} if settings.runs.is_dir() else set()
    number = 1
    chosen = name
    while chosen in taken:
        number += 1
        chosen = f"{name}-{number}"
    return chosen
