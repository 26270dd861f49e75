"""Read a file's bytes once: its size and hash, and the one encoding in which every byte of it means something."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from workbench.errors import ExportProblem
from workbench.warehouse import Warehouse

CHUNK, HEAD = 1024 * 1024, 4096
UTF8, CP1252 = "utf-8", "cp1252"
MARKS = ((codecs.BOM_UTF8, UTF8), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
UNDEFINED = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
"""The five bytes that cp1252 leaves without a meaning."""
ENOUGH = 10
"""So many good UTF-8 characters before the first bad byte: the file is UTF-8 and damaged, not cp1252."""
CHARACTERS = [bytes([byte]).decode(CP1252, "ignore").encode() for byte in range(256)]
"""What each byte of cp1252 is in UTF-8."""
SPARSE = 25
"""Where every so many-th byte or more is none of ASCII, a whole chunk is decoded faster than byte by byte."""
KINDS = (
    (b"PK\x03\x04", "a zip archive or a workbook"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SQLite format 3\0", "a SQLite database"),
    (codecs.BOM_UTF32_LE, "UTF-32 text"),
    (codecs.BOM_UTF32_BE, "UTF-32 text"),
)

MOJIBAKE_SECOND = "".join(bytes([one]).decode("cp1252", "ignore") for one in range(0x80, 0xC0))
ODD_TEXT = (
    (f"[ÂÃ][{MOJIBAKE_SECOND}]|â€[{MOJIBAKE_SECOND}]", "look like UTF-8 read as cp1252"),
    ("\ufffd", "hold a character that was lost before the export (U+FFFD)"),
)


@dataclass(frozen=True)
class FileFacts:
    """What the bytes of a file say; `mark` counts the bytes of a byte-order mark."""

    size: int
    sha256: str
    encoding: str = UTF8
    mark: int = 0

    @property
    def is_utf8(self) -> bool:
        """Say whether the file can be read as UTF-8 where it lies."""
        return self.encoding == UTF8

    @property
    def told(self) -> str:
        """Name the encoding for people."""
        return f"{self.encoding} with mark" if self.mark else self.encoding


def read_facts(path: Path) -> FileFacts:
    """Return size, hash and encoding of a text file, or say at which byte it stops being text; nothing is replaced."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    _refuse_binary(path, head)
    mark, encoding = next(((len(mark), name) for mark, name in MARKS if head.startswith(mark)), (0, ""))
    encoding = encoding or _unmarked_utf16(head) or UTF8
    trial = _Trial(path, encoding, is_sure=mark > 0 or encoding != UTF8)
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file, ThreadPoolExecutor(1) as beside:
        turn: Future[None] | None = None
        while chunk := file.read(CHUNK):
            if turn:
                turn.result()
            turn = beside.submit(digest.update, chunk)  # it lets go of the interpreter, so it costs no time here
            trial.take(chunk)
            size += len(chunk)
        if turn:
            turn.result()
    trial.end()
    return FileFacts(size, digest.hexdigest(), trial.encoding, mark)


