"""A later delivery is held against the last one: columns, records, and whether it can be true at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.dental_exec.drift import column_drift
from workbench.dental_exec.snapshot import Snapshot, take_snapshot
from workbench.errors import ExportProblem
from workbench.warehouse import open_warehouse


def table(name: str, columns: str, rows: list[str]) -> tuple[str, str]:
    return f"{name}.csv", "\n".join([columns, *rows]) + "\n"


def deliver(tmp_path: Path, name: str, **changed: tuple[str, list[str]]) -> Path:
    tables = {
        "users": ("user_id,login", [f"U{n},l{n}" for n in range(10)]),
        "companies": ("company_id,company_name", [f"P-{n},n{n}" for n in range(10)]),
        "contacts": ("contact_id,last_name,modified_at", [f"C{n},Lee{n},2026-11-01" for n in range(600)]),
        "cases": ("case_id,contact_id", ["T1,C1"]),
        **changed,
    }
    folder = tmp_path / "exports" / name
    folder.mkdir(parents=True)
    for one, (columns, rows) in tables.items():
        (folder / f"{one}.csv").write_text("\n".join([columns, *rows]) + "\n")
    return folder


def land(tmp_path: Path, **asked: object) -> Snapshot:
    return take_snapshot(tmp_path / "exports", tmp_path / "warehouse.duckdb", time_zone="America/Chicago", **asked)


def rows(tmp_path: Path, sql: str) -> list[tuple]:
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        return warehouse.run(sql)


def contacts(count: int, start: int = 0, stamp: str = "2026-11-01", name: str = "Lee") -> tuple[str, list[str]]:
    return "contact_id,last_name,modified_at", [f"C{n},{name}{n},{stamp}" for n in range(start, start + count)]


def test_what_changed_between_two_snapshots_is_listed_by_id(tmp_path):
    deliver(tmp_path, "a")
    land(tmp_path)
    assert rows(tmp_path, "SELECT count(*) FROM raw.changes") == [(0,)]
    columns, lines = contacts(600)
    lines[0] = "C0,Other,2026-11-01"
    lines[1] = "C1,Other,2026-11-20"
    lines[2] = "C2,Lee2,2026-11-20"  # stamped, and not changed
    deliver(tmp_path, "b", contacts=(columns, [*lines[:-1], "C900,New,2026-11-20"]))
    land(tmp_path)
    assert rows(tmp_path, "SELECT object, source_id, change, stamped FROM raw.changes ORDER BY 2") == [
        ("contacts", "C0", "changed", False),
        ("contacts", "C1", "changed", True),
        ("contacts", "C599", "removed", None),
        ("contacts", "C900", "new", None),
    ]
    assert [
        one
        for one in rows(tmp_path, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'")
        if one[0].startswith("last_")
    ] == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        pytest.param({"contacts": contacts(500)}, "contacts: 100 of 600 records are gone", id="a short export"),
        pytest.param({"cases": ("case_id,contact_id", [])}, "cases: all 1 records are gone", id="an emptied object"),
        pytest.param(
            {"contacts": contacts(600, name="Roe")}, "contacts: 600 of 600 records changed", id="a shifted column"
        ),
    ],
)
def test_a_mass_change_stops_until_a_person_accepts_it(tmp_path, changed, problem):
    deliver(tmp_path, "a")
    first = land(tmp_path)
    deliver(tmp_path, "b", **changed)
    with pytest.raises(ExportProblem) as raised:
        land(tmp_path)
    told = str(raised.value)
    assert problem in told
    wanted = told.split("add ")[1].split(" to ", maxsplit=1)[0]
    assert told.endswith(f"If this is right, add {wanted} to mappings/values/mass_change.csv (decision keep)")
    assert rows(tmp_path, "SELECT snapshot FROM raw.deliveries") == [(first.id,)]
    assert rows(tmp_path, "SELECT count(*) FROM raw.contacts") == [(600,)]
    assert land(tmp_path, accepted=[wanted]).delivery == "b"


def test_a_delivery_of_another_practice_is_refused(tmp_path):
    deliver(tmp_path, "a")
    first = land(tmp_path)
    deliver(
        tmp_path,
        "b",
        users=("user_id,login", [f"X{n},l" for n in range(9)] + ["U1,l1"]),
        companies=("company_id,company_name", ["Q-1,n"]),
    )
    with pytest.raises(
        ExportProblem,
        match=r"delivery of another practice: only 1 of 10 users, 0 of 10 companies of the standing snapshot \(a\)",
    ):
        land(tmp_path)
    assert rows(tmp_path, "SELECT snapshot FROM raw.deliveries") == [(first.id,)]


def test_columns_are_held_against_the_contract_and_the_last_snapshot(tmp_path):
    first = "contact_id,last_name,phone_mobile,cf_shoe,referral_source"
    deliver(tmp_path, "a", contacts=(first, [f"C{n},Lee,503-555-01{n:02},9,web{n}" for n in range(30)]))
    land(tmp_path)
    assert ("contacts", "cf_shoe", "new", "contract", None, None) in column_drift(tmp_path / "warehouse.duckdb").rows()
    later = "contact_id,surname,cell_phone,cf_shoe,how_found"
    deliver(tmp_path, "b", contacts=(later, [f"C{n},Lee,503-555-01{n:02},9,web{n}" for n in range(30)]))
    land(tmp_path)
    drift = [row for row in column_drift(tmp_path / "warehouse.duckdb").rows() if row[3] == "last snapshot"]
    assert drift == [
        ("contacts", "cell_phone", "new", "last snapshot", "phone_mobile", 1.0),
        ("contacts", "how_found", "new", "last snapshot", "referral_source", 1.0),
        ("contacts", "last_name", "missing", "last snapshot", "surname", 1.0),
        ("contacts", "phone_mobile", "missing", "last snapshot", "cell_phone", 1.0),
        ("contacts", "referral_source", "missing", "last snapshot", "how_found", 1.0),
        ("contacts", "surname", "new", "last snapshot", "last_name", 1.0),
    ]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from workbench.dental_exec.snapshot import take_snapshot
from workbench.errors import StoreProblem
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
try:
    take_snapshot(Path(sys.argv[1]), Path(sys.argv[2]), time_zone="America/Chicago")
except StoreProblem as problem:
    print(problem)
"""


def test_a_full_disk_is_one_sentence_and_the_last_snapshot_stands(tmp_path):
    deliver(tmp_path, "a")
    first = land(tmp_path)
    notes = ("note_id,body", [f"N{n},{hash(n) ** 3 % 10**16}{n * 7919 % 10**9}{'é' * (n % 7)}" for n in range(120_000)])
    deliver(tmp_path, "b", notes=notes)
    command = [sys.executable, "-c", FULL_DISK, tmp_path / "exports", tmp_path / "warehouse.duckdb"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.stdout.startswith("The disk is full (or a file may not grow): the delivery was not landed"), said.stderr
    assert rows(tmp_path, "SELECT snapshot FROM raw.deliveries") == [(first.id,)]
    assert rows(tmp_path, "SELECT count(*) FROM raw.contacts") == [(600,)]
    assert list((tmp_path / "unpacked").iterdir()) == []
