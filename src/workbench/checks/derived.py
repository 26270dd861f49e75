"""Expectations that a mapping already states: required fields, unique values, lengths, pick-list choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.checks.suites import Expectation
from workbench.vocabulary import Severity

NOT_NULL = "expect_column_values_to_not_be_null"
UNIQUE = "expect_column_values_to_be_unique"
LENGTH = "expect_column_value_lengths_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
OWNER = "analyst"
"""Who acts on what a mapping states: whoever decides the mapping."""


@dataclass(frozen=True)
class CheckedMapping:
    """One staged table, and what its mapping says of it in plain words."""

    name: str
    source_object: str
    table: str
    required: Sequence[str] = ()
    unique: Sequence[str] = ()
    lengths: Mapping[str, int] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    folded: Sequence[str] = ()
    """Fields that stand as lines of another one on this plan: what a suite expects of them cannot be judged."""


def derive_expectations(mapping: CheckedMapping) -> list[Expectation]:
    """Derive what every row of a mapping should fulfil, in the order the mapping names it."""
    made = [
        _derived(NOT_NULL, {"column": "source_id"}, "every staged row names its source row", Severity.STOP),
        _derived(UNIQUE, {"column": "source_id"}, "a source row is staged once in a mapping", Severity.STOP),
    ]
    made += [_derived(NOT_NULL, {"column": column}, "is required and is empty") for column in mapping.required]
    made += [
        _derived(UNIQUE, {"column": column}, "must be unique, and another row has the same")
        for column in mapping.unique
    ]
    made += [
        _derived(LENGTH, {"column": column, "max_value": most}, f"the field takes {most:,} characters at most")
        for column, most in mapping.lengths.items()
    ]
    made += [
        _derived(
            IN_SET,
            {"column": column, "value_set": sorted(set(choices))},
            f"is a pick-list, and the value is not one of its {len(set(choices)):,} choices",
        )
        for column, choices in mapping.choices.items()
        if choices
    ]
    return made


def _derived(kind: str, kwargs: dict[str, Any], why: str, severity: Severity = Severity.HOLD) -> Expectation:
    return Expectation(kind, kwargs, why, severity, OWNER, source="derived")
