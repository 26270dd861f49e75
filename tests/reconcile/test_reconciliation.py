"""The reconciliation is green after a load, and names each field, link, owner, amount, record or double too many."""

from __future__ import annotations

import polars as pl
import pytest
from changes import LATER
from loaded import KEY

from workbench.reconcile.checks import Question
from workbench.reconcile.tiers import Tier

WAYS = [
    *("patient city", "patient email", "patient subscription_status", "patient cf_drug_interaction_flag"),
    *("patient cf_date_of_birth", "patient cf_source_stamps", "practice name", "practice cf_npi"),
    *("treatment_case expected_close", "treatment_case cf_lost_reason", "practice cf_original_create_date"),
    *("task title", "task due_date", "appointment end_date", "activity start_date", "note description", "note marker"),
    *("patient owner_id", "practice owner_id", "treatment_case owner_id", "task owner_id", "activity owner_id"),
    *("treatment_case account", "prospect account", "task target", "practice parent_sales_account_id"),
    *("treatment_case contact", "treatment_case amount", "treatment_case deal_stage_id", "patient lifecycle_stage_id"),
    *("treatment_case deal_pipeline_id", "attachment file_name", "note double", "activity double"),
    *("task dropped", "appointment dropped"),
]


def test_a_load_is_green_and_a_fresh_plan_would_send_nothing(green):
    assert (green.failed, green.differences.height, green.zero_write) == ((), 0, True)
    assert green.fates.filter(pl.col("source") != pl.sum_horizontal(pl.exclude("mapping", "source"))).is_empty()
    assert green.money["equal"].all() and green.money["deals_source"].sum() == green.compared["treatment_case"]
    delivered = green.fates.filter(pl.col("mapping").is_in(list(green.compared)))
    assert dict(delivered.select("mapping", pl.col("created") + pl.col("unchanged")).rows()) == green.compared


@pytest.mark.parametrize("way", WAYS)
def test_one_change_is_one_difference_with_its_cause(changed, way):
    assert changed[0].differences[way] in changed[1].differences.rows()


def test_nothing_else_is_different(changed):
    hand, found = changed
    assert sorted(found.differences.rows(), key=str) == sorted(hand.differences.values(), key=str)
    assert not found.reconciled


def test_the_tenant_put_back_is_green_and_what_others_make_is_no_double(loaded, changed):
    owner = loaded.pick("sales_accounts", owner_id=...)["owner_id"]
    account = {"name": "Somebody else's", "owner_id": owner, "custom_field": {KEY: "B-1"}}
    task = {"title": "Call", "owner_id": owner, "due_date": LATER, "description": "[Dental-Exec tasks/B-1 · x · y]"}
    with loaded.added("sales_accounts", account), loaded.added("tasks", task):
        found = loaded.reconcile()
    assert (found.failed, found.differences.rows()) == ((), [])
    strange = found.checks.filter(pl.col("check") == str(Question.STRANGE))
    assert strange.select("mapping", "keys", "status").rows() == [
        ("sales_accounts", 1, "not checked"),
        ("tasks", 1, "not checked"),
    ]


def test_list_pages_alone_cost_fewer_calls_and_are_never_green(loaded, green):
    found = loaded.reconcile(tier=Tier.PAGES)
    assert sum(found.calls.values()) < sum(green.calls.values()) / 2
    assert found.differences.is_empty()
    unread = found.checks.filter(pl.col("status") == "failed")
    assert unread.select("check", "mapping").rows() == [
        (str(Question.READ), name) for name in ("treatment_case", "note", "attachment")
    ]


def test_a_price_told_before_is_what_reading_takes(green):
    prices = {row["reading"]: row for row in green.tiers.iter_rows(named=True)}
    assert [name for name, row in prices.items() if row["chosen"]] == ["full read"]
    assert abs(prices["full read"]["calls"] - sum(green.calls.values())) <= 0.1 * sum(green.calls.values())
    assert prices["answers to our writes"]["calls"] == 0 < prices["list pages"]["calls"] < prices["full read"]["calls"]
