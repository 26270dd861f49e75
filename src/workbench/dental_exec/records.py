"""Count the records of a CSV file with Python's reader, independently of the reader that lands them."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import ExportProblem

WIDEST_FIELD = 64 * 1024 * 1024


@dataclass(frozen=True)
class Ragged:
    """A record with more or fewer values than the header; lines are physical, the header is line 1."""

    record: int
    first_line: int
    last_line: int
    reason: str


@dataclass(frozen=True)
class Records:
    """A file's header, how many records follow it, which of them are ragged, and the longest one in characters."""

    header: tuple[str, ...]
    counted: int
    ragged: tuple[Ragged, ...]
    longest: int


def count_records(path: Path) -> Records:
    """Read the whole file as CSV: comma, doubled quotes; blank lines are no records."""
    header: tuple[str, ...] = ()
    counted = longest = 0
    ragged = []
    for first, last, row in _rows(path):
        if not header:
            header = tuple(row)
            continue
        counted += 1
        longest = max(longest, sum(map(len, row)) + len(row))
        if not fits(row, len(header)):
            ragged.append(Ragged(counted, first, last, f"{len(row)} values under a header of {len(header)}"))
    if not header:
        raise ExportProblem(f"{path.name} is empty: it has no header line.")
    return Records(header, counted, tuple(ragged), longest)


def fits(row: list[str], width: int) -> bool:
    """Say whether a record has the header's width; one trailing delimiter is forgiven."""
    return len(row) == width or (len(row) == width + 1 and row[-1] == "")


def line_ranges(path: Path, wanted: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return the physical lines of some records, by record number."""
    found = {}
    for record, (first, last, _) in enumerate(_rows(path)):  # the header is record 0
        if record in wanted:
            found[record] = (first, last)
    return found


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a small CSV file whole, with plain lower-case column names."""
    rows = [row for _, _, row in _rows(path)]
    names = [name.strip().lower() for name in rows[0]] if rows else []
    return [dict(zip(names, row, strict=False)) for row in rows[1:]]


def _rows(path: Path) -> Iterator[tuple[int, int, list[str]]]:
    # The limit is the module's own and starts at 128 KB, less than a long note.
    if csv.field_size_limit() < WIDEST_FIELD:
        csv.field_size_limit(WIDEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        before = 0
        try:
            for row in reader:
                if row:
                    yield before + 1, reader.line_num, row
                before = reader.line_num
        except csv.Error:
            raise ExportProblem(
                f"{path.name} has quotes that do not match in the record that starts at line {before + 1}."
                " Double every quote inside a quoted value, or export the file again."
            ) from None
