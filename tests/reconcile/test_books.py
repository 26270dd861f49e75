"""What lies beside the page: JSON, CSV, a workbook without formulas, and a statement that runs with no tool of ours."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest
from loaded import Loaded

from workbench.privacy import neutral
from workbench.reconcile.books import write_books
from workbench.reconcile.reconciliation import Reconciliation

Red = tuple[Reconciliation, Path]


@pytest.fixture(scope="module")
def books(changed, tmp_path_factory: pytest.TempPathFactory) -> Red:
    """The books of a red reconciliation."""
    found = changed[1]
    folder = tmp_path_factory.mktemp("books")
    assert [path.name for path in write_books(found, folder)] == [
        *("reconciliation.json", "reconciliation.csv", "reconciliation.xlsx", "conservation.sql"),
    ]
    return found, folder


def test_the_json_holds_verdict_checks_differences_and_conservation(books):
    found, folder = books
    record = json.loads((folder / "reconciliation.json").read_text("utf-8"))
    assert (record["run"], record["reconciled"], record["failed"]) == (found.run_id, False, list(found.failed))
    assert record["checks"] == found.checks.to_dicts()
    assert record["differences"] == found.differences.to_dicts()
    assert record["conservation"] == found.fates.to_dicts()
    assert sum(one["rows"] for one in record["by_cause"]) == found.differences.height
    assert record["differences_left_out"] == 0


def test_the_csv_has_a_row_a_check(books):
    found, folder = books
    with (folder / "reconciliation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["check"] for row in rows] == found.checks["check"].to_list()
    assert {row["run"] for row in rows} == {found.run_id}
    assert [row["status"] for row in rows] == found.checks["status"].to_list()


def test_the_workbook_has_a_sheet_a_question_of_the_signer(books):
    found, folder = books
    path = folder / "reconciliation.xlsx"
    sheets = pl.read_excel(path, sheet_id=0, infer_schema_length=0)
    assert list(sheets) == [
        *("verdict", "checks", "not checked", "differences", "changed by people", "rewritten by rules"),
        *("conservation", "money", "counts", "fields", "left out on purpose", "deferred", "readings"),
    ]
    assert sheets["differences"].height == found.differences.height
    assert sheets["conservation"]["mapping"].to_list() == found.fates["mapping"].to_list()


def test_no_value_of_a_patient_stands_in_a_book(books, loaded):
    text = "".join(path.read_text("utf-8") for path in books[1].iterdir() if path.suffix != ".xlsx")
    sheets = pl.read_excel(books[1] / "reconciliation.xlsx", sheet_id=0, infer_schema_length=0)
    text += "".join(frame.write_csv() for frame in sheets.values())
    people = loaded.records("contacts")
    values = [one["email"] for one in people] + [one["mobile_number"] for one in people]
    values += [one["custom_field"].get("cf_date_of_birth") for one in people]
    assert len(values) > 100
    assert [one for one in values if one and str(one) in text] == []


def test_anybody_can_run_the_statement_over_the_warehouse_alone(books, loaded: Loaded):
    found, folder = books
    with duckdb.connect(str(loaded.practice.settings.warehouse), read_only=True) as plain:
        rows = plain.execute((folder / "conservation.sql").read_text("utf-8")).fetchall()
    assert rows == found.fates.rows()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("-1,204.50", "-1,204.50"),
        ("+1 555", "'+1 555"),
        ("C-1042", "C-1042"),
    ],
)
def test_no_cell_of_the_csv_is_a_formula(text, kept):
    assert neutral(text) == kept


def test_an_id_that_looks_like_a_formula_stays_text(books, tmp_path):
    checks = books[0].checks.with_columns(pl.lit("=1+1").alias("ids"))
    write_books(replace(books[0], checks=checks), tmp_path)
    assert "'=1+1" in (tmp_path / "reconciliation.csv").read_text("utf-8")
    assert pl.read_excel(tmp_path / "reconciliation.xlsx", sheet_name="checks")["ids"].unique().to_list() == ["=1+1"]
