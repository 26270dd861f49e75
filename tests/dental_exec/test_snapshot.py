"""A delivery lands whole, counted and unchanged, or not at all."""

import hashlib
from pathlib import Path

import pytest

from workbench.dental_exec.snapshot import Snapshot, find_snapshot, take_snapshot
from workbench.errors import CountMismatch, ExportProblem
from workbench.warehouse import open_warehouse

USERS = "user_id,login,full_name,email,role,is_active\nU1,mreyes,M R,mreyes@example.com,Dentist,Y\n"
COMPANIES = "company_id,company_name,city,state,zip\nP-1,Lakeside,Salem,OR,97301\n"
CONTACTS = 'contact_id,first_name,last_name,referring_notes\nC1,Ann,Lee,"said ""hi""\nand left"\nC2,Bob,,\n'
CASES = "case_id,contact_id,case_value\nT1,C1,100.00\n"


def deliver(folder: Path, **changed: str | bytes | None) -> Path:
    files = {"users": USERS, "companies": COMPANIES, "contacts": CONTACTS, "cases": CASES, **changed}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        if text is not None:
            (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def land(tmp_path: Path, **asked: str) -> Snapshot:
    return take_snapshot(tmp_path / "exports", tmp_path / "warehouse.duckdb", time_zone="America/Chicago", **asked)


def rows(tmp_path: Path, sql: str) -> list[tuple]:
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        return warehouse.run(sql)


def test_every_record_lands_as_text_with_its_file_and_number(tmp_path):
    deliver(tmp_path / "exports" / "first")
    snapshot = land(tmp_path)
    assert rows(
        tmp_path, "SELECT contact_id, last_name, referring_notes, source_file, source_row FROM raw.contacts"
    ) == [
        ("C1", "Lee", 'said "hi"\nand left', "contacts.csv", 1),
        ("C2", None, None, "contacts.csv", 2),
    ]
    assert rows(tmp_path, "SELECT zip FROM raw.companies") == [("97301",)]
    assert [(t.object, t.counted, t.landed, t.rejected) for t in snapshot.tables] == [
        ("cases", 1, 1, 0),
        ("companies", 1, 1, 0),
        ("contacts", 2, 2, 0),
        ("users", 1, 1, 0),
    ]


def test_an_absent_optional_object_is_an_empty_table_and_an_absent_column_is_empty(tmp_path):
    deliver(tmp_path / "exports" / "first")
    snapshot = land(tmp_path)
    assert rows(tmp_path, "SELECT count(*) FROM raw.notes") == [(0,)]
    assert rows(tmp_path, "SELECT time_zone, is_deleted FROM raw.companies") == [(None, None)]
    assert any(f.startswith("companies.csv: columns of the contract are missing") for f in snapshot.findings)


def test_the_same_bytes_are_the_same_snapshot_and_land_once(tmp_path):
    deliver(tmp_path / "exports" / "first")
    first = land(tmp_path)
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True) as warehouse:
        warehouse.run("CREATE TABLE raw.left_alone AS SELECT 1 AS one")
    assert land(tmp_path) == first
    assert rows(tmp_path, "SELECT * FROM raw.left_alone") == [(1,)]
    deliver(tmp_path / "exports" / "first", cases=CASES.replace("100", "101"))
    assert land(tmp_path).id != first.id


def test_parts_are_joined_by_header_not_by_position(tmp_path):
    deliver(
        tmp_path / "exports" / "first",
        contacts=None,
        contacts_part01="contact_id,last_name\nC1,Lee\n",
        contacts_part02="last_name,contact_id,cf_shoe\nRoe,C2,9\n",
    )
    snapshot = land(tmp_path)
    assert rows(tmp_path, "SELECT contact_id, last_name, cf_shoe, source_file FROM raw.contacts ORDER BY 1") == [
        ("C1", "Lee", None, "contacts_part01.csv"),
        ("C2", "Roe", "9", "contacts_part02.csv"),
    ]
    assert "contacts_part02.csv: columns beyond the contract are kept as custom fields: cf_shoe" in snapshot.findings


