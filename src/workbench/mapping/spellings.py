"""Which spellings each value map has to answer, with how many records write them so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.foreign import ASKING, Match, has_foreign, match_foreign
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import placeholder
from workbench.mapping.sources import Source, columns_of, read_selected
from workbench.mapping.value_map import EXISTING, ValueMap
from workbench.settings import Settings
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, identifier, open_warehouse

PEOPLE = {"contact", "lead"}
"""What a person of the export becomes: one row of such a source is one person."""


@dataclass(frozen=True)
class Asked:
    """One value map and the spellings that the snapshot asks it.

    `people` counts those whose own record writes a spelling, in the column where most do: a dozen records may be the
    cases of one patient, a dozen people are not one. `is_needed` says that a row without an answer is held, so that none
    may be left blank.
    """

    name: str
    records: dict[str, int]
    decided: ValueMap
    may_omit: bool
    matches: tuple[Match, ...] = ()
    people: dict[str, int] = field(default_factory=dict)
    is_needed: bool = False

    @property
    def missing(self) -> list[str]:
        """Spellings without any row."""
        return self.decided.missing(self.records)

    @property
    def open(self) -> list[str]:
        """Spellings without an answer: no row, or `ask`."""
        return sorted(one for one in self.records if (row := self.decided.find(one)) is None or row.is_open)


def asked_spellings(settings: Settings, mappings: Mappings) -> list[Asked]:
    """Return every value map that the landed snapshot asks, sorted by name."""
    found: dict[str, Counter[str]] = {}
    people: dict[str, Counter[str]] = {}
    held: set[str] = set()
    with open_warehouse(settings.warehouse, locked_down=True) as warehouse:
        hand_over_value_maps(warehouse, mappings)
        for source in mappings.sources.values():
            named = set(asks(mappings, source))
            if named:
                read_selected(warehouse, source, "asking", temporary=True)
            for name, column, holds in sorted(named):
                if holds:
                    held.add(_stem(name))
                for full, here in _counted(warehouse, name, column).items():
                    found[full] = found.get(full, Counter()) + here
                    if _are_people(mappings, source):
                        people[full] = people.get(full, Counter()) | here
        matches = _matches(warehouse, mappings)
    needed = {_stem(name) for source in mappings.sources.values() for name in _needed(mappings, source)}
    asked = [
        Asked(
            name,
            dict(sorted(records.items())),
            mappings.values(name),
            _stem(name) not in held,
            people=dict(people.get(name, {})),
            is_needed=_stem(name) in needed,
        )
        for name, records in sorted(found.items())
    ]
    if matches:
        rows = dict.fromkeys(sorted({one.source_key for one in matches}), 1)
        asked.append(Asked(EXISTING, rows, mappings.values(EXISTING), False, tuple(matches)))
    return sorted(asked, key=lambda one: one.name)


def existing_matches(settings: Settings, mappings: Mappings) -> list[Match]:
    """Return which source rows may be records that stood in the tenant before us, the surest first for each row."""
    with open_warehouse(settings.warehouse, locked_down=True) as warehouse:
        hand_over_value_maps(warehouse, mappings)
        return _matches(warehouse, mappings)


def _matches(warehouse: Warehouse, mappings: Mappings) -> list[Match]:
    if not has_foreign(warehouse):
        return []
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE standing ({ASKING})")
    for source in mappings.sources.values():
        if select := standing_rows(mappings, source, "asking"):
            read_selected(warehouse, source, "asking", temporary=True)
            warehouse.run(f"INSERT INTO standing {select} WHERE {_live(warehouse)}")
    return match_foreign(warehouse)


def standing_rows(mappings: Mappings, source: Source, table: str) -> str:
    """Return the SELECT of a source's rows with what a record in the tenant is known by; empty where nothing can be."""
    edition = mappings.settings.edition
    prefix = str(mappings.settings["source.id_prefix"]).replace("'", "''")
    members = [
        one
        for one in mappings.of(source.name)
        if one.kind is Kind.RECORD and endpoint(one.destination, edition).has_custom_fields
    ]
    if not members:
        return ""
    fields = {field.name: field.columns for one in reversed(members) for field in one.fields.values()}
    named = any(endpoint(one.destination, edition).bulk_identifier == "name" for one in members)

    def texts(*names: str) -> list[str]:
        columns = [column for name in names for column in fields.get(name, ())]
        return [f"nullif(trim({identifier(column)}::VARCHAR), '')" for column in dict.fromkeys(columns)]

    def first(name: str) -> str:
        return f"coalesce({', '.join([*texts(name), 'NULL::VARCHAR'])})"

    def every(*names: str) -> str:
        return f"list_filter([{', '.join([*texts(*names), 'NULL::VARCHAR'])}], lambda one: one IS NOT NULL)"

    plurals = ", ".join(sorted({f"'{endpoint(one.destination, edition).plural}'" for one in members}))
    key = identifier(source.key)
    return (
        f"SELECT '{source.name}/' || {key}, [{plurals}], '{prefix}' || {key}, {first('first_name')}, {first('last_name')},"
        f" {first('name') if named else 'NULL'}, concat_ws(', ', {', '.join([*texts('address'), 'NULL::VARCHAR'])}),"
        f" {first('zipcode')}, list_transform({every('email', 'emails_more')}, lambda one: lower(one)),"
        f" {every('mobile_number', 'work_number', 'phone_numbers')} FROM {table}"
    )


