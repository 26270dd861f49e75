"""Suggestions on a list of names: equal, equal when normalised, or a known short form; nothing else is proposed."""

from __future__ import annotations

import pytest

from workbench.carriers.texts import normal
from workbench.dental.payers import known_payers
from workbench.suggest.carriers import suggest_carriers
from workbench.suggest.names import suggest_names
from workbench.suggest.proposals import suggest_claims
from workbench.suggest.suggestion import Candidate, Suggestion
from workbench.vocabulary import Decision

CHOICES = {
    "Delta Dental of Ohio": ("DDOH", "Delta OH"),
    "Delta Dental of Iowa": ("DDIA",),
    "Blue Cross & Blue Shield": ("BCBS",),
    "Aetna": (),
    "AETNA": (),
    "BCBS of Ohio": ("BCBS",),
}


def best(spelling: str, choices=CHOICES) -> tuple[str, float] | None:
    (made,) = suggest_names([spelling], choices)
    return (made.best.value, made.best.confidence) if made.best else None


@pytest.mark.parametrize(
    ("spelling", "found"),
    [
        pytest.param("Delta Dental of Ohio", ("Delta Dental of Ohio", 1.0), id="equal"),
        pytest.param("delta dental  OF ohio.", ("Delta Dental of Ohio", 0.98), id="case and punctuation"),
        pytest.param("Blue Cross and Blue Shield", ("Blue Cross & Blue Shield", 0.98), id="and for &"),
        pytest.param("ddoh", ("Delta Dental of Ohio", 0.96), id="short form"),
        pytest.param("Aetna", ("Aetna", 1.0), id="equal goes before normalised"),
        pytest.param("aetna", None, id="two choices in one normal form"),
        pytest.param("BCBS", None, id="a short form of two"),
        pytest.param("Delta Dental", None, id="a part of two names"),
        pytest.param("Delta Dental of Idaho", None, id="another state"),
        pytest.param("***", None, id="marks"),
        pytest.param("", None, id="blank"),
    ],
)
def test_one_choice_is_proposed_or_none(spelling, found):
    assert best(spelling) == found


@pytest.mark.parametrize(
    ("text", "form"),
    [("  Crème--Brûlée ", "creme brulee"), ("A&B", "a and b"), ("O'Neil, Inc.", "o neil inc"), ("…", "")],
)
def test_a_normal_form_has_no_case_accents_and_marks(text, form):
    assert normal(text) == form


def test_the_shape_that_json_prints():
    made = Suggestion("ddoh", (Candidate("Delta Dental of Ohio", 0.96, "a known short form"),), "carrier")
    assert made.as_dict() == {
        "source_value": "ddoh",
        "candidates": [{"value": "Delta Dental of Ohio", "confidence": 0.96, "reason": "a known short form"}],
        "kind": "carrier",
        "auto": True,
    }
    assert Suggestion("?").as_dict() == {"source_value": "?", "candidates": [], "kind": "value", "auto": False}


@pytest.mark.parametrize(
    ("spelling", "kind", "value", "auto"),
    [
        pytest.param("Aetna", "carrier", "Aetna", True, id="equal"),
        pytest.param("METLIFE", "carrier", "MetLife", True, id="normalised"),
        pytest.param("Metropolitan Life", "carrier", "MetLife", True, id="short form"),
        pytest.param("DDCA", "carrier", "Delta Dental of California", True, id="initials"),
        pytest.param(
            "Delta Dental", "carrier", "Delta Dental (state unspecified)", False, id="brand of many companies"
        ),
        pytest.param("BCBS", "carrier", "Blue Cross Blue Shield (plan unspecified)", False, id="brand of many plans"),
        pytest.param("Delta Dental of Ohiowa", "carrier", None, False, id="near a name"),
        pytest.param("Self Pay", "not_a_carrier", "", True, id="self pay"),
        pytest.param("N/A", "not_a_carrier", "", True, id="n/a"),
        pytest.param("CareCredit", "not_a_carrier", "", True, id="financing"),
        pytest.param("60054", "junk", None, False, id="number"),
        pytest.param("???", "junk", None, False, id="marks"),
    ],
)
def test_carriers(spelling, kind, value, auto):
    (made,) = suggest_carriers([spelling])
    assert (made.kind, made.best.value if made.best else None, made.auto) == (kind, value, auto)
    assert (made.decision is Decision.BLANK) == (kind == "not_a_carrier")


def test_carriers_are_proposed_out_of_the_choices_when_they_are_given():
    known, mine = suggest_carriers(["Aetna", "My Plan"], {"My Plan": ()})
    assert (mine.best.value, mine.auto) == ("My Plan", True)
    assert (known.best.value, known.auto) == ("Aetna", False)
    assert known.best.reason.endswith("a known payer that the list lacks")


def test_shipped_payers_name_each_short_form_once():
    aliases = [normal(alias) for known in known_payers() for alias in known.aliases]
    names = [normal(known.name) for known in known_payers()]
    assert len(set(names)) == len(names)
    assert sorted(one for one in set(aliases) if aliases.count(one) > 1) == []


@pytest.mark.parametrize(
    ("raw", "value", "decision", "auto"),
    [
        pytest.param("Paid", "Paid", Decision.MAP, True, id="one of the five"),
        pytest.param("F2", "Denied", Decision.MAP, True, id="code of the 277"),
        pytest.param("Rejected", "Pending", Decision.MAP, False, id="rejected is not denied"),
        pytest.param("Unsent", "", Decision.BLANK, True, id="not submitted"),
        pytest.param("frobnicated", None, Decision.MAP, False, id="unknown"),
    ],
)
def test_claims(raw, value, decision, auto):
    (made,) = suggest_claims([raw])
    assert (made.best.value if made.best else None, made.decision, made.auto) == (value, decision, auto)