def hash_file(path: Path) -> FileFacts:
    """Return size and hash of a file of any kind."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFacts(path.stat().st_size, digest)


def write_utf8(path: Path, facts: FileFacts, into: Path) -> Path:
    """Write a file again as UTF-8 without a mark, in bounded memory; every byte was proven to have a meaning."""
    decoder = codecs.getincrementaldecoder(facts.encoding)("strict")
    with path.open("rb") as file, into.open("wb") as made:
        file.seek(facts.mark)
        while chunk := file.read(CHUNK):
            made.write(_cp1252_to_utf8(chunk) if facts.encoding == CP1252 else decoder.decode(chunk).encode())
        made.write(decoder.decode(b"", final=True).encode())
    return into


def text_lines(path: Path, facts: FileFacts) -> Iterator[str]:
    """Yield the physical lines of a text file with their line ends as received."""
    encoding = "utf-8-sig" if facts.is_utf8 else facts.encoding
    with path.open(encoding=encoding, newline="") as file:
        for number, line in enumerate(file):
            yield line.removeprefix("\ufeff") if number == 0 else line


class Lines:
    """Physical lines with a look ahead; `number` is that of the next one, or the row of a sheet."""

    def __init__(self, lines: Iterable[str], *, rows_are_lines: bool) -> None:
        self._lines, self._ahead = iter(lines), deque[str]()
        self.rows_are_lines, self.number = rows_are_lines, 1

    def peek(self, place: int) -> str | None:
        """Return the line that many lines on, or nothing at the end."""
        while len(self._ahead) <= place:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[place]

    def replace(self, line: str) -> None:
        """Read the next line as this text."""
        self._ahead[0] = line

    def take(self, lines: int) -> tuple[int, int]:
        """Leave the lines of one record behind; return the first and the last one's number."""
        first = self.number
        for _ in range(lines):
            if self.peek(0) is not None:
                self._ahead.popleft()
        self.number += 1 if self.rows_are_lines else lines
        return first, self.number - 1


def find_odd_text(warehouse: Warehouse, name: str, id_sql: str) -> list[str]:
    """Count by column the values of raw.<name> that a wrong decoding spoiled, with up to five source ids each."""
    table = f"raw.{name}"
    columns = [column for column in warehouse.columns(table) if column not in ("source_file", "source_row")]
    told = []
    for pattern, what in ODD_TEXT:
        counts = ", ".join(f'count(*) FILTER (regexp_matches("{column}", $pattern))' for column in columns)
        found = warehouse.run(f"SELECT {counts} FROM {table}", {"pattern": pattern})[0]
        for column, count in zip(columns, found, strict=True):
            if count:
                ids = warehouse.run(
                    f'SELECT {id_sql} AS k FROM {table} WHERE regexp_matches("{column}", $pattern) ORDER BY k LIMIT 5',
                    {"pattern": pattern},
                )
                told.append(f"{name}.{column}: {count} values {what}; ids {', '.join(str(row[0]) for row in ids)}.")
    return told


class _Trial:
    """Hold each chunk against the encoding in question; UTF-8 gives way to cp1252 at the first byte that is not it."""

    def __init__(self, path: Path, encoding: str, *, is_sure: bool) -> None:
        self.path, self.encoding, self.is_sure = path, encoding, is_sure
        self.decoder = codecs.getincrementaldecoder(encoding)("strict")
        self.read = self.good = 0

    def take(self, chunk: bytes) -> None:
        if not self.encoding.startswith("utf-16") and b"\0" in chunk:
            self._refuse(self.read + chunk.index(b"\0"), "holds NUL bytes and is no UTF-16: it is no text file")
        if self.encoding == CP1252:
            self._require_cp1252(chunk, self.read)
        elif not (self.encoding == UTF8 and chunk.isascii() and not self._pending()) and not self._is_plainly_good(
            chunk
        ):
            self._decode(chunk)
        self.read += len(chunk)

    def end(self) -> None:
        if self.encoding != CP1252 and self._pending():
            self._refuse(self.read - self._pending(), "ends in the middle of a character: the file was cut off")

    def _pending(self) -> int:
        return len(self.decoder.getstate()[0])

    def _is_plainly_good(self, chunk: bytes) -> bool:
        """Say whether a file that showed itself to be UTF-8 goes on so; it is only looked at, ten times as fast as decoded."""
        if self.encoding != UTF8 or self.good < ENOUGH:
            return False
        whole = self.decoder.getstate()[0] + chunk
        whole_characters = len(whole) - _unfinished(whole[-3:])
        if not _is_utf8(whole[:whole_characters]):
            return False
        self.decoder.reset()
        self.decoder.decode(whole[whole_characters:])
        return True

    def _decode(self, chunk: bytes) -> None:
        waiting = self.decoder.getstate()[0]
        try:
            text = self.decoder.decode(chunk)
        except UnicodeDecodeError as problem:
            place = self.read - len(waiting) + problem.start
            self.good += _wide((waiting + chunk)[: problem.start].decode(self.encoding, "ignore"))
            if self.is_sure:
                self._refuse(place, f"is marked as {self.encoding.upper()} and cannot be decoded from there on")
            if self.good >= ENOUGH:
                self._refuse(place, "is UTF-8 up to there and something else after: were two files joined?")
            self.encoding = CP1252
            self._require_cp1252(waiting + chunk, self.read - len(waiting))
            self._require_cp1252_before(self.read)
        else:
            if self.good < ENOUGH and self.encoding == UTF8:
                self.good += _wide(text)

    def _require_cp1252(self, chunk: bytes, start: int) -> None:
        found = [place for byte in UNDEFINED if (place := chunk.find(byte)) >= 0]
        if found:
            self._refuse(start + min(found), "is neither UTF-8 nor cp1252: a byte there has no meaning in either")

    def _require_cp1252_before(self, end: int) -> None:
        # What was UTF-8 so far may hold one of the five bytes inside a character.
        if self.good:
            with self.path.open("rb") as file:
                for start in range(0, end, CHUNK):
                    self._require_cp1252(file.read(min(CHUNK, end - start)), start)

    def _refuse(self, place: int, why: str) -> None:
        raise ExportProblem(
            f"{self.path.name}, byte {place} (line {_line_of(self.path, place)}) {why}."
            " Export it again as UTF-8 (Excel: CSV UTF-8)."
        )


