"""Decisions typed into a work list come back as value maps: what a person expects, or nothing and every problem at once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typing_cells import rows_of, type_cells

from workbench.checks.work_list import work_list
from workbench.editors.work_list import read_work_list
from workbench.errors import ExportProblem, MappingProblem
from workbench.freshsales.foreign import FOREIGN, LOADED, RECORD
from workbench.journey.starter import init_migration
from workbench.mapping.files import read_mappings
from workbench.mapping.value_map import EXISTING, Decided, ValueMap, read_value_map, save_value_map
from workbench.reports.held import write_held_workbook
from workbench.settings import Settings, read_settings
from workbench.vocabulary import Decision
from workbench.warehouse import open_warehouse

HELD = [
    ("contacts", "C1", "unclaimed_contacts", "route", "route", "no route decided for role, status and appointment"),
    ("contacts", "C2", "unclaimed_contacts", "route", "route", "no route decided for role, status and appointment"),
    ("contacts", "C3", "unclaimed_contacts", "route", "route", "no route decided for role, status and appointment"),
    ("contacts", "C4", "unclaimed_contacts", "route", "route", "employer names 2 practices"),
    ("contacts", "C5", "patient", "owner_id", "owner", "owner U2 has no tenant user"),
    ("contacts", "C6", "patient", "owner_id", "owner", "has no owner"),
    ("contacts", "C7", "patient", EXISTING, EXISTING, "may stand in the tenant already"),
    ("contacts", "C8", "patient", EXISTING, EXISTING, "may stand in the tenant already"),
    ("contacts", "C9", "patient", EXISTING, EXISTING, "may stand in the tenant already"),
    ("tasks", "K1", "task", "due_date", "required", "has no due_date"),
    ("tasks", "K2", "task", "due_date", "required", "has no due_date"),
    ("tasks", "K3", "task", "status", "expect_column_values_to_be_in_set", "open or done"),
]
OPEN = [("contacts", "C5", "patient", "cf_insurance_carrier"), ("contacts", "C6", "patient", "cf_insurance_carrier")]
ROUTES = {"C1": "vendor|active|n", "C2": "vendor|active|n", "C3": "=cmd|active|n", "C4": "referring dentist|active|-"}
ROUTE, OWNER, LEFT_OUT, STANDS = (
    "People without a route", "Owners to decide", "Fields left out", "May stand there already",
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A migration whose warehouse holds a dozen reasons that hold rows, and two fields left out."""
    init_migration(tmp_path / "migration", None)
    settings = read_settings(tmp_path / "migration")
    people = [(one, ROUTES.get(one), "U2" if one == "C5" else None, "Delta Dntl", place) for place, one in
              enumerate(sorted({row[1] for row in HELD if row[0] == "contacts"}), start=1)]  # fmt: skip
    names = ("contact_id", "route_spelling", "owner_user_id", "cf_insurance_carrier", "source_row")
    others = {column for one in read_mappings(settings).of("contacts") for column in one.used_columns} - {*names}
    contacts = pl.DataFrame(people, schema=names, orient="row").with_columns(
        pl.lit("contacts.csv").alias("source_file"),
        *(pl.lit(None, pl.String).alias(column) for column in sorted(others)),
    )
    users = pl.DataFrame({"id": [1, 2], "email": ["ana@example.com", "bo@example.com"], "is_active": [True, True]})
    foreign = [{"plural": "contacts", "destination_id": number, "our_id": f"C{number}", "emails": [], "phones": []}
               for number in (7, 8, 9)]  # fmt: skip
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        warehouse.write("raw.deliveries", pl.DataFrame({"snapshot": ["abc"]}))
        order = ("source_object", "source_id", "mapping", "field", "rule", "message")
        warehouse.write("checked.held", pl.DataFrame(HELD, schema=order, orient="row"))
        warned = pl.DataFrame(OPEN, schema=order[:4], orient="row").with_columns(
            rule=pl.lit("open"), message=pl.lit("spelling has no decision"), severity=pl.lit("warn")
        )
        warehouse.write("staged.problems", warned)
        warehouse.write("staged.source_contacts", contacts)
        tasks = {"task_id": ["K1", "K2", "K3"], "undated_task": [None, "K2", None], "source_row": [4, 5, 6]}
        warehouse.write("staged.source_tasks", pl.DataFrame(tasks).with_columns(pl.lit("t.csv").alias("source_file")))
        acts = {"type": [HELD[-1][4]], "column_name": ["status"], "why": ["open or done"], "owner": ["office manager"]}
        warehouse.write("checked.results", pl.DataFrame(acts))
        warehouse.write("destination.users", users)
        warehouse.write("destination.choices", pl.DataFrame(schema={"kind": pl.String, "name": pl.String}))
        warehouse.write("destination.stages", pl.DataFrame(schema={"stage": pl.String}))
        warehouse.write(FOREIGN, pl.DataFrame(foreign, schema=RECORD))
        warehouse.write(LOADED, pl.DataFrame(schema={"source_key": pl.String}))
    return settings


