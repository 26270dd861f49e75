"""The rebuild reference: page, workbook and JSON say the same, and none of them holds a value of a patient."""

from __future__ import annotations

import json
import re
import zipfile
from html import unescape
from pathlib import Path

import fastexcel
import polars as pl
import pytest
from loaded import Loaded

from workbench.mapping.setup import make_setup
from workbench.profile.codes import profile_ada_codes
from workbench.reports.rebuild_reference import rebuild_frames, show_reference, write_rebuild_reference
from workbench.reports.shown import heading, written
from workbench.warehouse import open_warehouse

Frames = dict[str, pl.DataFrame]
SHEETS = [
    "workflows", "treatment stages", "pick-lists", "ada codes", "carriers", "claim statuses", "owners", "plan traps",
]  # fmt: skip


@pytest.fixture(scope="module")
def frames(loaded: Loaded) -> Frames:
    profile_ada_codes(loaded.practice.settings.warehouse)
    settings, mappings = loaded.practice.settings, loaded.practice.mappings
    return rebuild_frames(settings, mappings, make_setup(settings, mappings))


def page_tables(html: str) -> dict[str, list[list[str]]]:
    """Return the tables of a page by caption: the header and every row, as they are read."""
    found = {}
    for table in re.findall(r"<table>(.*?)</table>", html, re.DOTALL):
        rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
        cells = [[unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows]
        found[re.findall(r"<caption>(.*?)</caption>", table)[0].lower()] = cells
    return found


def test_page_workbook_and_json_say_the_same(frames: Frames, tmp_path: Path) -> None:
    book_path, json_path = write_rebuild_reference(frames, tmp_path)
    book, told = fastexcel.read_excel(book_path), json.loads(json_path.read_text("utf-8"))
    page = page_tables(show_reference(frames).html)
    assert list(frames) == list(told) == book.sheet_names == list(page) == SHEETS
    for name, frame in frames.items():
        assert frame.height, name
        sheet = book.load_sheet(name, header_row=None, dtypes="string").to_polars().rows()
        assert [list(row.values()) for row in told[name]] == [
            list(row) for row in json.loads(json.dumps(frame.rows(), default=str))
        ]
        assert [*sheet[0]] == frame.columns
        as_text = [["" if cell is None else str(cell).lower() for cell in row] for row in frame.iter_rows()]
        assert [[(cell or "").lower() for cell in row] for row in sheet[1:]] == as_text
        shown = [[written(cell) for cell in row] for row in frame.iter_rows()]
        assert page[name] == [[heading(column) for column in frame.columns], *shown]


def test_it_holds_definitions_and_decisions_and_counts_no_few_people(loaded: Loaded, frames: Frames) -> None:
    settings, mappings = loaded.practice.settings, loaded.practice.mappings
    with open_warehouse(settings.warehouse) as warehouse:
        workflows, spellings = warehouse.run(
            "SELECT (SELECT count(*) FROM profile.read_workflows), (SELECT count(DISTINCT trim(cf_claim_status)) FROM"
            " profile.read_cases WHERE trim(cf_claim_status) <> '' AND coalesce(is_deleted, 'N') <> 'Y')"
        )[0]
        codes = dict(warehouse.run("SELECT code, cases FROM profile.ada_codes"))
    assert frames["workflows"].height == workflows
    assert {"trigger", "conditions", "actions"} <= {*frames["workflows"].columns}
    assert frames["claim statuses"].height == spellings
    told = dict(frames["ada codes"].select("code", "cases").rows())
    assert told.keys() == codes.keys()
    assert all(told[code] in ("<11" if cases < 11 else "hidden", f"{cases:,}") for code, cases in codes.items())
    assert [code for code, cases in codes.items() if 0 < cases < 11 and told[code] != "<11"] == []
    setup = make_setup(settings, mappings)
    assert frames["treatment stages"].height == sum(len(one["stages"]) for one in setup["pipelines"])
    carriers = frames["carriers"].filter(pl.col("decision") == "map")
    decided = mappings.values("insurance_carrier").rows
    assert carriers.height
    assert carriers["becomes"].to_list() == [decided[one].answer for one in carriers["spelling"]]
    assert {"records"} & {*frames["carriers"].columns, *frames["claim statuses"].columns} == set()
    traps = dict(frames["plan traps"].select("trap", "what to know").rows())
    assert "Pro and Enterprise" in traps["Freddy AI"]
    assert traps["Bot sessions"].startswith("500 once")
    assert "minute" in traps["Phone credits"]
    assert traps["Sales sequences"].startswith("Off until the load")


def test_no_value_of_a_patient_stands_in_it(loaded: Loaded, frames: Frames, tmp_path: Path) -> None:
    with open_warehouse(loaded.practice.settings.warehouse) as warehouse:
        rows = warehouse.run(
            "SELECT first_name || ' ' || last_name, email, phone_mobile, phone_home, date_of_birth, cf_member_id,"
            " cf_chart_number, address_line1 FROM profile.read_contacts"
        )
    personal = {value for row in rows for value in row if value and len(value) > 5}
    text = show_reference(frames).html + write_rebuild_reference(frames, tmp_path)[1].read_text("utf-8")
    assert len(personal) > 50
    assert [value for value in personal if value in text] == []


def test_what_looks_like_a_formula_stays_text_also_when_it_is_edited(tmp_path: Path) -> None:
    texts = ["=HYPERLINK(1)", "+1+1", "-2", "@SUM(A1)", "Delta"]
    path, _ = write_rebuild_reference({"carriers": pl.DataFrame({"spelling": texts})}, tmp_path)
    with zipfile.ZipFile(path) as book:
        sheet, styles = (book.read(f"xl/{one}.xml").decode() for one in ("worksheets/sheet1", "styles"))
    assert "<f" not in sheet
    assert fastexcel.read_excel(path).load_sheet(0).to_polars()["spelling"].to_list() == texts
    formats = re.findall(r"<xf [^>]*>", styles.split("<cellXfs")[1].split("</cellXfs>")[0])
    cells = re.findall(r'<c r="A([2-6])"(?: s="(\d+)")?', sheet)
    quoted = {row: bool(style) and 'quotePrefix="1"' in formats[int(style)] for row, style in cells}
    assert quoted == {"2": True, "3": True, "4": True, "5": True, "6": False}
