"""Signing the mapping: what is new or changed since the last signature is counted, and only what was read is signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.editors.approve import approve_mapping
from workbench.errors import DecisionMissing
from workbench.mapping.approval import Signature, sign
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import Decided, ValueMap, read_value_map, save_value_map
from workbench.settings import Settings, read_settings
from workbench.vocabulary import Decision, Lock

MAP, AT = "insurance_carrier", "2026-11-24T09:00:00+00:00"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "migration.toml").touch()
    made = read_settings(tmp_path)
    decide(made, Delta="Delta Dental", Humana="Humana")
    return made


def decide(settings: Settings, **answers: str) -> None:
    known = read_value_map(MAP, [settings.own_decisions]).rows
    rows = {one: Decided(one, Decision.MAP, answer, "Bo", "2026-11-20") for one, answer in answers.items()}
    save_value_map(settings.own_decisions, ValueMap(MAP, known | rows))


def signed(settings: Settings, by: str) -> Signature:
    return sign(settings, Lock.MAPPING, by=by, at=AT, tenant="t1", binds={"decisions": "d" * 64})


class Page:
    """The parts of the editor, as a person meets them."""

    def __init__(self, settings: Settings, sign: Any = None) -> None:
        decided = read_value_map(MAP, settings.values_folders)
        asked = Asked(MAP, dict.fromkeys(["Delta", "Humana", "Aetna"], 1), decided, True)
        made = approve_mapping(settings, [asked], sign or (lambda by: signed(settings, by)), snapshot="s1")
        self.facts, self.past, self.name, self.button, self.told = made.children

    def sign(self, name: str) -> str:
        self.name.value = name
        self.button.click()
        return str(self.told.value)

    @property
    def new_or_changed(self) -> str:
        return str(self.facts.value).partition("</tbody>")[0].rpartition("<td>")[2].removesuffix("</td></tr>")


def test_what_is_new_or_changed_since_the_last_signature_is_counted(settings: Settings) -> None:
    page = Page(settings)
    assert page.new_or_changed == "–"
    assert "Approved by Ana" in page.sign(" Ana ")
    assert (page.button.disabled, "approved by Ana, 2026-11-24 09:00" in page.past.value) == (True, True)
    assert Page(settings).new_or_changed == "0"
    decide(settings, Delta="Delta Dental of Ohio", Aetna="Aetna")
    assert Page(settings).new_or_changed == "2"


def test_a_file_that_changed_after_the_page_was_drawn_is_not_signed(settings: Settings) -> None:
    page = Page(settings)
    decide(settings, Delta="Aetna")
    assert page.sign("Ana").startswith("A decision file changed since this was drawn.")
    assert not settings.approvals.exists()


def test_a_refusal_is_told_in_its_own_words_and_the_button_lives(settings: Settings) -> None:
    def refuse(_by: str) -> Signature:
        raise DecisionMissing("1 spelling has no decision: <b>")

    page = Page(settings, refuse)
    assert page.sign("Ana") == "<pre>1 spelling has no decision: &lt;b&gt;</pre>"
    assert not page.button.disabled


def test_nobody_signs_without_a_name(settings: Settings) -> None:
    page = Page(settings)
    page.name.value = "  "
    assert page.button.disabled
