"""Transcribe a workbook: every visible sheet becomes a CSV with each row in its place, and what to know about it."""

from __future__ import annotations

import html
import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl

from workbench.dental_exec.archives import LIMITS, build_once
from workbench.dental_exec.encodings import hash_file
from workbench.errors import ExportProblem
from workbench.privacy import shown_id

BOOKS = (".xlsx", ".xlsm")
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
CHUNK = 4 * 1024 * 1024
ENOUGH = 500
"""So many yes-or-no cells of a chunk tell which columns hold them."""
DAMAGED = (
    fastexcel.FastExcelError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
)
SHOWN = {"Div0": "#DIV/0!", "NA": "#N/A", "Name": "#NAME?", "GettingData": "#GETTING_DATA"}
"""How a spreadsheet shows an error cell, by the reader's word for it; any other is #WORD!."""
MOMENT = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?$"
MIDNIGHT = " 00:00:00"
NO_DAY = {False: "1899-12-31 ", True: "1904-01-01 "}
"""What the reader writes before a time of day, by whether days are counted from 1904."""

NO_VALUE = (b"</f></c>", b"</f><v></v></c>", b"</f><v/></c>", b"</f><v /></c>")
UNCALCULATED = re.compile(rb'<c (?![^>]*t="str")[^>]*><f[^>]*>[^<]*</f>(?:<v></v>|<v ?/>)?</c>')
"""A formula without a value; one that came to an empty text is marked as such."""

Cell = tuple[int, int, str]


@dataclass(frozen=True)
class Sheet:
    """One visible sheet: record n of its CSV is row n of the sheet."""

    title: str
    path: Path
    findings: tuple[str, ...]
    formulas: int = 0


@dataclass
class Marks:
    """What a sheet's XML says and the reader does not: how many formulas, and which columns hold yes-or-no cells."""

    is_whole: bool = False
    formulas: int = 0
    uncalculated: int = 0
    flags: set[int] = field(default_factory=set)


def is_workbook(path: Path) -> bool:
    """Say whether a file is a workbook by its name."""
    return path.suffix.lower() in BOOKS and path.is_file()


def transcribe(workbook: Path, workroom: Path) -> list[Sheet]:
    """Return the visible sheets of a workbook as CSV files below `workroom`, written once.

    A cell is its text; a number has no needless ".0"; dates are YYYY-MM-DD; a formula is its last value.
    """
    digest = hash_file(workbook).sha256

    def fill(room: Path) -> None:
        (room / "sheets.json").write_text(json.dumps(_transcribe(workbook, room)), "utf-8")

    room = build_once(workroom / digest[:32], workbook.name, fill)
    return [
        Sheet(
            one["title"],
            room / one["file"],
            tuple(f"{workbook.name}{told}" for told in one["findings"]),
            one.get("formulas", 0),
        )
        for one in json.loads((room / "sheets.json").read_text("utf-8"))
    ]


def _transcribe(workbook: Path, room: Path) -> list[dict[str, Any]]:
    places, is_1904 = _outline(workbook)
    hidden: list[str] = []
    sheets: list[dict[str, Any]] = []
    try:
        reader = fastexcel.read_excel(workbook)
        for number, title in enumerate(reader.sheet_names, start=1):
            with ThreadPoolExecutor(1) as beside:  # to look through the XML costs a fifth of reading it
                looking = beside.submit(_look, workbook, places.get(title))
                sheet = reader.load_sheet(title, header_row=None, skip_rows=0, dtypes="string")
                marks = looking.result()
            if sheet.visible != "visible":
                hidden.append(title)
                continue
            frame, found = _read(sheet)
            if not frame.width or not frame.height:
                continue
            held = _holding_flags(frame)
            if not marks.is_whole and len(marks.flags) < len(held):
                marks = _look(workbook, places.get(title), whole=True)
            flags = _columns_of_flags(marks.flags, held)
            _write(_as_shown(frame, found, flags, is_1904), room / f"{number}.csv")
            told = [f"#{shown_id(title)}: {finding}" for finding in _findings(frame, found, marks)]
            sheets.append({"title": title, "file": f"{number}.csv", "findings": told, "formulas": marks.formulas})
    except DAMAGED:
        raise ExportProblem(f"{workbook.name} is damaged or no workbook. Save it again as .xlsx.") from None
    if not sheets:
        raise ExportProblem(f"{workbook.name} has no visible sheet that holds anything ({len(hidden)} hidden).")
    if hidden:
        sheets[0]["findings"].append(
            f": hidden sheets are not read ({len(hidden)}): {', '.join(map(shown_id, hidden))}."
        )
    if is_1904:
        sheets[0]["findings"].append(
            ": its calendar begins in 1904. Cells that are dates are read by it; a plain number that means a day"
            " stands 1,462 days too early."
        )
    return sheets


