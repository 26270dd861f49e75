"""Small counts are hidden, and nobody computes one from what the table shows beside it."""

from __future__ import annotations

import polars as pl
import pytest
from attacker import computed
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.suppression import hide_small

Rows = list[list[int]]


def shown(rows: Rows, *, total: bool, last: bool) -> list[list[str]]:
    """Hide the small counts of a table of plain numbers, whose sums are the last column and row, where it has them."""
    names = [f"c{place}" for place in range(len(rows[0]))]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    counts = names[:-1] if total else names
    return [list(row) for row in hide_small(frame, counts, total=names[-1] if total else "", last_is_total=last).rows()]


def with_sums(rows: Rows) -> Rows:
    wide = [[*row, sum(row)] for row in rows]
    return [*wide, [sum(column) for column in zip(*wide, strict=True)]]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([[40, 25]], ["40 25 65", "40 25 65"], id="nothing is small"),
        pytest.param(
            [[300, 4], [200, 90]],
            ["hidden <11 304", "hidden hidden 290", "500 94 594"],
            id="one small count takes a ring with it",
        ),
        pytest.param(
            [[300, 4], [200, 0]],
            ["hidden <11 304", "200 0 200", "hidden <11 504"],
            id="a small sum hides in its own total",
        ),
        pytest.param([[10, 10]], ["<11 <11 hidden", "<11 <11 hidden"], id="two of ten at most betray each other"),
    ],
)
def test_with_its_sums_a_table_hides_what_would_tell_a_small_count(rows: Rows, expected: list[str]) -> None:
    found = shown(with_sums(rows), total=True, last=True)
    assert [" ".join(row) for row in found] == expected
    assert computed(found, total=True, last=True) == {}


def test_without_its_sums_they_are_taken_as_known() -> None:
    rows = [[12, 30, 20], [3, 40, 25]]
    found = shown(rows, total=False, last=False)
    assert [" ".join(row) for row in found] == ["hidden 30 hidden", "<11 40 hidden"]
    lines = [[(row, place) for place in range(3)] for row in range(2)]
    lines += [[(row, place) for row in range(2)] for place in range(3)]
    known = [(line, sum(rows[row][place] for row, place in line)) for line in lines]
    assert computed(found, known=known) == {}


def test_the_only_count_of_a_line_is_written_as_small_though_its_sum_may_be_known() -> None:
    assert shown([[0, 4], [0, 0]], total=False, last=False) == [["0", "<11"], ["0", "0"]]


def test_a_list_of_counts_hides_a_second_one() -> None:
    found = hide_small(pl.DataFrame({"name": ["a", "b", "c"], "people": [1200, 7, 55]}), ["people"])
    assert found.rows() == [("a", "1,200"), ("b", "<11"), ("c", "hidden")]


def test_a_table_without_rows_stays_one() -> None:
    frame = pl.DataFrame(schema={"name": pl.String, "people": pl.Int64})
    assert hide_small(frame, ["people"]).schema == {"name": pl.String, "people": pl.String}


tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.one_of(st.just(0), st.integers(0, 14), st.integers(0, 400)), min_size=width, max_size=width),
        min_size=1,
        max_size=5,
    )
)


@settings(max_examples=100, deadline=None)
@given(tables)
def test_no_hidden_count_can_be_computed_from_what_is_shown(rows: Rows) -> None:
    whole = with_sums(rows)
    found = shown(whole, total=True, last=True)
    for line, truth in zip(found, whole, strict=True):
        for cell, count in zip(line, truth, strict=True):
            assert cell == ("<11" if 0 < count < 11 else f"{count:,}") or (cell == "hidden" and count > 10)
    assert computed(found, total=True, last=True) == {}
