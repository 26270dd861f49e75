"""Take a snapshot: the latest full delivery, landed in raw.* whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

import polars as pl

from workbench.dental_exec.choice import choose_delivery
from workbench.dental_exec.contract import read_contract
from workbench.dental_exec.deliveries import Delivery
from workbench.dental_exec.inventory import Inventory
from workbench.dental_exec.landing import is_landed, land
from workbench.errors import ExportProblem
from workbench.warehouse import Warehouse, open_warehouse

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


def take_snapshot(exports: Path, warehouse: Path, *, time_zone: str, delivery: str = "latest") -> Snapshot:
    """Land one delivery in raw.* and return the snapshot; the same bytes again change nothing.

    `delivery` is a delivery's name, a snapshot id, or "latest" for the newest full one. A delivery that cannot be
    landed leaves the warehouse as it was.
    """
    chosen, inventory = choose_delivery(exports, delivery)
    with open_warehouse(warehouse, write=True) as store:
        if not is_landed(store, inventory):
            land(store, chosen, inventory)
        _describe(store, chosen, inventory, time_zone)
        return read_snapshot(store)


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


def _describe(store: Warehouse, chosen: Delivery, inventory: Inventory, time_zone: str) -> None:
    findings = list(inventory.findings)
    zone = chosen.source_timezone if chosen.source_timezone in available_timezones() else None
    if zone and zone != time_zone:
        findings.append(f"The manifest says times are in {zone}, migration.toml says {time_zone}.")
    exported_at = chosen.exported_at
    if exported_at is None:
        exported_at = _newest_change(store)
        findings.append(f"The delivery has no time of its own; its newest change stands in: {exported_at}.")
    if rejected := store.run("SELECT object, reason, count(*) FROM raw.rejected GROUP BY ALL ORDER BY ALL"):
        findings += [f"{name}: {count} records rejected, {reason}." for name, reason, count in rejected]
    row = [
        chosen.name,
        inventory.identity,
        exported_at,
        chosen.mode,
        zone or time_zone,
        str(chosen.path),
        chosen.is_attested,
        read_contract().identity,
    ]
    store.run("BEGIN TRANSACTION")
    store.run(f"CREATE OR REPLACE TABLE raw.deliveries ({DELIVERY_COLUMNS})")
    store.run("INSERT INTO raw.deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    store.run("CREATE OR REPLACE TABLE raw.findings (finding VARCHAR)")
    for finding in findings:
        store.run("INSERT INTO raw.findings VALUES (?)", [finding])
    store.run("COMMIT")


def _newest_change(store: Warehouse) -> str | None:
    newest = [
        store.run(f"SELECT max(modified_at) FROM raw.{name} WHERE TRY_CAST(modified_at AS TIMESTAMP) IS NOT NULL")[0][0]
        for name, said in read_contract().objects.items()
        if "modified_at" in said.columns
    ]
    return max((text for text in newest if text), default=None)
