"""The snapshot as a profile sees it: opened, its columns by kind, and the values that are not canonical already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from workbench.dental_exec.contract import ExportObject, read_contract
from workbench.errors import StoreProblem
from workbench.profile import cells
from workbench.warehouse import Warehouse, open_warehouse

POINTED = {
    "contact": "contacts",
    "case": "cases",
    "company": "companies",
    "appointment": "appointments",
}
"""The words of related_object and the objects they mean."""
LIVES = "upper(trim(coalesce(is_deleted, 'N'))) <> 'Y'"
"""Rows that the source has not deleted."""
OURS = ("source_file", "source_row")
GUARDED = """("{0}" LIKE '="%' OR "{0}" LIKE '''%' OR "{0}" LIKE '#%' OR contains("{0}", '_x000D_')
 OR (length("{0}") < 8 AND lower(trim("{0}")) IN ('null', 'n/a', '-', '--', '\\n')))"""
EDGES = """(regexp_matches("{0}", '^[\\s\\x{{a0}}=''#"]|[\\s\\x{{a0}}"]$|^\\d+\\.0$')
 OR lower("{0}") IN ('null', 'n/a', 'na', 'none', 'nil', '-', '--', '.'))"""
PLAIN_DAY = """NOT regexp_full_match("{0}", '\\d{{4}}-\\d{{2}}-\\d{{2}}( \\d{{2}}:\\d{{2}}:\\d{{2}})?')"""
EMPTY = ", ".join(f"'{day}'" for day in sorted(cells.EMPTY_DAYS))
ODD = {
    "text": GUARDED,
    "key": EDGES,
    "link": EDGES,
    "flag": "\"{0}\" NOT IN ('Y', 'N')",
    "number": "NOT regexp_full_match(\"{0}\", '-?\\d+(\\.\\d+)?')",
    "zip": "NOT regexp_full_match(\"{0}\", '\\d{{5}}(-\\d{{4}})?')",
    "date": f'({PLAIN_DAY} OR left("{{0}}", 10) IN ({EMPTY}))',
    "birth": f'({PLAIN_DAY} OR left("{{0}}", 10) IN ({EMPTY}))',
}
"""Which values of a column are not canonical already, by kind: only these are looked at one by one."""


@dataclass(frozen=True)
class Column:
    """One column that is read, and the column beside it that helps: a state, or the word that names a link's object."""

    object: str
    name: str
    kind: str
    beside: str = ""

    @property
    def title(self) -> str:
        """Name it as a person decides it."""
        return f"{self.object}.{self.name}"


@contextmanager
def open_snapshot(warehouse: Path) -> Iterator[Warehouse]:
    """Open the warehouse to write profile.* over the snapshot in raw.*."""
    with open_warehouse(warehouse, write=warehouse.exists()) as store:
        if not store.has("raw.deliveries"):
            raise StoreProblem(
                "There is no snapshot to profile. Run notebooks/10_take_snapshot.ipynb, or: workbench run --to snapshot"
            )
        yield store


def columns_of(store: Warehouse, said: ExportObject) -> list[Column]:
    """Return the columns of a landed object, each with its kind."""
    made = []
    for name in store.columns(f"raw.{said.name}"):
        if name in OURS:
            continue
        kind = said.kind_of(name)
        beside = said.links[name].removeprefix("by:") if kind == "link" and said.links[name].startswith("by:") else ""
        made.append(Column(said.name, name, kind, "state" if kind == "zip" else beside))
    return made


def count_odd(store: Warehouse, said: ExportObject) -> dict[str, tuple[int, int]]:
    """Return, by column of an object, how many cells are filled and how many may not be canonical: one scan for all."""
    columns = columns_of(store, said)
    asked = ", ".join(
        f'count("{one.name}"), count(*) FILTER (WHERE "{one.name}" IS NOT NULL AND {ODD[one.kind].format(one.name)})'
        for one in columns
    )
    counts = store.run(f"SELECT {asked} FROM raw.{said.name}")[0]
    # Which links name no key is not counted here: they are looked at one by one.
    return {
        one.name: (filled, filled if one.kind == "link" else odd)
        for one, filled, odd in zip(columns, counts[::2], counts[1::2], strict=True)
    }


def odd_values(store: Warehouse, column: Column, *, everything: bool = False) -> pl.DataFrame:
    """Return the distinct values of a column that are not canonical, with their records and what stands beside."""
    beside = f'lower(trim("{column.beside}"))' if column.kind == "link" else f'"{column.beside}"'
    by = f"{beside} AS by, " if column.beside else "NULL::VARCHAR AS by, "
    which = "true" if everything else ODD[column.kind].format(column.name)
    if column.kind == "link" and not everything:
        which = f"({which} OR NOT {_is_known(column)})"
    return store.frame(
        f'SELECT "{column.name}" AS value, {by}count(*) AS records FROM raw.{column.object} t'
        f' WHERE "{column.name}" IS NOT NULL AND {which} GROUP BY ALL ORDER BY ALL'
    ).with_columns(cells.bare(pl.col("value")).alias("bare"))


def targets_of(column: Column) -> dict[str, str]:
    """Return the objects a link may point at, by the word that names them ('' where there is only one)."""
    said = read_contract().objects[column.object].links[column.name]
    return dict(POINTED) if said.startswith("by:") else {"": said}


def _is_known(column: Column) -> str:
    parts = [
        f'EXISTS (SELECT 1 FROM raw.{target} k WHERE k."{read_contract().objects[target].key[0]}" = t."{column.name}")'
        for target in dict.fromkeys(targets_of(column).values())
    ]
    return f"({' OR '.join(parts)})"


def as_read(store: Warehouse, name: str) -> str:
    """Return the table of an object whose cells were read into one form, else the table as it landed."""
    return f"profile.read_{name}" if store.has(f"profile.read_{name}") else f"raw.{name}"