def test_equal_records_land_once_and_different_ones_of_a_key_not_at_all(tmp_path):
    text = (
        'contact_id,last_name,referring_notes\nC1,Lee,\nC2,Roe,\nC1,Lee,\nC3,Poe,\nC3,Poe,"two\nlines"\n,Nix,\nC4,Ray\n'
    )
    deliver(tmp_path / "exports" / "first", contacts=text)
    snapshot = land(tmp_path)
    assert rows(tmp_path, "SELECT contact_id, source_row FROM raw.contacts ORDER BY 1") == [("C1", 1), ("C2", 2)]
    assert rows(tmp_path, "SELECT first_line, last_line, reason FROM raw.rejected ORDER BY 1") == [
        (4, 4, "the same record again: kept once"),
        (5, 5, "its key names several different records"),
        (6, 7, "its key names several different records"),
        (8, 8, "its key is blank"),
        (9, 9, "2 values under a header of 3"),
    ]
    assert [(t.counted, t.landed, t.rejected) for t in snapshot.tables if t.object == "contacts"] == [(7, 2, 5)]


def test_rows_after_a_ragged_record_keep_their_number(tmp_path):
    deliver(tmp_path / "exports" / "first", cases="case_id,contact_id\nT1\nT2,C1\nT3\nT4,C1\nT5,C1,x\nT6,C1\n")
    land(tmp_path)
    assert rows(tmp_path, "SELECT case_id, source_row FROM raw.cases") == [("T2", 2), ("T4", 4), ("T6", 6)]


def test_passwords_never_land(tmp_path):
    deliver(tmp_path / "exports" / "first", users="user_id,email,Password_Hash\nU1,a@example.com,abc\n")
    snapshot = land(tmp_path)
    assert "users.csv: refused at the door and not landed: password_hash" in snapshot.findings
    with open_warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        assert "password_hash" not in warehouse.columns("raw.users")


def test_all_problems_of_a_delivery_are_named_at_once(tmp_path):
    deliver(tmp_path / "exports" / "first", users=None, cases="contact_id\nC1\n", contacts=b"contact_id\n\x81\n")
    with pytest.raises(ExportProblem) as raised:
        land(tmp_path)
    assert str(raised.value).splitlines() == [
        "The delivery first has 3 problems:",
        "  cases.csv: the key column case_id is missing",
        "  contacts.csv, byte 11 (line 2) is neither UTF-8 nor cp1252: a byte there has no meaning in either."
        " Export it again as UTF-8 (Excel: CSV UTF-8).",
        "  users.csv is missing; a delivery without users cannot be migrated",
    ]


def test_a_failing_delivery_leaves_the_warehouse_as_it_was(tmp_path):
    manifest(deliver(tmp_path / "exports" / "first"))
    first = land(tmp_path)
    manifest(deliver(tmp_path / "exports" / "second", cases=CASES + "T2,C1,7\n"), at="2026-11-23 02:00:00")
    with pytest.raises(CountMismatch, match=r"cases\.csv: the manifest says 1 rows, 2 were counted"):
        land(tmp_path)
    assert rows(tmp_path, "SELECT snapshot FROM raw.deliveries") == [(first.id,)]
    assert rows(tmp_path, "SELECT count(*) FROM raw.contacts") == [(2,)]
    assert rows(tmp_path, "SELECT count(*) FROM raw.cases") == [(1,)]


def test_an_unclosed_quote_swallows_nothing(tmp_path):
    text = 'case_id,contact_id,cf_teeth\nT1,C1,1\nT2,"C1,2\nT3,C1,"3,4"\nT4,C2,5\n'
    deliver(tmp_path / "exports" / "first", cases=text)
    land(tmp_path)
    assert rows(tmp_path, "SELECT case_id, contact_id, cf_teeth, source_row FROM raw.cases ORDER BY 1") == [
        ("T1", "C1", "1", 1),
        ("T3", "C1", "3,4", 3),
        ("T4", "C2", "5", 4),
    ]
    assert rows(tmp_path, "SELECT file, first_line, last_line, reason, source_row, source_id FROM raw.rejected") == [
        ("cases.csv", 3, 3, "an opening quote is never closed", 2, "T2")
    ]


def test_a_later_step_asks_for_the_snapshot_it_means(tmp_path):
    deliver(tmp_path / "exports" / "first")
    snapshot = land(tmp_path)
    assert find_snapshot(tmp_path / "warehouse.duckdb", snapshot.id) == snapshot
    with pytest.raises(ExportProblem, match=f"holds the snapshot {snapshot.id}, not 0123"):
        find_snapshot(tmp_path / "warehouse.duckdb", "0123")


