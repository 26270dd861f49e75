"""Tell how a text file is written: delimiter, header line, titles above it; and prove that its quotes are sound."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from workbench.dental_exec.contract import ExportObject
from workbench.errors import ExportProblem

DELIMITERS = (",", ";", "\t", "|")
HEAD_LINES = 30
ENOUGH_COLUMNS = 0.6
OURS = ("source_file", "source_row")
BLOCK = 1024 * 1024
NEWLINE, RETURN, QUOTE = 10, 13, 34


@dataclass(frozen=True)
class Dialect:
    """How a file is written; `header` are its names as written, `skip` the physical lines above them."""

    delimiter: str
    header: tuple[str, ...]
    skip: int
    header_lines: int = 1
    titles: int = 0
    backslash: str = ""

    @property
    def width(self) -> int:
        """Return how many values a whole record has."""
        return len(self.header)

    @property
    def spare(self) -> int:
        """Return how many of the last header cells are blank; a record may lack those."""
        return next((n for n, name in enumerate(reversed(self.header)) if plain_name(name)), 0)


@dataclass(frozen=True)
class Shape:
    """What the bytes of a soundly quoted file say: records below the header, the longest in bytes, odd text inside."""

    records: int
    longest: int
    is_odd: bool


def plain_name(written: str) -> str:
    """Return a header cell as a column name: lower case, plain letters, digits and underscores; blank when none."""
    bare = written.replace("\ufeff", "").replace("\xa0", " ").strip().strip("\"'").strip().lower()
    return re.sub(r"[^a-z0-9_]+", "_", bare).strip("_")


def column_names(header: Sequence[str]) -> tuple[str, ...]:
    """Return the names that a header's values land under; two columns of one meaning keep one name here."""
    names = []
    for position, written in enumerate(header, start=1):
        name = plain_name(written) or f"unnamed_{position}"
        name = f"c_{name}" if name[0].isdigit() else name
        names.append(f"given_{name}" if name in OURS else name)
    return tuple(names)


