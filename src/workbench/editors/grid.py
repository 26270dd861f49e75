"""The grid of one value map in JupyterLab: a window on `Decisions`; every key press that decides is one message to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from workbench.editors.decisions import Decisions, Told
from workbench.errors import WorkbenchError
from workbench.mapping.approval import ApprovedMap
from workbench.profile.spellings import fingerprint, group_by_key, group_neighbours, ngram_fingerprint
from workbench.vocabulary import Decision

HERE = Path(__file__).parent
WAYS: dict[str, Callable[[Sequence[str]], list[int]]] = {
    "fingerprint": partial(group_by_key, keyer=fingerprint),
    "ngram": partial(group_by_key, keyer=ngram_fingerprint),
    "near": group_neighbours,
}
"""Other ways to put spellings together. The page gets the number of each group's first line: a key would tell what is hidden."""


class ValueMapGrid(anywidget.AnyWidget):  # type: ignore[misc]  # its traits are not typed
    """One row a spelling, in groups; Python holds the rows, the page sends what a person did and gets what changed."""

    _esm = HERE / "grid.js"
    _css = HERE / "grid.css"
    title = traitlets.Unicode().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    answers = traitlets.List().tag(sync=True)
    is_closed = traitlets.Bool().tag(sync=True)
    by = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    approved = traitlets.Unicode().tag(sync=True)

    def __init__(self, decisions: Decisions, choices: Sequence[str] = ()) -> None:
        self.decisions = decisions
        super().__init__(
            title=decisions.asked.name,
            rows=decisions.lines(),
            answers=list(choices) or decisions.answers(),
            is_closed=bool(choices),
            by=decisions.by,
            progress=decisions.progress(),
            approved=_told_approval(decisions.approved),
        )
        self.on_msg(self._received)

    def _received(self, _widget: Any, message: Mapping[str, Any], _buffers: Any) -> None:
        try:
            told = self.act(message)
        except WorkbenchError as problem:
            told = Told([], str(problem))
        for line in told.lines:
            self.rows[line["id"]] = line  # in place: the page is sent what changed, and not all rows again
        progress = self.decisions.progress()
        self.send(
            {
                "lines": told.lines,
                "told": told.text,
                "progress": progress,
                "act": message.get("act"),
                **self._groups(message),
            }
        )

    def act(self, message: Mapping[str, Any]) -> Told:
        """Do what a message asks; what it cannot mean is told and changes nothing."""
        desk = self.decisions
        numbers = _numbers_in(message.get("ids", ()), desk.spellings)
        answer = str(message.get("answer", ""))
        if self.is_closed and answer and message.get("act") == "map" and answer not in self.answers:
            return Told([], f"{len(self.answers)} answers are possible here, and this is none of them.")
        acts: dict[str, Callable[[], Told]] = {
            "accept": lambda: desk.accept(numbers, are_seen=bool(message.get("seen"))),
            "accept_above": lambda: desk.accept_above(float(message["share"])),
            "map": lambda: desk.decide(numbers, Decision.MAP, answer),
            "keep": lambda: desk.decide(numbers, Decision.KEEP),
            "blank": lambda: desk.decide(numbers, Decision.BLANK),
            "ask": lambda: desk.decide(numbers, Decision.ASK),
            "apart": lambda: desk.turn_down(numbers),
            "note": lambda: desk.note(numbers, answer),
            "pin": lambda: desk.pin(numbers),
            "undo": desk.undo,
            "redo": desk.redo,
            "refresh": desk.refresh,
            "group": lambda: Told([], ""),  # nothing is decided by how lines stand together
            "sign": lambda: self._sign(answer),
        }
        found = acts.get(str(message.get("act")))
        return found() if found else Told([], "This page is older than the notebook: run the cell again.")

    def _groups(self, message: Mapping[str, Any]) -> dict[str, Any]:
        way = str(message.get("by")) if message.get("act") == "group" else ""
        return {"by": way, "groups": WAYS[way](self.decisions.spellings)} if way in WAYS else {}

    def _sign(self, name: str) -> Told:
        self.decisions.by = self.by = name.strip() or "analyst"
        return Told([], f"Decided by {self.by} from now on.")


def _told_approval(approved: ApprovedMap | None) -> str:
    if approved is None:
        return "not approved yet"
    kept = "" if approved.values else "; what stood then is not kept here, so changes since are not marked"
    return f"approved by {approved.by}, {approved.at[:10]}{kept}"


def _numbers_in(found: Iterable[Any], within: Collection[Any]) -> list[int]:
    """Return the numbers of lines that a message names; what is none of them is left out."""
    return [one for one in dict.fromkeys(found) if isinstance(one, int) and 0 <= one < len(within)]
