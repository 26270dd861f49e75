"""The pre-mapping document: every source field, its destination, how it is mapped; and how hard the whole is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from workbench.errors import MappingProblem, gather
from workbench.mapping.columns import sensitivity_of_column
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import FieldMapping, ObjectMapping
from workbench.mapping.spellings import Asked, asked_spellings
from workbench.reports.rebuild_reference import write_frames
from workbench.settings import Settings
from workbench.vocabulary import Kind
from workbench.warehouse import open_warehouse

ALONE = 2_000_000
"""Above so many records a migration is scoped individually."""
GRADES = {"A": "simple", "B": "standard", "C": "demanding", "D": "hard"}
Factor = tuple[str, str, str]
"""What is graded, its grade, and why."""
A_SPELLING, FATELESS = 0.5, 15
"""Minutes that a person needs for an open spelling, and for a column that nobody has spoken of."""
DOCUMENT = (
    "source",
    "column",
    "sensitivity",
    "filled",
    "shape",
    "destination",
    "how",
    "value map",
    "fate",
    "why",
    "open",
    "effort",
)
COMMENT = ("comment", "comment by")
"""What people type into the workbook of the pre-mapping document."""
OURS = {"source_file", "source_row"}
"""Columns that landing adds."""


def mapping_frame(mappings: Mappings) -> pl.DataFrame:
    """Return one row a mapping, those that move rows first: what it reads, what it makes or why nothing, for which rows."""
    rows = [
        (
            one.name,
            one.title,
            one.source_object,
            one.destination or (f"left out: {one.reason}" if one.reason else "–"),
            str(one.kind),
            ", ".join(str(row) for row in one.rows),
            len(one.fields) + len(one.lookups),
            one.where,
        )
        for one in sorted(mappings.objects, key=lambda one: one.kind is Kind.LEFT_OUT)
    ]
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "mapping": pl.String,
            "title": pl.String,
            "source": pl.String,
            "destination": pl.String,
            "kind": pl.String,
            "brief row": pl.String,
            "fields": pl.Int64,
            "claims rows where": pl.String,
        },
    )


def field_frame(mappings: Mappings) -> pl.DataFrame:
    """Return one row a destination field: its source columns and the kind of mapping."""
    rows = []
    for mapping in mappings.objects:
        for whole in mapping.fields.values():
            for field in whole.leaves:
                how = how_filled(field) + (f", as a line of {whole.name}" if whole.parts else "")
                rows.append((mapping.name, field.name, " + ".join(field.columns) or "constant", how, field.required))
        for lookup in mapping.lookups.values():
            target = " or ".join(sorted(set(lookup.targets.values())))
            rows.append((mapping.name, lookup.name, lookup.column, f"link to {target}", lookup.required))
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "mapping": pl.String,
            "destination field": pl.String,
            "source": pl.String,
            "how": pl.String,
            "required": pl.Boolean,
        },
    )


def fate_frame(settings: Settings, mappings: Mappings) -> pl.DataFrame:
    """Return one row a source column: mapped, ignored with the reason, or without a fate."""
    rows = []
    with open_warehouse(settings.warehouse) as warehouse:
        for name, source in mappings.sources.items():
            readers = mappings.of(name)
            for column in warehouse.columns(f"raw.{name}"):
                if column in OURS or not readers:
                    continue
                rows.append((name, column, *fate_of(column, source.key, source.sql, readers)))
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "source": pl.String,
            "column": pl.String,
            "fate": pl.String,
            "where to or why": pl.String,
        },
    )


def require_fates(settings: Settings, mappings: Mappings) -> pl.DataFrame:
    """Return the fates of all source columns, or stop and name those that have none."""
    fates = fate_frame(settings, mappings)
    without = fates.filter(pl.col("fate") == "none")
    if without.height:
        lines = [
            f"{row['source']}.{row['column']} has no fate: map it in [fields], or give a reason in [ignored]"
            for row in without.iter_rows(named=True)
        ]
        raise MappingProblem(gather("mappings/objects", lines, noun="problem"))
    return fates


def document_frame(settings: Settings, mappings: Mappings) -> pl.DataFrame:
    """Return one row a source column and destination: how it is mapped, or why it is not, its shape, and what is open.

    `effort` is a guess in minutes of a person: a spelling half a minute, a column without a fate a quarter of an hour.
    """
    waiting = {one.name: len(one.open) for one in asked_spellings(settings, mappings)}
    with open_warehouse(settings.warehouse) as warehouse:
        known = {
            (name, column): (filled, shape)
            for name, column, filled, shape in (
                warehouse.run('SELECT object, "column", filled, shape FROM profile.columns')
                if warehouse.has("profile.columns")
                else ()
            )
        }
    rows = []
    for name, column, fate, why in fate_frame(settings, mappings).iter_rows():
        filled, shape = known.get((name, column), (None, None))
        for destination, how, values in _destinations(mappings, name, column) or [("", "", "")]:
            stem = values.partition("{")[0].rstrip(".")
            still = sum(count for one, count in waiting.items() if values and one.partition(".")[0] == stem)
            effort = FATELESS if fate == "none" else round(still * A_SPELLING)
            reason = "" if destination else why
            told = str(sensitivity_of_column(mappings, name, column))
            rows.append((name, column, told, filled, shape, destination, how, values, fate, reason, still, effort))
    schema = dict.fromkeys(DOCUMENT, pl.String) | dict.fromkeys(("filled", "open", "effort"), pl.Int64)
    return pl.DataFrame(rows, schema=schema, orient="row")


def short_document(document: pl.DataFrame) -> pl.DataFrame:
    """Return the document as a page holds it: column, shape, what it becomes, how or why not, and what is open."""
    is_mapped = pl.col("destination") != ""
    return document.select(
        pl.concat_str("source", pl.lit("."), "column").alias("source_column"),
        "shape",
        pl.when(is_mapped).then(pl.col("destination")).otherwise(pl.col("fate")).alias("becomes"),
        pl.when(is_mapped).then(pl.col("how")).otherwise(pl.col("why")).alias("how_or_why_not"),
        "open",
    )


def write_premapping(frames: dict[str, pl.DataFrame], folder: Path) -> tuple[Path, Path]:
    """Write premapping.xlsx, with cells for comments beside every field, and premapping.json."""
    return write_frames(frames, folder, "premapping", open_columns=COMMENT)


def _destinations(mappings: Mappings, source: str, column: str) -> list[tuple[str, str, str]]:
    """Return where a column goes: the destination's field, how, and the value map between."""
    found = []
    for one in mappings.of(source):
        for field in one.leaves:
            if column in (*field.columns, *field.marker):
                found.append((f"{one.destination}.{field.name}", how_filled(field), field.values or ""))
        for look in one.lookups.values():
            if column in (look.column, look.by):
                found.append((f"{one.destination}.{look.name}", "link", look.values or ""))
    return list(dict.fromkeys(found))


