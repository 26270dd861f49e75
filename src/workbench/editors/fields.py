"""The field-mapping editor in JupyterLab: columns, masked samples and proposals, and the payload of one row beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import polars as pl
import traitlets

from workbench.editors.field_decisions import FieldDecisions, changed_fields
from workbench.editors.field_lines import destination_fields, mappings_to_edit
from workbench.editors.trial import Payload
from workbench.errors import WorkbenchError
from workbench.mapping.files import Mappings
from workbench.mapping.grammar import TAKES
from workbench.reports.premapping import fate_frame
from workbench.settings import Settings

HERE = Path(__file__).parent


class FieldPanel(anywidget.AnyWidget):  # type: ignore[misc]  # its traits are not typed
    """One row a source column of the mapping that is open; the page sends what a person did and gets what stands now."""

    _esm = HERE / "fields.js"
    _css = (HERE / "grid.css").read_text("utf-8") + (HERE / "fields.css").read_text("utf-8")
    mappings = traitlets.List().tag(sync=True)
    mapping = traitlets.Unicode().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    names = traitlets.List().tag(sync=True)
    transforms = traitlets.List().tag(sync=True)
    by = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)

    def __init__(self, decisions: FieldDecisions) -> None:
        self.decisions = decisions
        super().__init__(
            mappings=mappings_to_edit(decisions.read), transforms=sorted(TAKES), by=decisions.by, **self._standing()
        )
        self.on_msg(self._received)

    def _standing(self) -> dict[str, Any]:
        desk = self.decisions
        return {
            "mapping": desk.mapping,
            "title": f"{desk.object.source_object} → {desk.object.destination}",
            "rows": desk.lines(),
            "names": destination_fields(desk.read, desk.object),
            "progress": desk.progress(),
        }

    def _received(self, _widget: Any, message: Mapping[str, Any], _buffers: Any) -> None:
        act = message.get("act")
        try:
            if act == "look":
                self.send({"act": act, **self._look(message)})
                return
            told = self.act(message)
        except WorkbenchError as problem:
            told = str(problem)
        made = self._standing()
        for name, value in made.items():
            setattr(self, name, value)  # another view of this page starts from here
        self.send({"act": act, "told": told, **made})

    def act(self, message: Mapping[str, Any]) -> str:
        """Do what a message asks; what it cannot mean is told and changes nothing."""
        desk, number = self.decisions, message.get("id")
        answer, via = str(message.get("answer", "")), str(message.get("via", ""))
        of_all: dict[str, Callable[[], str]] = {
            "open": lambda: desk.open(answer) if answer in self.mappings else "There is no such mapping.",
            "undo": desk.undo,
            "redo": desk.redo,
            "refresh": desk.refresh,
            "sign": lambda: self._sign(answer),
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

    def _sign(self, name: str) -> str:
        self.decisions.by = self.by = name.strip() or "analyst"
        return f"Decided by {self.by} from now on."


def edit_fields(settings: Settings, mappings: Mappings, *, by: str = "analyst") -> FieldPanel:
    """Return the editor of the object mappings, open at the one whose source has most columns without a fate."""
    without = fate_frame(settings, mappings).filter(pl.col("fate") == "none")["source"].to_list()
    editable = [mappings[one] for one in mappings_to_edit(mappings)]
    most = max(editable, key=lambda one: (without.count(one.source_object), len(one.fields), one.name))
    return FieldPanel(FieldDecisions(settings, most.name, by=by))
