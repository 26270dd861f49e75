"""A browser that closes in the midst of a load ends nothing: the kernel goes on, and the page opened anew shows what is true."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from commands import newest_run
from lab_page import PATIENCE, LabPage
from loaded import KEY
from playwright.sync_api import Browser, Page, expect
from rooms import Practice, make_practice, make_ready_to_load
from truth import Tenant

from workbench.ledger.operations import OPEN

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """A practice ready to load, with a sample of some hundred writes."""
    made = make_practice(tmp_path_factory.mktemp("closed"), patients=60)
    make_ready_to_load(made)
    yield made
    made.stop_tenant()


def operations(practice: Practice) -> Counter[str]:
    """Count the ledger's operations by state."""
    if not practice.settings.ledger.is_file():
        return Counter()
    with closing(sqlite3.connect(f"file:{practice.settings.ledger}?mode=ro", uri=True)) as ledger:
        return Counter(dict(ledger.execute("SELECT state, count(*) FROM operations GROUP BY state").fetchall()))


def wait_for(seen: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE / 1000
    while not seen() and time.monotonic() < until:
        time.sleep(0.01)
    assert seen()


def test_a_load_goes_on_without_its_page_and_tells_the_truth_to_the_next(
    practice: Practice, lab: str, browser: Browser, page: Page
) -> None:
    session = LabPage(page, lab)
    session.open("70_sample")
    session.run_all()
    wait_for(lambda: operations(practice)["applied"])
    page.context.close()
    midway = operations(practice)["applied"]
    wait_for(lambda: list(practice.settings.runs.glob("*/70_sample.json")))
    written = operations(practice)
    assert not {*OPEN} & {*written}
    assert 0 < midway < written["applied"], "the page was closed before or after the load, not in its midst"
    record = json.loads((newest_run(practice.folder) / "70_sample.json").read_text())

    again = browser.new_context(viewport={"width": 1400, "height": 1100}).new_page()
    session = LabPage(again, lab)
    session.open("70_sample")
    session.run_all()
    told = f"{record['drawn']:,} records drawn, 0 written now; 0 of their fields differ from what Freshsales holds."
    expect(again.get_by_text(told)).to_be_visible(timeout=PATIENCE)
    again.context.close()
    assert operations(practice) == written
    people = [one["custom_field"][KEY] for one in Tenant(practice.base_url).state["contacts"]]
    assert len(people) == len(set(people)) > 10
