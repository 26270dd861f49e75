"""`workbench suggest`: proposals for a file of values, and accepting what is sure."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from workbench.errors import ExportProblem
from workbench.mapping.files import read_mappings
from workbench.settings import Settings
from workbench.suggest.carriers import suggest_carriers
from workbench.suggest.codes import suggest_ada
from workbench.suggest.fields import suggest_fields
from workbench.suggest.names import suggest_names
from workbench.suggest.proposals import accept, suggest_claims

COLUMNS = {"fields": ("source_object", "source_column", "sample_values")}


def suggest_values(what: str, values: str | None, choices: str | None) -> list[dict[str, Any]]:
    """Return one object a value of a CSV, in the file's order."""
    if not values:
        raise ExportProblem(f"suggest {what} needs --values FILE, a CSV with the header {_header(what)}.")
    rows = _read(Path(values), COLUMNS.get(what, ("source_value",)))
    picked = _read(Path(choices), ()) if choices else None
    if what == "fields":
        return suggest_fields(rows, picked)
    spellings = [row["source_value"] for row in rows]
    if what == "ada":
        return suggest_ada(spellings)
    if what == "claims":
        return [one.as_dict() for one in suggest_claims(spellings)]
    known = (
        None
        if picked is None
        else {row["destination_value"]: tuple(filter(None, (row.get("aliases") or "").split("|"))) for row in picked}
    )
    if what == "carriers":
        return [one.as_dict() for one in suggest_carriers(spellings, known)]
    if known is None:
        raise ExportProblem("suggest stages needs --choices FILE, a CSV with the header destination_value.")
    return [one.as_dict() for one in suggest_names(spellings, known)]


def accept_proposals(settings: Settings, *, above: float, by: str, on: str) -> dict[str, Any]:
    """Accept proposals at or above a confidence into mappings/values; all that stays open is asked."""
    frame = accept(settings, read_mappings(settings), above=above, by=by, on=on, own=False)
    lines = [
        f"{row['value_map']}: {row['accepted']} accepted, {row['open']} open" for row in frame.iter_rows(named=True)
    ]
    return {"value_maps": frame.to_dicts(), "text": "\n".join(lines)}


def _read(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    if not path.is_file():
        raise ExportProblem(f"There is no file {path}.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in needed if name not in (reader.fieldnames or [])]
        if missing:
            raise ExportProblem(f"{path.name} lacks the column {', '.join(missing)}.")
        return list(reader)


def _header(what: str) -> str:
    return ",".join(COLUMNS.get(what, ("source_value",)))
