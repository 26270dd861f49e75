"""Proposals for the values of a CSV, without a migration folder."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import ExportProblem
from workbench.suggest.carriers import suggest_carriers
from workbench.suggest.codes import suggest_ada
from workbench.suggest.fields import suggest_fields
from workbench.suggest.names import suggest_names
from workbench.suggest.proposals import suggest_claims
from workbench.suggest.suggestion import Suggestion

Rows = list[dict[str, str]]
SPELLINGS = ("source_value",)
HEADERS = {"fields": ("source_object", "source_column", "sample_values")}
CHOICES = {"fields": ("destination_object", "destination_field", "label", "type")}


def suggest_values(what: str, values: str | None, choices: str | None) -> list[dict[str, Any]]:
    """Return one object a value of a CSV, in the file's order."""
    needed = HEADERS.get(what, SPELLINGS)
    if not values:
        raise ExportProblem(f"suggest {what} needs --values FILE, a CSV with the header {','.join(needed)}.")
    rows = _read(Path(values), needed)
    picked = _read(Path(choices), CHOICES.get(what, ("destination_value",))) if choices else None
    if what == "fields":
        return suggest_fields(rows, picked)
    spellings = [row["source_value"] for row in rows]
    if what == "ada":
        return suggest_ada(spellings)
    if what == "claims":
        return _shown(suggest_claims(spellings))
    if what == "carriers":
        return _shown(suggest_carriers(spellings, _known(picked) if picked is not None else None))
    if picked is None:
        raise ExportProblem("suggest stages needs --choices FILE, a CSV with the header destination_value.")
    return _shown(suggest_names(spellings, _known(picked)))


def _shown(made: Sequence[Suggestion]) -> list[dict[str, Any]]:
    return [one.as_dict() for one in made]


def _known(picked: Rows) -> dict[str, tuple[str, ...]]:
    return {row["destination_value"]: tuple(filter(None, (row.get("aliases") or "").split("|"))) for row in picked}


def _read(path: Path, needed: tuple[str, ...]) -> Rows:
    if not path.is_file():
        raise ExportProblem(f"There is no file {path}.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [name for name in needed if name not in (reader.fieldnames or [])]
            if missing:
                raise ExportProblem(f"{path.name} lacks the column {', '.join(missing)}.")
            return list(reader)
    except (UnicodeDecodeError, csv.Error) as problem:
        raise ExportProblem(f"{path.name} cannot be read as a CSV in UTF-8: {problem}") from None
