"""A scan for values of patients in whatever the journey leaves: canaries, however they are written, wherever they are packed.

A canary is a value that nothing but the export, the warehouse and the tenant may hold. It is looked for in every file
below data/: as typed or with other blanks and separators, in capitals, without accents, escaped as JSON, HTML, URL or
Python, in UTF-8, UTF-16 or cp1252; inside zips and workbooks, gzip, base64 (pictures in pages and notebooks), texts in
PNG, and SQLite, cell by cell, in its write-ahead log and in pages that are free again. A file that it cannot look into is
a finding, too. What it cannot see: pixels, a value split by other words, and a hash of a value.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import io
import re
import sqlite3
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from workbench.warehouse import open_warehouse

EXCEPT = {
    "data/exports": "the export itself, as received",
    "data/named_exports": "the export itself, in a restored folder",
    "data/sample": "the export itself, with the truth that tests compare with",
    "data/unpacked": "the export itself, unpacked to be read",
    "data/warehouse.duckdb": "docs/security.md: the warehouse holds what landed in clear; workbench purge deletes it",
    "data/warehouse.duckdb.wal": "the same",
    "data/spill": "the same, while DuckDB works",
    "data/rehearsal/tenant.sqlite": "docs/security.md: the rehearsal's tenant stands for Freshsales and holds its records",
    "data/rehearsal/tenant.sqlite-wal": "the same",
    "data/runs/*/review": "docs/security.md: pages with values in clear, for people whom [privacy] reviewers names",
}
"""What may hold patients' values below data/, and why; a star stands for one folder's name."""
SHORTEST = 8
"""Letters and digits that a canary needs: shorter ones stand in other words by chance."""
DEEPEST = 5
PERSONAL = ("first_name", "last_name", "email", "phone_mobile", "phone_home", "cf_member_id", "address_line1")
"""Columns of contacts.csv whose values tell one person."""
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
UNREADABLE = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"%PDF": "PDF",
    b"7z\xbc\xaf": "7z",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"Rar!": "rar",
    b"\xd0\xcf\x11\xe0": "an old Office file",
}


@dataclass(frozen=True)
class Canary:
    """One value; a finding tells its label, never the value."""

    label: str
    needles: tuple[str, ...]
    written: tuple[re.Pattern[str], ...] = ()


def text_canary(label: str, *values: str) -> Canary:
    """A name, address, e-mail, phone, number or sentence: found by its letters and digits in their order."""
    needles = tuple(dict.fromkeys(squash(one) for one in values))
    assert needles and min(map(len, needles)) >= SHORTEST, f"the canary {label} is too short to tell from chance"
    return Canary(label, needles)


def phone_canary(label: str, digits: str) -> Canary:
    """A US phone of ten digits, with or without its country."""
    return text_canary(label, re.sub(r"\D", "", digits)[-10:])


def date_canary(label: str, day: date) -> Canary:
    """A day in the ways that exports, pages, workbooks and logs write one."""
    year, month, number = f"{day.year}", day.month, day.day
    months = (day.strftime("%b"), day.strftime("%B"))
    forms = [
        *(f"{year}{sep}{month:02}{sep}{number:02}" for sep in ("-", "/", ".", "")),
        *(f"{one:02}.{other:02}.{year}" for one, other in ((month, number), (number, month))),
        *(
            f"{m}{sep}{d}{sep}{y}"
            for sep in "/-"
            for m in {f"{month}", f"{month:02}"}
            for d in {f"{number}", f"{number:02}"}
            for y in (year, year[2:])
        ),
        *(f"{name} {number}, {year}" for name in months),
        *(f"{number} {name} {year}" for name in months),
    ]
    serial = (day - date(1899, 12, 30)).days  # as a workbook keeps it
    patterns = [re.compile(rf"(?<![\d.]){re.escape(one)}(?!\d)", re.IGNORECASE) for one in dict.fromkeys(forms)]
    return Canary(label, (), (*patterns, re.compile(rf">{serial}(?:\.0)?<")))


def patients_of(warehouse: Path, *, people: int = 25) -> list[Canary]:
    """Return canaries of some patients of a landed export: what only their own records hold, and no colleague or practice."""
    columns = ("contact_id", *PERSONAL)
    with open_warehouse(warehouse) as landed:
        rows = landed.run(
            f"SELECT {', '.join(columns)} FROM raw.contacts WHERE lower(trim(lifecycle_role)) LIKE '%patient%'"
            " ORDER BY md5(contact_id) LIMIT ?",
            [people],
        )
        others = landed.run("SELECT * FROM raw.users") + landed.run("SELECT * FROM raw.companies")
        notes = landed.run(
            "SELECT any_value(note_id), body FROM raw.notes WHERE length(body) > 40 GROUP BY body HAVING count(*) = 1"
            " ORDER BY md5(body) LIMIT ?",
            [people],
        )
    theirs = " ".join(str(cell) for row in others for cell in row)
    made = [one for row in rows for one in canaries_of(dict(zip(columns, row, strict=True)), theirs)]
    texts_of = [(note_id, body[:60]) for note_id, body in notes]
    return [*made, *(text_canary(f"text of {note_id}", text) for note_id, text in texts_of if len(squash(text)) > 24)]


def canaries_of(person: Mapping[str, str | None], theirs: str = "") -> Iterator[Canary]:
    """Yield the canaries of one row of contacts.csv; what `theirs` holds, too, tells nobody."""
    first, last = person["first_name"], person["last_name"]
    values: dict[str, tuple[str, ...]] = {
        **{column: (person.get(column) or "",) for column in PERSONAL},
        **{column: (re.sub(r"\D", "", person.get(column) or "")[-10:],) for column in PERSONAL if "phone" in column},
        "last_name": (f"{first} {last}", f"{last} {first}") if first and last else ("",),
        "first_name": ("",),  # by itself it tells nobody
    }
    known = squash(theirs)
    for column, typed in values.items():
        if all(len(squash(one)) >= SHORTEST and squash(one) not in known for one in typed):
            yield text_canary(f"{column} of {person['contact_id']}", *typed)


def squash(text: str) -> str:
    """Return the letters and digits of a text alone, small and without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^0-9a-z]+", "", plain.encode("ascii", "ignore").decode())


