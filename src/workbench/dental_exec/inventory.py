"""Look through a delivery before anything lands: every file decoded, its dialect told, held against the contract."""

from __future__ import annotations

import hashlib
import mmap
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PureWindowsPath

from workbench.dental_exec.archives import TABLES
from workbench.dental_exec.contract import Contract, ExportObject, Rejection, read_contract
from workbench.dental_exec.deliveries import DataSource, Delivery, Promise
from workbench.dental_exec.dialects import Dialect, column_names, find_dialect
from workbench.dental_exec.encodings import FileFacts, hash_file, read_facts, text_lines, write_utf8
from workbench.dental_exec.records import CarefulReader
from workbench.errors import ExportProblem, gather
from workbench.privacy import mask, shown_id

HEAD = 120
LONGEST_NAME = 120
"""Characters of a column's name; whatever is longer is a record that a quote swallowed."""
FEWEST_COLUMNS = 2


class EngineStumbled(Exception):
    """The engine's reader gave up on a file, and with it on the transaction: land again, that file with care."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self.path = path


@dataclass(frozen=True)
class DataFile:
    """One table of a delivery; `text` is its UTF-8 form. The engine reads it only where it may be sound, and then is."""

    source: DataSource
    object: str
    facts: FileFacts
    dialect: Dialect
    text: Path
    may_be_sound: bool
    columns: tuple[str, ...]
    knows_quotes: bool = False
    doubted: frozenset[int] = frozenset()
    """First lines of records that another reading of the file, as sound, has otherwise."""

    def kept(self) -> dict[str, int]:
        """Return the columns that land with their place; of two equal ones the first, of passwords none."""
        columns = [column for column in dict.fromkeys(self.columns) if not read_contract().is_refused(column)]
        return {column: self.columns.index(column) for column in columns}

    def read_carefully(self, key: tuple[str, ...]) -> CarefulReader:
        """Return a reader of the file's records, good and rejected."""
        return CarefulReader(
            self.source.name,
            text_lines(self.text, FileFacts(0, "")),
            self.dialect,
            key,
            rows_are_lines=self.source.rows_are_lines,
            knows_quotes=self.knows_quotes,
            doubted=self.doubted,
        )


@dataclass(frozen=True)
class Inventory:
    """All files of a delivery, what a person should know about them, and the identity of their bytes."""

    delivery: Delivery
    files: tuple[DataFile, ...]
    findings: tuple[str, ...]
    identity: str

    def of(self, name: str) -> list[DataFile]:
        """Return the files of one object."""
        return [file for file in self.files if file.object == name]

    def with_care(self, path: Path) -> Inventory:
        """Return the inventory with one file to be read record by record."""
        files = (replace(file, may_be_sound=False) if file.source.path == path else file for file in self.files)
        return replace(self, files=tuple(files))


def take_inventory(delivery: Delivery, room: Path) -> Inventory:
    """Look through an opened delivery; texts that are no UTF-8 are written again into `room`.

    All problems are raised at once; records are counted when they land.
    """
    contract = read_contract()
    files, findings, problems = [], list(delivery.findings), []
    named = {promise.file: promise.object for promise in delivery.promises}
    for number, source in enumerate(delivery.sources):
        held = contract.object_of(source.title) or named.get(source.name)
        if held is None or held not in contract.objects:
            findings.append(
                f"{contract.shown_name(source.name)} is no object of the export contract; it is not landed."
            )
            continue
        try:
            files.append(_look_at(source, contract.objects[held], room / f"{number}.txt"))
            findings += _file_findings(files[-1], contract)
        except ExportProblem as problem:
            problems.append(str(problem))
    if not delivery.sources:
        problems.append("it holds no table")
    elif delivery.is_full:
        problems += _missing_files(delivery, contract)
    problems += _broken_promises(delivery, files)
    if problems:
        raise ExportProblem(gather(f"The delivery {delivery.name}", problems))
    findings += _manifest_findings(delivery)
    return Inventory(delivery, tuple(files), tuple(findings), _identity(delivery, files))


