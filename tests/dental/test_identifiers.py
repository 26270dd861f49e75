"""NPIs, roles, routes, states and zips."""

import pytest

from workbench.dental.npi import npi_problem
from workbench.dental.roles import read_role, read_status, route_of
from workbench.dental.states import read_zip, state_code


@pytest.mark.parametrize(
    "text",
    ["1234567893", "1245319599", "1993999998", "1558598797", "1000000004", "2000000002", "1700000015", " 1234567893 "],
)
def test_a_valid_npi_has_no_problem(text):
    assert npi_problem(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1234567890", "the check digit does not fit"),
        ("1234567839", "the check digit does not fit"),
        ("2123456789", "the check digit does not fit"),
        ("1467812344", "the check digit does not fit"),
        ("3000000000", "an NPI starts with 1 or 2"),
        ("0123456789", "an NPI starts with 1 or 2"),
        ("123456789", "an NPI has ten digits, not 9"),
        ("1.23457E+09", "an NPI is ten digits and nothing else"),
        ("1111111112", "one digit repeated is a placeholder"),
        ("", "an NPI is ten digits and nothing else"),
    ],
)
def test_a_wrong_npi_says_why(text, problem):
    assert npi_problem(text) == problem


def test_spellings_of_role_and_status_are_normalised():
    assert [read_role(text) for text in ("PATIENT ", "Pt", "Ref. Dentist", "Referring DDS", "Lead")] == [
        "Patient",
        "Patient",
        "Referring Dentist",
        "Referring Dentist",
        "Prospect",
    ]
    assert [read_role(text) for text in ("Patient;Referring Dentist", "", None, "Wizard")] == [None] * 4
    assert [read_status(text) for text in ("referral only", "Ref Only", "COLD", "Cold  Prospect")] == [
        "Referral Only",
        "Referral Only",
        "Cold Prospect",
        "Cold Prospect",
    ]


@pytest.mark.parametrize(
    ("role", "status", "has_appointment", "route"),
    [
        ("Patient", "Active", False, "patient"),
        ("Pt", "COLD", False, "prospect"),
        ("Patient", "Cold Prospect", True, "patient"),
        ("Prospect", "Ref Only", False, "prospect"),
        ("Prospect", "Active", False, "hold"),
        ("Lead", "New", True, "patient"),
        ("Referring DDS", "Deceased", False, "referring_dentist"),
        ("Responsible Party", "Active", False, "patient"),
        ("Patient", "Deceased", True, "hold"),
        ("Patient", "Archived", False, "hold"),
        ("Vendor", "Active", False, "hold"),
        ("", "Active", True, "hold"),
        ("Patient;Referring Dentist", "Active", False, "hold"),
        ("Patient", "", False, "patient"),
        ("Patient", "sleeping", False, "hold"),
        ("Patient", "Non-Patient", True, "hold"),
        ("Other", "New", False, "hold"),
    ],
)
def test_the_truth_table_gives_every_person_one_route(role, status, has_appointment, route):
    assert route_of(role, status, has_appointment=has_appointment).route == route


def test_states_have_many_names():
    assert [state_code(text) for text in ("or", "Oregon", "Ore.", "N.J.", "D.C.", "Washington", "XX", None)] == [
        "OR",
        "OR",
        "OR",
        "NJ",
        "DC",
        "WA",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "state", "value"),
    [
        ("02139", "MA", "02139"),
        ("2139", "MA", "02139"),
        ("2139", "OR", None),
        ("2139-1234", "Mass.", "02139-1234"),
        ("602", "PR", "00602"),
        ("2139", "PR", None),
        ("501", "NY", "00501"),
        ("1234", "NY", None),
        ("139", "MA", None),
        ("021391234", "MA", "02139-1234"),
        ("2139.0", "MA", "02139"),
        ("abc", "MA", None),
    ],
)
def test_a_lost_zero_comes_back_only_where_zips_start_with_it(text, state, value):
    assert read_zip(text, state).value == value