def _stem(name: str) -> str:
    return name.partition(".")[0]


def asks(mappings: Mappings, source: Source) -> Iterator[tuple[str, str, bool]]:
    """Yield value map, column, and whether an open spelling holds its row."""
    yield from ((name, column, True) for name, column in source.asks)
    for mapping in mappings.of(source.name):
        yield from (
            (field.values, field.columns[0], field.on_open == "hold") for field in mapping.leaves if field.values
        )
        yield from ((lookup.values, lookup.column, True) for lookup in mapping.lookups.values() if lookup.values)


def _needed(mappings: Mappings, source: Source) -> Iterator[str]:
    """Yield the value maps without whose answer a row of a source is held: its route, its owner, what it requires."""
    yield from (name for name, _ in source.asks)
    for mapping in mappings.of(source.name):
        yield from (field.values for field in mapping.leaves if field.values and field.required)
        yield from (lookup.values for lookup in mapping.lookups.values() if lookup.values and lookup.required)


def _are_people(mappings: Mappings, source: Source) -> bool:
    members = [one for one in mappings.of(source.name) if one.kind is Kind.RECORD]
    return bool(members) and all(one.destination in PEOPLE for one in members)


def _counted(warehouse: Warehouse, name: str, column: str) -> dict[str, Counter[str]]:
    """Return how many rows write each spelling, by the full name of the value map that they ask."""
    found: dict[str, Counter[str]] = {}
    by = placeholder(name)
    rows = warehouse.run(
        f"SELECT {identifier(by) if by else 'NULL'}, {identifier(column)}::VARCHAR, count(*) FROM asking"
        f" WHERE {_live(warehouse)} GROUP BY 1, 2"
    )
    for place, typed, count in rows:
        # Python cuts tabs and no-break spaces too, as staging does; SQL's trim cuts blanks alone.
        spelling = (typed or "").strip()
        if spelling:
            full = name.replace(f"{{{by}}}", place or "none") if by else name
            found.setdefault(full, Counter())[spelling] += int(count)
    return found


def _live(warehouse: Warehouse) -> str:
    known = "is_deleted" in columns_of(warehouse, "SELECT * FROM asking")
    return "coalesce(is_deleted, 'N') <> 'Y'" if known else "true"


def hand_over_value_maps(warehouse: Warehouse, mappings: Mappings) -> None:
    """Give DuckDB every value map that a source SELECT joins, as temporary tables `map_<name>(source_value, answer)`."""
    for name in sorted({name for source in mappings.sources.values() for name, _ in source.asks}):
        rows = [(row.source_value, row.answer) for row in mappings.values(name).rows.values()]
        frame = pl.DataFrame(rows, schema={"source_value": pl.String, "answer": pl.String}, orient="row")
        warehouse.connection.register("incoming_map", frame.to_arrow())
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE map_{name} AS SELECT * FROM incoming_map")
        warehouse.connection.unregister("incoming_map")
