"""The field editor by keys alone: a column is looked at, mapped, left out, taken back; the files hold it; nothing bars a reader."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from grid_page import GridPage
from lab_page import SERIOUS
from little import Little, make_little
from playwright.sync_api import Page, expect

from workbench.editors.panels import edit_fields

pytestmark = pytest.mark.browser
HEADER = "person_id,last_name,practice_id,cell_phone,hobby,soc_sec_no\n"
ROWS = "C1,Lund,P1,(312) 555-0143,<b>sailing</b>,123-45-6789\nC2,Reyes,,773 555 0188,,\n"
DARK = "--jp-ui-font-color1: #eee; --jp-ui-font-color2: #ccc; --jp-layout-color1: #111; --jp-layout-color2: #222; --jp-border-color2: #444; --jp-brand-color1: #6cb6ff"


@pytest.fixture
def little(tmp_path: Path) -> Little:
    made = make_little(tmp_path)
    made.land(people=HEADER + ROWS)
    return made


@pytest.fixture
def opened(little: Little, page: Page, tmp_path: Path) -> GridPage:
    return GridPage(page, edit_fields(little.settings, little.mappings, by="Ana"), tmp_path)


def mapping(little: Little) -> dict[str, dict[str, object]]:
    return tomllib.loads((little.folder / "mappings/objects/person.toml").read_text("utf-8"))


def serious(page: Page) -> list[str]:
    found = Axe().run(page, context=".wb-grid").response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS]


def test_columns_are_mapped_and_left_out_by_keys_and_undone(little: Little, opened: GridPage) -> None:
    page = opened.page
    here, beside, told = page.locator(".wb-here"), page.locator(".wb-beside"), page.locator("[role=status]")
    expect(here).to_contain_text("cell_phone")
    expect(beside).to_contain_text("(999) 999-9999")
    expect(beside.locator(".wb-changed")).to_contain_text("mobile_number")
    assert "0143" not in page.content()
    opened.press("Enter")
    expect(told).to_contain_text("people.cell_phone: mobile_number.")
    assert mapping(little)["fields"]["mobile_number"] == {"from": "cell_phone", "via": "phone"}

    page.focus("[role=grid]")
    opened.press("/")
    opened.type("hobby")
    opened.press("Enter", "m")
    page.keyboard.press("Control+a")
    opened.type("cf_hobby")
    opened.press("Enter")
    expect(told).to_contain_text("people.hobby: cf_hobby.")
    assert mapping(little)["fields"]["cf_hobby"] == {"from": "hobby"}
    opened.press("i")
    opened.type("nobody asks for it")
    opened.press("Enter")
    expect(here).to_contain_text("not moved: nobody asks for it")
    assert mapping(little)["ignored"]["hobby"] == "nobody asks for it"
    assert "cf_hobby" not in mapping(little)["fields"]
    opened.press("u")
    expect(told).to_contain_text("Taken back.")
    assert mapping(little)["fields"]["cf_hobby"] == {"from": "hobby"}
    opened.press("Shift+U", "d")
    expect(here).to_contain_text("no fate yet")
    expect(page.locator(".wb-progress")).to_contain_text("4 of 6 columns have a fate")


def test_a_sensitive_column_has_no_proposal_and_a_wrong_answer_changes_nothing(
    little: Little, opened: GridPage
) -> None:
    page = opened.page
    before = mapping(little)
    opened.press("/")
    opened.type("soc_sec")
    opened.press("Enter")
    expect(page.locator(".wb-beside")).to_contain_text("None: ")
    opened.press("Enter")
    expect(page.locator("[role=status]")).to_contain_text("Nothing is proposed")
    opened.press("m")
    opened.type("No Such Field")
    opened.press("Enter")
    expect(page.locator("[role=status]")).to_contain_text("Nothing was changed.")
    assert mapping(little) == before


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_serious_barrier_in_light_or_dark(opened: GridPage, tmp_path: Path, dark: bool) -> None:
    if dark:
        opened.page.evaluate(f"document.body.style.cssText = '{DARK}; background: #111; color: #eee'")
    expect(opened.page.locator(".wb-changed")).to_contain_text("mobile_number")
    assert serious(opened.page) == []
    opened.page.screenshot(path=tmp_path / f"fields-{'dark' if dark else 'light'}.png")
