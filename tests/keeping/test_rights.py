"""What holds patients' values is its owner's alone, whatever the umask says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loaded import Loaded
from rights import open_to_others
from rooms import make_practice

from workbench.journey.rehearsal import start_tenant
from workbench.journey.starter import add_delivery, init_migration
from workbench.ledger.store import open_ledger
from workbench.privacy import private_folder
from workbench.settings import read_settings
from workbench.warehouse import open_warehouse


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_a_run_leaves_nothing_that_others_may_read(tmp_path: Path) -> None:
    practice = make_practice(tmp_path, patients=31, dialect="clean")
    (practice.folder / "data").chmod(0o755)  # as git makes it
    program = "import os, sys; os.umask(0); from workbench.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [
        "run",
        "--to",
        "snapshot",
        "--exports",
        str(tmp_path / "sample" / "exports"),
        "--migration",
        str(practice.folder),
    ]
    try:
        ran = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        found = {path.name for path in (practice.folder / "data").iterdir()}
        assert {"exports", "rehearsal", "runs", "warehouse.duckdb"} <= found
        assert open_to_others(practice.folder) == []
    finally:
        practice.stop_tenant()


def test_a_tenant_started_without_the_command_leaves_nothing_that_others_may_read(tmp_path: Path) -> None:
    practice = make_practice(tmp_path)
    try:
        with umask(0):
            start_tenant(practice.settings)
        assert (practice.settings.target_folder / "tenant.log").is_file()
        assert open_to_others(practice.folder) == []
    finally:
        practice.stop_tenant()


def test_stores_are_their_owners_alone_also_without_the_command(tmp_path: Path) -> None:
    with umask(0):
        (tmp_path / "delivery").mkdir()
        (tmp_path / "delivery" / "contacts.csv").write_text("contact_id\n")
        init_migration(tmp_path / "practice", None)
        settings = read_settings(tmp_path / "practice")
        add_delivery(settings, str(tmp_path / "delivery"))
        ledger = open_ledger(settings.ledger, b"k" * 32)
        with ledger.read(), open_warehouse(settings.warehouse, write=True):
            assert settings.ledger.with_name("ledger.sqlite-wal").exists()
            left = open_to_others(settings.folder)
        ledger.engine.dispose()
    assert left in ([], ["data/warehouse.duckdb.wal: 666"])  # DuckDB's own, inside of a folder that is closed


def test_a_loaded_folder_is_closed(loaded: Loaded) -> None:
    assert (loaded.practice.folder / "data").stat().st_mode & 0o777 == 0o700
    settings = loaded.practice.settings
    tenant = settings.target_folder / "tenant.sqlite"
    assert {path.name: path.stat().st_mode & 0o777 for path in (settings.ledger, settings.warehouse, tenant)} == {
        "ledger.sqlite": 0o600,
        "warehouse.duckdb": 0o600,
        "tenant.sqlite": 0o600,
    }


def test_folders_above_are_closed_too_where_they_are_made(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    with umask(0):
        private_folder(tmp_path / "there" / "a" / "b")
    modes = [(tmp_path / "there" / name).stat().st_mode & 0o777 for name in ("", "a", "a/b")]
    assert modes == [0o755, 0o700, 0o700]
