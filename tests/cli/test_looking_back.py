"""status, forecast and explain over a practice that is staged and checked, and nothing written yet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import fastexcel
import polars as pl
from rooms import Practice
from typing_cells import rows_of, type_cells

from workbench.mapping.value_map import read_value_map
from workbench.reports.held import count_causes, held_rows
from workbench.warehouse import open_warehouse

if TYPE_CHECKING:
    from conftest import Workbench


def test_status_counts_held_rows_by_cause(workbench: Workbench, ready: Practice) -> None:
    said = workbench("status", "--held", "--migration", ready.folder, "--json").document
    held = held_rows(ready.settings.warehouse)
    assert held.height
    assert sum(one["rows"] for one in said["held"]) == held.height
    assert (said["finished"], said["writer"], said["open_operations"]) == (False, "no writer", 0)
    text = workbench("status", "--held", "--migration", ready.folder).out
    assert f"{held.height} reasons hold rows" in text


def test_held_rows_become_a_workbook_with_a_sheet_a_cause(
    workbench: Workbench, ready: Practice, tmp_path: Path
) -> None:
    path = tmp_path / "held.xlsx"
    said = workbench("status", "--held", "--xlsx", path, "--migration", ready.folder, "--json").document
    held = held_rows(ready.settings.warehouse)
    names = fastexcel.read_excel(path).sheet_names
    assert (names[0], names[1:-1], names[-1]) == ("Read me", said["causes"], "Choices")
    lines = [line for cause in said["causes"] if cause != "Fields left out" for line in rows_of(path, cause)]
    stands = ("mapping", "source_object", "source_id", "field")
    assert sorted(tuple(line[name] for name in stands) for line in lines) == sorted(held.select(stands).rows())
    assert said["rows"] == held.height == len(lines)
    assert all(line["file"] and line["record"] and line["wrong"] and line["who"] and line["where"] for line in lines)
    assert workbench("status", "--xlsx", tmp_path / "no" / "x.xlsx", "--migration", ready.folder).code == 1


def test_a_route_typed_into_the_workbook_is_read_back(workbench: Workbench, ready: Practice, tmp_path: Path) -> None:
    path, routes = tmp_path / "held.xlsx", ready.settings.own_decisions / "contact_route.csv"
    before = routes.read_bytes()
    workbench("status", "--held", "--xlsx", path, "--migration", ready.folder)
    cause = "People without a route"
    spelling = rows_of(path, cause)[0]["source_value"]
    type_cells(path, {(cause, "decision", 2): "map", (cause, "destination_value", 2): "prospect"})
    try:
        assert workbench("status", "--read-back", path, "--migration", ready.folder).code == 2
        assert routes.read_bytes() == before
        said = workbench("status", "--read-back", path, "--by", "Ana", "--migration", ready.folder, "--json")
        assert said.document["value_maps"] == {"contact_route": 1}
        row = read_value_map("contact_route", [ready.settings.own_decisions]).rows[spelling]
        assert (row.decision, row.destination_value, row.decided_by) == ("map", "prospect", "Ana")
    finally:
        routes.write_bytes(before)


def test_causes_come_with_most_rows_first() -> None:
    columns = ("rule", "mapping", "message")
    held = pl.DataFrame(
        [("owner", "patient", "no owner"), ("route", "x", "no route"), ("route", "x", "no route")],
        columns,
        orient="row",
    )
    assert count_causes(held).rows() == [("route", "x", "no route", 2), ("owner", "patient", "no owner", 1)]


def test_the_forecast_adds_up(workbench: Workbench, ready: Practice) -> None:
    said = workbench("forecast", "--migration", ready.folder, "--json").document
    calls = {one["mapping"]: one["calls"] for one in said["mappings"]}
    assert sum(calls.values()) == said["calls"]
    records = {one["mapping"]: one["records"] for one in said["mappings"]}
    assert calls["note"] == records["note"]
    assert calls["patient"] < records["patient"]
    text = workbench("forecast", "--migration", ready.folder).out
    assert re.search(rf"in all +{said['records']:,} +{said['calls']:,} ", text)
    for phase in ("records", "load", "verify", "delta", "rollback", "bytes"):
        assert (
            sum(one[phase] for one in said["practices"]) == said[phase] == sum(one[phase] for one in said["mappings"])
        )


def test_a_held_row_is_explained_from_its_file_to_its_reason(workbench: Workbench, ready: Practice) -> None:
    held = held_rows(ready.settings.warehouse).filter(pl.col("rule") == "route", pl.col("source_object") == "contacts")
    source_id = held.filter(pl.col("message").str.starts_with("no route"))["source_id"][0]
    said = workbench("explain", "contacts", source_id, "--migration", ready.folder, "--json").document
    assert (said["object"], said["source_id"], said["operations"], said["fate"]) == ("contacts", source_id, [], "held")
    assert said["reasons"] == ["route: no route decided for role, status and appointment (route)"]
    assert said["source"]["file"].startswith("contacts")
    assert said["source"]["record"] > 0
    assert [one["value_map"] for one in said["decided_first"]] == ["contact_route"]
    missing = workbench("explain", "contacts", "nobody", "--migration", ready.folder)
    assert missing.code == 1
    assert "No staged row is named contacts/nobody" in missing.err


def test_an_explanation_tells_rules_and_deciders_and_no_value(workbench: Workbench, ready: Practice) -> None:
    with open_warehouse(ready.settings.warehouse) as warehouse:
        row = warehouse.frame(
            "SELECT s.* FROM staged.source_contacts s JOIN staged.patient p ON p.source_id = s.contact_id"
            " WHERE p.cf_insurance_carrier IS NOT NULL AND p.email IS NOT NULL ORDER BY s.contact_id LIMIT 1"
        ).row(0, named=True)
    said = workbench("explain", "contacts", row["contact_id"], "--migration", ready.folder, "--json")
    fields = {one["field"]: one for one in said.document["fields"]}
    assert (fields["last_name"]["from"], fields["email"]["rule"]) == (["family_name"], "email")
    carrier = fields["cf_insurance_carrier"]
    assert (carrier["value_map"], carrier["decided_by"]) == ("insurance_carrier", "rehearsal")
    assert [one["field"] for one in said.document["links"]] == ["account", "owner_id"]
    text = said.out + workbench("explain", "contacts", row["contact_id"], "--migration", ready.folder).out
    personal = [
        row[name] for name in ("first_name", "last_name", "email", "phone_mobile", "date_of_birth", "address_line1")
    ]
    assert [value for value in personal if value and f'"{value}"' in text] == []
    assert [value for value in personal if value and len(value) > 6 and value in text] == []


def test_a_record_that_was_rejected_at_the_door_is_explained_by_its_lines(
    workbench: Workbench, ready: Practice
) -> None:
    with open_warehouse(ready.settings.warehouse) as warehouse:
        [(name, source_id, line), *_] = warehouse.run(
            "SELECT object, source_id, first_line FROM raw.rejected WHERE source_id IS NOT NULL AND source_id NOT IN"
            " (SELECT source_id FROM staged.claims) ORDER BY ALL"
        )
    said = workbench("explain", name, source_id, "--migration", ready.folder, "--json").document
    assert (said["fate"], said["mapping"], said["rejected"][0]["first_line"]) == ("rejected", "", line)
