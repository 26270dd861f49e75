"""Tables as files: delimited text in any dialect, and sheets of a workbook; each knows on which line it stands."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import xlsxwriter

from workbench.sample.spellings import Cell

Lines = tuple[int, int]
"""First and last line of a record."""
LINE_END = re.compile(r"\r\n|\r|\n")
MADE = datetime(2026, 3, 1)
"""When every workbook says it was made: the same arguments give the same bytes."""


@dataclass(frozen=True)
class Dialect:
    """How a file or sheet is written; a line of messy.toml."""

    object: str
    file: str
    encoding: str = "utf-8"
    mark: bool = False
    delimiter: str = ","
    quoted: bool = False
    trailing: bool = False
    ends: Sequence[str] = ("\n",)
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    blank_lines: Sequence[str] = ()
    repeats_header: int = 0
    inside: str = ""
    since_1904: bool = False

    @property
    def is_sheet(self) -> bool:
        """Say whether it is a sheet of a workbook."""
        return self.file.endswith(".xlsx")

    @property
    def name(self) -> str:
        """Return its path inside the unpacked delivery; a sheet is named by its object."""
        return f"{self.file}#{self.object}" if self.is_sheet else self.file


@dataclass(frozen=True)
class Wound:
    """What is wrong with how one record is written, by columns.

    `raw` replaces a cell with its quotes, `lost` leaves one out, `torn` puts a further one behind it; in a workbook
    `formulas` holds what a cell computes and what was computed last. Columns in `spared` are typed as they are.
    """

    raw: Mapping[str, str] | None = None
    lost: str = ""
    torn: str = ""
    formulas: Mapping[str, tuple[str, float | str]] | None = None
    spared: tuple[str, ...] = ()


HEALTHY = Wound()


class TextFile:
    """Writes one delimited file."""

    def __init__(self, path: Path, columns: Sequence[str], dialect: Dialect) -> None:
        self.path = path
        self.dialect = dialect
        self.rows = 0
        self._columns = list(columns)
        self._line = 1
        self._file = path.open("w", encoding=dialect.encoding, newline="")
        self._buffer = io.StringIO()
        quoting: Literal[0, 1] = csv.QUOTE_ALL if dialect.quoted else csv.QUOTE_MINIMAL
        # A terminator with both signs makes every cell with either of them quoted; it is cut off again.
        self._csv = csv.writer(self._buffer, delimiter=dialect.delimiter, quoting=quoting, lineterminator="\r\n")
        if dialect.mark:
            self._file.write("\ufeff")
        for line in dialect.above:
            self._put(line)
        self._put(self._record(self._columns))

    def write(self, row: Mapping[str, Cell], wound: Wound = HEALTHY) -> Lines:
        """Write one record and return its lines."""
        if self.rows and self.rows == self.dialect.repeats_header:
            self._put(self._record(self._columns))
        if self.dialect.blank_lines and self.rows % 7 == 5:
            self._put(self.dialect.blank_lines[self.rows % len(self.dialect.blank_lines)])
        cells: list[str] = []
        for column in self._columns:
            marked = f"\ue000{len(cells)}\ue001" if wound.raw and column in wound.raw else str(row.get(column, ""))
            cells += [] if column == wound.lost else [marked, " and more"] if column == wound.torn else [marked]
        text = self._record(cells)
        for column, typed in (wound.raw or {}).items():
            place = f"\ue000{self._columns.index(column)}\ue001"
            text = text.replace(f'"{place}"', typed).replace(place, typed)
        self.rows += 1
        return self._put(text)

    def close(self) -> None:
        """Write what stands below the table, and close."""
        for line in self.dialect.below:
            self._put(line.format(rows=self.rows))
        self._file.close()

    def _record(self, cells: Sequence[str]) -> str:
        self._csv.writerow(cells)
        text = self._buffer.getvalue().removesuffix("\r\n")
        self._buffer.seek(0)
        self._buffer.truncate()
        return text + (self.dialect.delimiter if self.dialect.trailing else "")

    def _put(self, text: str) -> Lines:
        first, last = self._line, self._line + len(LINE_END.findall(text))
        self._file.write(text + self.dialect.ends[self.rows % len(self.dialect.ends)])
        self._line = last + 1
        return first, last


class Sheet:
    """Writes one sheet of a workbook; a line is a row of the sheet."""

    def __init__(self, book: Book, columns: Sequence[str], dialect: Dialect) -> None:
        self.dialect = dialect
        self.rows = 0
        self._columns = list(columns)
        self._book = book
        self._sheet = book.workbook.add_worksheet(dialect.object)
        self._next = 0
        for line in dialect.above:
            self._put([line])
        self._put(self._columns)

    def write(self, row: Mapping[str, Cell], wound: Wound = HEALTHY) -> Lines:
        """Write one record and return its row, twice."""
        for place, column in enumerate(self._columns):
            if wound.formulas and column in wound.formulas:
                formula, shown = wound.formulas[column]
                self._sheet.write_formula(self._next, place, formula, None, shown)
            else:
                self._write(place, row.get(column, ""))
        self._next += 1
        self.rows += 1
        return self._next, self._next

    def close(self) -> None:
        """Write what stands below the table; the book is closed by itself."""
        for line in self.dialect.below:
            self._put(line.format(rows=self.rows).split(";"))

    def _put(self, cells: Sequence[str]) -> None:
        for place, cell in enumerate(cells):
            self._write(place, float(cell) if cell.isdigit() else cell)
        self._next += 1

    def _write(self, place: int, cell: Cell) -> None:
        if isinstance(cell, bool):
            self._sheet.write_boolean(self._next, place, cell)
        elif isinstance(cell, datetime):
            is_day = cell.time() == datetime.min.time()
            self._sheet.write_datetime(self._next, place, cell, self._book.day if is_day else self._book.moment)
        elif isinstance(cell, int | float):
            self._sheet.write_number(self._next, place, cell)
        elif cell:
            self._sheet.write_string(self._next, place, cell)


class Book:
    """One workbook with its sheets, and sheets that nobody is meant to see."""

    def __init__(self, path: Path, hidden: Mapping[str, Sequence[Sequence[str]]], *, since_1904: bool) -> None:
        self.path = path
        self.workbook = xlsxwriter.Workbook(path, {"constant_memory": True, "date_1904": since_1904})
        self.workbook.set_properties({"created": MADE})
        self.day: Any = self.workbook.add_format({"num_format": "m/d/yyyy"})
        self.moment: Any = self.workbook.add_format({"num_format": "m/d/yyyy h:mm:ss"})
        self._hidden = hidden

    def close(self) -> None:
        """Add the hidden sheets, and write the file."""
        for name, rows in self._hidden.items():
            sheet = self.workbook.add_worksheet(name)
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
            sheet.hide()
        self.workbook.close()


class Tables:
    """The files of one delivery, by object; an object may come in parts."""

    def __init__(
        self, folder: Path, columns: Mapping[str, Sequence[str]], dialects: Sequence[Dialect], hidden: Mapping[str, Any]
    ) -> None:
        self.parts: dict[str, list[TextFile | Sheet]] = {}
        self.books: dict[str, Book] = {}
        self._open = ExitStack()
        for one in dialects:
            if one.is_sheet and one.file not in self.books:
                book = Book(folder / one.file, hidden.get(one.file, {}), since_1904=one.since_1904)
                self.books[one.file] = book
                self._open.callback(book.close)
        for one in dialects:
            names = columns[one.object]
            made = Sheet(self.books[one.file], names, one) if one.is_sheet else TextFile(folder / one.file, names, one)
            self._open.callback(made.close)
            self.parts.setdefault(one.object, []).append(made)

    def close(self) -> None:
        """Close tables, then books."""
        self._open.close()
