"""The load order comes from lookups and is never typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import MappingProblem
from workbench.mapping.object_mapping import Lookup, ObjectMapping, order_mappings, read_object_mapping
from workbench.vocabulary import Edition, Kind

OBJECTS = Path(__file__).parents[2] / "mappings" / "objects"


def mapping(name: str, destination: str, source: str, *targets: str) -> ObjectMapping:
    lookups = {target: Lookup(target, f"{target}_id", {"": target}) for target in targets}
    return ObjectMapping(name, Kind.RECORD, destination, source, "true", name, lookups=lookups)


def ordered(*mappings: ObjectMapping) -> list[str]:
    return [one.name for one in order_mappings(list(mappings))]


def test_targets_of_lookups_go_first_whatever_the_order_of_the_files():
    case = mapping("case", "deal", "cases", "contacts")
    patient = mapping("patient", "contact", "contacts", "companies", "contacts")
    dentist = mapping("dentist", "contact", "contacts")
    practice = mapping("practice", "account", "companies", "companies")
    expected = ["practice", "dentist", "patient", "case"]
    assert ordered(case, patient, dentist, practice) == expected
    assert ordered(practice, dentist, patient, case) == expected


def test_where_lookups_leave_it_open_accounts_go_before_people_and_notes_before_files():
    rows = [
        mapping("a", "file", "f"),
        mapping("b", "note", "n"),
        mapping("c", "contact", "c"),
        mapping("d", "account", "d"),
    ]
    assert ordered(*rows) == ["d", "c", "b", "a"]


def test_a_circle_of_lookups_is_named():
    with pytest.raises(MappingProblem) as stopped:
        order_mappings(
            [mapping("case", "deal", "cases", "contacts"), mapping("patient", "contact", "contacts", "cases")]
        )
    text = str(stopped.value)
    assert text.startswith("mappings/objects: lookups go round in a circle: ")
    assert {"case", "patient"} <= set(text.replace("→", " ").split())
    assert text.endswith("Remove one of them.")


def test_the_shipped_mappings_load_accounts_people_deals_activities_files():
    read = [read_object_mapping(path, Edition.SUITE)[0] for path in sorted(OBJECTS.glob("*.toml"))]
    records = [
        one.destination for one in order_mappings([one for one in read if one]) if one.kind in (Kind.RECORD, Kind.FILE)
    ]
    assert list(dict.fromkeys(records)) == [
        *("account", "contact", "lead", "deal", "appointment", "task", "sales_activity", "note", "file")
    ]
