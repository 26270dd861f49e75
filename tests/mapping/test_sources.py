"""A source is one reviewed SELECT over raw.* and profile.*; it can neither write nor reach out."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import MappingProblem
from workbench.mapping.sources import read_source

ROOT = Path(__file__).parents[2]
HEAD = "-- object: people\n-- key: person_id\n"


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        pytest.param(
            HEAD + "SELECT 1; SELECT 2", "has to hold exactly one SELECT and nothing else", id="two statements"
        ),
        pytest.param(HEAD + "DROP TABLE raw.people", "has to hold exactly one SELECT and nothing else", id="drops"),
        pytest.param(
            HEAD + "COPY raw.people TO 'out.csv'", "has to hold exactly one SELECT and nothing else", id="writes a file"
        ),
        pytest.param(HEAD + "ATTACH 'other.duckdb'", "has to hold exactly one SELECT and nothing else", id="attaches"),
        pytest.param(HEAD + "SELEC 1", 'cannot be parsed: Parser Error: syntax error at or near "SELEC"', id="no SQL"),
        pytest.param("-- key: person_id\nSELECT 1", "the line '-- object: …' is missing", id="no object"),
        pytest.param("-- object: people\nSELECT 1", "the line '-- key: …' is missing", id="no key"),
        pytest.param(
            "-- object: pepole\n-- key: id\nSELECT 1", "is named people and says object: pepole", id="another name"
        ),
        pytest.param(
            HEAD + "SELECT * FROM staged.person",
            "reads staged.*; a source reads raw.* and profile.* alone",
            id="reads ours",
        ),
    ],
)
def test_a_file_that_is_no_single_select_is_refused(little, sql, problem):
    assert read_source(little.source("people", sql)) == (None, [problem])


@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS person_id;", "SELECT 1 AS person_id ; -- done\n-- more\n", "SELECT 1 AS person_id -- ;"]
)
def test_what_ends_the_select_does_not_matter(little, sql):
    source, problems = read_source(little.source("people", HEAD + sql))
    assert (problems, source.sql.partition(" --")[0]) == ([], "SELECT 1 AS person_id")


def test_a_select_says_which_value_maps_it_asks_itself(little):
    source, _ = read_source(little.source("people", HEAD + "-- asks: route of role\nSELECT * FROM raw.people"))
    assert source.asks == (("route", "role"),)


@pytest.mark.parametrize(
    "function",
    [
        "read_csv('/etc/passwd')",
        "read_text('/etc/passwd')",
        "'/etc/passwd.csv'",
        "glob('/etc/*')",
        "read_parquet('https://example.com/a')",
    ],
)
def test_a_select_that_reads_a_file_is_refused_when_it_runs(little, function):
    little.source("people", f"{HEAD}SELECT 'C1' AS person_id, 'x' AS last_name, NULL AS practice_id FROM {function}")
    with pytest.raises(MappingProblem) as stopped:
        little.stage()
    assert str(stopped.value).startswith(
        "mappings/sources/people.sql: DuckDB cannot evaluate it: Permission Error: Cannot access file"
    )


def test_an_unreadable_value_stops_with_the_file_and_never_shows_the_value(little):
    little.source("people", HEAD + "SELECT person_id, last_name, practice_id, last_name::DATE AS born FROM raw.people")
    with pytest.raises(MappingProblem) as stopped:
        little.stage()
    assert str(stopped.value) == "mappings/sources/people.sql: DuckDB cannot evaluate it: Conversion Error"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        pytest.param(
            "C1,Lund,\nC1,Reyes,\n", "people.sql yields 2 rows with 1 different person_id and 0 without one", id="twice"
        ),
        pytest.param(
            "C1,Lund,\n,Reyes,\n", "people.sql yields 2 rows with 1 different person_id and 1 without one", id="none"
        ),
        pytest.param(
            "C1,Lund,\n  ,Reyes,\n", "people.sql yields 2 rows with 1 different person_id and 1 without one", id="blank"
        ),
        pytest.param(
            "C1,Lund,\nC1 ,Reyes,\n",
            "people.sql yields 2 rows with 1 different person_id and 0 without one",
            id="blank behind",
        ),
    ],
)
def test_each_row_needs_a_key_of_its_own(little, rows, problem):
    little.land(people="person_id,last_name,practice_id\n" + rows)
    with pytest.raises(MappingProblem) as stopped:
        little.stage()
    assert str(stopped.value) == f"mappings/sources has 1 problem:\n  {problem}"


def test_a_key_of_numbers_is_kept_as_text(little):
    little.source("people", HEAD + "SELECT 7 AS person_id, 'Lund' AS last_name, NULL AS practice_id")
    little.stage()
    assert little.staged("person", "source_id", "cf_source_system_id") == [("7", "7")]


@pytest.mark.parametrize("path", sorted((ROOT / "mappings" / "sources").glob("*.sql")), ids=lambda path: path.stem)
def test_every_shipped_source_is_one_keyed_select(path):
    assert read_source(path)[1] == []
