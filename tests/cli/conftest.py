"""The command line called in process, over a migration folder of a small practice."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rooms import Practice, make_practice, make_ready_to_load

from workbench.cli import main
from workbench.journey.starter import init_migration
from workbench.sample.generation import write_sample


@dataclass(frozen=True)
class Said:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout; one, or this fails."""
        return json.loads(self.out)


Workbench = Callable[..., Said]


@pytest.fixture
def heard() -> list[Said]:
    """All that commands of a test said."""
    return []


@pytest.fixture
def workbench(capsys: pytest.CaptureFixture[str], heard: list[Said]) -> Workbench:
    """Call the command line and return its exit code, stdout and stderr."""

    def call(*words: str | Path) -> Said:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        heard.append(Said(code, *capsys.readouterr()))
        return heard[-1]

    return call


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated practice."""
    folder = tmp_path_factory.mktemp("practice")
    write_sample(folder, patients=5, seed=3)
    return folder


@pytest.fixture
def exports(practice: Path, tmp_path: Path) -> Path:
    """A copy of its deliveries that a test may spoil."""
    [delivery] = [path for path in (practice / "exports").iterdir() if path.is_dir()]
    copied = tmp_path / "exports" / delivery.name
    copied.mkdir(parents=True)
    for path in delivery.glob("*.csv"):
        copied.joinpath(path.name).write_bytes(path.read_bytes())
    copied.joinpath("export_manifest.csv").unlink()  # an honest manifest would name what a test spoils
    return tmp_path / "exports"


@pytest.fixture
def migration(exports: Path, tmp_path: Path) -> Iterator[Path]:
    """A migration folder over those deliveries; a tenant that a command started ends with the test."""
    folder = tmp_path / "migration"
    init_migration(folder, exports)
    yield folder
    known = folder / "data" / "rehearsal" / "tenant.json"
    if known.is_file():
        with suppress(ProcessLookupError):
            os.kill(json.loads(known.read_text())["pid"], signal.SIGTERM)


@pytest.fixture
def set_line(migration: Path) -> Callable[[str, str, str], None]:
    """Replace one text in a file of the migration folder."""

    def replace(file: str, old: str, new: str) -> None:
        path = migration / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), "utf-8")

    return replace


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """A practice that is staged and checked, and nothing written yet; whoever changes it takes a copy."""
    made = make_practice(tmp_path_factory.mktemp("ready"))
    make_ready_to_load(made)
    yield made
    made.stop_tenant()
