"""Look through a delivery before anything lands: every file decoded, counted and held against contract and manifest."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.dental_exec.contract import Contract, read_contract
from workbench.dental_exec.deliveries import Delivery
from workbench.dental_exec.encodings import FileFacts, hash_file, read_facts
from workbench.dental_exec.records import Records, count_records
from workbench.errors import CountMismatch, ExportProblem, gather

OURS = ("source_file", "source_row")


@dataclass(frozen=True)
class DataFile:
    """One file of a delivery; `columns` are the names its values land under, in the file's order."""

    path: Path
    object: str
    facts: FileFacts
    records: Records
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Inventory:
    """All files of a delivery, what a person should know about them, and the identity of their bytes."""

    files: tuple[DataFile, ...]
    findings: tuple[str, ...]
    identity: str

    def objects(self) -> dict[str, list[DataFile]]:
        """Return the files by object."""
        found: dict[str, list[DataFile]] = {}
        for file in self.files:
            found.setdefault(file.object, []).append(file)
        return found


def take_inventory(delivery: Delivery) -> Inventory:
    """Read every file of a delivery; all problems are raised at once, and a wrong count stops."""
    contract = read_contract()
    files, findings, problems = [], [], []
    named = {promise.file: promise.object for promise in delivery.promises}
    for path in delivery.data_files():
        held = named.get(path.name) or contract.object_of(path.name)
        if held is None or held not in contract.objects:
            findings.append(f"{path.name} is no object of the export contract; it is not landed.")
            continue
        try:
            facts, records = read_facts(path), count_records(path)
            files.append(DataFile(path, held, facts, records, _plain_names(path, records.header)))
        except ExportProblem as problem:
            problems.append(str(problem))
    if not delivery.data_files():
        problems.append("it holds no CSV file")
    else:
        problems += _missing_files(files, contract, {path.name for path in delivery.data_files()})
        problems += _missing_keys(files, contract)
    problems += _broken_promises(delivery, files)
    if problems:
        raise ExportProblem(gather(f"The delivery {delivery.name}", problems))
    _compare_counts(delivery, files)
    findings += _column_findings(files, contract)
    findings += _manifest_findings(delivery, files)
    return Inventory(tuple(files), tuple(findings), _identity(delivery, files))


def _plain_names(path: Path, header: tuple[str, ...]) -> tuple[str, ...]:
    names = []
    for position, written in enumerate(header, start=1):
        name = re.sub(r"[^a-z0-9_]+", "_", written.strip().lower()).strip("_") or f"unnamed_{position}"
        name = f"c_{name}" if name[0].isdigit() else name
        names.append(f"given_{name}" if name in OURS else name)
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ExportProblem(f"{path.name} has columns of one name: {', '.join(twice)}")
    return tuple(names)


def _missing_files(files: list[DataFile], contract: Contract, present: set[str]) -> Iterator[str]:
    held = {file.object for file in files} | {contract.object_of(name) for name in present}
    for name, said in contract.objects.items():
        if said.is_required and name not in held:
            yield f"{name}.csv is missing; a delivery without {name} cannot be migrated"


def _missing_keys(files: list[DataFile], contract: Contract) -> Iterator[str]:
    for file in files:
        for column in contract.objects[file.object].key:
            if column not in file.columns:
                yield f"{file.path.name}: the key column {column} is missing"


def _broken_promises(delivery: Delivery, files: list[DataFile]) -> Iterator[str]:
    read = {file.path.name: file.facts for file in files}
    for promise in delivery.promises:
        path = delivery.path / promise.file
        if not path.is_file():
            yield f"{promise.file}: the manifest names it, and it is not there"
            continue
        facts = read.get(promise.file) or hash_file(path)
        if promise.size is not None and promise.size != facts.size:
            yield f"{promise.file}: the manifest says {promise.size} bytes, there are {facts.size}"
        if promise.sha256 and promise.sha256 != facts.sha256:
            yield f"{promise.file}: its bytes are not those that the manifest was written for (sha256 differs)"


def _compare_counts(delivery: Delivery, files: list[DataFile]) -> None:
    promised = {promise.file: promise.rows for promise in delivery.promises}
    wrong = [
        f"{file.path.name}: the manifest says {promised[file.path.name]} rows, {file.records.counted} were counted"
        for file in files
        if promised.get(file.path.name) not in (None, file.records.counted)
    ]
    if wrong:
        raise CountMismatch(gather(f"The delivery {delivery.name}", wrong, "wrong count"))


def _column_findings(files: list[DataFile], contract: Contract) -> Iterator[str]:
    for file in files:
        said, present = contract.objects[file.object], set(file.columns)
        refused = sorted(column for column in present if contract.is_refused(column))
        if refused:
            yield f"{file.path.name}: refused at the door and not landed: {', '.join(refused)}"
        if missing := said.missing(present):
            yield f"{file.path.name}: columns of the contract are missing and stay empty: {', '.join(missing)}"
        extra = sorted(present - set(said.columns) - set(refused))
        if extra:
            yield f"{file.path.name}: columns beyond the contract are kept as custom fields: {', '.join(extra)}"


def _manifest_findings(delivery: Delivery, files: list[DataFile]) -> Iterator[str]:
    if not delivery.is_attested:
        yield "There is no export_manifest.csv: the delivery is unattested. Ask the practice for its record counts."
        return
    promised = {promise.file for promise in delivery.promises}
    if unnamed := [file.path.name for file in files if file.path.name not in promised]:
        yield f"The manifest does not name {', '.join(unnamed)}; these files are unattested."


def _identity(delivery: Delivery, files: list[DataFile]) -> str:
    # Tables and manifest count by their bytes; attachments, which may be large, by name and size here and by
    # the hash of their row when they are uploaded.
    lines = [f"{file.path.name}\0{file.facts.sha256}" for file in files]
    known = {file.path for file in files}
    for path in sorted(delivery.path.rglob("*")):
        if path.is_file() and path not in known:
            said = hash_file(path).sha256 if path.parent == delivery.path else str(path.stat().st_size)
            lines.append(f"{path.relative_to(delivery.path).as_posix()}\0{said}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