def _outline(workbook: Path) -> tuple[dict[str, str], bool]:
    """Return where each sheet's XML lies, and whether days are counted from 1904."""
    with workbook.open("rb") as file:
        if file.read(len(OLD)) == OLD:
            raise ExportProblem(
                f"{workbook.name} is encrypted, or an old .xls under another name. Save it as .xlsx without a password."
            )
    try:
        with zipfile.ZipFile(workbook) as parts:
            if sum(part.file_size for part in parts.infolist()) > LIMITS.allowed(workbook.stat().st_size):
                raise ExportProblem(
                    f"{workbook.name} is not opened: it would unpack to far more than a workbook holds."
                )
            outline = parts.read("xl/workbook.xml").decode("utf-8", "replace")
            links = parts.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    except DAMAGED:
        raise ExportProblem(f"{workbook.name} is damaged or no workbook. Save it again as .xlsx.") from None
    targets = {tag["Id"]: tag["Target"] for tag in _tags(links, "Relationship") if {"Id", "Target"} <= set(tag)}
    places = {
        tag["name"]: "xl/" + targets[tag["r:id"]].removeprefix("/xl/").removeprefix("xl/")
        for tag in _tags(outline, "sheet")
        if tag.get("r:id") in targets and "name" in tag
    }
    return places, any(tag.get("date1904") in ("1", "true") for tag in _tags(outline, "workbookPr"))


def _tags(xml: str, name: str) -> list[dict[str, str]]:
    found = re.findall(rf"<(?:\w+:)?{name}\s([^>]*)>", xml)
    return [{key: html.unescape(text) for key, text in re.findall(r'([\w:]+)="([^"]*)"', one)} for one in found]


def _look(workbook: Path, place: str | None, *, whole: bool = False) -> Marks:
    """Return what a sheet's XML says, of its head where that holds no formula, else of all of it."""
    if place is None:
        return Marks(is_whole=True)
    with zipfile.ZipFile(workbook) as parts:
        head = None if whole or "xl/calcChain.xml" in parts.namelist() else _marks(parts, place, chunks=1)
        return head if head and not head.formulas else _marks(parts, place)


def _columns_of_flags(flags: set[int], held: set[int]) -> set[int]:
    """Return which of the columns that hold "true" or "false" are those of the yes-or-no cells.

    The reader leaves out empty columns at the left and does not say how many.
    """
    shifts = ({flag - by for flag in flags} for by in range(min(flags, default=0) + 1))
    return next((shifted for shifted in shifts if shifted <= held), set())


def _marks(parts: zipfile.ZipFile, place: str, chunks: int | None = None) -> Marks:
    """Look through a sheet's XML as a stream for what the reader does not tell."""
    marks, tail = Marks(is_whole=chunks is None), b""
    with parts.open(place) as xml:
        while (chunks is None or chunks > 0) and (chunk := xml.read(CHUNK)):
            chunks = chunks and chunks - 1
            text = tail + chunk
            end = text.rfind(b"</c>") + 4  # a cell is never looked at in halves
            text, tail = (text[:end], text[end:]) if end > 3 else (b"", text)
            if formulas := text.count(b"<f"):
                marks.formulas += formulas
                if any(text.count(end) for end in NO_VALUE):
                    marks.uncalculated += len(UNCALCULATED.findall(text))
            at = text.find(b' t="b"')
            for _ in range(ENOUGH):
                if at < 0:
                    break
                if cell := re.search(rb' r="([A-Z]+)\d+"', text[text.rfind(b"<c ", 0, at) : at + 100]):
                    marks.flags.add(_place(cell[1].decode()))
                at = text.find(b' t="b"', at + 1)
    return marks


