"""A browser: the distribution's Chromium, offline but for this machine; without it these tests are skipped or fail."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest
from commands import workbench
from lab_page import TOKEN
from playwright.sync_api import Browser, Page, sync_playwright
from rooms import Practice, make_practice

from workbench.journey.desk import reading
from workbench.journey.jupyter import lab_command, lab_environment
from workbench.profile.recalls import profile_recalls

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; WORKBENCH_BROWSER=required makes its absence a failure."""
    if CHROMIUM is None:
        if os.environ.get("WORKBENCH_BROWSER") == "required":
            pytest.fail("WORKBENCH_BROWSER=required, and there is no chromium on the PATH")
        pytest.skip("no chromium on the PATH")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page."""
    context = browser.new_context(viewport={"width": 1400, "height": 1100})
    yield context.new_page()
    context.close()


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
