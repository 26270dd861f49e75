"""One proposal for one spelling: candidates with confidence and reason, best first."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workbench.vocabulary import Decision

NEVER = float("inf")
"""The threshold of a proposal that no machine accepts, however sure: a person has to see it."""

NOT_SURE = "no proposal sure enough"
BY_MACHINE = re.compile(rf"no proposal|{NOT_SURE}|perhaps \S+ \(\d\.\d\d: .*", re.DOTALL)
"""The notes of `ask` rows that accepting writes; whatever else such a row says, a person left it."""


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
