"""One line of a grid: what may be shown of a spelling, what stands for it, and what is proposed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.mapping.value_map import HMAC, Decided
from workbench.privacy import mask, screened
from workbench.suggest.proposals import turned_down_note
from workbench.suggest.suggestion import Candidate, Suggestion

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
    was_approved: bool,
) -> Line:
    """Return a line as the page gets it; `group` is what the spelling becomes, or would.

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
        "new": was_approved and row is None,
        "differs": is_decided and best is not None and suggestion.auto and (best.value or None) != answer,
        "pinned": row is not None and is_pinned(row),
    }


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
