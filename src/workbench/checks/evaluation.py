"""Great Expectations counts the rows of a table that fail each expectation; no value ever leaves it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from workbench.checks.predicates import number_sql
from workbench.checks.suites import Expectation
from workbench.errors import CountMismatch
from workbench.warehouse import Warehouse, identifier

RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True}
"""Counts only: the library's default keeps twenty failing values in every result."""
NUMERIC = "expect_column_values_to_be_between"


@dataclass(frozen=True)
class Counted:
    """What came out for one expectation: rows looked at, and rows that fail."""

    evaluated: int
    failed: int


def count_failures(warehouse: Warehouse, table: str, expectations: Sequence[Expectation]) -> list[Counted]:
    """Evaluate expectations over a table, and return as many counts in the same order; any error inside is an error."""
    from great_expectations.core.expectation_suite import ExpectationSuite  # noqa: PLC0415  five seconds to import

    frame = warehouse.connection.execute(f"SELECT {_columns(expectations)} FROM {table}").df()
    written = [
        {"type": one.type, "kwargs": _kwargs(place, one), "meta": {"place": place}}
        for place, one in enumerate(expectations)
    ]
    context = open_context()
    suite = ExpectationSuite(name=table, expectations=written)
    if len(suite.expectations) != len(written):
        raise CountMismatch(
            f"{table}: Great Expectations took {len(suite.expectations)} of {len(written)} expectations."
        )
    source = context.data_sources.add_or_update_pandas("staged rows")
    batches = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("all rows")
    results = batches.get_batch({"dataframe": frame}).validate(suite, result_format=RESULT_FORMAT)
    # results come in another order when one of them fails inside, so each is known by its place
    counts = {
        result.expectation_config.meta["place"]: _counted(table, result, frame.shape[0]) for result in results.results
    }
    if sorted(counts) != list(range(len(expectations))):
        raise CountMismatch(f"{table}: {len(expectations)} expectations were written and {len(counts)} evaluated.")
    return [counts[place] for place in range(len(expectations))]


@cache
def open_context() -> Any:
    """Open one context that keeps nothing on disk, sends nothing, and draws no progress bars."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations  # noqa: PLC0415  five seconds to import
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415  the same

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def registered_types() -> set[str]:
    """Name every expectation type the library knows."""
    open_context()
    from great_expectations.expectations import registry  # noqa: PLC0415  five seconds to import

    return set(registry.list_registered_expectation_implementations())


def _columns(expectations: Sequence[Expectation]) -> str:
    """Fetch only the columns that are asked for; numbers come beside their text, under a name of their own."""
    plain = sorted({column for one in expectations if one.type != NUMERIC for column in one.columns})
    numbers = [
        f"{number_sql(one.kwargs)} AS {identifier(_number_name(place))}"
        for place, one in enumerate(expectations)
        if one.type == NUMERIC
    ]
    return ", ".join([*(identifier(column) for column in plain), *numbers])


def _kwargs(place: int, one: Expectation) -> dict[str, Any]:
    if one.type == NUMERIC:
        return {**one.kwargs, "column": _number_name(place)}
    return {**one.kwargs, "regex": as_python(one.kwargs["regex"])} if "regex" in one.kwargs else dict(one.kwargs)


def as_python(regex: str) -> str:
    """Write an RE2 expression so that Python reads it alike: `$` is the very end, not before a last line break.

    Groups capture nothing, since pandas warns of each that does.
    """
    made: list[str] = []
    escaped = in_class = False
    for place, sign in enumerate(regex):
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign in "[]":
            in_class = sign == "["
        elif sign == "$" and not in_class:
            made.append(r"\Z")
            continue
        elif sign == "(" and not in_class and regex[place + 1 : place + 2] != "?":
            made.append("(?:")
            continue
        made.append(sign)
    return "".join(made)


def _number_name(place: int) -> str:
    return f"number_{place}"


def _counted(table: str, result: Any, rows: int) -> Counted:
    config = result.expectation_config
    # the library's own message may quote values, so it is not repeated
    if result.exception_info.get("raised_exception", True):
        column = config.kwargs.get("column") or config.kwargs.get("column_A")
        raise CountMismatch(f"{table}: Great Expectations could not evaluate {config.type} on {column}.")
    return Counted(int(result.result.get("element_count", rows)), int(result.result["unexpected_count"]))
