"""Bad input gets one clear error and changes nothing."""

from __future__ import annotations

import csv
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from canaries import canaries_of, scan, told

if TYPE_CHECKING:
    from conftest import Said, Workbench

SetLine = Callable[[str, str, str], None]


def decisions(migration: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in migration.rglob("*")
        if path.is_file() and "data" not in path.relative_to(migration).parts
    }


def take_snapshot(workbench: Workbench, migration: Path) -> Said:
    """Run the first step and hold that nothing landed and no decision moved."""
    before = decisions(migration)
    said = workbench("run", "--to", "snapshot", "--migration", migration, "--json")
    assert said.code == 1
    assert not (migration / "data" / "warehouse.duckdb").exists()
    assert decisions(migration) == before
    return said


def read_mappings(workbench: Workbench, migration: Path) -> Said:
    """Ask for proposals, which reads every decision file first."""
    before = decisions(migration)
    said = workbench("suggest", "--accept-above", "0.95", "--by", "Ada", "--migration", migration, "--json")
    assert said.code == 1
    assert decisions(migration) == before
    return said


def only_delivery(exports: Path) -> Path:
    [delivery] = exports.iterdir()
    return delivery


@pytest.fixture(autouse=True)
def nothing_of_a_patient_is_told(exports: Path, migration: Path, heard: list[Said]) -> Iterator[None]:
    """Hold after every bad input that no answer and no file that it left holds a value of a patient."""
    with (only_delivery(exports) / "contacts.csv").open(encoding="utf-8-sig", newline="") as file:
        canaries = [one for row in csv.DictReader(file) for one in canaries_of(row)]
    assert len(canaries) > 20
    yield
    assert scan(migration, canaries) == []
    assert [one for said in heard for text in (said.out, said.err) for one in told(text, canaries)] == []


def test_an_export_without_contacts_is_refused_by_name(workbench: Workbench, migration: Path, exports: Path) -> None:
    (only_delivery(exports) / "contacts.csv").unlink()
    said = take_snapshot(workbench, migration)
    assert said.document["stopped"] == "ExportProblem"
    assert "contacts" in said.document["reason"]


def test_an_export_without_its_key_column_is_refused_by_name(
    workbench: Workbench, migration: Path, exports: Path
) -> None:
    path = only_delivery(exports) / "contacts.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(row[1:] for row in rows)
    said = take_snapshot(workbench, migration)
    assert said.document["stopped"] == "ExportProblem"
    assert "contact_id" in said.document["reason"]


def test_a_table_whose_first_line_is_a_patient_is_refused_without_telling_it(
    workbench: Workbench, migration: Path, exports: Path
) -> None:
    path = only_delivery(exports) / "contacts.csv"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    assert take_snapshot(workbench, migration).document["stopped"] == "ExportProblem"


def test_a_folder_of_exports_that_was_emptied_is_named(workbench: Workbench, migration: Path, exports: Path) -> None:
    shutil.rmtree(only_delivery(exports))
    said = take_snapshot(workbench, migration)
    assert said.document["reason"] == (
        "The folder 'exports' holds no delivery: no CSV files, no workbook, no zip, no folder with them."
    )


def test_exports_added_from_nowhere_change_nothing(workbench: Workbench, migration: Path, tmp_path: Path) -> None:
    before = sorted(migration.rglob("*"))
    said = workbench("run", "--exports", tmp_path / "nowhere", "--migration", migration)
    assert (said.code, said.out) == (1, "")
    assert said.err == f"workbench run: There are no exports at {tmp_path / 'nowhere'}. Nothing was changed.\n"
    assert sorted(migration.rglob("*")) == before


def test_an_unknown_mapping_key_is_named_with_its_neighbour(
    workbench: Workbench, migration: Path, set_line: SetLine
) -> None:
    set_line("mappings/objects/practice.toml", 'website = { from = "website", via', 'website = { from = "website", vai')
    reason = read_mappings(workbench, migration).document["reason"]
    assert "mappings/objects/practice.toml" in reason
    assert "vai" in reason


