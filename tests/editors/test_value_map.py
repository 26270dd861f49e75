"""The editor of value maps, driven as its widgets are by a person: each change is in the CSV at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

from workbench.editors.value_map import ValueMapEditor, edit_value_maps
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import ValueMap, read_value_map
from workbench.settings import Settings, read_settings
from workbench.suggest.proposals import Proposal
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision

SURE = Suggestion("DELTA DENTAL", (Candidate("Delta Dental", 0.99, "same letters"),))
LIKELY = Suggestion("Delta Dntl", (Candidate("Delta Dental", 0.8, "near"), Candidate("Dentical", 0.3, "near")))
NOBODY = Suggestion("Self pay", (Candidate("", 0.98, "no carrier"),), decision=Decision.BLANK)
RECORDS = {"DELTA DENTAL": 31, "Delta Dntl": 12, "Self pay": 7, "zzz 123-45-6789": 1}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "migration.toml").touch()
    return read_settings(tmp_path)


@pytest.fixture
def asked() -> Asked:
    return Asked("insurance_carrier", RECORDS, ValueMap("insurance_carrier", {}), may_omit=True)


@pytest.fixture
def proposals(asked: Asked) -> list[Proposal]:
    return [Proposal(asked, {one.source_value: one for one in (SURE, LIKELY, NOBODY)})]


def widgets(root: Any, kind: type) -> list[Any]:
    return [root] * isinstance(root, kind) + [
        one for child in getattr(root, "children", ()) for one in widgets(child, kind)
    ]


def saved(settings: Settings) -> dict[str, tuple[str, str, str]]:
    rows = read_value_map("insurance_carrier", [settings.own_decisions]).rows
    return {spelling: (row.decision, row.destination_value, row.note) for spelling, row in rows.items()}


def test_proposals_are_filled_in_most_records_first_and_nothing_is_saved(
    settings: Settings, asked: Asked, proposals: list[Proposal]
) -> None:
    editor = edit_value_maps(settings, [asked], proposals)
    assert [one.value for one in widgets(editor, ipywidgets.Combobox)] == ["Delta Dental", "Delta Dental", "", ""]
    assert [one.value for one in widgets(editor, ipywidgets.Dropdown)] == ["ask"] * 4
    assert saved(settings) == {}


def test_choosing_map_takes_the_answer_and_notes_the_proposal(
    settings: Settings, asked: Asked, proposals: list[Proposal]
) -> None:
    widgets(edit_value_maps(settings, [asked], proposals), ipywidgets.Dropdown)[1].value = "map"
    assert saved(settings) == {"Delta Dntl": ("map", "Delta Dental", "suggested 0.80: near")}


def test_typing_an_answer_maps_it(settings: Settings, asked: Asked, proposals: list[Proposal]) -> None:
    editor = edit_value_maps(settings, [asked], proposals)
    widgets(editor, ipywidgets.Combobox)[3].value = "Zeta Dental"
    assert saved(settings) == {"zzz 123-45-6789": ("map", "Zeta Dental", "")}
    assert widgets(editor, ipywidgets.Dropdown)[3].value == "map"
    widgets(editor, ipywidgets.Combobox)[3].value = "Zeta"
    assert saved(settings) == {"zzz 123-45-6789": ("map", "Zeta", "")}


def test_an_answer_taken_away_is_open_again(settings: Settings, asked: Asked, proposals: list[Proposal]) -> None:
    editor = edit_value_maps(settings, [asked], proposals)
    answer = widgets(editor, ipywidgets.Combobox)[0]
    answer.value = "Delta"
    answer.value = ""
    assert saved(settings) == {"DELTA DENTAL": ("ask", "", "")}


def test_map_without_an_answer_stays_open(settings: Settings, asked: Asked) -> None:
    made = ValueMapEditor(settings, asked).decide("Self pay", Decision.MAP, "  ")
    assert (made.decision, made.is_open) == (Decision.ASK, True)


def test_sure_proposals_are_accepted_together_and_others_are_not(
    settings: Settings, asked: Asked, proposals: list[Proposal]
) -> None:
    editor = edit_value_maps(settings, [asked], proposals, by="Ada")
    [button] = widgets(editor, ipywidgets.Button)
    assert button.description == "Accept 2 sure proposals"
    button.click()
    assert (button.description, button.disabled) == ("Accept 0 sure proposals", True)
    assert saved(settings) == {
        "DELTA DENTAL": ("map", "Delta Dental", "suggested 0.99: same letters"),
        "Self pay": ("blank", "", ""),
    }
    assert {row.decided_by for row in read_value_map("insurance_carrier", [settings.own_decisions]).rows.values()} == {
        "Ada"
    }


def test_whoever_signs_stands_in_the_file(settings: Settings, asked: Asked) -> None:
    editor = edit_value_maps(settings, [asked])
    widgets(editor, ipywidgets.Text)[0].value = "Grace"
    widgets(editor, ipywidgets.Dropdown)[0].value = "keep"
    [row] = read_value_map("insurance_carrier", [settings.own_decisions]).rows.values()
    assert (row.source_value, row.decision, row.decided_by) == ("DELTA DENTAL", Decision.KEEP, "Grace")


def test_what_may_hold_personal_data_is_shown_by_its_shape(settings: Settings, asked: Asked) -> None:
    editor = edit_value_maps(settings, [asked], hide=re.compile(r"\d{4,}"))
    shown = " ".join(one.value for one in widgets(editor, ipywidgets.HTML))
    assert "aaa 999-99-9999" in shown
    assert "6789" not in shown


def test_without_open_spellings_there_is_nothing_to_edit(settings: Settings) -> None:
    done = Asked("insurance_carrier", {}, ValueMap("insurance_carrier", {}), may_omit=True)
    assert edit_value_maps(settings, [done]).value == "Every spelling has an answer."
