"""Find the deliveries of an exports folder, choose the ones to land, and open them into tables ready to be read."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from workbench.clock import known_zones
from workbench.dental_exec.archives import (
    MANIFEST,
    content_root,
    count_twins,
    is_archive,
    is_table,
    peek_manifest,
    unpack,
    unpack_beside,
    visible,
)
from workbench.dental_exec.contract import read_contract
from workbench.dental_exec.workbooks import is_workbook, transcribe
from workbench.errors import ExportProblem, gather
from workbench.privacy import mask, shown_id

STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})")
DAY = re.compile(r"(?<!\d)(20\d{2})[-_.]?([01]\d)[-_.]?([0-3]\d)(?!\d)")
FILES = "attachments"
UNREAD = (".xls", ".xlsb", ".ods", ".numbers", ".mdb", ".accdb", ".rar", ".7z", ".gz", ".tar", ".tgz")
"""Files that hold tables and that nobody opens here: told, never passed over."""


@dataclass(frozen=True)
class DataSource:
    """One table of a delivery, ready to be read as delimited text.

    `name` is its path inside the delivery (`contacts_part01.csv`, `export.xlsx#contacts`); `title` names the object.
    A sheet is read from its transcribed CSV, whose n-th record is row n of the sheet: then `rows_are_lines`.
    """

    name: str
    path: Path
    title: str
    rows_are_lines: bool
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Promise:
    """One line of a manifest: what a file should hold."""

    file: str
    object: str | None
    rows: int | None
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class Delivery:
    """One folder, archive or workbook as received; `exported_at` is local time in `source_timezone`.

    Once it was opened, `sources` are its tables and attachments' paths start at `folder`.
    """

    name: str
    path: Path
    folder: Path
    exported_at: str | None
    mode: str
    source_timezone: str | None
    promises: tuple[Promise, ...]
    sources: tuple[DataSource, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def is_attested(self) -> bool:
        """Say whether a manifest came along."""
        return bool(self.promises)

    @property
    def is_full(self) -> bool:
        """Say whether the delivery holds everything, not only what changed."""
        return self.mode == "full"

    @property
    def is_archive(self) -> bool:
        """Say whether the delivery came packed."""
        return is_archive(self.path)

    @property
    def place(self) -> tuple[str, str]:
        """Where the delivery stands among others: by its time, else by the day in its name, then by name."""
        day = DAY.search(self.name)
        return self.exported_at or ("-".join(day.groups()) if day else ""), self.name


def find_deliveries(exports: Path) -> list[Delivery]:
    """Return all deliveries of `exports`, oldest first, without opening them.

    `exports` is a delivery itself (a folder with tables, an archive, a workbook) or a folder of deliveries.
    """
    if _is_delivery_file(exports):
        return [_describe(exports)]
    if not exports.is_dir():
        raise ExportProblem(
            f"There is no folder of exports named {exports.name!r}, and no zip or workbook of that name. Name one in"
            " migration.toml, [source] exports, or make a practice: workbench sample --out data/sample"
        )
    there = visible(exports)
    loose = [path for path in there if is_table(path)]
    folders = [path for path in there if path.is_dir() and any(map(is_table, visible(content_root(path))))]
    named = any(read_contract().object_of(path.name) for path in loose)  # contacts.zip, users.xlsx: parts of one
    alone = len(loose) == 1 and is_workbook(loose[0])
    if not all(map(_is_delivery_file, loose)) or (not folders and (named or alone)):
        return [_describe(exports)]
    return sorted(map(_describe, [*folders, *loose]), key=lambda delivery: delivery.place)


def choose_deliveries(exports: Path, wanted: str) -> list[Delivery]:
    """Return what makes up the wanted delivery, oldest first: a full one and the partial ones upon it.

    "latest" is the newest full delivery and every partial one after it; a name is that one, for a partial one with the
    full one before it and the partial ones between.
    """
    found = find_deliveries(exports)
    if not found:
        raise ExportProblem(
            f"The folder {exports.name!r} holds no delivery: no CSV files, no workbook, no zip, no folder with them."
        )
    last = len(found) - 1
    if wanted != "latest":
        places = [place for place, one in enumerate(found) if one.name == wanted]
        if not places:
            there = ", ".join(one.name for one in found)
            raise ExportProblem(f"There is no delivery {wanted!r}; there are: {there}.")
        last = places[0]
    full = [place for place, one in enumerate(found[: last + 1]) if one.is_full]
    if not full:
        names = ", ".join(one.name for one in found[: last + 1])
        raise ExportProblem(
            f"No full delivery to begin with: {names} {'is' if last == 0 else 'are'} partial (mode delta). A partial"
            " delivery holds only what changed and cannot be landed alone. Ask the practice for a full export."
        )
    chosen = found[full[-1] : last + 1]
    undated = [one.name for one in found if not one.place[0]]
    if undated and len(undated) < len(found):
        told = f"Deliveries without a date in manifest or name are taken as the oldest: {', '.join(undated)}."
        chosen[-1] = replace(chosen[-1], findings=(*chosen[-1].findings, told))
    return chosen


def open_delivery(delivery: Delivery, workroom: Path) -> Delivery:
    """Return the delivery with its tables ready to read; what is packed is unpacked below `workroom`, once.

    Archives inside it are unpacked into the same tree, workbooks transcribed sheet by sheet. The delivery itself is
    never written to.
    """
    path, findings, problems = delivery.path, list(delivery.findings), list[str]()
    folder = _unpacked(path, workroom)
    tables = [path] if folder is None else [one for one in visible(folder) if is_table(one) and not is_archive(one)]
    sources: list[DataSource] = []
    for table in tables:
        try:
            sources += _sources(table, workroom)
        except ExportProblem as problem:
            problems.append(str(problem))
    shown = read_contract().shown_name
    if folder:
        unread = [one.name for one in visible(folder) if one.suffix.lower() in UNREAD]
        findings += [f"{shown(name)} cannot be read here; save it as CSV or as .xlsx." for name in unread]
        below = sorted(one.relative_to(folder) for one in folder.rglob("*") if one.parent != folder and is_table(one))
        named = [path.as_posix() for path in below if read_contract().object_of(path.name) and path.parts[0] != FILES]
        lies = "lies in a folder inside the delivery; it is not read. Move it up."
        findings += [f"{shown_id(name)} {lies}" for name in named]
        if twins := count_twins(folder):
            files = "file differs" if twins == 1 else "files differ"
            findings.append(f"{twins} {files} from another one only in upper and lower case.")
    if not problems and not sources:
        problems = ["it holds no table: no CSV file and no visible sheet", *findings]
    again = _described(delivery, _manifest_of(folder)) if folder else delivery
    promised = {promise.file for promise in again.promises if promise.object}
    if sources and not any(read_contract().object_of(one.title) or one.name in promised for one in sources):
        told = ", ".join(shown(one.name) for one in sources)
        problems.append(f"none of its tables is named after an object of the export (contacts, users …): {told}")
    if problems:
        raise ExportProblem(gather(f"The delivery {delivery.name}", problems))
    # A lone workbook brings no attachments: theirs is the folder of its transcript, which holds none.
    return replace(again, folder=folder or sources[0].path.parent, sources=tuple(sources), findings=tuple(findings))


def _unpacked(path: Path, workroom: Path) -> Path | None:
    """Return the folder where a delivery's tables and attachments lie open; None for a lone workbook."""
    if is_archive(path):
        return content_root(unpack(path, workroom))
    if path.is_file():
        return None
    folder = content_root(path)
    packed = [one for one in visible(folder) if is_archive(one)]
    return content_root(unpack_beside(folder, packed, workroom)) if packed else folder


