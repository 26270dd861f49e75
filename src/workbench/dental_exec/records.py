"""Read a damaged or unusual file record by record: every good one exactly, every other one rejected with its lines."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from workbench.dental_exec.contract import KeyShapes, Rejection
from workbench.dental_exec.dialects import (
    Dialect,
    column_names,
    find_loose_ends,
    protect,
    read_trailer,
)
from workbench.dental_exec.encodings import Lines
from workbench.errors import ExportProblem

WIDEST = 16 * 1024 * 1024
"""A record of more characters has a quote that was never closed."""
FIRST_LINES, HELD_BACK, RUN = 200, 6, 2_000


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
        doubted: Container[int] = (),
    ) -> None:
        self.name, self.dialect, self.below, self.counted, self.doubted = name, dialect, Below(), 0, doubted
        self.names = column_names(dialect.header)
        self.keys = [self.names.index(column) for column in key if column in self.names]
        escaped = (protect(line, dialect.backslash) for line in lines) if dialect.backslash else lines
        self._lines = Lines(escaped, rows_are_lines=rows_are_lines)
        self._place = self.keys[0] if self.keys else 0
        self._usual, self._keys, self._knows_quotes = dialect.width, KeyShapes(), knows_quotes
        self._style: dict[str, Any] = {"delimiter": dialect.delimiter, "strict": True}
        if dialect.backslash:
            self._style |= {"escapechar": "\\", "doublequote": False}
        csv.field_size_limit(4 * WIDEST)

    def __iter__(self) -> Iterator[Record]:
        """Yield the records below the header; numbers are given from 1, rejected ones have theirs too."""
        self._leave_header()
        recent: deque[Record] = deque()
        while self._lines.peek(0) is not None:
            found = self._next(recent)
            if found is None:
                continue
            recent.append(found)
            while len(recent) > HELD_BACK and (recent[1].reason is None or len(recent) > RUN):
                yield self._number(recent.popleft())
        self._drop_trailers(recent)
        while recent:
            yield self._number(recent.popleft())

    def is_trailing(self) -> bool:
        """Say whether lines end with a delimiter where the header does not; a reader that is asked reads no more."""
        self._leave_header()
        return self._usual > self.dialect.width

    def _leave_header(self) -> None:
        for _ in range(self.dialect.skip):
            self._lines.take(1)
        self._lines.take(self.dialect.header_lines)
        self._look_ahead()

    def _number(self, record: Record) -> Record:
        self.counted += 1
        record.number = self.counted
        if record.first in self.doubted and record.reason is None:
            record.reason = Rejection.TWO_WAYS
        return record

    def _next(self, recent: deque[Record]) -> Record | None:
        line = self._lines.peek(0)
        assert line is not None
        if not line.strip():
            self._lines.take(1)
            return None
        if line[0] == "\x0c":
            self.below.page_breaks += 1
            self._lines.replace(line.lstrip("\x0c"))
        parsed = self._parse(0)
        if parsed.fault:
            return self._reject_broken(parsed, recent)
        cells = parsed.cells
        if not any(cells):
            self.below.blank_rows += 1
            self._lines.take(parsed.lines)
            return None
        if self._is_header(cells):
            self.below.headers.append(self._lines.take(parsed.lines)[0])
            return None
        if parsed.lines > 1 and (inner := self._first_whole(1, parsed.lines)):
            return self._reject_lines(inner, Rejection.UNCLOSED, recent)
        if '"' in line and self._has_loose_end(cells, parsed.lines):
            return self._reject_lines(parsed.lines, Rejection.UNDOUBLED, recent)
        first, last = self._lines.take(parsed.lines)
        if self._fit(cells):
            self._keys.learn(cells[self._place])
            return Record(first, last, cells)
        reason = Rejection.RAGGED.format(n=len(cells), m=self.dialect.width)
        is_start = line.count('"') % 2 == 1 or self._is_plausible(cells)
        return Record(first, last, cells, reason, is_start=is_start)

    def _fit(self, cells: list[str]) -> bool:
        """Say whether a record has as many values as most have, and bring it to the header's width.

        One more, and the last of them blank, is no trailing delimiter where others have none: its values are shifted.
        """
        width = self.dialect.width
        if len(cells) != self._usual:
            return False
        if len(cells) > width and not cells[-1]:
            cells.pop()
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
                f"{self.name} has a second header with other columns at line {self._lines.number}: two exports were joined."
                " Put them into files of their own."
            )
        return True

    def _reject_broken(self, parsed: _Parsed, recent: deque[Record]) -> Record:
        """Reject from here to the next line that starts a whole record; what swallowed one was never closed."""
        stop = self._first_whole(1, None)
        swallowed = parsed.at_end or stop < parsed.lines
        return self._reject_lines(stop, Rejection.UNCLOSED if swallowed else Rejection.UNDOUBLED, recent)

    def _reject_lines(self, lines: int, reason: Rejection, recent: deque[Record]) -> Record:
        key = self._loose_key(self._lines.peek(0) or "")
        first, last = self._lines.take(lines)
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
        while place != stop and (line := self._lines.peek(place)) is not None:
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
        text = "".join(self._lines.peek(place + n) or "" for n in range(lines)).rstrip("\r\n")
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

    def _look_ahead(self) -> None:
        """Learn from the first lines what most keys look like (the very first counts twice) and how many values a line has."""
        width, least = self.dialect.width, self.dialect.width - self.dialect.spare
        found: list[tuple[list[str], int]] = []
        for number in range(FIRST_LINES):
            line = self._lines.peek(number) or ""
            cells = next(csv.reader([line.strip("\r\n\x0c")], delimiter=self.dialect.delimiter), [])
            if self._place < len(cells) and (not found or len(cells) >= least):
                found.append((cells, line.count('"') % 2))
        self._keys.learn_most(cells[self._place] for cells, _ in found)
        # A header that ends with a delimiter has records that do, unless they show else.
        lengths = Counter({width: 2 if self.dialect.spare else 0})
        for cells, is_open in found:
            fits = least <= len(cells) <= width or (len(cells) == width + 1 and not cells[-1])
            if fits and not is_open and self._is_plausible(cells):
                lengths[len(cells)] += 1
        self._usual = lengths.most_common(1)[0][0]

    def _is_plausible(self, cells: list[str]) -> bool:
        return self._place < len(cells) and self._keys.know(cells[self._place])

    def _drop_trailers(self, recent: deque[Record]) -> None:
        for place in range(max(0, len(recent) - 5), len(recent)):
            found, *rest = list(recent)[place:]
            if all(one.cells and (one.reason or not self._is_plausible(one.cells)) for one in rest):
                records = self.counted + place
                if found.cells and (said := read_trailer(found.cells, self._key_of(found.cells), records)):
                    self.below.trailers.append((found.first, said[0]))
                    self.below.lines_below = recent[-1].last - found.first + 1
                    for _ in [found, *rest]:
                        recent.pop()
                    return

    def _key_of(self, cells: list[str]) -> str:
        fits = len(cells) == self.dialect.width and self.keys
        return "".join(cells[place] for place in self.keys).strip() if fits else ""

    def _parse(self, start: int) -> _Parsed:
        line = self._lines.peek(start) or ""
        if '"' not in line and not (self.dialect.backslash and "\\" in line):
            return _Parsed(line.rstrip("\r\n").split(self.dialect.delimiter), 1)
        used, at_end = 0, False

        def feed() -> Iterator[str]:
            nonlocal used, at_end
            size = 0
            while (line := self._lines.peek(start + used)) is not None and size < WIDEST:
                used, size = used + 1, size + len(line)
                yield line
            at_end = True

        try:
            cells = next(csv.reader(feed(), **self._style))
        except csv.Error:
            return _Parsed([], used, fault=True, at_end=at_end)
        self._knows_quotes = self._knows_quotes or line.startswith('"') or f'{self.dialect.delimiter}"' in line
        return _Parsed(cells, used)