def find_dialect(name: str, lines: Sequence[str], said: ExportObject) -> Dialect:
    """Find the header among a file's first lines: the first record that names the key or most columns of the object."""
    told = re.fullmatch(r"\W?sep=(.)", lines[0].strip('\r\n"')) if lines else None
    start = 1 if told else 0
    best: tuple[int, tuple[str, ...]] = (0, ())
    for place in range(start, min(len(lines), HEAD_LINES)):
        found = []
        for delimiter in [told[1]] if told else DELIMITERS:
            cells, used = _record(lines[place:], delimiter)
            known = len(set(column_names(cells)) & set(said.columns))
            best = max(best, (known, cells))
            if _is_header(cells, said):
                titles = sum(1 for line in lines[:place] if line.strip())
                found.append((known, len(cells), Dialect(delimiter, cells, place, used, titles - start)))
        if found:
            return max(found, key=lambda one: one[:2])[2]
    if not any(line.strip() for line in lines):
        raise ExportProblem(f"{name} is empty: it has no header line.")
    looked = " and ".join(said.key) or "most columns"
    if best[0] >= max(1, min(2, len(best[1]) // 2)):
        raise ExportProblem(f"{name}: the key column {looked} is missing")
    raise ExportProblem(
        f"{name} has no header line: none of its first {min(len(lines), HEAD_LINES)} lines names the key column"
        f" {looked} of {said.name}, with any of comma, semicolon, tab or bar between the names"
    )


def _is_header(cells: tuple[str, ...], said: ExportObject) -> bool:
    names = set(column_names(cells))
    if said.key and names >= set(said.key):
        return True
    return len(names & set(said.columns)) >= ENOUGH_COLUMNS * len(said.columns) and not said.key


def _record(lines: Sequence[str], delimiter: str) -> tuple[tuple[str, ...], int]:
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    try:
        return tuple(cell.strip("\x0c") for cell in next(reader, [])), reader.line_num
    except csv.Error:
        # A header that blanks stand around the quotes of is still a header; its names are bared anyway.
        return tuple(next(csv.reader(lines[:1], delimiter=delimiter), ())), 1


TRAILER = r"(?:grand\s+)?(?:totals?|count|records?|rows?|end of (?:file|report)|trailer|sum)"
WHOLE_TRAILER = re.compile(
    rf"{TRAILER}(?:\s+(?:count|records?|rows?|exported))*(?:\s*[:=|]+\s*|\s+|$)([\d,]*)", re.IGNORECASE
)
COUNTED_TRAILER = re.compile(r"([\d,]+)\s+(?:records?|rows?)(?:\s+exported)?\.?", re.IGNORECASE)


def read_trailer(cells: list[str], key: str, records: int) -> tuple[int | None] | None:
    """Say whether a last record is a totals or trailer line, and which count it states when it states one."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return None
    numbers = [int(text.replace(",", "")) for text in filled if re.fullmatch(r"\d{1,3}(,\d{3})+|\d+", text)]
    whole = WHOLE_TRAILER.fullmatch(filled[0]) or COUNTED_TRAILER.fullmatch(filled[0])
    if whole and (not key or key == filled[0]):
        if digits := whole[1].replace(",", ""):
            return (int(digits),)
        beside = len(filled) == 2 and cells[1].strip() == filled[1]
        return (numbers[0],) if numbers and beside else (None,)
    if re.match(rf"{TRAILER}\b", filled[0], re.IGNORECASE) and not key and len(filled) < max(2, len(cells) / 2):
        return (None,)
    if not key and len(filled) < max(2, len(cells) / 2) and records in numbers:
        return (records,)
    return None


def protect(line: str, backslash: str) -> str:
    r"""Return a line in which each backslash that escapes nothing is escaped; `backslash` holds what one may escape."""
    return re.sub(
        r"\\(\\|.?)",
        lambda found: found[0] if found[1] and found[1] in backslash else found[0].replace("\\", "\\\\"),
        line,
    )


def find_loose_ends(record: str, delimiter: str) -> tuple[bool, bool]:
    """Say whether an unquoted value of a record ends with a quote that nothing opened, and whether any is quoted."""
    mark = re.escape(delimiter)
    values = re.findall(rf'("(?:[^"]|"")*")(?={mark}|$)|([^{mark}]+)|{mark}', record)
    return any(bare.endswith('"') and bare.count('"') % 2 for _, bare in values), any(quoted for quoted, _ in values)


def measure(path: Path, dialect: Dialect) -> Shape | None:
    """Count the records of a UTF-8 file by its bytes, or return nothing when a quote or a line end is not sound.

    Sound means: each quote opens at the start of a value, closes at its end, or is doubled inside; line ends are of
    one kind; no value holds what could be a whole record; no page break starts a line.
    """
    scan, mark = _Scan(ord(dialect.delimiter), dialect.width), ord(dialect.delimiter)
    with path.open("rb") as file:
        for _ in range(dialect.skip):
            if b'"' in (line := file.readline()) or b"\r" in line.rstrip(b"\r\n"):
                return None
        if file.tell() == 0 and file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        if not all(scan.take(_Block.read(text, mark)) for text in _whole_lines(file)):
            return None
    if scan.delimiters != scan.records * (dialect.width - 1):
        return None  # a record has more values; the engine would forgive a last one that is blank, and shift the rest
    return Shape(scan.records - 1, scan.longest, scan.is_odd) if not scan.inside and scan.records else None


@dataclass(frozen=True)
class _Block:
    """Some whole lines of a file, where its quotes and line ends stand, and how many delimiters it has."""

    text: bytes
    data: np.ndarray
    quotes: np.ndarray
    ends: np.ndarray
    marks: int
    mark: int
    has_return: bool
    is_odd: bool

    @classmethod
    def read(cls, text: bytes, mark: int) -> _Block:
        """Look through the bytes once for each; nothing here hangs on the block before."""
        data = np.frombuffer(text, np.uint8)
        quotes, ends = np.flatnonzero(data == QUOTE), np.flatnonzero(data == NEWLINE)
        odd = not text.isascii() and _looks_odd(data)
        return cls(text, data, quotes, ends, int(np.count_nonzero(data == mark)), mark, b"\r" in text, odd)

    def marks_within(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """Count the delimiters of stretches in order; where these are few, only they are looked at again."""
        lengths = stops - starts
        if 8 * lengths.sum() > self.data.size:
            marks = np.flatnonzero(self.data == self.mark)
            return np.asarray(np.searchsorted(marks, stops) - np.searchsorted(marks, starts))
        before = np.cumsum(lengths) - lengths
        looked_at = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
        found = np.flatnonzero(self.data[looked_at] == self.mark)
        return np.asarray(np.searchsorted(found, before + lengths) - np.searchsorted(found, before))


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in blocks that end with a line end; one is lent to a last line without."""
    line_end = b"\n"
    while block := file.read(BLOCK):
        if not block.endswith(b"\n"):
            block += file.readline()
        if block.endswith(b"\n"):
            line_end = b"\r\n" if block.endswith(b"\r\n") else b"\n"
        else:
            block += line_end
        yield block


class _Scan:
    """Count quotes and line ends block by block; each block ends with a line end."""

    def __init__(self, delimiter: int, width: int) -> None:
        self.delimiter, self.width = delimiter, width
        self.records = self.longest = self.current = self.delimiters = 0
        self.inside = self.is_odd = False
        self.ends_in_return: bool | None = None

    def take(self, block: _Block) -> bool:
        """Take one block; say whether all of it is sound."""
        if b"\x0c" in block.text and re.match(b"\x0c|.*\n\x0c", block.text, re.DOTALL):
            return False
        quotes, ends = block.quotes, block.ends
        if quotes.size and not self._are_sound(block.data, quotes):
            return False
        within = ((np.searchsorted(quotes, ends) + self.inside) & 1).astype(bool)
        if (self.inside or within.any()) and self._hold_records(block, within):
            return False
        outer = ends[~within]
        if not self._are_ends_sound(block, outer):
            return False
        self._count(block.data, outer)
        edges = np.concatenate(([0] if self.inside else [], quotes, [block.data.size])).astype(np.int64)
        edges = edges[: edges.size // 2 * 2]  # an odd one out is the end of a block that ends outside
        self.delimiters += block.marks - int(block.marks_within(edges[::2], edges[1::2]).sum())
        self.is_odd = self.is_odd or block.is_odd
        self.inside = bool((quotes.size + self.inside) & 1)
        return True

    def _are_sound(self, data: np.ndarray, quotes: np.ndarray) -> bool:
        first = 1 if self.inside else 0
        opening, closing = quotes[first::2], quotes[1 - first :: 2]
        before = data[np.maximum(opening - 1, 0)]
        starts = (before == self.delimiter) | (before == NEWLINE) | (before == QUOTE) | (opening == 0)
        after = data[closing + 1]  # a block ends with a line end, so there is a next byte
        stops = (after == self.delimiter) | (after == NEWLINE) | (after == RETURN) | (after == QUOTE)
        return bool(starts.all() and stops.all())

    def _hold_records(self, block: _Block, within: np.ndarray) -> bool:
        """Say whether a line that starts inside a value has the delimiters of a whole record."""
        inside = np.append(self.inside, within[:-1])  # whether each line's start is
        starts = np.append(0, block.ends[:-1] + 1)
        marks = block.marks_within(starts[inside], block.ends[inside])
        return bool((marks >= max(self.width - 1, 1)).any())

    def _are_ends_sound(self, block: _Block, outer: np.ndarray) -> bool:
        has_return = block.data[np.maximum(outer - 1, 0)] == RETURN
        if outer.size and self.ends_in_return is None:
            self.ends_in_return = bool(has_return[0])
        if outer.size and not (has_return == self.ends_in_return).all():
            return False
        if not block.has_return:
            return True
        returns = np.flatnonzero(block.data == RETURN)
        loose = returns[((np.searchsorted(block.quotes, returns) + self.inside) & 1) == 0]
        return bool(self.ends_in_return) and len(loose) == len(outer) and bool((loose == outer - 1).all())

    def _count(self, data: np.ndarray, outer: np.ndarray) -> None:
        size = data.size
        if not outer.size:
            self.current += size
            return
        step = 2 if self.ends_in_return else 1
        before = data[np.maximum(outer - step, 0)]
        blank = (before == NEWLINE) & (outer >= step) | (outer == step - 1) & (self.current == 0)
        self.records += int(outer.size - blank.sum())
        gaps = np.diff(outer, prepend=-1 - self.current)
        self.longest = max(self.longest, int(gaps.max()))
        self.current = size - int(outer[-1]) - 1


def _looks_odd(data: np.ndarray) -> bool:
    """Say whether bytes hold what mojibake or a replaced character begins with (as UTF-8)."""
    lead = np.flatnonzero(data[:-2] == 0xC3)
    second = data[lead + 1]
    may = ((second == 0x82) | (second == 0x83) | (second == 0xA2)) & (data[lead + 2] >= 0x80)
    return bool(may.any() or (data == 0xEF).any())
