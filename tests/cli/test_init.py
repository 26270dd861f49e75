"""`workbench init` makes a migration folder, or changes nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.settings import read_settings

if TYPE_CHECKING:
    from conftest import Workbench


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_the_starter_and_names_the_exports(workbench: Workbench, exports: Path, tmp_path: Path) -> None:
    said = workbench("init", tmp_path / "new", "--exports", exports, "--json")
    assert (said.code, said.err) == (0, "")
    assert said.document == {"migration": str(tmp_path / "new")}
    made = {path.name for path in (tmp_path / "new").iterdir()}
    assert made == {"migration.toml", "mappings", "expectations", "notebooks", "data", ".gitignore"}
    assert read_settings(tmp_path / "new").exports == exports.resolve()
    assert [path.name for path in (tmp_path / "new" / "mappings" / "values").iterdir()] == ["contact_route.csv"]


def test_a_path_with_quotes_is_named_as_it_is(workbench: Workbench, exports: Path, tmp_path: Path) -> None:
    odd = tmp_path / 'Smith\'s "new" exports'
    exports.rename(odd)
    assert workbench("init", tmp_path / "new", "--exports", odd).code == 0
    assert read_settings(tmp_path / "new").exports == odd.resolve()
    tomllib.loads((tmp_path / "new" / "migration.toml").read_text("utf-8"))


def test_without_exports_the_generated_practice_stands_in(workbench: Workbench, tmp_path: Path) -> None:
    assert workbench("init", tmp_path / "new").code == 0
    assert read_settings(tmp_path / "new").is_sample


def test_a_migration_folder_is_never_made_twice(workbench: Workbench, migration: Path, exports: Path) -> None:
    before = files(migration)
    said = workbench("init", migration, "--exports", exports)
    assert (said.code, said.out) == (1, "")
    assert said.err == "workbench init: migration is a migration folder already. Nothing was changed.\n"
    assert files(migration) == before


def test_what_lies_in_a_folder_is_not_overwritten(workbench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "mine" / "mappings").mkdir(parents=True)
    (tmp_path / "mine" / ".gitignore").write_text("my own\n")
    said = workbench("init", tmp_path / "mine")
    assert said.err == "workbench init: mine holds mappings already. Name a new folder. Nothing was changed.\n"
    (tmp_path / "mine" / "mappings").rmdir()
    assert workbench("init", tmp_path / "mine").code == 0
    assert (tmp_path / "mine" / ".gitignore").read_text() == "my own\n"


@pytest.mark.parametrize("kind", ["missing", "empty", "no tables"])
def test_exports_that_hold_no_delivery_are_refused(workbench: Workbench, tmp_path: Path, kind: str) -> None:
    exports = tmp_path / "exports"
    if kind != "missing":
        exports.mkdir()
    if kind == "no tables":
        (exports / "letter.txt").write_text("the export follows")
    said = workbench("init", tmp_path / "new", "--exports", exports)
    assert (said.code, said.out) == (1, "")
    assert said.err.count("\n") == 1
    assert said.err.endswith("Nothing was changed.\n")
    assert not (tmp_path / "new").exists()


def test_an_export_that_nobody_knows_gets_drafts_beside_the_starter(workbench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "patients.csv").write_text("PatNum,LName,FName,HmPhone\n1,Lund,Ann,555-201-3344\n")
    said = workbench("init", tmp_path / "new", "--exports", tmp_path / "exports", "--json")
    drafts = ["mappings/drafts/patients.toml"]
    assert said.document == {"migration": str(tmp_path / "new"), "drafts": drafts}
    assert (tmp_path / "new" / drafts[0]).read_text("utf-8").startswith("# Draft of patients: 4 of 4 columns are sure.")
    assert workbench("doctor", "--migration", tmp_path / "new").err.count("drafts") == 0