def _look_at(source: DataSource, said: ExportObject, text: Path) -> DataFile:
    facts = read_facts(source.path)
    dialect = find_dialect(source.name, list(islice(text_lines(source.path, facts), HEAD)), said)
    _require_names(source.name, dialect)
    path = source.path if facts.is_utf8 else write_utf8(source.path, facts, text)
    columns = column_names(dialect.header)
    found = DataFile(source, said.name, facts, dialect, path, False, columns)
    _require_one_meaning(found)
    is_plain = len(columns) >= FEWEST_COLUMNS and dialect.header_lines == 1
    return replace(found, may_be_sound=is_plain and not found.read_carefully(said.key).is_trailing())


def _require_names(name: str, dialect: Dialect) -> None:
    """Refuse a header in which a quote is never closed: what it swallowed of the records would be a column's name."""
    for place, written in enumerate(dialect.header, start=1):
        if "\n" in written and (
            len(written) > LONGEST_NAME or written.count(dialect.delimiter) >= max(3, len(dialect.header) // 2)
        ):
            raise ExportProblem(
                f"{name}: the name of column {place} goes on for {len(written)} characters; a quote in the header line is"
                " not closed."
            )


def prepare_careful(found: DataFile, said: ExportObject) -> DataFile:
    """Find out what the reader of single records must know of a file: whether it quotes, and with which escapes."""
    if not found.facts.size:
        return found
    with found.text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        mark = re.escape(found.dialect.delimiter.encode())
        knows_quotes = bool(re.search(rb'[\r\n%b]"' % mark, data))
        escapes = len(list(islice(re.finditer(rb'\\"(?![\r\n%b]|\Z)' % mark, data), 2)))
        may_escape = data.find(b'\\"') >= 0
    found = replace(found, may_be_sound=False, knows_quotes=knows_quotes)
    chosen = _choose_escape(found, said) if may_escape else found
    # One alone, or none that is plain, may as well be a value that ends in a backslash, beside a quote that was lost.
    return _doubt(found, chosen, said) if escapes < 2 and chosen.dialect.backslash else chosen


def _doubt(plain: DataFile, escaped: DataFile, said: ExportObject) -> DataFile:
    """Read a file as it is written usually, and doubt the records that stand otherwise when backslashes escape."""
    alike = {(one.first, one.last, tuple(one.cells or ())) for one in escaped.read_carefully(said.key)}
    found = plain.read_carefully(said.key)
    doubted = {one.first for one in found if (one.first, one.last, tuple(one.cells or ())) not in alike}
    return replace(plain, doubted=frozenset(doubted))


def _choose_escape(found: DataFile, said: ExportObject) -> DataFile:
    """Take backslashes for escapes only when the file then has no quote that is wrong, and fewer rejected records."""
    tried = [replace(found, dialect=replace(found.dialect, backslash=way)) for way in ("", '"\\', '"')]
    fewest, chosen = None, found
    for one in tried:
        reasons = Counter(record.reason for record in one.read_carefully(said.key) if record.reason)
        broken = reasons[Rejection.UNCLOSED] + reasons[Rejection.UNDOUBLED]
        total = sum(reasons.values())
        if fewest is None or (total < fewest and not broken):
            fewest, chosen = total, one
    return chosen


def _require_one_meaning(file: DataFile) -> None:
    """Refuse two columns of one name, unless each record has the same in both."""
    twice = sorted(name for name, count in Counter(file.columns).items() if count > 1)
    places = {name: [place for place, one in enumerate(file.columns) if one == name] for name in twice}
    differ: Counter[str] = Counter()
    for record in file.read_carefully(()) if twice else ():
        if record.cells and not record.reason:
            differ.update(name for name in twice if len({record.cells[place] for place in places[name]}) > 1)
    if differ:
        told = ", ".join(f"{name} ({count} records)" for name, count in sorted(differ.items()))
        raise ExportProblem(f"{file.source.name} has columns of one name with different content: {told}")


def _missing_files(delivery: Delivery, contract: Contract) -> Iterator[str]:
    named = {promise.file: promise.object for promise in delivery.promises}
    held = {contract.object_of(source.title) or named.get(source.name) for source in delivery.sources}
    for name, said in contract.objects.items():
        if said.is_required and name not in held:
            yield f"{name}.csv is missing; a delivery without {name} cannot be migrated"


def _broken_promises(delivery: Delivery, files: list[DataFile]) -> Iterator[str]:
    read = {file.source.path: file.facts for file in files}
    for promise in {promise.file: promise for promise in delivery.promises}.values():
        path = delivery.folder / promise.file
        if not path.is_file() and delivery.path.name == promise.file:
            path = delivery.path
        if not path.is_file():
            if not any(source.name.endswith(f"/{promise.file}") for source in delivery.sources):
                yield f"{_told(promise)}: the manifest names it, and it is not there"
            continue
        facts = read.get(path) or hash_file(path)
        if promise.size is not None and promise.size != facts.size:
            yield f"{_told(promise)}: the manifest says {promise.size} bytes, there are {facts.size}"
        if promise.sha256 and promise.sha256 != facts.sha256:
            yield f"{_told(promise)}: its bytes are not those that the manifest was written for (sha256 differs)"


def _told(promise: Promise) -> str:
    """Return the name of a promised file: a table's as it is, any other, which may name a patient, by its shape."""
    name = PureWindowsPath(promise.file)  # reads both kinds of separators
    return shown_id(promise.file) if len(name.parts) == 1 and name.suffix.lower() in TABLES else mask(promise.file)


def _file_findings(file: DataFile, contract: Contract) -> Iterator[str]:
    name, said, present = file.source.name, contract.objects[file.object], set(file.columns)
    yield from file.source.findings
    if file.facts.told not in ("utf-8", "utf-8 with mark"):
        yield f"{name} is read as {file.facts.told}."
    if file.dialect.titles:
        yield f"{name}: {file.dialect.titles} title lines stand above its header; they are no records."
    refused = sorted(column for column in present if contract.is_refused(column))
    if refused:
        yield f"{name}: refused at the door and not landed: {', '.join(refused)}"
    if missing := said.missing(present):
        yield f"{name}: columns of the contract are missing and stay empty: {', '.join(missing)}"
    spare = set(file.columns[len(file.columns) - file.dialect.spare :])
    if extra := sorted(present - set(said.columns) - set(refused) - spare):
        yield f"{name}: columns beyond the contract are kept as custom fields: {', '.join(extra)}"


def _manifest_findings(delivery: Delivery) -> Iterator[str]:
    if not delivery.is_attested:
        yield "There is no export_manifest.csv: the delivery is unattested. Ask the practice for its record counts."
        return
    promised = {promise.file for promise in delivery.promises}
    names = [source.name for source in delivery.sources]
    if unnamed := [name for name in names if name not in promised and name.split("#")[0] not in promised]:
        yield f"The manifest does not name {', '.join(unnamed)}; these files are unattested."


def _identity(delivery: Delivery, files: list[DataFile]) -> str:
    # Tables and manifest count by their bytes; attachments, which may be large, by name and size here and by
    # the hash of their row when they are uploaded.
    lines = [f"{file.source.name}\0{file.facts.sha256}" for file in files]
    known = {file.source.path for file in files}
    for path in sorted(delivery.folder.rglob("*")):
        if path.is_file() and path not in known:
            said = hash_file(path).sha256 if path.parent == delivery.folder else str(path.stat().st_size)
            lines.append(f"{path.relative_to(delivery.folder).as_posix()}\0{said}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
