"""Where a run stands, what is held and why, what the rest will cost, and whether everything a run needs is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.dental_exec.deliveries import find_deliveries
from workbench.errors import SettingsProblem, StoreProblem, WorkbenchError
from workbench.journey.desk import reading
from workbench.journey.record import open_run_ledger
from workbench.journey.starter import notebooks_folder
from workbench.journey.steps import APART, STEPS
from workbench.keys import api_key, image_key
from workbench.ledger.audit import verify
from workbench.ledger.history import current_writer
from workbench.ledger.operations import open_operations
from workbench.ledger.runs import last_run, step_states
from workbench.ledger.store import Ledger
from workbench.mapping.files import read_mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.pacing import agreed_pacing
from workbench.reports.explain import explain_row
from workbench.reports.held import count_causes, held_rows, write_held_workbook
from workbench.settings import Settings
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, open_warehouse

ROWS_A_CALL, CALLS_A_BULK = 100, 3
"""What goes in bulk costs about three calls for a hundred rows: the request, its polls, the page of ids."""


def status(settings: Settings, *, held: bool) -> dict[str, Any]:
    """Return the last run's steps, open operations, the writer, and held rows by cause."""
    ledger = open_past_ledger(settings)
    try:
        run = last_run(ledger)
        if run is None:
            raise _nothing_run(settings)
        states = step_states(ledger, run.run_id)
        writer = current_writer(ledger) or "no writer"
        waiting = len(open_operations(ledger))
    finally:
        ledger.engine.dispose()
    rows = held_rows(settings.warehouse)
    causes = count_causes(rows).to_dicts()
    lines = [f"{run.run_id}: {'finished' if run.finished_at else 'unfinished'}, {writer}"]
    lines += [f"  {step:<12} {states.get(step, 'open')}" for step in STEPS]
    lines += [f"{waiting} operations without a known outcome", f"{rows.height} reasons hold rows"]
    if held:
        lines += [f"  {one['rows']:>5}  {one['mapping']}: {one['message']} ({one['rule']})" for one in causes]
    return {
        "run": run.run_id,
        "finished": bool(run.finished_at),
        "steps": states,
        "writer": writer,
        "open_operations": waiting,
        "held": causes,
        "text": "\n".join(lines),
    }


def verify_log(settings: Settings) -> dict[str, Any]:
    """Walk the audit chain; exit 1 when it is broken."""
    ledger = open_past_ledger(settings)
    try:
        count, head, breaks = verify(ledger)
    finally:
        ledger.engine.dispose()
    text = "\n".join([*breaks, f"{count:,} entries, head {head}: {'broken' if breaks else 'unbroken'}"])
    return {"entries": count, "head": head, "breaks": breaks, "text": text, "exit": 1 if breaks else 0}


def open_past_ledger(settings: Settings) -> Ledger:
    """Open the ledger to look back; where nothing was run yet, none is made."""
    if not settings.ledger.is_file():
        raise _nothing_run(settings)
    return open_run_ledger(settings)


def _nothing_run(settings: Settings) -> StoreProblem:
    return StoreProblem(
        f"Nothing was run for the target {settings.target} yet. Begin with: workbench run --target {settings.target}"
    )


def held_workbook(settings: Settings, path: Path) -> dict[str, Any]:
    """Write held rows as a workbook, one sheet a cause."""
    if not path.parent.is_dir():
        raise SettingsProblem(f"There is no folder {path.parent} to write {path.name} into. Nothing was changed.")
    rows = held_rows(settings.warehouse)
    causes = write_held_workbook(rows, path)
    text = f"Wrote {rows.height} reasons on {len(causes)} sheets to {path}."
    return {"file": str(path), "causes": causes, "rows": rows.height, "text": text}


def explain(settings: Settings, source_object: str, source_id: str) -> dict[str, Any]:
    """Return what one source row went through."""
    ledger = open_past_ledger(settings)
    try:
        return explain_row(settings.warehouse, ledger, source_object, source_id)
    finally:
        ledger.engine.dispose()


def forecast(settings: Settings) -> dict[str, Any]:
    """Return records, calls and hours of what is staged, at this plan's limits."""
    hours = agreed_pacing(settings).interval / 3600
    rows: list[dict[str, Any]] = []
    with open_warehouse(settings.warehouse) as warehouse:
        if not warehouse.has("staged.stamp"):
            raise StoreProblem("A forecast counts staged rows, and nothing is staged yet: workbench run --to stage")
        for mapping in read_mappings(settings).objects:
            if mapping.kind in (Kind.RECORD, Kind.FILE):
                records, calls = _cost(warehouse, mapping)
                rows.append(
                    {"mapping": mapping.name, "records": records, "calls": calls, "hours": round(calls * hours, 2)}
                )
    records, calls = (sum(int(row[key]) for row in rows) for key in ("records", "calls"))
    total = {"mapping": "in all", "records": records, "calls": calls, "hours": round(calls * hours, 2)}
    lines = [
        f"{row['mapping']:<20}{row['records']:>10,} records {row['calls']:>9,} calls {row['hours']:>7.2f} h"
        for row in [*rows, total]
    ]
    return {"mappings": rows, "calls": calls, "hours": total["hours"], "text": "\n".join(lines)}


def examine(settings: Settings) -> dict[str, Any]:
    """Return every finding; exit 1 when one of them would stop a run."""
    findings: list[tuple[str, bool, str]] = []

    def look(name: str, ask: Callable[[], str]) -> None:
        try:
            findings.append((name, True, ask()))
        except WorkbenchError as problem:
            findings.append((name, False, str(problem)))

    look("settings", lambda: f"{settings.folder.name}, target {settings.target}")
    look("exports", lambda: f"{len(find_deliveries(settings.exports))} deliveries")
    look("mappings", lambda: f"{len(read_mappings(settings).objects)} mappings")
    look("notebooks", lambda: _notebooks(settings))
    look("API key", lambda: "there" if api_key(settings) else "")
    look("image key", lambda: "there" if image_key(settings) else "")
    look("tenant", lambda: _tenant(settings))
    lines = [f"{'ok  ' if good else 'STOP'} {name}: {text}" for name, good, text in findings]
    return {
        "findings": [{"name": name, "ok": good, "text": text} for name, good, text in findings],
        "text": "\n".join(lines),
        "exit": 0 if all(good for _, good, _ in findings) else 1,
    }


def _notebooks(settings: Settings) -> str:
    names = [name for group in {**STEPS, **APART}.values() for name in group]
    missing = [name for name in names if not (notebooks_folder(settings) / f"{name}.ipynb").is_file()]
    if missing:
        raise SettingsProblem(f"missing: {', '.join(missing)}")
    return f"{len(names)} notebooks"


def _tenant(settings: Settings) -> str:
    with reading(settings) as desk:
        return f"{desk.tenant.alias}, {len(desk.schema.users)} users"


def _cost(warehouse: Warehouse, mapping: ObjectMapping) -> tuple[int, int]:
    """Return the records of a mapping and the calls to create them."""

    def count(what: str, where: str = "true") -> int:
        return int(warehouse.run(f"SELECT count({what}) FROM staged.{mapping.name} WHERE {where}")[0][0])

    records = count("*")
    bulk = count("email", "emails_more IS NULL") if {"email", "emails_more"} <= set(mapping.fields) else 0
    closing = count("closed_date") if "closed_date" in mapping.fields else 0
    return records, records - bulk + -(-bulk // ROWS_A_CALL) * CALLS_A_BULK + closing
