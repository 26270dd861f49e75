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


META = {"why": "it names the row", "severity": "stop", "owner": "admin"}


def expectation(kind: str = NOT_NULL, meta: dict[str, object] | None = None, **kwargs: object):
    return {"type": kind, "kwargs": {"column": "contact_id", **kwargs}, "meta": META | (meta or {})}


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
    assert (one.columns, one.why, one.severity, one.owner, one.source) == (
        ("contact_id",),
        "it names the row",
        Severity.STOP,
        "admin",
        "written",
    )


def test_the_owner_of_a_suite_stands_for_those_of_its_expectations(tmp_path):
    (one, other) = expectation(), expectation("expect_column_values_to_be_unique", meta={"owner": "billing"})
    del one["meta"]["owner"]
    write_suite(tmp_path, one, other, meta={"why": "a test", "key": "contact_id", "owner": "admin"})
    (suite,) = read_suites(tmp_path)
    assert [made.owner for made in suite.expectations] == ["admin", "billing"]


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
        pytest.param(expectation(meta={"why": " "}), f"{NOT_NULL}: meta.why is missing", id="no reason"),
        pytest.param(
            expectation(meta={"owner": ""}),
            f"{NOT_NULL}: meta.owner is missing, here and in the suite: who acts on the rows that fail?",
            id="nobody's",
        ),
        pytest.param(
            expectation(meta={"form": "a date"}),
            f"{NOT_NULL}: meta.form says what a regex stands for, and there is none",
            id="words for no regex",
        ),
        pytest.param(
            expectation("expect_column_values_to_match_regex", meta={"form": ""}, regex="^x$"),
            "expect_column_values_to_match_regex: meta.form is empty: what does the regex stand for, in words?",
            id="no words",
        ),
        pytest.param(
            expectation(meta={"sevirity": "warn"}),
            f"{NOT_NULL}: meta has no key named 'sevirity'; there are form, owner, severity, why",
            id="a key too many",
        ),
        pytest.param(
            expectation("expect_column_values_to_be_in_set", value_set=["0", 1]),
            "expect_column_values_to_be_in_set: value_set holds texts only, since every column here is text",
            id="a number in a set",
        ),
        pytest.param(
            expectation("expect_column_values_to_be_in_set", value_set=["Y", "Y"]),
            "expect_column_values_to_be_in_set: value_set names a value twice",
            id="a set with a value twice",
        ),
        pytest.param(
            expectation(meta={"severity": "grave"}),
            f"{NOT_NULL}: meta.severity is one of warn, hold, stop",
            id="severity",
        ),
        pytest.param(
            expectation(mostly=0.9),
            f"{NOT_NULL}: no argument named 'mostly'; there are column",
            id="mostly would hide rows",
        ),
        pytest.param(
            expectation("expect_column_values_to_match_regex") | {"meta": META},
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
            expectation("expect_column_values_to_match_regex", meta={"form": "digits"}, regex=r"^\d+$"),
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
    write_suite(tmp_path, expectation(meta={"why": ""}), expectation(meta={"severity": "?"}), name="contacts", id="x")
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


def test_an_expectation_that_stands_there_twice_is_refused(tmp_path):
    write_suite(tmp_path, expectation(), expectation(meta={"severity": "warn"}))
    assert problems(tmp_path) == [
        f"raw/contacts.json: expectation 2: {NOT_NULL} is asked of the same column above",
    ]


def test_a_key_that_stands_twice_would_hide_the_first_and_is_refused(tmp_path):
    write_suite(tmp_path, expectation())
    path = tmp_path / "raw" / "contacts.json"
    path.write_text(path.read_text().replace('"expectations": ', '"expectations": [], "expectations": '))
    assert problems(tmp_path) == [
        "raw/contacts.json: has the key 'expectations' twice in one object, and JSON would drop the first"
    ]


@pytest.mark.parametrize("place", ["patient.json", "stagd/patient.json", "staged/old/patient.json", "staged/a.JSON"])
def test_a_suite_where_nobody_reads_it_is_refused(tmp_path, place):
    write_suite(tmp_path, expectation())
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("{}")
    assert problems(tmp_path) == [
        f"{place}: is never read; a suite is raw/<object>.json or staged/<mapping>.json",
    ]


def test_a_folder_without_a_suite_is_refused(tmp_path):
    with pytest.raises(MappingProblem, match=r"expectations/ holds no suite, .* Bring its raw/ and staged/ back"):
        read_suites(tmp_path / "expectations")


def test_the_suites_that_are_shipped_are_whole():
    suites = read_suites(SHIPPED)
    assert {suite.title for suite in suites} >= {"raw/contacts", "raw/users", "staged/patient", "staged/attachment"}
    assert all(suite.expectations for suite in suites)


def test_every_regex_that_is_shipped_is_told_in_words():
    asked = [one for suite in read_suites(SHIPPED) for one in suite.expectations if "regex" in one.kwargs]
    assert [one.field for one in asked if not one.form] == []


def test_the_suites_that_are_shipped_hold_no_ids():
    text = "".join(path.read_text("utf-8") for path in SHIPPED.rglob("*.json"))
    assert '"id"' not in text
