"""Hold a new snapshot against the last one: which records and columns changed, and whether too much did."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import polars as pl
from rapidfuzz import fuzz

from workbench.dental_exec.contract import ExportObject, id_sql, read_contract
from workbench.errors import ExportProblem, gather
from workbench.warehouse import Warehouse, open_warehouse

LAST = "last_"
OURS = ("source_file", "source_row")
REMOVED_SHARE, REMOVED_ROWS = 0.10, 50
CHANGED_SHARE, CHANGED_ROWS = 0.50, 200
OTHER_PRACTICE = 0.20
ALIKE, SAMPLE, FEWEST = 0.6, 10_000, 5
"""Columns this alike are suggested as one renamed; values are compared for so many keys, at least so few."""

DriftRow = tuple[str, str, str, str, str | None, float | None]


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


def make_books(warehouse: Warehouse) -> None:
    """Make the tables that say what was landed, empty."""
    warehouse.run(
        "CREATE OR REPLACE TABLE raw.files (file VARCHAR, object VARCHAR, rows_counted BIGINT, rows_landed BIGINT,"
        " rows_rejected BIGINT, bytes BIGINT, sha256 VARCHAR, encoding VARCHAR, delimiter VARCHAR, header_line BIGINT,"
        " lines_above BIGINT, lines_below BIGINT, reader VARCHAR)"
    )
    warehouse.run(
        "CREATE OR REPLACE TABLE raw.rejected (file VARCHAR, object VARCHAR, first_line BIGINT, last_line BIGINT,"
        " reason VARCHAR, source_row BIGINT, source_id VARCHAR)"
    )
    warehouse.run("CREATE OR REPLACE TABLE raw.delivered_columns (object VARCHAR, column_name VARCHAR)")


def compare_snapshots(store: Warehouse, snapshot: str, accepted: Collection[str]) -> None:
    """Write raw.changes and raw.drift; refuse another practice's delivery and changes that nobody accepted."""
    store.run(
        "CREATE OR REPLACE TABLE raw.changes (object VARCHAR, source_id VARCHAR, change VARCHAR, stamped BOOLEAN)"
    )
    _write_drift(store)
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
    keys = ", ".join(f'"{one}"' for one in said.key)
    side = f"SELECT rowid AS place, hash({keys}) AS key, hash({content}) AS content FROM"
    # Keys as typed first, 64 bits each: what a key means takes longer to say than all else, and few records need it.
    store.run(
        f"INSERT INTO raw.changes WITH unlike AS MATERIALIZED (SELECT n.place AS n_place, n.content AS n_content,"
        f" o.place AS o_place, o.content AS o_content FROM ({side} {new}) n FULL JOIN ({side} {old}) o ON n.key = o.key"
        " WHERE n.place IS NULL OR o.place IS NULL OR n.content <> o.content)"
        f" SELECT '{said.name}', coalesce(n.id, o.id),"
        " CASE WHEN o.id IS NULL THEN 'new' WHEN n.id IS NULL THEN 'removed' ELSE 'changed' END,"
        " CASE WHEN n.id IS NOT NULL AND o.id IS NOT NULL THEN n.stamp IS DISTINCT FROM o.stamp END"
        f" FROM ({_meant(said, new, 'n', stamp)}) n FULL JOIN ({_meant(said, old, 'o', stamp)}) o ON n.id = o.id"
        " WHERE n.id IS NULL OR o.id IS NULL OR n.content <> o.content"
    )
    [(count_old, count_new)] = store.run(f"SELECT (SELECT count(*) FROM {old}), (SELECT count(*) FROM {new})")
    changes = dict(store.run("SELECT change, count(*) FROM raw.changes WHERE object = ? GROUP BY 1", [said.name]))
    return Turnover(said.name, count_old, count_new, changes.get("removed", 0), changes.get("changed", 0))


def _meant(said: ExportObject, table: str, side: str, stamp: str) -> str:
    """Return the SELECT of one side's unlike records, by the id that their key means."""
    return (
        f"SELECT {id_sql(said)} AS id, u.{side}_content AS content, {stamp} AS stamp FROM {table} r"
        f" JOIN unlike u ON u.{side}_place = r.rowid"
    )


