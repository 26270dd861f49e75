"""A thousand spellings of front desks decided from the keyboard: how many keys it takes, and what stands in the file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from grid_page import GridPage
from playwright.sync_api import Page

from workbench.editors.decisions import Decisions
from workbench.editors.grid import ValueMapGrid
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import ValueMap, read_value_map
from workbench.settings import read_settings
from workbench.suggest.carriers import suggest_carriers
from workbench.suggest.proposals import Proposal

pytestmark = pytest.mark.browser
TYPED = Path(__file__).parents[1] / "bench" / "carriers.csv"
MAP = "insurance_carrier"
SHARE = 0.1


def truth() -> dict[str, str]:
    with TYPED.open(encoding="utf-8", newline="") as file:
        return {row["raw"]: row["canonical"] for row in csv.DictReader(file)}


@pytest.fixture
def grid(page: Page, tmp_path: Path) -> GridPage:
    (tmp_path / "migration.toml").touch()
    records = {one: 1 + place * 7919 % 37 for place, one in enumerate(truth())}
    asked = Asked(MAP, records, ValueMap(MAP, {}, lambda: b"k" * 32), True)
    said = {one.source_value: one for one in suggest_carriers(records)}
    return GridPage(page, ValueMapGrid(Decisions(read_settings(tmp_path), Proposal(asked, said), by="Ana")), tmp_path)


def family(name: str) -> str:
    """The federation that a carrier is a member of; another member of it is another payer."""
    return next((one for one in ("Delta Dental", "Blue") if one in name), "")


class Analyst:
    """A person who knows each payer, looks at every member of a group, and uses no mouse."""

    def __init__(self, grid: GridPage) -> None:
        self.grid, self.desk = grid, grid.grid.decisions
        self.wanted = [truth()[one] for one in self.desk.spellings]

    def decide_all(self) -> None:
        self.grid.press("a", "Enter")
        for _ in range(3 * len(self.wanted)):
            if not any(one["decision"] in ("", "ask") for one in self.grid.grid.rows):
                return
            key = self.grid.here()
            if key.startswith("r:"):
                self._one(int(key[2:]))
            else:
                self._group(key[2:])
        raise AssertionError(f"still open after all: {self.grid.here()}")

    def _one(self, number: int) -> None:
        proposed, wanted = self.grid.grid.rows[number]["proposal"], self.wanted[number]
        if proposed == wanted:
            self.grid.press("Enter")
        elif not wanted:
            self.grid.press("b")
        else:
            self.grid.press("m")
            self.grid.type(wanted)
            self.grid.press("Enter")

    def _group(self, answer: str) -> None:
        members = [
            one["id"] for one in self.grid.grid.rows if one["decision"] in ("", "ask") and one["group"] == answer
        ]
        if not self.grid.is_open():  # the small ones stand open
            self.grid.press("ArrowRight")
        meant = "" if answer == "(left blank)" else answer
        wrong = [one for one in members if self.wanted[one] != meant]
        if not wrong:
            self.grid.press("Enter")
        elif len(wrong) * 2 > len(members):
            self.grid.press("x")
        else:
            for _ in members:
                self.grid.press("ArrowDown")
                if int(self.grid.here()[2:]) in wrong:
                    self.grid.press("x")


def test_a_thousand_spellings_take_a_tenth_of_the_keys_and_stand_as_meant(grid: GridPage, capsys) -> None:
    rows = grid.grid.rows
    wanted = [truth()[one] for one in grid.grid.decisions.spellings]
    # One by one: a key where the proposal is right or there is no carrier, else the name is typed.
    singly = sum(
        1 if row["proposal"] == name or not name else len(name) + 2 for row, name in zip(rows, wanted, strict=True)
    )
    Analyst(grid).decide_all()
    found = read_value_map(MAP, [grid.grid.decisions.settings.own_decisions], lambda: b"k" * 32)
    answers = {one: found.find(one).answer or "" for one in truth()}
    wrong = {one for one, name in truth().items() if answers[one] != name}
    with capsys.disabled():
        print(
            f"\n{len(rows):,} spellings: {grid.keys:,} keys, {grid.acts} acts; one by one {singly:,}: {grid.keys / singly:.3f}"
        )
    assert len(wrong) <= 0.005 * len(rows)
    assert {one for one in wrong if not truth()[one]} == set(), "what is no carrier became one"
    assert {one for one in wrong if family(answers[one]) and family(answers[one]) == family(truth()[one])} == set()
    assert grid.keys <= SHARE * singly
