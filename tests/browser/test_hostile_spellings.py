"""What a practice typed is text wherever people see it: in the editors' grid and in the tables of pages; nothing of it runs."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from grid_page import GridPage
from playwright.sync_api import Page

from workbench.editors.panels import edit_value_maps
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import Decided, ValueMap, save_value_map
from workbench.reports.shown import show_table
from workbench.settings import read_settings
from workbench.vocabulary import Decision

pytestmark = pytest.mark.browser
MAP = "insurance_carrier"
HOSTILE = (
    "<img src=x onerror=\"window.hurt = 'image'\">",
    "<script>window.hurt = 'script'</script>",
    "<svg onload=\"window.hurt = 'svg'\"></svg>",
    '"><b onmouseover="window.hurt = 1">bold</b>',
    "</script><script>window.hurt = 'out'</script>",
    "<a href=\"javascript:window.hurt = 'link'\">Delta</a>",
)


def is_unhurt(page: Page) -> bool:
    page.wait_for_timeout(200)  # an image that is not there is told a moment later
    return page.evaluate("window.hurt === undefined") is True


def test_what_a_practice_typed_is_text_in_the_grid(page: Page, tmp_path: Path) -> None:
    (tmp_path / "migration.toml").touch()
    settings = read_settings(tmp_path)
    decided = {one: Decided(one, Decision.MAP, one, one, "2026-11-20", one) for one in HOSTILE[:3]}
    save_value_map(settings.own_decisions, ValueMap(MAP, decided))
    asked = Asked(MAP, dict.fromkeys(HOSTILE, 3), ValueMap(MAP, {}), True)
    grid = GridPage(page, edit_value_maps(settings, [asked], by="<b>Ana</b>"), tmp_path)
    grid.press(*["f"] * 9, *["v"] * 4)
    told = grid.page.locator("[role=treegrid]").inner_text()
    assert [one for one in HOSTILE if " ".join(one.split()) not in " ".join(told.split())] == []
    assert page.locator("#here img, #here script, #here svg, #here a, #here td b").count() == 0
    grid.press("ArrowDown", "q", "ArrowDown", "b", "u")
    assert is_unhurt(page)


def test_what_a_practice_typed_is_text_in_a_table(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    shown = show_table(pl.DataFrame({name: [name] for name in HOSTILE}), HOSTILE[0])
    path.write_text(f"<!doctype html><html><body>{shown.html}</body></html>", "utf-8")
    page.goto(path.as_uri())
    assert page.locator("td").all_inner_texts() == list(HOSTILE)
    assert page.locator("img, script, svg, a, b").count() == 0
    assert is_unhurt(page)