def _require_same_practice(store: Warehouse, turnovers: list[Turnover]) -> None:
    objects = read_contract().objects
    telling = [one for one in turnovers if objects[one.object].tells_practice]
    told = [one for one in telling if one.before and one.now]
    strange = [one for one in told if (one.before - one.removed) < OTHER_PRACTICE * one.before]
    if telling and len(strange) == len(telling):
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


def column_drift(warehouse: Path) -> pl.DataFrame:
    """Return the columns that are new, missing or probably renamed, against the contract and the last snapshot."""
    with open_warehouse(warehouse) as store:
        return store.frame('SELECT * FROM raw.drift ORDER BY object, against, "column"')


def count_changes(warehouse: Path) -> pl.DataFrame:
    """Return, by object, the records that are new, changed (and how many without a new stamp) or removed."""
    with open_warehouse(warehouse) as store:
        return store.frame(
            "SELECT object, count(*) FILTER (change = 'new') AS new, count(*) FILTER (change = 'changed') AS changed,"
            " count(*) FILTER (change = 'changed' AND NOT stamped) AS without_a_stamp,"
            " count(*) FILTER (change = 'removed') AS removed FROM raw.changes GROUP BY 1 ORDER BY 1"
        )


def _write_drift(store: Warehouse) -> None:
    rows: list[DriftRow] = []
    now, last = _delivered(store, "delivered_columns"), _delivered(store, f"{LAST}delivered_columns")
    for name, said in read_contract().objects.items():
        if name not in now:
            continue
        extra = now[name] - set(said.columns)
        rows += _diff(store, said, "contract", (set(said.missing(now[name])), extra), last.get(name, set()))
        if name in last:
            rows += _diff(store, said, "last snapshot", (last[name] - now[name], now[name] - last[name]), last[name])
    shape = dict.fromkeys(("object", "column", "change", "against", "resembles"), pl.String)
    store.write("raw.drift", pl.DataFrame(rows, schema={**shape, "confidence": pl.Float64}, orient="row"))


def _delivered(store: Warehouse, table: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, column in store.run(f"SELECT object, column_name FROM raw.{table}") if store.has(f"raw.{table}") else ():
        found.setdefault(name, set()).add(column)
    return found


def _diff(
    store: Warehouse, said: ExportObject, against: str, diff: tuple[set[str], set[str]], known: set[str]
) -> Iterator[DriftRow]:
    missing, new = diff
    pairs = sorted(
        (
            (_resemblance(store if old in known else None, said, old, fresh), old, fresh)
            for old in missing
            for fresh in new
        ),
        reverse=True,
    )
    match: dict[str, tuple[str, float]] = {}
    for confidence, old, fresh in pairs:
        if confidence >= ALIKE and old not in match and fresh not in match:
            match[old], match[fresh] = (fresh, confidence), (old, confidence)
    for change, columns in (("missing", missing), ("new", new)):
        for column in sorted(columns):
            yield (said.name, column, change, against, *match.get(column, (None, None)))


def _resemblance(store: Warehouse | None, said: ExportObject, old: str, fresh: str) -> float:
    """Say from 0 to 1 how alike two columns are: by the words of their names, and by their values of the same keys."""
    by_name = fuzz.token_sort_ratio(_words(old), _words(fresh)) / 100
    table, last = f"raw.{said.name}", f"raw.{LAST}{said.name}"
    if not said.key or store is None:
        return round(by_name, 2)
    [(compared, equal)] = store.run(
        f'SELECT count(*), count(*) FILTER (o."{old}" = n."{fresh}") FROM'
        f' (SELECT {id_sql(said)} AS id, "{old}" FROM {last} WHERE "{old}" IS NOT NULL LIMIT {SAMPLE}) o'
        f' JOIN (SELECT {id_sql(said)} AS id, "{fresh}" FROM {table}) n USING (id)'
    )
    if compared < FEWEST:
        return round(by_name, 2)
    return float(round(max(equal / compared, by_name / 2), 2))


def _words(column: str) -> str:
    words = f" {column.removeprefix('cf_').replace('_', ' ')} "
    for written, meant in sorted(_synonyms().items(), key=lambda pair: -len(pair[0])):
        if f" {meant} " not in words:
            words = words.replace(f" {written} ", f" {meant} ")
    return words.strip()


@cache
def _synonyms() -> dict[str, str]:
    text = files(__package__).joinpath("column_words.csv").read_text("utf-8")
    return {row["words"]: row["means"] for row in csv.DictReader(text.splitlines())}