def how_filled(field: FieldMapping) -> str:
    """Return in words how a field is filled."""
    if field.const is not None:
        return f"always {field.const}"
    parts = [f"value map {field.values}" if field.values else f"as {field.via.replace('_', ' ')}"]
    if field.names:
        parts.append(f"by name among {field.names.replace('_', ' ')}")
    if field.unique:
        parts.append("one holder" if field.unique == "holder" else "made distinct")
    if field.marker:
        parts.append("with marker line")
    return ", ".join(parts)


def fate_of(column: str, key: str, sql: str, readers: list[ObjectMapping]) -> tuple[str, str]:
    """Return the fate of one source column among the mappings that read its table, and where it goes or why it stays."""
    if all(one.kind is Kind.LEFT_OUT for one in readers):
        return "left out", readers[0].reason
    mapped = [
        f"{one.name}.{field.name}"
        for one in readers
        for field in one.leaves
        if column in (*field.columns, *field.marker)
    ]
    mapped += [
        f"{one.name}.{look.name}"
        for one in readers
        for look in one.lookups.values()
        if column in (look.column, look.by)
    ]
    if mapped:
        return "mapped", ", ".join(mapped[:3]) + (f" and {len(mapped) - 3} more" if len(mapped) > 3 else "")
    reasons = [one.ignored[column] for one in readers if column in one.ignored]
    if reasons:
        # What the source SELECT composes into another field is written down like a reason.
        return "composed" if reasons[0].startswith(("part of", "decides")) else "ignored", reasons[0]
    if column == key:
        return "mapped", "the key"
    if any(one.kind in (Kind.MATCH, Kind.SETUP) for one in readers):
        return "setup", "read by the setup plan and the rebuild reference"
    return "none", f"nothing reads it{'' if f'.{column}' not in sql else ' but the source SELECT'}"


def graded(value: float, a: float, b: float, c: float) -> str:
    """Return the grade of a value by the most that A, B and C allow."""
    return "A" if value <= a else "B" if value <= b else "C" if value <= c else "D"


def count_objects(mappings: Mappings) -> dict[str, int]:
    """Count source objects: one mapping takes them whole, several share them, or people rebuild them by hand."""
    moving = [[one for one in mappings.of(name) if one.kind is not Kind.LEFT_OUT] for name in mappings.sources]
    sizes = [len(one) for one in moving]
    several = sum(size > 1 for size in sizes)
    return {"one_to_one": sizes.count(1), "need_a_mapping": several, "rebuilt_by_hand": sizes.count(0)}


def grade_mapping(mappings: Mappings, asked: Sequence[Asked], as_shipped: Collection[str]) -> tuple[Factor, Factor]:
    """Grade how many objects do not go one to one, and how clear the fields are.

    Fields of mappings that are as they came are mapped from defaults: the sample has still to confirm them.
    """
    objects = count_objects(mappings)
    several, single = objects["need_a_mapping"], objects["one_to_one"]
    told = f"{single} objects 1:1, {several} need a mapping, {objects['rebuilt_by_hand']} are rebuilt by hand"
    sizes = {one.name: len([*one.leaves, *one.lookups]) for one in mappings.objects}
    shipped = sum(size for name, size in sizes.items() if name in as_shipped)
    spellings, still = sum(len(one.records) for one in asked), sum(len(one.open) for one in asked)
    clear = (
        f"{shipped} of {sum(sizes.values())} fields are mapped from defaults, which the sample confirms; {still} of"
        f" {spellings} spellings in {len(asked)} value maps are open"
    )
    grade = max(graded(still / max(spellings, 1), 0.05, 0.15, 0.3), "B" if shipped else "A")
    return ("objects", graded(several / max(several + single, 1), 0, 1 / 3, 2 / 3), told), ("fields", grade, clear)


def grade_volume(records: int) -> Factor:
    """Grade how many records move."""
    alone = ": scoped individually" if records > ALONE else ""
    return "volume", graded(records, ALONE / 20, ALONE / 4, ALONE), f"{records:,} records{alone}"
