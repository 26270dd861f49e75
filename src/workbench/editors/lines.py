"""Lines of a value map as an editor shows them, made of a spelling, what stands for it and what is proposed; and what may be typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from secrets import token_bytes
from typing import Any

from workbench.mapping.value_map import Decided, ValueMap
from workbench.privacy import may_be_personal, screened, token
from workbench.suggest.proposals import turned_down_note
from workbench.suggest.suggestion import Candidate, Suggestion, is_by_machine
from workbench.vocabulary import Decision

PINNED = "pinned"
"""The word of a note that keeps a decision from whatever is done to many at once."""
BLANK = "(left blank)"
"""The group of what is no carrier, and the name of an answer that says so."""
MOST = 3
"""Proposals of one spelling that a person can take by a key."""
ACCEPTED = re.compile(r"(?:^|; )suggested (\d\.\d\d): ")
"""How the note of a decision begins that was accepted, with the confidence at that time."""
LONGEST = 255
"""So many characters fit a text field, or a choice, of Freshsales."""
NAMED = 12
"""So many possible answers a refusal names."""
Line = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What an act did: the lines that changed, and a sentence for the person who acted.

    `is_refused` has the page ask again, with what was typed.
    """

    lines: list[Line]
    text: str
    is_refused: bool = False


@dataclass
class Answers:
    """The answers of one map: given `choices`, or any; and those that are proposed anywhere in it.

    A map of ids shows numbers and moments as they are.
    """

    said: Iterable[Suggestion]
    choices: Sequence[str] = ()
    are_ids: bool = False
    proposed: frozenset[str] = field(init=False)
    secret: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.proposed = frozenset(one.value for found in self.said for one in found.candidates if one.value)
        self.secret = token_bytes(32)

    def show(self, answer: str) -> str:
        """Return an answer as it is shown: a given one in clear, since the list shows it; another's shape if it may be personal."""
        is_number = self.are_ids and not any(one.isalpha() or one == "@" for one in answer)  # of a record, or a moment
        return answer if is_number or answer in self.choices else screened(answer)

    def hides(self, answer: str) -> bool:
        """Say whether an answer is not shown as it is."""
        return self.show(answer) != answer

    def key(self, answer: str) -> str:
        """Return what equal answers alone have in common, and what tells nothing of one that is not shown."""
        return token(self.secret, answer) if self.hides(answer) else answer

    def listed(self, standing: ValueMap) -> list[str]:
        """Return the answers that the page offers."""
        known = self.proposed.union(standing.destination_values())
        return list(self.choices) or sorted(one for one in known if not may_be_personal(one))

    def knows(self, answer: str, standing: ValueMap) -> bool:
        """Say whether an answer is given, proposed or decided already."""
        return answer in self.choices or answer in self.proposed or answer in standing.destination_values()

    def problem(self, answer: str, standing: ValueMap, *, again: bool) -> str:
        """Say what is wrong with a typed answer, its blanks folded; nothing where it may be taken."""
        if not answer:
            return "Nothing was typed, so nothing changed."
        if len(answer) > LONGEST:
            return f"An answer has at most {LONGEST} characters, and this has {len(answer)}; nothing changed."
        if odd := sum(unicodedata.category(one).startswith("C") for one in answer):
            return f"{odd} character{'s' * (odd != 1)} of it cannot be seen; type it by hand. Nothing changed."
        if self.choices and answer not in self.choices:
            near = sorted(self.choices, key=lambda one: (-_likeness(one, answer), one))[:NAMED]
            more = ", …" if len(self.choices) > NAMED else ""
            return f"{len(self.choices)} answers are possible here, and this is none of them: {', '.join(near)}{more}"
        if not again and not self.knows(answer, standing):
            same = (
                one for one in sorted(self.proposed.union(standing.destination_values())) if _bare(one) == _bare(answer)
            )
            if like := next(same, None):
                return f"{screened(like)} is there already. Enter again writes {screened(answer)} beside it; nothing changed yet."
        return ""


