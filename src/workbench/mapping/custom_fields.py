"""Custom fields that the mapping needs: label, type, rank and choices, by Freshsales module; and which of them fold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from workbench.mapping.grammar import read_toml
from workbench.mapping.object_mapping import FieldMapping, ObjectMapping
from workbench.mapping.value_map import ValueMap
from workbench.vocabulary import Edition, Plan

FOLDED = "folded_fields"
"""The value map that says which fields fold: `contacts.cf_suffix,map,cf_dentalexec_more`."""
MORE = "cf_dentalexec_more"


class Rank(StrEnum):
    """What is given up first when the plan has too few fields."""

    MUST = "must"
    SHOULD = "should"
    NICE = "nice"


DATE_TIMES = ("date_time_split", "date_time", "datetime")
"""Types that hold a time of a day. No page of Freshsales documents one for custom fields: they are for tenants that list one."""
TYPES = ("text", "textarea", "number", "dropdown", "checkbox", "date", *DATE_TIMES)
KEYS = {"label", "type", "rank", "choices", "choices_from", "unique", "why", "editions", "plans"}
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
    editions: tuple[str, ...] = tuple(Edition)
    plans: tuple[str, ...] = tuple(Plan)

    @property
    def may_fold(self) -> bool:
        """Say whether it may become a line of the text area: what a record is found by, or must have, may not."""
        return self.rank is not Rank.MUST and not self.unique

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
            editions=tuple(spec.get("editions", Edition)),
            plans=tuple(spec.get("plans", Plan)),
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
        if key not in KEYS:
            yield f"[{name}]: no key named {key!r}"
    if spec.get("type") not in TYPES:
        yield f"[{name}] type: one of {', '.join(TYPES)}"
    if spec.get("rank", "should") not in list(Rank):
        yield f"[{name}] rank: one of {', '.join(Rank)}"
    for key, known in (("editions", list(Edition)), ("plans", list(Plan))):
        if not set(spec.get(key, ())) <= set(known):
            yield f"[{name}] {key}: some of {', '.join(known)}"
    if slug(str(spec.get("label", ""))) != name:
        yield f"[{name}] label: Freshsales would name {spec.get('label')!r} {slug(str(spec.get('label', '')))!r}"
    if spec.get("type") == "dropdown" and not (spec.get("choices") or spec.get("choices_from")):
        yield f"[{name}]: a dropdown needs choices or choices_from"


def fold_fields(
    objects: Sequence[ObjectMapping],
    custom_fields: Mapping[str, list[CustomField]],
    modules: Mapping[str, str],
    decided: ValueMap,
) -> tuple[list[ObjectMapping], dict[str, list[CustomField]], list[str]]:
    """Put the fields that were decided to fold into one labelled text area a module; return every problem beside.

    `modules` names the module of each destination. The lines of the text area stand in the order of the definitions.
    """
    known = {f"{module}.{one.name}": one for module, fields in custom_fields.items() for one in fields}
    folded = {name for name, row in decided.rows.items() if row.answer == MORE}
    problems = [
        problem for row in decided.rows.values() if (problem := _fold_problem(row.source_value, row.answer, known))
    ]
    if problems or not folded:
        return list(objects), dict(custom_fields), problems
    left = {
        module: [one for one in fields if f"{module}.{one.name}" not in folded] + _more(module, fields, folded)
        for module, fields in custom_fields.items()
    }
    made = []
    for mapping in objects:
        module = modules.get(mapping.destination, "")
        lines = [one for one in custom_fields.get(module, ()) if f"{module}.{one.name}" in folded]
        parts = tuple(replace(mapping.fields[one.name], label=one.label) for one in lines if one.name in mapping.fields)
        kept = {name: one for name, one in mapping.fields.items() if f"{module}.{name}" not in folded}
        if parts:
            kept[MORE] = FieldMapping(MORE, parts=parts)
        made.append(replace(mapping, fields=kept))
    return made, left, []


def _more(module: str, fields: Sequence[CustomField], folded: set[str]) -> list[CustomField]:
    held = [one.label for one in fields if f"{module}.{one.name}" in folded]
    why = f"the plan has no room for fields of their own: {', '.join(held)}"
    return [CustomField(module, MORE, "DentalExec More", "textarea", Rank.MUST, why=why)] if held else []


def _fold_problem(name: str, answer: str | None, known: Mapping[str, CustomField]) -> str:
    where = f"mappings/values/{FOLDED}.csv: {name}:"
    if answer is None or answer == name:
        return ""
    if name not in known:
        return f"{where} there is no such custom field; it is written module.field"
    if answer != MORE:
        return f"{where} a field folds into {MORE} and nowhere else"
    return "" if known[name].may_fold else f"{where} is a field of rank must, which does not fold"
