"""Each source row is claimed by one mapping: two are an error, none is held."""

from __future__ import annotations

import pytest

from workbench.errors import MappingProblem

PERSON = """
kind = "record"
destination = "contact"
[source]
from = "people"
where = '''{where}'''
[fields]
last_name = {{ from = "last_name" }}
cf_source_system_id = {{ from = "person_id" }}
"""


def split(little, first: str, second: str):
    little.mapping("person", PERSON.format(where=first))
    little.mapping("other", PERSON.format(where=second))
    return little


def claims(little):
    return little.rows("SELECT source_id, mapping FROM staged.claims WHERE source_object = 'people' ORDER BY ALL")


def test_two_filters_that_split_the_table_claim_each_row_once(little):
    staging = split(little, "last_name = 'Lund'", "last_name <> 'Lund'").stage()
    assert claims(little) == [("C1", "person"), ("C2", "other")]
    assert (staging.rows, staging.unclaimed) == ({"practice": 1, "other": 1, "person": 1}, {})


def test_two_contact_filters_may_not_overlap(little):
    with pytest.raises(MappingProblem) as stopped:
        split(little, "true", "last_name = 'Lund' OR last_name = 'Reyes'").stage()
    assert str(stopped.value) == (
        "mappings/objects has 1 problem:\n  other and person claim the same 2 rows of people; make their where disjoint"
    )


def test_rows_nobody_claims_are_held_as_unclaimed(little):
    staging = split(little, "last_name = 'Lund'", "last_name IS NULL").stage()
    assert staging.unclaimed == {"unclaimed_people": 1}
    assert claims(little) == [("C1", "person"), ("C2", "unclaimed_people")]
    assert little.problems() == [("C2", "route", "route", "hold", "no mapping claims the row")]


def test_the_source_may_say_why_a_row_is_unclaimed(little):
    little.source(
        "people",
        "-- object: people\n-- key: person_id\n"
        "SELECT *, CASE person_id WHEN 'C2' THEN 'two roles' END AS hold_reason FROM raw.people",
    )
    split(little, "false", "NULL").stage()
    assert [row[4] for row in little.problems()] == ["no mapping claims the row", "two roles"]


def test_a_filter_that_is_neither_true_nor_false_claims_nothing(little):
    little.land(people="person_id,last_name,practice_id\nC1,,\n")
    assert split(little, "last_name = 'Lund'", "last_name <> 'Lund'").stage().unclaimed == {"unclaimed_people": 1}


def test_a_filter_may_end_in_a_remark(little):
    assert split(little, "last_name = 'Lund' -- the first", "last_name <> 'Lund'").stage().unclaimed == {}


@pytest.mark.parametrize(
    ("where", "why"),
    [
        pytest.param("last_name::INTEGER = 1", "Conversion Error", id="a value that does not cast"),
        pytest.param(
            "lastname = 'x'",
            'Binder Error: Referenced column "lastname" not found in FROM clause!',
            id="unknown column",
        ),
        pytest.param("last_name = ", 'Parser Error: syntax error at or near ")"', id="no condition"),
        pytest.param("error(last_name)", "Invalid Input Error", id="an error that quotes a value"),
    ],
)
def test_a_filter_that_raises_is_named_with_its_file_and_without_a_value(little, where, why):
    little.mapping("person", PERSON.format(where=where))
    with pytest.raises(MappingProblem) as stopped:
        little.stage()
    assert str(stopped.value) == f"mappings/objects/person.toml: [source] where: DuckDB cannot evaluate it: {why}"
