"""The shipped mappings do what the rules say, row by row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from little import Little
from shipped import REPOSITORY, make_shipped

from workbench.checks.predicates import failing_sql
from workbench.warehouse import open_warehouse

PEOPLE = [
    {"contact_id": "C2", "status": "Cold Prospect", "company_id": "", "employer": "Acme Corp"},
    {"contact_id": "C3", "lifecycle_role": "Prospect", "status": "Referral Only"},
    {"contact_id": "C4", "lifecycle_role": "Prospect", "status": "Active"},
    {"contact_id": "C5", "lifecycle_role": "Responsible Party"},
    {"contact_id": "C6", "lifecycle_role": "Prospect", "status": "Referral Only"},
    {"contact_id": "D1", "lifecycle_role": "Referring Dentist", "npi": "1234567893", "specialty": "Endodontics"},
    {"contact_id": "D2", "lifecycle_role": "Referring Dentist", "company_id": None, "employer": " LAKESIDE  Family dental"},
    {"contact_id": "D3", "lifecycle_role": "Referring Dentist", "company_id": None, "employer": "Bend Endodontics"},
    {"contact_id": "D4", "lifecycle_role": "Referring Dentist", "company_id": None, "employer": "Twin Oaks"},
    {"contact_id": "M1", "do_not_contact": "Y", "consent_email": "Y", "cf_drug_interaction_flag": ""},
    {"contact_id": "M2", "consent_email": "N", "cf_drug_interaction_flag": "N"},
    {"contact_id": "M3", "consent_email": "", "cf_drug_interaction_flag": "Y"},
    {"contact_id": "M4", "email": "a@example.com", "email2": "b@example.com", "phone_home": "(503) 363-5432"},
    {"contact_id": "M5", "cf_insurance_carrier": "Delta Dntl", "cf_member_id": "W123", "cf_medical_alert": "asthma"},
    {"contact_id": "M6", "created_at": "2021-03-04 23:30:00", "modified_at": "2022-07-02 09:00:00"},
]  # fmt: skip
COMPANIES = [
    {"company_id": "P2", "company_name": "Twin Oaks"},
    {"company_id": "P3", "company_name": "twin oaks", "parent_company_id": "P3"},
    {"company_id": "P4", "company_name": "Sun Dental", "parent_company_id": "P5", "time_zone": "America/Phoenix"},
    {"company_id": "P5", "company_name": "Sun Group", "parent_company_id": "P4"},
    {"company_id": "P6", "company_name": "Sun Annex", "parent_company_id": "P1"},
]
CASES = [
    {"case_id": "T1", "stage_id": "S2", "closed_date": "2020-02-03", "cf_claim_status": "PAYRECVD"},
    {"case_id": "T2", "closed_date": "2020-02-03", "cf_claim_status": "Rejected"},
    {"case_id": "T5", "cf_claim_appealed_on": "2024-01-03; 3/1/2024", "cf_claim_number": "CL9"},
    {"case_id": "T6", "cf_claim_appealed_on": "2024-01-03", "cf_claim_submitted_on": "2024-02-01"},
    {"case_id": "T3", "cf_ada_codes": ";".join(f"D{1000 + n}" for n in range(43))},
    {"case_id": "T4", "cf_ada_codes": ";".join(f"D{1000 + n}" for n in range(85))},
]
APPOINTMENTS = [
    {"appointment_id": "A1", "contact_id": "C6", "status": "Confirmed", "starts_at": "2024-07-01 09:00:00"},
    {"appointment_id": "A2", "company_id": "P4"},
    {"appointment_id": "A3", "ends_at": "2024-03-04 08:30:00"},
    {"appointment_id": "A4", "company_id": ""},
    {"appointment_id": "A5", "starts_at": "2024-03-10 02:30:00"},
]
TASKS = [
    {"task_id": "K1", "status": "Done", "completed_at": "2024-03-05 10:00:00", "created_at": "2024-03-01 08:00:00"},
    {"task_id": "K2", "due_at": None, "recurrence": "monthly"},
    {"task_id": "K3", "subject": "Recall", "description": "6MRC due 4/15/25 - prophy", "task_type": "Recall"},
]
NOTES = [
    {"note_id": "N1", "note_type": "Phone", "body": "Asked about the crown"},
    {"note_id": "N2", "note_type": "Text"},
    {"note_id": "N3", "note_type": "Clinical", "body": "<b>ok</b><script>x</script>", "body_format": "html"},
    {"note_id": "N4", "author_user_id": "U9"},
    {"note_id": "N5", "related_object": "appointment", "related_id": "A1"},
    {"note_id": "N6", "note_type": "Email", "author_user_id": "U9"},
]


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Little:
    """All of these rows, staged once."""
    folder = tmp_path_factory.mktemp("shipped")
    made = make_shipped(
        folder, companies=COMPANIES, contacts=PEOPLE, cases=CASES, appointments=APPOINTMENTS, tasks=TASKS, notes=NOTES
    )
    made.stage()
    return made


def one(staged: Little, mapping: str, source_id: str, *columns: str):
    """The columns of one staged row."""
    return staged.rows(f"SELECT {', '.join(columns)} FROM staged.{mapping} WHERE source_id = '{source_id}'")[0]


def held(staged: Little, source_id: str) -> list[tuple[str, str, str]]:
    """Why a row is held: field, rule, message."""
    return [row[1:3] + row[4:] for row in staged.problems() if row[0] == source_id and row[3] == "hold"]


@pytest.mark.parametrize(
    ("person", "mapping"),
    [
        pytest.param("C1", "patient", id="active patient"),
        pytest.param("C2", "prospect", id="cold patient without an appointment"),
        pytest.param("C3", "prospect", id="prospect without an appointment"),
        pytest.param("C4", "unclaimed_contacts", id="prospect of another status is held"),
        pytest.param("C5", "patient", id="responsible party"),
        pytest.param("C6", "patient", id="prospect with an appointment after the snapshot"),
        pytest.param("D1", "referring_dentist", id="referring dentist"),
    ],
)
def test_each_person_takes_one_route(staged, person, mapping):
    assert staged.rows(f"SELECT mapping FROM staged.claims WHERE source_id = '{person}'") == [(mapping,)]


def test_the_lifecycle_stage_follows_the_route(staged):
    stages = [one(staged, mapping, who, "lifecycle_stage_id")[0] for mapping, who in (
        ("patient", "C1"), ("prospect", "C2"), ("referring_dentist", "D1"))]  # fmt: skip
    assert stages == ["Customer", "Lead", "Referring Dentist"]


def test_a_prospect_carries_the_lead_company_and_the_account_where_it_moves(staged):
    assert one(staged, "prospect", "C2", "cf_lead_company", "account") == ("Acme Corp", None)
    assert one(staged, "prospect", "C3", "cf_lead_company", "account") == ("Lakeside Family Dental", "companies/P1")


def test_a_referring_dentist_is_flagged_with_npi_and_specialty(staged):
    assert one(staged, "referring_dentist", "D1", "cf_referrer", "cf_npi", "cf_specialty") == (
        "true",
        "1234567893",
        "Endodontics",
    )
    assert one(staged, "patient", "C1", "cf_referrer") == ("false",)


def test_a_dentists_practice_is_the_company_else_the_employer_of_that_name_else_a_new_account(staged):
    accounts = [one(staged, "referring_dentist", who, "account")[0] for who in ("D1", "D2", "D3")]
    assert accounts == ["companies/P1", "companies/P1", "employers/employer:bend-endodontics"]
    assert staged.staged("referring_practice", "name", "cf_company_type") == [
        ("Bend Endodontics", "Referring Practice")
    ]


def test_a_dentist_whose_employer_names_two_practices_is_held(staged):
    assert held(staged, "D4") == [("route", "route", "employer names 2 practices")]


@pytest.mark.parametrize(("person", "status"), [("M1", "0"), ("M2", "0"), ("M3", "2"), ("M4", "2")])
def test_no_consent_is_unsubscribed_and_blank_is_not_subscribed(staged, person, status):
    assert one(staged, "patient", person, "subscription_status") == (status,)


@pytest.mark.parametrize(("person", "flag"), [("M1", "Not recorded"), ("M2", "No"), ("M3", "Yes")])
def test_a_blank_drug_flag_is_never_no(staged, person, flag):
    assert one(staged, "patient", person, "cf_drug_interaction_flag") == (flag,)


def test_a_second_email_and_other_phones_go_into_freshsales_own_lists(staged):
    assert one(staged, "patient", "M4", "emails_more", "phone_numbers") == (
        '["b@example.com"]',
        '[{"label":"Home","value":"+15033635432"}]',
    )


def test_identifiers_and_medical_alerts_are_left_out_with_a_reason(staged):
    ignored = staged.mappings["patient"].ignored
    for column in ("cf_member_id", "cf_group_number", "cf_subscriber_dob", "cf_medical_alert"):
        assert "minimum necessary" in ignored[column]
    assert "minimum necessary" in staged.mappings["practice"].ignored["tax_id"]
    cells = [str(cell) for row in staged.rows("SELECT * FROM staged.patient") for cell in row]
    assert [cell for cell in cells if "W123" in cell or "asthma" in cell] == []


def test_original_dates_are_local_days_and_stamps_hold_both_times_with_offsets(staged):
    assert one(staged, "patient", "M6", "cf_original_create_date", "cf_original_modified_date", "cf_source_stamps") == (
        "2021-03-04",
        "2022-07-02",
        "created 2021-03-04T23:30:00-06:00; modified 2022-07-02T09:00:00-05:00",
    )


def test_every_kind_of_record_with_custom_fields_keeps_its_source_id(staged):
    for mapping in ("patient", "prospect", "referring_dentist", "practice", "referring_practice", "treatment_case"):
        assert staged.rows(f"SELECT count(*) FROM staged.{mapping} WHERE cf_source_system_id <> source_id") == [(0,)]
        assert staged.mappings[mapping].fields["cf_source_system_id"].required


def test_a_carrier_gets_the_decided_name(staged):
    assert one(staged, "patient", "M5", "cf_insurance_carrier") == ("Delta Dental of Ohio",)


def test_accounts_get_the_industry_and_equal_names_are_told_apart(staged):
    assert one(staged, "practice", "P1", "industry_type_id") == ("Healthcare / Dental",)
    assert [one(staged, "practice", who, "name")[0] for who in ("P2", "P3")] == ["Twin Oaks (P2)", "twin oaks (P3)"]


def test_parents_go_first_and_a_circle_or_self_parent_is_cut(staged):
    parents = staged.staged("practice", "source_id", "depth", "parent_sales_account_id")
    assert parents == [
        ("P1", 0, None),
        ("P2", 0, None),
        ("P3", 0, None),
        ("P4", 0, None),
        ("P5", 0, None),
        ("P6", 1, "companies/P1"),
    ]


def test_only_won_and_lost_deals_have_a_closing_date(staged):
    assert one(staged, "treatment_case", "T1", "closed_date") == ("2020-02-03",)
    assert one(staged, "treatment_case", "T2", "closed_date") == (None,)


def test_a_claim_status_is_one_of_the_five_and_an_open_one_is_left_out_and_listed(staged):
    assert one(staged, "treatment_case", "T1", "cf_claim_status") == ("Paid",)
    assert one(staged, "treatment_case", "T2", "cf_claim_status") == (None,)
    listed = [row for row in staged.problems() if row[0] == "T2" and row[1] == "cf_claim_status"]
    assert [row[2:4] for row in listed] == [("open", "warn")]
    choices = next(field for field in staged.mappings.custom_fields["deals"] if field.name == "cf_claim_status").choices
    assert list(choices) == ["Submitted", "Pending", "Paid", "Denied", "Appeal"]


def test_claim_dates_are_days_and_a_second_appeal_goes_into_a_note_on_the_deal(staged):
    assert one(staged, "treatment_case", "T6", "cf_claim_appealed_on", "cf_claim_submitted_on") == (
        "2024-01-03",
        "2024-02-01",
    )
    assert one(staged, "treatment_case", "T5", "cf_claim_appealed_on") == ("2024-01-03",)
    ((text, target),) = staged.staged("claim_history", "description", "target")
    assert text.startswith(
        "Claim CL9 was appealed 2 times: 2024-01-03, 2024-03-01<br>[Dental-Exec claim_history/T5:appeals"
    )
    assert target == "cases/T5"


def test_claim_dates_out_of_order_are_a_finding_and_stay_as_they_are(staged):
    suite = json.loads((REPOSITORY / "expectations/staged/treatment_case.json").read_text("utf-8"))
    pairs = [one for one in suite["expectations"] if one["type"].startswith("expect_column_pair")]
    assert {one["meta"]["severity"] for one in pairs} == {"warn"}
    found = {
        (one["kwargs"]["column_A"], one["kwargs"]["column_B"])
        for one in pairs
        if staged.rows(f"SELECT 1 FROM staged.treatment_case WHERE {failing_sql(one['type'], one['kwargs'], '')}")
    }
    assert found == {("cf_claim_appealed_on", "cf_claim_submitted_on")}


def test_phones_may_repeat_and_old_history_is_known_by_the_time_of_its_row(staged):
    people = ("patient", "prospect", "referring_dentist")
    unique = {field.name for name in people for field in staged.mappings[name].fields.values() if field.unique}
    assert unique == {"email"}
    dated = {one.name: one.history for one in staged.mappings.objects if one.history}
    assert dated == dict.fromkeys(("note", "activity", "activity_as_note"), "written_at") | {"appointment": "starts_at"}


def test_codes_beyond_42_go_to_a_second_field_and_beyond_84_the_row_is_held(staged):
    first, more = one(staged, "treatment_case", "T3", "cf_ada_codes", "cf_ada_codes_more")
    assert (len(first.split(";")), more) == (42, "D1042")
    assert [row[1] for row in held(staged, "T4")] == ["ada_codes"]


@pytest.mark.parametrize(
    ("appointment", "starts", "ends", "zone"),
    [
        pytest.param("A1", "2024-07-01T09:00:00-05:00", "2024-07-01T10:00:00-05:00", "Central Time (US & Canada)", id="summer"),
        pytest.param("A2", "2024-03-04T09:00:00-07:00", "2024-03-04T10:00:00-07:00", "Arizona", id="zone of the company"),
        pytest.param("A4", "2024-03-04T09:00:00-06:00", "2024-03-04T10:00:00-06:00", "Central Time (US & Canada)", id="practice"),
    ],
)  # fmt: skip
def test_an_appointment_keeps_the_time_of_its_place(staged, appointment, starts, ends, zone):
    assert one(staged, "appointment", appointment, "from_date", "end_date", "time_zone") == (starts, ends, zone)


@pytest.mark.parametrize(("appointment", "rule"), [("A3", "end_before_start"), ("A5", "skipped_hour")])
def test_an_appointment_that_ends_early_or_starts_in_no_hour_is_held(staged, appointment, rule):
    assert rule in [row[1] for row in held(staged, appointment)]


def test_a_patient_is_the_target_of_an_appointment_and_never_attends(staged):
    lookups = staged.mappings["appointment"].lookups
    assert set(lookups) == {"target", "owner_id"}
    assert one(staged, "appointment", "A1", "target") == ("contacts/C6",)


def test_a_task_keeps_title_due_date_and_status_and_its_completion_in_the_marker(staged):
    assert one(staged, "task", "K1", "title", "due_date", "status") == ("Call", "2024-03-04T09:00:00-06:00", "1")
    assert one(staged, "task", "K1", "description")[0].endswith(
        "[Dental-Exec tasks/K1 · 2024-03-01T08:00:00-06:00 · mreyes@example.com · completed 2024-03-05T10:00:00-06:00]"
    )


def test_a_recurring_task_without_a_date_is_held(staged):
    assert held(staged, "K2") == [("due_date", "required", "has no due_date")]


def test_a_person_may_set_the_date_of_a_recurring_task(tmp_path: Path):
    made = make_shipped(tmp_path, tasks=[TASKS[1], TASKS[1] | {"task_id": "K9"}])
    made.values("task_due", "K2,map,2024-07-01 09:00:00", "K9,ask,")
    made.stage()
    assert made.staged("task", "source_id", "due_date") == [("K2", "2024-07-01T09:00:00-05:00"), ("K9", None)]
    assert [row[0] for row in made.problems()] == ["K9"]


def test_recall_text_fills_the_contact_and_the_task_stays_whole(staged):
    assert one(staged, "patient", "C1", "cf_recall_type", "cf_recall_due", "cf_recall_interval") == (
        "Prophy",
        "2025-04-15",
        "6m",
    )
    assert one(staged, "task", "K3", "description")[0].startswith("6MRC due 4/15/25 - prophy\n")


@pytest.mark.parametrize(("note", "kind"), [("N1", "Phone"), ("N2", "SMS Outgoing"), ("N6", "Email")])
def test_calls_mails_and_texts_are_sales_activities_that_start_and_end_when_written(staged, note, kind):
    found = one(staged, "activity", note, "sales_activity_type_id", "start_date", "end_date")
    assert found == (kind, "2024-03-04T09:00:00-06:00", "2024-03-04T09:00:00-06:00")


def test_a_note_is_sanitised_and_ends_in_a_marker_with_object_id_time_and_author(staged):
    assert one(staged, "note", "N3", "description") == (
        "<b>ok</b><br>[Dental-Exec notes/N3 · 2024-03-04T09:00:00-06:00 · mreyes@example.com]",
    )


def test_a_note_links_to_the_record_it_came_with(staged):
    assert one(staged, "note", "N3", "target") == ("contacts/C1",)
    assert one(staged, "note", "N5", "target") == ("contacts/C6",)  # of an appointment: its patient


def test_a_note_needs_no_owner_and_an_activity_without_one_is_held(staged):
    assert "owner_id" not in staged.mappings["note"].lookups
    assert held(staged, "N4") == []
    assert [row[:2] for row in held(staged, "N6")] == [("owner_id", "owner")]


def test_every_record_that_has_an_owner_needs_one(staged):
    for mapping in ("patient", "prospect", "referring_dentist", "practice", "referring_practice", "treatment_case",
                    "task", "appointment", "activity"):  # fmt: skip
        assert staged.mappings[mapping].lookups["owner_id"].required, mapping


def test_clinical_notes_need_an_agreement_for_a_real_target(tmp_path: Path):
    from workbench.staging.stage import stage

    for baa, mapping in (("", "clinical_without_baa"), ("signed 2024-01-02", "note")):
        made = make_shipped(tmp_path / (baa or "none"), f'[privacy]\nbaa = "{baa}"\n', notes=[NOTES[2]])
        made.stage()
        assert made.rows("SELECT mapping FROM staged.claims WHERE source_id = 'N3'") == [("note",)]
        stage(made.real, made.mappings, tenant="t")
        assert made.rows("SELECT mapping FROM staged.claims WHERE source_id = 'N3'") == [(mapping,)]


@pytest.mark.parametrize(
    ("types", "stands", "claims"),
    [
        pytest.param(["Phone"], {}, {"N1": "activity", "N2": "activity_as_note"}, id="a type that is lacking"),
        pytest.param([], {}, {"N1": "activity_as_note", "N2": "activity_as_note"}, id="no type at all"),
        pytest.param(
            ["Phone", "SMS Outgoing"],
            {"N1": "note"},
            {"N1": "activity_as_note", "N2": "activity"},
            id="a call that stands as a note stays one when the type comes",
        ),
        pytest.param(
            [],
            {"N1": "sales_activity"},
            {"N1": "activity_as_note", "N2": "activity_as_note"},
            id="an activity cannot be written without its type",
        ),
    ],
)
def test_a_call_goes_where_the_tenant_has_a_type_for_it_and_a_note_stays_a_note(tmp_path, types, stands, claims):
    made = make_shipped(tmp_path, notes=NOTES[:2])
    with open_warehouse(made.settings.warehouse, write=True) as warehouse:
        warehouse.run("CREATE TABLE destination.choices (kind VARCHAR, name VARCHAR)")
        warehouse.run("INSERT INTO destination.choices SELECT 'sales_activity_types', unnest(?::VARCHAR[])", [types])
        warehouse.run("CREATE TABLE destination.loaded (source_key VARCHAR, destination VARCHAR)")
        for note, kind in stands.items():
            warehouse.run("INSERT INTO destination.loaded VALUES (?, ?)", [f"notes/{note}", kind])
    made.stage()
    assert dict(made.rows("SELECT source_id, mapping FROM staged.claims WHERE source_object = 'notes'")) == claims
    assert made.staged("activity_as_note", "source_id") == [
        (one,) for one in claims if claims[one] == "activity_as_note"
    ]
