"""Suggest one of the five claim statuses for a raw one, or say why it stays blank or with a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from rapidfuzz.distance import OSA

from workbench.dental.knowledge import read_facts
from workbench.vocabulary import Decision

WITHIN, SLIP = 0.8, 0.9  # confidence of a known phrase found inside a longer text, and of a slip of the keyboard in it
CODE = re.compile(r"[afp]\d \d{1,3}")
DENIED = re.compile(r"\b(?:not|never|isn t|wasn t)\b")
LEAST = 5
"""From so many letters on one key may slip; a word whose letters changed places may be one shorter."""


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
    if CODE.fullmatch(folded):  # A2:20 says more of the same: the category decides
        return suggest_claim_status(folded.split()[0], paid_amount)
    if slip := _slip(folded, known):
        return slip
    if DENIED.search(folded):
        return ClaimSuggestion(None, Decision.ASK, 0.5, "the text says what it is not")
    phrases = [phrase for phrase in known if len(phrase) > 2 and re.search(rf"\b{re.escape(phrase)}\b", folded)]
    longest = [phrase for phrase in phrases if not any(phrase != other and phrase in other for other in phrases)]
    found = {(known[phrase].value, known[phrase].decision) for phrase in longest}
    if len(found) > 1:
        return ClaimSuggestion(None, Decision.ASK, 0.5, "the text names several statuses")
    if not found:
        return ClaimSuggestion(None, Decision.ASK, 0.0, "no rule knows this status")
    one = known[longest[0]]
    return one._replace(confidence=min(WITHIN, one.confidence), reason=f"within a longer text: {one.reason}")


def _slip(folded: str, known: Mapping[str, ClaimSuggestion]) -> ClaimSuggestion | None:
    """Return what a phrase with one key wrong says, where every phrase as near says the same."""
    near = [
        one
        for one in known
        if OSA.distance(folded, one, score_cutoff=1) == 1
        and (min(len(one), len(folded)) >= LEAST or (len(one) == LEAST - 1 and sorted(one) == sorted(folded)))
    ]
    said = {known[one].value for one in near}
    if len(said) != 1 or known[near[0]].decision is not Decision.MAP:
        return None
    return known[near[0]]._replace(confidence=SLIP, reason="a slip of the keyboard in a known status")


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
