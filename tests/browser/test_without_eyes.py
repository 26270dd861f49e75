"""Pages that people sign are usable without eyes, in light and in the dark, by mail and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from commands import Journey
from playwright.sync_api import Browser, Page

from workbench.journey.steps import READ_FOR

pytestmark = pytest.mark.browser
HEAVIEST = 2_000_000
"""Bytes of a page: a mail takes it."""
SIZES = {"desktop": (1400, 1100), "phone": (390, 844)}
SHEETS = {"table:not(figure.wide table)": 710, "figure.wide table": 965}
"""Points of a screen within the margins of a sheet of letter paper, upright, and across for tables of many columns."""


@pytest.fixture(scope="module")
def pages(journey: Journey) -> list[Path]:
    found = sorted(journey.folder.glob("**/*.html"))
    assert {"index", "public", *READ_FOR} <= {path.stem for path in found}
    review = [path for path in found if path.parent.name == "review"]
    # Reviewers' pages are alike: the one that lists them, and the largest with records.
    kept = {journey.folder / "review" / "70_sample.html", max(review, key=lambda path: path.stat().st_size)}
    return [path for path in found if path not in review or path in kept]


@pytest.fixture(params=["light", "dark"])
def offline(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page without a network, in daylight and at night."""
    context = browser.new_context(offline=True, color_scheme=request.param)
    yield context.new_page()
    context.close()


def test_no_page_has_a_barrier_of_any_impact(pages: list[Path], offline: Page) -> None:
    found = []
    for path in pages:
        offline.goto(path.as_uri())
        violations = Axe().run(offline).response["violations"]
        found += [f"{path.name}: {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]}" for one in violations]
    assert found == []


def test_every_page_is_whole_without_a_network(pages: list[Path], offline: Page) -> None:
    """No request leaves a page, no script complains, and none is too heavy to be mailed."""
    asked: list[str] = []
    told: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    offline.on("console", lambda message: told.append(message.text))
    offline.on("pageerror", lambda problem: told.append(str(problem)))
    for path in pages:
        offline.goto(path.as_uri())
    assert asked == [path.as_uri() for path in pages]
    assert told == []
    assert {path.name: path.stat().st_size for path in pages if path.stat().st_size >= HEAVIEST} == {}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_no_page_is_wider_than_its_screen(pages: list[Path], page: Page, size: tuple[int, int]) -> None:
    """Wide tables move inside their own frame, so a finger moves the page in one direction only."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    wide = {}
    for path in pages:
        page.goto(path.as_uri())
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size[0]:
            wide[path.name] = width
    assert wide == {}


@pytest.mark.parametrize(("tables", "width"), SHEETS.items(), ids=["upright", "across"])
def test_no_table_is_wider_than_its_sheet(pages: list[Path], page: Page, tables: str, width: int) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": width, "height": 1100})
    cut, seen = {}, 0
    for path in pages:
        page.goto(path.as_uri())
        widths = page.eval_on_selector_all(tables, "found => found.map(one => one.offsetWidth)")
        seen += len(widths)
        if max(widths, default=0) > width:
            cut[path.name] = max(widths)
    assert (cut, seen > 3) == ({}, True)


def test_every_link_between_pages_leads_somewhere(pages: list[Path], page: Page) -> None:
    lost = {}
    for path in pages:
        page.goto(path.as_uri())
        links = page.eval_on_selector_all("a[href]", "found => found.map(one => one.getAttribute('href'))")
        lost |= {f"{path.name}: {one}": one for one in links if one[0] != "#" and not (path.parent / one).is_file()}
        assert links or path.name == "public.html", path.name  # that one is handed out alone
    assert lost == {}