@pytest.fixture
def written(settings: Settings, tmp_path: Path) -> Path:
    """Its work list as a workbook."""
    path = tmp_path / "held.xlsx"
    write_held_workbook(work_list(settings, read_mappings(settings)), path)
    return path


def read_back(settings: Settings, path: Path, by: str = "Ana", on: str = "2026-11-26") -> dict[str, int]:
    made = read_work_list(settings, read_mappings(settings), path, by=by, on=on)["value_maps"]
    assert isinstance(made, dict)
    return made


def decisions(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in settings.own_decisions.glob("*.csv")}


def refused(settings: Settings, path: Path) -> list[str]:
    """Return the problems of a workbook, and hold that nothing was written."""
    before = decisions(settings)
    with pytest.raises(MappingProblem) as told:
        read_back(settings, path)
    assert decisions(settings) == before
    first, *problems, last = str(told.value).splitlines()
    assert first == f"held.xlsx has {len(problems)} problem{'s' * (len(problems) != 1)}:"
    assert last == "Nothing was written. Correct these cells and read it back again."
    return [one.strip() for one in problems]


def test_a_line_says_where_the_row_stands_what_is_wrong_and_who_can_end_it(written: Path) -> None:
    [line] = rows_of(written, "Required values missing")
    assert line == {
        "source_object": "tasks", "source_id": "K1", "mapping": "task", "field": "due_date", "file": "t.csv", "record": "4",
        "wrong": "has no due_date", "fix": "Fill in the value", "who": "front desk",
        "where": "Dental-Exec: tasks, due_at, time_zone",
    }  # fmt: skip


def test_what_one_decision_ends_stands_first_and_what_no_decision_ends_asks_none(written: Path) -> None:
    asked = [(one["source_id"], one["value_map"], one["source_value"], one["rows"]) for one in rows_of(written, ROUTE)]
    assert asked == [
        ("C1", "contact_route", "vendor|active|n", "2"),
        ("C3", "contact_route", "=cmd|active|n", "1"),
        ("C2", "contact_route", "vendor|active|n", ""),
    ]
    assert [(one["source_id"], one["choices"]) for one in rows_of(written, OWNER)] == [
        ("C5", "ana@example.com, bo@example.com")
    ]
    assert [one["source_id"] for one in rows_of(written, "Records without an owner")] == ["C6"]
    assert [one["source_id"] for one in rows_of(written, "Rows that no mapping takes")] == ["C4"]
    assert [(one["source_id"], one["choices"]) for one in rows_of(written, STANDS)] == [
        ("C7", "7"),
        ("C8", "8"),
        ("C9", "9"),
    ]


