"""Every column that a mapping names has to come out of its SELECT: told before anything is staged."""

from __future__ import annotations

import pytest

from workbench.errors import MappingProblem
from workbench.mapping.columns import require_columns, sensitivity_of_column

PERSON = """
kind = "record"
destination = "contact"
[source]
from = "people"
where = "{where}"
[fields]
last_name = {{ {field} }}
cf_source_system_id = {{ from = "person_id" }}
[lookups]
account = {{ from = "practice_id", to = "practices" }}
[ignored]
{ignored}
"""
FIELD = 'from = "last_name"'


def person(where: str = "true", field: str = FIELD, ignored: str = "") -> str:
    return PERSON.format(where=where, field=field, ignored=ignored)


def problem_of(little) -> str:
    with pytest.raises(MappingProblem) as stopped:
        require_columns(little.settings, little.mappings)
    return str(stopped.value)


def test_a_mapping_whose_columns_are_all_there_passes(little):
    little.mapping("person", person("last_name <> '' AND practice_id IS NULL"))
    require_columns(little.settings, little.mappings)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            person(field='from = "lastname"'),
            "people.sql yields no column 'lastname'; did you mean 'last_name'?",
            id="field",
        ),
        pytest.param(
            person(field='from = "last_name", marker = ["written_at", "person_id"]'),
            "people.sql yields no column 'written_at'",
            id="marker",
        ),
        pytest.param(
            person(field='from = "last_name", values = "name.{practise_id}"'),
            "people.sql yields no column 'practise_id'; did you mean 'practice_id'?",
            id="pattern of a value map",
        ),
        pytest.param(
            person().replace('from = "practice_id"', 'from = "practise_id"'),
            "people.sql yields no column 'practise_id'; did you mean 'practice_id'?",
            id="lookup",
        ),
        pytest.param(
            person(ignored='lastname = "not needed"'),
            "[ignored] lastname: people.sql yields no such column; did you mean 'last_name'?",
            id="ignored",
        ),
        pytest.param(
            person("lastname = 'x'"),
            "[source] where: there is no column 'lastname'; did you mean 'last_name'?",
            id="where",
        ),
        pytest.param(
            person("last_name = "),
            '[source] where: Parser Error: syntax error at or near ")"',
            id="where that is no condition",
        ),
    ],
)
def test_a_column_that_the_source_lacks_is_named_with_file_and_meaning(little, text, problem):
    little.mapping("person", text)
    found = problem_of(little)
    assert found.splitlines()[:2] == ["mappings/ has 1 problem:", f"  mappings/objects/person.toml: {problem}"]


def test_staging_says_the_same_and_leaves_no_traceback(little):
    little.mapping("person", person(field='from = "lastname"'))
    with pytest.raises(
        MappingProblem, match=r"person\.toml: people\.sql yields no column 'lastname'; did you mean 'last_name'\?"
    ):
        little.stage()


def test_a_source_that_names_what_the_export_lacks_is_named(little):
    little.source(
        "people",
        "-- object: people\n-- key: person\n-- asks: route of rolle\nSELECT person_id AS person_no FROM raw.people",
    )
    assert problem_of(little).splitlines()[1:3] == [
        "  mappings/sources/people.sql: its first lines name 'person', and it yields no such column; did you mean 'person_no'?",
        "  mappings/sources/people.sql: its first lines name 'rolle', and it yields no such column",
    ]


def test_a_source_over_a_table_that_is_not_landed_is_named(little):
    little.source("people", "-- object: people\n-- key: person_id\nSELECT * FROM raw.persons")
    assert "mappings/sources/people.sql: Catalog Error: Table with name persons does not exist!" in problem_of(little)


def test_what_a_person_decided_of_a_column_counts_and_of_several_decisions_the_gravest(little):
    assert sensitivity_of_column(little.mappings, "people", "last_name") == "direct"
    little.mapping("person", person() + '[sensitivity]\nlast_name = "health"\n')
    assert sensitivity_of_column(little.mappings, "people", "last_name") == "health"
    second = person("false").replace("account =", "external_id =") + '[sensitivity]\nlast_name = "none"\n'
    little.mapping("other_person", second)
    assert sensitivity_of_column(little.mappings, "people", "last_name") == "health"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('last_name = "secret"', "[sensitivity] last_name: one of none, quasi, direct, health"),
        ('lastname = "health"', "[sensitivity] lastname: people.sql yields no such column; did you mean 'last_name'?"),
    ],
)
def test_a_sensitivity_that_means_nothing_is_an_error(little, section, told):
    little.mapping("person", person() + f"[sensitivity]\n{section}\n")
    assert told in problem_of(little)
