"""Claim statuses become one of the five, blank with a reason, or a question."""

from decimal import Decimal

import pytest

from workbench.dental.claims import suggest_claim_status
from workbench.vocabulary import Decision


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("Submitted", "Submitted"),
        ("E-filed", "Submitted"),
        ("RESUB", "Submitted"),
        ("A1", "Submitted"),
        ("s", "Submitted"),
        ("In Process", "Pending"),
        ("P3", "Pending"),
        ("Need x-rays", "Pending"),
        ("PAYRECVD", "Paid"),
        ("Closed-paid", "Paid"),
        ("Not covered", "Denied"),
        ("F2", "Denied"),
        ("2nd appeal", "Appeal"),
        ("Recon", "Appeal"),
    ],
)
def test_a_known_status_is_mapped(raw, value):
    suggestion = suggest_claim_status(raw)
    assert (suggestion.value, suggestion.decision) == (value, Decision.MAP)
    assert suggestion.confidence >= 0.95


def test_received_needs_an_amount_to_be_paid():
    assert suggest_claim_status("Received", Decimal("80.00")).value == "Paid"
    assert suggest_claim_status("R", Decimal(0)).decision is Decision.ASK
    assert suggest_claim_status("EOB rcvd").decision is Decision.ASK


def test_rejected_is_not_denied():
    suggestion = suggest_claim_status("Rejected")
    assert (suggestion.value, suggestion.decision) == ("Pending", Decision.ASK)


@pytest.mark.parametrize("raw", ["Unsent", "U", "Hold", "Void", "Pre-auth", "n/a", "?", "", None])
def test_what_is_no_claim_yet_or_any_more_stays_blank(raw):
    assert suggest_claim_status(raw)[:2] == (None, Decision.BLANK)


def test_a_phrase_in_a_longer_text_is_less_sure_and_two_are_asked():
    assert suggest_claim_status("Denied - frequency").confidence == 0.8
    assert suggest_claim_status("Denied, appeal sent 3/2")[:3] == ("Appeal", Decision.MAP, 0.8)
    assert suggest_claim_status("Denied, then paid 3/2").decision is Decision.ASK
    assert suggest_claim_status("not denied").decision is Decision.ASK
    assert suggest_claim_status("not paid yet").decision is Decision.ASK
    assert suggest_claim_status("blue").decision is Decision.ASK


@pytest.mark.parametrize(
    ("raw", "value"),
    [("Submited", "Submitted"), ("Piad", "Paid"), ("A2:20", "Submitted"), ("F1:65", "Paid"), ("Pendng", "Pending")],
)
def test_a_slip_is_proposed_and_a_category_decides_whatever_follows_it(raw, value):
    suggestion = suggest_claim_status(raw)
    assert (suggestion.value, suggestion.decision) == (value, Decision.MAP)
    assert (suggestion.confidence < 0.95) == raw.isalpha()
