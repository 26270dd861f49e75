"""Hold a new snapshot against the last one: which records and columns changed, and whether too much did."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from workbench.dental_exec.contract import ExportObject, id_sql, read_contract
from workbench.errors import ExportProblem, gather
from workbench.warehouse import Warehouse

LAST = "last_"
OURS = ("source_file", "source_row")
REMOVED_SHARE, REMOVED_ROWS = 0.10, 50
CHANGED_SHARE, CHANGED_ROWS = 0.50, 200
OTHER_PRACTICE = 0.20
PRACTICE_OBJECTS = ("companies", "users")


@dataclass(frozen=True)
class Turnover:
    """How many records of an object there were and what became of them."""

    object: str
    before: int
    now: int
    removed: int
    changed: int


def set_last_aside(store: Warehouse) -> None:
    """Keep the tables of the last snapshot under another name until the new ones stand, and drop its books."""
    kept = {*read_contract().objects, "delivered_columns"} if store.has("raw.deliveries") else set()
    for table in store.tables("raw"):
        if table in kept:
            store.run(f'ALTER TABLE raw."{table}" RENAME TO "{LAST}{table}"')
        elif table != "deliveries":
            store.run(f'DROP TABLE raw."{table}"')


def compare_snapshots(store: Warehouse, snapshot: str, accepted: Collection[str]) -> None:
    """Write raw.changes and raw.drift; refuse another practice's delivery and changes that nobody accepted."""
    store.run(
        "CREATE OR REPLACE TABLE raw.changes (object VARCHAR, source_id VARCHAR, change VARCHAR, stamped BOOLEAN)"
    )
    if store.has("raw.deliveries"):
        turnovers = [_compare(store, said) for said in read_contract().objects.values() if said.key]
        _require_same_practice(store, [one for one in turnovers if one])
        _require_plausible(snapshot, [one for one in turnovers if one], accepted)
    for table in store.tables("raw"):
        if table.startswith(LAST):
            store.run(f'DROP TABLE raw."{table}"')


def _compare(store: Warehouse, said: ExportObject) -> Turnover | None:
    new, old = f"raw.{said.name}", f"raw.{LAST}{said.name}"
    if not store.has(old):
        return None
    before = set(store.columns(old))
    shared = [one for one in store.columns(new) if one in before and one not in (*OURS, *said.key, "modified_at")]
    stamp = "modified_at" if "modified_at" in before else "NULL"
    content = ", ".join(f'"{one}"' for one in shared) or "NULL"
    side = f"SELECT {id_sql(said)} AS id, hash({content}) AS content, {stamp} AS stamp FROM"
    store.run(
        f"INSERT INTO raw.changes SELECT '{said.name}', coalesce(n.id, o.id),"
        " CASE WHEN o.id IS NULL THEN 'new' WHEN n.id IS NULL THEN 'removed' ELSE 'changed' END,"
        " CASE WHEN n.id IS NOT NULL AND o.id IS NOT NULL THEN n.stamp IS DISTINCT FROM o.stamp END"
        f" FROM ({side} {new}) n FULL JOIN ({side} {old}) o ON n.id = o.id"
        " WHERE n.id IS NULL OR o.id IS NULL OR n.content <> o.content"
    )
    [(count_old, count_new)] = store.run(f"SELECT (SELECT count(*) FROM {old}), (SELECT count(*) FROM {new})")
    changes = dict(store.run("SELECT change, count(*) FROM raw.changes WHERE object = ? GROUP BY 1", [said.name]))
    return Turnover(said.name, count_old, count_new, changes.get("removed", 0), changes.get("changed", 0))


def _require_same_practice(store: Warehouse, turnovers: list[Turnover]) -> None:
    told = [one for one in turnovers if one.object in PRACTICE_OBJECTS and one.before and one.now]
    strange = [one for one in told if (one.before - one.removed) < OTHER_PRACTICE * one.before]
    if told and len(strange) == len(told) == len(PRACTICE_OBJECTS):
        shares = ", ".join(f"{one.before - one.removed} of {one.before} {one.object}" for one in strange)
        [(standing,)] = store.run("SELECT delivery FROM raw.deliveries")
        raise ExportProblem(
            f"This looks like a delivery of another practice: only {shares} of the standing snapshot ({standing}) are"
            " in it. A migration folder holds one practice: make another with workbench init, or take the delivery out"
            " of the folder of exports. If it is right, delete the warehouse and take the snapshot again."
        )


def _require_plausible(snapshot: str, turnovers: list[Turnover], accepted: Collection[str]) -> None:
    problems = []
    for one in turnovers:
        if f"{snapshot}/{one.object}" in accepted:
            continue
        if one.before and not one.now:
            problems.append(f"{one.object}: all {one.before} records are gone")
        elif one.removed > REMOVED_ROWS and one.removed > REMOVED_SHARE * one.before:
            problems.append(f"{one.object}: {one.removed} of {one.before} records are gone")
        elif one.changed > CHANGED_ROWS and one.changed > CHANGED_SHARE * one.before:
            problems.append(f"{one.object}: {one.changed} of {one.before} records changed")
        else:
            continue
        problems[-1] += (
            f". If this is right, add {snapshot}/{one.object} to mappings/values/mass_change.csv (decision keep)"
        )
    if problems:
        head = "Held against the last snapshot, which stands as it was, the delivery"
        raise ExportProblem(gather(head, problems, "mass change"))
