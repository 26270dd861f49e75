"""Stage every mapping: source rows through named transforms and value maps into staged.<mapping>."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.canonical import Form
from workbench.errors import MappingProblem, gather
from workbench.mapping.columns import missing_columns
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import FieldMapping, Lookup, ObjectMapping, placeholder
from workbench.mapping.value_map import ValueMap
from workbench.settings import Settings
from workbench.staging.lookups import resolve_lookup, resolve_owner
from workbench.staging.problems import Problems, UnreadableError
from workbench.staging.times import local_time
from workbench.staging.transforms import PREFIXED, TRANSFORMS, ZONED, Transform
from workbench.staging.words import marker, printable, with_marker
from workbench.vocabulary import Severity
from workbench.warehouse import Warehouse, identifier

ROWS_AT_ONCE = 20_000
ZONE = "time_zone"
"""The column in which a source SELECT gives the zone of a row's place, where it knows one."""
Cell = str | None
Column = list[Cell]
TITLE_FIELDS = {"title": 250, "name": 255}
"""Lengths that importers saw refused on standard fields; custom fields have their own (contract §6)."""


@dataclass
class Stager:
    """What staging one mapping needs beside its rows."""

    settings: Settings
    mappings: Mappings
    mapping: ObjectMapping
    problems: Problems
    values: dict[str, ValueMap]

    def value_map(self, name: str) -> ValueMap:
        """Return a value map, read once."""
        if name not in self.values:
            self.values[name] = self.mappings.values(name)
        return self.values[name]


def stage_mapping(warehouse: Warehouse, settings: Settings, mappings: Mappings, mapping: ObjectMapping) -> int:
    """Write staged.<mapping> from the rows it claims, in bounded memory, and return how many."""
    source = mappings.sources[mapping.source_object]
    stager = Stager(settings, mappings, mapping, Problems(mapping.name, mapping.source_object), {})
    table = f"staged.{mapping.name}"
    columns = ["source_id", "depth", *mapping.fields, *mapping.lookups]
    columns += [one.shared for one in mapping.fields.values() if one.shared and one.shared not in mapping.fields]
    warehouse.write(table, pl.DataFrame(schema={name: pl.Int32 if name == "depth" else pl.String for name in columns}))
    staged = 0
    have = set(warehouse.columns(source.table))
    if missing := missing_columns(mapping, have):
        raise MappingProblem(gather("mappings/", missing))
    needed = sorted(({source.key, "depth", ZONE} & have) | mapping.used_columns)
    # The claims decide, so that `where` is judged once and the rows add up.
    claimed = (
        f"SELECT {', '.join(f's.{identifier(name)}' for name in needed)} FROM {source.table} s"
        f" SEMI JOIN staged.claims c ON c.source_id = s.{identifier(source.key)} AND c.mapping = '{mapping.name}'"
        f" ORDER BY s.{identifier(source.key)}"
    )
    for frame in warehouse.frames(claimed, ROWS_AT_ONCE):
        warehouse.write(table, _staged(stager, frame, source.key, columns), append=True)
        stager.problems.write(warehouse)
        staged += frame.height
    return staged


def _staged(stager: Stager, frame: pl.DataFrame, key: str, columns: list[str]) -> pl.DataFrame:
    raw: dict[str, Column] = {name: frame[name].cast(pl.String).to_list() for name in frame.columns}
    ids = [value or "" for value in raw[key]]
    made: dict[str, Any] = {"source_id": ids}
    made["depth"] = frame["depth"].cast(pl.Int32) if "depth" in frame.columns else [0] * len(ids)
    for field in stager.mapping.fields.values():
        made[field.name] = _field(stager, field, raw, ids)
        if field.shared:
            made.setdefault(field.shared, [None] * len(ids))
    for lookup in stager.mapping.lookups.values():
        made[lookup.name] = list(_linked(stager, lookup, raw, ids))
    return pl.DataFrame(
        {name: made[name] for name in columns},
        schema_overrides={name: pl.String for name in columns if name != "depth"},
    )


def _linked(stager: Stager, lookup: Lookup, raw: dict[str, Column], ids: list[str]) -> Iterator[Cell]:
    if lookup.is_owner:
        owners = stager.value_map(lookup.values) if lookup.values else None
        fallback = stager.settings["policy.fallback_owner"]
        for one, user in zip(ids, raw[lookup.column], strict=True):
            yield resolve_owner(lookup, one, user, stager.problems, owners=owners, fallback=fallback)
        return
    by: Column = raw[lookup.by] if lookup.by else [None] * len(ids)
    for one, value, kind in zip(ids, raw[lookup.column], by, strict=True):
        yield resolve_lookup(lookup, one, value, kind, stager.problems)


