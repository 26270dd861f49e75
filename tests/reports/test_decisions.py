"""Decisions as people read them: what was merged into one value, and by whom."""

from __future__ import annotations

import polars as pl

from workbench.reports.decisions import merged_frame

DECISIONS = pl.DataFrame(
    [
        ("insurance_carrier", "Delta", 9, "map", "Delta Dental", "Bo"),
        ("insurance_carrier", "Delta Dental", 40, "keep", "Delta Dental", "Ana"),
        ("insurance_carrier", "Delta Dntl", 2, "map", "Delta Dental", "Ana"),
        ("insurance_carrier", "Cigna", 60, "keep", "Cigna", "Ana"),
        ("insurance_carrier", "n/a", 5, "blank", "", "Ana"),
        ("insurance_carrier", "self pay", 5, "blank", "", "Ana"),
        ("insurance_carrier", "Delta?", 1, "ask", "", "Ana"),
        ("insurance_carrier", "Aetna", 30, "keep", "Aetna", "Ana"),
        ("insurance_carrier", "AETNA", 31, "map", "Aetna", "Ana"),
    ],
    orient="row",
    schema=["value map", "spelling", "records", "decision", "becomes", "decided by"],
)


def test_spellings_that_become_one_value_stand_together_with_who_decided_it():
    assert merged_frame(DECISIONS).rows() == [
        ("Aetna", 2, "AETNA; Aetna", 61, "Ana"),
        ("Delta Dental", 3, "Delta; Delta Dental; Delta Dntl", 51, "Ana, Bo"),
    ]


def test_values_left_blank_or_open_are_merged_into_nothing():
    assert merged_frame(DECISIONS.filter(pl.col("becomes") == "")).rows() == []
