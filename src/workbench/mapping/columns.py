"""Every column that a mapping names has to come out of its source SELECT; what it tells of patients says what pages show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

import duckdb
import polars as pl

from workbench.dental.samples import sensitivity_of
from workbench.errors import MappingProblem, gather
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.sources import Source, columns_of, reason_of
from workbench.mapping.spellings import asks, hand_over_value_maps
from workbench.privacy import SMALLEST_COUNT, small
from workbench.settings import Settings
from workbench.suppression import HIDDEN, hide_small
from workbench.vocabulary import Sensitivity
from workbench.warehouse import Warehouse, open_warehouse

ODDITIES = ("untrimmed", "null_words", "mojibake", "unreadable")
"""Counts of odd values in the profile of a column."""
UNKNOWN_COLUMN = re.compile(r'Referenced column "([^"]+)" not found')


def require_columns(settings: Settings, mappings: Mappings) -> None:
    """Stop with file and column for each column that no source SELECT yields, before anything is staged."""
    problems: list[str] = []
    with open_warehouse(settings.warehouse, locked_down=True) as warehouse:
        hand_over_value_maps(warehouse, mappings)
        for source in mappings.sources.values():
            problems.extend(_source_problems(warehouse, mappings, source))
    if problems:
        raise MappingProblem(gather("mappings/", problems))


def missing_columns(mapping: ObjectMapping, have: set[str]) -> list[str]:
    """Return one sentence for each column that a mapping names and its source does not yield."""
    where = f"mappings/objects/{mapping.name}.toml"
    problems = [
        f"{where}: {mapping.source_object}.sql yields no column {column!r}{_meant(column, have)}"
        for column in sorted(mapping.used_columns - have)
    ]
    return problems + [
        f"{where}: [{section}] {column}: {mapping.source_object}.sql yields no such column{_meant(column, have)}"
        for section, named in (("ignored", mapping.ignored), ("sensitivity", mapping.sensitivity))
        for column in sorted(set(named) - have)
    ]


def sensitivity_of_column(mappings: Mappings, source: str, column: str) -> Sensitivity:
    """Return what a source column tells of a patient: the gravest that a mapping decided, else what its name suggests."""
    decided = [one.sensitivity[column] for one in mappings.of(source) if column in one.sensitivity]
    return max(decided, key=[*Sensitivity].index) if decided else sensitivity_of(column)


def tells_health(mappings: Mappings, *columns: str) -> bool:
    """Say whether any of some columns, each written as `cases.cf_ada_codes`, tells of a patient's health."""
    split = (one.partition(".") for one in columns)
    return any(sensitivity_of_column(mappings, source, column) is Sensitivity.HEALTH for source, _, column in split)


def health_maps(mappings: Mappings) -> set[str]:
    """Return the value maps that a health-bearing column asks, by the first part of their names."""
    return {
        name.partition(".")[0]
        for source in mappings.sources.values()
        for name, column, _ in asks(mappings, source)
        if tells_health(mappings, f"{source.name}.{column}")
    }


def as_shown(mappings: Mappings, table: pl.DataFrame, counts: list[str], *by: str) -> pl.DataFrame:
    """Return a table of people, or of records of one person each, by some columns, as a page may show it.

    Where one of the columns tells of health, small counts are hidden, and what would betray them; else all are exact.
    Rows in the order of their counts would betray them, too: they then stand in the order of what they count.
    """
    if not tells_health(mappings, *by):
        return table
    shown = hide_small(table, counts)
    is_whole = all(shown[one].to_list() == [f"{count:,}" for count in table[one]] for one in counts)
    return shown if is_whole else shown.sort([one for one in table.columns if one not in counts])


def as_drawn(mappings: Mappings, table: pl.DataFrame, count: str, *by: str) -> pl.DataFrame:
    """Return the rows of such a table whose count a picture may show: it has no word for a hidden one."""
    if not tells_health(mappings, *by):
        return table
    return table.filter(~hide_small(table, [count])[count].is_in([HIDDEN, small(1)]))


