"""What a reconciliation leaves beside its page: JSON, CSV, a workbook, and the statement that anybody can run; ids, no values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from workbench.privacy import FORMULA, neutral
from workbench.reconcile.checks import Status
from workbench.reconcile.counts import conservation_sql
from workbench.reconcile.fields import Cause
from workbench.reconcile.reconciliation import Reconciliation

NAME = "reconciliation"
MOST_ROWS = 100_000
"""Rows a sheet or list holds; more differences than that are counted here and stand in reconciled.differences."""


def write_books(made: Reconciliation, folder: Path) -> list[Path]:
    """Write reconciliation.json, .csv and .xlsx and conservation.sql into a run's folder; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{NAME}.{ending}" for ending in ("json", "csv", "xlsx")] + [folder / "conservation.sql"]
    record = json.dumps(_record(made), indent=2, ensure_ascii=False, default=str)
    paths[0].write_text(record + "\n", "utf-8")
    checks = made.checks.select(pl.lit(made.run_id).alias("run"), pl.all())
    checks.with_columns(pl.col(pl.String).map_elements(neutral, return_dtype=pl.String)).write_csv(paths[1])
    _write_workbook(made, paths[2])
    paths[3].write_text(conservation_sql(), "utf-8")
    return paths


def _record(made: Reconciliation) -> dict[str, Any]:
    return {
        "run": made.run_id,
        "reconciled": made.reconciled,
        "failed": list(made.failed),
        "read": {"from": made.read_at[0], "to": made.read_at[1]},
        "plan": made.plan.digest,
        "calls": made.calls,
        "checks": made.checks.to_dicts(),
        "differences": made.differences.head(MOST_ROWS).to_dicts(),
        "differences_left_out": max(0, made.differences.height - MOST_ROWS),
        "by_cause": by_cause(made.differences).to_dicts(),
        "by_people": made.by_people.to_dicts(),
        "rewritten": made.rewritten.head(MOST_ROWS).to_dicts(),
        "conservation": made.fates.to_dicts(),
        "money": made.money.to_dicts(),
        "groups": made.groups.to_dicts(),
        "fields": made.fields.to_dicts(),
        "left_out_on_purpose": made.left_out.to_dicts(),
        "deferred": made.deferred.to_dicts(),
        "readings": made.tiers.to_dicts(),
    }


def by_cause(differences: pl.DataFrame) -> pl.DataFrame:
    """Return differences by cause, the gravest first, mapping and field, with how many rows and the first of their ids."""
    gravity = pl.col("cause").replace_strict(
        {str(one): place for place, one in enumerate(Cause)}, return_dtype=pl.Int64
    )
    return (
        differences.group_by("cause", "mapping", "field")
        .agg(pl.len().alias("rows"), pl.col("source_id").sort().head(5).str.join(", ").alias("ids"))
        .sort(gravity, "mapping", "field", nulls_last=True)
    )


def _write_workbook(made: Reconciliation, path: Path) -> None:
    sheets = {
        "verdict": _verdict(made),
        "checks": made.checks,
        "not checked": made.checks.filter(pl.col("status") == str(Status.NOT_CHECKED)),
        "differences": made.differences,
        "changed by people": made.by_people,
        "rewritten by rules": made.rewritten,
        "conservation": made.fates,
        "money": made.money,
        "counts": made.groups,
        "fields": made.fields,
        "left out on purpose": made.left_out,
        "deferred": made.deferred,
        "readings": made.tiers,
    }
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold, quoted = book.add_format({"bold": True, "bottom": 1}), book.add_format({"quote_prefix": True})
        for name, frame in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for column, title in enumerate(frame.columns):
                sheet.write_string(0, column, title, bold)
                sheet.set_column(column, column, 24)
            for line, row in enumerate(frame.head(MOST_ROWS).iter_rows(), start=1):
                for column, value in enumerate(row):
                    if isinstance(value, int) and not isinstance(value, bool):
                        sheet.write_number(line, column, value)
                    elif value is not None:
                        text = str(value)
                        sheet.write_string(line, column, text, quoted if text.startswith(FORMULA) else None)
            if frame.height > MOST_ROWS:
                sheet.write_string(MOST_ROWS + 1, 0, f"… and {frame.height - MOST_ROWS:,} more")


def _verdict(made: Reconciliation) -> pl.DataFrame:
    lines = [("run", made.run_id), ("verdict", "reconciled" if made.reconciled else "not reconciled")]
    lines += [("failed", one) for one in made.failed]
    lines += [("read from", made.read_at[0]), ("read to", made.read_at[1])]
    lines += [("records compared", f"{sum(made.compared.values())}"), ("plan", made.plan.digest)]
    return pl.DataFrame(lines, schema={"what": pl.String, "says": pl.String}, orient="row")
