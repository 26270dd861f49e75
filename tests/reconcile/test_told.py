"""What the page tells of a reconciliation: the verdict by question, failed checks down to the group, causes, prices."""

from __future__ import annotations

import polars as pl
import pytest

from workbench.journey.reconciling import Reconciled
from workbench.reconcile.checks import Question
from workbench.reconcile.fields import Cause


@pytest.fixture(scope="module")
def red(changed) -> Reconciled:
    return Reconciled(changed[1], 0, 0.0, None, {"Plan": changed[1].plan.digest})


def test_a_green_verdict_says_how_much_was_compared_and_what_was_not(green):
    told = Reconciled(green, 0, 0.0, 0, {}).told.split("\n")
    assert (
        told[0] == f"{sum(green.compared.values())} records equal what was delivered, and a second plan writes nothing."
    )
    assert told[1].endswith("0 failed; 3 things could not be checked and stand below.")


def test_a_red_verdict_names_each_question_that_failed(red, changed):
    failed = {line[0] for line in changed[0].lines}
    assert {line.partition(":")[0] for line in red.told.split("\n")[:-1]} == failed
    assert red.record()["reconciliation"]["failed"] == len(changed[0].lines)
    assert red.record()["differences"] == len(changed[0].differences)


def test_a_failed_count_is_told_group_by_group_with_both_sides(red):
    stages = red.failed_checks.filter(
        (pl.col("check") == str(Question.STAGE)) & pl.col("where").str.starts_with("patient")
    )
    assert [row[1] for row in stages.rows()] == ["patient, Customer", "patient, Referring Dentist"]
    before, after = (int(number) for number in stages.row(0)[2:4])
    assert (before - after, stages.row(1)[2:4]) == (1, ("0", "1"))
    amounts = red.failed_checks.filter(pl.col("check") == str(Question.STAGES))
    assert amounts.height == red.money.filter(~pl.col("equal")).height > 0


def test_differences_are_told_by_cause_the_gravest_first(red, changed):
    causes = red.causes
    assert causes["cause"].unique(maintain_order=True).to_list() == [str(one) for one in Cause]
    assert causes["rows"].sum() == len(changed[0].differences)


def test_the_price_of_each_way_to_read_stands_beside_what_the_chosen_one_took(red):
    took = dict(red.readings.select("reading", "took").rows())
    assert took["full read"] == sum(red.made.calls.values())
    assert [name for name, calls in took.items() if calls is not None] == ["full read"]
