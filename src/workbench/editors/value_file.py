"""The file of one value map under an editor: read again before each act, written whole, each act turned back or on again; and who acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakSet

from workbench.editors.lines import same_answer
from workbench.ledger.audit import note_act
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import HMAC, Decided, ValueMap, bare, read_value_map, save_value_map
from workbench.privacy import token
from workbench.settings import Settings


@dataclass(frozen=True)
class Change:
    """One spelling's row before and after an act; nothing where there was no row."""

    spelling: str
    before: Decided | None
    after: Decided | None


@dataclass
class ValueFile:
    """What stands for the spellings of one map, and the target's own file of it, in which an editor writes."""

    settings: Settings
    asked: Asked
    done: list[list[Change]] = field(default_factory=list)
    undone: list[list[Change]] = field(default_factory=list)
    standing: ValueMap = field(init=False)

    def __post_init__(self) -> None:
        self.standing = self._read()

    @property
    def place(self) -> str:
        """Where the file lies below the migration folder."""
        path = self.settings.own_decisions / f"{self.asked.name}.csv"
        return path.relative_to(self.settings.folder).as_posix()

    def row(self, spelling: str) -> Decided | None:
        """Return the row that stands for a spelling, under the spelling itself."""
        row = self.standing.find(spelling)
        return row and bare(row, spelling)

    def own(self) -> ValueMap:
        """Read the target's own file."""
        return read_value_map(self.asked.name, [self.settings.own_decisions], self.asked.decided.key)

    def changed_elsewhere(self) -> set[str]:
        """Read the file again; return the spellings whose row somebody else changed."""
        before, self.standing = self.standing, self._read()
        if before.rows == self.standing.rows:
            return set()
        return {one for one in self.asked.records if before.find(one) != self.standing.find(one)}

    def write(self, rows: Mapping[str, Decided], *, by: str) -> None:
        """Write some rows as one act."""
        if changes := self._put(rows):
            self.done.append(changes)
            self.undone.clear()
            for decision in sorted({str(row.decision) for row in rows.values()}):
                note_act(self.settings, f"decision {decision}", self.asked.name, by=by)

    def turn(self, *, forward: bool, by: str) -> tuple[list[Change], list[Change]]:
        """Turn the last act back or on again, but for rows that somebody changed since; return what was turned and left."""
        taken, given = (self.undone, self.done) if forward else (self.done, self.undone)
        changes, own = taken.pop(), self.own()
        stands = {one.spelling: one.before if forward else one.after for one in changes}
        mine, left = list[Change](), list[Change]()
        for one in changes:
            (mine if same_answer(own.find(one.spelling), stands[one.spelling]) else left).append(one)
        self._put({one.spelling: one.after if forward else one.before for one in mine})
        given.append(mine)
        note_act(self.settings, "decisions redone" if forward else "decisions undone", self.asked.name, by=by)
        return mine, left

    def _read(self) -> ValueMap:
        return read_value_map(self.asked.name, self.settings.values_folders, self.asked.decided.key)

    def _put(self, rows: Mapping[str, Decided | None]) -> list[Change]:
        """Write some rows of the target's own file, or take them out; return what changed."""
        own = self.own()
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


class Signer:
    """Who decides: one name for all editors of a kernel, each of which is told when it changes."""

    def __init__(self, name: str = "analyst") -> None:
        self.name = name
        self._panels: WeakSet[Any] = WeakSet()  # a cell that is run again leaves the panels it made before

    def add(self, panel: Any) -> None:
        """Have a panel decide under this name, now and when it changes: it has a `by`, and decisions with one."""
        self._panels.add(panel)
        panel.by = panel.decisions.by = self.name

    def sign(self, name: str) -> str:
        """Take a name for every editor; return a sentence. Without one it is `analyst` who decides."""
        name = " ".join(name.split())
        self.name = name or "analyst"
        for panel in [*self._panels]:
            panel.by = panel.decisions.by = self.name
        return f"Decided by {self.name} from now on." if name else "No name was typed: decided by analyst from now on."
