"""Carrier spellings on a shipped list of US dental payers; what is no carrier is told apart first."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from workbench.suggest.names import normal, suggest_names
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision

NOT_A_CARRIER = {
    "self pay",
    "selfpay",
    "self",
    "cash",
    "cash pay",
    "private pay",
    "none",
    "no insurance",
    "no ins",
    "uninsured",
    "n a",
    "na",
    "not insured",
    "no coverage",
    "patient pay",
    "membership",
    "in house plan",
    "care credit",
    "carecredit",
}


@cache
def shipped_payers() -> dict[str, tuple[str, ...]]:
    """Return the shipped payers with their aliases (payers.csv; names and short forms are facts)."""
    with (Path(__file__).parent / "payers.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: tuple(filter(None, row["aliases"].split("|"))) for row in csv.DictReader(file)}


def suggest_carriers(spellings: Iterable[str], choices: Mapping[str, Iterable[str]] | None = None) -> list[Suggestion]:
    """Propose a payer for each spelling, out of `choices` or else the shipped list."""
    known: Mapping[str, Iterable[str]] = choices if choices is not None else shipped_payers()
    made = []
    for suggestion in suggest_names(spellings, known):
        if normal(suggestion.source_value) in NOT_A_CARRIER:
            made.append(
                Suggestion(
                    suggestion.source_value,
                    (Candidate("", 0.97, "says that there is no carrier"),),
                    "not_a_carrier",
                    Decision.BLANK,
                )
            )
        else:
            kind = "carrier" if any(one.isalpha() for one in suggestion.source_value) else "junk"
            made.append(Suggestion(suggestion.source_value, suggestion.candidates, kind))
    return made
