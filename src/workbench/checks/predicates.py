"""Expectation types as SQL: each becomes a predicate that is true for the rows that fail it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import MappingProblem
from workbench.warehouse import identifier

Kwargs = Mapping[str, Any]
KINDS: dict[str, tuple[type, ...]] = {
    "column": (str,),
    "column_A": (str,),
    "column_B": (str,),
    "regex": (str,),
    "value_set": (list,),
    "min_value": (int, float),
    "max_value": (int, float),
    "or_equal": (bool,),
    "ignore_row_if": (str,),
}
"""Every argument an expectation may have here, and what it is."""
WORDS = {str: "text", list: "list", int: "number", bool: "true or false"}


@dataclass(frozen=True)
class Predicate:
    """How one expectation type is asked of DuckDB: its arguments, and the SQL that is true for a failing row alone.

    Of a row that fulfils it, or has nothing there to judge, the SQL is false or NULL.
    """

    required: frozenset[str]
    optional: frozenset[str]
    write: Callable[[Kwargs, str], str]


def failing_sql(kind: str, kwargs: Kwargs, table: str) -> str:
    """Return the predicate of one expectation over `table`, true for the rows that fail."""
    if kind not in PREDICATES:
        raise MappingProblem(f"{kind} has no SQL predicate; there are {', '.join(sorted(PREDICATES))}.")
    return PREDICATES[kind].write(kwargs, table)


def number_sql(kwargs: Kwargs) -> str:
    """Read a text column as a number; a text that is none lies outside of every range, an empty one has no number."""
    column = identifier(kwargs["column"])
    outside = "-inf" if "min_value" in kwargs else "inf"
    number = f"nullif(TRY_CAST({column} AS DOUBLE), CAST('nan' AS DOUBLE))"
    return f"coalesce({number}, CASE WHEN {column} IS NOT NULL THEN CAST('{outside}' AS DOUBLE) END)"


def argument_problems(kind: str, kwargs: Kwargs) -> list[str]:
    """List what is wrong with the arguments of one expectation."""
    predicate = PREDICATES[kind]
    allowed = predicate.required | predicate.optional
    problems = [
        f"no argument named {name!r}; there are {', '.join(sorted(allowed))}" for name in kwargs if name not in allowed
    ]
    problems += [f"the argument {name!r} is missing" for name in sorted(predicate.required - set(kwargs))]
    problems += [
        f"the argument {name!r} is a {WORDS[KINDS[name][0]]}"
        for name, value in kwargs.items()
        if name in allowed and (not isinstance(value, KINDS[name]) or (isinstance(value, bool) and name != "or_equal"))
    ]
    if {"min_value", "max_value"} <= allowed and not {"min_value", "max_value"} & set(kwargs):
        problems.append("neither min_value nor max_value is given")
    if kwargs.get("value_set") == []:
        problems.append("value_set is empty")
    if any(not isinstance(value, str) for value in _listed(kwargs)):
        problems.append("value_set holds texts only, since every column here is text")
    if len(_listed(kwargs)) > len({str(value) for value in _listed(kwargs)}):
        problems.append("value_set names a value twice")
    if "ignore_row_if" in allowed and kwargs.get("ignore_row_if", PAIR_RULE) != PAIR_RULE:
        problems.append(f"ignore_row_if is {PAIR_RULE}: a pair with an empty half says nothing")
    return problems


def _listed(kwargs: Kwargs) -> list[Any]:
    values = kwargs.get("value_set")
    return values if isinstance(values, list) else []


def literal(value: object) -> str:
    """Write a text as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def _is_null(kwargs: Kwargs, table: str) -> str:
    return f"({identifier(kwargs['column'])} IS NULL)"


def _is_repeated(kwargs: Kwargs, table: str) -> str:
    column = identifier(kwargs["column"])
    repeated = f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1"
    return f"({column} IN ({repeated}))"


def _misses_regex(kwargs: Kwargs, table: str) -> str:
    return f"(NOT regexp_matches({identifier(kwargs['column'])}, {literal(kwargs['regex'])}))"


def _matches_regex(kwargs: Kwargs, table: str) -> str:
    return f"(regexp_matches({identifier(kwargs['column'])}, {literal(kwargs['regex'])}))"


def _is_outside_set(kwargs: Kwargs, table: str) -> str:
    # a cast to an enumeration looks each text up by its hash; NOT IN compares it with one choice after the other
    column = identifier(kwargs["column"])
    choices = ", ".join(literal(value) for value in dict.fromkeys(kwargs["value_set"]))
    return f"({column} IS NOT NULL AND TRY_CAST({column} AS ENUM ({choices})) IS NULL)"


def _is_outside_length(kwargs: Kwargs, table: str) -> str:
    return _outside(f"length({identifier(kwargs['column'])})", kwargs)


def _is_outside_range(kwargs: Kwargs, table: str) -> str:
    return _outside(number_sql(kwargs), kwargs)


def _is_not_greater(kwargs: Kwargs, table: str) -> str:
    operator = "<" if kwargs.get("or_equal") else "<="
    return f"({identifier(kwargs['column_A'])} {operator} {identifier(kwargs['column_B'])})"


def _outside(measure: str, kwargs: Kwargs) -> str:
    limits = [("min_value", "<"), ("max_value", ">")]
    parts = [f"{measure} {operator} {kwargs[name]}" for name, operator in limits if name in kwargs]
    return f"({' OR '.join(parts)})"


PAIR_RULE = "either_value_is_missing"
_COLUMN = frozenset({"column"})
_LIMITS = frozenset({"min_value", "max_value"})
PREDICATES = {
    "expect_column_values_to_not_be_null": Predicate(_COLUMN, frozenset(), _is_null),
    "expect_column_values_to_be_unique": Predicate(_COLUMN, frozenset(), _is_repeated),
    "expect_column_values_to_match_regex": Predicate(_COLUMN | {"regex"}, frozenset(), _misses_regex),
    "expect_column_values_to_not_match_regex": Predicate(_COLUMN | {"regex"}, frozenset(), _matches_regex),
    "expect_column_values_to_be_in_set": Predicate(_COLUMN | {"value_set"}, frozenset(), _is_outside_set),
    "expect_column_value_lengths_to_be_between": Predicate(_COLUMN, _LIMITS, _is_outside_length),
    "expect_column_values_to_be_between": Predicate(_COLUMN, _LIMITS, _is_outside_range),
    "expect_column_pair_values_a_to_be_greater_than_b": Predicate(
        frozenset({"column_A", "column_B", "ignore_row_if"}), frozenset({"or_equal"}), _is_not_greater
    ),
}
"""Every expectation type a suite may use: Great Expectations counts the failing rows, SQL names them."""
