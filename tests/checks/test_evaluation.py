"""Great Expectations and SQL count the same rows, type by type; test_shipped_suites.py has the suites."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from workbench.checks.derived import CheckedMapping
from workbench.checks.evaluation import count_failures, registered_types
from workbench.checks.held import run_checks
from workbench.checks.predicates import PREDICATES, failing_sql
from workbench.checks.suites import Expectation, read_suites
from workbench.errors import CountMismatch, MappingProblem
from workbench.vocabulary import Severity
from workbench.warehouse import Warehouse, open_warehouse

PLANTED = pl.DataFrame(
    {
        "id": ["a", "b", "b", None, "e", "f", "g"],
        "mail": ["x@example.com", None, "no mail", "q@example.com", "", "ü@example.com\n", "１２@example.com"],
        "starts": ["2026-01-02", "2026-01-01", None, "2026-01-01", "2026-02-01", "2026-02-01", "2026-03-01"],
        "ends": ["2026-01-03", "2026-01-01", "2026-01-01", None, "2026-01-01", "2026-01-31", "2026-03-01"],
        "amount": ["1", "-4.50", "ten", None, "2", "nan", " 7 "],
        "nothing": [None, None, None, None, None, None, None],
    },
    schema_overrides={"nothing": pl.String},
)
PAIR = {"column_A": "ends", "column_B": "starts", "ignore_row_if": "either_value_is_missing"}
CASES = [
    ("expect_column_values_to_not_be_null", {"column": "id"}, 1),
    ("expect_column_values_to_not_be_null", {"column": "nothing"}, 7),
    ("expect_column_values_to_be_unique", {"column": "id"}, 2),
    ("expect_column_values_to_match_regex", {"column": "mail", "regex": "^[^@ ]+@[a-z.]+$"}, 3),
    ("expect_column_values_to_match_regex", {"column": "mail", "regex": "^[0-9]+@|.m$"}, 3),
    ("expect_column_values_to_match_regex", {"column": "nothing", "regex": "x"}, 0),
    ("expect_column_values_to_not_match_regex", {"column": "mail", "regex": "no|q@"}, 2),
    ("expect_column_values_to_be_in_set", {"column": "id", "value_set": ["a", "b", "it's"]}, 3),
    ("expect_column_values_to_be_in_set", {"column": "amount", "value_set": ["7", "2", "", "TEN"]}, 5),
    ("expect_column_value_lengths_to_be_between", {"column": "mail", "max_value": 13}, 2),
    ("expect_column_value_lengths_to_be_between", {"column": "mail", "min_value": 1, "max_value": 14}, 1),
    ("expect_column_values_to_be_between", {"column": "amount", "min_value": 0}, 3),
    ("expect_column_values_to_be_between", {"column": "amount", "max_value": 1.5}, 4),
    ("expect_column_values_to_be_between", {"column": "amount", "min_value": -5, "max_value": 2}, 3),
    ("expect_column_pair_values_a_to_be_greater_than_b", PAIR | {"or_equal": True}, 2),
    ("expect_column_pair_values_a_to_be_greater_than_b", PAIR, 4),
]


def expected(kind: str, kwargs: dict[str, object]) -> Expectation:
    return Expectation(kind, kwargs, "planted", Severity.HOLD, "admin")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True) as opened:
        opened.write("staged.patient", PLANTED)
        yield opened


def test_every_expectation_type_counts_what_its_predicate_counts(warehouse):
    expectations = [expected(kind, kwargs) for kind, kwargs, _ in CASES]
    by_library = [one.failed for one in count_failures(warehouse, "staged.patient", expectations)]
    by_sql = [
        warehouse.run(f"SELECT count(*) FROM staged.patient WHERE {failing_sql(kind, kwargs, 'staged.patient')}")[0][0]
        for kind, kwargs, _ in CASES
    ]
    assert by_library == by_sql == [failed for _, _, failed in CASES]


def test_every_type_that_a_suite_may_use_is_planted_above_and_known_to_the_library():
    assert set(PREDICATES) == {kind for kind, _, _ in CASES}
    assert set(PREDICATES) <= registered_types()


def test_an_empty_table_has_no_failing_rows(warehouse):
    warehouse.write("staged.empty", PLANTED.clear())
    counted = count_failures(warehouse, "staged.empty", [expected(kind, kwargs) for kind, kwargs, _ in CASES])
    assert {(one.evaluated, one.failed) for one in counted} == {(0, 0)}


def test_an_expectation_that_fails_inside_the_library_is_an_error_without_values(warehouse):
    broken = expected("expect_column_values_to_match_regex", {"column": "mail", "regex": "(?<open"})
    with pytest.raises(CountMismatch) as stopped:
        count_failures(warehouse, "staged.patient", [broken])
    assert str(stopped.value) == (
        "staged.patient: Great Expectations could not evaluate expect_column_values_to_match_regex on mail."
    )


def test_what_the_library_drops_in_silence_is_an_error(warehouse):
    with pytest.raises(CountMismatch, match=r"staged\.patient: Great Expectations took 1 of 2 expectations\."):
        count_failures(
            warehouse,
            "staged.patient",
            [expected(*CASES[0][:2]), expected("expect_column_values_to_be_nice", {"column": "id"})],
        )


def test_a_share_that_may_fail_hides_no_row(warehouse):
    lenient = expected("expect_column_values_to_not_be_null", {"column": "nothing", "mostly": 0.01})
    assert [one.failed for one in count_failures(warehouse, "staged.patient", [lenient])] == [7]


def test_a_column_that_is_not_there_is_an_error_and_no_count(warehouse):
    with pytest.raises(duckdb.BinderException, match="nowhere"):
        count_failures(warehouse, "staged.patient", [expected(CASES[0][0], {"column": "nowhere"})])


def test_a_type_the_library_knows_but_no_predicate_does_is_refused(tmp_path):
    (tmp_path / "staged").mkdir()
    suite = {
        "name": "patient",
        "meta": {"why": "t"},
        "expectations": [
            {
                "type": "expect_column_values_to_be_increasing",
                "kwargs": {"column": "id"},
                "meta": {"why": "w", "severity": "warn", "owner": "admin"},
            }
        ],
    }
    (tmp_path / "staged" / "patient.json").write_text(json.dumps(suite))
    with pytest.raises(MappingProblem, match="expect_column_values_to_be_increasing has no SQL predicate here"):
        read_suites(tmp_path)


def write_suite(folder: Path, kind: str, kwargs: dict[str, object]) -> None:
    (folder / "staged").mkdir(parents=True)
    meta = {"why": "it is planted", "severity": "hold", "owner": "admin"}
    suite = {"name": "patient", "meta": {"why": "t"}, "expectations": [{"type": kind, "kwargs": kwargs, "meta": meta}]}
    (folder / "staged" / "patient.json").write_text(json.dumps(suite))


def test_both_counts_stand_in_the_results_and_values_in_none(tmp_path):
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True) as opened:
        staged = (
            PLANTED.filter(pl.col("id").is_not_null()).unique("id", maintain_order=True).rename({"id": "source_id"})
        )
        opened.write("staged.patient", staged)
        columns = ["mapping", "source_object", "source_id", "field", "rule", "severity", "message"]
        opened.write("staged.problems", pl.DataFrame(schema=dict.fromkeys(columns, pl.String)))
    write_suite(tmp_path / "expectations", "expect_column_values_to_be_between", {"column": "amount", "min_value": 0})
    patient = CheckedMapping("patient", "contacts", "staged.patient", required=["mail"], unique=["starts"])
    report = run_checks(tmp_path / "warehouse.duckdb", tmp_path / "expectations", [patient])
    assert report.results.select("column_name", "source", "evaluated", "failed", "gx_failed").rows() == [
        ("amount", "written", 5, 2, 2),
        ("source_id", "derived", 5, 0, 0),
        ("source_id", "derived", 5, 0, 0),
        ("mail", "derived", 5, 1, 1),
        ("starts", "derived", 5, 2, 2),
    ]
    shown = str(report.results.rows()) + str(report.held.rows())
    values = {value for column in staged.iter_columns() for value in column.to_list() if value and len(value) > 2}
    assert not [value for value in values if value in shown]
