"""The button that takes a load back: dead until somebody signs, pressed once, and alive again after a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from workbench.editors.take_back import confirm_rollback
from workbench.errors import SettingsProblem
from workbench.ledger.store import open_ledger
from workbench.ledger.tables import audit
from workbench.load.survey import Case
from workbench.settings import Settings, read_settings

COUNTS = [
    {"mapping": "patient", "case": str(Case.DELETED), "rows": 1200},
    {"mapping": "note", "case": str(Case.DELETED), "rows": 34},
    {"mapping": "patient", "case": str(Case.RESTORED), "rows": 5},
    {"mapping": "patient", "case": str(Case.EDITED), "rows": 1},
]
KEPT = {
    "mapping": "patient",
    "source_object": "contacts",
    "source_id": "C7",
    "destination": "contact",
    "destination_id": 422,
    "case": str(Case.EDITED),
    "why": "<city>",
}
FILE = {**KEPT, "source_object": "attachments", "case": str(Case.FILE), "why": ""}
DONE = {"counts": COUNTS, "kept": [KEPT, FILE], "text": "Rolled back."}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "migration.toml").touch()
    made = read_settings(tmp_path)
    open_ledger(made.ledger, b"k" * 32).engine.dispose()
    return made


def parts(widget: Any) -> tuple[Any, Any, Any]:
    signed, button, told = widget.children
    return signed, button, told


def acts(settings: Settings) -> list[tuple[str, str]]:
    ledger = open_ledger(settings.ledger, b"k" * 32)
    with ledger.read() as connection:
        found = [(row.act, row.detail) for row in connection.execute(audit.select().order_by(audit.c.seq))]
    ledger.engine.dispose()
    return found


def test_nobody_presses_it_without_a_name_and_it_says_how_much_it_takes(settings: Settings) -> None:
    signed, button, _ = parts(confirm_rollback(settings, {"counts": COUNTS}, lambda: DONE))
    assert button.description == "Delete 1,234 and restore 5 records in rehearsal"
    assert button.disabled
    signed.value = "  "
    assert button.disabled
    signed.value = "Dana Analyst"
    assert not button.disabled


def test_pressed_it_takes_back_once_and_tells_what_stays(settings: Settings) -> None:
    called: list[str] = []

    def take_back() -> dict[str, Any]:
        called.append("taken back")
        return DONE

    signed, button, told = parts(confirm_rollback(settings, {"counts": COUNTS}, take_back))
    signed.value = "Dana Analyst"
    button.click()
    assert called == ["taken back"]
    assert button.disabled
    assert "Rolled back." in told.value
    assert f"contacts/C7 (contact 422): {Case.EDITED}: &lt;city&gt;" in told.value
    assert "attachments" not in told.value, "files always stay; the counts tell how many"
    [(act, detail)] = acts(settings)
    assert act == "rollback confirmed"
    assert "Dana Analyst" in detail


def test_a_refusal_is_told_in_its_words_and_the_button_lives_again(settings: Settings) -> None:
    def refuse() -> dict[str, Any]:
        raise SettingsProblem("The rollback closed at noon.")

    signed, button, told = parts(confirm_rollback(settings, {"counts": COUNTS}, refuse))
    signed.value = "Dana Analyst"
    button.click()
    assert "The rollback closed at noon." in told.value
    assert not button.disabled


def test_where_nothing_is_to_be_taken_back_there_is_no_button(settings: Settings) -> None:
    assert isinstance(confirm_rollback(settings, {"counts": []}, lambda: DONE), ipywidgets.HTML)
