"""Proposals for a snapshot: shown by reading, stored only by accepting, with a name and a day."""

from __future__ import annotations

import shutil
from datetime import date

import pytest

from workbench.editors.decisions import Decisions
from workbench.mapping.value_map import read_value_map
from workbench.suggest.acceptance import accept_proposals
from workbench.suggest.proposals import accept, best_answers, propose
from workbench.suggest.suggestion import is_by_machine
from workbench.warehouse import open_warehouse

USERS = "SELECT * FROM (VALUES ('dana@X.com', true), ('desk@x.com', true), ('kim@x.com', true)) t(email, is_active)"


@pytest.fixture
def asking(little):
    with open_warehouse(little.settings.warehouse, write=True) as warehouse:
        warehouse.run(f"CREATE OR REPLACE TABLE destination.users AS {USERS}")
    return little


def accepted(little, *, above=0.95, own=True, by="Dana", on="2026-11-24"):
    return accept(little.settings, little.mappings, above=above, by=by, on=on, own=own)


def rows(folder, name):
    found = read_value_map(name, [folder]).rows
    return {one: (str(row.decision), row.destination_value) for one, row in found.items()}


def files(little):
    return sorted(path.name for path in little.folder.rglob("*.csv"))


def test_every_map_is_proposed_for(asking):
    made = {
        one.asked.name: {s: v.best and v.best.value for s, v in one.suggestions.items()}
        for one in propose(asking.settings, asking.mappings)
    }
    assert made == {
        "claim_status": {"F2": "Denied", "Paid": "Paid", "Rejected": "Pending", "Unsent": ""},
        "color": {},
        "insurance_carrier": {
            "Aetna": "Aetna",
            "Delta Dental": "Delta Dental (state unspecified)",
            "aetna": "Aetna",
            "self pay": "",
        },
        "owner": {"U1": "dana@x.com", "U2": "desk@x.com", "U3": "desk@x.com", "U4": "kim@x.com"},
        "stage.ortho": {"Begun": None, "Consult": "Consult", "consult": "Consult"},
    }


def test_reading_proposals_stores_nothing(asking):
    propose(asking.settings, asking.mappings)
    best_answers(asking.settings, asking.mappings)
    assert files(asking) == []


def test_accepting_writes_map_blank_and_ask_rows_signed(asking):
    frame = accepted(asking)
    own = asking.settings.own_decisions
    assert rows(own, "insurance_carrier") == {
        "Aetna": ("map", "Aetna"),
        "aetna": ("map", "Aetna"),
        "Delta Dental": ("ask", ""),
        "self pay": ("blank", ""),
    }
    assert rows(own, "claim_status") == {
        "F2": ("map", "Denied"),
        "Paid": ("map", "Paid"),
        "Rejected": ("ask", ""),
        "Unsent": ("blank", ""),
    }
    assert rows(own, "stage.ortho") == {
        "Begun": ("ask", ""),
        "Consult": ("map", "Consult"),
        "consult": ("map", "Consult"),
    }
    assert rows(own, "color") == {"red": ("ask", "")}
    row = read_value_map("insurance_carrier", [own]).rows["aetna"]
    assert (row.decided_by, row.decided_on, row.note) == (
        "Dana",
        "2026-11-24",
        "suggested 0.98: equal but for case, punctuation and blanks",
    )
    assert frame.sort("value_map").rows() == [
        ("claim_status", 4, 3, 1, 0),
        ("color", 1, 0, 1, 0),
        ("insurance_carrier", 4, 3, 1, 0),
        ("owner", 4, 1, 3, 0),
        ("stage.ortho", 3, 2, 1, 0),
    ]


def test_an_address_that_several_share_or_of_one_who_left_is_for_a_person_to_say(asking):
    accepted(asking)
    assert rows(asking.settings.own_decisions, "owner") == {
        "U1": ("map", "dana@x.com"),
        "U2": ("ask", ""),
        "U3": ("ask", ""),
        "U4": ("ask", ""),
    }


def test_a_rehearsal_writes_beside_its_ledger_and_a_person_into_mappings(asking):
    accepted(asking)
    assert not (asking.settings.mappings / "values").exists()
    accepted(asking, own=False)
    assert rows(asking.settings.mappings / "values", "color") == {"red": ("ask", "")}
    shared = rows(asking.settings.mappings / "values", "insurance_carrier")
    assert shared == rows(asking.settings.own_decisions, "insurance_carrier")


OWN = "data/rehearsal/decisions/insurance_carrier.csv"
HEADER = "source_value,decision,destination_value,decided_by,decided_on,note\n"


def test_a_rehearsals_answer_covers_no_question_of_a_person(asking):
    asked = HEADER + "Aetna,ask,,R. Meyer,2026-11-20,not Aetna\n"
    path = asking.write("mappings/values/insurance_carrier.csv", asked)
    asking.write(OWN, HEADER + "Aetna,map,Aetna,rehearsal,2026-11-01,suggested 1.00: equal\n")
    accepted(asking, own=False, by="R. Meyer")
    assert "\nAetna,ask,,R. Meyer,2026-11-20,not Aetna\n" in path.read_text()


