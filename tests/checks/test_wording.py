"""What an expectation asks can be read without knowing the library."""

from __future__ import annotations

import pytest

from workbench.checks.predicates import PREDICATES
from workbench.checks.suites import Expectation
from workbench.checks.wording import ASKED, asks
from workbench.vocabulary import Severity

AGE, PAIR = (
    {"column": "age"},
    {"column_A": "ends_at", "column_B": "starts_at", "ignore_row_if": "either_value_is_missing"},
)


@pytest.mark.parametrize(
    ("kind", "kwargs", "words"),
    [
        ("column_values_to_not_be_null", AGE, "age is filled"),
        ("column_values_to_be_unique", AGE, "no two rows have the same age"),
        ("column_values_to_match_regex", AGE | {"regex": "x"}, "age, where filled, is two digits"),
        ("column_values_to_not_match_regex", AGE | {"regex": "x"}, "age, where filled, is not two digits"),
        ("column_values_to_be_in_set", AGE | {"value_set": ["0", "1", "2"]}, "age, where filled, is 0, 1 or 2"),
        ("column_values_to_be_in_set", AGE | {"value_set": ["0"]}, "age, where filled, is 0"),
        ("column_values_to_be_in_set", AGE | {"value_set": [*"abcdef"]}, "age, where filled, is one of 6 choices"),
        (
            "column_value_lengths_to_be_between",
            AGE | {"max_value": 1000},
            "age, where filled, has at most 1,000 characters",
        ),
        ("column_values_to_be_between", AGE | {"min_value": 0}, "age, where filled, is a number of at least 0"),
        (
            "column_values_to_be_between",
            AGE | {"min_value": 0, "max_value": 120},
            "age, where filled, is a number of 0 to 120",
        ),
        ("column_pair_values_a_to_be_greater_than_b", PAIR, "ends_at is after starts_at, where both are filled"),
        (
            "column_pair_values_a_to_be_greater_than_b",
            PAIR | {"or_equal": True},
            "ends_at is not before starts_at, where both are filled",
        ),
    ],
)
def test_an_expectation_says_what_it_asks(kind, kwargs, words):
    assert asks(Expectation(f"expect_{kind}", kwargs, "why", Severity.WARN, "admin", form="two digits")) == words


def test_a_regex_without_words_stands_for_itself():
    one = Expectation("expect_column_values_to_match_regex", AGE | {"regex": "^[0-9]+$"}, "why", Severity.WARN, "admin")
    assert asks(one) == "age, where filled, is of the form ^[0-9]+$"


def test_every_type_that_a_suite_may_use_has_its_words():
    assert set(ASKED) == set(PREDICATES)
