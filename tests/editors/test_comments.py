"""Comments typed into the pre-mapping workbook come back as questions to review; what cannot be taken is told by its row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typing_cells import rows_of, type_cells

from workbench.editors.comments import COMMENTS, FIELDS, comment_frame, read_back
from workbench.errors import ExportProblem, MappingProblem
from workbench.journey.starter import init_migration
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.value_map import read_value_map
from workbench.reports.premapping import COMMENT, DOCUMENT, write_premapping
from workbench.settings import Settings, read_settings

COLUMNS = (("contacts", "gender"), ("contacts", "city"), ("companies", "npi"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    init_migration(tmp_path / "migration", None)
    return read_settings(tmp_path / "migration")


@pytest.fixture
def mappings(settings: Settings) -> Mappings:
    return read_mappings(settings)


@pytest.fixture
def book(settings: Settings) -> Path:
    rows = [(*one, "quasi", "3", "aaa", "contact.city", "as text", "", "mapped", "", 0, 0) for one in COLUMNS]
    schema = dict.fromkeys(DOCUMENT, pl.String) | dict.fromkeys(("open", "effort"), pl.Int64)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return write_premapping({FIELDS: frame, "mappings": frame}, settings.runs)[0]


def commented(book: Path, said: dict[tuple[str, str], tuple[str, str]]) -> Path:
    cells = {
        (FIELDS, name, COLUMNS.index(place) + 2): text
        for place, texts in said.items()
        for name, text in zip(COMMENT, texts, strict=True)
    }
    type_cells(book, cells)
    return book


def take(settings: Settings, mappings: Mappings, book: Path) -> str:
    return str(read_back(settings, mappings, book, by="Ana", on="2026-11-26")["text"])


def test_the_workbook_has_two_cells_to_type_into_beside_every_column(book: Path) -> None:
    lines = rows_of(book, FIELDS)
    assert [(one["source"], one["column"]) for one in lines] == list(COLUMNS)
    assert {tuple(one[name] or "" for name in COMMENT) for one in lines} == {("", "")}
    assert not set(COMMENT) & set(rows_of(book, "mappings")[0])


def test_comments_are_questions_with_their_author(settings: Settings, mappings: Mappings, book: Path) -> None:
    typed = commented(book, {("contacts", "gender"): ("leave  this out?", "Dr. Lee"), ("companies", "npi"): ("ok", "")})
    assert take(settings, mappings, typed).startswith("2 comments to review")
    assert comment_frame(settings).rows() == [
        ("companies.npi", "ok", "Ana", "ask"),
        ("contacts.gender", "leave this out?", "Dr. Lee", "ask"),
    ]


def test_what_was_said_before_stays_with_what_was_decided_about_it(
    settings: Settings, mappings: Mappings, book: Path
) -> None:
    typed = commented(book, {("contacts", "gender"): ("leave this out?", "Dr. Lee")})
    take(settings, mappings, typed)
    path = settings.own_decisions / f"{COMMENTS}.csv"
    path.write_text(path.read_text("utf-8").replace(",ask,", ",keep,"), "utf-8")
    assert take(settings, mappings, typed) == "Nothing new is said there."
    assert read_value_map(COMMENTS, [settings.own_decisions]).rows["contacts.gender"].decision == "keep"
    more = commented(book, {("contacts", "gender"): ("and the title too", "Dr. Lee")})
    take(settings, mappings, more)
    assert comment_frame(settings).rows() == [
        ("contacts.gender", "leave this out?; and the title too", "Dr. Lee", "ask")
    ]


def test_a_row_without_its_source_is_told_and_the_others_are_taken(
    settings: Settings, mappings: Mappings, book: Path
) -> None:
    typed = commented(book, dict.fromkeys(COLUMNS, ("why?", "")))
    type_cells(book, {(FIELDS, "source", 2): "Mary Miller", (FIELDS, "source", 4): ""})
    told = take(settings, mappings, typed)
    assert told.startswith("1 comment to review in premapping_comments.csv")
    assert told.endswith("Left out, since their source is none of the mapping's: rows 2 and 4 of the sheet fields.")
    assert "Mary" not in told
    assert [row[0] for row in comment_frame(settings).rows()] == ["contacts.city"]
    assert take(settings, mappings, typed).startswith("Nothing new is said there. Left out,")


def test_where_no_row_can_be_taken_nothing_is_written(settings: Settings, mappings: Mappings, book: Path) -> None:
    typed = commented(book, {COLUMNS[0]: ("x", "")})
    type_cells(book, {(FIELDS, "source", 2): "patients"})
    with pytest.raises(MappingProblem, match=r"row 2 of the sheet fields"):
        take(settings, mappings, typed)
    assert not (settings.own_decisions / f"{COMMENTS}.csv").exists()


def test_lines_of_a_comment_stay_apart(settings: Settings, mappings: Mappings, book: Path) -> None:
    typed = commented(book, {COLUMNS[0]: ("leave this out?\n\n  Ask  Dr. Lee; he knows", "")})
    take(settings, mappings, typed)
    assert comment_frame(settings)["comment"].to_list() == ["leave this out? / Ask Dr. Lee, he knows"]
    assert take(settings, mappings, typed) == "Nothing new is said there."


def test_a_missing_file_says_how_to_write_one(settings: Settings, mappings: Mappings, tmp_path: Path) -> None:
    with pytest.raises(ExportProblem, match="There is no file"):
        take(settings, mappings, tmp_path / "none.xlsx")
