"""A day later: rows changed, some without a new stamp, some only stamped; some are new, some went away."""

from __future__ import annotations

import pytest
from written import OBJECTS, Written, read_back

from workbench.sample import write_sample

LEAST = {"changed": 0.05, "new": 0.01, "removed": 0.01}
MOVING = tuple(name for name in OBJECTS if name != "companies")


@pytest.fixture(scope="module", params=[31, 40, 150, 400])
def pair(request, tmp_path_factory) -> tuple[Written, Written]:
    out = tmp_path_factory.mktemp("pair")
    write_sample(out, patients=request.param, later=True)
    return read_back(out, "2026-03-01", "truth.json"), read_back(out, "2026-03-02", "truth_later.json")


def changed_rows(first: Written, later: Written, name: str) -> list[str]:
    return [key for key, row in first.rows[name].items() if later.rows[name].get(key, row) != row]


def test_enough_rows_of_every_object_changed_came_and_went(pair):
    first, later = pair
    for name in MOVING:
        before, after = set(first.rows[name]), set(later.rows[name])
        shares = {
            "changed": len(changed_rows(first, later, name)) / len(before),
            "new": len(after - before) / len(before),
            "removed": len(before - after) / len(before),
        }
        assert [what for what, least in LEAST.items() if shares[what] < least] == [], name
        assert shares["changed"] <= 0.15
        assert shares["removed"] <= 0.1
    assert len(changed_rows(first, later, "companies")) == 1


def test_truth_names_what_went_away_and_keeps_its_records(pair):
    first, later = pair
    gone = {(one["source_object"], one["source_id"]) for one in later.truth["removed"]}
    assert gone == {(name, key) for name in OBJECTS for key in set(first.rows[name]) - set(later.rows[name])}
    before = {(one["source_object"], one["source_id"]): one for one in first.truth["records"]}
    kept = {(one["source_object"], one["source_id"]): one for one in later.truth["records"] if one.get("removed")}
    assert kept == {name: before[name] | {"removed": True} for name in gone if name in before}
    assert {name for name, _ in gone} == set(MOVING)


def test_no_row_that_stays_names_one_that_went_away(pair):
    _, later = pair
    gone = {one["source_id"] for one in later.truth["removed"]}
    assert [key for name in OBJECTS for key, row in later.rows[name].items() if gone & set(row.values())] == []


def test_some_changes_are_not_stamped_and_some_stamps_change_nothing(pair):
    first, later = pair
    before, after = (
        {(one["source_object"], one["source_id"]): one for one in written.truth["records"]} for written in pair
    )
    unstamped = stamped = 0
    for name in MOVING:
        for key in changed_rows(first, later, name):
            old, new = first.rows[name][key], later.rows[name][key]
            unstamped += old["modified_at"] == new["modified_at"]
            if old | {"modified_at": ""} == new | {"modified_at": ""}:
                stamped += 1
                assert before[name, key] == after[name, key]
            elif old["modified_at"] != new["modified_at"]:
                assert new["modified_at"][:10] == "2026-03-01"
    assert unstamped >= 5
    assert stamped >= 5


def test_one_carrier_is_spelled_as_never_before(first, later):
    def spellings(written):
        return {row["cf_insurance_carrier"] for row in written.rows["contacts"].values()}

    known = "UHC National Options PPO"
    assert known in spellings(later) - spellings(first)
    (record,) = [r for r in later.records("contacts") if r.get("open", {}).get("cf_insurance_carrier") == known]
    assert record["custom_field"]["cf_insurance_carrier"] == "UnitedHealthcare"


def test_truth_of_unchanged_rows_stays(pair):
    first, later = pair
    gone = {(one["source_object"], one["source_id"]) for one in later.truth["removed"]}
    before, after = (
        {(one["source_object"], one["source_id"]): one for one in written.truth["records"]} for written in pair
    )
    differing = {name for name, record in before.items() if after[name] != record} - gone
    changed = {(name, key) for name in OBJECTS for key in changed_rows(first, later, name)}
    assert differing <= changed
    assert len(differing) >= len(before) // 25
    for section in ("held", "excluded", "deferred"):
        keys = [{(e["source_object"], e["source_id"]) for e in written.truth[section]} for written in pair]
        assert keys[0] - gone <= keys[1]
