"""A part of the practice stands in the tenant already: what stands there, and what truth then says of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from foreign import NEEDS
from written import Written, read_back

from workbench.sample import write_sample

PATIENTS = 150
OFFICES = {"companies", "contacts"}
Record = dict[str, Any]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The practice whose tenant is empty."""
    out = tmp_path_factory.mktemp("empty")
    write_sample(out, patients=PATIENTS, later=True)
    return read_back(out, "2026-03-01", "truth.json")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("foreign")
    write_sample(out, patients=PATIENTS, later=True, foreign=True)
    return out


@pytest.fixture(scope="module")
def seeded(out: Path) -> Written:
    """The same practice, a part of which stands there already."""
    return read_back(out, "2026-03-01", "truth.json")


@pytest.fixture(scope="module")
def foreign(out: Path) -> list[Record]:
    return json.loads((out / "foreign.json").read_text("utf-8"))["records"]


def by_name(entries: list[Record]) -> dict[str, Record]:
    return {f"{one['source_object']}/{one['source_id']}": one for one in entries}


def of(foreign: list[Record], fate: str) -> dict[str, Record]:
    return {one["source"]: one["fields"] for one in foreign if one["fate"] == fate and "source" in one}


def test_the_export_is_the_same_to_the_byte_whatever_stands_in_the_tenant(empty, seeded):
    files = sorted(path.relative_to(empty.folder) for path in empty.folder.rglob("*") if path.is_file())
    assert [path for path in files if (empty.folder / path).read_bytes() != (seeded.folder / path).read_bytes()] == []
    assert len(files) > len(OFFICES)


def test_without_being_asked_the_truth_is_that_of_an_empty_tenant(empty):
    assert not (empty.folder.parent.parent / "foreign.json").exists()
    assert "untouched" not in empty.truth
    assert [one for one in empty.truth["records"] if "adopted" in one] == []


def test_the_same_arguments_give_the_same_records(out, tmp_path):
    write_sample(tmp_path, patients=PATIENTS, foreign=True)
    for name in ("foreign.json", "truth.json"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()
    write_sample(tmp_path, patients=5)
    assert not (tmp_path / "foreign.json").exists()


@pytest.mark.parametrize("patients", [60, PATIENTS, 400])
def test_about_a_twentieth_of_companies_and_contacts_stands_there(tmp_path, patients):
    made = write_sample(tmp_path, patients=patients, foreign=True)
    fates = Counter(one["fate"] for one in json.loads((tmp_path / "foreign.json").read_text("utf-8"))["records"])
    already = fates["adopted"] + fates["held"]
    assert 0.045 <= already / sum(made.rows[name] for name in OFFICES) <= 0.065
    assert fates["adopted"] > fates["held"] > 0
    assert fates["stranger"] >= 3


def test_an_adopted_record_keeps_what_people_wrote_and_gets_what_it_lacks(empty, seeded, foreign):
    plain, arriving, ways = by_name(empty.truth["records"]), by_name(seeded.truth["records"]), Counter()
    for name, theirs in of(foreign, "adopted").items():
        expected = plain[name]["fields"] | theirs
        consents = plain[name]["fields"].get("subscription_status"), theirs.get("subscription_status")
        if consents == (0, 1):  # withdrawn at the source: the one thing that is written over
            expected["subscription_status"] = 0
        assert arriving[name]["fields"] == expected, name
        assert arriving[name]["adopted"]
        assert (arriving[name]["custom_field"], arriving[name]["owner"]) == (
            plain[name]["custom_field"],
            plain[name]["owner"],
        )
        ways["equal"] += expected == plain[name]["fields"]
        ways["theirs stays"] += expected != plain[name]["fields"]
        ways["blank is filled"] += len(expected) > len(theirs)
        ways["consent taken back"] += consents == (0, 1)
        ways["none given"] += consents == (1, 0)
        ways["no e-mail there"] += "email" in expected and "email" not in theirs
        ways["other capitals"] += any(
            value != plain[name]["fields"].get(field)
            and str(value).casefold() == str(plain[name]["fields"].get(field)).casefold()
            for field, value in theirs.items()
        )
    assert min(ways.values()) > 0, ways
    assert arriving.keys() >= of(foreign, "adopted").keys()


def test_who_only_may_stand_there_is_held_and_what_hangs_on_them_waits(empty, seeded, foreign):
    held = of(foreign, "held").keys()
    assert {name for name, one in by_name(seeded.truth["held"]).items() if one["reason"] == "existing"} == held
    assert {name.partition("/")[0] for name in held} == OFFICES
    deferred = by_name(seeded.truth["deferred"])
    gone = set(held)
    for name, record in by_name(empty.truth["records"]).items():
        need = record["links"].get(NEEDS.get(record["destination"], ""))
        if need in gone:
            gone.add(name)
            assert deferred[name]["waits_for"] == need
    assert gone - held == deferred.keys() - by_name(empty.truth["deferred"]).keys()
    assert {name.partition("/")[0] for name in gone - held} >= {"cases", "notes", "appointments", "tasks"}
    arriving = by_name(seeded.truth["records"])
    assert arriving.keys() == by_name(empty.truth["records"]).keys() - gone
    assert [name for name, one in arriving.items() if gone & set(one["links"].values())] == []
    lost = {
        link
        for name, one in by_name(empty.truth["records"]).items()
        for link, target in one["links"].items()
        if name in arriving and target in gone
    }
    assert lost == {"account"}


def test_whoever_is_no_row_of_the_practice_resembles_none(empty, foreign):
    rows = [row for name in OFFICES for row in empty.rows[name].values()]
    cells = {cell for row in rows for cell in row.values() if cell}
    strangers = [one["fields"] for one in foreign if one["fate"] == "stranger"]
    assert cells.isdisjoint(
        one[name] for one in strangers for name in ("name", "email", "mobile_number") if name in one
    )
    people = {(row["first_name"], row["last_name"]) for row in empty.rows["contacts"].values()}
    assert sum((one.get("first_name"), one.get("last_name")) in people for one in strangers) == 1


def test_truth_names_every_record_that_nobody_may_change(seeded, foreign):
    left = [one for one in foreign if one["fate"] != "adopted"]
    assert [one["fields"] for one in seeded.truth["untouched"]] == [one["fields"] for one in left]
    assert {one["destination"] for one in left} >= {"account", "contact", "lead", "deal"}
    assert {one["destination"] for one in seeded.truth["untouched"]} == {"account", "contact", "deal"}


def test_nobody_of_a_family_stands_there(empty, foreign):
    mails = Counter(row["email"].lower() for row in empty.rows["contacts"].values())
    named = [empty.rows["contacts"][one["source"].partition("/")[2]] for one in foreign if "contacts/" in str(one)]
    assert [row["contact_id"] for row in named if row["household_id"] or mails[row["email"].lower()] > 1] == []


def test_a_day_later_the_same_records_stand_there(out, seeded, foreign):
    later = read_back(out, "2026-03-02", "truth_later.json")
    before, after = by_name(seeded.truth["records"]), by_name(later.truth["records"])
    for name, theirs in of(foreign, "adopted").items():
        differs = {field for field in theirs if before[name]["fields"].get(field) == theirs[field]}
        own = {field for field in differs if field in ("mobile_number", "city", "job_title", "website")}
        assert {field: after[name]["fields"].get(field) for field in own} == {field: theirs[field] for field in own}
        assert after[name]["adopted"]
    held = of(foreign, "held").keys()
    assert {name for name, one in by_name(later.truth["held"]).items() if one["reason"] == "existing"} == held
    assert later.truth["untouched"] == seeded.truth["untouched"]
