"""The editors in JupyterLab: windows on `Decisions` and `FieldDecisions`; every key press that decides is one message."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from workbench.editors.decisions import Decisions
from workbench.editors.field_decisions import STANDS, FieldDecisions
from workbench.editors.field_lines import destination_fields, mappings_to_edit
from workbench.editors.lines import Told
from workbench.editors.trial import Payload, changed_fields
from workbench.editors.value_file import Signer
from workbench.errors import WorkbenchError
from workbench.mapping.approval import ApprovedMap
from workbench.mapping.grammar import TAKES
from workbench.profile.spellings import fingerprint, group_by_key, group_neighbours, ngram_fingerprint
from workbench.settings import Settings
from workbench.vocabulary import Decision

HERE = Path(__file__).parent
PAGE = (HERE / "page.js").read_text("utf-8")
"""What the scripts of both editors begin with."""
LEAST = 0.5
"""Below it a proposal is less likely than not; nothing accepts many of those at once."""
LOOKS = ("would_accept", "group")
"""What a page asks that changes nothing."""
TYPED = ("map", "via", "leave", "sensitivity")
"""What a page asks with a text that a person typed; it is asked again where nothing came of it."""
WAYS: dict[str, Callable[[Sequence[str]], list[int]]] = {
    "fingerprint": partial(group_by_key, keyer=fingerprint),
    "ngram": partial(group_by_key, keyer=ngram_fingerprint),
    "near": group_neighbours,
}
"""Other ways to put spellings together. The page gets the number of each group's first line: a key would tell what is hidden."""


class ValueMapGrid(anywidget.AnyWidget):  # type: ignore[misc]  # its traits are not typed
    """One row a spelling, in groups; Python holds the rows, the page sends what a person did and gets what changed."""

    _esm = PAGE + "".join((HERE / name).read_text("utf-8") for name in ("grid_shown.js", "grid.js"))
    _css = HERE / "grid.css"
    title = traitlets.Unicode().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    answers = traitlets.List().tag(sync=True)
    by = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    approved = traitlets.Unicode().tag(sync=True)
    writes = traitlets.List().tag(sync=True)
    is_folded = traitlets.Bool().tag(sync=True)

    def __init__(self, decisions: Decisions, signer: Signer | None = None, *, is_folded: bool = False) -> None:
        self.decisions, self.signer = decisions, signer or Signer(decisions.by)
        super().__init__(
            title=decisions.asked.name,
            rows=decisions.lines(),
            answers=decisions.answers(),
            progress=decisions.progress(),
            approved=_told_approval(decisions.approved),
            writes=told_target(decisions.settings, decisions.file.place),
            is_folded=is_folded,
        )
        self.signer.add(self)
        self.on_msg(self._received)

    def _received(self, _widget: Any, message: Mapping[str, Any], _buffers: Any) -> None:
        try:
            told = self.act(message)
        except WorkbenchError as problem:
            told = Told([], str(problem))
        for line in told.lines:
            self.rows[line["id"]] = line  # in place: the page is sent what changed, and not all rows again
        answer = {"lines": told.lines, "told": told.text, "refused": told.is_refused, "act": message.get("act")}
        if message.get("act") not in LOOKS:
            answer |= {"progress": self.decisions.progress(), "signed": self.by}
        self.send(answer | {"number": message.get("number")} | self._groups(message))

    def act(self, message: Mapping[str, Any]) -> Told:
        """Do what a message asks; what it cannot mean is told and changes nothing."""
        desk = self.decisions
        numbers = _numbers_in(message.get("ids") or (), desk.spellings)
        answer = str(message.get("answer", ""))
        acts: dict[str, Callable[[], Told]] = {
            "accept": lambda: desk.accept(numbers, are_seen=bool(message.get("seen"))),
            "accept_above": lambda: self._above(desk.accept_above, message),
            "would_accept": lambda: self._above(desk.would_accept, message),
            "take": lambda: desk.take(numbers[0], _place_in(message)) if numbers else Told([], ""),
            "map": lambda: desk.decide(numbers, Decision.MAP, answer, again=bool(message.get("again"))),
            "keep": lambda: desk.decide(numbers, Decision.KEEP),
            "blank": lambda: desk.decide(numbers, Decision.BLANK),
            "ask": lambda: desk.decide(numbers, Decision.ASK),
            "apart": lambda: desk.turn_down(numbers),
            "note": lambda: desk.note(numbers, answer),
            "pin": lambda: desk.pin(numbers),
            "undo": desk.undo,
            "redo": desk.redo,
            "refresh": lambda: desk.refresh(is_asked=bool(message.get("asked"))),
            "group": lambda: Told([], ""),  # nothing is decided by how lines stand together
            "sign": lambda: Told([], self.signer.sign(answer)),
        }
        found = acts.get(str(message.get("act")))
        return found() if found else Told([], "This page is older than the notebook: run the cell again.")

    def _above(self, act: Callable[[float, list[int] | None], Told], message: Mapping[str, Any]) -> Told:
        """Do what is done at or above a confidence: for all lines, or for those that a message names."""
        share, ids = message.get("share"), message.get("ids")
        if not isinstance(share, int | float) or not LEAST <= share <= 1:
            return Told([], f"Type a confidence from {LEAST} to 1, such as 0.95.", is_refused=True)
        return act(float(share), None if ids is None else _numbers_in(ids, self.decisions.spellings))

    def _groups(self, message: Mapping[str, Any]) -> dict[str, Any]:
        way = str(message.get("by")) if message.get("act") == "group" else ""
        return {"by": way, "groups": WAYS[way](self.decisions.spellings)} if way in WAYS else {}


