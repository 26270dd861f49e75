"""A wave stages the practices it names with all that hangs on them; the rest is excluded until its wave comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from little import Little
from shipped import Row, make_shipped

from workbench.staging.stage import stage
from workbench.warehouse import open_warehouse

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


OLD = [
    {"note_id": "N1", "note_type": "Phone", "written_at": "2019-05-01 23:30:00", "body": "Asked about the crown"},
    {"note_id": "N2", "written_at": "2019-03-04 09:00:00", "body": "<p>Prefers <b>mornings</b></p>", "body_format": "html"},
    {"note_id": "N3", "related_object": "case", "related_id": "T1", "written_at": "2018-03-04 09:00:00", "body": "ortho"},
    {"note_id": "N4", "related_id": "C2", "written_at": "2019-03-04 09:00:00", "note_type": "Clinical"},
    {"note_id": "N5", "related_object": "company", "related_id": "P1", "written_at": "2019-03-04 09:00:00"},
    {"note_id": "N6", "written_at": "2022-01-04 09:00:00"},
    {"note_id": "N7", "written_at": "2019-03-04 09:00:00", "is_deleted": "Y"},
]  # fmt: skip
CONDENSED: dict[str, list[Row]] = {
    "contacts": [{"contact_id": "C2"}],
    "cases": [{"case_id": "T1"}],
    "notes": OLD,
    "appointments": [{"appointment_id": "A1", "starts_at": "2019-03-01 09:00:00"}, {"appointment_id": "A2"}],
    "tasks": [{"task_id": "K1", "due_at": "2019-03-04 09:00:00"}],
}
POLICY = '[policy]\nhistory = "condensed"\n'


def claimed(made: Little) -> dict[str, str]:
    """Which claim each note and appointment of the export has."""
    rows = made.rows("SELECT source_id, mapping FROM staged.claims WHERE source_object IN ('notes', 'appointments')")
    return dict(rows)


def test_condensed_history_is_one_note_a_patient_and_year_with_a_line_a_row_and_the_marker_last(tmp_path):
    made = make_shipped(tmp_path, POLICY, **CONDENSED)
    staging = made.stage()
    assert made.staged("history_summary", "source_id", "target", "description") == [
        (
            "C1:2018",
            "contacts/C1",
            "2018: 1 entry<br>2018-03-04 · General: ortho<br>"
            "[Dental-Exec history/C1:2018 · 2018-03-04T09:00:00-06:00 · mreyes@example.com]",
        ),
        (
            "C1:2019",
            "contacts/C1",
            "2019: 3 entries<br>2019-03-01 · Appointment: Cleaning, Completed<br>2019-03-04 · General: Prefers mornings<br>"
            "2019-05-01 · Phone: Asked about the crown<br>"
            "[Dental-Exec history/C1:2019 · 2019-05-01T23:30:00-05:00 · mreyes@example.com]",
        ),
        (
            "C2:2019",
            "contacts/C2",
            "2019: 1 entry<br>2019-03-04 · Clinical: well<br>"
            "[Dental-Exec history/C2:2019 · 2019-03-04T09:00:00-06:00 · mreyes@example.com]",
        ),
    ]
    assert staging.left == {"condensed_notes": 4, "condensed_appointments": 1}
    assert claimed(made) == {
        **dict.fromkeys(("N1", "N2", "N3", "N4"), "condensed_notes"),
        "N5": "note",  # of a practice, which is no patient
        "N6": "note",  # of a year that is not over for as long
        "N7": "deleted_notes",
        "A1": "condensed_appointments",
        "A2": "appointment",
    }
    assert [row[0] for row in made.staged("task", "source_id")] == ["K1"]
    assert made.rows("SELECT summary FROM staged.condensed WHERE source_object = 'notes' AND source_id = 'N1'") == [
        ("history/C1:2019",)
    ]


def test_a_row_with_a_record_of_its_own_keeps_it_and_is_in_no_summary(tmp_path):
    made = make_shipped(tmp_path, POLICY, **CONDENSED)
    with open_warehouse(made.settings.warehouse, write=True) as warehouse:
        warehouse.run(
            "CREATE TABLE destination.loaded AS SELECT unnest(['notes/N1', 'notes/N3']) AS source_key, unnest(['sales_activity', 'note']) AS destination"
        )
    made.stage()
    assert (claimed(made)["N1"], claimed(made)["N3"]) == ("activity", "note")
    summaries = dict(made.staged("history_summary", "source_id", "description"))
    assert set(summaries) == {"C1:2019", "C2:2019"} and "crown" not in summaries["C1:2019"]


def test_a_wave_and_an_agreement_come_before_the_history(tmp_path):
    made = make_shipped(
        tmp_path, f'{POLICY}[scope]\ncompanies = ["P2"]\n', companies=[{"company_id": "P2"}], **CONDENSED
    )
    made.stage()
    assert made.staged("history_summary", "source_id") == []
    assert {claimed(made)[one] for one in ("N1", "N2", "A1")} == {"later_wave_notes", "later_wave_appointments"}
    real = make_shipped(tmp_path / "real", POLICY, **CONDENSED)
    stage(real.real, real.mappings, tenant="t")
    assert claimed(real)["N4"] == "clinical_without_baa"
    assert [row[0] for row in real.staged("history_summary", "source_id")] == ["C1:2018", "C1:2019"]


def test_a_late_row_changes_the_summary_of_its_year_and_no_other(tmp_path):
    made = make_shipped(tmp_path, POLICY, **CONDENSED)
    made.stage()
    before = dict(made.staged("history_summary", "source_id", "fingerprint"))
    late = {"note_id": "N9", "note_type": "Email", "written_at": "2019-04-01 09:00:00", "body": "Sent the form"}
    later = make_shipped(tmp_path / "later", POLICY, **CONDENSED | {"notes": [*reversed(OLD), late]})
    later.stage()
    after = dict(later.staged("history_summary", "source_id", "fingerprint"))
    assert {key for key in after if after[key] != before.get(key)} == {"C1:2019"}
    ((text,),) = later.rows("SELECT description FROM staged.history_summary WHERE source_id = 'C1:2019'")
    assert text.startswith("2019: 4 entries<br>") and "<br>2019-04-01 · Email: Sent the form<br>" in text


def test_a_long_year_of_a_patient_becomes_several_notes_and_every_line_stands_in_one(tmp_path):
    many = [{"note_id": f"M{n:04}", "written_at": "2019-03-04 09:00:00", "body": f"call number {n:04} " + "x" * 40} for n in range(300)]  # fmt: skip
    made = make_shipped(tmp_path, POLICY, notes=many)
    made.stage()
    parts = made.staged("history_summary", "source_id", "description")
    assert [row[0] for row in parts] == ["C1:2019", "C1:2019:part-2", "C1:2019:part-3"]
    assert max(len(text) for _, text in parts) <= 10_000
    assert all(text.endswith("]") and f"[Dental-Exec history/{name} ·" in text for name, text in parts)
    assert sum(f"call number {n:04} " in "".join(text for _, text in parts) for n in range(300)) == 300