def list_deliveries(deliveries: list[Delivery]) -> pl.DataFrame:
    """Return one row a delivery, for people."""
    rows = [(one.name, one.exported_at, one.mode, one.is_attested, one.is_archive) for one in deliveries]
    texts = dict.fromkeys(("delivery", "exported_at", "mode"), pl.String())
    schema = {**texts, "attested": pl.Boolean(), "packed": pl.Boolean()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _is_delivery_file(path: Path) -> bool:
    return path.is_file() and (is_archive(path) or is_workbook(path))


def _sources(table: Path, workroom: Path) -> Iterator[DataSource]:
    if not is_workbook(table):
        yield DataSource(table.name, table, table.stem, rows_are_lines=False)
        return
    for sheet in transcribe(table, workroom):
        yield DataSource(f"{table.name}#{sheet.title}", sheet.path, sheet.title, True, sheet.findings)


def _manifest_of(folder: Path) -> bytes | None:
    """Return the manifest of a folder, else the one that an archive in it holds."""
    lying = next((path.read_bytes() for path in visible(folder) if path.name.lower() == MANIFEST), None)
    return lying or next(
        (found for path in visible(folder) if is_archive(path) and (found := peek_manifest(path))), None
    )


def _describe(path: Path) -> Delivery:
    named = STAMP.search(path.name)
    written = "{}-{}-{} {}:{}:{}".format(*named.groups()) if named else None
    bare = Delivery(path.name, path, path, written, "full", None, ())
    if is_archive(path):
        return _described(bare, peek_manifest(path))
    return _described(bare, _manifest_of(content_root(path)) if path.is_dir() else None)


def _described(delivery: Delivery, manifest: bytes | None) -> Delivery:
    lines = _manifest_lines(manifest, delivery.name) if manifest else []
    if not lines:
        return delivery
    zone = next((line["source_timezone"].strip() for line in lines if line.get("source_timezone")), None)
    stamps = [_local(line["exported_at"], zone, delivery.name) for line in lines if line.get("exported_at")]
    partial = any((line.get("mode") or "full").strip().lower() != "full" for line in lines)
    return replace(
        delivery,
        exported_at=max(stamps, default=delivery.exported_at),
        mode="delta" if partial else "full",
        source_timezone=zone,
        promises=tuple(_promise(line, delivery.name) for line in lines),
    )


def _manifest_lines(data: bytes, delivery: str) -> list[dict[str, str]]:
    text, encodings = None, ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            text = text or data.decode(encoding)
    if text is None:
        raise ExportProblem(f"{delivery}: {MANIFEST} cannot be decoded. Save it again as UTF-8.")
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t|", key=head.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(row)]
    names = [name.strip().lower() for name in rows[0]] if rows else []
    lines = [dict(zip(names, row, strict=False)) for row in rows[1:]]
    if not lines or not all((line.get("file") or "").strip() for line in lines):
        raise ExportProblem(f"{delivery}: {MANIFEST} has a line without a file name, or no line at all.")
    return lines


def _promise(line: dict[str, str], delivery: str) -> Promise:
    def number(name: str) -> int | None:
        text = (line.get(name) or "").strip()
        if text and not text.isdigit():
            raise ExportProblem(f"{delivery}: {MANIFEST} says {name} = {mask(text)!r}; a number is expected.")
        return int(text) if text else None

    held, sha256 = ((line.get(one) or "").strip().lower() or None for one in ("object", "sha256"))
    return Promise(line["file"].strip(), held, number("rows"), number("bytes"), sha256)


def _local(text: str, zone: str | None, delivery: str) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ExportProblem(
            f"{delivery}: {MANIFEST} says exported_at = {mask(text)!r}; a time like 2026-11-20 02:00:00 is expected."
        ) from None
    there = moment.astimezone(ZoneInfo(str(zone))) if moment.tzinfo and zone in known_zones() else moment
    return there.strftime("%Y-%m-%d %H:%M:%S")