def test_a_date_that_a_decision_may_set_is_asked_and_who_acts_on_a_check_is_its_suites_owner(
    settings: Settings, written: Path
) -> None:
    [line] = rows_of(written, "Values to decide")
    assert (line["source_id"], line["value_map"], line["source_value"]) == ("K2", "task_due", "K2")
    assert [(one["source_id"], one["who"]) for one in rows_of(written, "Other checks")] == [("K3", "office manager")]
    sheet = "Values to decide"
    type_cells(written, {(sheet, "decision", 2): "map", (sheet, "destination_value", 2): "2026-12-24"})
    assert read_back(settings, written) == {"task_due": 1}


def test_typed_decisions_become_the_value_maps_a_person_expects(settings: Settings, written: Path) -> None:
    save_value_map(
        settings.own_decisions,
        ValueMap("insurance_carrier", {"Aetna": Decided("Aetna", Decision.KEEP, "", "Bo", "2026-11-01", "")}),
    )
    type_cells(
        written,
        {
            (ROUTE, "decision", 2): "map", (ROUTE, "destination_value", 2): "patient",
            (OWNER, "decision", 2): " Map ", (OWNER, "destination_value", 2): "ANA@example.com",
            (LEFT_OUT, "decision", 2): "map", (LEFT_OUT, "destination_value", 2): "Delta Dental",
            (LEFT_OUT, "note", 2): "asked the front desk",
            (STANDS, "decision", 2): "adopt", (STANDS, "destination_value", 2): 7,
            (STANDS, "decision", 3): "create", (STANDS, "decision", 4): "hold",
        },
    )  # fmt: skip
    assert read_back(settings, written) == {EXISTING: 3, "contact_route": 1, "insurance_carrier": 1, "owner": 1}
    after = decisions(settings)
    header = "source_value,decision,destination_value,decided_by,decided_on,note\n"
    assert {name: text.decode().removeprefix(header) for name, text in after.items()} == {
        "contact_route.csv": "vendor|active|n,map,patient,Ana,2026-11-26,typed into the work list\n",
        "owner.csv": "U2,map,ana@example.com,Ana,2026-11-26,typed into the work list\n",
        "insurance_carrier.csv": "Aetna,keep,,Bo,2026-11-01,\nDelta Dntl,map,Delta Dental,Ana,2026-11-26,asked the front desk\n",
        "existing.csv": "contacts/C7,map,7,Ana,2026-11-26,typed into the work list\n"
        "contacts/C8,blank,,Ana,2026-11-26,typed into the work list\n"
        "contacts/C9,ask,,Ana,2026-11-26,typed into the work list\n",
    }


def test_what_is_decided_so_already_stays_as_it_was_signed(settings: Settings, written: Path) -> None:
    type_cells(written, {(OWNER, "decision", 2): "map", (OWNER, "destination_value", 2): "bo@example.com"})
    assert read_back(settings, written) == {"owner": 1}
    before = decisions(settings)
    assert read_back(settings, written, by="Bo", on="2026-12-01") == {"owner": 0}
    assert decisions(settings) == before


def test_blank_cells_change_nothing(settings: Settings, written: Path) -> None:
    assert read_back(settings, written) == {}
    assert decisions(settings) == {}


def test_every_wrong_cell_is_told_at_once_and_nothing_is_written(settings: Settings, written: Path) -> None:
    type_cells(
        written,
        {
            (ROUTE, "decision", 2): "map", (ROUTE, "destination_value", 2): "patient",
            (ROUTE, "decision", 4): "map", (ROUTE, "destination_value", 4): "prospect",
            (ROUTE, "decision", 3): "yes",
            (OWNER, "decision", 2): "map", (OWNER, "destination_value", 2): "nobody@example.com",
            (LEFT_OUT, "decision", 2): "keep", (LEFT_OUT, "destination_value", 2): "Delta Dental",
            (STANDS, "decision", 2): "adopt",
            (STANDS, "decision", 3): "adopt", (STANDS, "destination_value", 3): 8, (STANDS, "source_id", 3): "C88",
            (STANDS, "destination_value", 4): 9,
        },
    )  # fmt: skip
    assert sorted(refused(settings, written)) == sorted(
        [
            f"sheet {ROUTE}, row 3: decision is not known; it is one of map, keep, blank, ask",
            f"sheet {ROUTE}, row 4: decides otherwise than sheet {ROUTE}, row 2 for the same spelling",
            f"sheet {OWNER}, row 2: destination_value is none of the 2 choices",
            f"sheet {LEFT_OUT}, row 2: keep takes no destination_value",
            f"sheet {STANDS}, row 2: adopt needs a destination_value",
            f"sheet {STANDS}, row 3: no decision is asked for these ids: they were changed, or the row is not held for this any more",
            f"sheet {STANDS}, row 4: decision is empty; it is one of adopt, create, hold",
        ]
    )


