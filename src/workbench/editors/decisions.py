"""What an editor of one value map knows and does: each act is in its CSV at once, can be undone, and covers no hand edit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from workbench.editors.lines import PINNED, Line, bare, is_pinned, make_line, own_words, proposed, same_answer
from workbench.ledger.audit import note_act
from workbench.mapping.approval import ApprovedMap
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import HMAC, Decided, ValueMap, read_value_map, save_value_map
from workbench.privacy import mask, may_be_personal, token
from workbench.settings import Settings
from workbench.suggest.proposals import Proposal, accept_open, turned_down_note
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision


@dataclass(frozen=True)
class Told:
    """What an act did: the lines that changed, and a sentence for the person who acted."""

    lines: list[Line]
    text: str


@dataclass(frozen=True)
class Change:
    """One spelling's row before and after an act; nothing where there was no row."""

    spelling: str
    before: Decided | None
    after: Decided | None


@dataclass
class Decisions:
    """One value map under a person's hands.

    Spellings have a number, most records first; a line is what may be shown of one, the spelling that may hold personal
    data by its shape alone. The file is read again before each act, so that a row that somebody changed meanwhile is
    shown and not written over.
    """

    settings: Settings
    proposal: Proposal
    by: str = "analyst"
    hide: re.Pattern[str] | None = None
    approved: ApprovedMap | None = None
    today: Callable[[], date] = date.today
    done: list[list[Change]] = field(default_factory=list)
    undone: list[list[Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        records = self.asked.records
        self.spellings = sorted(records, key=lambda one: (-records[one], one))
        self.standing = self._read()

    @property
    def asked(self) -> Asked:
        """The map and the spellings that the snapshot asks it."""
        return self.proposal.asked

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
            "undo": len(self.done),
            "redo": len(self.undone),
        }

    def answers(self) -> list[str]:
        """Return what may be answered: what is proposed or decided anywhere in the map."""
        proposed = {one.value for found in self.proposal.suggestions.values() for one in found.candidates if one.value}
        return sorted(one for one in proposed | set(self.standing.destination_values()) if not may_be_personal(one))

    def refresh(self) -> Told:
        """Read the file again; tell the lines that somebody else changed."""
        changed = self._changed_elsewhere()
        many = f"{len(changed)} spelling{'s' * (len(changed) != 1)}"
        return Told(
            [self._line(one) for one in changed],
            f"{many} changed in the file meanwhile: read again." if changed else "",
        )

    def accept(self, numbers: Sequence[int], *, are_seen: bool = False) -> Told:
        """Take each spelling's own proposal; those without one stay as they are.

        Of many at once, what may hold personal data is left, unless the person has every line before their eyes.
        """
        found = {one: proposed(self._row(one), self._suggestion(one)) for one in numbers}
        rows = {one: self._accepted(one, best) for one, best in found.items() if best}
        return self._write(rows, "accepted", without=len(numbers) - len(rows), unseen=not are_seen)

    def accept_above(self, share: float) -> Told:
        """Take every open proposal at or above a confidence, ask the rest: what `workbench suggest --accept-above` does."""
        changed = self._changed_elsewhere()
        still_open = [one for one in self.asked.records if (row := self.standing.find(one)) is None or row.is_open]
        known = [one for one in self.asked.records if self.standing.find(one)]
        on, own = self.today().isoformat(), self._own()
        asked = replace(self.asked, decided=self.standing)
        made = accept_open(
            replace(self.proposal, asked=asked), own, still_open, above=share, by=self.by, on=on, known=known
        )
        places = {one: place for place, one in enumerate(self.spellings)}
        rows = {places[one]: made.rows[one] for one in still_open if made.rows.get(one) != own.rows.get(one)}
        taken = sum(not row.is_open for row in rows.values())
        told = self._write(rows, "", guarded=False)
        lines = [*told.lines, *(self._line(one) for one in changed if one not in rows)]
        return Told(lines, f"{taken} accepted at {share:.2f} and above; {len(still_open) - taken} stay open.")

    def decide(self, numbers: Sequence[int], decision: Decision, answer: str = "") -> Told:
        """Decide some spellings alike; `map` needs an answer."""
        answer = answer.strip() if decision is Decision.MAP else ""
        if decision is Decision.MAP and not answer:
            return Told([], "Nothing was typed, so nothing changed.")
        rows = {one: self._decided(one, decision, answer) for one in numbers}
        return self._write(rows, {Decision.MAP: f"now {answer}"}.get(decision, f"decided {decision}"))

    def turn_down(self, numbers: Sequence[int]) -> Told:
        """Set spellings apart from what is proposed for them, or decided: they are open, and the note says what they are not."""
        rows = {}
        for one in numbers:
            row, best = self._row(one), self._suggestion(one).best
            not_this = row.answer if row and row.answer else best.value if best else None
            parts = [] if not_this is None else [turned_down_note(not_this)]
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
        made = {}
        for one, row in rows.items():
            parts = [part for part in row.note.split("; ") if part and part != PINNED]
            made[one] = replace(row, note="; ".join(parts if out else [PINNED, *parts]))
        return self._write(made, "unpinned" if out else "pinned", without=len(numbers) - len(rows), guarded=False)

    def undo(self) -> Told:
        """Take the last act back."""
        return self._turn(self.done, self.undone, forward=False)

    def redo(self) -> Told:
        """Do again what was taken back."""
        return self._turn(self.undone, self.done, forward=True)

    # -- one line ---------------------------------------------------------------------------------------------------

    def _row(self, number: int) -> Decided | None:
        row = self.standing.find(self.spellings[number])
        return row and bare(row, self.spellings[number])

    def _suggestion(self, number: int) -> Suggestion:
        spelling = self.spellings[number]
        return self.proposal.suggestions.get(spelling) or Suggestion(spelling)

    def _hides(self, spelling: str) -> bool:
        return self.asked.decided.hides(spelling) or bool(self.hide and self.hide.search(spelling))

    def _line(self, number: int) -> Line:
        spelling = self.spellings[number]
        return make_line(
            number,
            mask(spelling) if self._hides(spelling) else spelling,
            self.asked.records[spelling],
            self.standing.find(spelling),
            self._suggestion(number),
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
        note = f"suggested {best.confidence:.2f}: {best.reason}"
        return replace(self._decided(number, self._suggestion(number).decision, best.value), note=note)

    # -- the file ---------------------------------------------------------------------------------------------------

    def _read(self) -> ValueMap:
        return read_value_map(self.asked.name, self.settings.values_folders, self.asked.decided.key)

    def _own(self) -> ValueMap:
        return read_value_map(self.asked.name, [self.settings.own_decisions], self.asked.decided.key)

    def _changed_elsewhere(self) -> list[int]:
        before, self.standing = self.standing, self._read()
        if before.rows == self.standing.rows:
            return []
        return [place for place, one in enumerate(self.spellings) if before.find(one) != self.standing.find(one)]

    def _write(
        self, rows: Mapping[int, Decided], what: str, *, without: int = 0, guarded: bool = True, unseen: bool = False
    ) -> Told:
        """Write rows, but for what somebody changed meanwhile; pinned ones, and hidden ones unseen, are left of many."""
        changed = self._changed_elsewhere()
        left: dict[str, list[int]] = {
            "changed in the file meanwhile: look, then press again": [],
            "pinned, so left": [],
        }
        left["left to be seen, since it may hold personal data: open the group, then press again"] = []
        moved, pinned, hidden = left.values()
        chosen = {}
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
        changes = self._put({self.spellings[one]: row for one, row in chosen.items()})
        if changes:
            self.done.append(changes)
            self.undone.clear()
            for decision in sorted({str(row.decision) for row in chosen.values()}):
                note_act(self.settings, f"decision {decision}", self.asked.name, by=self.by)
        told = [f"{len(chosen)} {what}."] if chosen and what else []
        told += [f"{len(found)} {why}." for why, found in left.items() if found]
        told += [f"{without} without a proposal or decision."] if without else []
        return Told([self._line(one) for one in sorted({*chosen, *changed})], " ".join(told))

    def _put(self, rows: Mapping[str, Decided | None]) -> list[Change]:
        """Write some rows of the target's own file, or take them out; return what changed."""
        own = self._own()
        made = dict(own.rows)
        changes = []
        for spelling, row in rows.items():
            before = own.find(spelling)
            made.pop(spelling, None)
            if self.asked.decided.hides(spelling) and own.key:
                made.pop(HMAC + token(own.key(), spelling), None)
            if row is not None:
                made[spelling] = row
            changes.append(Change(spelling, before and bare(before, spelling), row))
        if made != own.rows:
            save_value_map(self.settings.own_decisions, replace(own, rows=made))
            self.standing = self._read()
            return changes
        return []

    def _turn(self, taken: list[list[Change]], given: list[list[Change]], *, forward: bool) -> Told:
        """Turn the last act of one list back or on again, but for rows that somebody changed since."""
        if not taken:
            return Told([], f"There is nothing to {'redo' if forward else 'undo'}.")
        changed = self._changed_elsewhere()
        changes, own = taken.pop(), self._own()
        stands = {one.spelling: one.before if forward else one.after for one in changes}
        mine = [one for one in changes if same_answer(own.find(one.spelling), stands[one.spelling])]
        self._put({one.spelling: one.after if forward else one.before for one in mine})
        given.append(mine)
        note_act(self.settings, "decisions redone" if forward else "decisions undone", self.asked.name, by=self.by)
        left = len(changes) - len(mine)
        text = f"{len(mine)} {'done again' if forward else 'taken back'}."
        text += f" {left} changed in the file since, and left." if left else ""
        places = {one: place for place, one in enumerate(self.spellings)}
        touched = {places[one.spelling] for one in changes}
        return Told([self._line(one) for one in sorted({*touched, *changed})], text)
