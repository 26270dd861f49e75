"""Where no Chromium prints, a person is told how; what a broken one leaves is no PDF."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.audiences.paper import print_page, print_run
from workbench.errors import RunFailed, SettingsProblem, StoreProblem
from workbench.journey.starter import init_migration
from workbench.ledger.runs import start_run
from workbench.ledger.store import open_ledger
from workbench.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A migration folder whose last run has one page to sign."""
    init_migration(tmp_path / "migration", None)
    made = read_settings(tmp_path / "migration")
    ledger = open_ledger(made.ledger, b"")
    start_run(ledger, "run-1", "rehearsal")
    ledger.engine.dispose()
    (made.runs / "run-1").mkdir(parents=True)
    (made.runs / "run-1" / "sign_off.html").write_text("<h1>Sign-off</h1>")
    return made


def program(folder: Path, text: str) -> Path:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def test_without_a_chromium_one_line_says_how_to_print(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(SettingsProblem) as stopped:
        print_run(settings, ["sign_off", "80_reconcile"], tmp_path / "paper")
    told = str(stopped.value)
    assert told.startswith("There is no Chromium on the PATH (chromium, ") and "\n" not in told
    assert "(Ctrl+P, to a file): sign_off.html in data/runs/run-1. Nothing was written." in told
    assert not (tmp_path / "paper").exists()


def test_where_there_is_no_page_yet_the_command_that_makes_them_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(
        StoreProblem, match=r"no page to print for the target rehearsal\. Make them with: workbench run"
    ):
        print_run(settings, ["80_reconcile"], tmp_path / "paper")


def test_a_chromium_that_prints_nothing_is_told_and_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    broken = program(tmp_path, "exit 3")
    with pytest.raises(RunFailed, match=r"chromium did not print sign_off.html \(exit 3\)\. Open it in a browser"):
        print_page(str(broken), settings.runs / "run-1" / "sign_off.html", tmp_path / "out.pdf")
    assert not list(tmp_path.glob("*.pdf*"))
