"""The pages that people read and sign as PDF, printed by the browser of this machine; without one, how to print them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workbench.audiences.public import NAME
from workbench.errors import RunFailed, SettingsProblem, StoreProblem
from workbench.ledger.audit import note_act
from workbench.ledger.runs import last_run
from workbench.ledger.store import open_ledger
from workbench.privacy import keep_private, private_folder
from workbench.settings import Settings

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
"""What a Chromium is called on the PATH."""
ALONE = (
    *("--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-pdf-header-footer"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--disable-quic", "--proxy-server=127.0.0.1:9", "--proxy-bypass-list=<-loopback>"),
)
"""Without a window, a profile, or a network: whatever asks for one goes to a port where nobody listens."""
PATIENCE = 120
"""Seconds for one page."""


def print_run(settings: Settings, names: Iterable[str], folder: Path) -> dict[str, Any]:
    """Write the pages of the last run that are there of `names`, and the public one, as PDF into a folder."""
    run = None
    if settings.ledger.is_file():
        ledger = open_ledger(settings.ledger, b"")
        run = last_run(ledger)
        ledger.engine.dispose()
    pages = [settings.runs / run.run_id / page for page in (*(f"{one}.html" for one in names), NAME)] if run else []
    there = [page for page in pages if page.is_file()]
    if run is None or not there:
        raise StoreProblem(
            f"There is no page to print for the target {settings.target}. Make them with:"
            f" workbench run --target {settings.target}"
        )
    browser = find_browser()
    if not browser:
        where = there[0].parent.relative_to(settings.folder).as_posix()
        raise SettingsProblem(
            f"There is no Chromium on the PATH ({', '.join(BROWSERS)}). Open the page in any browser and print it there"
            f" (Ctrl+P, to a file): {', '.join(one.name for one in there)} in {where}. Nothing was written."
        )
    if folder.exists() and not folder.is_dir():
        raise SettingsProblem(f"{folder} is no folder. Nothing was written.")
    private_folder(folder)
    note_act(settings, "pages printed", "pages", run=run.run_id, pages=[one.stem for one in there])
    made = [print_page(browser, one, folder / f"{one.stem}.pdf") for one in there]
    text = f"Wrote {len(made)} PDF to {folder}: {', '.join(one.name for one in made)}."
    return {"folder": str(folder), "files": [one.name for one in made], "text": text}


def find_browser() -> str:
    """Return the path of a Chromium, or nothing."""
    return next((found for one in BROWSERS if (found := shutil.which(one))), "")


def print_page(browser: str, page: Path, out: Path) -> Path:
    """Print one page into a PDF, whole or not at all; a browser that hangs is ended."""
    with TemporaryDirectory(prefix="workbench-print-", ignore_cleanup_errors=True) as room:
        made = Path(room, "page.pdf")
        # As root Chromium refuses its own sandbox; the page is ours and holds no script.
        as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [browser, *ALONE, *as_root, f"--user-data-dir={room}/profile", f"--print-to-pdf={made}"]
        try:
            ran = subprocess.run(  # noqa: S603 - the browser found on the PATH, our own page
                [*command, page.resolve().as_uri()], capture_output=True, timeout=PATIENCE, check=False
            )
            told = f"exit {ran.returncode}"
        except (OSError, subprocess.TimeoutExpired) as problem:
            told = type(problem).__name__
        if not made.is_file() or not made.read_bytes().startswith(b"%PDF"):
            raise RunFailed(
                f"{Path(browser).name} did not print {page.name} ({told}). Open it in a browser and print it there."
            )
        beside = out.with_name(f".{out.name}.part")
        shutil.copyfile(made, beside)
        keep_private(beside)
        beside.replace(out)
    return out
