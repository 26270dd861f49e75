"""summary.json and index.html of a run: what each mapping came to, in calls and in time."""

from __future__ import annotations

import json
from typing import Any

from workbench.journey.record import open_run_ledger, read_record
from workbench.journey.steps import APART, STEPS
from workbench.ledger.runs import step_states
from workbench.log import note_event
from workbench.reports.index import StepLine, write_index
from workbench.settings import Settings


def write_summary(settings: Settings, run_id: str) -> dict[str, Any]:
    """Write the run's summary and index page from the records that its notebooks left."""
    folder = settings.runs / run_id
    reconciled = read_record(settings, run_id, "80_reconcile")
    checks = read_record(settings, run_id, "60_validate")
    summary: dict[str, Any] = {
        "run": run_id,
        "target": str(settings.target),
        "mappings": reconciled.get("mappings", {}),
        "calls": reconciled.get("calls", 0),
        "seconds": {"wall": _seconds(settings, run_id), "api": reconciled.get("api_seconds", 0)},
        "reconciled": bool(reconciled.get("reconciled", False)),
        "differences": reconciled.get("differences"),
        "zero_write": bool(reconciled.get("zero_write", False)),
        "checks": checks.get("checks", {}),
        "messages_to_patients": reconciled.get("messages_to_patients"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(json.dumps(summary, indent=2, default=str) + "\n", "utf-8")
    _write_index(settings, run_id, summary)
    note_event(folder, "summary", reconciled=summary["reconciled"], differences=summary["differences"])
    return summary


def _write_index(settings: Settings, run_id: str, summary: dict[str, Any]) -> None:
    folder = settings.runs / run_id
    ledger = open_run_ledger(settings)
    states = step_states(ledger, run_id)
    ledger.engine.dispose()
    seconds = _notebook_seconds(settings, run_id)
    lines = []
    for step, notebooks in {**STEPS, **APART}.items():
        if step in APART and step not in states:
            continue
        for notebook in notebooks:
            page = folder / f"{notebook}.html"
            record = read_record(settings, run_id, notebook)
            lines.append(
                StepLine(
                    step=step,
                    notebook=notebook,
                    title=notebook.partition("_")[2].replace("_", " ").capitalize(),
                    state=states.get(step, "open"),
                    page=page.name if page.is_file() else None,
                    seconds=seconds.get(notebook),
                    summary=str(record.get("headline", "")),
                )
            )
    write_index(folder, lines, summary, title=str(settings["practice.name"]), target=str(settings.target))


def _seconds(settings: Settings, run_id: str) -> float:
    path = settings.runs / run_id / "seconds.json"
    return float(json.loads(path.read_text("utf-8"))) if path.is_file() else 0.0


def _notebook_seconds(settings: Settings, run_id: str) -> dict[str, float]:
    path = settings.runs / run_id / "log.jsonl"
    if not path.is_file():
        return {}
    events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {one["notebook"]: one["seconds"] for one in events if one["event"] == "notebook"}
