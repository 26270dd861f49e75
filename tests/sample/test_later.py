"""A day later: a little changed, a little is new, nothing went away."""

from __future__ import annotations

OBJECTS = ("companies", "contacts", "cases", "appointments", "tasks", "notes")


def test_nothing_was_removed(first, later):
    for name, rows in first.rows.items():
        assert set(rows) <= set(later.rows[name]), name


def test_a_little_changed_in_every_object_and_says_when(first, later):
    for name in OBJECTS:
        changed = [key for key, row in first.rows[name].items() if later.rows[name][key] != row]
        assert 1 <= len(changed) <= max(3, len(first.rows[name]) // 25), name
        assert {later.rows[name][key]["modified_at"][:10] for key in changed} == {"2026-03-01"}


def test_rows_of_several_objects_are_new(first, later):
    new = {name: len(later.rows[name]) - len(rows) for name, rows in first.rows.items()}
    for name in ("contacts", "cases", "tasks", "notes", "attachments"):
        assert new[name] >= 1, name


def test_one_carrier_is_spelled_as_never_before(first, later):
    def spellings(written):
        return {row["cf_insurance_carrier"] for row in written.rows["contacts"].values()}

    known = "UHC National Options PPO"
    assert known in spellings(later) - spellings(first)
    (record,) = [r for r in later.records("contacts") if r.get("open", {}).get("cf_insurance_carrier") == known]
    assert record["custom_field"]["cf_insurance_carrier"] == "UnitedHealthcare"


def test_truth_of_unchanged_rows_stays(first, later):
    before = {(record["source_object"], record["source_id"]): record for record in first.truth["records"]}
    after = {(record["source_object"], record["source_id"]): record for record in later.truth["records"]}
    assert set(before) <= set(after)
    differing = [name for name, record in before.items() if after[name] != record]
    assert 5 <= len(differing) <= len(before) // 25
    for section in ("held", "excluded", "deferred"):
        keys = [{(e["source_object"], e["source_id"]) for e in written.truth[section]} for written in (first, later)]
        assert keys[0] <= keys[1]
