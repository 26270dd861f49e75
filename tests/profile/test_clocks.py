"""Clocks: zones that are none, hours that do not exist, and appointments at odd times."""

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


HOURS = [  # start, company, what is said of it
    ("2024-03-10 01:59:59", "P1", None),
    ("2024-03-10 02:00:00", "P1", SKIPPED),
    ("2024-03-10 02:59:59", "P1", SKIPPED),
    ("2024-03-10 03:00:00", "P1", None),
    ("2024-11-03 01:30", "P1", DOUBLED),
    ("2024-11-03T02:00:00", "P1", None),
    ("2024-03-10 02:30:00", "P5", None),  # a zone without seasons
    ("2024-03-10 02:30:00", "P2", SKIPPED),  # the practice's zone
    ("2006-04-02 02:30:00", "P1", SKIPPED),  # the rule of another year
]


def test_each_hour_is_judged_in_the_zone_of_its_company(land):
    rows = [f"A{place},{company},{starts},,30,Completed," for place, (starts, company, _) in enumerate(HOURS)]
    seasons = [row for row in keys_of(land_appointments(land, *rows)) if row[2] in (SKIPPED, DOUBLED)]
    assert seasons == [
        (f"A{place}", "starts_at", problem, company) for place, (_, company, problem) in enumerate(HOURS) if problem
    ]


def test_stamps_of_other_objects_are_judged_too(land):
    found = keys_of(land(tasks="task_id,due_at\nK1,2024-03-10 02:15:00\nK2,2024-03-11 02:15:00\n"))
    assert found == [("K1", "due_at", SKIPPED, None)]


ODD = [  # start, end, minutes and status, and what is odd
    ("2024-05-01 09:00:00,2024-05-01 10:00:00,,Completed", None),
    ("2024-05-01 09:00:00,,30,Completed", None),
    ("2024-05-01 09:00:00,2024-05-01 08:00:00,,Completed", "ends before it starts"),
    ("2024-05-01 09:00:00,2024-05-01 09:00:00,,Completed", "has no length"),
    ("2024-05-01 09:00:00,,0,Completed", "has no length"),
    ("2024-05-01,2024-05-02,,Completed", "takes all day"),
    ("2024-05-01 04:59:00,,30,Completed", "outside 5:00 to 23:00"),
    ("2024-05-01 23:00:00,,30,Completed", "outside 5:00 to 23:00"),
    ("2024-05-01 09:00:00,,30, scheduled", "past, and still scheduled"),
    ("2025-05-01 09:00:00,,30,Scheduled", None),
    ("next Tues,,30,Scheduled", "its start cannot be read"),
    ("3/4/24 9:00,,30,Completed", "its start cannot be read"),  # not yet read
    (",,30,Planned", "planned, without a start"),
]


def test_an_odd_appointment_says_what_is_odd(land):
    rows = [f"A{place:02},P1,{row},2024-12-01 08:00:00" for place, (row, _) in enumerate(ODD)]
    found = [(source_id, problem) for source_id, _, problem, _ in keys_of(land_appointments(land, *rows))]
    assert found == [(f"A{place:02}", problem) for place, (_, problem) in enumerate(ODD) if problem]


def test_clocks_are_counted_by_column_and_problem(land):
    warehouse = land_appointments(
        land, "A1,P1,2024-03-10 02:30:00,,30,Completed,", "A2,P2,2024-03-10 02:30:00,,30,Completed,"
    )
    assert profile_clocks(warehouse).rows() == [
        ("appointments", "starts_at", SKIPPED, 2, 2),
        ("appointments", "starts_at", "outside 5:00 to 23:00", 2, 2),
    ]
