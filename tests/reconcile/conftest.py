"""A tenant changed by hand in many places, reconciled once for all tests of this room."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from changes import LATER, Hand
from loaded import Loaded

from workbench.reconcile.reconciliation import Reconciliation

FIELDS = [
    ("patient", "city", "Elsewhere"),
    ("patient", "email", "other@example.com"),
    ("patient", "subscription_status", 1),
    ("patient", "cf_drug_interaction_flag", "No"),
    ("patient", "cf_source_stamps", "created never"),
    ("practice", "name", "Renamed"),
    ("practice", "cf_npi", "1234567893"),
    ("treatment_case", "cf_lost_reason", "because"),
    ("task", "title", "Something else"),
    ("note", "description", "words"),
]
DATES = [("patient", "cf_date_of_birth", None), ("treatment_case", "expected_close", "2031-01-01")]
OWNED = ["patient", "practice", "treatment_case", "task", "activity"]


@pytest.fixture(scope="session")
def green(loaded: Loaded) -> Reconciliation:
    """The reconciliation of what was just loaded."""
    return loaded.reconcile()


@pytest.fixture(scope="session")
def changed(loaded: Loaded, green: Reconciliation) -> tuple[Hand, Reconciliation]:
    """One reconciliation over a tenant in which many records were changed, each in one way."""
    assert green.failed == ()
    with ExitStack() as stack:
        hand = Hand(loaded, stack)
        hand.links()
        hand.contact()
        hand.stage()
        hand.pipeline()
        hand.cent()
        hand.marker()
        for mapping, name, value in FIELDS:
            hand.field(mapping, name, value)
        for mapping, name, day in DATES:
            hand.field(mapping, name, day, "date")
        hand.date("practice", "cf_original_create_date", "2031-01-01", by_month=True)
        hand.date("task", "due_date", LATER, by_month=True)
        hand.date("activity", "start_date", LATER, by_month=True)
        hand.date("appointment", "end_date", LATER, by_month=False)
        for mapping in OWNED:
            hand.owner(mapping)
        hand.file()
        for mapping in ("note", "activity"):
            hand.double(mapping)
        hand.drop("task", "due_date")
        hand.drop("appointment", "from_date", "end_date")
        found = loaded.reconcile()
    return hand, found