def columns_as_shown(mappings: Mappings, columns: pl.DataFrame) -> pl.DataFrame:
    """Return the profile of columns as a page may show it.

    Whether a health-bearing column is filled tells of its patient: small counts are hidden, of filled records and of
    blank ones, with the counts of its shapes.
    """
    rows = []
    for row in columns.iter_rows(named=True):
        hides = tells_health(mappings, f"{row['object']}.{row['column']}")
        told = {name: _shown(row[name], hides=hides) for name in ODDITIES}
        told["filled"] = filled_as_shown(row["filled"], row["rows"], hides=hides)
        told["distinct"] = f"{row['distinct']:,}" if told["filled"] not in (HIDDEN, small(1)) else HIDDEN
        shapes = re.sub(r" \([\d,]+\)", "", row["shapes"] or "") if hides else row["shapes"]
        rows.append({**row, **told, "shapes": shapes})
    texts = dict.fromkeys((*ODDITIES, "filled", "distinct"), pl.String)
    return pl.DataFrame(rows, schema={**columns.schema, **texts}, orient="row")


def without_health(mappings: Mappings, columns: pl.DataFrame) -> pl.DataFrame:
    """Return the profile of columns without the odd values of health-bearing ones: a sum would tell their hidden counts."""
    tells = [
        tells_health(mappings, f"{name}.{column}") for name, column in columns.select("object", "column").iter_rows()
    ]
    return columns.with_columns(
        pl.when(pl.Series(tells, dtype=pl.Boolean)).then(0).otherwise(pl.col(ODDITIES)).name.keep()
    )


def words_as_shown(mappings: Mappings, words: pl.DataFrame) -> pl.DataFrame:
    """Return the words for nothing by column as a page may show them."""
    parts = [
        as_shown(mappings, part, ["records"], f"{source}.{column}").with_columns(pl.col("records").cast(pl.String))
        for (source, column), part in words.sort("object", "column", maintain_order=True).group_by(
            "object", "column", maintain_order=True
        )
    ]
    return pl.concat(parts) if parts else words


def filled_as_shown(filled: int, rows: int, *, hides: bool) -> str:
    """Return how many records fill a column: nothing of it where either the filled or the blank ones are few."""
    if hides and (0 < filled < SMALLEST_COUNT or 0 < rows - filled < SMALLEST_COUNT):
        return small(filled) if filled < SMALLEST_COUNT else HIDDEN
    return f"{filled:,}"


def _shown(count: int | None, *, hides: bool) -> str | None:
    if count is None:
        return None
    return small(count) if hides else f"{count:,}"


def held_back_fields(settings: Settings, mappings: Mappings, mapping: ObjectMapping) -> dict[str, str]:
    """Return the fields of a mapping that stay empty on a real target until `[privacy] baa` names the agreement.

    They are the fields that a health-bearing column fills, each with that column; of a text with a marker the marker
    stays. What a record cannot be without (required) moves all the same; clinical notes and notes of claims stay out as
    whole rows.
    """
    return {} if settings.is_rehearsal or settings["privacy.baa"] else health_fields(mappings, mapping)


def health_fields(mappings: Mappings, mapping: ObjectMapping) -> dict[str, str]:
    """Return the fields of a mapping that tell of a patient's health and may stay empty, each with the column that does."""
    return {
        field.name: column
        for field in mapping.leaves
        if not field.required
        for column in field.columns
        if sensitivity_of_column(mappings, mapping.source_object, column) is Sensitivity.HEALTH
    }


def _source_problems(warehouse: Warehouse, mappings: Mappings, source: Source) -> Iterator[str]:
    where = f"mappings/sources/{source.name}.sql"
    try:
        have = columns_of(warehouse, source.sql)
    except duckdb.Error as problem:
        yield f"{where}: {reason_of(problem)}"
        return
    for column in sorted({source.key, *(column for _, column in source.asks)} - have):
        yield f"{where}: its first lines name {column!r}, and it yields no such column{_meant(column, have)}"
    for mapping in mappings.of(source.name):
        yield from missing_columns(mapping, have)
        try:
            columns_of(warehouse, f"SELECT 1 FROM (\n{source.sql}\n) WHERE (\n{mapping.where}\n)::BOOLEAN")
        except duckdb.Error as problem:
            unknown = UNKNOWN_COLUMN.search(str(problem))
            why = f"there is no column {unknown[1]!r}{_meant(unknown[1], have)}" if unknown else reason_of(problem)
            yield f"mappings/objects/{mapping.name}.toml: [source] where: {why}"


def _meant(column: str, have: set[str]) -> str:
    close = get_close_matches(column, sorted(have), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
