"""`workbench suggest ada` and `fields`: thin, and never sure of what it does not know."""

from __future__ import annotations

import pytest

from workbench.suggest.fields import fold, suggest_fields
from workbench.suggest.value_files import suggest_ada

CHOICES = [
    {"destination_object": "contact", "destination_field": "mobile_number", "label": "Mobile", "type": "phone"},
    {"destination_object": "contact", "destination_field": "cf_plan_tier", "label": "Plan tier", "type": "text"},
    {"destination_object": "contact", "destination_field": "owner_id", "label": "Sales owner", "type": "user"},
    {"destination_object": "contact", "destination_field": "cf_home_phone", "label": "Home phone", "type": "phone"},
    {"destination_object": "sales_account", "destination_field": "name", "label": "Name", "type": "text"},
    {"destination_object": "deal", "destination_field": "name", "label": "Deal name", "type": "text"},
]


@pytest.mark.parametrize(
    ("value", "codes", "verdict", "reason"),
    [
        pytest.param("D2740;D2950", ["D2740", "D2950"], "ok", "right as it stands", id="right"),
        pytest.param("d2740", ["D2740"], "repairable", "upper case", id="small letter"),
        pytest.param("D0270-D0274", [], "invalid", None, id="range"),
        pytest.param("", [], "invalid", "blank", id="blank"),
        pytest.param("crown", [], "invalid", "words and no code", id="words"),
    ],
)
def test_codes_have_a_verdict_and_a_reason(value, codes, verdict, reason):
    (made,) = suggest_ada([value])
    assert (made["source_value"], made["codes"], made["verdict"]) == (value, codes, verdict)
    assert made["reason"] and (reason is None or reason == made["reason"])


def column(name: str, source_object: str = "patients", samples: str = "") -> dict[str, str]:
    return {"source_object": source_object, "source_column": name, "sample_values": samples}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PatientID", ("contact", "id")),
        ("Cell #", ("mobile", "number")),
        ("cf_plan_type", ("plan", "type")),
        ("DOB", ("date", "birth")),
        ("phone_mobile", ("phone", "mobile")),
        ("E-Mail Address", ("e", "mail", "address")),
        ("???", ()),
    ],
)
def test_a_column_name_is_read_as_words(name, words):
    assert fold(name) == words


@pytest.mark.parametrize(
    ("row", "field", "kind", "auto"),
    [
        pytest.param(column("mobile_number"), ("contact", "mobile_number"), "field", True, id="equal name"),
        pytest.param(column("Plan Tier"), ("contact", "cf_plan_tier"), "field", True, id="equal label"),
        pytest.param(column("Cell Phone"), ("contact", "mobile_number"), "field", True, id="known phrase"),
        pytest.param(column("tier of plan"), ("contact", "cf_plan_tier"), "field", False, id="shared words"),
        pytest.param(column("Name", "practices"), ("sales_account", "name"), "field", True, id="name of an account"),
        pytest.param(column("Name", "cases"), ("deal", "name"), "field", True, id="name of a deal"),
        pytest.param(column("Soc Sec No"), None, "left_out", False, id="stays out"),
        pytest.param(column("Shoe size"), None, "unknown", False, id="unknown"),
        pytest.param(column("???"), None, "unknown", False, id="marks"),
    ],
)
def test_fields(row, field, kind, auto):
    (made,) = suggest_fields([row], CHOICES)
    found = made["candidates"][0] if made["candidates"] else None
    assert ((found["object"], found["field"]) if found else None, made["kind"], made["auto"]) == (field, kind, auto)
    assert (made["source_object"], made["source_column"]) == (row["source_object"], row["source_column"])
    assert all(set(one) == {"object", "field", "confidence", "reason", "transform"} for one in made["candidates"])


def test_an_object_nobody_knows_is_never_sure():
    (made,) = suggest_fields([column("mobile_number", "widgets")], CHOICES)
    assert (made["candidates"][0]["field"], made["auto"]) == ("mobile_number", False)


def test_without_choices_the_known_fields_are_used():
    (made,) = suggest_fields([column("DOB")])
    assert made["candidates"][0]["field"] == "cf_date_of_birth"


def test_at_most_three_candidates_best_first():
    for made in suggest_fields([column("home work mobile phone number")]):
        confidences = [one["confidence"] for one in made["candidates"]]
        assert (confidences == sorted(confidences, reverse=True), len(confidences) <= 3) == (True, True)
