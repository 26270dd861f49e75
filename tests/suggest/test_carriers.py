"""Carriers: what is read out of a spelling, what is anchored where, and what no machine may decide."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from workbench.carriers.readings import read_spelling
from workbench.dental.payers import extended, known_payers
from workbench.errors import MappingProblem
from workbench.suggest.carriers import suggest_carriers

LIST = dict.fromkeys(
    (
        "Aetna",
        "Cigna",
        "Guardian",
        "Lincoln Financial",
        "MetLife",
        "UnitedHealthcare",
        "Delta Dental (state unspecified)",
        "Delta Dental Insurance Company",
        "Delta Dental of California",
        "Delta Dental of New Jersey",
        "Delta Dental of Ohio",
        "Delta Dental of Virginia",
        "Delta Dental of Washington",
        "Blue Cross of Idaho",
        "Regence BlueShield of Idaho",
        "Blue Cross Blue Shield of Texas",
        "Medicaid (state unspecified)",
        "DentaQuest",
    ),
    (),
)


def one(spelling: str, choices=LIST, **known):
    (made,) = suggest_carriers([spelling], choices, **known)
    return made


def said(spelling: str, choices=LIST, **known) -> tuple[str | None, bool]:
    made = one(spelling, choices, **known)
    return made.best.value if made.best else None, made.auto


@pytest.mark.parametrize(
    ("spelling", "words", "states"),
    [
        pytest.param("zz Delta Dental of CA - do not use", ("deltadental",), {"CA"}, id="markers"),
        pytest.param("Delta Dental of California - PO Box 997330 Sacramento", ("deltadental",), {"CA"}, id="PO box"),
        pytest.param("MetLife 1-800-275-4638", ("metlife",), set(), id="phone"),
        pytest.param("Delta Dental CA Grp 05-2217", ("deltadental",), {"CA"}, id="group"),
        pytest.param("C I G N A", ("cigna",), set(), id="spaced letters"),
        pytest.param("U.H.C.", ("uhc",), set(), id="dotted letters"),
        pytest.param("B/C B/S of Tex.", ("bluecross", "blueshield"), {"TX"}, id="slashes and an old short form"),
        pytest.param("BCBSTX BlueCare", ("bluecross", "blueshield", "bluecare"), {"TX"}, id="initials with a state"),
        pytest.param("Aetna® Dntl", ("aetna", "dental"), set(), id="trade mark and short form"),
        pytest.param("Delta Dental Ins Co", ("deltadental", "insurance"), set(), id="co is company after ins"),
        pytest.param("Delta Dental of West Virginia", ("deltadental",), {"WV"}, id="the longer state"),
        pytest.param("Delta Dental of Washington DC", ("deltadental",), {"DC"}, id="the district"),
    ],
)
def test_a_spelling_is_read_into_words_and_states(spelling, words, states):
    reading = read_spelling(spelling)
    assert (reading.words, set(reading.states), reading.kind) == (words, states, "carrier")


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        pytest.param("Delta Dental CA (888) 335-8227", "Delta Dental of California", id="state code"),
        pytest.param("ddpnj", "Delta Dental of New Jersey", id="initials of a member"),
        pytest.param("OH - Delta Dental PPO", "Delta Dental of Ohio", id="state first"),
        pytest.param("Delta Dental of Virgina", "Delta Dental of Virginia", id="slip in the state"),
        pytest.param("Delta Detnal of Washinton", "Delta Dental of Washington", id="two slips"),
        pytest.param("Delta Dental of Texas", "Delta Dental Insurance Company", id="a territory of another company"),
        pytest.param("Untied Healthcare PPO", "UnitedHealthcare", id="letters that changed places"),
        pytest.param("Dental - Aetna", "Aetna", id="behind plan words"),
        pytest.param("Conn Gen Life (Cigna)", "Cigna", id="a name in brackets that is the payer's too"),
        pytest.param("DentaQuest Medicaid TX", "DentaQuest", id="a programme beside the payer"),
        pytest.param("Cigna Dental (Starbucks)", "Cigna", id="a sponsor"),
        pytest.param("Guardian (MetLife network)", "Guardian", id="another's network in brackets"),
        pytest.param("MetLife (Brightwater Boats)", "MetLife", id="an employer nobody knows, in brackets"),
        pytest.param("Delta Dental of OH - Brightwater hourly", "Delta Dental of Ohio", id="a remark behind a dash"),
        pytest.param("Delta of Virginia, not WV", "Delta Dental of Virginia", id="what it is not"),
        pytest.param("CIGNA 4410 Harbor Point Akron", "Cigna", id="an address without a word for street"),
        pytest.param("DeltaDental ofCalifornia", "Delta Dental of California", id="blanks that were forgotten"),
        pytest.param("Delta Detal of Ohio", "Delta Dental of Ohio", id="a slip in the family's name"),
    ],
)
def test_what_is_sure_is_accepted(spelling, value):
    assert said(spelling) == (value, True)


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        pytest.param("Delta Dental Premier", "Delta Dental (state unspecified)", id="no state"),
        pytest.param("medicaid", "Medicaid (state unspecified)", id="no state's programme"),
        pytest.param("Aetna / Cigna", "Aetna", id="two carriers"),
        pytest.param("Guardian Bluff", "Guardian", id="a word that nobody knows"),
        pytest.param(
            "Delta Dental Insurance", "Delta Dental Insurance Company", id="a company or the family's insurance"
        ),
        pytest.param("DELTA DENTAL OF MISS", "Delta Dental Insurance Company", id="cut off where two states begin so"),
        pytest.param("DELTA DENTAL OF VIRG", "Delta Dental of Virginia", id="cut off where one state begins so"),
        pytest.param("Delta Dental NE", "Delta Dental of Nebraska", id="a state or northeast"),
        pytest.param("Delta Dental Cleveland", "Delta Dental of Ohio", id="a city of the state"),
        pytest.param("Aetna Café", "Aetna", id="a word that is near a plan word"),
        pytest.param("CIGNA via MetLife", "MetLife", id="the one behind via"),
        pytest.param("Lincoln Benefit Life", "Lincoln Financial", id="words that make another company's name"),
        pytest.param("Pacific Guardian", "Guardian", id="a word before that makes another company's name"),
        pytest.param("aetna 62308", "Aetna", id="the payer id of another"),
        pytest.param("Aetna id 123456789", "Aetna", id="a number of a member"),
    ],
)
def test_what_is_doubtful_is_for_a_person(spelling, value):
    found = one(spelling)
    assert not found.auto
    assert found.best.value == value


def test_a_longer_name_does_not_take_what_a_shorter_one_is_called_with_plan_words():
    assert said("Aetna Dental", None) == ("Aetna", True)
    assert said("Aetna Dental Access", None) == ("Aetna Dental Access (discount plan)", True)


def test_a_word_shortens_another_by_its_beginning_and_consonants():
    assert one("Guardn Lfe", {"Guardian Life": (), "Aetna": ()}).best.value == "Guardian Life"
    assert one("Son Life", {"Starmount Life": (), "Aetna": ()}).best is None


def test_of_a_cell_of_a_megabyte_no_more_is_read_than_a_name_may_be_long():
    assert said(f"MetLife{' ' * 700}{'not - ( 1234 aB ' * 60_000}") == said("MetLife")
    assert read_spelling("aB " * 300_000).key == read_spelling("aB " * 400).key


def test_an_english_word_is_never_sure():
    assert not one("human").auto


def test_a_bare_brand_is_accepted_where_the_list_holds_it_as_it_stands():
    choices = {"Delta Dental": (), "Cigna": ()}
    assert said("DELTA DENTAL.", choices) == ("Delta Dental", True)
    assert said("Delta Dental PPO", choices) == ("Delta Dental", False)
    assert said("DDCA", choices) == ("Delta Dental of California", False)


def test_members_of_one_family_are_never_taken_for_each_other():
    """Every member, with a slip or plan words, on a list that lacks it: nothing is accepted for another member."""
    family = [payer for payer in known_payers() if payer.family in ("delta", "blue")]
    wrong = []
    for away in range(0, len(family), 3):
        missing = family[away : away + 3]
        choices = {payer.name: () for payer in family if payer not in missing}
        typed = [
            f(payer.name)
            for payer in missing
            for f in (str.upper, lambda name: f"{name} PPO", lambda name: f"{name[:-2]}{name[-1]}")
        ]
        wrong += [(made.source_value, made.best.value) for made in suggest_carriers(typed, choices) if made.auto]
    assert wrong == []


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        pytest.param("Self-Pay", "not_a_carrier", id="self pay"),
        pytest.param("Cash / no insurance", "not_a_carrier", id="two such phrases"),
        pytest.param("inactive 12/31", "not_a_carrier", id="status and a date"),
        pytest.param("Smile Club Membership", "not_a_carrier", id="membership"),
        pytest.param("Walmart", "not_a_carrier", id="employer"),
        pytest.param("CareCredit 12 mo", "not_a_carrier", id="financing and its months"),
        pytest.param("COBRA ended", "not_a_carrier", id="a status and a word beside it"),
        pytest.param("Mar-05", "junk", id="a date that a spreadsheet made"),
        pytest.param("pt to bring ins card next visit", "junk", id="a note of the front desk"),
        pytest.param("prophy + BWX", "junk", id="procedures by name"),
        pytest.param("City of Springfield", "not_a_carrier", id="a town"),
        pytest.param("#N/A", "not_a_carrier", id="an error of a spreadsheet"),
        pytest.param("#REF!", "junk", id="another error"),
        pytest.param("Ann Lund DOB 4/5/71", "junk", id="a person"),
        pytest.param("W2345 67890 01", "junk", id="a member's number"),
        pytest.param("D2740", "junk", id="a procedure"),
        pytest.param("6.0054E+04", "junk", id="a number that a spreadsheet shortened"),
    ],
)
def test_what_is_no_carrier_is_never_taken_for_one(spelling, kind):
    made = one(spelling, None)
    assert (made.kind, [found.value for found in made.candidates if found.value]) == (kind, [])


def test_a_payer_that_the_list_lacks_keeps_its_spellings_from_others():
    choices = {name: () for name in LIST if name not in ("Delta Dental of Ohio", "Guardian")}
    for spelling, value in (("DDOH", "Delta Dental of Ohio"), ("Guardian Angel", "Guardian Angel (discount plan)")):
        made = one(spelling, choices)
        assert (made.best.value, made.auto, made.best.reason.endswith("that the list lacks")) == (value, False, True)


def test_a_name_that_goes_on_owns_what_short_forms_say_with_its_words():
    choices = {"UnitedHealthcare": (), "UnitedHealthcare Community Plan": (), "DentaQuest": (), "Doral Dental": ()}
    assert said("UHC Comm Plan", choices) == ("UnitedHealthcare Community Plan", True)
    assert said("UHC PPO", choices) == ("UnitedHealthcare", True)
    assert said("DORAL", choices)[0] == "Doral Dental"


def test_a_part_of_a_name_does_not_own_what_is_another_name():
    choices = {"TRICARE/UCCI": (), "United Concordia": (), "TeamCare (Central States)": ()}
    assert said("tdp", choices) == ("TRICARE/UCCI", True)
    assert said("UCCI", choices) == ("United Concordia", False)
    assert said("Central States", choices) == ("TeamCare (Central States)", True)


def test_two_names_of_one_payer_stand_on_their_full_names_wherever_they_are_listed():
    for choices in ({"Aetna": (), "Aetna Life": ()}, {"Aetna Life": (), "Aetna": ()}):
        assert said("aetna life", choices) == ("Aetna Life", True)
        assert said("AET", choices) == ("Aetna", True)


def test_neither_the_order_of_spellings_nor_of_the_list_changes_a_proposal():
    spellings = [
        "DDCA",
        "Delta",
        "Gaurdian",
        "Zzyzx Pln",
        "Zzyzx Plan",
        "self pay",
        "BC of Idaho",
        "Regence Idaho",
        "uhc",
    ]
    rng = random.Random(1)
    made = {found.source_value: found for found in suggest_carriers(spellings, LIST)}
    for _ in range(3):
        choices = dict.fromkeys(rng.sample(list(LIST), len(LIST)), ())
        again = suggest_carriers(rng.sample(spellings, len(spellings)), choices)
        assert {found.source_value: found for found in again} == made


def test_spellings_that_are_alike_and_near_nobody_are_a_new_value():
    made = suggest_carriers(
        ["Quillon Trust Wyvern", "QUILLON TRUST WYVERN", "Quilon Trust Wyvern", "Quillon of Ohio"], LIST
    )
    assert [found.best.value for found in made[:3]] == ["Quillon Trust Wyvern"] * 3
    assert not any(found.auto for found in made)
    assert "spellings are alike" in made[0].best.reason


def test_the_reason_says_what_was_done():
    assert one("Delta Dental of California 77777").best.reason.endswith("same payer id")
    assert one("Delta Dental of Califronia").best.reason.startswith("a slip of the keyboard in the name")
    assert one("Lincoln Natl Life").best.reason.startswith("a known short form")


def test_an_earlier_answer_serves_spellings_that_differ_in_case_and_punctuation_alone():
    decided = {"North Shore Fund": "North Shore", "Odd": "A", "odd!": "B"}
    assert said("NORTH SHORE FUND.", decided=decided) == ("North Shore", True)
    assert said("North Shore Funds", decided=decided)[1] is False
    assert said("ODD", decided=decided)[1] is False


def test_a_practice_adds_payers_and_short_forms_in_a_file_of_its_own(tmp_path: Path):
    own = tmp_path / "payers.csv"
    assert extended(own) == known_payers()
    own.write_text("name,family,states,payer_ids,aliases\nLake Fund,,OH,LF001,LKF|UHC\n", encoding="utf-8")
    payers = extended(own)
    assert said("LKF", None, payers=payers) == ("Lake Fund", True)
    assert said("uhc", None, payers=payers) == ("Lake Fund", True)
    assert said("Delta Dental of CA", None, payers=payers) == ("Delta Dental of California", True)


def test_a_file_of_payers_without_a_column_says_which_header_it_needs(tmp_path: Path):
    own = tmp_path / "payers.csv"
    own.write_text("name,aliases\nLake Fund,LKF\n", encoding="utf-8")
    with pytest.raises(MappingProblem) as problem:
        extended(own)
    assert str(problem.value) == (
        "payers.csv lacks the column family, states, payer_ids; its header must be name,family,states,payer_ids,aliases."
    )
