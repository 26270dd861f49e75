"""What an admin needs to rebuild by hand what does not migrate: a page, a workbook and JSON with the same content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from workbench.mapping.columns import as_shown, health_maps
from workbench.mapping.files import Mappings
from workbench.mapping.setup import SWITCH_OFF, Setup
from workbench.privacy import FORMULA
from workbench.reports.decisions import asked_maps, decision_frame, owner_frame
from workbench.reports.shown import Shown, show_table
from workbench.settings import Settings
from workbench.warehouse import open_warehouse

BEFORE, AFTER, ANY = "before the load", "after the last delta", "when you plan"
PLAN_TRAPS = (
    *(
        (name, BEFORE, "Off until the load and its deltas are over; what is on writes to patients or makes tasks.")
        for name in SWITCH_OFF
    ),
    ("Workflows and sequences", AFTER, "Rebuild them by hand from this reference, then switch them on one by one."),
    ("Freddy AI", ANY, "Part of Pro and Enterprise only; no workflow of Growth may count on it."),
    ("Bot sessions", ANY, "500 once, not each month; packs are bought after that."),
    ("Phone credits", ANY, "Charged by the minute, without a cap: set a limit before recalls are called."),
    ("File storage", ANY, "2, 5 or 100 GB a user on Growth, Pro, Enterprise, pooled over active users."),
    (
        "API calls",
        ANY,
        "1,000, 2,000 or 5,000 an hour on Growth, Pro, Enterprise, shared with every other integration.",
    ),
)
"""What surprises after a migration; plans and prices by crmsupport.freshworks.com articles 50000002390 and 50000004664."""
ADA_CODES = "cases.cf_ada_codes"
STANDARD = ("lifecycle_stages", "lead_sources", "industry_types", "task_types", "sales_activity_types")


def rebuild_frames(settings: Settings, mappings: Mappings, setup: Setup) -> dict[str, pl.DataFrame]:
    """Return the reference as frames by sheet name: decisions and counts, and no value of a patient.

    Spellings that may hold personal data stand as their shapes; counts by what tells of health are not told where small.
    """
    with open_warehouse(settings.warehouse) as warehouse:
        workflows = warehouse.frame(
            "SELECT * EXCLUDE (source_file, source_row) FROM profile.read_workflows ORDER BY workflow_id"
        )
        codes = pl.DataFrame(schema={"code": pl.String, "category": pl.String, "cases": pl.Int64})
        if warehouse.has("profile.ada_codes"):
            codes = warehouse.frame("SELECT code, category, cases FROM profile.ada_codes ORDER BY code")
    uncounted = health_maps(mappings)
    filled = [name for name in workflows.columns if workflows[name].null_count() < workflows.height]
    return {
        "workflows": workflows.select(filled or workflows.columns),
        "treatment stages": _stages(setup),
        "pick-lists": _pick_lists(setup),
        "ada codes": as_shown(mappings, codes, ["cases"], ADA_CODES),
        "carriers": decision_frame(asked_maps(settings, mappings, "insurance_carrier"), uncounted).drop("value map"),
        "claim statuses": decision_frame(asked_maps(settings, mappings, "claim_status"), uncounted).drop("value map"),
        "owners": owner_frame(settings, mappings),
        "plan traps": _frame(PLAN_TRAPS, ("trap", "when", "what to know")).with_columns(pl.lit("").alias("done")),
    }


def show_reference(frames: dict[str, pl.DataFrame]) -> Shown:
    """Show every frame whole, one table a sheet."""
    tables = [show_table(frame, name.capitalize(), limit=max(frame.height, 1)) for name, frame in frames.items()]
    return Shown("".join(one.html for one in tables), "; ".join(one.plain for one in tables))


def write_rebuild_reference(frames: dict[str, pl.DataFrame], folder: Path) -> tuple[Path, Path]:
    """Write rebuild_reference.xlsx and .json; text that looks like a formula stays text, also when somebody edits it."""
    return write_frames(frames, folder, "rebuild_reference")


def write_frames(
    frames: dict[str, pl.DataFrame], folder: Path, stem: str, *, open_columns: Sequence[str] = ()
) -> tuple[Path, Path]:
    """Write frames as sheets of a workbook and as JSON; text that looks like a formula stays text, also when edited.

    `open_columns` are added to the first sheet, blank and shaded, for people to type into.
    """
    folder.mkdir(parents=True, exist_ok=True)
    book_path, json_path = folder / f"{stem}.xlsx", folder / f"{stem}.json"
    with xlsxwriter.Workbook(str(book_path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold, quoted = book.add_format({"bold": True, "bottom": 1}), book.add_format({"quote_prefix": True})
        typed = book.add_format({"bg_color": "#FFF8E1", "num_format": "@", "text_wrap": True})
        for place, (name, frame) in enumerate(frames.items()):
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            titles = [*frame.columns, *(open_columns if not place else ())]
            for column, title in enumerate(titles):
                sheet.write_string(0, column, title, bold)
                sheet.set_column(column, column, 28, typed if column >= len(frame.columns) else None)
            for line, row in enumerate(frame.iter_rows(), start=1):
                for column, value in enumerate(row):
                    _write(sheet, line, column, value, quoted)
                for column in range(len(row), len(titles)):
                    sheet.write_blank(line, column, None, typed)
    json_path.write_text(
        json.dumps({name: frame.to_dicts() for name, frame in frames.items()}, indent=2, default=str) + "\n", "utf-8"
    )
    return book_path, json_path


def _write(sheet: Any, line: int, column: int, value: object, quoted: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(line, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(line, column, value)
    elif value is not None:
        sheet.write_string(line, column, str(value), quoted if str(value).startswith(FORMULA) else None)


def _stages(setup: Setup) -> pl.DataFrame:
    rows = [
        (pipeline["name"], place, stage["name"], stage["forecast_type"], stage["probability"])
        for pipeline in setup["pipelines"]
        for place, stage in enumerate(pipeline["stages"], start=1)
    ]
    return _frame(rows, ("pipeline", "place", "stage", "forecast", "probability"))


def _pick_lists(setup: Setup) -> pl.DataFrame:
    """Return the choices of custom fields, and the entries of the tenant's own lists."""
    rows = [
        (module, field["name"], choice)
        for module, fields in setup["custom_fields"].items()
        for field in fields
        for choice in field["choices"]
    ]
    rows += [("settings", name, entry) for name in STANDARD for entry in setup[name]]
    return _frame(rows, ("module", "field", "choice"))


def _frame(rows: Any, names: tuple[str, ...]) -> pl.DataFrame:
    numbers = {"place", "probability"}
    schema = {name: pl.Int64 if name in numbers else pl.String for name in names}
    return pl.DataFrame(rows, orient="row", schema=schema)
