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


def test_the_cursor_goes_to_the_next_column_without_a_fate_and_stays_with_one_that_has_it(opened: GridPage) -> None:
    page = opened.page
    here, told = page.locator(".wb-here"), page.locator("[role=status]")
    opened.press("Enter")
    expect(here).to_contain_text("hobby")
    opened.press("i")
    opened.type("nobody asks for it")
    opened.press("Enter")
    expect(here).to_contain_text("soc_sec_no")
    opened.press("End", "ArrowUp")
    mapped = str(here.locator("[role=gridcell]").first.text_content())
    opened.press("s")
    page.keyboard.type("quasi")
    opened.press("Enter")
    expect(here).to_contain_text(mapped)
    opened.press("/")
    opened.type("/^cell/")
    opened.press("Enter", "Enter")
    expect(told).to_have_text("mobile_number is filled by cell_phone so already.\nNothing was changed.")
    expect(here).to_contain_text("cell_phone")


def test_the_filter_shows_columns_of_that_name_before_what_else_says_it(opened: GridPage) -> None:
    rows = opened.page.locator(".wb-columns [role=row]:not(.wb-head)")
    opened.press("/")
    opened.type("last_name")
    expect(rows).to_have_count(1)
    opened.page.keyboard.press("Control+a")
    opened.type("mobile")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("cell_phone")


def test_what_is_refused_is_asked_again_and_a_kernel_that_is_gone_is_told(opened: GridPage) -> None:
    page, told = opened.page, opened.page.locator("[role=status]")
    opened.press("m")
    page.keyboard.type("No Such Field")
    opened.press("Enter")
    expect(told).to_contain_text("Nothing was changed.")
    assert page.input_value(".wb-ask input") == "No Such Field"
    page.keyboard.press("Escape")
    opened.press("e")
    expect(told).to_have_text("The mapping files were read again: nothing changed.")
    opened.press("Escape", "Shift+F")
    expect(told).to_contain_text("not moved: ")
    opened.press("f")
    before = page.locator(".wb-columns").inner_text()
    page.evaluate("() => { window.toPython = () => new Promise(() => {}); }")
    opened.press("Enter")
    expect(told).to_have_text(
        "No answer yet: the kernel is busy, and does it when it can, or it is gone: then run this cell again.",
        timeout=6_000,
    )
    assert page.locator(".wb-columns").inner_text() == before


@pytest.mark.parametrize(("wide", "gone"), [(1400, []), (480, ["Sure"]), (400, ["Proposal", "Sure"])])
def test_a_narrow_page_drops_columns_that_stand_beside(opened: GridPage, wide: int, gone: list[str]) -> None:
    opened.page.set_viewport_size({"width": wide, "height": 900})
    assert [
        one.text_content() for one in opened.page.locator("[role=columnheader]").all() if not one.is_visible()
    ] == gone
    assert serious(opened.page) == []


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