def _field(stager: Stager, field: FieldMapping, raw: dict[str, Column], ids: list[str]) -> Column:
    if field.parts:
        return _folded(stager, field, raw, ids)
    if field.const is not None:
        constant = str(field.const).lower() if isinstance(field.const, bool) else str(field.const)
        return [constant] * len(ids)
    fill = _decided if field.values else _transformed
    made = list(fill(stager, field, raw, ids))
    if field.marker:
        made = list(_marked(stager, field, raw, ids, made))
    limit = _limit(stager, field)
    for place, value in enumerate(made):
        if field.required and not value:
            stager.problems.note(ids[place], field.name, "required", Severity.HOLD, f"has no {field.name}")
        elif value and limit and len(value) > limit:
            why = f"{len(value)} characters, and Freshsales takes {limit}"
            stager.problems.note(ids[place], field.name, "too_long", Severity.HOLD, why)
    return made


def _folded(stager: Stager, field: FieldMapping, raw: dict[str, Column], ids: list[str]) -> Column:
    """Return one labelled line a filled part, in the order of the parts."""
    columns = [(part.label, _field(stager, part, raw, ids)) for part in field.parts]
    limit = _limit(stager, field)
    made: Column = []
    for place, one in enumerate(ids):
        text = "\n".join(f"{label}: {value}" for label, column in columns if (value := column[place]))
        if limit and len(text) > limit:
            why = f"{len(text)} characters, and Freshsales takes {limit}"
            stager.problems.note(one, field.name, "too_long", Severity.HOLD, why)
        made.append(text or None)
    return made


def _transformed(stager: Stager, field: FieldMapping, raw: dict[str, Column], ids: list[str]) -> Iterator[Cell]:
    transform = TRANSFORMS[field.via]
    zone = stager.settings["practice.time_zone"]
    prefix = stager.settings["source.id_prefix"] if field.via in PREFIXED else ""
    known: dict[tuple[Cell, ...], tuple[Cell, UnreadableError | None]] = {}
    for one, texts in zip(ids, zip(*(raw[name] for name in field.columns), strict=True), strict=True):
        if field.via in ZONED:
            texts = (*texts[:-1], texts[-1] or zone)  # noqa: PLW2901
        if texts not in known:
            known[texts] = _convert(transform, texts)
        value, problem = known[texts]
        if problem:
            stager.problems.note(one, field.name, problem.rule, problem.severity, str(problem))
        yield f"{prefix}{value}" if value is not None else None


def _convert(transform: Transform, texts: tuple[Cell, ...]) -> tuple[Cell, UnreadableError | None]:
    given = tuple(printable(text) if text else text for text in texts)
    if transform.first_filled:
        given = (next((text for text in given if text and text.strip()), None),)
    if not transform.blank_too and not any(text and text.strip() for text in given):
        return None, None
    function: Callable[..., Cell] = transform.function
    try:
        return function(*given), None
    except UnreadableError as problem:
        return problem.kept, problem


def _decided(stager: Stager, field: FieldMapping, raw: dict[str, Column], ids: list[str]) -> Iterator[Cell]:
    assert field.values
    severity = Severity.WARN if field.on_open == "omit" else Severity.HOLD
    column = placeholder(field.values)
    names: Column = [None] * len(ids)
    if column:
        names = [field.values.replace(f"{{{column}}}", value or "none") for value in raw[column]]
    for one, spelling, name in zip(ids, raw[field.columns[0]], names, strict=True):
        key = (spelling or "").strip()
        if not key:
            yield None
            continue
        decided = stager.value_map(name or field.values).rows.get(key)
        if decided is None or decided.is_open:
            stager.problems.note(one, field.name, "open", severity, "spelling has no decision")
        yield decided.answer if decided else None


def _marked(
    stager: Stager, field: FieldMapping, raw: dict[str, Column], ids: list[str], made: Column
) -> Iterator[Cell]:
    at, by, *rest = (raw[name] for name in field.marker)
    completed: Column = rest[0] if rest else [None] * len(ids)
    zones = raw.get(ZONE, [None] * len(ids))
    practice = stager.settings["practice.time_zone"]
    prefix = stager.settings["source.id_prefix"]
    is_html = field.via == "rich_text"
    for one, body, when, who, done, zone in zip(ids, made, at, by, completed, zones, strict=True):
        moments = []
        for moment in (when, done):
            try:
                moments.append(local_time(moment, zone or practice))
            except UnreadableError as problem:
                moments.append(printable(moment or ""))
                stager.problems.note(one, field.name, problem.rule, Severity.WARN, str(problem))
        line = marker(stager.mapping.source_object, f"{prefix}{one}", moments[0], who, moments[1])
        yield with_marker(body, line, is_html=is_html)


def _limit(stager: Stager, field: FieldMapping) -> int | None:
    custom = stager.mappings.custom_field(stager.mapping.destination, field.name)
    if custom:
        return custom.max_length if custom.type != "date" else None
    if TRANSFORMS[field.via].form is Form.RICH:
        return 10_000
    return TITLE_FIELDS.get(field.name)


def form_of(field: FieldMapping) -> Form:
    """Return the kind of value a field holds."""
    if field.values or field.names or field.parts:
        return Form.TEXT
    if isinstance(field.const, bool):
        return Form.BOOLEAN
    return TRANSFORMS[field.via].form
