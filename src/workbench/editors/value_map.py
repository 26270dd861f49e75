"""An editor of value maps: each decision is written to its CSV at once, and the next cell reads the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from html import escape
from typing import Any

from workbench.ledger.audit import note_act
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import Decided, read_value_map, save_value_map
from workbench.privacy import mask
from workbench.settings import Settings
from workbench.suggest.proposals import Proposal
from workbench.suggest.suggestion import Suggestion
from workbench.vocabulary import Decision

SHOWN_AT_ONCE = 50
HELP = (
    "Type or pick an answer and press Enter, or choose a decision: <b>map</b> takes the answer, <b>keep</b> the spelling"
    " as it is, <b>blank</b> leaves the field empty, <b>ask</b> leaves it open. Tab moves on; every change is saved at once."
)
Suggestions = Mapping[str, Suggestion]


@dataclass
class ValueMapEditor:
    """The state behind the widgets of one value map: it saves every decision."""

    settings: Settings
    asked: Asked
    suggestions: Suggestions = field(default_factory=dict)
    by: str = "analyst"
    hide: re.Pattern[str] | None = None
    answered: set[str] = field(default_factory=set)

    @property
    def shown(self) -> list[str]:
        """Open spellings, most records first, as many as one can work through at once."""
        records = self.asked.records
        return sorted(self.asked.open, key=lambda one: (-records[one], one))[:SHOWN_AT_ONCE]

    def name(self, spelling: str) -> str:
        """Return a spelling as it may be shown: what may hold personal data stands as its shape alone."""
        is_hidden = self.asked.decided.hides(spelling) or (self.hide and self.hide.search(spelling))
        return mask(spelling) if is_hidden else spelling

    def suggestion(self, spelling: str) -> Suggestion:
        """Return what is proposed for a spelling."""
        return self.suggestions.get(spelling) or Suggestion(spelling)

    def decide(self, spelling: str, decision: Decision, answer: str = "") -> Decided:
        """Save one decision; `map` without an answer stays open."""
        answer = answer.strip() if decision is Decision.MAP else ""
        # A token keeps nothing that could be sent: who knows the spelling for a name types the name.
        if (decision is Decision.MAP and not answer) or (
            decision is Decision.KEEP and self.asked.decided.hides(spelling)
        ):
            decision = Decision.ASK
        accepted = next((one for one in self.suggestion(spelling).candidates if answer and one.value == answer), None)
        note = f"suggested {accepted.confidence:.2f}: {accepted.reason}" if accepted else ""
        made = Decided(spelling, decision, answer, self.by, date.today().isoformat(), note)
        written = read_value_map(self.asked.name, [self.settings.own_decisions], self.asked.decided.key)
        save_value_map(self.settings.own_decisions, replace(written, rows={**written.rows, spelling: made}))
        note_act(self.settings, f"decision {decision}", self.asked.name, by=self.by)
        self.answered.discard(spelling) if made.is_open else self.answered.add(spelling)
        return made


def edit_value_maps(
    settings: Settings,
    maps: Sequence[Asked],
    proposals: Sequence[Proposal] = (),
    *,
    by: str = "analyst",
    hide: re.Pattern[str] | None = None,
) -> Any:
    """Return one editor a value map that has open spellings, the best proposal filled in and never saved by itself."""
    import ipywidgets  # noqa: PLC0415 - only a person's kernel needs it

    suggestions = {one.asked.name: one.suggestions for one in proposals}
    editors = [
        ValueMapEditor(settings, one, suggestions.get(one.name, {}), by=by, hide=hide) for one in maps if one.open
    ]
    if not editors:
        return ipywidgets.HTML("Every spelling has an answer.")
    signed = ipywidgets.Text(value=by, description="Decided by", continuous_update=False)

    def sign(change: Any) -> None:
        for editor in editors:
            editor.by = change["new"].strip() or by

    signed.observe(sign, names="value")
    return ipywidgets.VBox([ipywidgets.HTML(HELP), signed, *(_map(ipywidgets, editor) for editor in editors)])


def _map(ipywidgets: Any, editor: ValueMapEditor) -> Any:
    title = ipywidgets.HTML()
    accept = ipywidgets.Button(
        tooltip="Save each proposal at or above its threshold as your decision",
        layout={"width": "auto", "align_self": "flex-start"},
    )

    def count() -> None:
        waiting = len(editor.asked.open) - len(editor.answered)
        title.value = f"<b>{escape(editor.asked.name)}</b>: {waiting} open"
        sure = sum(line.waits_for_a_yes for line in lines)
        accept.description = f"Accept {sure} sure proposal{'s' * (sure != 1)}"
        accept.disabled = not sure

    def accept_sure(_button: Any) -> None:
        for line in lines:
            if line.waits_for_a_yes:
                line.accept()

    lines = [_Line(ipywidgets, editor, spelling, count) for spelling in editor.shown]
    accept.on_click(accept_sure)
    count()
    return ipywidgets.VBox([title, accept, *(line.widget for line in lines)], layout={"padding": "0.5em 0 1em 0"})


class _Line:
    """One spelling: its records, the answer, how sure the proposal is, the decision, and what was saved."""

    def __init__(self, ipywidgets: Any, editor: ValueMapEditor, spelling: str, saved: Callable[[], None]) -> None:
        self.editor, self.spelling, self.saved = editor, spelling, saved
        self.suggestion = editor.suggestion(spelling)
        best, name, records = self.suggestion.best, editor.name(spelling), editor.asked.records[spelling]
        # A title shows on hover what the column is too narrow for.
        label = ipywidgets.HTML(
            f'<span style="white-space: nowrap" title="{escape(name)}">{escape(name)}</span>', layout=_wide("18em")
        )
        count = ipywidgets.HTML(f"{records:,} record{'s' * (records != 1)}", layout=_wide("6em"))
        candidates = [one.value for one in self.suggestion.candidates if one.value]
        self.answer = ipywidgets.Combobox(
            value=candidates[0] if candidates else "",
            options=list(dict.fromkeys([*candidates, *editor.asked.decided.destination_values()])),
            placeholder="answer",
            continuous_update=False,
            layout=_wide("18em"),
        )
        self.decision = ipywidgets.Dropdown(
            options=[str(one) for one in Decision], value=str(Decision.ASK), layout=_wide("6em")
        )
        self.status = ipywidgets.HTML(layout=_wide("6em"))
        why = f"{best.confidence:.2f} {best.reason}" if best else "no proposal"
        if best and self.suggestion.decision is not Decision.MAP:
            why = f"{why}: {self.suggestion.decision}"
        reason = ipywidgets.HTML(
            f'<span style="opacity: .7; white-space: nowrap" title="{escape(why)}">{escape(why)}</span>',
            layout=_wide("26em"),
        )
        self.decision.observe(self._decided, names="value")
        self.answer.observe(self._typed, names="value")
        self.widget = ipywidgets.HBox([label, count, self.answer, self.decision, self.status, reason])

    @property
    def waits_for_a_yes(self) -> bool:
        """Say whether a sure proposal stands here and nothing was decided yet."""
        return self.suggestion.auto and self.decision.value == Decision.ASK and not self.status.value

    def accept(self) -> None:
        """Take the proposal as the decision."""
        self.decision.value = str(self.suggestion.decision)

    def _typed(self, _change: Any) -> None:
        wanted = str(Decision.MAP if self.answer.value.strip() else Decision.ASK)
        if self.decision.value == wanted:
            self._save()
        else:
            self.decision.value = wanted

    def _decided(self, _change: Any) -> None:
        self._save()

    def _save(self) -> None:
        made = self.editor.decide(self.spelling, Decision(self.decision.value), self.answer.value)
        self.status.value = "saved" if made.decision == self.decision.value else "no answer"
        self.saved()


def _wide(width: str) -> dict[str, str]:
    return {"width": width, "overflow": "hidden"}
