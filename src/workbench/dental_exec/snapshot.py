"""Take a snapshot: the latest full delivery and the partial ones upon it, landed in raw.* whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import re
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from workbench.clock import known_zones
from workbench.dental_exec.contract import read_contract
from workbench.dental_exec.deliveries import choose_deliveries, find_deliveries, open_delivery
from workbench.dental_exec.drift import compare_snapshots, make_books, set_last_aside
from workbench.dental_exec.inventory import EngineStumbled, Inventory, take_inventory
from workbench.dental_exec.tables import land_object
from workbench.errors import CountMismatch, ExportProblem, StoreProblem, gather
from workbench.warehouse import Warehouse, open_warehouse

NO_ROOM = (
    "The disk is full (or a file may not grow): the delivery was not landed, the last snapshot stands as it was."
    " Make room where the warehouse lies, then run the step snapshot again."
)
SNAPSHOT_ID = re.compile(r"[0-9a-f]{16}")
DISK_WORDS = re.compile(r"no space left|file too large|could not write|disk|quota", re.IGNORECASE)
DELIVERY_COLUMNS = (
    "delivery VARCHAR, snapshot VARCHAR, exported_at VARCHAR, mode VARCHAR, source_timezone VARCHAR,"
    " folder VARCHAR, attested BOOLEAN, contract VARCHAR"
)


@dataclass(frozen=True)
class LandedTable:
    """What became of one object's files."""

    object: str
    files: int
    counted: int
    landed: int
    rejected: int


@dataclass(frozen=True)
class Snapshot:
    """One delivery as it stands in raw.*."""

    id: str
    delivery: str
    exported_at: str | None
    mode: str
    attested: bool
    tables: tuple[LandedTable, ...]
    findings: tuple[str, ...]

    def counts(self) -> pl.DataFrame:
        """Return one row an object: files, records counted, landed and rejected."""
        return pl.DataFrame([vars(table) for table in self.tables], orient="row")


def take_snapshot(
    exports: Path,
    warehouse: Path,
    *,
    time_zone: str,
    delivery: str = "latest",
    expected: Mapping[str, int] | None = None,
    accepted: Collection[str] = (),
) -> Snapshot:
    """Land a full delivery and the partial ones upon it in raw.*; the same bytes again change nothing.

    `delivery` is a delivery's name, the id of the standing snapshot, or "latest". `expected` are counts by object that
    a person gave for an unattested delivery; `accepted` names mass changes as "<snapshot>/<object>". A delivery that
    cannot be landed leaves the warehouse as it was.
    """
    workroom = warehouse.parent / "unpacked"
    workroom.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with tempfile.TemporaryDirectory(dir=workroom, prefix=".text-") as folder:
            room = Path(folder)
            chosen = choose_deliveries(exports, _name_of(delivery, exports, warehouse, room))
            opened = [open_delivery(one, workroom) for one in chosen]
            taken = [take_inventory(one, _subfolder(room, str(number))) for number, one in enumerate(opened)]
            identity = _identity(taken)
            with open_warehouse(warehouse, write=True) as store:
                # To find out how each column is packed best would take longer than reading the file.
                store.run("SET force_compression = 'uncompressed'")
                store.run("SET memory_limit = '850MB'")  # landing streams: more would not make it faster
                while not is_landed(store, identity):
                    try:
                        with _whole_or_not_at_all(store):
                            findings = _replace_tables(store, taken, room, expected or {})
                            compare_snapshots(store, identity, accepted)
                            _describe(store, taken, identity, findings, time_zone)
                    except EngineStumbled as stumbled:
                        taken = [one.with_care(stumbled.path) for one in taken]
                return read_snapshot(store)
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
        raise StoreProblem(NO_ROOM) from None
    except duckdb.Error as problem:
        if not DISK_WORDS.search(str(problem)):
            raise
        raise StoreProblem(NO_ROOM) from None


