"""A plain editor of one value map: each change is written to its CSV at once, and the next cell reads the file."""

from __future__ import annotations

from datetime import date
from typing import Any

from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import Decided, ValueMap, read_value_map, save_value_map
from workbench.settings import Settings
from workbench.vocabulary import Decision

SHOWN_AT_ONCE = 50


class ValueMapEditor:
    """State of one editor: it owns the map and saves every accepted change."""

    def __init__(self, settings: Settings, asked: Asked, *, by: str) -> None:
        self.folder = settings.own_decisions
        self.asked = asked
        self.by = by
        self.on = date.today().isoformat()

    def decide(self, spelling: str, decision: Decision, answer: str = "") -> Decided:
        """Save one decision; `map` needs an answer."""
        written = read_value_map(self.asked.name, [self.folder])
        if decision is Decision.MAP and not answer.strip():
            decision = Decision.ASK
        made = Decided(spelling, decision, answer.strip(), self.by, self.on)
        save_value_map(self.folder, ValueMap(self.asked.name, {**written.rows, spelling: made}))
        return made


def edit_value_maps(
    settings: Settings, maps: list[Asked], answers: dict[str, dict[str, str]], *, by: str = "analyst"
) -> Any:
    """Return one editor a value map that has open spellings, `answers` filled in by map and spelling."""
    import ipywidgets  # noqa: PLC0415 - only a person's kernel needs it

    waiting = [one for one in maps if one.open]
    if not waiting:
        return ipywidgets.Label("Every spelling has an answer.")
    return ipywidgets.VBox([edit_value_map(settings, one, answers.get(one.name, {}), by=by) for one in waiting])


def edit_value_map(settings: Settings, asked: Asked, proposals: dict[str, str], *, by: str = "analyst") -> Any:
    """Return a widget with one line an open spelling: records, decision, answer; the proposal is filled in."""
    import ipywidgets  # noqa: PLC0415 - only a person's kernel needs it

    editor = ValueMapEditor(settings, asked, by=by)
    spellings = sorted(asked.open, key=lambda one: (-asked.records[one], one))[:SHOWN_AT_ONCE]
    head = ipywidgets.Label(f"{asked.name}: {len(asked.open)} open, {len(spellings)} shown, most records first")
    return ipywidgets.VBox([head, *(_line(ipywidgets, editor, one, proposals.get(one, "")) for one in spellings)])


def _line(ipywidgets: Any, editor: ValueMapEditor, spelling: str, proposal: str) -> Any:
    label = ipywidgets.Label(f"{spelling!r} ({editor.asked.records[spelling]})", layout={"width": "22em"})
    decision = ipywidgets.Dropdown(options=[str(one) for one in Decision], value="ask", layout={"width": "7em"})
    answer = ipywidgets.Text(value=proposal, placeholder="destination value", continuous_update=False)
    status = ipywidgets.Label("")

    def save(_change: Any) -> None:
        made = editor.decide(spelling, Decision(decision.value), answer.value)
        status.value = f"saved: {made.decision}"

    decision.observe(save, names="value")
    answer.observe(save, names="value")
    return ipywidgets.HBox([label, decision, answer, status])
