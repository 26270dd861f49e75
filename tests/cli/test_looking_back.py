"""status, forecast and explain over a practice that is staged and checked, and nothing written yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from rooms import Practice, make_practice, make_ready_to_load

from workbench.reports.held import count_causes, held_rows

if TYPE_CHECKING:
    from conftest import Workbench


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    made = make_practice(tmp_path_factory.mktemp("ready"))
    make_ready_to_load(made)
    yield made
    made.stop_tenant()


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
    said = workbench("status", "--xlsx", path, "--migration", ready.folder, "--json").document
    held = held_rows(ready.settings.warehouse)
    sheets = pl.read_excel(path, sheet_id=0)
    assert {name: frame.height for name, frame in sheets.items()} == dict(
        held.group_by(pl.col("rule").str.head(31)).len().iter_rows()
    )
    assert said["rows"] == held.height
    assert workbench("status", "--xlsx", tmp_path / "no" / "x.xlsx", "--migration", ready.folder).code == 1


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
    assert re.search(r"in all +[\d,]+ records +[\d,]+ calls", workbench("forecast", "--migration", ready.folder).out)


def test_a_row_is_explained_without_its_values(workbench: Workbench, ready: Practice) -> None:
    source_id = held_rows(ready.settings.warehouse).filter(pl.col("source_object") == "contacts")["source_id"][0]
    said = workbench("explain", "contacts", source_id, "--migration", ready.folder, "--json").document
    assert (said["object"], said["source_id"], said["operations"]) == ("contacts", source_id, [])
    assert said["problems"]
    missing = workbench("explain", "contacts", "nobody", "--migration", ready.folder)
    assert missing.code == 1
    assert "No staged row is named contacts/nobody" in missing.err
