"""Which destination field a source column probably is: equal names and labels, known phrases, shared words."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

OBJECTS = {
    "contact": ("contact", "contacts", "patient", "patients", "person", "people", "prospect", "dentist", "lead"),
    "sales_account": (
        "sales_account",
        "account",
        "company",
        "companies",
        "practice",
        "practices",
        "office",
        "location",
    ),
    "deal": ("deal", "case", "cases", "treatment", "treatment_case", "treatment_plan", "opportunity"),
    "appointment": ("appointment", "appointments", "appt", "schedule", "visit"),
    "task": ("task", "tasks", "todo", "reminder"),
    "note": ("note", "notes", "commlog", "comment"),
    "user": ("user", "users", "provider", "staff", "employee"),
}
"""Destination object ← what exports call it."""
STAYS = {"ssn", "social", "password", "pwd", "hash", "rowversion", "guid", "locked"}
"""Words of columns that do not move."""
SURE, SHARED = 0.95, 0.45
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[#%]")
MARKS = {"#": "number", "%": "percent"}
MOST = 3


@dataclass(frozen=True)
class Choice:
    """One destination field to choose, with everything it is called, as folded words."""

    object: str
    field: str
    names: frozenset[tuple[str, ...]]
    phrases: frozenset[tuple[str, ...]]


def suggest_fields(
    rows: Iterable[Mapping[str, str]], choices: Iterable[Mapping[str, str]] | None = None
) -> list[dict[str, Any]]:
    """Return one object a column, in order, with at most three candidates, best first.

    `choices` are the destination's fields with their labels; without them the shipped list of known fields is used.
    """
    known = [_choice(row) for row in (choices if choices is not None else _synonym_rows())]
    return [_suggest(row, known) for row in rows]


def _suggest(row: Mapping[str, str], known: list[Choice]) -> dict[str, Any]:
    words = fold(row["source_column"])
    candidates = [] if STAYS & set(words) else _candidates(row["source_object"], words, known)
    best = candidates[0]["confidence"] if candidates else 0.0
    tied = len(candidates) > 1 and candidates[1]["confidence"] == best
    return {
        "source_object": row["source_object"],
        "source_column": row["source_column"],
        "candidates": candidates,
        "kind": "field" if candidates else "left_out" if STAYS & set(words) else "unknown",
        "auto": best >= SURE and not tied,
    }


def _candidates(source_object: str, words: tuple[str, ...], known: list[Choice]) -> list[dict[str, Any]]:
    wanted = next((one for one, said in OBJECTS.items() if source_object.strip().lower() in said), None)
    same_object = [one for one in known if one.object == wanted]
    # Where nobody knows what the object becomes, a name alone proves less.
    weight = 1.0 if same_object else 0.8
    found: list[dict[str, Any]] = []
    for choice in same_object or known:
        confidence, reason = _likeness(words, choice)
        if confidence:
            found.append(
                {
                    "object": choice.object,
                    "field": choice.field,
                    "confidence": round(confidence * weight, 2),
                    "reason": reason,
                }
            )
    return sorted(found, key=lambda one: (-one["confidence"], one["object"], one["field"]))[:MOST]


def _likeness(words: tuple[str, ...], choice: Choice) -> tuple[float, str]:
    if words in choice.names:
        return 0.98, "the name or label is equal"
    if words in choice.phrases:
        return SURE, "known to mean it"
    called = choice.names | choice.phrases
    if any(set(words) == set(one) for one in called):
        return 0.9, "the same words in another order"
    share = max((len(set(words) & set(one)) / len(set(words) | set(one)) for one in called), default=0.0)
    return (round(0.8 * share, 2), "shares words") if share > SHARED else (0.0, "")


def fold(name: str) -> tuple[str, ...]:
    """Return a column name as words: camel case split, marks and short forms spelled out; "Cell #" is mobile number."""
    found = [MARKS.get(one, one.lower()) for one in WORDS.findall(name.removeprefix("cf_"))]
    return tuple(word for one in found for word in _meanings().get(one, one).split())


def _choice(row: Mapping[str, str]) -> Choice:
    destination, name = row["destination_object"].strip(), row["destination_field"].strip()
    names = {fold(name), fold(name.removesuffix("_id"))}
    if row.get("label"):
        names.add(fold(row["label"]))
    kind = next((one for one, said in OBJECTS.items() if destination in said), destination)
    return Choice(kind, name, frozenset(names), _phrases().get((kind, name), frozenset()))


@cache
def _meanings() -> dict[str, str]:
    return {row["word"]: row["means"] or "" for row in _rows("field_words.csv")}


@cache
def _phrases() -> dict[tuple[str, str], frozenset[tuple[str, ...]]]:
    return {
        (row["destination_object"], row["destination_field"]): frozenset(fold(one) for one in row["said_as"].split("|"))
        for row in _synonym_rows()
    }


def _synonym_rows() -> list[dict[str, str]]:
    return _rows("field_synonyms.csv")


def _rows(name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
