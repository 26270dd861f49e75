"""Held rows by mapping and reason, with the first ids a person has to look at."""

from __future__ import annotations

import polars as pl

from workbench.reports.held import COLUMNS, held_by_reason

ROWS = [("owner", "task", "tasks", f"A{place}", "owner_id", "no owner") for place in range(9, 2, -1)]
HELD = pl.DataFrame(
    [*ROWS, ("last_name", "patient", "contacts", "C1", "last_name", "required")],
    orient="row",
    schema=list(COLUMNS),
)


def test_a_reason_tells_its_rows_and_the_first_five_of_their_ids():
    assert held_by_reason(HELD).rows() == [
        ("patient", "last_name", "required", 1, "C1"),
        ("task", "owner_id", "no owner", 7, "A3, A4, A5, A6, A7"),
    ]


def test_nothing_held_has_no_reason():
    assert held_by_reason(HELD.clear()).columns == ["mapping", "field", "message", "rows", "ids"]