def _cp1252_to_utf8(chunk: bytes) -> bytes:
    """Say the same as Python's decoder and encoder, three times as fast where nearly all is ASCII: only the rest is looked at."""
    places = np.flatnonzero(np.frombuffer(chunk, np.uint8) > 0x7F)
    if len(places) * SPARSE > len(chunk):
        return chunk.decode(CP1252).encode()
    pieces, start = list[bytes](), 0
    for place in places.tolist():
        pieces += (chunk[start:place], CHARACTERS[chunk[place]])
        start = place + 1
    return b"".join((*pieces, chunk[start:]))


def _is_utf8(data: bytes) -> bool:
    """Say the same as Python's decoder, without making a string."""
    ends = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:
        pa.Array.from_buffers(pa.large_utf8(), 1, [None, ends, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _unfinished(tail: bytes) -> int:
    """Return how many bytes at the end begin a character that goes on behind them."""
    for count, byte in enumerate(reversed(tail), start=1):
        if byte >= 0xC0:
            return count if count < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else 0
        if byte < 0x80:
            return 0
    return 0


def _wide(text: str) -> int:
    return 0 if text.isascii() else sum(character > "\x7f" for character in text[:100_000])


def _refuse_binary(path: Path, head: bytes) -> None:
    for start, kind in KINDS:
        if head.startswith(start):
            raise ExportProblem(f"{path.name} is no delimited text: it looks like {kind}. Export it again as CSV.")


def _unmarked_utf16(head: bytes) -> str:
    """Name UTF-16 without a mark: nearly every second byte is NUL, and always the same second one."""
    if len(head) < 4 or (len(head) % 2 and len(head) < HEAD):
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    most = 0.6 * (len(head) // 2)
    return "utf-16-le" if odd >= most and not even else "utf-16-be" if even >= most and not odd else ""


def _line_of(path: Path, place: int) -> int:
    """Return the physical line of a byte: CRLF, LF and CR each end one."""
    ends, last = 0, b""
    with path.open("rb") as file:
        while place > 0 and (chunk := file.read(min(CHUNK, place))):
            ends += len(re.findall(rb"\r\n|\n|\r", chunk)) - (last == b"\r" and chunk.startswith(b"\n"))
            place, last = place - len(chunk), chunk[-1:]
    return ends + 1
