"""One pass over a table finds the rows that fail: their keys and what each of them fails, in a temporary table."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from workbench.checks.judged import Judged
from workbench.checks.predicates import failing_sql
from workbench.errors import MappingProblem
from workbench.warehouse import Warehouse, identifier

FAILING = "failing"
"""Its rows are `key` and one flag an expectation; it spills to disk like every table, however many rows fail."""


def find_failing(warehouse: Warehouse, judged: Judged) -> tuple[int, list[int]]:
    """Write the temporary table `failing` in one pass; return the rows looked at, and those that fail, by expectation."""
    places = range(len(judged.expectations))
    flags = [
        f"{failing_sql(one.type, one.kwargs, judged.table)} AS {fails(place)}"
        for place, one in enumerate(judged.expectations)
    ]
    key = identifier(judged.key)
    try:
        warehouse.run(
            f"CREATE OR REPLACE TEMP TABLE {FAILING} AS SELECT *"
            f" FROM (SELECT {key} AS key, {', '.join(flags)} FROM {judged.table}) WHERE {_any(places)}"
        )
    except duckdb.Error:
        raise MappingProblem(
            f"expectations/{judged.title}.json: DuckDB cannot evaluate it. Regular expressions here are RE2's:"
            " no look-ahead, no back-references."
        ) from None
    ((rows,),) = warehouse.run(f"SELECT count(*) FROM {judged.table}")
    counts = ", ".join(f"count(*) FILTER (WHERE {fails(place)})" for place in places)
    return int(rows), [int(count) for count in warehouse.run(f"SELECT {counts} FROM {FAILING}")[0]]


def failures_sql(places: Sequence[int]) -> str:
    """Return the query for (key, place): which rows fail which expectation, once `find_failing` has run."""
    flags = ", ".join(f"CASE WHEN {fails(place)} THEN {place} END" for place in places)
    return f"SELECT key, unnest([{flags}]) AS place FROM {FAILING}"


def fails(place: int) -> str:
    """Name the flag of the expectation at a place."""
    return f"fails_{place}"


def _any(places: Sequence[int]) -> str:
    return " OR ".join(fails(place) for place in places)
