"""The page a practice acts on: one row a record, what is wrong, what to do, who does it; ids and no values."""

import fastexcel
import pytest

from workbench.dental_exec.snapshot import take_snapshot
from workbench.errors import StoreProblem
from workbench.profile.clocks import profile_clocks, profile_zones
from workbench.profile.files import profile_files
from workbench.profile.keys import profile_keys
from workbench.profile.links import profile_orphans, profile_parents
from workbench.profile.people import profile_owners
from workbench.reports.fix_at_source import count_fixes, list_fixes, show_fixes, write_fixes
from workbench.warehouse import open_warehouse

TEXTS = {
    "users": "user_id,email,is_active\nU1,desk@example.com,Y\nU2,,Y\n",
    "companies": "company_id,company_name,parent_company_id,time_zone\nP1,Lakeside,P1,Central\nP2,Hill,,America/Chicago\n",
    "contacts": "contact_id,first_name,company_id,owner_user_id\nC1,Marisol,P9,U2\nc1,Ann,P2,U1\n",
    "cases": "case_id,contact_id\nT1,C7\n",
    "appointments": "appointment_id,company_id,starts_at,status\nA1,P2,2024-03-10 02:30:00,Completed\nA2,P2,next Tues,Completed\n",
    "attachments": "attachment_id,relative_path\nF1,attachments/Marisol.pdf\n",
}
REJECTED = (
    ("contacts.csv", "contacts", 7, 9, "an opening quote is never closed", None),
    ("tasks.csv", "tasks", 4, 4, "its key was damaged by a spreadsheet", '="3.00123E+05"'),
    ("cases.csv", "cases", 5, 5, "the same record again: kept once", "T1"),
    ("contacts.csv", "contacts", 20, 20, "its key names several different records", "C7"),
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("practice")
    (folder / "exports").mkdir()
    for name, text in TEXTS.items():
        (folder / "exports" / f"{name}.csv").write_text(text, "utf-8")
    (folder / "exports" / "attachments").mkdir()
    (folder / "exports" / "attachments" / "Smith.pdf").write_bytes(b"%PDF")
    path = folder / "warehouse.duckdb"
    take_snapshot(folder / "exports", path, time_zone="America/Chicago")
    with open_warehouse(path, write=True) as store:
        store.run("ALTER TABLE raw.rejected ADD COLUMN IF NOT EXISTS source_id VARCHAR")
        for row in REJECTED:
            store.run(
                "INSERT INTO raw.rejected (file, object, first_line, last_line, reason, source_id) VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
    return path


@pytest.fixture(scope="module")
def fixes(warehouse):
    for profile in (profile_keys, profile_orphans, profile_parents, profile_owners, profile_zones, profile_clocks):
        profile(warehouse)
    profile_files(warehouse, warehouse.parent)
    with open_warehouse(warehouse, write=True) as store:
        store.run('CREATE OR REPLACE TABLE profile.unreadable (object VARCHAR, "column" VARCHAR, source_id VARCHAR)')
        store.run(
            "INSERT INTO profile.unreadable VALUES ('cases', 'case_value', 'T1'), ('contacts', 'date_of_birth', 'C1')"
        )
    return list_fixes(warehouse)


def test_each_record_to_fix_is_one_row(fixes):
    assert fixes.drop("fix").rows() == [
        ("Broken quotes", "contacts", None, None, "contacts.csv, lines 7 to 9: an opening quote is never closed", "front desk"),
        ("Damaged keys", "tasks", "3.00123E+05", None, "tasks.csv, line 4: its key was damaged by a spreadsheet", "admin"),
        ("One key, several records", "contacts", "C7", None, "contacts.csv, line 20: its key names several different records", "admin"),
        ("Keys that look alike", "contacts", "C1", None, "differs from c1 only in case", "admin"),
        ("Keys that look alike", "contacts", "c1", None, "differs from C1 only in case", "admin"),
        ("Links to nothing", "cases", "T1", "contact_id", "names contacts C7: rejected at the door", "front desk"),
        ("Links to nothing", "contacts", "C1", "company_id", "names companies P9: nowhere in the export", "front desk"),
        ("Cells that cannot be read", "cases", "T1", "case_value", "its number cannot be read", "billing"),
        ("Cells that cannot be read", "contacts", "C1", "date_of_birth", "its value cannot be read", "front desk"),
        ("Times that do not exist", "appointments", "A1", "starts_at", "in the hour that daylight saving skips", "front desk"),
        ("Time zones", "companies", "P1", "time_zone", "the time zone is: no IANA name", "admin"),
        ("Parents of companies", "companies", "P1", "parent_company_id", "the company is its own parent", "admin"),
        ("Users without an e-mail of their own", "users", "U2", "email", "has no e-mail, and owns 1 records", "admin"),
        ("Files", "attachments", None, "relative_path", "a file that no row names: aaaaaaaaaaa/aaaaa.aaa, 4 bytes", "front desk"),
        ("Files", "attachments", "F1", "relative_path", "a row without its file", "front desk"),
    ]  # fmt: skip
    assert fixes["fix"].null_count() == 0
    assert fixes.filter(fixes["fix"] == "").height == 0


def test_a_link_to_a_rejected_record_is_fixed_by_repairing_that_one(fixes):
    assert fixes.filter(fixes["source_id"] == "T1")["fix"][0] == (
        "Repair the rejected record first; then this link is right"
    )


def test_causes_are_counted_for_whom_they_wait(fixes):
    assert count_fixes(fixes).rows()[:3] == [
        ("Files", "front desk", 2),
        ("Keys that look alike", "admin", 2),
        ("Links to nothing", "front desk", 2),
    ]
    assert count_fixes(fixes)["records"].sum() == fixes.height


def test_the_page_has_a_table_a_cause_and_no_value_of_a_person(fixes):
    shown = show_fixes(fixes)
    assert shown.html.count("<table>") == fixes["cause"].n_unique()
    assert shown.plain.startswith("Broken quotes: 1: 1 row; Damaged keys: 1: 1 row; ")
    assert not any(value in shown.html for value in ("Marisol", "Lakeside", "Smith", "desk@example.com"))


def test_the_workbook_has_a_sheet_a_cause(fixes, tmp_path):
    causes = write_fixes(fixes, tmp_path / "fix_at_source.xlsx")
    book = fastexcel.read_excel(tmp_path / "fix_at_source.xlsx")
    assert book.sheet_names == [cause[:31] for cause in causes]
    sheet = book.load_sheet("Damaged keys", dtypes="string").to_polars()
    assert sheet.columns == ["object", "source_id", "column", "wrong", "fix", "who", "done"]
    assert sheet.select("object", "source_id", "who").rows() == [("tasks", "3.00123E+05", "admin")]


def test_what_was_not_profiled_is_left_out_and_nothing_is_no_table_of_causes(tmp_path):
    (tmp_path / "exports").mkdir()
    for name in ("users", "companies", "contacts", "cases"):
        (tmp_path / "exports" / f"{name}.csv").write_text(TEXTS[name], "utf-8")
    take_snapshot(tmp_path / "exports", tmp_path / "w.duckdb", time_zone="America/Chicago")
    none = list_fixes(tmp_path / "w.duckdb")
    assert none.height == 0
    assert show_fixes(none).plain == "Nothing to fix: 0 rows"
    assert write_fixes(none, tmp_path / "none.xlsx") == []


def test_a_missing_snapshot_names_the_notebook_that_takes_it(tmp_path):
    with pytest.raises(StoreProblem, match=r"10_take_snapshot\.ipynb"):
        list_fixes(tmp_path / "warehouse.duckdb")
