"""Clocks: zones that are none, hours that do not exist, and appointments at odd times."""

import pytest

from workbench.profile.clocks import profile_clocks, profile_zones
from workbench.warehouse import open_warehouse

COMPANIES = """company_id,time_zone,is_deleted
P1,America/Chicago,N
P2,,N
P3,Central,N
P4,EST,N
P5,America/Phoenix,N
P6,,Y
"""
SKIPPED, DOUBLED = "in the hour that daylight saving skips", "in the hour that comes twice in autumn"


def land_appointments(land, *rows: str):
    header = "appointment_id,company_id,starts_at,ends_at,duration_minutes,status,modified_at\n"
    return land(companies=COMPANIES, appointments=header + "".join(f"{row}\n" for row in rows))


def keys_of(warehouse):
    profile_clocks(warehouse)
    with open_warehouse(warehouse) as store:
        return store.run(
            "SELECT source_id, column_name, problem, company_id FROM profile.clock_keys ORDER BY source_id, column_name, problem"
        )


def test_a_zone_is_missing_or_unknown_or_has_no_seasons(land):
    assert profile_zones(land(companies=COMPANIES)).rows() == [
        ("P1", "America/Chicago", None),
        ("P2", None, "missing"),
        ("P3", "Central", "no IANA name"),
        ("P4", "EST", "an abbreviation or offset, without daylight saving"),
        ("P5", "America/Phoenix", None),
    ]


@pytest.mark.parametrize(
    ("starts", "company", "problem"),
    [
        pytest.param("2024-03-10 01:59:59", "P1", None, id="before spring"),
        pytest.param("2024-03-10 02:00:00", "P1", SKIPPED, id="spring"),
        pytest.param("2024-03-10 02:59:59", "P1", SKIPPED, id="last skipped second"),
        pytest.param("2024-03-10 03:00:00", "P1", None, id="after spring"),
        pytest.param("2024-11-03 01:30", "P1", DOUBLED, id="autumn"),
        pytest.param("2024-11-03T02:00:00", "P1", None, id="after autumn"),
        pytest.param("2024-03-10 02:30:00", "P5", None, id="a zone without seasons"),
        pytest.param("2024-03-10 02:30:00", "P2", SKIPPED, id="the practice's zone"),
        pytest.param("2006-04-02 02:30:00", "P1", SKIPPED, id="the rule of another year"),
    ],
)
def test_an_hour_is_judged_in_the_zone_of_its_company(land, starts, company, problem):
    found = keys_of(land_appointments(land, f"A1,{company},{starts},,30,Completed,"))
    seasons = [row for row in found if row[2] in (SKIPPED, DOUBLED)]
    assert seasons == ([("A1", "starts_at", problem, company)] if problem else [])


def test_stamps_of_other_objects_are_judged_too(land):
    found = keys_of(land(tasks="task_id,due_at\nK1,2024-03-10 02:15:00\nK2,2024-03-11 02:15:00\n"))
    assert found == [("K1", "due_at", SKIPPED, None)]


@pytest.mark.parametrize(
    ("row", "problems"),
    [
        pytest.param("2024-05-01 09:00:00,2024-05-01 10:00:00,,Completed", [], id="plain"),
        pytest.param("2024-05-01 09:00:00,,30,Completed", [], id="with a length"),
        pytest.param("2024-05-01 09:00:00,2024-05-01 08:00:00,,Completed", ["ends before it starts"], id="backwards"),
        pytest.param("2024-05-01 09:00:00,2024-05-01 09:00:00,,Completed", ["has no length"], id="no length"),
        pytest.param("2024-05-01 09:00:00,,0,Completed", ["has no length"], id="zero minutes"),
        pytest.param("2024-05-01,2024-05-02,,Completed", ["takes all day"], id="all day"),
        pytest.param("2024-05-01 04:59:00,,30,Completed", ["outside 5:00 to 23:00"], id="early"),
        pytest.param("2024-05-01 23:00:00,,30,Completed", ["outside 5:00 to 23:00"], id="late"),
        pytest.param("2024-05-01 09:00:00,,30, scheduled", ["past, and still scheduled"], id="past"),
        pytest.param("2025-05-01 09:00:00,,30,Scheduled", [], id="ahead"),
        pytest.param("next Tues,,30,Scheduled", ["its start cannot be read"], id="words"),
        pytest.param("3/4/24 9:00,,30,Completed", ["its start cannot be read"], id="not yet read"),
        pytest.param(",,30,Planned", ["planned, without a start"], id="planned"),
    ],
)
def test_an_odd_appointment_says_what_is_odd(land, row, problems):
    warehouse = land_appointments(land, f"A1,P1,{row},2024-12-01 08:00:00")
    assert [found[2] for found in keys_of(warehouse)] == problems


def test_clocks_are_counted_by_column_and_problem(land):
    warehouse = land_appointments(
        land, "A1,P1,2024-03-10 02:30:00,,30,Completed,", "A2,P2,2024-03-10 02:30:00,,30,Completed,"
    )
    assert profile_clocks(warehouse).rows() == [
        ("appointments", "starts_at", SKIPPED, 2, 2),
        ("appointments", "starts_at", "outside 5:00 to 23:00", 2, 2),
    ]
