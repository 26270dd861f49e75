"""Which spellings a snapshot asks each value map, counted as staging will read them."""

from __future__ import annotations

import pytest

from workbench.errors import MappingProblem
from workbench.mapping.spellings import asked_spellings

PERSON = """
kind = "record"
destination = "contact"
[source]
from = "people"
where = "coalesce(is_deleted, 'N') <> 'Y'"
[fields]
last_name = {{ from = "last_name", required = true }}
cf_source_system_id = {{ from = "person_id" }}
cf_carrier = {{ from = "carrier", values = "carrier"{carrier} }}
cf_stage = {{ from = "stage", values = "stage.{{pipeline}}" }}
[lookups]
owner_id = {{ from = "owner", to = "owners", values = "owner" }}
"""
PEOPLE = (
    "person_id,last_name,carrier,stage,pipeline,owner,is_deleted\n"
    "C1,Lund,Delta,Consult,ortho,U1,N\nC2,Reyes,Delta\u00a0,Consult,perio,U1,\nC3,Falk,\tAetna,,ortho,,N\nC4,Gone,Cigna,Consult,,U9,Y\n"
)


@pytest.fixture
def asking(little):
    little.mapping("person", PERSON.format(carrier=""))
    little.custom("contacts", cf_carrier="text", cf_stage="text")
    little.land(people=PEOPLE)
    return little


def asked(little):
    return {one.name: one for one in asked_spellings(little.settings, little.mappings)}


def test_spellings_are_counted_without_the_blanks_around_them_and_without_deleted_rows(asking):
    assert {name: one.records for name, one in asked(asking).items()} == {
        "carrier": {"Aetna": 1, "Delta": 2},
        "owner": {"U1": 2},
        "stage.ortho": {"Consult": 1},
        "stage.perio": {"Consult": 1},
    }


def test_a_spelling_is_missing_without_a_row_and_open_with_ask(asking):
    asking.values("carrier", "Delta,ask,")
    carrier = asked(asking)["carrier"]
    assert (carrier.missing, carrier.open) == (["Aetna"], ["Aetna", "Delta"])


def test_a_map_may_omit_where_every_field_that_asks_it_does(asking):
    assert not asked(asking)["carrier"].may_omit
    asking.mapping("person", PERSON.format(carrier=', on_open = "omit"'))
    assert asked(asking)["carrier"].may_omit


def test_a_map_that_the_select_asks_itself_is_handed_to_it(asking):
    asking.values("route", "lund,map,patient")
    asking.source(
        "people",
        "-- object: people\n-- key: person_id\n-- asks: route of spelling\n"
        "SELECT p.*, lower(p.last_name) AS spelling, r.answer AS route"
        " FROM raw.people p LEFT JOIN map_route r ON r.source_value = lower(p.last_name)",
    )
    route = asked(asking)["route"]
    assert (route.records, route.missing) == ({"falk": 1, "lund": 1, "reyes": 1}, ["falk", "reyes"])


def test_a_source_that_reads_a_file_is_refused_here_too(asking):
    asking.source("people", "-- object: people\n-- key: person_id\nSELECT * FROM read_csv('/etc/passwd')")
    with pytest.raises(MappingProblem, match=r"people\.sql: DuckDB cannot evaluate it: Permission Error"):
        asked(asking)
