"""Pages that people sign are usable without eyes: axe-core finds nothing serious in them."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from commands import Journey
from lab_page import SERIOUS
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["index.html", "35_premapping.html", "80_reconcile.html"])
def test_a_page_has_no_serious_barrier(journey: Journey, page: Page, name: str) -> None:
    page.goto((journey.folder / name).as_uri())
    found = Axe().run(page).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS] == []
