"""Suite files are read strictly: what the library would drop in silence is named, all at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.checks.suites import read_suites
from workbench.errors import MappingProblem
from workbench.vocabulary import Severity

SHIPPED = Path(__file__).parents[2] / "expectations"
NOT_NULL = "expect_column_values_to_not_be_null"


def expectation(kind: str = NOT_NULL, why: str = "it names the row", severity: str = "stop", **kwargs: object):
    return {"type": kind, "kwargs": {"column": "contact_id", **kwargs}, "meta": {"why": why, "severity": severity}}


def write_suite(folder: Path, *expectations: object, schema: str = "raw", name: str = "contacts", **changes: object):
    (folder / schema).mkdir(parents=True, exist_ok=True)
    suite = {"name": name, "meta": {"why": "a test", "key": "contact_id"}, "expectations": list(expectations)} | changes
    (folder / schema / f"{name}.json").write_text(json.dumps(suite))


def problems(folder: Path) -> list[str]:
    with pytest.raises(MappingProblem) as refused:
        read_suites(folder)
    return [line.strip() for line in str(refused.value).splitlines()[1:]]


def test_a_suite_is_read_with_its_reasons(tmp_path):
    write_suite(tmp_path, expectation())
    (suite,) = read_suites(tmp_path)
    (one,) = suite.expectations
    assert (suite.title, suite.table, suite.key) == ("raw/contacts", "profile.read_contacts", "contact_id")
    assert (one.columns, one.why, one.severity, one.source) == (
        ("contact_id",),
        "it names the row",
        Severity.STOP,
        "written",
    )


def test_an_empty_suite_would_always_pass_and_is_refused(tmp_path):
    write_suite(tmp_path)
    assert problems(tmp_path) == ["raw/contacts.json: holds no expectation, and an empty suite would always pass"]


def test_a_misspelt_type_is_refused_with_the_nearest(tmp_path):
    write_suite(tmp_path, expectation("expect_column_values_to_not_be_nul"))
    assert problems(tmp_path) == [
        "raw/contacts.json: expectation 1: no expectation named 'expect_column_values_to_not_be_nul';"
        " did you mean 'expect_column_values_to_not_be_null'?"
    ]


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        pytest.param(expectation(why=" "), f"{NOT_NULL}: meta.why is missing", id="no reason"),
        pytest.param(
            expectation(severity="grave"), f"{NOT_NULL}: meta.severity is one of warn, hold, stop", id="severity"
        ),
        pytest.param(
            expectation(mostly=0.9),
            f"{NOT_NULL}: no argument named 'mostly'; there are column",
            id="an argument too many",
        ),
        pytest.param(
            expectation("expect_column_values_to_match_regex"),
            "expect_column_values_to_match_regex: the argument 'regex' is missing",
            id="an argument too few",
        ),
        pytest.param(
            expectation("expect_column_values_to_be_in_set", value_set=[]),
            "expect_column_values_to_be_in_set: value_set is empty",
            id="an empty set",
        ),
        pytest.param(
            expectation("expect_column_value_lengths_to_be_between", max_value="256"),
            "expect_column_value_lengths_to_be_between: the argument 'max_value' is a number",
            id="a text for a number",
        ),
        pytest.param(
            expectation("expect_column_value_lengths_to_be_between"),
            "expect_column_value_lengths_to_be_between: neither min_value nor max_value is given",
            id="no limit",
        ),
        pytest.param(
            expectation("expect_column_values_to_match_regex", regex=r"^\d+$"),
            r"regex: \d differs between Python and DuckDB beyond ASCII; name the signs, as in [0-9]",
            id="a class read two ways",
        ),
        pytest.param(expectation() | {"id": "0f3c"}, "no key named 'id'; there are kwargs, meta and type", id="an id"),
        pytest.param({"type": NOT_NULL}, "needs type, kwargs and meta", id="no arguments at all"),
    ],
)
def test_what_is_wrong_with_an_expectation_is_named(tmp_path, one, problem):
    write_suite(tmp_path, one)
    assert problems(tmp_path) == [f"raw/contacts.json: expectation 1: {problem}"]


def test_every_problem_of_every_file_is_named_at_once(tmp_path):
    write_suite(tmp_path, expectation(why=""), expectation(severity="?"), name="contacts", id="x")
    write_suite(tmp_path, expectation(), schema="staged", name="patient", meta={})
    (tmp_path / "staged" / "broken.json").write_text("{")
    found = problems(tmp_path)
    assert [line.split(": ")[0] for line in found] == ["raw/contacts.json"] * 3 + [
        "staged/broken.json",
        "staged/patient.json",
    ]


def test_a_suite_is_named_like_its_file(tmp_path):
    write_suite(tmp_path, expectation(), name="contacts")
    (tmp_path / "raw" / "contacts.json").rename(tmp_path / "raw" / "people.json")
    assert problems(tmp_path) == ["raw/people.json: its name is 'contacts', and the file's is 'people'"]


def test_the_suites_that_are_shipped_are_whole():
    suites = read_suites(SHIPPED)
    assert {suite.title for suite in suites} >= {"raw/contacts", "raw/users", "staged/patient", "staged/attachment"}
    assert all(suite.expectations for suite in suites)


def test_the_suites_that_are_shipped_hold_no_ids():
    text = "".join(path.read_text("utf-8") for path in SHIPPED.rglob("*.json"))
    assert '"id"' not in text