def _told_approval(approved: ApprovedMap | None) -> str:
    if approved is None:
        return "not approved yet"
    kept = "" if approved.values else "; what stood then is not kept here, so changes since are not marked"
    return f"approved by {approved.by}, {approved.at[:10]}{kept}"


def told_target(settings: Settings, place: str) -> list[str]:
    """Return for which target an editor writes and where, and a warning where that is a rehearsal."""
    rehearsal = "Rehearsal: these decisions stay here; for the real tenant set target to freshsales."
    return [f"Target {settings.target}, written to {place}.", rehearsal if settings.is_rehearsal else ""]


class FieldPanel(anywidget.AnyWidget):  # type: ignore[misc]  # its traits are not typed
    """One row a source column of the mapping that is open; the page sends what a person did and gets what stands now."""

    _esm = PAGE + (HERE / "fields.js").read_text("utf-8")
    _css = (HERE / "grid.css").read_text("utf-8") + (HERE / "fields.css").read_text("utf-8")
    mappings = traitlets.List().tag(sync=True)
    mapping = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    names = traitlets.List().tag(sync=True)
    writes = traitlets.Unicode().tag(sync=True)
    transforms = traitlets.List().tag(sync=True)
    by = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)

    def __init__(self, decisions: FieldDecisions, signer: Signer | None = None) -> None:
        self.decisions, self.signer = decisions, signer or Signer(decisions.by)
        super().__init__(mappings=mappings_to_edit(decisions.read), transforms=sorted(TAKES), **self._standing())
        self.signer.add(self)
        self.on_msg(self._received)

    def _standing(self) -> dict[str, Any]:
        desk = self.decisions
        return {
            "mapping": desk.mapping,
            "title": f"{desk.object.source_object} → {desk.object.destination}",
            "writes": f"Written to {desk.path}, for every target.",
            "rows": desk.lines(),
            "names": destination_fields(desk.read, desk.object),
            "progress": desk.progress(),
        }

    def _received(self, _widget: Any, message: Mapping[str, Any], _buffers: Any) -> None:
        act, acts = message.get("act"), len(self.decisions.done)
        try:
            if act == "look":
                self.send({"act": act, "number": message.get("number"), **self._look(message)})
                return
            told = self.act(message)
        except WorkbenchError as problem:
            told = str(problem)
        refused = act in TYPED and len(self.decisions.done) == acts and told != STANDS
        made = self._standing()
        for name, value in made.items():
            setattr(self, name, value)  # another view of this page starts from here
        self.send(
            {"act": act, "number": message.get("number"), "told": told, "signed": self.by, "refused": refused, **made}
        )

    def act(self, message: Mapping[str, Any]) -> str:
        """Do what a message asks; what it cannot mean is told and changes nothing."""
        desk, number = self.decisions, message.get("id")
        answer, via = str(message.get("answer", "")), str(message.get("via", ""))
        of_all: dict[str, Callable[[], str]] = {
            "open": lambda: desk.open(answer) if answer in self.mappings else "There is no such mapping.",
            "undo": desk.undo,
            "redo": desk.redo,
            "refresh": lambda: (
                desk.refresh()
                or ("The mapping files were read again: nothing changed." if message.get("asked") else "")
            ),
            "sign": lambda: self.signer.sign(answer),
        }
        if found := of_all.get(str(message.get("act"))):
            return found()
        if not isinstance(number, int) or not 0 <= number < len(desk.columns):
            return "This page is older than the notebook: run the cell again."
        of_one: dict[str, Callable[[], str]] = {
            "accept": lambda: desk.accept(number, int(message.get("choice", 0))),
            "map": lambda: desk.map(number, answer, via),
            "via": lambda: desk.change_transform(number, answer),
            "leave": lambda: desk.leave_out(number, answer),
            "sensitivity": lambda: desk.decide_sensitivity(number, answer),
            "take_out": lambda: desk.take_out(number),
        }
        found = of_one.get(str(message.get("act")))
        return found() if found else "This page is older than the notebook: run the cell again."

    def _look(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload of a row, and what a proposal would change of it."""
        number, choice = message.get("id"), message.get("choice")
        if not isinstance(number, int) or not 0 <= number < len(self.decisions.columns):
            return {"id": number, "fields": [], "problems": []}
        now, then = self.decisions.payload(number, choice if isinstance(choice, int) else None)
        why = dict.fromkeys(one for one in (now, then) if isinstance(one, str))
        before = now if isinstance(now, Payload) else Payload({})
        after = then if isinstance(then, Payload) else before
        new = [one for one in after.problems if one not in before.problems]
        return {"id": number, "choice": choice, "fields": changed_fields(before, after), "problems": [*why, *new]}


def _numbers_in(found: Iterable[Any], within: Collection[Any]) -> list[int]:
    """Return the numbers of lines that a message names; what is none of them is left out."""
    return [one for one in dict.fromkeys(found) if isinstance(one, int) and 0 <= one < len(within)]


def _place_in(message: Mapping[str, Any]) -> int:
    """Return which proposal a message means, by its place; -1 where it names none."""
    place = message.get("place")
    return place if isinstance(place, int) else -1
