"""The pages of a run stand alone: nothing is asked of a network, and no script complains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import newest_run
from playwright.sync_api import Page, expect
from rooms import Practice

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ["index.html", "10_take_snapshot.html"])
def test_a_page_stands_alone(practice: Practice, page: Page, tmp_path: Path, name: str) -> None:
    """No request leaves the page, nothing is missing, and no script complains: it can be mailed as one file."""
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda problem: told.append(str(problem)))
    path = newest_run(practice.folder) / name
    page.goto(path.as_uri())
    expect(page.locator("h1")).to_have_count(1)
    page.screenshot(path=tmp_path / f"{path.stem}.png", full_page=True)
    assert [url for url in asked if url != path.as_uri() and not re.match("data:", url)] == []
    assert told == []
