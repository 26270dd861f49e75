"""Custom fields that the mapping needs: label, type, rank and choices, by Freshsales module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from workbench.mapping.grammar import read_toml


class Rank(StrEnum):
    """What is given up first when the plan has too few fields."""

    MUST = "must"
    SHOULD = "should"
    NICE = "nice"


TYPES = ("text", "textarea", "number", "dropdown", "checkbox", "date")
LENGTHS = {"text": 256, "textarea": 10_000}
"""Characters a field may hold: crmsupport.freshworks.com article 50000002390."""


@dataclass(frozen=True)
class CustomField:
    """One custom field of one module."""

    module: str
    name: str
    label: str
    type: str
    rank: Rank
    choices: tuple[str, ...] = ()
    choices_from: str | None = None
    unique: bool = False
    why: str = ""

    @property
    def max_length(self) -> int | None:
        """Characters it may hold, where it has a limit."""
        return LENGTHS.get(self.type)


def read_custom_fields(path: Path) -> tuple[list[CustomField], list[str]]:
    """Read mappings/custom_fields/<module>.toml; return the fields in file order and every problem."""
    found, problems = read_toml(path)
    problems += [problem for name, spec in found.items() for problem in _problems(name, spec)]
    if problems:
        return [], problems
    return [
        CustomField(
            module=path.stem,
            name=name,
            label=spec["label"],
            type=spec["type"],
            rank=Rank(spec.get("rank", "should")),
            choices=tuple(spec.get("choices", ())),
            choices_from=spec.get("choices_from"),
            unique=spec.get("unique", False),
            why=spec.get("why", ""),
        )
        for name, spec in found.items()
    ], []


def slug(label: str) -> str:
    """Return the API name Freshsales makes of a label: lower case, blanks and brackets to `_`, hyphens kept.

    Source: captures of real tenants, e.g. `cf_cargo_type_s`, `cf_no-go_truck_types`.
    """
    return "cf_" + "".join("_" if letter in " ()" else letter for letter in label.lower())


def _problems(name: str, spec: Any) -> Iterator[str]:
    if not isinstance(spec, dict):
        yield f"{name}: is a table"
        return
    for key in spec:
        if key not in {"label", "type", "rank", "choices", "choices_from", "unique", "why"}:
            yield f"[{name}]: no key named {key!r}"
    if spec.get("type") not in TYPES:
        yield f"[{name}] type: one of {', '.join(TYPES)}"
    if spec.get("rank", "should") not in list(Rank):
        yield f"[{name}] rank: one of {', '.join(Rank)}"
    if slug(str(spec.get("label", ""))) != name:
        yield f"[{name}] label: Freshsales would name {spec.get('label')!r} {slug(str(spec.get('label', '')))!r}"
    if spec.get("type") == "dropdown" and not (spec.get("choices") or spec.get("choices_from")):
        yield f"[{name}]: a dropdown needs choices or choices_from"
