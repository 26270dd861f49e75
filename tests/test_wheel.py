"""A wheel carries everything a migration needs: it is built, unpacked elsewhere, and begins a migration from there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.sample.generation import write_sample

REPOSITORY = Path(__file__).parent.parent
PARTS = ("notebooks", "mappings", "expectations")
DATA = (".csv", ".toml", ".json", ".j2", ".css", ".typed")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(REPOSITORY))
    [made] = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def run(*words: str, cwd: Path | None = None, path: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path:
        environment["PYTHONPATH"] = str(path)
    made = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr[-2000:]
    return made.stdout


def shipped(folder: Path) -> set[str]:
    """The files of a folder that git would hold, as a wheel names them."""
    return {
        path.relative_to(REPOSITORY).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
    }


def test_it_carries_the_starter_and_every_file_of_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as bundle:
        carried = set(bundle.namelist())
    starter = {f"workbench/starter/{name}" for part in PARTS for name in shipped(REPOSITORY / part)}
    assert starter | {"workbench/starter/migration.toml", "workbench/starter/docs/glossary.md"} <= carried
    source = REPOSITORY / "src"
    data = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.suffix in DATA}
    assert data <= carried


def test_it_carries_nobodys_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as bundle:
        carried = bundle.namelist()
    endings = (".duckdb", ".sqlite", ".jsonl", ".pyc", "key")
    assert [name for name in carried if name.endswith(endings) or "/data/" in name or "checkpoints" in name] == []


def test_a_migration_begins_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "sample", patients=5, seed=3)
    migration = tmp_path / "migration"
    where = run("-c", "import workbench; print(workbench.__file__)", cwd=tmp_path, path=installed)
    assert Path(where.strip()).is_relative_to(installed)
    run(
        *("-m", "workbench.cli", "init", str(migration), "--exports", str(tmp_path / "sample" / "exports")),
        cwd=tmp_path,
        path=installed,
    )
    assert {path.name for path in migration.iterdir()} >= {*PARTS, "migration.toml"}
    run("-m", "workbench.cli", "run", "--to", "snapshot", cwd=migration, path=installed)
    [page] = (migration / "data" / "runs").glob("*/10_take_snapshot.html")
    assert "Records by object" in page.read_text("utf-8")