@contextmanager
def _whole_or_not_at_all(store: Warehouse) -> Iterator[None]:
    store.run("BEGIN TRANSACTION")
    try:
        yield
        store.run("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # after a write that failed there is nothing left to roll back
            store.run("ROLLBACK")
        raise


def is_landed(store: Warehouse, identity: str) -> bool:
    """Say whether raw.* already holds these very bytes, landed by this very contract."""
    if not store.has("raw.deliveries"):
        return False
    return store.run("SELECT snapshot, contract FROM raw.deliveries") == [(identity, read_contract().identity)]


def _replace_tables(store: Warehouse, taken: list[Inventory], room: Path, expected: Mapping[str, int]) -> list[str]:
    """Land all objects beside the last ones, prove the counts, and return what was found out."""
    set_last_aside(store)
    make_books(store)
    several = len(taken) > 1
    findings = [finding for one in taken for finding in one.findings]
    wrong: list[str] = []
    for name, said in read_contract().objects.items():
        groups = [(f"{one.delivery.name}/" if several else "", one.of(name)) for one in taken]
        told = land_object(store, said, groups, room)
        findings += told.findings
        wrong += told.wrong
    wrong += _wrong_counts(store, taken, several, expected)
    if wrong:
        names = " + ".join(one.delivery.name for one in taken)
        raise CountMismatch(gather(f"The delivery {names}", wrong, "wrong count"))
    return findings


def _wrong_counts(
    store: Warehouse, taken: list[Inventory], several: bool, expected: Mapping[str, int]
) -> Iterator[str]:
    counted = {
        (file, name): count for file, name, count in store.run("SELECT file, object, rows_counted FROM raw.files")
    }
    for one in taken:
        prefix = f"{one.delivery.name}/" if several else ""
        for promise in one.delivery.promises:
            for (file, name), count in counted.items():
                bare = file.removeprefix(prefix) if file.startswith(prefix) else None
                is_it = bare == promise.file or (
                    bare is not None and bare.split("#")[0] == promise.file and "#" in bare and name == promise.object
                )
                if is_it and promise.rows not in (None, count):
                    yield f"{file}: the manifest says {promise.rows} rows, {count} were counted"
    for name, rows in sorted(expected.items()):
        total = sum(count for (_, held), count in counted.items() if held == name)
        if total != rows:
            yield f"{name}: {rows} records are expected, {total} were counted"
    for file, count, landed, rejected in store.run(
        "SELECT file, rows_counted, rows_landed, rows_rejected FROM raw.files"
        " WHERE rows_counted <> rows_landed + rows_rejected ORDER BY file"
    ):
        yield f"{file}: {count} counted, {landed} landed, {rejected} rejected"


def _identity(taken: list[Inventory]) -> str:
    if len(taken) == 1:
        return taken[0].identity
    return hashlib.sha256("\n".join(one.identity for one in taken).encode()).hexdigest()[:16]


def _name_of(wanted: str, exports: Path, warehouse: Path, room: Path) -> str:
    """Return the name of the delivery that a snapshot id means; any other word stays as it is."""
    found = find_deliveries(exports) if SNAPSHOT_ID.fullmatch(wanted) else []
    if not found or any(one.name == wanted for one in found):
        return wanted
    if warehouse.exists():
        with open_warehouse(warehouse) as store:
            if store.has("raw.deliveries") and (standing := read_snapshot(store)).id == wanted:
                return standing.delivery
    for number, one in enumerate(one for one in found if one.is_full):
        looked = take_inventory(open_delivery(one, warehouse.parent / "unpacked"), _subfolder(room, f"seek{number}"))
        if looked.identity == wanted:
            return one.name
    return wanted


def _subfolder(room: Path, name: str) -> Path:
    made = room / name
    made.mkdir()
    return made


def find_snapshot(warehouse: Path, wanted: str = "latest") -> Snapshot:
    """Return the snapshot that stands in the warehouse, which must be the wanted one."""
    with open_warehouse(warehouse) as store:
        found = read_snapshot(store)
    if wanted not in ("latest", found.id, found.delivery):
        raise ExportProblem(
            f"The warehouse holds the snapshot {found.id}, not {wanted}. Run notebooks/10_take_snapshot.ipynb for it,"
            " or: workbench run --from snapshot"
        )
    return found


def list_rejected(warehouse: Path) -> pl.DataFrame:
    """Return the records that did not land: their file, lines and reason, never their values."""
    with open_warehouse(warehouse) as store:
        return store.frame("SELECT file, first_line, last_line, reason FROM raw.rejected ORDER BY file, first_line")


def read_snapshot(store: Warehouse) -> Snapshot:
    """Return the snapshot that stands in raw.*."""
    if not store.has("raw.deliveries"):
        raise ExportProblem(
            "No snapshot was taken yet. Run notebooks/10_take_snapshot.ipynb, or: workbench run --to snapshot"
        )
    name, identity, exported_at, mode, attested = store.run(
        "SELECT delivery, snapshot, exported_at, mode, attested FROM raw.deliveries"
    )[0]
    tables = store.run(
        "SELECT object, count(*), sum(rows_counted)::BIGINT, sum(rows_landed)::BIGINT, sum(rows_rejected)::BIGINT"
        " FROM raw.files GROUP BY 1 ORDER BY 1"
    )
    findings = store.run("SELECT finding FROM raw.findings ORDER BY rowid")
    return Snapshot(
        id=identity,
        delivery=name,
        exported_at=exported_at,
        mode=mode,
        attested=attested,
        tables=tuple(LandedTable(*row) for row in tables),
        findings=tuple(row[0] for row in findings),
    )


def _describe(store: Warehouse, taken: list[Inventory], identity: str, findings: list[str], time_zone: str) -> None:
    full, last = taken[0].delivery, taken[-1].delivery
    if last is not full:
        names = ", ".join(one.delivery.name for one in taken[1:])
        findings.append(f"Partial deliveries are laid over {full.name}, in order: {names}. They remove nothing.")
    known = known_zones()
    zones = {zone for one in taken if (zone := one.delivery.source_timezone) in known and zone}
    for zone in sorted(zones - {time_zone}):
        findings.append(f"The manifest says times are in {zone}, migration.toml says {time_zone}.")
    exported_at = last.exported_at
    if exported_at is None:
        exported_at = _newest_change(store)
        findings.append(f"The delivery has no time of its own; its newest change stands in: {exported_at}.")
    if rejected := store.run("SELECT object, reason, count(*) FROM raw.rejected GROUP BY ALL ORDER BY ALL"):
        findings += [f"{name}: {count} records rejected, {reason}." for name, reason, count in rejected]
    row = [
        *(last.name, identity, exported_at, full.mode, min(zones, default=time_zone), str(full.folder)),
        *(all(one.delivery.is_attested for one in taken), read_contract().identity),
    ]
    store.run(f"CREATE OR REPLACE TABLE raw.deliveries ({DELIVERY_COLUMNS})")
    store.run("INSERT INTO raw.deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    store.run("CREATE OR REPLACE TABLE raw.findings (finding VARCHAR)")
    for finding in findings:
        store.run("INSERT INTO raw.findings VALUES (?)", [finding])


def _newest_change(store: Warehouse) -> str | None:
    newest = []
    for name, said in read_contract().objects.items():
        if "modified_at" not in said.columns:
            continue
        # The greatest text is nearly always a time, and is found ten times as fast without reading all as times.
        query = f"SELECT max(modified_at) AS one FROM raw.{name}"
        [(last, is_time)] = store.run(f"SELECT one, TRY_CAST(one AS TIMESTAMP) IS NOT NULL FROM ({query})")
        if last and not is_time:
            [(last,)] = store.run(f"{query} WHERE TRY_CAST(modified_at AS TIMESTAMP) IS NOT NULL")
        newest.append(last)
    return max((text for text in newest if text), default=None)
