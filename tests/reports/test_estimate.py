"""What a plan can take, what a grade is made of, and numbers that are shared out."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.load.forecast import COUNTS, Figures, share_out
from workbench.pacing import Pacing
from workbench.reports.estimate import Tier
from workbench.reports.premapping import grade_volume, graded
from workbench.reports.shown import plain_table
from workbench.vocabulary import Plan

FILES = 17 * 1024**3


def figures(**counts: int) -> Figures:
    """One mapping with these counts, and zero of all others."""
    row = {"mapping": "patient", **dict.fromkeys(COUNTS, 0), **counts}
    return Figures(pl.DataFrame([row]), pl.DataFrame())


def tier(plan: Plan) -> Tier:
    return Tier(plan, Pacing(1000, 400), users=8)


@pytest.mark.parametrize(
    ("counts", "reasons"),
    [
        pytest.param({"load": 40_000, "verify": 31_000, "rollback": 47_000}, [], id="in time"),
        pytest.param(
            {"load": 40_000, "verify": 32_000},
            ["loading and reading back take 72.7 h, and there are 72 h"],
            id="too slow to load",
        ),
        pytest.param({"delta": 48_000}, ["a delta takes 48.5 h, and there are 48 h"], id="too slow a delta"),
        pytest.param({"rollback": 48_000}, ["a rollback takes 48.5 h, and there are 48 h"], id="too slow to undo"),
        pytest.param(
            {"bytes": FILES}, ["files need 17.0 GB, and growth stores 16 GB for 8 users"], id="too many files"
        ),
    ],
)
def test_a_plan_says_why_it_cannot_take_it(counts: dict[str, int], reasons: list[str]) -> None:
    assert list(tier(Plan.GROWTH).reasons(figures(**counts))) == reasons


def test_another_plan_has_its_own_calls_and_storage() -> None:
    made = figures(load=40_000, verify=32_000, rollback=60_000, bytes=FILES)
    assert len(list(tier(Plan.GROWTH).reasons(made))) == 3
    assert list(tier(Plan.GROWTH).at(Plan.PRO).reasons(made)) == []
    assert tier(Plan.GROWTH).at(Plan.PRO).row(made) == (36.36, 0.0, 30.3, 17.0)


def test_free_takes_nothing() -> None:
    assert list(tier(Plan.FREE).reasons(figures())) == ["free has no custom fields, so nothing can be found again"]


def test_more_than_two_million_records_are_scoped_individually() -> None:
    assert grade_volume(2_000_000) == ("volume", "C", "2,000,000 records")
    assert grade_volume(2_000_001) == ("volume", "D", "2,000,001 records: scoped individually")


def test_a_grade_is_the_first_bound_that_holds() -> None:
    assert [graded(value, 1, 2, 3) for value in (0, 1, 1.5, 3, 4)] == ["A", "A", "B", "C", "D"]


@given(st.integers(0, 10_000), st.dictionaries(st.text(max_size=3), st.integers(0, 50), min_size=1))
def test_what_is_shared_out_adds_up_and_gives_nobody_more_than_a_call_beyond_the_share(
    whole: int, shares: dict[str, int]
) -> None:
    total = sum(shares.values())
    parts = share_out(whole if total else 0, shares)
    assert sum(parts.values()) == (whole if total else 0)
    assert all(abs(parts[name] - whole * one / total) < 1 for name, one in shares.items() if total)


def test_a_table_for_the_terminal_puts_numbers_to_the_right() -> None:
    frame = pl.DataFrame({"practice": ["none", "P-1"], "rows": [12_000, None]})
    assert plain_table(frame) == "Practice    Rows\nnone      12,000\nP-1            –"