def test_a_changed_spelling_and_a_formula_are_refused(settings: Settings, written: Path) -> None:
    type_cells(
        written,
        {
            (ROUTE, "decision", 2): "map", (ROUTE, "destination_value", 2): "patient", (ROUTE, "source_value", 2): "x|y|z",
            (OWNER, "decision", 2): '=LOWER("MAP")', (OWNER, "destination_value", 2): "bo@example.com",
        },
    )  # fmt: skip
    assert sorted(refused(settings, written)) == [
        f"sheet {OWNER}: 1 cell holds a formula; type what it comes to, or paste values",
        f"sheet {ROUTE}, row 2: the source_value was changed",
    ]


def test_no_two_rows_adopt_one_record(settings: Settings, written: Path) -> None:
    save_value_map(
        settings.own_decisions,
        ValueMap(EXISTING, {"contacts/C1": Decided("contacts/C1", Decision.MAP, "7", "Bo", "2026-11-01", "")}),
    )
    type_cells(written, {(STANDS, "decision", 2): "adopt", (STANDS, "destination_value", 2): 7})
    assert refused(settings, written) == ["contacts/C7: adopts the record that contacts/C1 adopts"]


def test_a_list_of_another_snapshot_says_so(settings: Settings, written: Path) -> None:
    type_cells(written, {(OWNER, "decision", 2): "map", (OWNER, "destination_value", 2): "bo@example.com"})
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        warehouse.write("raw.deliveries", pl.DataFrame({"snapshot": ["def"]}))
    assert refused(settings, written) == [
        "was written for the snapshot abc, and this is def; write the list again and decide there"
    ]


def test_a_workbook_that_is_no_work_list_is_refused(settings: Settings, tmp_path: Path) -> None:
    pl.DataFrame({"a": ["b"]}).write_excel(tmp_path / "other.xlsx")
    with pytest.raises(ExportProblem, match=r"^other\.xlsx is no work list\. Write one with: workbench status --held"):
        read_back(settings, tmp_path / "other.xlsx")
    with pytest.raises(ExportProblem, match="There is no file"):
        read_back(settings, tmp_path / "none.xlsx")


def test_a_spelling_that_may_hold_personal_data_stands_as_its_shape_and_is_found_by_its_row(
    settings: Settings, tmp_path: Path
) -> None:
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        warehouse.run("UPDATE staged.source_contacts SET cf_insurance_carrier = 'Delta id 123456789'")
    path = tmp_path / "held.xlsx"
    write_held_workbook(work_list(settings, read_mappings(settings)), path)
    assert rows_of(path, LEFT_OUT)[0]["source_value"] == "aaaaa aa 999999999"
    type_cells(path, {(LEFT_OUT, "decision", 2): "blank"})
    assert read_back(settings, path) == {"insurance_carrier": 1}
    [row] = read_value_map("insurance_carrier", [settings.own_decisions]).rows.values()
    assert (row.source_value[:5], row.decision, row.note) == (
        "hmac:",
        "blank",
        "aaaaa aa 999999999; typed into the work list",
    )
    assert read_mappings(settings).values("insurance_carrier").find("Delta id 123456789") == row
    type_cells(path, {(LEFT_OUT, "decision", 2): "keep"})
    assert refused(settings, path) == [
        f"sheet {LEFT_OUT}, row 2: a spelling that may hold personal data cannot be kept as it is; map it to the name that is meant"
    ]
