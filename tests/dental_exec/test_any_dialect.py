"""Random tables, written by an independent writer in random dialects, land equal or are refused with a reason."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from workbench.dental_exec.contract import read_contract
from workbench.dental_exec.deliveries import DataSource, Delivery
from workbench.dental_exec.drift import make_books
from workbench.dental_exec.inventory import take_inventory
from workbench.dental_exec.tables import land_object
from workbench.errors import CountMismatch, ExportProblem
from workbench.warehouse import Warehouse

EXAMPLES = int(os.environ.get("WORKBENCH_EXAMPLES", "300" if os.environ.get("WORKBENCH_CAMPAIGN") else "100"))
RUN = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not os.environ.get("CI_RANDOM"),
)
SAID = read_contract().objects["carriers"]
CP1252 = "".join(bytes([one]).decode("cp1252", "ignore") for one in range(32, 256))
SPICE = ['"', '""', "\n", "\r", "\r\n", ",", ";", "\t", "|", " ", "\xa0", "'", "\\", "a", "b", "7", "é", "’", "\x0c"]
WIDE = ["\U0001f9b7", "名", "\u2028", "\x85", "\ufeff", "\u200b", "\ufffd"]
ENCODINGS = [
    *[("utf-8", False), ("utf-8", True), ("cp1252", False)],
    *[("utf-16-le", True), ("utf-16-be", True), ("utf-16-le", False)],
]
TITLES = ["Lakeside Family Dental", "Export of 11/20/2026, all carriers"]


@dataclass(frozen=True)
class Written:
    header: list[str]
    rows: list[list[str]]
    delimiter: str
    style: str
    end: str
    encoding: str
    mark: bool
    titles: int
    trailer: bool
    trailing: bool
    last_end: bool

    def cell(self, text: str) -> str:
        if self.style == "backslash":
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        needs = any(one in text for one in (self.delimiter, '"', "\r", "\n")) or text[:1] == "\x0c"
        return '"' + text.replace('"', '""') + '"' if needs or self.style == "all" else text

    def record(self, cells: list[str]) -> str:
        return self.delimiter.join(map(self.cell, cells)) + (self.delimiter if self.trailing else "")

    def text(self) -> str:
        lines = [*TITLES[: self.titles], self.record(self.header), *map(self.record, self.rows)]
        if self.trailer:
            lines.append(f"Total{self.delimiter}{len(self.rows)}")
        return self.end.join(lines) + (self.end if self.last_end else "")

    def shown_escapes(self) -> int:
        """Count the quotes that a backslash escapes and that cannot be the end of a value."""
        return len(re.findall(rf'\\"(?![\r\n{re.escape(self.delimiter)}]|\Z)', self.text()))

    def bytes(self) -> bytes:
        return (("\ufeff" if self.mark else "") + self.text()).encode(self.encoding)


def values(encoding: str) -> st.SearchStrategy[str]:
    alphabet = st.sampled_from(SPICE if encoding == "cp1252" else SPICE + WIDE)
    any_text = (
        st.text(st.sampled_from(CP1252), max_size=6)
        if encoding == "cp1252"
        else st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
    )
    return st.one_of(st.just(""), st.lists(alphabet, max_size=8).map("".join), any_text, st.just("plain"))


@st.composite
def tables(
    draw: st.DrawFn,
    *,
    least_rows: int = 0,
    least_width: int = 2,
    encodings=ENCODINGS,
    styles=("minimal", "all", "backslash"),
) -> Written:
    encoding, mark = draw(st.sampled_from(encodings))
    width = draw(st.integers(least_width, 6))
    header = ["carrier_id", *["carrier_name", "payer_id", "phone", "cf_one", "cf_two"][: width - 1]]
    count = draw(st.integers(least_rows, 7))
    rows = [
        [f"C{100 + n}", *draw(st.lists(values(encoding), min_size=width - 1, max_size=width - 1))] for n in range(count)
    ]
    style = draw(st.sampled_from(styles))
    if style == "backslash" and not any('"' in cell for row in rows for cell in row):
        style = "all"  # nothing in the file would show that backslashes escape
    return Written(
        header,
        rows,
        delimiter=draw(st.sampled_from([",", ";", "\t", "|"])),
        style=style,
        end=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        encoding=encoding,
        mark=mark,
        titles=draw(st.integers(0, 2)),
        trailer=draw(st.booleans()),
        trailing=draw(st.booleans()),
        last_end=draw(st.booleans()),
    )


@pytest.fixture(scope="module")
def store():
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA raw; SET threads = 1")
        yield Warehouse(connection)


@dataclass
class Landed:
    rows: list[list[str]]
    numbers: list[int]
    rejected: list[tuple[int, int, str]]
    counted: int
    reader: str
    findings: list[str]


def land(store: Warehouse, data: bytes, width: int) -> Landed:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "carriers.csv"
        path.write_bytes(data)
        source = DataSource("carriers.csv", path, "carriers", rows_are_lines=False)
        delivery = Delivery("d", path.parent, path.parent, None, "delta", None, (), (source,))
        room = Path(folder) / "room"
        room.mkdir()
        make_books(store)
        files = list(take_inventory(delivery, room).files)
        told = land_object(store, SAID, [("", files)], room)
        if told.wrong:
            raise CountMismatch("; ".join(told.wrong))
        names = dict.fromkeys(files[0].columns)
        present = [name for name in names if name in store.columns("raw.carriers")]
        found = store.run(f"SELECT source_row, {', '.join(present)} FROM raw.carriers ORDER BY source_row")
        rejected = store.run("SELECT first_line, last_line, reason FROM raw.rejected ORDER BY ALL")
        [(counted, landed, aside, reader)] = store.run(
            "SELECT rows_counted, rows_landed, rows_rejected, reader FROM raw.files"
        )
        assert counted == landed + aside == len(found) + len(rejected)
        return Landed(
            [[value or "" for value in row[1 : width + 1]] for row in found],
            [row[0] for row in found],
            rejected,
            counted,
            reader,
            told.findings,
        )


@RUN
@given(tables())
def test_a_random_table_in_a_random_dialect_lands_equal(store: Warehouse, made: Written) -> None:
    data = made.bytes()
    assume(made.encoding != "cp1252" or not is_utf8(data))
    # One escape alone may as well be a value that ends in a backslash, beside a lost quote: rejected, and nothing lands wrong.
    is_doubtful = made.style == "backslash" and made.shown_escapes() < 2
    try:
        landed = land(store, data, len(made.header))
    except ExportProblem as problem:
        event(f"refused: {str(problem).splitlines()[1][:40]}")
        # Only UTF-16 without a mark, whose pattern does not show, and a last byte that may be half a character.
        assert (made.encoding == "utf-16-le" and not made.mark) or (made.encoding == "cp1252" and not made.last_end)
        return
    except CountMismatch:
        event("refused: the last line counts otherwise")
        assert is_doubtful and made.trailer
        return
    event(f"{landed.reader} {made.style}")
    if is_doubtful and landed.rejected:
        assert all(row in made.rows for row in landed.rows)
        return
    assert (landed.rows, landed.rejected) == (made.rows, [])
    assert landed.numbers == list(range(1, len(made.rows) + 1))


def is_utf8(data: bytes) -> bool:
    try:
        return not data.decode("utf-8").isascii()
    except UnicodeDecodeError:
        return False


@st.composite
def damages(draw: st.DrawFn) -> tuple[Written, str, str, int]:
    """A table, its text with one quote dropped, one delimiter between values deleted, or the tail cut; what was done."""
    made = draw(tables(least_rows=3, least_width=3, encodings=ENCODINGS[:1], styles=("minimal", "all")))
    text = made.text()
    start = len(made.end.join([*TITLES[: made.titles], made.record(made.header)])) + len(made.end)
    body = made.end.join(map(made.record, made.rows))
    kind = draw(st.sampled_from(["quote", "delimiter", "tail"]))
    if kind == "quote":
        # One quoted value alone, half a quote lost: nothing tells it from a mark of inches.
        assume(sum(made.cell(cell).startswith('"') for row in made.rows for cell in row) > 1)
        places = [start + n for n, one in enumerate(body) if one == '"']
    elif kind == "delimiter":
        places, at = [], start
        for row in made.rows:
            cells = [made.cell(cell) for cell in row]
            ends = [at + sum(map(len, cells[: n + 1])) + n for n in range(len(cells) - 1)]
            places += ends
            at += len(made.record(row)) + len(made.end)
        assert all(text[place] == made.delimiter for place in places)
    else:
        places = list(range(start, start + len(body)))
    assume(places)
    place = draw(st.sampled_from(places))
    if kind == "tail":
        return made, text[:place], kind, place - start
    return made, text[:place] + text[place + 1 :], kind, place - start


@RUN
@given(damages())
def test_a_damaged_file_lands_each_record_exactly_or_rejects_its_lines(
    store: Warehouse, damaged: tuple[Written, str, str, int]
) -> None:
    made, text, kind, place = damaged
    data = (("\ufeff" if made.mark else "") + text).encode()
    try:
        landed = land(store, data, len(made.header))
    except (ExportProblem, CountMismatch) as problem:
        event(f"{kind} refused: {type(problem).__name__}")
        return
    event(f"{kind} {landed.reader}")
    rejected = {line for first, last, _ in landed.rejected for line in range(first, last + 1)}
    whole = {row[0]: row for row in landed.rows}
    first, start = line_of(made, 0), 0
    for row in made.rows:
        gone = kind == "tail" and start >= place
        start += len(made.record(row)) + len(made.end)
        lines = set(range(first, first + physical_lines(made.record(row))))
        first = max(lines) + 1
        cut = kind == "tail" and max(lines) >= physical_lines(text)
        assert gone or whole.get(row[0]) == row or rejected & lines or (cut and is_cut(whole.get(row[0]), row)), (
            row,
            landed,
        )
    if kind != "tail":
        assert [row for row in landed.rows if row not in made.rows] == [], landed


def is_cut(found: list[str] | None, row: list[str]) -> bool:
    """A cut inside the last value of a line without its end cannot be seen: all but that value are whole."""
    return found is not None and found[:-1] == row[:-1] and row[-1].startswith(found[-1])


def physical_lines(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


def line_of(made: Written, number: int) -> int:
    above = [*TITLES[: made.titles], made.record(made.header), *map(made.record, made.rows[:number])]
    return physical_lines(made.end.join([*above, ""]))
