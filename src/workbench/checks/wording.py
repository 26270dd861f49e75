"""What an expectation asks of a row, in the words of a page; arguments are ours, no value of a row is in them."""

from __future__ import annotations

from collections.abc import Callable

from workbench.checks.suites import Expectation

SHOWN_CHOICES = 5


def asks(one: Expectation) -> str:
    """Say what an expectation asks; all but the first leave out rows in which the column is empty."""
    return ASKED[one.type](one)


def _filled(one: Expectation) -> str:
    return f"{one.field} is filled"


def _unique(one: Expectation) -> str:
    return f"no two rows have the same {one.field}"


def _form(one: Expectation) -> str:
    return f"{one.field}, where filled, is {_words(one)}"


def _other_form(one: Expectation) -> str:
    return f"{one.field}, where filled, is not {_words(one)}"


def _choice(one: Expectation) -> str:
    choices = one.kwargs["value_set"]
    if len(choices) > SHOWN_CHOICES:
        return f"{one.field}, where filled, is one of {len(choices):,} choices"
    *most, last = choices
    return f"{one.field}, where filled, is {', '.join(most) + ' or ' if most else ''}{last}"


def _length(one: Expectation) -> str:
    return f"{one.field}, where filled, has {_limits(one)} characters"


def _range(one: Expectation) -> str:
    return f"{one.field}, where filled, is a number of {_limits(one)}"


def _order(one: Expectation) -> str:
    later, earlier = one.columns
    word = "is not before" if one.kwargs.get("or_equal") else "is after"
    return f"{later} {word} {earlier}, where both are filled"


def _words(one: Expectation) -> str:
    return one.form or f"of the form {one.kwargs['regex']}"


def _limits(one: Expectation) -> str:
    least, most = one.kwargs.get("min_value"), one.kwargs.get("max_value")
    if least is None:
        return f"at most {most:,}"
    return f"at least {least:,}" if most is None else f"{least:,} to {most:,}"


ASKED: dict[str, Callable[[Expectation], str]] = {
    "expect_column_values_to_not_be_null": _filled,
    "expect_column_values_to_be_unique": _unique,
    "expect_column_values_to_match_regex": _form,
    "expect_column_values_to_not_match_regex": _other_form,
    "expect_column_values_to_be_in_set": _choice,
    "expect_column_value_lengths_to_be_between": _length,
    "expect_column_values_to_be_between": _range,
    "expect_column_pair_values_a_to_be_greater_than_b": _order,
}
"""The words of every type that a suite may use."""
