"""Every column that a mapping names has to come out of its source SELECT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

import duckdb

from workbench.dental.samples import sensitivity_of
from workbench.errors import MappingProblem, gather
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.sources import Source, columns_of, reason_of
from workbench.mapping.spellings import hand_over_value_maps
from workbench.settings import Settings
from workbench.vocabulary import Sensitivity
from workbench.warehouse import Warehouse, open_warehouse

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
