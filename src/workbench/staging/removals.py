"""What went away on one side: rows that the export holds no more, which are marked, and records that people took away."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import REMOVED, endpoint
from workbench.freshsales.foreign import UNSEEN, read_converted
from workbench.freshsales.records import read_record
from workbench.freshsales.shapes import flatten
from workbench.mapping.files import Mappings
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, identifier, open_warehouse

MARKED = hashlib.sha256(REMOVED.encode()).hexdigest()
"""The fingerprint of a row that is gone: delivered once, its record carries the mark."""


REJECTED = "SELECT source_id FROM raw.rejected WHERE object = $name AND source_id IS NOT NULL"

TABLE: dict[str, Any] = {
    "mapping": pl.String,
    "source_id": pl.String,
    "destination": pl.String,
    "destination_id": pl.Int64,
    "what is done": pl.String,
}
VANISHED = "destination.vanished"
GONE: dict[str, Any] = {
    "tenant": pl.String,
    "source_key": pl.String,
    "destination": pl.String,
    "destination_id": pl.Int64,
    "survivor": pl.String,
    "survivor_id": pl.Int64,
}
MOST_CHILDREN = 5
"""So many children are asked where they hang now, before a record counts as deleted."""
Places = Mapping[str, tuple[str, int]]
"""(destination, id) by source key."""


@dataclass(frozen=True)
class Removal:
    """One row that is gone from the export while its record stands in the tenant."""

    mapping: str
    source_object: str
    source_id: str
    destination: str
    destination_id: int
    delivered: str

    @property
    def has_tags(self) -> bool:
        """Say whether its record can carry the mark; another one is listed only."""
        return endpoint(self.destination).has_tags

    @property
    def is_marked(self) -> bool:
        """Say whether the mark was delivered already."""
        return self.delivered == MARKED


def find_removals(warehouse: Warehouse, mappings: Mappings) -> Iterator[Removal]:
    """Yield the delivered rows that no landed record stands for, from the temporary table `identities`.

    A row that is held or excluded is there, and so is one that was rejected while landing, as far as its id could be
    read. Only what the export itself lists is looked at: an employer,
    whom we made of other rows, goes and comes with their spelling. Partial deliveries lie over the last full one, so
    what they do not name is there.
    """
    landed = set(warehouse.tables("raw"))
    for source in sorted(mappings.sources.values(), key=lambda one: one.name):
        if source.name not in landed or not warehouse.has(source.table):
            continue
        rows = warehouse.run(
            "SELECT mapping, source_object, source_id, destination, destination_id, delivered FROM identities i"
            f" ANTI JOIN {source.table} s ON s.{identifier(source.key)} = i.source_id"
            f" ANTI JOIN ({REJECTED}) r ON r.source_id = i.source_id"
            " WHERE i.source_object = $name AND i.is_live ORDER BY mapping, source_id",
            {"name": source.name},
        )
        yield from (Removal(*row) for row in rows)


def removal_table(removals: Iterable[Removal]) -> pl.DataFrame:
    """Return one row a removed row: ids, and whether its record is marked, was marked before, or can only be listed."""
    rows = [
        (one.mapping, one.source_id, one.destination, one.destination_id, _done(one))
        for one in sorted(removals, key=lambda one: (one.mapping, one.source_id))
    ]
    return pl.DataFrame(rows, schema=TABLE, orient="row")


def _done(one: Removal) -> str:
    if not one.has_tags:
        return "listed: this kind of record has no tags"
    return "marked before" if one.is_marked else "marked"


def keep_vanished(tenant: Freshsales, path: Path, mappings: Mappings, live: Places) -> int:
    """Write destination.vanished and return how many of our records people took away since they were loaded.

    Looked at is what the last whole census did not meet. The API tells of no merge: a record whose children hang on
    another one of its kind was merged into that one, any other one was deleted.
    """
    with open_warehouse(path) as warehouse:
        unseen = warehouse.run(f"SELECT * FROM {UNSEEN} ORDER BY ALL") if warehouse.has(UNSEEN) else []
        converted = read_converted(warehouse, tenant.alias, live)
    rows = []
    for alias, key, kind, number in unseen:
        is_ours = alias == tenant.alias and live.get(key) == (kind, number) and key not in converted
        if is_ours and read_record(tenant, kind, int(number)) is None:
            survivor = _survivor(tenant, path, mappings, live, key)
            rows.append((alias, key, kind, number, *(survivor or (None, None))))
    with open_warehouse(path, write=True) as warehouse:
        warehouse.write(VANISHED, pl.DataFrame(rows, schema=GONE, orient="row"))
    return len(rows)


def read_vanished(warehouse: Warehouse, tenant: str | None, live: Places) -> dict[str, tuple[str, int] | None]:
    """Return our records that people took away, by source key: what each was merged into, or None where it was deleted."""
    if not warehouse.has(VANISHED):
        return {}
    rows = warehouse.run(
        f"SELECT source_key, destination, destination_id, survivor, survivor_id FROM {VANISHED} WHERE tenant = ? ORDER BY 1",
        [tenant],
    )
    return {
        key: (survivor, int(into)) if survivor else None
        for key, kind, number, survivor, into in rows
        if live.get(key) == (kind, number)
    }


def _survivor(tenant: Freshsales, path: Path, mappings: Mappings, live: Places, key: str) -> tuple[str, int] | None:
    destination, number = live[key]
    plural = endpoint(destination, tenant.edition).plural
    for child, link in _children(path, mappings, live, key):
        kind, place = live[child]
        now = read_record(tenant, kind, place)
        hangs_on = flatten(kind, now).get(link) if now else None
        if isinstance(hangs_on, tuple):  # a target says of which kind it is
            hangs_on = hangs_on[1] if endpoint(hangs_on[0], tenant.edition).plural == plural else None
        for one in hangs_on if isinstance(hangs_on, list) else [hangs_on]:
            if one and int(one) != number and read_record(tenant, destination, int(one)) is not None:
                return destination, int(one)
    return None


def _children(path: Path, mappings: Mappings, live: Places, key: str) -> Iterator[tuple[str, str]]:
    """Yield (source key, link) of a few staged rows that point at a row and whose records can be read by id."""
    with open_warehouse(path) as warehouse:
        for mapping in mappings.objects:
            has_address = mapping.kind is Kind.RECORD and endpoint(mapping.destination).children != "notes"
            if not has_address or not warehouse.has(f"staged.{mapping.name}"):
                continue
            for name, lookup in mapping.lookups.items():
                if lookup.is_owner:
                    continue
                found = warehouse.run(
                    f"SELECT source_id FROM staged.{mapping.name} WHERE {identifier(name)} = ? ORDER BY 1 LIMIT {MOST_CHILDREN}",
                    [key],
                )
                keys = (f"{mapping.source_object}/{row[0]}" for row in found)
                yield from ((one, name) for one in keys if one in live)
