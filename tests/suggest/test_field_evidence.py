"""What speaks for a field, and what against it: name, values, neighbours, known schemas, and what stays."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.suggest.fields import suggest_fields

HERE = Path(__file__).parent
BENCH = HERE.parent / "bench" / "field_suggesting.py"


def read(name: str) -> list[dict[str, str]]:
    with (HERE / "truth" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


THERE = read("fields_there.csv")


def column(name: str, values: str = "", table: str = "patient") -> dict[str, str]:
    return {"source_object": table, "source_column": name, "sample_values": values}


def best(*columns: dict[str, str]) -> list[str]:
    return [
        made["candidates"][0]["field"] if made["candidates"] else made["kind"]
        for made in suggest_fields(columns, THERE)
    ]


def test_the_labelled_export_passes_its_gates() -> None:
    rows = read("columns_dev.csv")
    made = suggest_fields(rows, THERE)
    wanted = [(row["expected_destination_object"], row["expected_destination_field"]) for row in rows]
    found = [[(one["object"], one["field"]) for one in answer["candidates"]] for answer in made]
    moves = [place for place, (_, field) in enumerate(wanted) if field]
    assert sum(found[place][:1] == [wanted[place]] for place in moves) >= 0.85 * len(moves)
    assert sum(wanted[place] in found[place] for place in moves) >= 0.95 * len(moves)
    auto = [place for place, answer in enumerate(made) if answer["auto"]]
    assert len(auto) >= 0.6 * len(rows)
    assert sum(found[place][0] == wanted[place] for place in auto) >= 0.97 * len(auto)
    stay = [place for place in range(len(rows)) if place not in moves]
    assert sum(not found[place] for place in stay) >= 0.8 * len(stay)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "SSN",
            "Soc. Sec. #",
            "pat_ssn",
            "Guarantor SSN",
            "Password",
            "pwd_hash",
            "web_pin",
            "SecretAnswer",
            "ApiKey",
        ),
        *("Bank Acct #", "RoutingNum", "ABA Number", "CC Num", "CreditCardNumber", "CVV", "Signature", "SigOnFile"),
        *(
            "SigIsTopaz",
            "Drivers License",
            "Passport No",
            "Mothers Maiden Name",
            "Subscriber DOB",
            "Insured Birth Date",
        ),
    ],
)
@pytest.mark.parametrize("table", ["patient", "practice", "case", "user", "widgets"])
def test_a_sensitive_column_is_proposed_to_no_field(name: str, table: str) -> None:
    (made,) = suggest_fields([column(name, table=table)], THERE)
    assert (made["candidates"], made["kind"], made["auto"]) == ([], "left_out", False)
    assert made["reason"]


def test_values_with_the_shape_of_a_secret_keep_a_column_out_whatever_it_is_called() -> None:
    (made,) = suggest_fields([column("Chart #", "123-45-6789|987-65-4321")], THERE)
    assert (made["candidates"], made["kind"]) == ([], "left_out")


def test_a_field_that_cannot_hold_the_values_is_never_proposed() -> None:
    (made,) = suggest_fields([column("Birth Date", "unknown to us|ask")], THERE)
    assert "cf_date_of_birth" not in [one["field"] for one in made["candidates"]]
    (made,) = suggest_fields([column("Account Balance", "2026-01-02|2026-01-03")], THERE)
    assert "cf_balance" not in [one["field"] for one in made["candidates"]]
    assert made["reason"] == "its values do not fit cf_balance (number)" or made["candidates"]


def test_values_decide_between_fields_of_one_name() -> None:
    assert best(column("Title", "Mr.|Mrs.|Dr.")) == ["cf_salutation"]
    assert best(column("Title", "Teacher|Electrician|RN")) == ["job_title"]


def test_values_alone_may_tell_a_field() -> None:
    made = suggest_fields([column("XQ7", "a@example.com|b@example.org"), column("XQ8", "D2740|D6010", "case")], THERE)
    assert [one["candidates"][0]["field"] for one in made] == ["email", "cf_procedure_code"]
    assert not any(one["auto"] for one in made)


def test_marital_statuses_are_no_status_of_a_patient() -> None:
    assert best(column("Status", "Married|Single|Widowed"), column("State", "OR|AZ")) == ["left_out", "state"]


def test_the_second_of_two_ids_gives_way_to_the_first() -> None:
    assert best(column("Patient ID"), column("Chart #")) == ["external_id", "left_out"]
    assert best(column("Chart #"), column("Last Name")) == ["external_id", "last_name"]


def test_a_word_that_all_columns_begin_with_is_no_word_of_a_column() -> None:
    names = ["Cust_First", "Cust_Last", "Cust_City", "Cust_Zip", "Cust_Goes_By"]
    assert best(*map(column, names)) == ["first_name", "last_name", "city", "zipcode", "cf_preferred_name"]


def test_a_table_is_recognised_by_its_columns_and_its_schema_answers() -> None:
    columns = ["AptNum", "PatNum", "AptStatus", "Op", "ProcDescript", "Pattern", "ProvHyg", "Note"]
    made = suggest_fields([column(name, table="appointments") for name in columns], THERE)
    assert [one["candidates"][0]["field"] if one["candidates"] else "" for one in made] == [
        *("external_id", "targetable_id", "outcome_id", "cf_operatory", "title", "", "", "description"),
    ]
    assert "Open Dental's table appointment" in made[0]["reason"] and made[0]["auto"]
    assert made[5]["reason"].endswith("bookkeeping of the source system")


def test_a_few_common_names_recognise_nobody() -> None:
    made = suggest_fields([column(name) for name in ("first_name", "last_name", "city", "state")], THERE)
    assert not any("recognised" in one["reason"] for one in made)


def test_what_the_rules_leave_out_moves_only_where_the_destination_has_a_field_for_it() -> None:
    (ours,) = suggest_fields([column("Member ID")])
    (theirs,) = suggest_fields([column("Member ID")], THERE)
    assert (ours["candidates"], ours["kind"]) == ([], "left_out")
    assert (theirs["candidates"][0]["field"], theirs["auto"]) == ("cf_insurance_member_id", True)


def test_a_tenants_own_field_takes_the_phrases_of_the_one_it_is_called_like() -> None:
    own = [{"destination_object": "contact", "destination_field": "cf_bday", "label": "Date of birth", "type": "date"}]
    (made,) = suggest_fields([column("DOB", "03/14/1981")], own)
    assert (made["candidates"][0]["field"], made["candidates"][0]["transform"]) == ("cf_bday", "day")


def test_each_proposal_names_its_transform() -> None:
    columns = [
        *(column("Cell #", "555-201-3344"), column("Primary Ins", "Aetna"), column("Coordinator", "jhale")),
        *(column("Practice ID", "P-01"), column("PatientID", "1"), column("ADA Code", "D2740", "case")),
    ]
    assert [made["candidates"][0]["transform"] for made in suggest_fields(columns, THERE)] == [
        *(
            "phone",
            "value map insurance_carrier",
            "lookup of owners",
            "lookup by sales_account_id",
            "source_id",
            "ada_codes",
        ),
    ]


def test_the_order_of_columns_and_fields_changes_nothing() -> None:
    rows = [row for row in read("columns_dev.csv") if row["source_object"] in ("patient", "case")]
    forth = {row["source_column"] + row["source_object"]: row for row in suggest_fields(rows, THERE)}
    back = {row["source_column"] + row["source_object"]: row for row in suggest_fields(rows[::-1], THERE[::-1])}
    assert forth == back


def test_the_bench_prints_the_gates_and_every_one_holds() -> None:
    made = subprocess.run([sys.executable, str(BENCH)], capture_output=True, text=True)
    assert (made.returncode, "OUT" in made.stdout) == (0, False), made.stdout[-3000:]


@pytest.mark.parametrize("name", ["Contact by", "pref", "drug use"])
def test_a_column_in_which_everybody_wrote_none_is_read_like_an_empty_one(name: str) -> None:
    assert best(column(name, "None|none|n/a")) == best(column(name))
