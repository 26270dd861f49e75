"""The reconciliation is green after a load, and red for one field, link, owner, amount, record or double too many."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import polars as pl
import pytest
from loaded import KEY, Loaded, Record

from workbench.reconcile.reconciliation import Reconciliation

Row = tuple[str | None, ...]
LATER = "2031-01-01T09:00:00Z"
PLURALS = {
    "patient": "contacts",
    "practice": "sales_accounts",
    "treatment_case": "deals",
    "task": "tasks",
    "appointment": "appointments",
    "activity": "sales_activities",
    "note": "notes",
}
FIELDS = [
    ("patient", "city", "Elsewhere"),
    ("patient", "email", "other@example.com"),
    ("patient", "subscription_status", 1),
    ("patient", "cf_drug_interaction_flag", "No"),
    ("patient", "cf_date_of_birth", None),
    ("patient", "cf_source_stamps", "created never"),
    ("practice", "name", "Renamed"),
    ("practice", "cf_npi", "1234567893"),
    ("treatment_case", "expected_close", "2031-01-01"),
    ("treatment_case", "cf_original_create_date", "2031-01-01"),
    ("treatment_case", "cf_lost_reason", "because"),
    ("task", "due_date", LATER),
    ("task", "title", "Something else"),
    ("appointment", "end_date", LATER),
    ("activity", "start_date", LATER),
    ("note", "description", "words"),
]
OWNED = ["patient", "practice", "treatment_case", "task", "activity"]


def test_a_load_is_green_and_a_fresh_plan_would_send_nothing(loaded):
    found = loaded.reconcile()
    assert (found.failed, found.differences.height, found.zero_write) == ((), 0, True)
    assert found.fates.filter(pl.col("source") != pl.sum_horizontal(pl.exclude("mapping", "source"))).is_empty()
    assert found.money["equal"].all() and found.money["deals_source"].sum() == found.compared["treatment_case"]
    delivered = found.fates.filter(pl.col("mapping").is_in(list(found.compared)))
    assert dict(delivered.select("mapping", pl.col("created") + pl.col("unchanged")).rows()) == found.compared


class Hand:
    """Changes many records at once, each in one way, and knows what the reconciliation has to say."""

    def __init__(self, loaded: Loaded, stack: ExitStack) -> None:
        self.loaded = loaded
        self.stack = stack
        self.used: set[int] = set()
        self.expected: dict[str, Row] = {}
        stages = [one["lifecycle_stage_id"] for one in loaded.records("contacts")]
        self.patients = max(set(stages), key=stages.count)

    def take(self, mapping: str, wanted: Any) -> Record:
        """Return a record of a mapping that nothing was done to yet."""
        found = next(
            one
            for one in self.loaded.records(PLURALS[mapping])
            if one["id"] not in self.used
            and (mapping != "patient" or one["lifecycle_stage_id"] == self.patients)
            and not str((one.get("custom_field") or {}).get(KEY)).startswith("employer:")
            and wanted(one)
        )
        self.used.add(found["id"])
        return found

    def key(self, mapping: str, record: Record) -> str:
        """Return the source id that a record carries."""
        if PLURALS[mapping] in ("contacts", "sales_accounts", "deals"):
            return record["custom_field"][KEY]
        text = record.get("description") or record.get("notes")
        return text.rpartition("[Dental-Exec ")[2].partition(" ")[0].partition("/")[2]

    def edit(self, what: str, mapping: str, record: Record, row: Row, changes: Record) -> None:
        """Change a record as a user would."""
        self.stack.enter_context(self.loaded.edited(PLURALS[mapping], record, **changes))
        self.expected[what] = (mapping, self.key(mapping, record), *row)

    def field(self, mapping: str, name: str, value: Any) -> None:
        """Change one field."""
        if name.startswith("cf_"):
            record = self.take(mapping, lambda one: one["custom_field"].get(name) != value)
            self.edit(f"{mapping} {name}", mapping, record, (name, "value"), {"custom_field": {name: value}})
            return
        record = self.take(mapping, lambda one: one.get(name) not in (None, value))
        changed = record[name].replace("[Dental-Exec", "not so [Dental-Exec", 1) if mapping == "note" else value
        self.edit(f"{mapping} {name}", mapping, record, (name, "value"), {name: changed})

    def owner(self, mapping: str) -> None:
        """Give a record to another user."""
        record = self.take(mapping, lambda one: one.get("owner_id"))
        other = next(
            one["owner_id"] for one in self.loaded.records("sales_accounts") if one["owner_id"] != record["owner_id"]
        )
        self.edit(f"{mapping} owner", mapping, record, ("owner_id", "link"), {"owner_id": other})

    def account(self) -> None:
        """Hang a case on another practice."""
        record = self.take("treatment_case", lambda one: one.get("sales_account_id"))
        other = next(
            one["id"] for one in self.loaded.records("sales_accounts") if one["id"] != record["sales_account_id"]
        )
        self.edit("treatment_case account", "treatment_case", record, ("account", "link"), {"sales_account_id": other})

    def double(self, mapping: str) -> None:
        """Make a record a second time, marker and all."""
        plural, text = PLURALS[mapping], "notes" if mapping == "activity" else "description"
        record = self.take(mapping, lambda one: one.get(text) and one.get("targetables"))
        kept = (
            "title",
            "due_date",
            "owner_id",
            "task_type_id",
            "sales_activity_type_id",
            "start_date",
            "end_date",
            text,
        )
        body = {name: record[name] for name in kept if record.get(name) is not None}
        (target,) = record["targetables"][:1]
        self.stack.enter_context(
            self.loaded.added(plural, body | {"targetable_type": target["type"], "targetable_id": target["id"]})
        )
        self.expected[f"{mapping} double"] = (plural, self.key(mapping, record), None, "extra")

    def drop(self, mapping: str) -> None:
        """Put a record into the bin."""
        record = self.take(mapping, lambda one: True)
        self.stack.enter_context(self.loaded.dropped(PLURALS[mapping], record))
        self.expected[f"{mapping} dropped"] = (mapping, self.key(mapping, record), None, "missing")


@pytest.fixture(scope="module")
def changed(loaded: Loaded) -> tuple[dict[str, Row], Reconciliation]:
    """One reconciliation over a tenant in which many records were changed, each in one way."""
    with ExitStack() as stack:
        hand = Hand(loaded, stack)
        for mapping, name, value in FIELDS:
            hand.field(mapping, name, value)
        for mapping in OWNED:
            hand.owner(mapping)
        hand.account()
        for mapping in ("task", "note", "activity"):
            hand.double(mapping)
        for mapping in ("task", "note", "appointment"):
            hand.drop(mapping)
        found = loaded.reconcile()
    assert loaded.reconcile().failed == ()
    return hand.expected, found


@pytest.mark.parametrize("name", [f"{mapping} {name}" for mapping, name, _ in FIELDS])
def test_one_field_is_seen_with_mapping_and_name(changed, name):
    assert changed[0][name] in changed[1].differences.rows()


@pytest.mark.parametrize("mapping", OWNED)
def test_one_owner_is_seen(changed, mapping):
    assert changed[0][f"{mapping} owner"] in changed[1].differences.rows()


def test_one_link_is_seen(changed):
    assert changed[0]["treatment_case account"] in changed[1].differences.rows()


@pytest.mark.parametrize("mapping", ["task", "note", "appointment"])
def test_a_dropped_record_is_seen(changed, mapping):
    assert changed[0][f"{mapping} dropped"] in changed[1].differences.rows()


@pytest.mark.parametrize("mapping", ["task", "note", "activity"])
def test_a_double_with_our_marker_is_seen(changed, mapping):
    assert changed[0][f"{mapping} double"] in changed[1].differences.rows()


def test_nothing_else_is_seen_and_the_verdict_counts_it(changed):
    expected, found = changed
    assert sorted(found.differences.rows(), key=str) == sorted(expected.values(), key=str)
    assert found.failed == (f"{len(expected)} differences between what was delivered and what is there",)
    assert not found.reconciled


def test_one_cent_is_seen_by_field_and_by_stage(loaded):
    record = loaded.pick("deals", amount=...)
    with loaded.edited("deals", record, amount=round(float(record["amount"]) + 0.01, 2)):
        found = loaded.reconcile()
    assert found.differences.rows() == [("treatment_case", record["custom_field"][KEY], "amount", "value")]
    assert found.failed[-1] == "deal amounts differ by pipeline and stage"
    assert found.money.filter(~pl.col("equal")).height == 1


def test_a_deal_in_another_stage_is_seen_by_field_and_by_stage(loaded):
    record = loaded.pick("deals", deal_stage_id=...)
    other = next(
        one["deal_stage_id"]
        for one in loaded.records("deals")
        if one["deal_pipeline_id"] == record["deal_pipeline_id"] and one["deal_stage_id"] != record["deal_stage_id"]
    )
    with loaded.edited("deals", record, deal_stage_id=other):
        found = loaded.reconcile()
    assert ("treatment_case", record["custom_field"][KEY], "deal_stage_id", "value") in found.differences.rows()
    assert found.money.filter(~pl.col("equal")).height == 2


def test_what_others_make_is_no_double(loaded):
    owner = loaded.pick("sales_accounts", owner_id=...)["owner_id"]
    account = {"name": "Somebody else's", "owner_id": owner, "custom_field": {KEY: "B-1"}}
    task = {"title": "Call", "owner_id": owner, "due_date": LATER, "description": "[Dental-Exec tasks/B-1 · x · y]"}
    with loaded.added("sales_accounts", account), loaded.added("tasks", task):
        assert loaded.reconcile().failed == ()
