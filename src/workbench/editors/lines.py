"""One line of a grid: what may be shown of a spelling, what stands for it, and what is proposed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.mapping.value_map import HMAC, Decided
from workbench.privacy import mask, screened
from workbench.suggest.proposals import turned_down_note
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision

PINNED = "pinned"
"""The word of a note that keeps a decision from whatever is done to many at once."""
BLANK = "(left blank)"
"""The group of what is no carrier, and the name of an answer that says so."""
Line = dict[str, Any]


def make_line(
    number: int,
    shown: str,
    records: int,
    row: Decided | None,
    suggestion: Suggestion,
    *,
    is_hidden: bool,
    is_new: bool,
    approved: Decided | None,
) -> Line:
    """Return a line as the page gets it; `group` is what the spelling becomes, or would.

    `was` says what was approved where something else stands now: an answer, or one word for it.

    A proposal that a person turned down is none any more. An answer that may hold personal data is shown by its shape,
    and `masked` says that it cannot be typed from there.
    """
    best = proposed(row, suggestion)
    answer = row.answer if row else None
    is_decided = row is not None and not row.is_open
    group = (answer if answer is not None else BLANK) if is_decided else (best.value or BLANK) if best else ""
    return {
        "id": number,
        "shown": shown,
        "records": records,
        "group": screened(group),
        "masked": screened(group) != group,
        "decision": str(row.decision) if row else "",
        "answer": screened(answer or ""),
        "by": row.decided_by if row else "",
        "on": row.decided_on if row else "",
        "note": row.note if row else "",
        "proposal": screened(best.value) if best else None,
        "confidence": best.confidence if best else 0.0,
        "reason": best.reason if best else "",
        "sure": best is not None and suggestion.auto and not is_hidden,
        "new": is_new,
        "was": "" if approved is None or same_answer(row, approved) else _told(approved),
        "differs": is_decided and best is not None and suggestion.auto and (best.value or None) != answer,
        "pinned": row is not None and is_pinned(row),
    }


def same_answer(one: Decided | None, other: Decided | None) -> bool:
    """Say whether two rows of a spelling decide the same, or neither is there."""
    if one is None or other is None:
        return one is other
    return (one.decision, one.destination_value) == (other.decision, other.destination_value)


def _told(row: Decided) -> str:
    if row.decision is Decision.MAP:
        return screened(row.destination_value)
    return {Decision.KEEP: "kept as it is", Decision.BLANK: "left blank"}.get(row.decision, "open")


def proposed(row: Decided | None, suggestion: Suggestion) -> Candidate | None:
    """Return what is proposed for a spelling, unless a person turned it down."""
    best = suggestion.best
    return None if row and best and turned_down_note(best.value) in row.note.split("; ") else best


def bare(row: Decided, spelling: str) -> Decided:
    """Return a row under its spelling; where a token stood for it, without the shape that leads its note when written."""
    if not row.source_value.startswith(HMAC):
        return row
    return replace(row, source_value=spelling, note=row.note.removeprefix(mask(spelling)).removeprefix("; "))


def is_pinned(row: Decided) -> bool:
    """Say whether a person pinned a decision."""
    return PINNED in row.note.split("; ")


def own_words(row: Decided) -> list[str]:
    """Return the parts of a note that the editor itself reads; a new note does not take them away."""
    return [one for one in row.note.split("; ") if one == PINNED or one.startswith("not ")]
