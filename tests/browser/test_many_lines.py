"""Five thousand spellings in one grid: the page draws a window of them, and an act moves no more than what it changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from grid_page import GridPage
from playwright.sync_api import Page, expect

from workbench.editors.decisions import Decisions
from workbench.editors.grid import ValueMapGrid
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import ValueMap, read_value_map
from workbench.settings import read_settings
from workbench.suggest.proposals import Proposal
from workbench.suggest.suggestion import Candidate, Suggestion

pytestmark = pytest.mark.browser
MAP, MANY, MOST_ROWS = "insurance_carrier", 5_000, 60
TOWNS = ("Acorn", "Birch", "Cedar", "Dogwood", "Elm")
ENDINGS = ("PPO", "HMO", "Premier", "Choice")


@pytest.fixture
def grid(page: Page, tmp_path: Path) -> GridPage:
    (tmp_path / "migration.toml").touch()
    spellings = [f"{TOWNS[one % 5]} plan {one // 20} {ENDINGS[one // 5 % 4]}" for one in range(MANY)]
    records = {one: MANY - place for place, one in enumerate(spellings)}
    said = {
        one: Suggestion(one, (Candidate(f"Payer {place % 50}", 0.97 if place % 2 else 0.7, "near"),))
        for place, one in enumerate(spellings)
    }
    asked = Asked(MAP, records, ValueMap(MAP, {}, lambda: b"k" * 32), True)
    return GridPage(page, ValueMapGrid(Decisions(read_settings(tmp_path), Proposal(asked, said), by="Ana")), tmp_path)


def drawn(grid: GridPage) -> int:
    return grid.page.locator("[role=row]").count()


def lines_shown(grid: GridPage) -> int:
    return int(grid.page.locator("[role=treegrid]").get_attribute("aria-rowcount") or 0) - 1


def rows_in_file(grid: GridPage) -> dict[str, Any]:
    return read_value_map(MAP, [grid.grid.decisions.settings.own_decisions]).rows


def answers(grid: GridPage) -> list[dict[str, Any]]:
    """Every answer of Python from now on, as it was sent."""
    found: list[dict[str, Any]] = []
    grid.grid.send = lambda content, **_: (grid.sent.append(content), found.append(content))
    return found


def test_only_a_window_is_drawn_however_many_lines_there_are(grid: GridPage) -> None:
    assert (lines_shown(grid), drawn(grid) < MOST_ROWS) == (50, True)
    grid.press(*["v"] * 4)
    assert "nothing; 5,000 lines" in grid.told()
    for key in ("End", "PageUp", "Home", "PageDown"):
        grid.press(key)
        assert 0 < drawn(grid) < MOST_ROWS
    grid.press("End")
    assert grid.here() == f"r:{MANY - 1}"
    expect(grid.page.locator(".wb-here")).to_be_in_viewport()
    grid.press("/")
    grid.type("cedar plan 77 ")
    assert (lines_shown(grid), drawn(grid)) == (4, 5)


def test_each_way_to_group_shows_every_line_once(grid: GridPage) -> None:
    sent = answers(grid)
    told = []
    for _ in range(5):
        grid.press("v")
        told.append(grid.told())
        members = grid.page.evaluate("document.querySelector('[role=treegrid]').getAttribute('aria-rowcount')")
        assert int(members) > 1
        assert drawn(grid) < MOST_ROWS
    assert [one["by"] for one in sent] == ["fingerprint", "ngram", "near"]
    assert [len(one["groups"]) for one in sent] == [MANY] * 3
    assert all(isinstance(number, int) for one in sent for number in one["groups"])
    assert told[-1].startswith("Grouped by: what they become; 50 lines")


def test_a_group_of_neighbours_is_merged_by_hand_in_one_act(grid: GridPage) -> None:
    grid.press(*["v"] * 3)
    assert grid.here().startswith("near:")
    sent = answers(grid)
    grid.press("g")
    grid.type("Acorn Benefit")
    grid.press("Enter")
    members = [one["id"] for one in sent[-1]["lines"]]
    assert grid.told() == f"{len(members)} now Acorn Benefit, a new value."
    assert {row.answer for row in rows_in_file(grid).values()} == {"Acorn Benefit"}
    assert (len(sent), len(members) > 100, len(rows_in_file(grid))) == (1, True, len(members))


def test_an_act_sends_what_changed_and_nothing_else(grid: GridPage) -> None:
    sent = answers(grid)
    grid.press(*["v"] * 4, "Enter")
    assert [len(one["lines"]) for one in sent[3:]] == [1]
    assert len(rows_in_file(grid)) == 1
    grid.press("Shift+ArrowDown", "Shift+ArrowDown", "b")
    assert len(sent[-1]["lines"]) == 3
    grid.press("a", "Enter")
    taken = sum(row.answer is not None for row in rows_in_file(grid).values())
    assert len(sent[-1]["lines"]) == MANY - 4
    assert taken == 1 + sum(place % 2 for place in range(4, MANY))
    grid.press("End", "u")
    assert len(rows_in_file(grid)) == 4
    expect(grid.page.locator(".wb-here")).to_be_in_viewport()
    grid.press("u")
    assert (len(sent[-1]["lines"]), len(rows_in_file(grid))) == (3, 1)
