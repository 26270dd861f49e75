"""Checks judge: what staging listed and what expectations found is held, counted, or stops the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from workbench.checks.derived import CheckedMapping
from workbench.checks.evaluation import Counted
from workbench.checks.held import compare_counts, require_all_ran, run_checks
from workbench.checks.judged import Judged
from workbench.checks.results import CheckReport
from workbench.checks.suites import Expectation, read_suites
from workbench.errors import CountMismatch, ExportProblem, MappingProblem, StoreProblem
from workbench.vocabulary import Severity
from workbench.warehouse import open_warehouse

PATIENTS = pl.DataFrame(
    {
        "source_id": ["C1", "C2", "C3"],
        "depth": [0, 0, 0],
        "last_name": ["Lund", None, "Reyes"],
        "email": ["lund@example.com", "no mail", None],
    }
)
PEOPLE = pl.DataFrame({"contact_id": ["C1", "C2", "C3", "C4"], "is_deleted": ["N", "N", "perhaps", "perhaps"]})
PROBLEMS = ["mapping", "source_object", "source_id", "field", "rule", "severity", "message"]
PATIENT = CheckedMapping("patient", "contacts", "staged.patient", required=["last_name"])
EMAIL = ("expect_column_values_to_match_regex", {"column": "email", "regex": "@"})
FILLED = ("expect_column_values_to_not_be_null", {"column": "depth"})
DELETED = ("expect_column_values_to_be_in_set", {"column": "is_deleted", "value_set": ["Y", "N"]})


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True) as warehouse:
        warehouse.write("staged.patient", PATIENTS)
        warehouse.write("profile.read_contacts", PEOPLE)
        noticed = [
            ("patient", "contacts", "C1", "owner_id", "owner", "hold", "the owner's e-mail is no tenant user"),
            ("patient", "contacts", "C1", "mobile_number", "phone", "warn", "is no phone number"),
            ("patient", "contacts", "C2", "last_name", "required", "hold", "is required and empty"),
            ("unclaimed_contacts", "contacts", "C9", "route", "route", "hold", "no route decided"),
        ]
        warehouse.write("staged.problems", pl.DataFrame(noticed, schema=PROBLEMS, orient="row"))
    write_suite(tmp_path, "staged/patient", *FILLED, "stop")
    return tmp_path


def write_suite(folder: Path, title: str, kind: str, kwargs: dict[str, object], severity: str) -> None:
    path = folder / "expectations" / f"{title}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    meta = {"why": "it is planted", "severity": severity, "owner": "admin"}
    meta |= {"form": "an address"} if "regex" in kwargs else {}
    suite = {
        "name": path.stem,
        "meta": {"why": "a test", "key": "contact_id"},
        "expectations": [{"type": kind, "kwargs": kwargs, "meta": meta}],
    }
    path.write_text(json.dumps(suite))


def judge(folder: Path, *mappings: CheckedMapping) -> CheckReport:
    """Judge by SQL alone; tests/checks/test_evaluation.py has both counts."""
    return run_checks(folder / "warehouse.duckdb", folder / "expectations", mappings or [PATIENT], gx_rows=0)


def held(folder: Path) -> list[tuple[str, ...]]:
    with open_warehouse(folder / "warehouse.duckdb") as warehouse:
        return warehouse.run("SELECT mapping, source_id, field, message FROM checked.held ORDER BY ALL")


NOTICED = [
    ("patient", "C1", "owner_id", "the owner's e-mail is no tenant user"),
    ("patient", "C2", "last_name", "is required and empty"),
    ("unclaimed_contacts", "C9", "route", "no route decided"),
]


def test_what_staging_wants_held_is_held_once_even_where_a_check_finds_it_too(practice):
    report = judge(practice)
    assert held(practice) == NOTICED
    assert report.held_by_mapping.rows() == [("patient", 2), ("unclaimed_contacts", 1)]


def test_rows_that_fail_a_check_of_severity_hold_are_held_with_its_reason(practice):
    write_suite(practice, "staged/patient", *EMAIL, "hold")
    judge(practice)
    assert held(practice) == sorted([*NOTICED, ("patient", "C2", "email", "it is planted")])


def test_a_raw_row_that_fails_holds_the_staged_row_made_of_it_and_no_other(practice):
    write_suite(practice, "raw/contacts", *DELETED, "hold")
    judge(practice)
    assert held(practice) == sorted([*NOTICED, ("patient", "C3", "is_deleted", "it is planted")])


def test_rows_that_fail_a_check_of_severity_warn_are_counted_only(practice):
    write_suite(practice, "staged/patient", *EMAIL, "warn")
    report = judge(practice)
    assert held(practice) == NOTICED
    (line,) = report.results.filter(pl.col("source") == "written").rows(named=True)
    assert (line["suite"], line["column_name"], line["evaluated"], line["failed"]) == ("staged/patient", "email", 3, 1)
    assert (line["gx_failed"], line["passed"]) == (None, False)


def test_a_failed_check_of_severity_stop_stops_with_its_count_and_the_way_out(practice):
    write_suite(practice, "staged/patient", *EMAIL, "stop")
    with pytest.raises(MappingProblem) as stopped:
        judge(practice)
    assert str(stopped.value) == (
        "The staging has 1 failed check:\n"
        "  staged/patient expect_column_values_to_match_regex on email: 1 of 3 rows (it is planted)\n"
        "Nothing may be loaded from these rows."
        " Correct the export, the mapping or the suite, and run from the step stage."
    )


def test_a_delivery_that_fails_a_stop_is_the_exports_problem_and_its_results_are_kept(practice):
    write_suite(practice, "raw/contacts", *DELETED, "stop")
    with pytest.raises(ExportProblem, match="2 of 4 rows"):
        judge(practice)
    with open_warehouse(practice / "warehouse.duckdb") as warehouse:
        assert warehouse.run("SELECT failed FROM checked.results WHERE severity = 'stop' AND NOT passed") == [(2,)]


def test_what_staging_noticed_stands_among_the_results(practice):
    lines = judge(practice).results.filter(pl.col("source") == "staging")
    assert lines.select("suite", "type", "column_name", "severity", "evaluated", "failed").rows() == [
        ("staged/patient", "required", "last_name", "hold", 3, 1),
        ("staged/patient", "phone", "mobile_number", "warn", 3, 1),
        ("staged/patient", "owner", "owner_id", "hold", 3, 1),
        ("staged/unclaimed_contacts", "route", "route", "hold", 1, 1),
    ]


def test_findings_leave_out_what_the_held_rows_tell(practice):
    write_suite(practice, "staged/patient", *EMAIL, "warn")
    findings = judge(practice).findings.select("severity", "column_name", "source").rows()
    assert findings == [
        ("hold", "last_name", "derived"),
        ("warn", "email", "written"),
        ("warn", "mobile_number", "staging"),
    ]


def test_the_summary_counts_expectations_and_held_rows(practice):
    write_suite(practice, "staged/patient", *EMAIL, "warn")
    assert judge(practice).summary() == {"evaluated": 4, "passed": 2, "counted_twice": 0, "warned": 2, "held": 3}


def test_a_suite_of_no_mapping_is_refused(practice):
    write_suite(practice, "staged/pateint", *EMAIL, "warn")
    with pytest.raises(MappingProblem, match=r"staged/pateint\.json: there is no mapping 'pateint'"):
        judge(practice)


def test_a_column_that_the_table_lacks_is_refused(practice):
    write_suite(practice, "staged/patient", "expect_column_values_to_not_be_null", {"column": "e_mail"}, "warn")
    with pytest.raises(MappingProblem, match=r"staged/patient: staged\.patient has no column 'e_mail'"):
        judge(practice)


def test_an_expression_that_only_python_reads_is_refused(practice):
    write_suite(practice, "staged/patient", EMAIL[0], {"column": "email", "regex": "(?=x)"}, "warn")
    with pytest.raises(MappingProblem, match=r"expectations/staged/patient\.json: DuckDB cannot evaluate it"):
        judge(practice)


def test_checking_twice_gives_the_same(practice):
    write_suite(practice, "staged/patient", *EMAIL, "hold")
    first, before = judge(practice), held(practice)
    second, after = judge(practice), held(practice)
    assert (first.results.equals(second.results), before) == (True, after)


def test_without_staged_rows_the_notebook_that_makes_them_is_named(tmp_path):
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True):
        pass
    write_suite(tmp_path, "staged/patient", *FILLED, "stop")
    with pytest.raises(StoreProblem, match=r"50_stage\.ipynb"):
        judge(tmp_path)


def test_a_row_of_two_reasons_is_held_for_each_field_once(practice):
    raw = {"name": "contacts", "meta": {"why": "a test", "key": "contact_id"}, "expectations": []}
    for kind, kwargs in (
        DELETED,
        (FILLED[0], {"column": "contact_id"}),
        (EMAIL[0], {"column": "is_deleted", "regex": "^[YN]$"}),
    ):
        meta = {"why": f"{kind} is planted", "severity": "hold", "owner": "admin"}
        meta |= {"form": "Y or N"} if "regex" in kwargs else {}
        raw["expectations"].append({"type": kind, "kwargs": kwargs, "meta": meta})
    write_suite(practice, "raw/contacts", *DELETED, "hold")
    (practice / "expectations" / "raw" / "contacts.json").write_text(json.dumps(raw))
    judge(practice)
    assert [line for line in held(practice) if line[2] == "is_deleted"] == [
        ("patient", "C3", "is_deleted", "expect_column_values_to_be_in_set is planted")
    ]


def test_a_held_row_without_an_id_does_not_keep_others_from_being_held(practice):
    with open_warehouse(practice / "warehouse.duckdb", write=True) as warehouse:
        warehouse.run("INSERT INTO staged.problems VALUES ('patient', 'contacts', NULL, 'email', 'e', 'hold', 'no id')")
    write_suite(practice, "staged/patient", *EMAIL, "hold")
    judge(practice)
    assert ("patient", "C2", "email", "it is planted") in held(practice)


def test_each_expectation_says_what_it_asks_how_it_ran_and_who_acts(practice):
    write_suite(practice, "staged/patient", *EMAIL, "warn")
    told = judge(practice).by_expectation
    assert told.columns == ["suite", "asks", "severity", "failing", "ran", "who_acts", "why"]
    assert [told.rows()[0], told.rows()[-1]] == [
        ("staged/patient", "email, where filled, is an address", "warn", "1 of 3", "SQL", "admin", "it is planted"),
        ("staged/patient", "last_name is filled", "hold", "1 of 3", "SQL", "analyst", "is required and is empty"),
    ]  # fmt: skip


def test_what_folds_on_this_plan_is_told_as_not_asked(practice):
    write_suite(practice, "staged/patient", *EMAIL, "warn")
    report = judge(practice, replace(PATIENT, folded=["email"]))
    (line,) = report.results.filter(pl.col("source") == "written").rows(named=True)
    assert (line["ran"], line["evaluated"], line["passed"]) == ("not asked: folds", 0, None)
    assert (report.summary()["evaluated"], "email" in report.expectations["column_name"]) == (3, False)


def test_a_written_expectation_without_a_result_stops_the_run(practice):
    write_suite(practice, "staged/patient", *EMAIL, "warn")
    with pytest.raises(CountMismatch) as stopped:
        require_all_ran(read_suites(practice / "expectations"), [])
    assert str(stopped.value) == (
        "The result of the checks has 1 problem:\n  staged/patient: 1 written, 0 with a result"
    )


def test_two_counts_that_differ_stop_the_run():
    judged = Judged("staged/patient", "staged.patient", "source_id", (required("last_name"), required("email")), ())
    with pytest.raises(CountMismatch) as stopped:
        compare_counts(judged, 3, [1, 1], [Counted(3, 1), Counted(3, 2)])
    assert str(stopped.value) == (
        "staged/patient has 1 differing count:\n"
        "  expect_column_values_to_not_be_null on email: 1 of 3 rows by SQL, 2 of 3 by Great Expectations"
    )


def required(column: str) -> Expectation:
    return Expectation("expect_column_values_to_not_be_null", {"column": column}, "planted", Severity.HOLD, "admin")
