"""Truth adds up, and says what the contract says; worked out here a second time, from the export alone."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

OBJECTS = ("companies", "contacts", "cases", "appointments", "tasks", "notes", "attachments")
SECTIONS = ("records", "held", "excluded", "deferred")
AHEAD = ("Scheduled", "Confirmed")
SNAPSHOT = "2026-03-01 06:00:00"
NEVER_TRAVELS = ("cf_member_id", "cf_group_number", "cf_subscriber_dob", "cf_medical_alert", "tax_id")


@pytest.fixture(params=["first", "later"])
def written(request):
    return request.getfixturevalue(request.param)


def route(row: dict[str, str], has_appointment: bool) -> str:
    role, status = row["lifecycle_role"], row["status"]
    if role == "Referring Dentist":
        return "referring_dentist"
    if role not in ("Patient", "Prospect", "Responsible Party") or status in ("Deceased", "Archived"):
        return "hold"
    if role == "Responsible Party" or has_appointment:
        return "patient"
    if status in ("Referral Only", "Cold Prospect"):
        return "prospect"
    return "patient" if role == "Patient" else "hold"


def test_every_row_has_one_fate(written):
    fates = Counter(
        (entry["source_object"], entry["source_id"])
        for s in SECTIONS
        for entry in written.truth[s]
        if not entry.get("removed")
    )
    assert set(fates.values()) == {1}
    for name in OBJECTS:
        assert {key for source_object, key in fates if source_object == name} == set(written.rows[name])
    assert {source_object for source_object, _ in fates} == {*OBJECTS, "employers"}


def test_routes_follow_role_status_and_appointments(written):
    booked = {
        row["contact_id"]
        for row in written.rows["appointments"].values()
        if row["status"] in AHEAD and row["starts_at"] >= SNAPSHOT
    }
    stages = {"patient": "Customer", "prospect": "Lead", "referring_dentist": "Referring Dentist"}
    held = {entry["source_id"]: entry["reason"] for entry in written.fates("held", source_object="contacts")}
    arriving = {record["source_id"]: record for record in written.records("contacts")}
    for key, row in written.rows["contacts"].items():
        said = row["has_scheduled_appointment"]
        decided = route(row, said == "Y" or (not said and key in booked))
        if key in arriving:
            assert arriving[key]["fields"]["lifecycle_stage"] == stages[decided], key
        assert (held.get(key) == "route") == (decided == "hold" and row["is_deleted"] == "N"), key


def test_owners_without_a_seat_hold_their_rows(written):
    users = written.rows["users"].values()
    mails = Counter(user["email"].lower() for user in users)
    seats = {u["user_id"]: u["email"] for u in users if u["is_active"] == "Y" and u["email"] and mails[u["email"]] == 1}
    assert [u["user_id"] for u in users if u["is_active"] == "Y" and u["user_id"] not in seats] == ["U012"]
    held = {(entry["source_object"], entry["source_id"]): entry["reason"] for entry in written.truth["held"]}
    records = {(record["source_object"], record["source_id"]): record for record in written.truth["records"]}
    for name, column in (*((o, "owner_user_id") for o in OBJECTS[:5]), ("notes", "author_user_id")):
        for key, row in written.rows[name].items():
            needs_seat = name != "notes" or row["note_type"] in ("Phone", "Email", "Text")
            if (name, key) in records and needs_seat:
                assert records[name, key]["owner"] == seats[row[column]]
            elif (name, key) in records:
                assert "owner" not in records[name, key]
            if held.get((name, key)) == "owner":
                assert row[column] not in seats


def test_one_of_a_family_keeps_the_address(written):
    arriving = {record["source_id"]: record for record in written.records("contacts")}
    rows = written.rows["contacts"]
    named = {row["guarantor_contact_id"] for row in rows.values()}
    shared = defaultdict(list)
    for key in arriving:
        shared[rows[key]["email"].lower()].append(key)
    for address, keys in shared.items():
        if not address:
            continue
        guarantors = [key for key in keys if key in named]
        oldest = min(keys, key=lambda key: (rows[key]["created_at"], key))
        holder = guarantors[0] if guarantors else oldest
        for key in keys:
            record = arriving[key]
            own = rows[key]["email"] if key == holder else rows[key]["email2"] or None
            assert record["fields"].get("email") == own, key
            assert record["custom_field"].get("cf_shared_email") == (None if key == holder else rows[key]["email"]), key
    assert sum(len(keys) > 1 for address, keys in shared.items() if address) >= 4


def test_everyone_who_arrives_can_be_reached(written):
    for record in written.records("contacts"):
        assert {"email", "mobile_number", "work_number"} & set(record["fields"]), record["source_id"]


def test_times_carry_the_offset_of_their_company(written):
    contacts, companies = written.rows["contacts"], written.rows["companies"]
    for record in written.records("contacts"):
        row = contacts[record["source_id"]]
        zone = companies.get(row["company_id"], {}).get("time_zone") or "America/Chicago"
        made, changed = (
            datetime.fromisoformat(row[column]).replace(tzinfo=ZoneInfo(zone)).isoformat()
            for column in ("created_at", "modified_at")
        )
        assert record["custom_field"]["cf_source_stamps"] == f"created {made}; modified {changed}"
        assert record["custom_field"]["cf_original_create_date"] == row["created_at"][:10]
    zones = {record["fields"]["time_zone"] for record in written.records("appointments")}
    assert zones == {"Central Time (US & Canada)", "Eastern Time (US & Canada)"}
    assert all(r["fields"]["from_date"] < r["fields"]["end_date"] for r in written.records("appointments"))


def test_links_point_at_rows_that_arrive_too(written):
    arriving = {f"{r['source_object']}/{r['source_id']}" for r in written.truth["records"]}
    for record in written.truth["records"]:
        assert set(record["links"].values()) <= arriving
    waiting = {f"{e['source_object']}/{e['source_id']}" for s in SECTIONS[1:] for e in written.truth[s]}
    assert {entry["waits_for"] for entry in written.truth["deferred"]} <= waiting


def test_carriers_are_canonical_or_open(written):
    canonical, seen, left = set(), 0, 0
    for record in (*written.records("contacts"), *written.records("cases")):
        typed = written.rows[record["source_object"]][record["source_id"]]["cf_insurance_carrier"]
        value = record["custom_field"].get("cf_insurance_carrier")
        seen, canonical = seen + bool(typed), canonical | {value}
        if record.get("open", {}).get("cf_insurance_carrier"):
            left += 1
            assert record["open"]["cf_insurance_carrier"] == typed
        elif value:
            plain = [re.sub(r"[^a-z0-9 ]", "", text.casefold()).split() for text in (typed, value)]
            assert plain[0] == plain[1], typed
    assert left / seen <= 0.2
    assert canonical <= {*canonical_names(), None}


def canonical_names() -> set[str]:
    from workbench.sample.spellings import Carriers

    return set(Carriers().canonical)


def test_what_must_not_travel_does_not(written):
    secrets = {
        row[column]
        for name in ("contacts", "companies")
        for row in written.rows[name].values()
        for column in NEVER_TRAVELS
        if row.get(column)
    }
    births = {row["date_of_birth"] for row in written.rows["contacts"].values()}
    delivered = {
        str(value)
        for name in ("contacts", "companies")
        for record in written.records(name)
        for place in ("fields", "custom_field")
        for value in record[place].values()
    }
    assert len(secrets) > 50
    assert not (secrets - births) & delivered


def test_claim_days_are_in_order(written):
    steps = ("submitted", "pending", "paid", "denied", "appealed")
    for row in written.rows["cases"].values():
        days = [row[f"cf_claim_{step}_on"] for step in steps if row[f"cf_claim_{step}_on"]]
        assert days == sorted(days)
        assert all(day < SNAPSHOT for day in days)


def test_activity_titles_begin_with_their_text(written):
    for record in written.records("notes", "sales_activity"):
        kind, _, start = record["fields"]["title"].partition(": ")
        assert start == record["fields"]["text"][:60] == start.strip()
        assert kind in ("Phone", "Email", "Text")
