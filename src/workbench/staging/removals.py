"""Rows that were delivered and that the export holds no more: found by the ledger's identities, marked, never deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.freshsales.endpoints import REMOVED, endpoint
from workbench.mapping.files import Mappings
from workbench.warehouse import Warehouse, identifier

LAST_SENT = "last_sent"
"""Beside the columns of a staged row: what was sent last of a row that is gone; its record stays as it is, but for the mark."""
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
    for source in sorted(mappings.sources.values(), key=lambda one: one.name):
        if not (warehouse.has(f"raw.{source.name}") and warehouse.has(source.table)):
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
