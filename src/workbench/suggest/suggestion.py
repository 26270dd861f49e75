"""One proposal for one spelling: candidates with confidence and reason, best first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from workbench.vocabulary import Decision

NEVER = float("inf")
"""The threshold of a proposal that no machine accepts, however sure: a person has to see it."""

NOT_SURE = "no proposal sure enough"
BY_MACHINE = re.compile(rf"no proposal|{NOT_SURE}|perhaps \S+ \(\d\.\d\d: .*", re.DOTALL)
"""The notes of `ask` rows that accepting writes; whatever else such a row says, a person left it."""


class Strength(IntEnum):
    """How firmly a form stands for a value: its own name, an alias of the list, a known one, fewer words, one of several."""

    NAME = 0
    GIVEN = 1
    KNOWN = 2
    SHORTENED = 3
    DOUBTFUL = 4


AS_TEXT: dict[int, float] = {
    Strength.NAME: 0.98,
    Strength.GIVEN: 0.975,
    Strength.KNOWN: 0.97,
    Strength.SHORTENED: 0.9,
    Strength.DOUBTFUL: 0.8,
}
"""The confidence of a spelling that equals a form but for case and punctuation: the share that was right, rounded down."""
AS_WORDS: dict[int, float] = {
    Strength.NAME: 0.975,
    Strength.GIVEN: 0.97,
    Strength.KNOWN: 0.965,
    Strength.SHORTENED: 0.92,
    Strength.DOUBTFUL: 0.8,
}
"""The same where short forms had to be spelled out, or something set aside."""
SAID: dict[int, str] = {
    Strength.NAME: "the name",
    Strength.GIVEN: "a short form of the list",
    Strength.KNOWN: "a known short form",
    Strength.SHORTENED: "the name's first words",
    Strength.DOUBTFUL: "a short form that others share",
}


@dataclass(frozen=True)
class Candidate:
    """One possible answer."""

    value: str
    confidence: float
    reason: str


@dataclass(frozen=True)
class Suggestion:
    """What the machine would answer; `auto` says that it is sure enough to be accepted unseen in a rehearsal."""

    source_value: str
    candidates: tuple[Candidate, ...] = ()
    kind: str = "value"
    decision: Decision = Decision.MAP
    threshold: float = 0.95

    @property
    def best(self) -> Candidate | None:
        """The first candidate, if there is one."""
        return self.candidates[0] if self.candidates else None

    @property
    def auto(self) -> bool:
        """Say whether the best candidate reaches the threshold of automatic acceptance."""
        return self.best is not None and self.best.confidence >= self.threshold

    @property
    def hint(self) -> str:
        """Return what a person needs to decide: which records of the tenant it may be; values are looked up elsewhere."""
        if self.kind != "record":
            return ""
        named = [f"{one.value} ({one.confidence:.2f}: {one.reason})" for one in self.candidates[:5]]
        return f"perhaps {', or '.join(named)}"

    def as_dict(self) -> dict[str, object]:
        """Return the shape that `workbench suggest --json` prints."""
        return {
            "source_value": self.source_value,
            "candidates": [vars(one) for one in self.candidates],
            "kind": self.kind,
            "auto": self.auto,
        }


def is_by_machine(note: str) -> bool:
    """Say whether the note of an `ask` row is one that accepting writes."""
    return BY_MACHINE.fullmatch(note) is not None


def weigh_payer_id(found: Mapping[int, tuple[float, str]], owner: int) -> dict[int, tuple[float, str]]:
    """Weigh a payer id that stands in a spelling: it confirms the payer whose it is, and puts every other in doubt."""
    weighed = {
        place: (min(confidence, 0.85), f"{reason}; the payer id is another's")
        for place, (confidence, reason) in found.items()
    }
    if owner in found:
        confidence, reason = found[owner]
        weighed[owner] = (0.97 if confidence >= 0.78 else max(confidence, 0.86), f"{reason}; same payer id")
    else:
        weighed[owner] = (0.84, "its payer id")
    return weighed
