"""Which spellings each value map has to answer, with how many records write them so."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from workbench.mapping.files import Mappings
from workbench.mapping.value_map import ValueMap
from workbench.settings import Settings
from workbench.warehouse import Warehouse, identifier, open_warehouse


@dataclass(frozen=True)
class Asked:
    """One value map and the spellings that the snapshot asks it."""

    name: str
    records: dict[str, int]
    decided: ValueMap
    may_omit: bool

    @property
    def missing(self) -> list[str]:
        """Spellings without any row."""
        return self.decided.missing(self.records)

    @property
    def open(self) -> list[str]:
        """Spellings without an answer: no row, or `ask`."""
        rows = self.decided.rows
        return sorted(one for one in self.records if one not in rows or rows[one].is_open)


def asked_spellings(settings: Settings, mappings: Mappings) -> list[Asked]:
    """Return every value map that the landed snapshot asks, sorted by name."""
    found: dict[str, dict[str, int]] = {}
    holds: set[str] = set()
    with open_warehouse(settings.warehouse) as warehouse:
        hand_over_value_maps(warehouse, mappings)
        for source in mappings.sources.values():
            asks = [(name, column, "") for name, column in source.asks]
            holds |= {name for name, _ in source.asks}
            where = []
            for mapping in mappings.of(source.name):
                for field in (*mapping.fields.values(), *mapping.lookups.values()):
                    if field.values:
                        column = field.columns[0] if hasattr(field, "columns") else field.column
                        asks.append((field.values, column, field.values.partition("{")[2].partition("}")[0]))
                        if getattr(field, "on_open", "hold") == "hold":
                            holds.add(field.values.partition(".")[0])
                where.append(mapping.where)
            if not asks:
                continue
            warehouse.run(f"CREATE OR REPLACE TEMP TABLE asking AS {source.sql}")
            for name, column, placeholder in sorted(set(asks)):
                _count(warehouse, name, column, placeholder, found)
    return [
        Asked(name, dict(sorted(records.items())), mappings.values(name), name.partition(".")[0] not in holds)
        for name, records in sorted(found.items())
    ]


def _count(warehouse: Warehouse, name: str, column: str, placeholder: str, found: dict[str, dict[str, int]]) -> None:
    key = f"trim({identifier(column)}::VARCHAR)"
    by = identifier(placeholder) if placeholder else "''"
    live = "WHERE coalesce(is_deleted, 'N') <> 'Y'" if "is_deleted" in _columns(warehouse) else "WHERE true"
    rows = warehouse.run(f"SELECT {by}, {key}, count(*) FROM asking {live} AND {key} <> '' GROUP BY 1, 2")
    for place, spelling, count in rows:
        full = name.replace(f"{{{placeholder}}}", place or "none") if placeholder else name
        bucket = found.setdefault(full, {})
        bucket[spelling] = bucket.get(spelling, 0) + int(count)


def _columns(warehouse: Warehouse) -> set[str]:
    return {row[0] for row in warehouse.run("SELECT column_name FROM (DESCRIBE asking)")}


def hand_over_value_maps(warehouse: Warehouse, mappings: Mappings) -> None:
    """Give DuckDB every value map that a source SELECT joins, as temporary tables `map_<name>(source_value, answer)`."""
    for name in sorted({name for source in mappings.sources.values() for name, _ in source.asks}):
        rows = [(row.source_value, row.answer) for row in mappings.values(name).rows.values()]
        frame = pl.DataFrame(rows, schema={"source_value": pl.String, "answer": pl.String}, orient="row")
        warehouse.connection.register("incoming_map", frame.to_arrow())
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE map_{name} AS SELECT * FROM incoming_map")
        warehouse.connection.unregister("incoming_map")
