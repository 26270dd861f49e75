"""What a person presses in the grid, and what it says: before an act, after it, when it is refused, when nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from grid_page import GridPage
from lab_page import SERIOUS
from playwright.sync_api import Page, expect

from workbench.editors.panels import edit_value_maps
from workbench.mapping.spellings import Asked
from workbench.mapping.value_map import Decided, ValueMap, read_value_map, save_value_map
from workbench.settings import read_settings
from workbench.suggest.proposals import Proposal
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision

pytestmark = pytest.mark.browser
MAP = "insurance_carrier"
DELTAS = [f"Delta {one}" for one in "abcdefghij"]
RECORDS = {
    **{one: 90 - place for place, one in enumerate(DELTAS)},
    "Humana": 300,
    "Cigna x": 200,
    "Cigna y": 100,
    "zzz": 1,
}
SAID = [
    *(Suggestion(one, (Candidate("Delta Dental", 0.97, "near"), Candidate("Delta Dental of Ohio", 0.45, "like it"))) for one in DELTAS),
    Suggestion("Humana", (Candidate("Humana", 0.8, "the name"),)),
    Suggestion("Cigna x", (Candidate("Cigna", 0.96, "the name"),)),
    Suggestion("Cigna y", (Candidate("Cigna", 0.7, "looks like it"),)),
]  # fmt: skip


def opened(page: Page, folder: Path, *, choices: tuple[str, ...] = (), rows: tuple[Decided, ...] = ()) -> GridPage:
    (folder / "migration.toml").touch()
    settings = read_settings(folder)
    save_value_map(settings.own_decisions, ValueMap(MAP, {one.source_value: one for one in rows}))
    asked = Asked(MAP, RECORDS, ValueMap(MAP, {}), True)
    said = Proposal(asked, {one.source_value: one for one in SAID})
    page.set_default_timeout(5_000)
    return GridPage(page, edit_value_maps(settings, [asked], [said], by="Ana", choices={MAP: choices}), folder)


@pytest.fixture
def grid(page: Page, tmp_path: Path) -> GridPage:
    return opened(page, tmp_path)


def saved(grid: GridPage) -> dict[str, tuple[str, str]]:
    rows = read_value_map(MAP, [grid.grid.decisions.settings.own_decisions]).rows
    return {one: (str(row.decision), row.destination_value) for one, row in rows.items()}


def about(grid: GridPage) -> str:
    return str(grid.page.locator(".wb-about").text_content())


def spelling(grid: GridPage) -> str:
    key = grid.here()
    return grid.grid.decisions.spellings[int(key[2:])] if key.startswith("r:") else key


def go_to(grid: GridPage, wanted: str) -> None:
    grid.press("Home")
    for _ in range(40):
        if spelling(grid) == wanted:
            return
        grid.press("ArrowDown")
    raise AssertionError(f"no line {wanted}")


def test_the_form_tells_what_would_be_accepted_before_anything_is(grid: GridPage) -> None:
    grid.press("a")
    would = grid.page.locator(".wb-would")
    expect(would).to_have_text("That is 11 of 14 open spellings, 1,055 records, 2 answers; 3 stay open.")
    grid.page.keyboard.type("0.7")
    expect(would).to_have_text("That is 13 of 14 open spellings, 1,455 records, 3 answers; 1 stay open.")
    assert saved(grid) == {}
    grid.press("Enter")
    assert grid.told() == "13 accepted at 0.70 and above; 1 stay open."
    assert saved(grid)["zzz"] == ("ask", "")


@pytest.mark.parametrize("selects", [True, False], ids=["selected", "filtered"])
def test_accepting_acts_on_what_is_selected_or_filtered_alone(grid: GridPage, selects: bool) -> None:
    if selects:
        go_to(grid, "g:Cigna")
        grid.press("Space")
    else:
        grid.press("/")
        grid.type("cigna")
        grid.press("Enter")
    grid.press("a")
    which = "selected" if selects else "shown"
    expect(grid.page.locator(".wb-ask > span")).to_have_text(
        f"Accept every open proposal of the 2 spellings {which} at or above"
    )
    grid.press("Enter")
    assert grid.told() == "1 of 2 accepted at 0.95 and above; 1 stay open."
    assert saved(grid) == {"Cigna x": ("map", "Cigna")}


def test_an_emptied_confidence_accepts_nothing(grid: GridPage) -> None:
    grid.press("a")
    grid.page.keyboard.press("Delete")
    grid.press("Enter")
    assert saved(grid) == {}
    expect(grid.page.locator(".wb-ask.wb-on")).to_be_visible()


def test_a_line_says_all_and_a_digit_takes_a_further_proposal(grid: GridPage) -> None:
    go_to(grid, "g:Delta Dental")
    assert about(grid) == "10 spellings, 855 records: Delta Dental; 10 open. Least sure: Delta a 0.97, near."
    grid.press("2")
    assert "take a proposal of one line" in grid.told()
    grid.press("ArrowRight", "ArrowDown", "ArrowDown")
    assert (
        about(grid) == "Delta b, 89 records: open. 1: Delta Dental 0.97, near; 2: Delta Dental of Ohio 0.45, like it."
    )
    grid.press("2")
    assert saved(grid) == {"Delta b": ("map", "Delta Dental of Ohio")}
    assert spelling(grid) == "Delta c"
    grid.press("3")
    assert grid.told() == "There is no proposal 3 here."


def test_the_note_who_and_when_and_the_marks_are_told_in_full(page: Page, tmp_path: Path) -> None:
    asked = Decided("Humana", Decision.ASK, "", "Bo", "2026-11-20", "ask the front desk of Lakeside")
    by_hand = Decided("Cigna x", Decision.MAP, "Aetna", "Bo", "2026-11-20")
    machine = Decided("Cigna y", Decision.ASK, "", "desk", "", "no proposal sure enough")
    grid = opened(page, tmp_path, rows=(asked, machine, by_hand))
    go_to(grid, "Humana")
    assert (
        about(grid)
        == "Humana, 300 records: asked by Bo, 2026-11-20. 1: Humana 0.80, the name. Note: ask the front desk of Lakeside."
    )
    grid.press("Shift+F")
    go_to(grid, "Cigna x")
    assert (
        about(grid)
        == "Cigna x, 200 records: Aetna by Bo, 2026-11-20. 1: Cigna 0.96, the name. Marks: unlike the proposal."
    )
    grid.press("f")
    go_to(grid, "Cigna y")
    cells = grid.page.locator(".wb-here [role=gridcell]").all_inner_texts()
    assert cells[7:] == ["desk", "looks like it"]
    grid.press("n")
    assert grid.page.input_value(".wb-ask input") == "no proposal sure enough"


@pytest.mark.parametrize("key", ["b", "k", "q", "x", "m"])
def test_the_cursor_goes_to_the_next_of_its_group_when_the_group_shrinks_or_sorts_elsewhere(
    grid: GridPage, key: str
) -> None:
    go_to(grid, "g:Delta Dental")
    grid.press("ArrowRight", *["ArrowDown"] * 4)
    for after in ("Delta e", "Delta f", "Delta g"):
        if key == "q":
            grid.press("ArrowDown")
        grid.press(key)
        if key == "m":
            grid.page.keyboard.type("Dentical")
            grid.press("Enter")
        assert spelling(grid) == (
            after if key != "q" else {"Delta e": "Delta f", "Delta f": "Delta h", "Delta g": "Delta j"}[after]
        )
    expect(grid.page.locator(".wb-here")).to_be_in_viewport()


def test_the_last_of_a_group_gives_the_cursor_to_the_line_after_it(grid: GridPage) -> None:
    go_to(grid, "Cigna y")
    grid.press("b")
    assert spelling(grid) == "zzz"


def test_a_refused_answer_is_asked_again_and_the_cursor_stays(page: Page, tmp_path: Path) -> None:
    grid = opened(page, tmp_path, choices=("Cigna", "Delta Dental", "Humana"))
    go_to(grid, "g:Delta Dental")
    grid.press("ArrowRight", "ArrowDown", "m")
    here = spelling(grid)
    grid.page.keyboard.type("Humanna")
    grid.press("Enter")
    assert grid.told() == "3 answers are possible here, and this is none of them: Humana, Cigna, Delta Dental"
    assert (grid.page.input_value(".wb-ask input"), spelling(grid), saved(grid)) == ("Humanna", here, {})
    grid.page.keyboard.type("Humana")
    grid.press("Enter")
    assert saved(grid) == {here: ("map", "Humana")}
    here = spelling(grid)
    grid.press("k")
    assert grid.told().startswith("Keep means nothing here")
    assert spelling(grid) == here


def test_an_answer_like_another_is_written_by_a_second_enter(grid: GridPage) -> None:
    go_to(grid, "zzz")
    grid.press("m")
    grid.page.keyboard.type("cigna ")
    grid.press("Enter")
    assert grid.told() == "Cigna is there already. Enter again writes cigna beside it; nothing changed yet."
    assert saved(grid) == {}
    grid.press("Enter")
    assert saved(grid) == {"zzz": ("map", "cigna")}
    assert grid.told() == "1 now cigna, a new value."


def test_a_kernel_that_does_not_answer_is_told_and_nothing_looks_done(grid: GridPage) -> None:
    before = grid.page.locator("[role=treegrid]").inner_text()
    grid.page.evaluate("() => { window.toPython = () => new Promise(() => {}); }")
    grid.press("Enter")
    expect(grid.page.locator("[role=status]")).to_have_text(
        "No answer yet: the kernel is busy, and does it when it can, or it is gone: then run this cell again.",
        timeout=6000,
    )
    assert grid.page.locator("[role=treegrid]").inner_text() == before
    name = grid.page.locator("input[aria-label='Decided by']")
    name.fill("Grace")
    name.press("Enter")
    expect(name).to_have_value("Ana", timeout=6000)


def test_steps_go_back_with_shift_and_a_text_that_no_longer_holds_goes(grid: GridPage) -> None:
    grid.press("Shift+F")
    assert grid.told() == "What is shown: all; 6 lines."
    grid.press("f", "Shift+S")
    assert grid.told().startswith("Order: least sure;")
    grid.press("Space")
    assert grid.told().startswith("Selected: ")
    grid.press("Escape")
    assert grid.told() == ""
    grid.press("e")
    assert grid.told() == "data/rehearsal/decisions/insurance_carrier.csv was read again: nothing changed."
    grid.press("/")
    grid.type("nobody writes this")
    assert (grid.told(), about(grid)) == ("", "")


def test_enter_on_a_selection_takes_what_is_open_and_leaves_what_a_person_decided(page: Page, tmp_path: Path) -> None:
    mine = Decided("Cigna x", Decision.MAP, "Zenith", "Bo", "2026-11-25", "agreed on the phone")
    grid = opened(page, tmp_path, rows=(mine,))
    grid.press("Shift+F", "Control+a", "Enter")
    assert saved(grid)["Humana"] == ("map", "Humana")
    standing = read_value_map(MAP, [grid.grid.decisions.settings.own_decisions]).rows["Cigna x"]
    assert (standing.answer, standing.note) == ("Zenith", "agreed on the phone")


def test_between_slashes_the_filter_is_a_regular_expression(grid: GridPage) -> None:
    grid.press("/")
    grid.type("/^delta [a-c]$/")
    grid.press("Enter")
    assert about(grid).startswith("3 spellings")
    grid.press("/")
    grid.type("/^delta [/")
    assert about(grid) == ""


@pytest.mark.parametrize(
    ("wide", "gone"),
    [(1400, []), (800, ["Why, or note"]), (640, ["By", "Why, or note"]), (480, ["Sure", "By", "Why, or note"])],
)
def test_a_narrow_page_drops_columns_that_the_line_below_tells(grid: GridPage, wide: int, gone: list[str]) -> None:
    grid.press("b")
    grid.page.set_viewport_size({"width": wide, "height": 900})
    heads = grid.page.locator("[role=columnheader]")
    hidden = [one.text_content() for one in heads.all() if not one.is_visible()]
    assert hidden == gone
    view = grid.page.locator("[role=treegrid]")
    assert view.evaluate("(one) => one.scrollWidth - one.clientWidth") <= 20
    found = Axe().run(grid.page, context=".wb-grid").response["violations"]
    assert [one["id"] for one in found if one["impact"] in SERIOUS] == []


@pytest.mark.parametrize(
    ("wide", "gone"), [(1400, ["Marks", "By"]), (800, ["Marks", "By"]), (640, ["By", "Why, or note"])]
)
def test_columns_in_which_nothing_stands_yet_give_their_room_to_the_others(
    grid: GridPage, wide: int, gone: list[str]
) -> None:
    grid.page.set_viewport_size({"width": wide, "height": 900})
    heads = grid.page.locator("[role=columnheader]")
    assert [one.text_content() for one in heads.all() if not one.is_visible()] == gone


def test_what_does_not_fit_is_reached_sideways_by_keys(grid: GridPage) -> None:
    grid.page.set_viewport_size({"width": 320, "height": 900})
    grid.press("Shift+ArrowRight")
    assert grid.page.locator("[role=treegrid]").evaluate("(one) => one.scrollLeft") > 0


def test_a_map_that_is_all_decided_is_folded_among_others(page: Page, tmp_path: Path) -> None:
    (tmp_path / "migration.toml").touch()
    settings = read_settings(tmp_path)
    save_value_map(settings.own_decisions, ValueMap("claim_status", {"Paid": Decided("Paid", Decision.MAP, "Paid")}))
    decided = read_value_map("claim_status", [settings.own_decisions])
    maps = [Asked("claim_status", {"Paid": 3}, decided, True), Asked(MAP, RECORDS, ValueMap(MAP, {}), True)]
    first, second = edit_value_maps(settings, maps, by="Ana").children
    assert (first.is_folded, second.is_folded) == (False, True)
    folder = tmp_path / "page"
    folder.mkdir()
    GridPage(page, second, folder)
    shown = page.locator("[role=treegrid]")
    expect(page.locator("summary").first).to_have_text("claim_status: 1 spelling, all decided")
    expect(shown).to_be_hidden()
    page.locator("summary").first.press("Enter")
    expect(shown).to_be_visible()
