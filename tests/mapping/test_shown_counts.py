"""Pages show no small count of people by what tells of their health, and none can be computed from what they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from attacker import computed

from workbench.mapping.columns import (
    as_drawn,
    as_shown,
    columns_as_shown,
    filled_as_shown,
    health_maps,
    tells_health,
    without_health,
    words_as_shown,
)
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import Decided, ValueMap
from workbench.reports.decisions import decision_frame, merged_frame
from workbench.settings import read_settings
from workbench.vocabulary import Decision, Sensitivity

REPOSITORY = Path(__file__).parents[2]
STATUSES = pl.DataFrame({"spelling": ["Paid", "paid", "Denied", "Appeal", "?"], "records": [1200, 31, 9, 2, 55]})
STATUS = "cases.cf_claim_status"


@pytest.fixture(scope="module")
def mappings() -> Mappings:
    """The shipped mappings."""
    return read_mappings(read_settings(REPOSITORY))


def decided(mappings: Mappings, table: str, **told: Sensitivity) -> Mappings:
    """Return the mappings with what a person decided about columns of a table."""
    changed = [replace(one, sensitivity={**one.sensitivity, **told}) for one in mappings.of(table)]
    others = [one for one in mappings.objects if one.source_object != table]
    return replace(mappings, objects=type(mappings.objects)([*others, *changed]))


def test_counts_by_what_tells_of_health_hide_the_small_ones(mappings: Mappings) -> None:
    found = as_shown(mappings, STATUSES, ["records"], STATUS)
    assert found["records"].to_list() == ["55", "<11", "<11", "1,200", "31"]
    assert found["spelling"].to_list() == sorted(STATUSES["spelling"]), "the order of the counts would tell them"
    places = [(row, 0) for row in range(STATUSES.height)]
    assert computed([[one] for one in found["records"]], known=[(places, STATUSES["records"].sum())]) == {}


def test_one_small_count_alone_takes_a_second_with_it(mappings: Mappings) -> None:
    alone = STATUSES.filter(pl.col("spelling") != "Appeal")
    assert as_shown(mappings, alone, ["records"], STATUS)["records"].to_list() == ["55", "<11", "1,200", "hidden"]
    assert as_drawn(mappings, alone, "records", STATUS)["spelling"].to_list() == ["Paid", "?"]


def test_the_sensitivity_that_a_person_decided_drives_it(mappings: Mappings) -> None:
    harmless = decided(mappings, "cases", cf_claim_status=Sensitivity.NONE)
    assert as_shown(harmless, STATUSES, ["records"], STATUS).equals(STATUSES)
    assert as_drawn(harmless, STATUSES, "records", STATUS).equals(STATUSES)
    graver = decided(mappings, "cases", source=Sensitivity.HEALTH)
    assert not tells_health(mappings, "cases.source")
    assert as_shown(graver, STATUSES, ["records"], "cases.source")["records"].dtype == pl.String


def test_the_columns_that_pages_count_by_tell_of_health(mappings: Mappings) -> None:
    shipped = [STATUS, "cases.cf_ada_codes", "contacts.cf_insurance_carrier", "tasks.description"]
    assert [one for one in shipped if not tells_health(mappings, one)] == []
    assert {"insurance_carrier", "claim_status"} <= health_maps(mappings)
    assert {"contact_route", "owner", "case_pipeline"} & health_maps(mappings) == set()


@pytest.mark.parametrize(
    ("filled", "rows", "shown"),
    [(0, 40, "0"), (3, 40, "<11"), (32, 40, "hidden"), (20, 40, "20"), (40, 40, "40"), (4, 8, "<11")],
)
def test_whether_a_column_is_filled_hides_the_few_on_either_side(filled: int, rows: int, shown: str) -> None:
    assert filled_as_shown(filled, rows, hides=True) == shown
    assert filled_as_shown(filled, rows, hides=False) == str(filled)


def test_the_profile_of_a_column_that_tells_of_health_counts_no_few(mappings: Mappings) -> None:
    line = {"rows": 400, "distinct": 4, "untrimmed": 1, "null_words": 3, "mojibake": 0, "unreadable": None}
    alert = {"object": "contacts", "column": "cf_medical_alert", "filled": 4, "shapes": "Aaaa (3) · Aa (1)", **line}
    city = {**alert, "column": "city", "filled": 396}
    columns = pl.DataFrame([alert, city], schema_overrides={"unreadable": pl.Int64})
    found = columns_as_shown(mappings, columns).to_dicts()
    assert without_health(mappings, columns)["null_words"].to_list() == [0, 3], "no sum by object tells it"
    told = {"filled": "<11", "distinct": "hidden", "untrimmed": "<11", "null_words": "<11", "mojibake": "0"}
    assert found[0] == {**alert, **told, "unreadable": None, "shapes": "Aaaa · Aa"}
    assert found[1] == {**city, "filled": "396", "distinct": "4", "untrimmed": "1", "null_words": "3", "mojibake": "0"}


def test_words_for_nothing_are_counted_where_they_tell_nothing(mappings: Mappings) -> None:
    rows = [("contacts", "cf_insurance_carrier", "none", 40), ("contacts", "cf_insurance_carrier", "n/a", 3)]
    words = pl.DataFrame(
        [*rows, ("contacts", "city", "n/a", 3)], schema=["object", "column", "word", "records"], orient="row"
    )
    assert words_as_shown(mappings, words)["records"].to_list() == ["<11", "hidden", "3"]
    assert words_as_shown(mappings, words.head(0)).height == 0


def test_decisions_count_no_spelling_that_tells_of_health(mappings: Mappings) -> None:
    spellings = {"Delta": 40, "Dleta": 3}
    rows = {one: Decided(one, Decision.MAP, "Delta Dental", "Ana") for one in spellings}
    carriers = Asked("insurance_carrier", spellings, ValueMap("insurance_carrier", rows), True)
    stages = Asked("stage.L1", {"Won": 2}, ValueMap("stage.L1", {}), False)
    alone = decision_frame([carriers], health_maps(mappings))
    assert "records" not in alone.columns
    assert merged_frame(alone).rows() == [("Delta Dental", 2, "Delta; Dleta", "Ana")]
    both = decision_frame([carriers, stages], health_maps(mappings))
    assert dict(both.select("spelling", "records").rows()) == {"Won": 2, "Delta": None, "Dleta": None}
