"""What an admin needs to rebuild by hand what does not migrate: XLSX, JSON and frames for the page."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from workbench.mapping.files import Mappings
from workbench.mapping.setup import Setup
from workbench.settings import Settings
from workbench.warehouse import open_warehouse

PLAN_TRAPS = (
    (
        "Workflows and sequences",
        "stay off until the load and its deltas are over; then rebuild them from this reference",
    ),
    ("Freddy AI", "is part of Pro and Enterprise only"),
    ("Bot sessions", "500 once, not a month; packs are bought after that"),
    ("Phone credits", "are charged a minute; check the balance before recalls are called"),
    ("File storage", "2, 5 or 100 GB a user on Growth, Pro, Enterprise, pooled over active users"),
    ("API calls", "1,000, 2,000 or 5,000 an hour on Growth, Pro, Enterprise, shared with every other integration"),
)


def rebuild_frames(settings: Settings, mappings: Mappings, setup: Setup) -> dict[str, pl.DataFrame]:
    """Return the reference as frames by sheet name."""
    with open_warehouse(settings.warehouse) as warehouse:
        workflows = warehouse.frame(
            "SELECT * EXCLUDE (source_file, source_row) FROM profile.read_workflows ORDER BY workflow_id"
        )
        codes = (
            warehouse.frame("SELECT * FROM profile.ada_codes ORDER BY 1")
            if warehouse.has("profile.ada_codes")
            else pl.DataFrame()
        )
        owners = warehouse.frame("SELECT user_id, role, is_active FROM profile.read_users ORDER BY user_id")
    carriers = mappings.values("insurance_carrier")
    claims = mappings.values("claim_status")
    choices = [
        (module, field["name"], choice)
        for module, fields in setup["custom_fields"].items()
        for field in fields
        for choice in field["choices"]
    ]
    stages = [
        (pipeline["name"], place + 1, stage["name"], stage["forecast_type"], stage["probability"])
        for pipeline in setup["pipelines"]
        for place, stage in enumerate(pipeline["stages"])
    ]
    decided = mappings.values("owner").rows
    return {
        "workflows": workflows.select(
            [name for name in workflows.columns if workflows[name].null_count() < workflows.height]
        ),
        "treatment stages": pl.DataFrame(
            stages,
            orient="row",
            schema={
                "pipeline": pl.String,
                "place": pl.Int64,
                "stage": pl.String,
                "forecast": pl.String,
                "probability": pl.Int64,
            },
        ),
        "pick-lists": pl.DataFrame(
            choices, orient="row", schema={"module": pl.String, "field": pl.String, "choice": pl.String}
        ),
        "ada codes": codes,
        "carriers": _decided(carriers.rows.values()),
        "claim statuses": _decided(claims.rows.values()),
        "owners": owners.with_columns(
            pl.Series(
                "tenant user",
                [(decided[one].answer if one in decided else None) for one in owners["user_id"]],
                dtype=pl.String,
            )
        ),
        "plan traps": pl.DataFrame(PLAN_TRAPS, orient="row", schema={"trap": pl.String, "what to know": pl.String}),
    }


def write_rebuild_reference(frames: dict[str, pl.DataFrame], folder: Path) -> tuple[Path, Path]:
    """Write rebuild_reference.xlsx and .json; text that looks like a formula stays text."""
    import xlsxwriter  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    book_path, json_path = folder / "rebuild_reference.xlsx", folder / "rebuild_reference.json"
    with xlsxwriter.Workbook(str(book_path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        for name, frame in frames.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for column, title in enumerate(frame.columns):
                sheet.write_string(0, column, title, bold)
                sheet.set_column(column, column, 28)
            for line, row in enumerate(frame.iter_rows(), start=1):
                for column, value in enumerate(row):
                    if isinstance(value, int | float) and not isinstance(value, bool):
                        sheet.write_number(line, column, value)
                    elif value is not None:
                        sheet.write_string(line, column, str(value))
    json_path.write_text(
        json.dumps({name: frame.to_dicts() for name, frame in frames.items()}, indent=2, default=str) + "\n", "utf-8"
    )
    return book_path, json_path


def _decided(rows: object) -> pl.DataFrame:
    found = [(row.source_value, str(row.decision), row.destination_value, row.decided_by) for row in rows]  # type: ignore[attr-defined]
    return pl.DataFrame(
        found,
        orient="row",
        schema={
            "spelling": pl.String,
            "decision": pl.String,
            "becomes": pl.String,
            "decided by": pl.String,
        },
    )
