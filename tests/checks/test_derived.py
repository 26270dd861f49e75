"""What a mapping states is checked without being written twice."""

from __future__ import annotations

from workbench.checks.derived import CheckedMapping, derive_expectations
from workbench.vocabulary import Severity


def test_a_mapping_states_what_its_rows_must_fulfil():
    mapping = CheckedMapping(
        "treatment_case",
        "cases",
        "staged.treatment_case",
        required=["name"],
        unique=["cf_source_system_id"],
        lengths={"cf_teeth": 256},
        choices={"cf_claim_status": ["Submitted", "Paid", "Paid"], "cf_open": []},
    )
    made = [(one.type.removeprefix("expect_column_"), one.kwargs, one.severity) for one in derive_expectations(mapping)]
    assert made == [
        ("values_to_not_be_null", {"column": "source_id"}, Severity.STOP),
        ("values_to_be_unique", {"column": "source_id"}, Severity.STOP),
        ("values_to_not_be_null", {"column": "name"}, Severity.HOLD),
        ("values_to_be_unique", {"column": "cf_source_system_id"}, Severity.HOLD),
        ("value_lengths_to_be_between", {"column": "cf_teeth", "max_value": 256}, Severity.HOLD),
        ("values_to_be_in_set", {"column": "cf_claim_status", "value_set": ["Paid", "Submitted"]}, Severity.HOLD),
    ]


def test_what_is_derived_says_why_and_where_from():
    mapping = CheckedMapping("note", "notes", "staged.note", lengths={"description": 10_000})
    *_, last = derive_expectations(mapping)
    assert (last.why, last.source) == ("the field takes 10,000 characters at most", "derived")
