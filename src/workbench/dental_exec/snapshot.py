"""Take a snapshot: the latest full delivery, landed in raw.* whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

import polars as pl

from workbench.dental_exec.contract import read_contract
from workbench.dental_exec.deliveries import Delivery, find_deliveries
from workbench.dental_exec.inventory import Inventory, take_inventory
from workbench.dental_exec.tables import land_object, make_books
from workbench.errors import CountMismatch, ExportProblem, gather
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
    chosen, inventory = _choose(find_deliveries(exports), exports, delivery)
    with open_warehouse(warehouse, write=True) as store:
        if not _is_landed(store, inventory):
            _land(store, chosen, inventory)
        _describe(store, chosen, inventory, time_zone)
        return read_snapshot(store)


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


def _choose(found: list[Delivery], exports: Path, wanted: str) -> tuple[Delivery, Inventory]:
    if not found:
        raise ExportProblem(f"The folder {exports.name!r} holds no delivery: no folder with CSV files and no archive.")
    if wanted == "latest":
        full = [one for one in found if one.is_full]
        if not full or found[-1] is not full[-1]:
            _refuse_partial(found[-1])
        return full[-1], _look_through(full[-1])
    for one in found:
        if one.name == wanted:
            return one, _look_through(one)
    for one in found:
        if not one.is_archive and one.is_full and (inventory := take_inventory(one)).identity == wanted:
            return one, inventory
    raise ExportProblem(f"There is no delivery {wanted!r}; there are: {', '.join(one.name for one in found)}.")


def _look_through(chosen: Delivery) -> Inventory:
    if not chosen.is_full:
        _refuse_partial(chosen)
    if chosen.is_archive:
        raise ExportProblem(
            f"The delivery {chosen.name} is packed. Unpack it into a folder beside it and remove it from here."
        )
    if not chosen.data_files():
        raise ExportProblem(
            f"The delivery {chosen.name} holds a workbook and no CSV files. Save each sheet as CSV (UTF-8)."
        )
    return take_inventory(chosen)


def _refuse_partial(partial: Delivery) -> None:
    raise ExportProblem(
        f"The delivery {partial.name} is partial (mode delta): it never proves a removal and cannot be landed alone."
        " Ask the practice for a full export, or take the partial one out of the folder of exports."
    )


def _is_landed(store: Warehouse, inventory: Inventory) -> bool:
    if not store.has("raw.deliveries"):
        return False
    landed = store.run("SELECT snapshot, contract FROM raw.deliveries")
    return landed == [(inventory.identity, read_contract().identity)]


def _land(store: Warehouse, chosen: Delivery, inventory: Inventory) -> None:
    store.run("BEGIN TRANSACTION")
    try:
        for table in store.tables("raw"):
            store.run(f'DROP TABLE raw."{table}"')
        make_books(store)
        held = inventory.objects()
        for name, said in read_contract().objects.items():
            land_object(store, said, held.get(name, []))
        _prove_counts(store, chosen)
        store.run("COMMIT")
    except BaseException:
        store.run("ROLLBACK")
        raise


def _prove_counts(store: Warehouse, chosen: Delivery) -> None:
    wrong = store.run(
        "SELECT file, rows_counted, rows_landed, rows_rejected FROM raw.files"
        " WHERE rows_counted <> rows_landed + rows_rejected ORDER BY file"
    )
    if wrong:
        lines = [f"{row[0]}: {row[1]} counted, {row[2]} landed, {row[3]} rejected" for row in wrong]
        raise CountMismatch(gather(f"The delivery {chosen.name}", lines, "file whose records do not add up"))


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