def make_line(
    number: int,
    shown: str,
    records: int,
    row: Decided | None,
    suggestion: Suggestion,
    *,
    answers: Answers,
    is_hidden: bool,
    is_new: bool,
    approved: Decided | None,
) -> Line:
    """Return a line as the page gets it; `row` is bare, `group` what the spelling becomes, or would, and `named` its text.

    `others` are further proposals, each with the key that takes it. `was` says what was approved where something else
    stands now: an answer, or one word for it. `confidence` is that of the decision where a proposal was accepted,
    `offered` that of what is proposed now.

    A proposal that a person turned down is none any more. An answer that may hold personal data is shown by its shape,
    and `masked` says that it cannot be typed from there.
    """
    best = proposed(row, suggestion)
    others = [
        (place + 1, answers.show(one.value) or BLANK, one.confidence, one.reason)
        for place, one in enumerate(suggestion.candidates[:MOST])
        if one is not best and not is_turned_down(row, one)
    ]
    answer = row.answer if row else None
    is_decided = row is not None and not row.is_open
    group = (answer if answer is not None else BLANK) if is_decided else (best.value or BLANK) if best else ""
    note = row.note if row else ""
    reason = best.reason if best else ""
    accepted = ACCEPTED.search(note) if is_decided else None
    return {
        "id": number,
        "shown": shown,
        "records": records,
        "group": answers.key(group),
        "named": answers.show(group),
        "masked": answers.hides(group),
        "decision": str(row.decision) if row else "",
        "answer": answers.show(answer or ""),
        "by": row.decided_by if row else "",
        "on": row.decided_on if row else "",
        "note": note,
        "why": reason if row and row.is_open and reason and is_by_machine(note) else note or reason,
        "proposal": answers.show(best.value) if best else None,
        "confidence": float(accepted[1]) if accepted else best.confidence if best else 0.0,
        "reason": reason,
        "offered": best.confidence if best else 0.0,
        "others": others,
        "sure": best is not None and suggestion.auto and not is_hidden,
        "new": is_new,
        "was": "" if approved is None or same_answer(row, approved) else _told(approved, answers),
        "differs": is_decided and best is not None and suggestion.auto and (best.value or None) != answer,
        "pinned": row is not None and is_pinned(row),
    }


def same_answer(one: Decided | None, other: Decided | None) -> bool:
    """Say whether two rows of a spelling decide the same, or neither is there."""
    if one is None or other is None:
        return one is other
    return (one.decision, one.destination_value) == (other.decision, other.destination_value)


def _told(row: Decided, answers: Answers) -> str:
    if row.decision is Decision.MAP:
        return answers.show(row.destination_value)
    return {Decision.KEEP: "kept as it is", Decision.BLANK: "left blank"}.get(row.decision, "open")


def proposed(row: Decided | None, suggestion: Suggestion) -> Candidate | None:
    """Return what is proposed for a spelling, unless a person turned it down."""
    best = suggestion.best
    return None if best is None or is_turned_down(row, best) else best


def is_turned_down(row: Decided | None, candidate: Candidate) -> bool:
    """Say whether a person turned a candidate down."""
    return row is not None and turned_down_note(candidate.value) in row.note.split("; ")


def is_pinned(row: Decided) -> bool:
    """Say whether a person pinned a decision."""
    return PINNED in row.note.split("; ")


def with_pin(row: Decided, *, out: bool) -> Decided:
    """Return a decision pinned, or with its pin taken out."""
    parts = [part for part in row.note.split("; ") if part and part != PINNED]
    return replace(row, note="; ".join(parts if out else [PINNED, *parts]))


def own_words(row: Decided) -> list[str]:
    """Return the parts of a note that the editor itself reads; a new note does not take them away."""
    return [one for one in row.note.split("; ") if one == PINNED or one.startswith("not ")]


def _bare(answer: str) -> str:
    """Return an answer without case, blanks and punctuation."""
    return "".join(one for one in answer.casefold() if one.isalnum())


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.casefold(), other.casefold()).ratio()
