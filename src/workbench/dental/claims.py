"""Suggest one of the five claim statuses for a raw one, or say why it stays blank or with a person."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from workbench.dental.knowledge import read_facts
from workbench.vocabulary import Decision

WITHIN = 0.8  # confidence of a known phrase found inside a longer text


class ClaimSuggestion(NamedTuple):
    """A proposed decision; `value` is one of the five, and with `ask` only a hint."""

    value: str | None
    decision: Decision
    confidence: float
    reason: str


def suggest_claim_status(raw: str | None, paid_amount: Decimal | None = None) -> ClaimSuggestion:
    """Suggest a status by claims.csv; a received claim without an amount may be paid or denied, so it is asked."""
    folded = _fold(raw or "")
    if not folded:
        return ClaimSuggestion(None, Decision.BLANK, 1.0, "says nothing")
    when = "paid" if paid_amount is not None and paid_amount > 0 else "unpaid"
    known = _known(when)
    if folded in known:
        return known[folded]
    phrases = [phrase for phrase in known if len(phrase) > 2 and re.search(rf"\b{re.escape(phrase)}\b", folded)]
    longest = [phrase for phrase in phrases if not any(phrase != other and phrase in other for other in phrases)]
    found = {(known[phrase].value, known[phrase].decision) for phrase in longest}
    if len(found) > 1:
        return ClaimSuggestion(None, Decision.ASK, 0.5, "the text names several statuses")
    if not found:
        return ClaimSuggestion(None, Decision.ASK, 0.0, "no rule knows this status")
    one = known[longest[0]]
    return one._replace(confidence=min(WITHIN, one.confidence), reason=f"within a longer text: {one.reason}")


@cache
def _known(when: str) -> dict[str, ClaimSuggestion]:
    return {
        row["spelling"]: ClaimSuggestion(
            row["value"] or None, Decision(row["decision"]), float(row["confidence"]), row["reason"]
        )
        for row in read_facts("claims.csv")
        if row["when"] in ("", when)
    }


def _fold(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