def manifest(folder: Path, mode: str = "full", rows: int = 2, at: str = "2026-11-20 02:00:00") -> None:
    lines = ["file,object,part,rows,bytes,sha256,encoding,delimiter,exported_at,source_timezone,mode,since"]
    for path in sorted(folder.glob("*.csv")):
        if path.name != "export_manifest.csv":
            sha = hashlib.sha256(path.read_bytes()).hexdigest()
            count = rows if path.stem == "contacts" else 1
            lines.append(
                f'{path.name},{path.stem},1,{count},{path.stat().st_size},{sha},utf-8,",",{at},America/Chicago,{mode},'
            )
    (folder / "export_manifest.csv").write_text("\n".join(lines) + "\n")


def test_the_latest_full_delivery_lands_by_its_time_not_its_name(tmp_path):
    manifest(deliver(tmp_path / "exports" / "a"), at="2026-11-22T02:00:00-06:00")
    manifest(deliver(tmp_path / "exports" / "b"))
    snapshot = land(tmp_path)
    assert (snapshot.delivery, snapshot.exported_at, snapshot.attested) == ("a", "2026-11-22 02:00:00", True)
    assert land(tmp_path, delivery="b").delivery == "b"
    assert land(tmp_path, delivery=snapshot.id).delivery == "a"


def test_a_partial_delivery_lies_over_the_full_one_and_removes_nothing(tmp_path):
    manifest(deliver(tmp_path / "exports" / "a"))
    full = land(tmp_path)
    changed = {"users": None, "companies": None, "cases": None}
    partial = deliver(
        tmp_path / "exports" / "b", **changed, contacts="contact_id,first_name,cf_new\nC2,Rob,x\nC3,Cy,\n"
    )
    (partial / "record_deletions.csv").write_text("object,record_id,deleted_at\ncontacts,C1,2026-11-21\n")
    manifest(partial, mode="delta", at="2026-11-23 02:00:00")
    snapshot = land(tmp_path)
    assert (snapshot.delivery, snapshot.exported_at, snapshot.mode) == ("b", "2026-11-23 02:00:00", "full")
    assert snapshot.id != full.id
    assert rows(
        tmp_path,
        "SELECT contact_id, first_name, last_name, cf_new, source_file, source_row FROM raw.contacts ORDER BY 1",
    ) == [
        ("C1", "Ann", "Lee", None, "a/contacts.csv", 1),
        ("C2", "Rob", None, "x", "b/contacts.csv", 1),
        ("C3", "Cy", None, None, "b/contacts.csv", 2),
    ]
    assert rows(tmp_path, "SELECT object, record_id FROM raw.record_deletions") == [("contacts", "C1")]
    assert rows(tmp_path, "SELECT source_id, change, stamped FROM raw.changes ORDER BY ALL") == [
        ("C2", "changed", False),
        ("C3", "new", None),
        ("contacts.C1", "new", None),
    ]
    assert "Partial deliveries are laid over a, in order: b. They remove nothing." in snapshot.findings
    assert land(tmp_path) == snapshot


def test_a_count_that_differs_from_the_manifest_stops(tmp_path):
    manifest(deliver(tmp_path / "exports" / "a"), rows=3)
    with pytest.raises(CountMismatch, match=r"contacts\.csv: the manifest says 3 rows, 2 were counted"):
        land(tmp_path)


def test_bytes_that_differ_from_the_manifest_are_a_problem(tmp_path):
    manifest(deliver(tmp_path / "exports" / "a"))
    deliver(tmp_path / "exports" / "a", cases=CASES.replace("100", "900"))
    with pytest.raises(ExportProblem, match=r"cases\.csv: its bytes are not those"):
        land(tmp_path)


def test_an_empty_folder_is_said_in_one_sentence(tmp_path):
    (tmp_path / "exports").mkdir()
    with pytest.raises(ExportProblem, match="holds no delivery"):
        land(tmp_path)
    with pytest.raises(ExportProblem, match="There is no folder of exports named 'nowhere'"):
        take_snapshot(tmp_path / "nowhere", tmp_path / "w.duckdb", time_zone="America/Chicago")


def test_a_mark_crlf_and_a_folder_with_brackets_are_read(tmp_path):
    text = b"\xef\xbb\xbfcase_id,contact_id\r\nT1,C1\r\n"
    deliver(tmp_path / "exports" / "day [2]", cases=text)
    land(tmp_path)
    assert rows(tmp_path, "SELECT case_id, contact_id FROM raw.cases") == [("T1", "C1")]
