"""Every rule of the migration is met by somebody, even in the smallest practice."""

from __future__ import annotations


def reasons(written, source_object):
    return {entry["reason"] for entry in written.fates("held", source_object=source_object)}


def test_rows_of_every_object_are_held_for_each_reason(smallest):
    assert reasons(smallest, "contacts") == {"route", "owner", "duplicate_employer"}
    assert reasons(smallest, "companies") == {"owner"}
    assert reasons(smallest, "tasks") == {"owner", "due_date"}
    assert reasons(smallest, "appointments") == {"owner", "time"}
    assert reasons(smallest, "cases") == {"owner"}
    assert reasons(smallest, "notes") == {"owner"}
    assert not reasons(smallest, "attachments")


def test_people_notes_and_tasks_are_deleted_at_the_source(smallest):
    assert {entry["source_object"] for entry in smallest.truth["excluded"]} == {"contacts", "notes", "tasks"}
    assert any(row["merged_into_contact_id"] for row in smallest.rows["contacts"].values())


def test_rows_of_every_object_wait_for_a_parent(smallest):
    waiting = {(entry["source_object"], entry["waits_for"].split("/")[0]) for entry in smallest.truth["deferred"]}
    for name in ("cases", "appointments", "tasks", "notes", "attachments"):
        assert (name, "contacts") in waiting
    assert ("notes", "companies") in waiting
    assert ("notes", "cases") in waiting


def test_each_way_to_no_route_is_taken(smallest):
    ways = {
        (smallest.rows["contacts"][entry["source_id"]][column])
        for entry in smallest.fates("held", source_object="contacts", reason="route")
        for column in ("lifecycle_role", "status")
    }
    assert {"", "Patient;Referring Dentist", "Vendor", "Other", "Deceased", "Archived"} <= ways


def test_prospects_with_and_without_an_appointment(smallest):
    found = {
        (row["lifecycle_role"], row["status"], row["has_scheduled_appointment"], record["fields"]["lifecycle_stage"])
        for record in smallest.records("contacts")
        for row in [smallest.rows["contacts"][record["source_id"]]]
    }
    for expected in (
        ("Prospect", "Cold Prospect", "", "Lead"),
        ("Prospect", "Referral Only", "N", "Lead"),
        ("Prospect", "Referral Only", "", "Customer"),
        ("Prospect", "Cold Prospect", "Y", "Customer"),
        ("Patient", "Cold Prospect", "", "Lead"),
        ("Patient", "Cold Prospect", "", "Customer"),
        ("Patient", "Referral Only", "N", "Lead"),
        ("Responsible Party", "Active", "", "Customer"),
    ):
        assert (*expected[:2], expected[3]) in {(role, status, stage) for role, status, _, stage in found}, expected


def test_leads_carry_a_company(smallest):
    leads = [r for r in smallest.records("contacts") if r["fields"]["lifecycle_stage"] == "Lead"]
    assert all(lead["custom_field"]["cf_lead_company"] for lead in leads)
    assert any("account" not in lead["links"] for lead in leads)


def test_an_employer_text_finds_makes_or_misses_an_account(smallest):
    dentists = [r for r in smallest.records("contacts") if r["custom_field"]["cf_referrer"]]
    accounts = [dentist["links"].get("account", "none") for dentist in dentists]
    assert accounts.count("employers/employer:harbor-oral-surgery") >= 2
    assert "none" in accounts
    found = [d for d in dentists if d["custom_field"].get("cf_employer") == "lund endodontics"]
    assert [dentist["links"]["account"] for dentist in found] == ["companies/P-0021"]
    assert smallest.record("employers/employer:harbor-oral-surgery")["fields"] == {
        "name": "Harbor Oral Surgery",
        "industry_type": "Healthcare / Dental",
    }


def test_equal_names_of_companies_are_told_apart(smallest):
    names = {record["source_id"]: record["fields"]["name"] for record in smallest.records("companies")}
    assert names["P-0011"] == "Lakeside Family Dental (Evanston, IL)"
    assert names["P-0014"] == "Lakeside Family Dental (Erie, PA)"
    assert names["P-0025"] == "Smile Specialists (P-0025)"
    assert len(set(names.values())) == len(names)


def test_companies_stand_in_three_levels_a_child_before_its_parent(smallest):
    order = list(smallest.rows["companies"])
    parents = {record["source_id"]: record["links"].get("parent", "") for record in smallest.records("companies")}
    assert parents["P-0011"] == "companies/P-0002"
    assert parents["P-0002"] == "companies/P-0001"
    assert order.index("P-0011") < order.index("P-0002") < order.index("P-0001")
    assert smallest.rows["companies"]["P-0001"]["time_zone"] == ""


def test_recalls_come_from_tasks_else_from_columns(smallest):
    found = set()
    for record in smallest.records("contacts"):
        row, custom = smallest.rows["contacts"][record["source_id"]], record["custom_field"]
        if "cf_recall_type" in custom:
            found.add("task over column" if row["cf_next_recall"] else "task")
            assert {"cf_recall_interval", "cf_recall_due"} <= set(custom)
        elif row["cf_next_recall"]:
            found.add("column")
            assert custom["cf_recall_due"] == row["cf_next_recall"]
    assert found == {"task", "column", "task over column"}


def test_cases_meet_every_pipeline_claim_status_and_kind_of_code(smallest):
    deals = smallest.records("cases")
    assert {deal["fields"]["deal_pipeline"] for deal in deals} == {"Restorative", "Ortho", "Perio", "Oral Surgery"}
    assert {deal["fields"]["deal_stage"] for deal in deals} >= {"Completed", "Declined"}
    assert {deal["custom_field"].get("cf_claim_status") for deal in deals} >= {"Submitted", "Pending", "Paid", "Denied"}
    assert any("cf_ada_codes_unread" in deal["custom_field"] for deal in deals)
    typed = [smallest.rows["cases"][deal["source_id"]]["cf_ada_codes"] for deal in deals]
    arrived = [deal["custom_field"].get("cf_ada_codes") for deal in deals]
    assert any(text != codes for text, codes in zip(typed, arrived, strict=True) if codes)
    closed = [deal["fields"].get("closed_date") for deal in deals]
    assert any(closed)
    assert not all(closed)


def test_appointments_end_by_time_or_by_length_or_have_no_time_yet(smallest):
    ends = {(bool(row["ends_at"]), bool(row["duration_minutes"])) for row in smallest.rows["appointments"].values()}
    assert ends == {(True, False), (False, True), (False, False)}


def test_notes_and_tasks_hang_on_everything(smallest):
    related = {
        name: {row["related_object"] for row in smallest.rows[name].values()}
        for name in ("notes", "tasks", "attachments")
    }
    assert related["notes"] == {"contact", "case", "appointment", "company"}
    assert related["tasks"] == {"contact", "case", "appointment", "company", "none"}
    assert related["attachments"] == {"contact", "case"}
    kinds = {row["note_type"] for row in smallest.rows["notes"].values()}
    assert kinds == {"Clinical", "General", "Financial", "Phone", "Email", "Text", "Referral"}
