"""Held rows as people work through them: by cause on the terminal, one sheet a cause in a workbook; ids and reasons."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import xlsxwriter

from workbench.warehouse import open_warehouse

HELD = (
    "SELECT rule, mapping, source_object, source_id, field, message FROM checked.held"
    " ORDER BY rule, mapping, source_object, source_id"
)
COLUMNS = ("rule", "mapping", "source_object", "source_id", "field", "message")


def held_rows(warehouse: Path) -> pl.DataFrame:
    """Return every held row with its cause; none while nothing is checked."""
    if warehouse.is_file():
        with open_warehouse(warehouse) as opened:
            if opened.has("checked.held"):
                return opened.frame(HELD)
    return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))


def count_causes(held: pl.DataFrame) -> pl.DataFrame:
    """Return one row a cause with the rows it holds, most rows first."""
    cause = ("rule", "mapping", "message")
    return held.group_by(cause).len("rows").sort("rows", *cause, descending=[True, False, False, False])


def write_held_workbook(held: pl.DataFrame, path: Path) -> list[str]:
    """Write held rows as a workbook and return its causes, one a sheet."""
    causes = held["rule"].unique().sort().to_list()
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        for cause in causes or ["nothing held"]:
            sheet = book.add_worksheet(str(cause)[:31])
            part = held.filter(pl.col("rule") == cause).drop("rule")
            for column, name in enumerate(part.columns):
                sheet.write_string(0, column, name)
                sheet.set_column(column, column, 24)
            for line, row in enumerate(part.iter_rows(), start=1):
                for column, value in enumerate(row):
                    sheet.write_string(line, column, str(value or ""))
    return causes
