"""What came or changed since the last mapping approval is marked line by line, with what was approved."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from workbench.editors.decisions import Decisions
from workbench.editors.grid import ValueMapGrid
from workbench.editors.panels import edit_value_maps
from workbench.mapping.approval import APPROVED, sign, void
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import Decided, ValueMap, save_value_map
from workbench.settings import Settings, read_settings
from workbench.vocabulary import Decision, Lock

MAP, KEY = "insurance_carrier", b"k" * 32
DELTA, NEAR, NOBODY, TYPED, LATER = "DELTA DENTAL", "Delta Dntl", "Self pay", "Delta 123-45-6789", "Humana"
APPROVED_ROWS = (
    Decided(DELTA, Decision.MAP, "Delta Dental", "Bo", "2026-11-20"),
    Decided(NEAR, Decision.ASK, "", "Bo", "2026-11-20"),
    Decided(NOBODY, Decision.BLANK, "", "Bo", "2026-11-20"),
    Decided(TYPED, Decision.MAP, "Delta 123-45-6789 PPO", "Bo", "2026-11-20"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "migration.toml").touch()
    made = read_settings(tmp_path)
    save_value_map(made.own_decisions, ValueMap(MAP, {one.source_value: one for one in APPROVED_ROWS}, lambda: KEY))
    return made


def approve(settings: Settings, by: str = "Grace") -> None:
    sign(settings, Lock.MAPPING, by=by, at="2026-11-24T09:00:00+00:00", tenant="t1", binds={})


def opened(settings: Settings) -> ValueMapGrid:
    records = {DELTA: 31, NEAR: 12, NOBODY: 7, TYPED: 2, LATER: 1}
    grid = edit_value_maps(settings, [Asked(MAP, records, ValueMap(MAP, {}, lambda: KEY), True)], by="Ana")
    grid.decisions.today = lambda: date(2026, 11, 26)
    return grid


def decide(desk: Decisions, spelling: str, decision: Decision, answer: str = "") -> None:
    desk.decide([desk.spellings.index(spelling)], decision, answer)


def marks(desk: Decisions) -> dict[str, tuple[bool, str]]:
    return {desk.spellings[one["id"]]: (one["new"], one["was"]) for one in desk.lines() if one["new"] or one["was"]}


def test_before_any_approval_nothing_is_new_or_changed(settings: Settings) -> None:
    grid = opened(settings)
    assert (marks(grid.decisions), grid.approved) == ({}, "not approved yet")


def test_a_spelling_that_came_after_the_approval_is_new_also_when_it_is_decided(settings: Settings) -> None:
    approve(settings)
    grid = opened(settings)
    assert grid.approved == "approved by Grace, 2026-11-24"
    assert marks(grid.decisions) == {LATER: (True, "")}
    decide(grid.decisions, LATER, Decision.MAP, "Humana")
    assert marks(grid.decisions) == {LATER: (True, "")}
    approve(settings, "Hopper")
    assert marks(opened(settings).decisions) == {}


def test_a_decision_that_is_not_the_approved_one_says_what_that_was(settings: Settings) -> None:
    approve(settings)
    desk = opened(settings).decisions
    decide(desk, DELTA, Decision.MAP, "Delta Dental of Ohio")
    decide(desk, NEAR, Decision.MAP, "Delta Dental")
    decide(desk, NOBODY, Decision.KEEP)
    changed = {one["shown"]: (one["was"], one["by"], one["on"]) for one in desk.lines() if one["was"]}
    assert changed == {
        DELTA: ("Delta Dental", "Ana", "2026-11-26"),
        NEAR: ("open", "Ana", "2026-11-26"),
        NOBODY: ("left blank", "Ana", "2026-11-26"),
    }
    desk.undo()
    assert set(marks(desk)) == {DELTA, NEAR, LATER}
    desk.note([desk.spellings.index(NOBODY)], "asked the desk")
    assert NOBODY not in marks(desk)


def test_what_was_approved_is_shown_by_its_shape_where_it_may_hold_personal_data(settings: Settings) -> None:
    approve(settings)
    grid = opened(settings)
    decide(grid.decisions, TYPED, Decision.BLANK)
    assert marks(grid.decisions)[TYPED] == (False, "aaaaa 999-99-9999 aaa")
    grid.rows = grid.decisions.lines()
    assert "6789" not in str(grid.get_state())


def test_a_row_that_somebody_took_out_is_changed(settings: Settings) -> None:
    approve(settings)
    rows = {one.source_value: one for one in APPROVED_ROWS if one.source_value != DELTA}
    save_value_map(settings.own_decisions, ValueMap(MAP, rows, lambda: KEY))
    assert marks(opened(settings).decisions)[DELTA] == (False, "Delta Dental")


def test_an_approval_that_was_taken_back_is_still_the_last_that_somebody_read(settings: Settings) -> None:
    approve(settings)
    void(settings, Lock.MAPPING, by="Grace", at="2026-11-25T09:00:00+00:00")
    assert opened(settings).approved == "approved by Grace, 2026-11-24"


@pytest.mark.parametrize("lost", [pytest.param(True, id="not there"), pytest.param(False, id="not what was signed")])
def test_a_copy_that_was_not_signed_marks_nothing_as_changed_and_says_so(settings: Settings, lost: bool) -> None:
    approve(settings)
    [copy] = (settings.approvals.parent / APPROVED).glob("*/*.csv")
    copy.unlink() if lost else copy.write_bytes(copy.read_bytes() + b"x,keep,,,,\n")
    grid = opened(settings)
    decide(grid.decisions, DELTA, Decision.MAP, "Aetna")
    assert marks(grid.decisions) == {LATER: (True, "")}
    assert grid.approved.endswith("what stood then is not kept here, so changes since are not marked")
