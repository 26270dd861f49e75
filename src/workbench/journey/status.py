"""Where a run stands, what is held and why, what one record went through, and what the rest will cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import select

from workbench.clock import as_text
from workbench.errors import StoreProblem
from workbench.freshsales.limits import Pacing
from workbench.journey.record import open_run_ledger
from workbench.journey.steps import STEPS
from workbench.ledger.identities import find_identity
from workbench.ledger.lease import Lease
from workbench.ledger.operations import open_operations
from workbench.ledger.runs import last_run, step_states
from workbench.ledger.store import lease, operations, transitions
from workbench.mapping.files import read_mappings
from workbench.settings import Settings
from workbench.vocabulary import Kind
from workbench.warehouse import open_warehouse

HELD = (
    "SELECT rule, mapping, source_object, source_id, field, message FROM checked.held"
    " ORDER BY rule, mapping, source_object, source_id"
)


def status(settings: Settings, *, held: bool) -> dict[str, Any]:
    """Return the last run's steps, open operations, the writer, and held rows by cause."""
    ledger = open_run_ledger(settings)
    run = last_run(ledger)
    if run is None:
        raise StoreProblem(
            f"Nothing was run for the target {settings.target} yet. Begin with: workbench run --target {settings.target}"
        )
    states = step_states(ledger, run.run_id)
    with ledger.read() as connection:
        row = connection.execute(select(lease)).first()
    writer = Lease(row.holder, row.fence).holder if row and row.expires else "no writer"
    lines = [f"{run.run_id}: {'finished' if run.finished_at else 'unfinished'}, {writer}"]
    lines += [f"  {step:<12} {states.get(step, 'open')}" for step in STEPS]
    waiting = open_operations(ledger)
    lines.append(f"{len(waiting)} operations without a known outcome")
    answer: dict[str, Any] = {
        "run": run.run_id,
        "finished": bool(run.finished_at),
        "steps": states,
        "writer": writer,
        "open_operations": len(waiting),
    }
    frame = held_rows(settings)
    causes = (
        frame.group_by("rule", "mapping", "message")
        .len("rows")
        .sort("rows", "rule", "mapping", "message", descending=[True, False, False, False])
    )
    answer["held"] = causes.to_dicts()
    lines.append(f"{frame.height} reasons hold rows")
    if held:
        lines += [f"  {row['rows']:>5}  {row['mapping']}: {row['message']} ({row['rule']})" for row in answer["held"]]
    answer["text"] = "\n".join(lines)
    return answer


def held_rows(settings: Settings) -> pl.DataFrame:
    """Return every held row with its cause: ids and reasons, no values."""
    if settings.warehouse.is_file():
        with open_warehouse(settings.warehouse) as warehouse:
            if warehouse.has("checked.held"):
                return warehouse.frame(HELD)
    names = ("rule", "mapping", "source_object", "source_id", "field", "message")
    return pl.DataFrame(schema=dict.fromkeys(names, pl.String))


def held_workbook(settings: Settings, path: Path) -> dict[str, Any]:
    """Write held rows as a workbook, one sheet a cause."""
    import xlsxwriter  # noqa: PLC0415

    frame = held_rows(settings)
    causes = frame["rule"].unique().sort().to_list()
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        for cause in causes or ["nothing held"]:
            sheet = book.add_worksheet(str(cause)[:31])
            part = frame.filter(pl.col("rule") == cause).drop("rule")
            for column, name in enumerate(part.columns):
                sheet.write_string(0, column, name)
                sheet.set_column(column, column, 24)
            for line, row in enumerate(part.iter_rows(), start=1):
                for column, value in enumerate(row):
                    sheet.write_string(line, column, str(value or ""))
    return {
        "file": str(path),
        "causes": causes,
        "rows": frame.height,
        "text": f"Wrote {frame.height} reasons on {len(causes)} sheets to {path}.",
    }


