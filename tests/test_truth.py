"""The comparison with the truth, which every other proof leans on, can itself be red."""

from __future__ import annotations

import pytest
from loaded import KEY, Loaded
from truth import Tenant, fates, mismatches, rejected_records


@pytest.fixture(scope="module", autouse=True)
def equal(loaded: Loaded):
    """Whatever a test changes is put back."""
    assert loaded.mismatches() == []
    yield
    assert loaded.mismatches() == []


def test_a_loaded_practice_equals_its_truth(loaded):
    truth = loaded.truth
    assert {one["destination"] for one in truth["records"]} == {
        "account",
        "contact",
        "deal",
        "task",
        "appointment",
        "note",
        "sales_activity",
        "file",
    }
    assert len(truth["records"]) > 300


@pytest.mark.parametrize(
    ("entity", "field", "value"),
    [
        pytest.param("contacts", "city", "Elsewhere", id="contact"),
        pytest.param("contacts", "subscription_status", 1, id="consent"),
        pytest.param("sales_accounts", "website", "https://other.example.com", id="account"),
        pytest.param("deals", "amount", 1, id="amount"),
        pytest.param("tasks", "due_date", "2031-01-01T09:00:00Z", id="task"),
        pytest.param("appointments", "location", "Op 99", id="appointment"),
        pytest.param("sales_activities", "title", "Something else", id="activity"),
    ],
)
def test_one_field_is_seen(loaded, entity, field, value):
    record = next(one for one in loaded.records(entity) if one.get(field) not in (None, value))
    with loaded.edited(entity, record, **{field: value}):
        (found,) = loaded.mismatches()
    assert f"fields.{field} should be " in found


def test_one_custom_field_is_seen(loaded):
    record = loaded.pick("contacts", cf_date_of_birth=...)
    with loaded.edited("contacts", record, custom_field={"cf_date_of_birth": "1970-01-01"}):
        (found,) = loaded.mismatches()
    assert found.startswith(f"contact contacts/{record['custom_field'][KEY]}: custom_field.cf_date_of_birth should be ")


def test_a_custom_field_that_should_be_empty_is_seen(loaded):
    record = next(one for one in loaded.records("deals") if not one["custom_field"].get("cf_lost_reason"))
    with loaded.edited("deals", record, custom_field={"cf_lost_reason": "cost"}):
        (found,) = loaded.mismatches()
    assert (
        found == f"deal cases/{record['custom_field'][KEY]}: custom_field.cf_lost_reason should be None and is 'cost'"
    )


def test_a_wrong_carrier_is_never_taken_for_an_open_one(loaded):
    spellings = loaded.practice.open_spellings()
    open_ones = [
        one for one in loaded.truth["records"] if (one.get("open") or {}).get("cf_insurance_carrier") in spellings
    ]
    contact = next(one for one in open_ones if one["destination"] == "contact")
    choices = {one["custom_field"].get("cf_insurance_carrier") for one in loaded.records("contacts")}
    wrong = sorted(choices - {None, contact["custom_field"].get("cf_insurance_carrier")})[0]  # junk stands for none
    record = loaded.pick("contacts", **{KEY: contact["source_id"]})
    with loaded.edited("contacts", record, custom_field={"cf_insurance_carrier": wrong}):
        (found,) = loaded.mismatches()
    assert "custom_field.cf_insurance_carrier should be " in found


def test_one_link_is_seen(loaded):
    record = loaded.pick("deals", sales_account_id=...)
    other = next(one for one in loaded.records("sales_accounts") if one["id"] != record["sales_account_id"])
    with loaded.edited("deals", record, sales_account_id=other["id"]):
        (found,) = loaded.mismatches()
    assert f"deal cases/{record['custom_field'][KEY]}: links.account should be " in found


@pytest.mark.parametrize("entity", ["sales_accounts", "contacts", "deals", "tasks", "sales_activities"])
def test_one_owner_is_seen(loaded, entity):
    record = loaded.pick(entity, owner_id=...)
    other = next(one["owner_id"] for one in loaded.records("sales_accounts") if one["owner_id"] != record["owner_id"])
    with loaded.edited(entity, record, owner_id=other):
        (found,) = loaded.mismatches()
    assert ": owner should be " in found


@pytest.mark.parametrize("change", ["words", "author", "time"])
def test_words_and_marker_of_a_note_are_seen(loaded, change):
    record = loaded.pick("notes", description=...)
    text, _, author = record["description"].rpartition(" · ")
    changed = {
        "words": record["description"].replace("[Dental-Exec", "not so [Dental-Exec", 1),
        "author": f"{text} · somebody@example.com]",
        "time": record["description"].replace("T", "t", 1)
        if "T" not in text[-26:]
        else f"{text[:-25]}2031-01-01T00:00:00-06:00 · {author}",
    }[change]
    assert changed != record["description"]
    with loaded.edited("notes", record, description=changed):
        (found,) = loaded.mismatches()
    assert f"fields.{'text' if change == 'words' else 'marker'} should be " in found


@pytest.mark.parametrize(
    ("entity", "destination"),
    [("tasks", "task"), ("notes", "note"), ("appointments", "appointment"), ("sales_activities", "sales_activity")],
)
def test_a_dropped_record_is_seen(loaded, entity, destination):
    with loaded.dropped(entity, loaded.pick(entity, id=...)):
        (found,) = loaded.mismatches()
    assert found.startswith(f"{destination} ") and found.endswith(": 0 records")


def test_a_dropped_file_is_seen(loaded):
    with loaded.dropped("documents", loaded.pick("documents", id=...)):
        (found,) = loaded.mismatches()
    assert found.startswith("files of ") and found.endswith(" differ")


def test_a_record_that_nobody_expects_is_seen(loaded):
    owner = loaded.pick("sales_accounts", owner_id=...)["owner_id"]
    with loaded.added("sales_accounts", {"name": "Nobody's practice", "owner_id": owner}):
        (found,) = loaded.mismatches()
    assert found == "extra account companies/"


def test_fates_and_rejected_records_are_read_from_the_truth():
    truth = {
        "records": [
            {"source_object": "tasks", "source_id": "K-1"},
            {"source_object": "tasks", "source_id": "K-2", "removed": True},
        ],
        "rejected": [
            {
                "source_object": "tasks",
                "source_id": None,
                "file": "tasks.csv",
                "first_line": 9,
                "last_line": 9,
                "reason": "its key is blank",
            },
            {
                "source_object": "notes",
                "source_id": "N-1",
                "file": "notes.csv",
                "first_line": 2,
                "last_line": 4,
                "reason": "an opening quote is never closed",
            },
        ],
    }
    assert fates(truth, "records") == {("tasks", "K-1")}
    assert rejected_records(truth) == [
        ("notes", "notes.csv", 2, 4, "an opening quote is never closed", "N-1"),
        ("tasks", "tasks.csv", 9, 9, "its key is blank", ""),
    ]


def test_a_record_of_others_that_changed_is_seen(loaded):
    fields = {"last_name": "Body", "email": "some.body@elsewhere.example", "subscription_status": 2}
    told = {"destination": "contact", "fields": fields | {"lifecycle_stage": "Lead"}}
    truth = loaded.truth | {"untouched": [told]}

    def wrong() -> list[str]:
        return mismatches(truth, Tenant(loaded.practice.base_url), loaded.practice.open_spellings())

    missing, extra = "contact of others for None: 0 records", "extra contact contacts/"
    with loaded.added("contacts", fields) as record:
        assert wrong() == []
        with loaded.edited("contacts", record, city="Reno"):
            assert wrong() == [missing, extra]
    assert wrong() == [missing]
