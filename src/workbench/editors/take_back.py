"""The button of notebook 99: it takes back what its preview told, once a person has signed for it with their name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from workbench.errors import WorkbenchError
from workbench.ledger.audit import note_act
from workbench.load.survey import Case
from workbench.settings import Settings

TAKES = (Case.DELETED, Case.RESTORED)
"""The cases in which a rollback writes."""


def confirm_rollback(settings: Settings, preview: Mapping[str, Any], take_back: Callable[[], Mapping[str, Any]]) -> Any:
    """Return the button, dead until a name is typed; pressed, it calls `take_back` once and shows what that returns.

    `preview` and what `take_back` returns hold the counts by case, the records that stay, and a text. A refusal or a cut
    is told in its own words, and the button lives again: a rollback that was cut goes on where it was.
    """
    import ipywidgets  # noqa: PLC0415 - only a person's kernel needs it

    rows = {case: sum(one["rows"] for one in preview["counts"] if one["case"] == case) for case in TAKES}
    if not any(rows.values()):
        return ipywidgets.HTML("There is nothing to take back.")
    signed = ipywidgets.Text(
        placeholder="your name", description="Confirmed by", style={"description_width": "initial"}
    )
    button = ipywidgets.Button(
        description=f"Delete {rows[Case.DELETED]:,} and restore {rows[Case.RESTORED]:,} records in {settings.target}",
        button_style="danger",
        disabled=True,
        layout={"width": "auto", "align_self": "flex-start"},
    )
    told = ipywidgets.HTML()

    def sign(_change: Any) -> None:
        button.disabled = not signed.value.strip()

    def press(_button: Any) -> None:
        button.disabled = signed.disabled = True
        told.value = "Working; each record is read again before it is touched …"
        note_act(settings, "rollback confirmed", "tenant", by=signed.value.strip())
        try:
            made = take_back()
        except WorkbenchError as problem:
            told.value = f"<pre>{escape(str(problem))}</pre>"
            button.disabled = signed.disabled = False
            return
        kept = "".join(
            f"\n{one['mapping']} {one['source_object']}/{one['source_id']} ({one['destination']} {one['destination_id']}):"
            f" {one['case']}{': ' * bool(one['why'])}{one['why']}"
            for one in made["kept"]
            if one["case"] != Case.FILE  # hundreds, and nothing to look at
        )
        told.value = f"<pre>{escape(made['text'])}{escape(kept)}</pre>"

    signed.observe(sign, names="value")
    button.on_click(press)
    return ipywidgets.VBox([signed, button, told])