def scan(folder: Path, canaries: Sequence[Canary], leave: Mapping[str, str] = EXCEPT) -> list[str]:
    """Return what holds a canary below a folder, each place once with the labels of what it holds, sorted."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(is_below(name, one) for one in leave):
            continue
        labels = set(told(name, canaries))
        if path.is_file() and not path.is_symlink():
            log = path.with_name(f"{path.name}-wal")
            labels |= set(look(path.read_bytes(), canaries, log=log.read_bytes() if log.is_file() else b""))
        if labels:
            found.append(f"{name}: {', '.join(sorted(labels))}")
    return found


def is_below(name: str, place: str) -> bool:
    """Say whether a path is a place or lies in it."""
    parts, wanted = name.split("/"), place.split("/")
    return len(parts) >= len(wanted) and all(other in ("*", one) for one, other in zip(parts, wanted, strict=False))


def look(content: bytes, canaries: Sequence[Canary], *, depth: int = 0, log: bytes = b"") -> Iterator[str]:
    """Yield the label of each canary that bytes hold, and what they are if nobody can look into them."""
    for text in texts(content):
        yield from told(text, canaries)
    for magic, kind in UNREADABLE.items():
        if content.startswith(magic):
            yield f"cannot be looked into ({kind})"
    if content[8:12] == b"DUCK":
        yield "cannot be looked into (DuckDB)"
    if depth == DEEPEST:
        yield "cannot be looked into (too deep)"
        return
    for inside in opened(content, log):
        yield from look(inside, canaries, depth=depth + 1)


def told(text: str, canaries: Sequence[Canary]) -> Iterator[str]:
    """Yield the label of each canary that a text holds, as it stands, unescaped, or without its markup."""
    plain = unescape(text)
    for variant in dict.fromkeys((text, plain, re.sub(r"<[^<>]{0,400}>", "", plain))):
        squashed = squash(variant)
        for one in canaries:
            if any(needle in squashed for needle in one.needles) or any(form.search(variant) for form in one.written):
                yield one.label


def texts(content: bytes) -> Iterator[str]:
    """Yield the texts that bytes may be."""
    yield content.decode("utf-8", "ignore")
    if b"\0" in content:  # UTF-16 in either order, and texts between binary ones
        yield content.replace(b"\0", b"").decode("latin-1")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        yield content.decode("cp1252", "ignore")


def unescape(text: str) -> str:
    """Return a text with the escapes of JSON, Python, HTML and URLs undone, also those that were escaped twice."""
    text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda one: chr(int(one[1], 16)), text)
    text = re.sub(r"\\+x([0-9a-fA-F]{2})", lambda one: chr(int(one[1], 16)), text)
    text = re.sub(r"\\+[nrt]", " ", text)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colours of a traceback
    return unquote(html.unescape(html.unescape(text)), errors="ignore")


def opened(content: bytes, log: bytes = b"") -> Iterator[bytes]:
    """Yield what is packed inside of bytes."""
    if content.startswith(b"PK\x03\x04"):
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                yield name.encode()
                yield packed.read(name)
    elif content.startswith(b"\x1f\x8b"):
        with suppress(OSError, EOFError, zlib.error):
            yield gzip.decompress(content)
    elif content.startswith(b"SQLite format 3\0"):
        yield from cells(content, log)
    elif content.startswith(b"\x89PNG"):
        yield from png_texts(content)
    # Line ends, also escaped ones, stand inside of the base64 of notebooks.
    for run in BASE64.findall(re.sub(rb"\\n|\r?\n", b"", content)):
        with suppress(binascii.Error):
            yield base64.b64decode(
                run.rstrip(b"=") + b"=" * (-len(run.rstrip(b"=")) % 4), altchars=b"-_" if {*b"-_"} & {*run} else None
            )


def cells(content: bytes, log: bytes) -> Iterator[bytes]:
    """Yield the texts and blobs of a SQLite file, each table's rows one after another; long ones are split over its pages."""
    with TemporaryDirectory() as room:
        path = Path(room) / "copy.sqlite"
        path.write_bytes(content)
        path.with_name("copy.sqlite-wal").write_bytes(log)
        with closing(sqlite3.connect(path)) as copy:
            copy.text_factory = bytes
            names = [name.decode() for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                texts_of, blobs = [], []
                for row in copy.execute(f'SELECT * FROM "{name}"'):
                    # sqlite3 gives texts and blobs alike as bytes here; those that are texts may be joined
                    for cell in row:
                        if isinstance(cell, bytes):
                            (blobs if is_packed(cell) else texts_of).append(cell)
                yield b"\n".join(texts_of)
                yield from blobs


def is_packed(content: bytes) -> bool:
    """Say whether bytes are a file that is to be opened by itself."""
    return content.startswith((b"PK\x03\x04", b"\x1f\x8b", b"SQLite format 3\0", b"\x89PNG", *UNREADABLE))


def png_texts(content: bytes) -> Iterator[bytes]:
    """Yield the texts of a PNG that are compressed."""
    place = 8
    while place + 8 <= len(content):
        size, kind = struct.unpack(">I4s", content[place : place + 8])
        chunk = content[place + 8 : place + 8 + size]
        if kind in (b"zTXt", b"iTXt"):
            for start in [at + 1 for at, byte in enumerate(chunk[:400]) if byte == 0]:
                for skip in (0, 1):
                    with suppress(zlib.error):
                        yield zlib.decompress(chunk[start + skip :])
        place += size + 12