def explain(settings: Settings, object_name: str, source_id: str) -> dict[str, Any]:
    """Return what one source row went through: claim, problems, identity, every operation; no values."""
    ledger = open_run_ledger(settings)
    lines = [f"{object_name}/{source_id}"]
    answer: dict[str, Any] = {"object": object_name, "source_id": source_id}
    with open_warehouse(settings.warehouse) as warehouse:
        claims = warehouse.run(
            "SELECT mapping FROM staged.claims WHERE source_object = ? AND source_id = ?", [object_name, source_id]
        )
        if not claims:
            raise StoreProblem(
                f"No staged row is named {object_name}/{source_id}. The objects are those of mappings/sources, such as contacts."
            )
        answer["mapping"] = claims[0][0]
        lines.append(f"claimed by the mapping {claims[0][0]}")
        problems = warehouse.run(
            "SELECT severity, field, rule, message FROM staged.problems WHERE source_object = ? AND source_id = ? ORDER BY ALL",
            [object_name, source_id],
        )
        answer["problems"] = [dict(zip(("severity", "field", "rule", "message"), one, strict=True)) for one in problems]
        lines += [f"{severity}: {field} {message} ({rule})" for severity, field, rule, message in problems]
    identity = find_identity(ledger, object_name, source_id)
    if identity:
        answer["record"] = {
            "destination": identity.destination,
            "id": identity.destination_id,
            "live": identity.is_live,
            "origin": identity.origin,
        }
        lines.append(f"{identity.destination} {identity.destination_id} at Freshsales, {identity.origin} by us")
    query = (
        select(operations, transitions.c.state.label("moved"), transitions.c.at, transitions.c.reason.label("why"))
        .join(transitions, transitions.c.operation_id == operations.c.operation_id)
        .where(operations.c.source_object == object_name, operations.c.source_id == source_id)
        .order_by(transitions.c.seq)
    )
    with ledger.read() as connection:
        moves = [
            {
                "at": as_text(row.at),
                "action": row.action,
                "way": row.way,
                "state": row.moved,
                "reason": row.why or "",
                "run": row.run_id,
            }
            for row in connection.execute(query)
        ]
    answer["operations"] = moves
    lines += [f"{one['at']} {one['action']} by {one['way']}: {one['state']} {one['reason']}".rstrip() for one in moves]
    answer["text"] = "\n".join(lines)
    return answer


def forecast(settings: Settings) -> dict[str, Any]:
    """Return records, calls and hours of what is staged, at this plan's limits."""
    mappings = read_mappings(settings)
    pacing = Pacing(
        settings["freshsales.requests_per_hour"],
        settings["freshsales.requests_per_minute"],
        float(settings["freshsales.reserve"]),
    )
    rows = []
    with open_warehouse(settings.warehouse) as warehouse:
        if not warehouse.has("staged.stamp"):
            raise StoreProblem("A forecast counts staged rows, and nothing is staged yet: workbench run --to stage")
        for mapping in mappings.objects:
            if mapping.kind in (Kind.RECORD, Kind.FILE):
                records = int(warehouse.run(f"SELECT count(*) FROM staged.{mapping.name}")[0][0])
                keyed = 0
                if mapping.destination in ("contact", "lead"):
                    keyed = int(
                        warehouse.run(f"SELECT count(email) FROM staged.{mapping.name} WHERE emails_more IS NULL")[0][0]
                    )
                calls = records - keyed + -(-keyed // 100) * 3
                if mapping.destination == "deal":
                    calls += int(warehouse.run(f"SELECT count(closed_date) FROM staged.{mapping.name}")[0][0])
                rows.append(
                    {
                        "mapping": mapping.name,
                        "records": records,
                        "calls": calls,
                        "hours": round(calls * pacing.interval / 3600, 2),
                    }
                )
    total = sum(row["calls"] for row in rows)
    lines = [
        f"{row['mapping']:<20}{row['records']:>10,} records {row['calls']:>9,} calls {row['hours']:>7.2f} h"
        for row in rows
    ]
    lines.append(
        f"{'in all':<20}{sum(row['records'] for row in rows):>10,} records {total:>9,} calls {total * pacing.interval / 3600:>7.2f} h to load"
    )
    return {
        "mappings": rows,
        "calls": total,
        "hours": round(total * pacing.interval / 3600, 2),
        "text": "\n".join(lines),
    }
