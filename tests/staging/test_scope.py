"""A wave stages the practices it names with all that hangs on them; the rest is excluded until its wave comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from shipped import Row, make_shipped

COMPANIES = [
    {"company_id": "P2", "company_name": "Bend Dental", "parent_company_id": "P3"},
    {"company_id": "P3", "company_name": "Oregon Group"},
]
PEOPLE = [
    {"contact_id": "C2", "company_id": "P2"},
    {"contact_id": "C3", "company_id": None},
]
ROWS: dict[str, list[Row]] = {
    "companies": COMPANIES,
    "contacts": PEOPLE,
    "cases": [{"case_id": "T1"}, {"case_id": "T2", "contact_id": "C2", "company_id": "P2"}],
    "notes": [
        {"note_id": "N1"},
        {"note_id": "N2", "related_id": "C2"},
        {"note_id": "N3", "related_object": "case", "related_id": "T2"},
        {"note_id": "N4", "written_at": "2021-05-01 09:00:00"},
        {"note_id": "N5", "written_at": "2022-06-02 09:00:00", "note_type": "Phone"},
        {"note_id": "N6", "written_at": "2022-05-31 09:00:00", "note_type": "Phone"},
    ],
    "appointments": [{"appointment_id": "A1"}, {"appointment_id": "A2", "starts_at": "2019-03-04 09:00:00"}],
    "tasks": [{"task_id": "K1", "due_at": "2019-03-04 09:00:00"}],
}


def left(folder: Path, settings: str) -> dict[str, set[str]]:
    """Which rows a claim that stages nothing took."""
    made = make_shipped(folder, settings, **ROWS)
    staging = made.stage()
    found: dict[str, set[str]] = {}
    for mapping, source_id in made.rows("SELECT mapping, source_id FROM staged.claims"):
        if mapping.startswith(("later_wave_", "older_")):
            found.setdefault(mapping, set()).add(source_id)
    assert {name: len(ids) for name, ids in found.items()} == staging.left
    for name in ("practice", "patient", "treatment_case", "note", "activity", "appointment"):
        assert {row[0] for row in made.staged(name, "source_id")} & set().union(*found.values()) == set()
    return found


@pytest.mark.parametrize(
    ("companies", "later"),
    [
        pytest.param("[]", {}, id="all"),
        pytest.param(
            '["P1"]',
            {"companies": {"P2", "P3"}, "contacts": {"C2"}, "cases": {"T2"}, "notes": {"N2", "N3"}},
            id="one practice: people, deals and notes of another wait",
        ),
        pytest.param(
            '["P2"]',
            {
                "companies": {"P1"},
                "contacts": {"C1"},
                "cases": {"T1"},
                "notes": {"N1", "N4", "N5", "N6"},
                "appointments": {"A1", "A2"},
                "tasks": {"K1"},
            },
            id="a practice with its parent",
        ),
    ],
)
def test_a_wave_leaves_what_hangs_on_other_practices(tmp_path, companies, later):
    assert left(tmp_path, f"[scope]\ncompanies = {companies}\n") == {
        f"later_wave_{name}": ids for name, ids in later.items()
    }


def test_recent_history_leaves_older_notes_calls_and_appointments_and_no_task(tmp_path):
    assert left(tmp_path, '[policy]\nhistory = "recent:24m"\n') == {
        "older_notes": {"N4", "N6"},
        "older_appointments": {"A2"},
    }


def test_a_wider_scope_adds_rows_and_changes_none(tmp_path):
    made = make_shipped(tmp_path, '[scope]\ncompanies = ["P1"]\n', **ROWS)
    made.stage()
    before = dict(made.staged("patient", "source_id", "fingerprint"))
    made.write("migration.toml", '[practice]\ntime_zone = "America/Chicago"\n')
    made.stage()
    after = dict(made.staged("patient", "source_id", "fingerprint"))
    assert (set(before), set(after) - set(before)) == ({"C1", "C3"}, {"C2"})
    assert {key: after[key] for key in before} == before
