"""How lines stand together is asked of Python, decides nothing, and tells nothing of what is hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.editors.decisions import Decisions
from workbench.editors.grid import ValueMapGrid
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import ValueMap, read_value_map
from workbench.settings import read_settings
from workbench.suggest.proposals import Proposal

MAP = "insurance_carrier"
SPELLINGS = [
    "Delta Dental",
    "dental, DELTA",
    "DeltaDental",
    "Delta Dentall",
    "Delta 123-45-6789",
    "Dental 123-45-6789 Delta",
]
RECORDS = {one: 10 - place for place, one in enumerate(SPELLINGS)}


@pytest.fixture
def sent() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def grid(tmp_path: Path, sent: list[dict[str, Any]]) -> ValueMapGrid:
    (tmp_path / "migration.toml").touch()
    asked = Asked(MAP, RECORDS, ValueMap(MAP, {}, lambda: b"k" * 32), True)
    made = ValueMapGrid(Decisions(read_settings(tmp_path), Proposal(asked, {}), by="Ana"))
    made.send = lambda content, **_: sent.append(content)
    return made


@pytest.mark.parametrize(
    ("way", "groups"),
    [
        pytest.param("fingerprint", [0, 0, 2, 3, 4, 5], id="the same words"),
        pytest.param("ngram", [0, 1, 0, 3, 4, 5], id="the same pairs of letters"),
        pytest.param("near", [0, 1, 0, 0, 4, 5], id="a letter apart"),
    ],
)
def test_a_way_to_group_is_answered_by_the_number_of_each_groups_first_line(
    grid: ValueMapGrid, sent: list[dict[str, Any]], way: str, groups: list[int]
) -> None:
    grid._received(grid, {"act": "group", "by": way}, None)
    assert (sent[-1]["by"], sent[-1]["groups"], sent[-1]["lines"]) == (way, groups, [])
    assert "6789" not in str(sent)
    assert not (grid.decisions.settings.own_decisions / f"{MAP}.csv").exists()


def test_a_way_that_nobody_knows_groups_nothing(grid: ValueMapGrid, sent: list[dict[str, Any]]) -> None:
    grid._received(grid, {"act": "group", "by": ["fingerprint"]}, None)
    grid._received(grid, {"act": "group", "by": "metaphone"}, None)
    assert all("groups" not in one for one in sent)


def test_a_group_merged_by_hand_is_one_act_of_decide(grid: ValueMapGrid, sent: list[dict[str, Any]]) -> None:
    grid._received(grid, {"act": "group", "by": "fingerprint"}, None)
    ids = [place for place, group in enumerate(sent[-1]["groups"]) if group == 0]
    grid._received(grid, {"act": "map", "ids": ids, "answer": "Delta Dental"}, None)
    rows = read_value_map(MAP, [grid.decisions.settings.own_decisions]).rows
    assert {one: row.answer for one, row in rows.items()} == dict.fromkeys(SPELLINGS[:2], "Delta Dental")
    assert (sent[-1]["told"], sent[-1]["progress"]["undo"]) == ("2 now Delta Dental, a new value.", 1)
