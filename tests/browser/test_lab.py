"""An analyst in JupyterLab decides one spelling in 31_map_carriers and finds it in the CSV; and a run's pages stand alone."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from commands import newest_run, workbench
from playwright.sync_api import Page, expect
from rooms import Practice, make_practice

from workbench.journey.desk import reading
from workbench.journey.jupyter import lab_command, lab_environment
from workbench.mapping.value_map import read_value_map
from workbench.profile.recalls import profile_recalls
from workbench.vocabulary import Decision

pytestmark = pytest.mark.browser
TOKEN = "browser-test"  # of a server that lives for one test
PATIENCE = 60_000


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """A practice with its snapshot taken and its tenant read: everything that the editor asks, and no decision yet."""
    made = make_practice(tmp_path_factory.mktemp("browser"))
    ran = workbench("run", "--to", "snapshot", "--migration", str(made.folder))
    assert ran.returncode == 0, ran.stderr
    profile_recalls(made.settings.warehouse)
    with reading(made.settings):
        pass
    yield made
    made.stop_tenant()


@pytest.fixture
def lab(practice: Practice) -> Iterator[str]:
    """The address of JupyterLab on the migration's notebooks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        *("--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
        *(f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"),
    ]
    log = (practice.folder / "data" / "lab.log").open("wb")
    server = subprocess.Popen(
        lab_command(practice.settings, *options), env=lab_environment(practice.settings), stdout=log, stderr=log
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and server.poll() is None:
            try:
                httpx.get(f"{address}/api/status", headers={"Authorization": f"token {TOKEN}"}, timeout=2)
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def test_a_decision_made_in_lab_is_in_the_csv(practice: Practice, lab: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{lab}/lab/tree/31_map_carriers.ipynb?token={TOKEN}&reset", timeout=PATIENCE)
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.context?.isReady === true", timeout=PATIENCE)
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.ready")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    editor = page.locator(".widget-vbox").first
    expect(editor).to_contain_text("insurance_carrier", timeout=PATIENCE)
    page.screenshot(path=tmp_path / "editor.png")
    assert not practice.mappings.values("insurance_carrier").rows

    answer = editor.get_by_placeholder("answer").first
    answer.fill("Delta Dental of the Test")
    answer.press("Enter")
    expect(editor.get_by_text("saved", exact=True)).to_have_count(1, timeout=PATIENCE)

    [(spelling, row)] = read_value_map("insurance_carrier", [practice.settings.own_decisions]).rows.items()
    assert (row.decision, row.destination_value, row.decided_by) == (
        Decision.MAP,
        "Delta Dental of the Test",
        "analyst",
    )
    editor.locator("select").nth(1).select_option("keep")
    expect(editor.get_by_text("saved", exact=True)).to_have_count(2, timeout=PATIENCE)
    page.set_viewport_size({"width": 1400, "height": 1800})
    page.screenshot(path=tmp_path / "decided.png")

    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-below')")
    rows = read_value_map("insurance_carrier", [practice.settings.own_decisions]).rows
    assert sorted(one.decision for one in rows.values()) == [Decision.KEEP, Decision.MAP]
    assert spelling in rows
    record = newest_run(practice.folder) / "31_map_carriers.json"
    assert json.loads(record.read_text("utf-8"))["notebook"] == "31_map_carriers"


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
