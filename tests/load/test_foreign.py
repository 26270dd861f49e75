"""Records that stood in the tenant before us: adopted by decision, held without one, and never changed otherwise."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from foreign import PLURALS, plant
from loaded import Loaded, load
from loading import load as load_with_sample
from rooms import Practice, make_practice, make_ready_to_load
from truth import Tenant, fates, mismatches

from workbench.errors import DecisionMissing
from workbench.journey.desk import writing
from workbench.journey.rehearsal import start_tenant
from workbench.load.rollback import roll_back
from workbench.load.survey import Case
from workbench.warehouse import open_warehouse


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    made = make_practice(tmp_path, patients=31)
    start_tenant(made.settings)
    yield made
    made.stop_tenant()


def records(tenant: Tenant, planted: list[tuple[str, dict]]) -> list[dict]:
    found = {(plural, one["id"]): one for plural in PLURALS.values() for one in tenant.state[plural]}
    return [without_empty(found[PLURALS[destination], one["id"]]) for destination, one in planted]


def without_empty(record: dict) -> dict:
    """A record without custom fields that are empty: they were made after it."""
    custom = {name: value for name, value in record["custom_field"].items() if value not in (None, [])}
    return record | {"custom_field": custom}


def decisions(practice: Practice) -> dict[str, tuple[str, str]]:
    path = practice.settings.own_decisions / "existing.csv"
    with path.open(newline="") as file:
        return {row["source_value"]: (row["decision"], row["destination_value"]) for row in csv.DictReader(file)}


def held(practice: Practice) -> set[tuple[str, str]]:
    with open_warehouse(practice.settings.warehouse) as warehouse:
        rows = warehouse.run("SELECT source_object, source_id FROM checked.held WHERE source_object <> 'users'")
    return set(rows)


def test_a_tenant_with_records_of_others_ends_as_the_truth_and_can_be_taken_back(practice: Practice) -> None:
    truth = Loaded(practice).truth
    planted = plant(truth, practice.base_url)
    before = Tenant(practice.base_url)
    loaded = load(practice)
    assert decisions(practice) == {
        **{key: ("map", str(one["id"])) for key, one in planted.adopted.items()},
        **dict.fromkeys(planted.holding, ("ask", "")),
    }

    after = Tenant(practice.base_url)
    expected = planted.expected(truth, after.names["lifecycle_stages"])
    strangers = ["extra account companies/", "extra contact contacts/", "extra deal cases/"]
    assert sorted(mismatches(expected, after, practice.open_spellings())) == strangers
    assert records(after, planted.untouched()) == records(before, planted.untouched())

    result = loaded.reconcile()
    assert (result.failed, result.reconciled, result.zero_write) == ((), True, True)
    assert held(practice) == fates(expected, "held")
    assert result.deferred.height == len(fates(expected, "deferred")) > len(fates(truth, "deferred"))

    with writing(practice.settings, practice.mappings) as session:
        undone = roll_back(session)
    cases = {f"{one.identity.source_object}/{one.identity.source_id}": one.case for one in undone.verdicts}
    assert {key: cases[key] for key in planted.adopted} == dict.fromkeys(planted.adopted, Case.RESTORED)
    theirs = [("account" if key.startswith("companies/") else "contact", one) for key, one in planted.adopted.items()]
    there = Tenant(practice.base_url)
    assert [plain(one) for one in records(there, theirs)] == [plain(one) for one in records(before, theirs)]
    assert {name: len(there.state[name]) for name in PLURALS.values()} == {
        name: len(before.state[name]) for name in PLURALS.values()
    }


def plain(record: dict) -> dict:
    """A record without what Freshsales notes of its last change."""
    return {name: value for name, value in record.items() if not name.startswith("updat")}


def test_a_record_that_appears_after_the_questions_were_asked_stops_the_load_before_a_write(practice: Practice) -> None:
    make_ready_to_load(practice)
    plant(Loaded(practice).truth, practice.base_url)
    before = Tenant(practice.base_url).state
    with pytest.raises(DecisionMissing, match=r"5 rows may stand in the tenant .* run --from suggest"):
        load_with_sample(practice.folder)
    after = Tenant(practice.base_url).state
    assert {name: after[name] for name in PLURALS.values()} == {name: before[name] for name in PLURALS.values()}
