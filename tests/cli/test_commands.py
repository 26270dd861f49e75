"""What every command keeps: help, three exit codes, one JSON document on stdout, messages on stderr."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Workbench

COMMANDS = (
    *("init", "sample", "tenant", "rehearse", "run", "suggest", "approve", "forecast", "status"),
    *("rollback", "explain", "verify-log", "doctor", "lab", "purge", "archive"),
)


def test_the_commands_are_the_ones_people_know(workbench: Workbench) -> None:
    listed = workbench("--help").out
    assert [name for name in COMMANDS if not re.search(rf"^    {name}\s", listed, re.MULTILINE)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(workbench: Workbench, command: str) -> None:
    said = workbench(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert "--migration DIR" in said.out
    assert "--json" in said.out


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="no command"),
        pytest.param(["nonsense"], id="unknown command"),
        pytest.param(["status", "--nonsense"], id="unknown option"),
        pytest.param(["run", "--to", "nonsense"], id="unknown step"),
        pytest.param(["run", "--target", "production"], id="unknown target"),
        pytest.param(["suggest"], id="nothing to suggest"),
        pytest.param(["suggest", "--accept-above", "95", "--by", "Ada"], id="percent instead of a share"),
        pytest.param(["suggest", "--accept-above", "0.95"], id="accepted by nobody"),
        pytest.param(["rollback"], id="neither preview nor confirm"),
        pytest.param(["approve"], id="signed by nobody"),
    ],
)
def test_wrong_usage_is_exit_2_and_changes_nothing(
    workbench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = workbench(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1].startswith("workbench")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["purge", "doctor"])
def test_done_is_exit_0_with_one_document(workbench: Workbench, migration: Path, command: str) -> None:
    said = workbench(command, "--migration", migration, "--json")
    assert said.code == 0
    assert isinstance(said.document, dict)


@pytest.mark.parametrize(
    "words", [["status"], ["verify-log"], ["explain", "contacts", "C-1"], ["forecast"]], ids=" ".join
)
def test_stopped_is_exit_1_with_the_reason_on_both_streams(
    workbench: Workbench, migration: Path, words: list[str]
) -> None:
    before = sorted(migration.rglob("*"))
    said = workbench(*words, "--migration", migration, "--json")
    assert said.code == 1
    assert said.document["stopped"] == "StoreProblem"
    assert said.err == f"workbench {words[0]}: {said.document['reason']}\n"
    assert "workbench run" in said.document["reason"]
    assert sorted(migration.rglob("*")) == before


def test_a_command_finds_its_migration_by_walking_up(
    workbench: Workbench, migration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(migration / "mappings" / "objects")
    assert workbench("purge").out == "Would delete (add --confirm): nothing. Ledgers and decisions stay.\n"


def test_a_command_without_a_migration_says_how_to_make_one(workbench: Workbench, tmp_path: Path) -> None:
    said = workbench("status", "--migration", tmp_path)
    assert (said.code, said.out) == (1, "")
    assert "workbench init DIR --exports PATH" in said.err


def test_a_fault_of_ours_tells_its_kind_and_place_but_no_value(workbench: Workbench, migration: Path) -> None:
    (migration / "mappings" / "values" / "contact_route.csv").write_bytes(b"\xff Mary Miller")
    said = workbench("suggest", "--accept-above", "1", "--by", "Ada", "--migration", migration)
    assert said.code == 1
    assert "Mary Miller" not in said.err + said.out


def test_pages_are_printed_of_a_run_alone(workbench: Workbench, migration: Path, tmp_path: Path) -> None:
    said = workbench("status", "--pdf", tmp_path / "paper", "--migration", migration)
    assert (said.code, "There is no page to print for the target rehearsal. Make them with:" in said.err) == (1, True)
    assert not (tmp_path / "paper").exists()


def test_an_archive_is_written_once_and_restored_once(
    workbench: Workbench, migration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ARCHIVE_PASSPHRASE", "six words that were drawn by lot")
    workbench("doctor", "--migration", migration)
    kept, back = tmp_path / "kept.archive", tmp_path / "back"
    said = workbench("archive", "--migration", migration, "--out", kept, "--json")
    assert (said.code, said.document["bytes"]) == (0, kept.stat().st_size)
    again = workbench("archive", "--migration", migration, "--out", kept)
    assert (again.code, again.err) == (1, f"workbench archive: {kept} exists already. Nothing was changed.\n")
    assert workbench("archive", "--restore", kept, "--out", back, "--json").document["files"] == said.document["files"]
    assert (back / "mappings" / "objects" / "patient.toml").is_file() and (
        back / "data/rehearsal/ledger.sqlite"
    ).is_file()
    refused = workbench("archive", "--restore", kept, "--out", back)
    assert (refused.code, "is there already. Name a new folder; nothing was changed." in refused.err) == (1, True)


def test_an_archive_without_a_passphrase_is_refused_before_anything_is_written(
    workbench: Workbench, migration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_ARCHIVE_PASSPHRASE", raising=False)
    said = workbench("archive", "--migration", migration, "--out", tmp_path / "kept.archive", "--json")
    assert (said.code, said.document["stopped"]) == (1, "KeyProblem")
    monkeypatch.setenv("WORKBENCH_ARCHIVE_PASSPHRASE", "too short")
    said = workbench("archive", "--migration", migration, "--out", tmp_path / "kept.archive")
    assert "20 characters or more" in said.err and "too short" not in said.err
    assert not (tmp_path / "kept.archive").exists()


def test_purge_deletes_what_can_be_rebuilt_and_keeps_ledger_and_decisions(
    workbench: Workbench, migration: Path
) -> None:
    data = migration / "data"
    for name in ("runs/one/page.html", "warehouse.duckdb", "rehearsal/ledger.sqlite", "exports/keep.csv"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
    preview = workbench("purge", "--migration", migration, "--json").document
    paths = ["data/warehouse.duckdb", "data/runs"]
    kept = preview.pop("kept")
    assert preview == {"paths": paths, "files": 2, "bytes": 0, "deleted": False}
    assert kept[0] == "data/rehearsal: nothing was written to the tenant yet, so no time runs."
    assert workbench("purge", "--migration", migration, "--confirm").code == 0
    assert sorted(path.name for path in data.iterdir()) == ["exports", "purged", "rehearsal"]
    assert (migration / "mappings").is_dir()
