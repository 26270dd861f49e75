"""Rows that were delivered and that the export holds no more."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from little import Little, make_little

from workbench.ledger.identities import SCHEMA
from workbench.staging.removals import MARKED, find_removals, removal_table
from workbench.warehouse import open_warehouse

Row = tuple[str, str, str, str, str]


@pytest.fixture
def little(tmp_path: Path) -> Little:
    """Two people and one practice, staged; the second person is rejected by no check."""
    made = make_little(tmp_path)
    made.land(rejected="object,source_id\npeople,C3\npeople,\n")
    made.stage()
    return made


def found(little: Little, *delivered: Row) -> list[tuple[object, ...]]:
    """Return the table of removals for identities of (object, id, mapping, destination, delivered)."""
    rows = [(*one[:4], 7, one[4], "", "created", True, 1) for one in delivered]
    with open_warehouse(little.settings.warehouse) as warehouse:
        warehouse.connection.register("known", pl.DataFrame(rows, schema=SCHEMA, orient="row").to_arrow())
        warehouse.run("CREATE TEMP TABLE identities AS SELECT * FROM known")
        return removal_table(find_removals(warehouse, little.mappings)).rows()


def test_a_row_that_is_there_or_was_rejected_is_not_gone(little: Little) -> None:
    there = [("people", one, "person", "contact", "x") for one in ("C1", "C2", "C3")]
    assert found(little, *there, ("practices", "P1", "practice", "account", "x")) == []


def test_a_row_that_a_mapping_excludes_is_not_gone(little: Little) -> None:
    text = (little.folder / "mappings/objects/person.toml").read_text("utf-8")
    little.mapping("person", text.replace('from = "people"', 'from = "people"\nwhere = "person_id <> \'C1\'"', 1))
    little.stage()
    assert little.staged("person", "source_id") == [("C2",)]
    assert found(little, ("people", "C1", "person", "contact", "x")) == []


def test_a_row_that_is_gone_is_marked_once_where_there_are_tags_and_listed_elsewhere(little: Little) -> None:
    gone = [
        ("people", "C8", "person", "contact", "x"),
        ("people", "C9", "person", "contact", MARKED),
        ("practices", "P9", "practice", "note", "x"),
    ]
    assert found(little, *gone) == [
        ("person", "C8", "contact", 7, "marked"),
        ("person", "C9", "contact", 7, "marked before"),
        ("practice", "P9", "note", 7, "listed: this kind of record has no tags"),
    ]


def test_an_object_that_the_export_does_not_list_removes_nothing(little: Little) -> None:
    little.source(
        "employers", "-- object: employers\n-- key: employer_id\nSELECT person_id AS employer_id FROM raw.people\n"
    )
    little.mapping(
        "employer",
        'kind = "record"\ndestination = "account"\n[source]\nfrom = "employers"\n[fields]\n'
        'name = { from = "employer_id" }\ncf_source_system_id = { from = "employer_id", via = "source_id" }\n',
    )
    little.stage()
    assert found(little, ("employers", "C8", "employer", "account", "x")) == []