def test_what_a_rehearsal_decided_is_no_answer_of_before_for_others(asking):
    answered = {"Delta Dental": "Delta Dental of Ohio", "self pay": "Cigna"}
    lines = [f"{one},map,{answer},rehearsal,2026-11-01,by hand\n" for one, answer in answered.items()]
    asking.write(OWN, HEADER + "".join(lines))
    accepted(asking)
    assert rows(asking.settings.own_decisions, "insurance_carrier")["self pay"] == ("map", "Cigna")
    accepted(asking, own=False)
    assert rows(asking.settings.mappings / "values", "insurance_carrier") == {
        "Aetna": ("map", "Aetna"),
        "Delta Dental": ("ask", ""),
        "aetna": ("map", "Aetna"),
        "self pay": ("blank", ""),
    }


def test_what_a_person_decided_stays(asking):
    asking.values("insurance_carrier", "Aetna,map,Aetna of Ohio", "Delta Dental,blank,")
    accepted(asking)
    assert set(rows(asking.settings.own_decisions, "insurance_carrier")) == {"aetna", "self pay"}
    decided = asking.mappings.values("insurance_carrier").rows
    assert (decided["Aetna"].answer, decided["Delta Dental"].answer) == ("Aetna of Ohio", None)


def test_what_a_person_asks_about_stays_with_its_note_and_is_counted(asking):
    asking.values("insurance_carrier", "Aetna,ask,", "aetna,ask,")
    path = asking.folder / "mappings/values/insurance_carrier.csv"
    path.write_text(
        path.read_text("utf-8").replace("aetna,ask,,Dana,2026-11-24,", "aetna,ask,,Dana,2026-11-24,the old plan?"),
        "utf-8",
    )
    told = accept_proposals(asking.settings, above=0.95, by="Lee", on="2026-12-01")
    found = read_value_map("insurance_carrier", [path.parent]).rows
    assert [(one.decided_by, str(one.decision), one.note) for one in (found["Aetna"], found["aetna"])] == [
        ("Dana", "ask", ""),
        ("Dana", "ask", "the old plan?"),
    ]
    assert "insurance_carrier: 1 accepted, 3 open, 2 of them since a person asks about them" in told["text"]


@pytest.mark.parametrize(
    ("note", "by_machine"),
    [
        ("no proposal sure enough", True),
        ("no proposal", True),
        ("perhaps 812 (0.95: phone and name), or 7 (0.80: name)", True),
        ("", False),
        ("perhaps the old plan", False),
        ("no proposal is right", False),
        ("not Aetna", False),
    ],
)
def test_a_note_that_accepting_does_not_write_is_a_persons(note, by_machine):
    assert is_by_machine(note) is by_machine


def test_a_map_without_whose_answer_a_row_is_held_is_needed(asking):
    path = next(asking.folder.glob("mappings/objects/person.toml"))
    assert {one.asked.name for one in propose(asking.settings, asking.mappings) if one.asked.is_needed} == set()
    path.write_text(path.read_text("utf-8").replace('values = "owner"', 'values = "owner", required = true'), "utf-8")
    assert {one.asked.name for one in propose(asking.settings, asking.mappings) if one.asked.is_needed} == {"owner"}


def test_accepting_again_changes_no_byte_and_a_lower_bar_answers_more(asking):
    accepted(asking)
    before = {path.name: path.read_bytes() for path in asking.settings.own_decisions.glob("*.csv")}
    accepted(asking, by="Lee", on="2026-12-01")
    assert {path.name: path.read_bytes() for path in asking.settings.own_decisions.glob("*.csv")} == before
    accepted(asking, above=0.5, by="Lee", on="2026-12-01")
    assert rows(asking.settings.own_decisions, "claim_status")["Rejected"] == ("map", "Pending")
    assert read_value_map("claim_status", [asking.settings.own_decisions]).rows["Paid"].decided_by == "Dana"


def test_a_proposal_shows_the_most_frequent_open_spellings_first(asking):
    asking.land(
        people=(
            "person_id,last_name,carrier,claim,stage,pipeline,color,owner\nC1,a,Aetna,,,,,\nC2,b,Ohiowa Delta,,,,,\nC3,c,Ohiowa Delta,,,,,\nC4,d,Cigna,,,,,\n"
        )
    )
    asking.values("insurance_carrier", "Cigna,keep,")
    (carriers,) = (one for one in propose(asking.settings, asking.mappings) if one.asked.name == "insurance_carrier")
    assert carriers.frame().rows() == [
        ("Ohiowa Delta", 2, None, None, "no proposal"),
        ("Aetna", 1, "Aetna", 1.0, "equal"),
    ]
    assert best_answers(asking.settings, asking.mappings)["insurance_carrier"] == {"Aetna": "Aetna"}


def test_the_editor_above_a_confidence_and_the_command_write_the_same_bytes(asking):
    own = asking.settings.own_decisions
    asking.values("insurance_carrier", "aetna,ask,")
    for proposal in propose(asking.settings, asking.mappings):
        Decisions(asking.settings, proposal, by="Dana", today=lambda: date(2026, 11, 24)).accept_above(0.95)
    by_editor = {path.name: path.read_bytes() for path in own.glob("*.csv")}
    assert "insurance_carrier.csv" in by_editor
    shutil.rmtree(own)
    accepted(asking)
    assert {name: (own / name).read_bytes() for name in by_editor} == by_editor
