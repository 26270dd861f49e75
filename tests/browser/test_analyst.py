"""An analyst's session in JupyterLab from the keyboard alone, and what stands in the CSV and the approvals after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from commands import newest_run, workbench
from lab_page import PATIENCE, SERIOUS, LabPage
from playwright.sync_api import Page, expect
from rooms import Practice

from workbench.mapping.value_map import read_value_map
from workbench.suggest.proposals import accept

pytestmark = pytest.mark.browser
MAP, GRID, STATUS, APPROVE = "insurance_carrier", "[role=treegrid]", ".wb-told", ".wb-approve"


def decided(practice: Practice) -> dict[str, tuple[str, str, str]]:
    rows = read_value_map(MAP, [practice.settings.own_decisions]).rows
    return {one: (str(row.decision), row.destination_value, row.note) for one, row in rows.items()}


def serious(page: Page, within: str) -> list[str]:
    found = Axe().run(page, context=within).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS]


def test_a_session_from_the_keyboard_is_in_the_files_and_outlives_kernel_and_page(
    practice: Practice, lab: str, page: Page, tmp_path: Path
) -> None:
    session = LabPage(page, lab)
    session.open("31_map_carriers")
    session.run_all()
    grid = page.locator(".wb-grid").filter(has=page.locator("h3", has_text=MAP)).first
    expect(grid).to_contain_text("0 of", timeout=PATIENCE)
    told = grid.locator(STATUS)
    session.tab_to(f"{GRID}[aria-label$='{MAP}']")
    page.screenshot(path=tmp_path / "light.png")
    assert serious(page, ".wb-grid") == []

    # Filter, and set one spelling apart from its group.
    session.press("/")
    page.keyboard.type("delta")
    session.press("Enter")
    first = grid.locator(".wb-here")
    expect(first).to_contain_text("elta", ignore_case=True)
    while first.get_attribute("data-key")[:2] != "r:":
        session.press("ArrowRight", "ArrowDown")
    split = first.locator("[role=gridcell]").nth(1).text_content()
    session.press("x")
    expect(told).to_contain_text("1 set apart")
    assert decided(practice)[split][0] == "ask"
    assert decided(practice)[split][2].startswith("not ")

    # Above a threshold, then undone, then again: the one set apart stays open.
    session.press("a", "Enter")
    expect(told).to_contain_text("accepted at 0.95")
    taken = decided(practice)
    assert sum(row[0] == "map" for row in taken.values()) > 3
    session.press("u")
    expect(told).to_contain_text("taken back")
    assert set(decided(practice)) == {split}
    session.press("Shift+U")
    expect(told).to_contain_text("done again")
    assert decided(practice) == taken
    assert taken[split][0] == "ask"

    # One mapped by hand, one with a note.
    session.press("/")
    page.keyboard.type(split)
    session.press("Enter", "m")
    page.keyboard.type("Delta Dental of the Test")
    session.press("Enter")
    expect(told).to_contain_text("now Delta Dental of the Test")
    session.press("/")
    page.keyboard.press("Delete")
    session.press("Enter", *["f"] * 4)
    expect(told).to_contain_text("What is shown: decided")
    while first.get_attribute("data-key")[:2] != "r:":
        session.press("ArrowRight", "ArrowDown")
    session.press("n")
    page.keyboard.type("asked the front desk")
    session.press("Enter")
    expect(told).to_contain_text("1 noted")
    after = decided(practice)
    assert after[split][:2] == ("map", "Delta Dental of the Test")
    assert sum(row[2].endswith("asked the front desk") for row in after.values()) == 1
    assert {row.decided_by for row in read_value_map(MAP, [practice.settings.own_decisions]).rows.values()} == {
        "analyst"
    }

    # Another page, another kernel: the files say where the work stands.
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    session.open("31_map_carriers")
    session.run_all()
    expect(grid).not_to_contain_text("0 of", timeout=PATIENCE)
    assert decided(practice) == after
    session.command("apputils:change-theme", theme="JupyterLab Dark")
    session.tab_to(f"{GRID}[aria-label$='{MAP}']")
    session.press(*["f"] * 9, "?")
    page.screenshot(path=tmp_path / "dark.png")
    assert serious(page, ".wb-grid") == []
    record = newest_run(practice.folder) / "31_map_carriers.json"
    assert json.loads(record.read_text("utf-8"))["notebook"] == "31_map_carriers"

    # Approved by name, in the notebook for it, over a page that a run built.
    accept(practice.settings, practice.mappings, above=0.95, by="desk", on="2026-11-26", own=True)
    built = workbench("run", "--from", "approve", "--to", "approve", "--migration", str(practice.folder))
    assert built.returncode == 0, built.stderr
    session.command("apputils:change-theme", theme="JupyterLab Light")
    session.open("36_approve")
    session.run_all()
    button = page.get_by_role("button", name="Approve the mapping for rehearsal")
    expect(button).to_be_visible(timeout=PATIENCE)
    assert serious(page, APPROVE) == []
    session.tab_to("input[placeholder='your name']")
    page.keyboard.type("Ana Lund")
    expect(button).to_be_enabled()
    page.screenshot(path=tmp_path / "to_approve.png")
    assert serious(page, APPROVE) == []
    session.command("apputils:change-theme", theme="JupyterLab Dark")
    page.screenshot(path=tmp_path / "to_approve_dark.png")
    assert serious(page, APPROVE) == []
    session.tab_to("input[placeholder='your name']")
    session.press("Tab", "Enter")
    expect(page.get_by_text("Approved by Ana Lund at")).to_be_visible(timeout=PATIENCE)
    page.screenshot(path=tmp_path / "approved_dark.png")
    assert serious(page, APPROVE) == []
    session.command("apputils:change-theme", theme="JupyterLab Light")
    page.screenshot(path=tmp_path / "approved.png")
    assert serious(page, APPROVE) == []
    signed = [json.loads(line) for line in practice.settings.approvals.read_text("utf-8").splitlines()]
    assert (signed[-1]["lock"], signed[-1]["by"]) == ("mapping", "Ana Lund")


def test_one_name_serves_every_grid_of_a_page_and_a_cell_that_is_run_again(
    practice: Practice, lab: str, page: Page, tmp_path: Path
) -> None:
    session = LabPage(page, lab)
    session.open("34_map_stages")
    session.run_all()
    names = page.locator(".wb-grid input[aria-label='Decided by']")
    expect(names.nth(1)).to_be_attached(timeout=PATIENCE)
    shown = page.locator(".wb-grid input[aria-label='Decided by']:visible")
    shown.first.fill("Grace Lund")
    shown.first.press("Enter")
    for one in names.all():
        expect(one).to_have_value("Grace Lund")
    page.screenshot(path=tmp_path / "stages.png")
    session.run_all()
    page.wait_for_timeout(4_000)
    for one in page.locator(".wb-grid input[aria-label='Decided by']").all():
        expect(one).to_have_value("Grace Lund", timeout=PATIENCE)
    shown.first.fill("")
    shown.first.press("Enter")
    expect(shown.first).to_have_value("analyst")
    expect(page.locator(".wb-grid .wb-told", has_text="No name was typed").first).to_be_visible()
    assert serious(page, ".wb-grid") == []