def _read(sheet: fastexcel.ExcelSheet) -> tuple[pl.DataFrame, list[Cell]]:
    """Return a sheet's cells as text, and its error cells, which the reader leaves empty."""
    batch, found = sheet.to_arrow_with_errors()
    cells = [(*error.offset_position, _shown(error.detail)) for error in found.errors] if found else []
    return pl.DataFrame(pl.from_arrow(batch)), cells


def _place(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - 64
    return place - 1


def _shown(detail: str) -> str:
    word = re.search(r"Error\((\w+)\)", detail)
    return SHOWN.get(word[1], f"#{word[1].upper()}!") if word else "#VALUE!"


def _holding_flags(frame: pl.DataFrame) -> set[int]:
    said = frame.select(((pl.all() == "true") | (pl.all() == "false")).any()).row(0)
    return {place for place, holds in enumerate(said) if holds}


def _as_shown(frame: pl.DataFrame, errors: list[Cell], flags: set[int], is_1904: bool) -> pl.DataFrame:
    """Return the cells as a spreadsheet shows them: error cells, TRUE and FALSE, days without a midnight."""
    starts = pl.all().str.ends_with(MIDNIGHT) | pl.all().str.starts_with(NO_DAY[is_1904])
    dated = frame.select(starts.any()).row(0)
    shown = []
    for place, column in enumerate(frame):
        made = column
        if place in flags:
            made = made.replace({"true": "TRUE", "false": "FALSE"})
        if dated[place]:
            made = _days(made, is_1904)
        if mine := {row: text for row, at, text in errors if at == place}:
            made = made.scatter(list(mine), list(mine.values()))
        shown.append(made)
    return pl.DataFrame(shown)


def _days(column: pl.Series, is_1904: bool) -> pl.Series:
    """Cut what a cell does not show: midnight where a column holds days only, the day where it holds a time only."""
    text, moment = pl.col(column.name), pl.col(column.name).str.contains(MOMENT)
    timed = moment & text.str.starts_with(NO_DAY[is_1904])
    made = column.to_frame()
    only_days = made.select((~moment | text.str.ends_with(MIDNIGHT) | text.is_null()).all()).item()
    cut = pl.when(moment).then(text.str.strip_suffix(MIDNIGHT)).otherwise(text) if only_days else text
    none = pl.lit("1900-01-00") if not is_1904 else cut  # serial 0 is no day; from 1904 it is the first one
    return made.select(
        pl.when(timed & text.str.ends_with(MIDNIGHT))
        .then(none)
        .when(timed)
        .then(text.str.strip_prefix(NO_DAY[is_1904]))
        .otherwise(cut)
        .alias(column.name)
    ).to_series()


def _findings(frame: pl.DataFrame, errors: list[Cell], marks: Marks) -> Iterator[str]:
    top = frame.head(30)
    header = max(top.rows(), key=lambda row: sum(cell is not None for cell in row))
    if errors:
        counts = Counter(place for _, place, _ in errors)
        told = ", ".join(f"{header[place] or f'number {place + 1}'} ({count})" for place, count in counts.most_common())
        held = (
            "1 error cell, landed as its text"
            if len(errors) == 1
            else f"{len(errors)} error cells, landed as their text"
        )
        yield f"{held}, in columns {told}."
    if marks.formulas:
        one = marks.formulas == 1
        held = "1 cell holds a formula" if one else f"{marks.formulas} cells hold formulas"
        yield f"{held}; the value of {'its' if one else 'their'} last calculation is read."
    if marks.uncalculated:
        held = "1 formula was" if marks.uncalculated == 1 else f"{marks.uncalculated} formulas were"
        yield (
            f"{held} never calculated and left empty. Open the workbook in a spreadsheet, save it, and deliver it again."
        )


def _write(frame: pl.DataFrame, path: Path) -> None:
    # One empty cell alone in its row would be an empty line, which is no record: such a sheet is quoted throughout.
    alone = frame.width == 1
    filled = frame.fill_null("") if alone else frame
    filled.write_csv(path, include_header=False, quote_style="always" if alone else "necessary", line_terminator="\n")
