"""What changed since the approval stands in the grid with what was approved, and is found by its own filter."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from grid_page import GridPage
from lab_page import SERIOUS
from playwright.sync_api import Page

from workbench.editors.panels import edit_value_maps
from workbench.mapping.approval import sign
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import Decided, ValueMap, save_value_map
from workbench.settings import read_settings
from workbench.vocabulary import Decision, Lock

pytestmark = pytest.mark.browser
MAP = "insurance_carrier"


@pytest.fixture
def grid(page: Page, tmp_path: Path) -> GridPage:
    (tmp_path / "migration.toml").touch()
    settings = read_settings(tmp_path)
    rows = {
        one: Decided(one, Decision.MAP, "Delta Dental", "Bo", "2026-11-20") for one in ("Delta", "Delta Dntl", "DD")
    }
    save_value_map(settings.own_decisions, ValueMap(MAP, rows))
    sign(settings, Lock.MAPPING, by="Grace", at="2026-11-24T09:00:00+00:00", tenant="t1", binds={})
    asked = Asked(MAP, {"Delta": 9, "Delta Dntl": 5, "DD": 2, "Humana": 1}, ValueMap(MAP, {}), True)
    return GridPage(page, edit_value_maps(settings, [asked], by="Ana"), tmp_path)


def test_a_changed_answer_is_marked_filtered_and_unmarked_by_undo(grid: GridPage, tmp_path: Path) -> None:
    assert "approved by Grace, 2026-11-24" in str(grid.page.locator(".wb-bar").first.text_content())
    grid.press(*["f"] * 5)
    assert grid.told() == "What is shown: new since the approval; 1 line."
    grid.press("f")
    assert grid.told() == "What is shown: changed since the approval; 0 lines."
    grid.press(*["f"] * 3, *["v"] * 4, "ArrowDown", "b", "f", "f", "f", "f", "f", "f", "f")
    assert grid.told() == "What is shown: changed since the approval; 1 line."
    tag = grid.page.locator(".wb-here .wb-tag")
    assert tag.text_content() == "changed"
    assert str(tag.get_attribute("title")).startswith("changed since the approval (was Delta Dental)")
    assert str(tag.get_attribute("title")).partition(" by ")[2].startswith("Ana, 20")
    grid.page.screenshot(path=tmp_path / "marks.png")
    found = Axe().run(grid.page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in SERIOUS] == []
    grid.press("u")
    assert grid.page.locator(".wb-tag").count() == 0


def test_the_cursor_stays_with_its_line_when_lines_are_grouped_otherwise(grid: GridPage) -> None:
    grid.press(*["f"] * 9, *["v"] * 4, "ArrowDown", "ArrowDown")
    assert grid.here() == "r:2"
    grid.press("v", "ArrowLeft")
    assert (grid.here(), grid.is_open()) == ("g:Delta Dental", False)
    grid.press(*["v"] * 4)
    assert grid.here() == "r:0"
