"""Read a damaged or unusual file record by record: every good one exactly, every other one rejected with its lines."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from workbench.dental_exec.dialects import (
    Dialect,
    column_names,
    find_loose_ends,
    key_shape,
    protect,
    read_trailer,
)
from workbench.errors import ExportProblem

WIDEST = 16 * 1024 * 1024
"""A record of more characters has a quote that was never closed."""
LEARNED = 2_000
DAMAGED = re.compile(r"\d(?:\.\d+)?E[+-]?\d+|#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NULL!|NUM!)", re.IGNORECASE)
"""What spreadsheets make of a key: still the start of a record, though not a key."""
FIRST_LINES = 200
HELD_BACK = 6


class Rejection(StrEnum):
    """Why a record did not land."""

    RAGGED = "{n} values under a header of {m}"
    UNCLOSED = "an opening quote is never closed"
    UNDOUBLED = "a quote inside a quoted value is not doubled"
    BLANK_KEY = "its key is blank"
    DAMAGED_KEY = "its key was damaged by a spreadsheet"
    SEVERAL = "its key names several different records"
    AGAIN = "the same record again: kept once"


@dataclass
class Record:
    """One record of a file; `cells` are None when nothing of it can be trusted, `reason` is None when it is good."""

    first: int
    last: int
    cells: list[str] | None
    reason: str | None = None
    number: int = 0
    is_start: bool = True
    is_trusted: bool = True


@dataclass
class Below:
    """What stood in a file beside its records."""

    trailers: list[tuple[int, int | None]] = field(default_factory=list)
    headers: list[int] = field(default_factory=list)
    blank_rows: int = 0
    lines_below: int = 0
    page_breaks: int = 0


@dataclass(frozen=True)
class _Parsed:
    cells: list[str]
    lines: int
    fault: bool = False
    at_end: bool = False


class CarefulReader:
    """Iterate the records of a file, good and rejected, in order; `below` and `counted` are whole at the end."""

    def __init__(
        self,
        name: str,
        lines: Iterable[str],
        dialect: Dialect,
        key: Iterable[str],
        *,
        rows_are_lines: bool = False,
        knows_quotes: bool = False,
    ) -> None:
        self.name, self.dialect, self.below, self.counted = name, dialect, Below(), 0
        self.names = column_names(dialect.header)
        self.keys = [self.names.index(column) for column in key if column in self.names]
        self.rows_are_lines = rows_are_lines
        self._lines = iter(lines)
        self._ahead: deque[str] = deque()
        self._taken = self._rows = 0
        self._shapes: set[frozenset[str]] = set()
        self._learned = 0
        self._knows_quotes = knows_quotes
        self._style: dict[str, Any] = {"delimiter": dialect.delimiter, "strict": True}
        if dialect.backslash:
            self._style |= {"escapechar": "\\", "doublequote": False}
        csv.field_size_limit(4 * WIDEST)

    def __iter__(self) -> Iterator[Record]:
        """Yield the records below the header; numbers are given from 1, rejected ones have theirs too."""
        for _ in range(self.dialect.skip):
            self._take(1)
        self._take(self.dialect.header_lines)
        self._shapes |= self._likely_shapes()
        recent: deque[Record] = deque()
        while self._peek(0) is not None:
            found = self._next(recent)
            if found is None:
                continue
            recent.append(found)
            while len(recent) > HELD_BACK and (recent[1].reason is None or len(recent) > LEARNED):
                yield self._number(recent.popleft())
        self._drop_trailers(recent)
        while recent:
            yield self._number(recent.popleft())

    def _number(self, record: Record) -> Record:
        self.counted += 1
        record.number = self.counted
        return record

    def _next(self, recent: deque[Record]) -> Record | None:
        line = self._peek(0)
        assert line is not None
        if not line.strip():
            self._take(1)
            return None
        if line[0] == "\x0c":
            self.below.page_breaks += 1
            self._ahead[0] = line.lstrip("\x0c")
        parsed = self._parse(0)
        if parsed.fault:
            return self._reject_broken(parsed, recent)
        cells = parsed.cells
        if not any(cells):
            self.below.blank_rows += 1
            self._take(parsed.lines)
            return None
        if self._is_header(cells):
            self.below.headers.append(self._take(parsed.lines)[0])
            return None
        fits = self._fit(cells)
        if parsed.lines > 1 and (inner := self._first_whole(1, parsed.lines)):
            return self._reject_lines(inner, Rejection.UNCLOSED, recent)
        if '"' in line and self._has_loose_end(cells, parsed.lines):
            return self._reject_lines(parsed.lines, Rejection.UNDOUBLED, recent)
        first, last = self._take(parsed.lines)
        if fits:
            self._learn(cells)
            return Record(first, last, cells)
        reason = Rejection.RAGGED.format(n=len(cells), m=self.dialect.width)
        is_start = line.count('"') % 2 == 1 or self._is_plausible(cells)
        return Record(first, last, cells, reason, is_start=is_start)

    def _fit(self, cells: list[str]) -> bool:
        """Say whether a record has the header's width, and bring it to that; one trailing delimiter is forgiven."""
        width = self.dialect.width
        if len(cells) == width + 1 and not cells[-1]:
            cells.pop()
        elif width - self.dialect.spare <= len(cells) < width:
            cells.extend([""] * (width - len(cells)))
        return len(cells) == width

    def _is_header(self, cells: list[str]) -> bool:
        if (
            not self.keys
            or self.keys[-1] >= len(cells)
            or column_names([cells[i] for i in self.keys]) != tuple(self.names[i] for i in self.keys)
        ):
            return False
        names = column_names(cells)
        if tuple(name for name in names if not name.startswith("unnamed_")) != tuple(
            name for name in self.names if not name.startswith("unnamed_")
        ):
            raise ExportProblem(
                f"{self.name} has a second header with other columns at line {self._line(0)}: two exports were joined."
                " Put them into files of their own."
            )
        return True

    def _reject_broken(self, parsed: _Parsed, recent: deque[Record]) -> Record:
        """Reject from here to the next line that starts a whole record; what swallowed one was never closed."""
        stop = self._first_whole(1, None)
        swallowed = parsed.at_end or stop < parsed.lines
        return self._reject_lines(stop, Rejection.UNCLOSED if swallowed else Rejection.UNDOUBLED, recent)

    def _reject_lines(self, lines: int, reason: Rejection, recent: deque[Record]) -> Record:
        key = self._loose_key(self._peek(0) or "")
        first, last = self._take(lines)
        if key is None:
            # It starts in the middle of a value: what was read before it, back to where that value may have opened,
            # cannot be trusted either.
            while recent and recent[-1].is_trusted:
                before = recent.pop()
                first = before.first
                if before.is_start:
                    break
        cells = [""] * self.keys[0] + [key] if key and self.keys else None
        return Record(first, last, cells, reason, is_trusted=False)

    def _first_whole(self, start: int, stop: int | None) -> int:
        """Return how many lines on the next whole record starts; 0 when none before `stop`, the end when unbounded."""
        place = start
        while place != stop and (line := self._peek(place)) is not None:
            may = '"' in line or line.count(self.dialect.delimiter) >= self.dialect.width - self.dialect.spare - 1
            if may and self._is_whole(place):
                return place
            place += 1
        return 0 if stop else place

    def _is_whole(self, place: int) -> bool:
        parsed = self._parse(place)
        if parsed.fault or not self._is_plausible(parsed.cells):
            return False
        return self._fit(parsed.cells) and not self._has_loose_end(parsed.cells, parsed.lines, place)

    def _has_loose_end(self, cells: list[str], lines: int, place: int = 0) -> bool:
        """Say whether an unquoted value ends with a quote that nothing opened, in a file that knows how to quote."""
        if self.dialect.backslash or not any(cell.endswith('"') and cell.count('"') % 2 for cell in cells):
            return False
        text = "".join(self._peek(place + n) or "" for n in range(lines)).rstrip("\r\n")
        loose, is_quoted = find_loose_ends(text, self.dialect.delimiter)
        self._knows_quotes = self._knows_quotes or is_quoted
        knows = self._knows_quotes or '""' in text or not self._is_plausible(cells)
        return loose and knows

    def _loose_key(self, line: str) -> str | None:
        """Return the key at the start of a broken record, or nothing when what stands there looks like no key."""
        cells = next(csv.reader([line.rstrip("\r\n")], delimiter=self.dialect.delimiter), [])
        if not self.keys:
            return "" if self._is_plausible(cells) else None
        return cells[self.keys[0]] if self._is_plausible(cells) else None

    def _likely_shapes(self) -> set[frozenset[str]]:
        """Return what most keys of the first lines look like; the very first line counts twice."""
        found: Counter[frozenset[str]] = Counter()
        place = self.keys[0] if self.keys else 0
        for number in range(FIRST_LINES):
            line = self._peek(number) or ""
            cells = next(csv.reader([line.strip()], delimiter=self.dialect.delimiter), [])
            if place < len(cells) and (not found or len(cells) >= self.dialect.width - self.dialect.spare):
                found[key_shape(cells[place])] += 1 if found else 2
        return {shape for shape, count in found.items() if count >= 0.6 * max(found.values())}

    def _learn(self, cells: list[str]) -> None:
        if self._learned < LEARNED:
            self._learned += 1
            self._shapes.add(key_shape(cells[self.keys[0] if self.keys else 0]))

    def _is_plausible(self, cells: list[str]) -> bool:
        place = self.keys[0] if self.keys else 0
        if place >= len(cells) or not cells[place].strip():
            return False
        if DAMAGED.fullmatch(cells[place].strip()):
            return True
        return key_shape(cells[place]) in self._shapes

    def _drop_trailers(self, recent: deque[Record]) -> None:
        for place in range(max(0, len(recent) - 5), len(recent)):
            found, rest = recent[place], list(recent)[place + 1 :]
            if all(one.cells and (one.reason or not self._is_plausible(one.cells)) for one in rest):
                records = self.counted + place
                if found.cells and (said := read_trailer(found.cells, self._key_of(found.cells), records)):
                    self.below.trailers.append((found.first, said[0]))
                    self.below.lines_below = recent[-1].last - found.first + 1
                    while len(recent) > place:
                        recent.pop()
                    return

    def _key_of(self, cells: list[str]) -> str:
        fits = len(cells) == self.dialect.width and self.keys
        return "".join(cells[place] for place in self.keys).strip() if fits else ""

    def _peek(self, place: int) -> str | None:
        while len(self._ahead) <= place:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(protect(line, self.dialect.backslash) if self.dialect.backslash else line)
        return self._ahead[place]

    def _line(self, place: int) -> int:
        return (self._rows if self.rows_are_lines else self._taken) + place + 1

    def _take(self, lines: int) -> tuple[int, int]:
        """Leave lines behind; return the physical lines of the file as received, or the rows of a sheet."""
        first = self._line(0)
        for _ in range(lines):
            if self._peek(0) is not None:
                self._ahead.popleft()
        self._taken += lines
        self._rows += 1
        return first, first if self.rows_are_lines else first + lines - 1

    def _parse(self, start: int) -> _Parsed:
        line = self._peek(start) or ""
        if '"' not in line and not (self.dialect.backslash and "\\" in line):
            return _Parsed(line.rstrip("\r\n").split(self.dialect.delimiter), 1)
        used, at_end = 0, False

        def feed() -> Iterator[str]:
            nonlocal used, at_end
            size = 0
            while (line := self._peek(start + used)) is not None and size < WIDEST:
                used, size = used + 1, size + len(line)
                yield line
            at_end = True

        try:
            cells = next(csv.reader(feed(), **self._style))
        except csv.Error:
            return _Parsed([], used, fault=True, at_end=at_end)
        self._knows_quotes = self._knows_quotes or line.startswith('"') or f'{self.dialect.delimiter}"' in line
        return _Parsed(cells, used)
