"""Headers that nobody has seen: terse runs, sheets in plain words, several tables in one file, and what the values tell."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from workbench.suggest.fields import suggest_fields

with (Path(__file__).parent / "truth" / "fields_there.csv").open(encoding="utf-8", newline="") as file:
    THERE = list(csv.DictReader(file))


def column(name: str, values: str = "", table: str = "patient") -> dict[str, str]:
    return {"source_object": table, "source_column": name, "sample_values": values}


def found(*columns: dict[str, str]) -> list[list[str]]:
    return [[one["field"] for one in made["candidates"]] for made in suggest_fields(columns, THERE)]


def only(made: dict[str, str]) -> dict[str, Any]:
    return suggest_fields([made], THERE)[0]


def test_each_of_two_tables_under_one_name_fills_its_own_fields() -> None:
    first = [column(name) for name in ("PatNum", "Last Name", "Cell Phone", "Home Town")]
    between = [column(name, table="note") for name in ("Note Text", "Entered By", "About", "Entered On")]
    second = [column(name) for name in ("pt_code", "pt_surname", "pt_best_phone", "pt_town")]
    made = found(*first, *between, *second)
    assert [one[0] for one in made[:4]] == ["external_id", "last_name", "mobile_number", "city"]
    assert [one[0] for one in made[8:]] == ["external_id", "last_name", "mobile_number", "city"]


def test_within_one_table_a_field_is_still_filled_once() -> None:
    names = ("Cell Phone", "Best Phone", "Last Name", "Home Town")
    assert found(*map(column, names))[1] == []


def test_a_doubtful_phrase_that_gives_way_stays_low_where_it_has_values() -> None:
    values = "555-410-7000|555-410-7001"
    made = suggest_fields(
        [
            column("Cell Phone", values),
            column("Best Phone", values),
            column("Last Name", "Ng|Roe"),
            column("Town", "Bend"),
        ],
        THERE,
    )
    (best,) = [one for one in made[1]["candidates"] if one["field"] == "mobile_number"]
    assert best["confidence"] <= 0.5 and best["reason"].endswith("'Cell Phone' fits it better")


def test_terse_runs_of_one_table_lose_the_letters_that_are_the_tables() -> None:
    names = ("NTXT", "NPAT", "NUSR", "NDAT")
    values = ("called about bill|sent form", "1001|1002", "TW|KL", "202601050910|202601121544")
    made = found(*(column(*one, table="note") for one in zip(names, values, strict=True)))
    assert [one[0] for one in made] == ["description", "targetable_id", "creater_id", "created_at"]


def test_a_one_behind_a_name_says_that_it_is_the_first() -> None:
    assert found(column("GRPNUM1", "8810|8811"))[0][0] == "cf_insurance_group_number"


@pytest.mark.parametrize(
    ("name", "values", "table", "field"),
    [
        ("How many chairs", "4|9", "practice", "cf_operatories"),
        ("How often they are seen", "6 mo|4 mo", "patient", "cf_recall_interval"),
        ("Who wrote this", "TW|KL", "note", "creater_id"),
        ("Kind of case", "New|Remake", "case", "deal_type_id"),
        ("When was it entered", "1/2/2026|1/3/2026", "note", "created_at"),
        ("Whose pile is this on", "Tina|Walt", "task", "owner_id"),
    ],
)
def test_a_question_is_read_as_what_it_asks_for(name: str, values: str, table: str, field: str) -> None:
    made = only(column(name, values, table))
    assert made["candidates"][0]["field"] == field


def test_a_question_that_no_phrase_knows_is_a_low_proposal() -> None:
    made = only(column("Whose pile is this on", "Tina|Walt", "task"))
    assert made["candidates"][0]["confidence"] < 0.3 and not made["auto"]
    assert made["candidates"][0]["reason"] == "it asks whose"


@pytest.mark.parametrize(
    ("values", "table", "field"),
    [
        ("18 Alder St|PO Box 12|4 Mill Rd Apt 2", "patient", "address"),
        ("OR|WA|ID", "practice", "state"),
        ("6 mo|3 mo|6M+1D", "patient", "cf_recall_interval"),
        ("Google|drove by|friend", "patient", "lead_source_id"),
        ("Delta Dental of OR|Cigna", "case", "cf_insurance_carrier"),
        ("HYG-1|Chair 2|OP-3", "appointment", "cf_operatory"),
        ("Showed|No-show|CX", "appointment", "outcome_id"),
        ("LMOM|FIRM|UNCF", "appointment", "cf_confirmation_status"),
        ("Paid in full|Deposit|Unpaid", "case", "deal_payment_status_id"),
        ("too expensive|spouse says no|moved away", "case", "deal_reason_id"),
        ("No answer|Left voicemail", "task", "outcome_id"),
        ("facebook.com/one|facebook.com/two", "patient", "facebook"),
        ("Front desk|Hygienist", "user", "job_title"),
        ("wants to come in only on Friday mornings|asked us to send all records soon", "note", "description"),
    ],
)
def test_values_alone_tell_a_field_and_are_never_accepted_by_themselves(values: str, table: str, field: str) -> None:
    made = only(column("XQ7", values, table))
    assert field in [one["field"] for one in made["candidates"]]
    assert made["candidates"][0]["confidence"] <= 0.5 and not made["auto"]


def test_a_close_date_is_for_a_person_to_look_at() -> None:
    made = only(column("Close Date", "6/30/2026|9/1/2026", "case"))
    assert {"expected_close", "closed_date"} <= {one["field"] for one in made["candidates"]} and not made["auto"]


@pytest.mark.parametrize("table", ["patient", "practice", "case", "user", "note"])
@pytest.mark.parametrize(
    "name",
    [
        *(
            "SSNBR",
            "SSNO",
            "strSSNEnc",
            "CC Exp",
            "CCNUM",
            "CC last 4",
            "CARDEXP",
            "RTNO",
            "ACHACCT",
            "PSWD",
            "Portal pw",
        ),
        *("Wifi pw", "Alarm code", "SIGN", "oleSignature", "DLNO", "Driver's Lic #", "RespDOB", "GuarDOB"),
    ],
)
def test_a_sensitive_column_is_known_by_its_short_forms_too(name: str, table: str) -> None:
    made = only(column(name, table=table))
    assert (made["candidates"], made["kind"]) == ([], "left_out")


def test_a_terse_name_of_a_table_tells_its_object() -> None:
    (made,) = suggest_fields([column("LNAM", table="PATMAST")], THERE)
    assert (made["candidates"][0]["object"], made["candidates"][0]["field"]) == ("contact", "last_name")