def test_a_destination_field_that_stands_twice_is_named(
    workbench: Workbench, migration: Path, set_line: SetLine
) -> None:
    line = 'website = { from = "website", via = "website" }'
    set_line("mappings/objects/practice.toml", line, f"{line}\n{line}")
    said = read_mappings(workbench, migration)
    assert said.document["stopped"] == "MappingProblem"
    assert "mappings/objects/practice.toml" in said.document["reason"]
    assert "a destination field stands twice" in said.document["reason"]


def test_problems_of_two_files_are_told_at_once(workbench: Workbench, migration: Path, set_line: SetLine) -> None:
    set_line("mappings/objects/practice.toml", 'via = "website"', 'via = "web"')
    set_line("mappings/objects/patient.toml", 'via = "phone_list"', 'via = "phones"')
    reason = read_mappings(workbench, migration).document["reason"]
    assert "practice.toml" in reason
    assert "patient.toml" in reason


def test_an_unknown_settings_key_is_named_with_its_neighbour(
    workbench: Workbench, migration: Path, set_line: SetLine
) -> None:
    set_line("migration.toml", "users = 8", "user = 8")
    said = workbench("status", "--migration", migration, "--json")
    assert said.code == 1
    assert said.document == {
        "stopped": "SettingsProblem",
        "reason": "migration.toml has 1 problem:\n  [freshsales] user: no such key; did you mean 'users'?",
    }
    assert not (migration / "data" / "rehearsal").exists()


def test_steps_in_the_wrong_order_start_no_run(workbench: Workbench, migration: Path) -> None:
    said = workbench("run", "--from", "load", "--to", "stage", "--migration", migration)
    assert said.code == 1
    assert said.err == "workbench run: The step load comes after stage.\n"
    assert list((migration / "data").iterdir()) == []


def test_a_tenant_that_nobody_serves_is_told_by_its_address(
    workbench: Workbench, migration: Path, set_line: SetLine
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/crm/sales/api"
    set_line("migration.toml", 'base_url = ""               # empty', f'base_url = "{address}"  # not empty')
    said = workbench("doctor", "--migration", migration, "--json")
    [tenant] = [one for one in said.document["findings"] if one["name"] == "tenant"]
    assert (said.code, tenant["ok"]) == (1, False)
    assert "127.0.0.1" in tenant["text"]


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[str]:
    """The base URL of a tenant that only knows the rehearsal keys."""
    state = tmp_path / "tenant"
    words = [sys.executable, "-m", "workbench.tenant", "--state", str(state), "--idle", "60"]
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if (state / "tenant.json").is_file():
                url = str(json.loads((state / "tenant.json").read_text())["base_url"])
                try:
                    httpx.get(url, timeout=2)
                    break
                except httpx.HTTPError:
                    pass
            time.sleep(0.05)
        yield url
    finally:
        child.terminate()
        child.wait(10)


def test_a_wrong_key_is_told_without_the_key(
    workbench: Workbench, migration: Path, set_line: SetLine, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_line("migration.toml", 'base_url = ""               # https', f'base_url = "{tenant}"  # https')
    monkeypatch.setenv("FRESHSALES_API_KEY", "not-the-key-of-this-tenant")
    monkeypatch.setenv("WORKBENCH_KEY", "an-image-key")
    said = workbench("doctor", "--migration", migration, "--target", "freshsales")
    assert said.code == 1
    assert "STOP tenant: " in said.out
    assert "key" in said.out.split("STOP tenant: ")[1]
    assert "not-the-key-of-this-tenant" not in said.out + said.err
    assert "an-image-key" not in said.out + said.err


@pytest.mark.parametrize(
    ("missing", "there"), [("FRESHSALES_API_KEY", "WORKBENCH_KEY"), ("WORKBENCH_KEY", "FRESHSALES_API_KEY")]
)
def test_a_real_target_without_a_key_stops_before_anything(
    workbench: Workbench, migration: Path, monkeypatch: pytest.MonkeyPatch, missing: str, there: str
) -> None:
    monkeypatch.delenv(missing, raising=False)
    monkeypatch.setenv(there, "a-key")
    said = workbench("run", "--target", "freshsales", "--migration", migration)
    assert (said.code, said.out) == (1, "")
    assert f"{missing} is not set" in said.err
    assert not (migration / "data" / "freshsales").exists()
