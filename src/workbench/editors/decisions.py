"""What an editor of one value map knows and does: each act is in its CSV at once, can be undone, and covers no hand edit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from workbench.editors.lines import (
    MOST,
    Answers,
    Line,
    Told,
    is_pinned,
    is_turned_down,
    make_line,
    own_words,
    proposed,
    with_pin,
)
from workbench.editors.value_file import ValueFile
from workbench.mapping.approval import ApprovedMap
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import EXISTING, Decided, ValueMap
from workbench.privacy import mask
from workbench.settings import Settings
from workbench.suggest.acceptance import told_asked
from workbench.suggest.proposals import Proposal, accept_open, asked_by_people, turned_down_note
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision

UNSEEN = "left to be seen, since it may hold personal data: open the group, then press again"


@dataclass
class Decisions:
    """One value map under a person's hands.

    Spellings have a number, most records first; a line is what may be shown of one, the spelling that may hold personal
    data by its shape alone. The file is read again before each act, so that a row that somebody changed meanwhile is
    shown and not written over. `choices` are the answers it takes; without them it takes any.
    """

    settings: Settings
    proposal: Proposal
    by: str = "analyst"
    hide: re.Pattern[str] | None = None
    approved: ApprovedMap | None = None
    choices: Sequence[str] = ()
    today: Callable[[], date] = date.today

    def __post_init__(self) -> None:
        records = self.asked.records
        self.spellings = sorted(records, key=lambda one: (-records[one], one))
        self.places = {one: place for place, one in enumerate(self.spellings)}
        self.file = ValueFile(self.settings, self.asked)
        self.typed = Answers(self.proposal.suggestions.values(), tuple(self.choices), self.asked.decided.key is None)

    @property
    def asked(self) -> Asked:
        """The map and the spellings that the snapshot asks it."""
        return self.proposal.asked

    @property
    def standing(self) -> ValueMap:
        """What stands in the files."""
        return self.file.standing

    def lines(self) -> list[Line]:
        """Return every line, by number."""
        return [self._line(number) for number in range(len(self.spellings))]

    def progress(self) -> dict[str, Any]:
        """Return how many spellings and records are decided, of how many."""
        records = self.asked.records
        decided = [one for one in self.spellings if (row := self.standing.find(one)) and not row.is_open]
        return {
            "spellings": len(self.spellings),
            "decided": len(decided),
            "records": sum(records.values()),
            "decided_records": sum(records[one] for one in decided),
            "undo": len(self.file.done),
            "redo": len(self.file.undone),
        }

    def answers(self) -> list[str]:
        """Return what may be answered: the choices, else what is proposed or decided anywhere in the map."""
        return self.typed.listed(self.standing)

    def refresh(self, *, is_asked: bool = False) -> Told:
        """Read the file again; tell the lines that somebody else changed, and that nothing is new where a person asked."""
        changed = self._changed_elsewhere()
        told = f"{self.file.place} was read again: nothing changed." if is_asked else ""
        if changed:
            told = f"{len(changed)} spelling{'s' * (len(changed) != 1)} changed in the file meanwhile: read again."
        return Told([self._line(one) for one in changed], told)

    # -- acts -------------------------------------------------------------------------------------------------------

    def accept(self, numbers: Sequence[int], *, are_seen: bool = False) -> Told:
        """Take each spelling's own proposal; those without one stay as they are.

        Of many at once, what may hold personal data is left, unless the person has every line before their eyes.
        """
        found = {one: proposed(self._row(one), self._suggestion(one)) for one in numbers}
        rows = {one: self._accepted(one, best) for one, best in found.items() if best}
        return self._write(rows, "accepted", without=len(numbers) - len(rows), unseen=not are_seen)

    def take(self, number: int, place: int) -> Told:
        """Take one spelling's first, second or third proposal (0 to 2); one that was turned down is none."""
        found = self._suggestion(number).candidates[:MOST]
        if not 0 <= place < len(found) or is_turned_down(self._row(number), found[place]):
            return Told([], f"There is no proposal {place + 1} here.")
        return self._write({number: self._accepted(number, found[place])}, "accepted")

    def would_accept(self, share: float, numbers: Sequence[int] | None = None) -> Told:
        """Tell what accepting at or above a confidence would touch; nothing is written, and no line is another's."""
        rows, still_open, asked = self._sure_rows(share, numbers)
        taken = [one for one, row in rows.items() if not row.is_open]
        records = sum(self.asked.records[self.spellings[one]] for one in taken)
        answers = len({rows[one].answer for one in taken})
        told = f"That is {len(taken):,} of {still_open:,} open spellings, {records:,} records, {answers:,} answer{'s' * (answers != 1)}"
        return Told([], f"{told}; {still_open - len(taken):,} stay open{told_asked(asked)}.")

    def accept_above(self, share: float, numbers: Sequence[int] | None = None) -> Told:
        """Take every open proposal at or above a confidence, ask the rest: what `workbench suggest --accept-above` does.

        Of some lines alone, the rest is not asked. What a person asks about stays as it is.
        """
        changed = self._changed_elsewhere()
        rows, still_open, asked = self._sure_rows(share, numbers)
        taken = sum(not row.is_open for row in rows.values())
        told = self._write(rows, "", guarded=False)
        lines = [*told.lines, *(self._line(one) for one in changed if one not in rows)]
        within = "" if numbers is None else f" of {len(numbers)}"
        left = f"{still_open - taken} stay open{told_asked(asked)}"
        return Told(lines, f"{taken}{within} accepted at {share:.2f} and above; {left}.")

    def _sure_rows(self, share: float, numbers: Sequence[int] | None) -> tuple[dict[int, Decided], int, int]:
        """Return the rows that accepting at or above a confidence would change, how many are open, and asked by people."""
        within = self.asked.records if numbers is None else [self.spellings[one] for one in numbers]
        still_open = [one for one in within if (row := self.standing.find(one)) is None or row.is_open]
        known = [one for one in within if numbers is not None or self.standing.find(one)]
        on, own = self.today().isoformat(), self.file.own()
        asked = replace(self.asked, decided=self.standing)
        made = accept_open(
            replace(self.proposal, asked=asked), own, still_open, above=share, by=self.by, on=on, known=known
        )
        rows = {self.places[one]: made.rows[one] for one in still_open if made.rows.get(one) != own.rows.get(one)}
        return rows, len(still_open), len(asked_by_people(asked, own, still_open))

    def decide(self, numbers: Sequence[int], decision: Decision, answer: str = "", *, again: bool = False) -> Told:
        """Decide some spellings alike; `map` needs an answer, and `again` says that a person means one that is like another."""
        told = {Decision.BLANK: "left blank", Decision.KEEP: "kept as it is", Decision.ASK: "asked"}.get(decision, "")
        if decision is Decision.MAP:
            answer = " ".join(answer.split())
            if problem := self.typed.problem(answer, self.standing, again=again):
                return Told([], problem, is_refused=True)
            is_new = not self.typed.knows(answer, self.standing)
            told = f"now {answer}{', a new value' if is_new else ''}"
        elif problem := self._meaningless(decision):
            return Told([], problem)
        rows = {one: self._decided(one, decision, answer) for one in numbers}
        return self._write(rows, told)

    def _meaningless(self, decision: Decision) -> str:
        """Say why a decision means nothing for this map; nothing where it does."""
        if decision is Decision.KEEP and (self.choices or self.asked.name == EXISTING):
            return "Keep means nothing here, where only given answers are taken: M maps to one of them, Q asks."
        if decision is Decision.BLANK and self.asked.is_needed:
            return "A blank would hold every such record, since it needs an answer here: M maps it, Q asks."
        return ""

    def turn_down(self, numbers: Sequence[int]) -> Told:
        """Set spellings apart from what is proposed for them, or decided: they are open, and the note says what they are not."""
        rows = {}
        for one in numbers:
            row, best = self._row(one), self._suggestion(one).best
            not_this = row.answer if row and row.answer else best.value if best else None
            parts = own_words(row) if row else []
            parts += [] if not_this is None or turned_down_note(not_this) in parts else [turned_down_note(not_this)]
            rows[one] = replace(self._decided(one, Decision.ASK), note="; ".join(parts))
        return self._write(rows, "set apart")

    def note(self, numbers: Sequence[int], text: str) -> Told:
        """Write a note beside each decision; a spelling without one is asked."""
        text = " ".join(text.split())
        rows = {}
        for one in numbers:
            row = self._row(one) or self._decided(one, Decision.ASK)
            rows[one] = replace(row, note="; ".join([*own_words(row), text] if text else own_words(row)))
        return self._write(rows, "noted", guarded=False)

    def pin(self, numbers: Sequence[int]) -> Told:
        """Pin decisions, so that what is done to many leaves them alone; press again to take the pins out."""
        rows = {one: row for one in numbers if (row := self._row(one)) and not row.is_open}
        out = bool(rows) and all(is_pinned(row) for row in rows.values())
        made = {one: with_pin(row, out=out) for one, row in rows.items()}
        return self._write(made, "unpinned" if out else "pinned", without=len(numbers) - len(rows), guarded=False)

    def undo(self) -> Told:
        """Take the last act back."""
        return self._turn(forward=False)

    def redo(self) -> Told:
        """Do again what was taken back."""
        return self._turn(forward=True)

    # -- one line ---------------------------------------------------------------------------------------------------

    def _row(self, number: int) -> Decided | None:
        return self.file.row(self.spellings[number])

    def _suggestion(self, number: int) -> Suggestion:
        spelling = self.spellings[number]
        return self.proposal.suggestions.get(spelling) or Suggestion(spelling)

    def _hides(self, spelling: str) -> bool:
        found = bool(self.hide and self.hide.search(spelling)) or self.asked.decided.hides(spelling)
        return found and self.asked.decided.key is not None  # the shapes of ids are all alike

    def _line(self, number: int) -> Line:
        spelling = self.spellings[number]
        return make_line(
            number,
            mask(spelling) if self._hides(spelling) else spelling,
            self.asked.records[spelling],
            self._row(number),
            self._suggestion(number),
            answers=self.typed,
            is_hidden=self._hides(spelling),
            is_new=self._is_new(spelling),
            approved=self._approved(spelling),
        )

    def _approved(self, spelling: str) -> Decided | None:
        return self.approved.values.find(spelling) if self.approved and self.approved.values else None

    def _is_new(self, spelling: str) -> bool:
        """Say whether the last approval knew no row of a spelling: none may be missing then, so it came after."""
        known = self.approved.values or self.standing if self.approved else None
        return known is not None and known.find(spelling) is None

    def _decided(self, number: int, decision: Decision, answer: str = "") -> Decided:
        spelling = self.spellings[number]
        # A token keeps nothing that could be sent: who knows the spelling for a name types the name.
        if decision is Decision.KEEP and self.asked.decided.hides(spelling):
            decision = Decision.ASK
        found = next((one for one in self._suggestion(number).candidates if answer and one.value == answer), None)
        note = f"suggested {found.confidence:.2f}: {found.reason}" if found else ""
        return Decided(spelling, decision, answer, self.by, self.today().isoformat(), note)

    def _accepted(self, number: int, best: Candidate) -> Decided:
        row, note = self._row(number), f"suggested {best.confidence:.2f}: {best.reason}"
        note = "; ".join([note, *(one for one in own_words(row) if one.startswith("not "))] if row else [note])
        return replace(self._decided(number, self._suggestion(number).decision, best.value), note=note)

    # -- the file ---------------------------------------------------------------------------------------------------

    def _changed_elsewhere(self) -> list[int]:
        return sorted(self.places[one] for one in self.file.changed_elsewhere())

    def _write(
        self, rows: Mapping[int, Decided], what: str, *, without: int = 0, guarded: bool = True, unseen: bool = False
    ) -> Told:
        """Write rows, but for what somebody changed meanwhile; pinned ones, and hidden ones unseen, are left of many."""
        changed = self._changed_elsewhere()
        moved, pinned, hidden, chosen = list[int](), list[int](), list[int](), dict[int, Decided]()
        for one, row in rows.items():
            standing = self.standing.find(self.spellings[one])
            if one in changed:
                moved.append(one)
            elif guarded and len(rows) > 1 and standing and is_pinned(standing):
                pinned.append(one)
            elif unseen and len(rows) > 1 and self._hides(self.spellings[one]):
                hidden.append(one)
            else:
                chosen[one] = row
        self.file.write({self.spellings[one]: row for one, row in chosen.items()}, by=self.by)
        told = [f"{len(chosen)} {what}."] if chosen and what else []
        left = (
            ("changed in the file meanwhile: look, then press again", moved),
            ("pinned, so left", pinned),
            (UNSEEN, hidden),
        )
        told += [f"{len(found)} {why}." for why, found in left if found]
        told += [f"{without} without a proposal or decision."] if without else []
        return Told([self._line(one) for one in sorted({*chosen, *changed})], " ".join(told))

    def _turn(self, *, forward: bool) -> Told:
        if not (self.file.undone if forward else self.file.done):
            return Told([], f"There is nothing to {'redo' if forward else 'undo'}.")
        changed = self._changed_elsewhere()
        mine, left = self.file.turn(forward=forward, by=self.by)
        text = f"{len(mine)} {'done again' if forward else 'taken back'}."
        text += f" {len(left)} changed in the file since, and left." if left else ""
        touched = {self.places[one.spelling] for one in (*mine, *left)}
        return Told([self._line(one) for one in sorted({*touched, *changed})], text)
