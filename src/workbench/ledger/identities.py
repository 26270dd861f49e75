"""Identities: which destination record stands for which source row, and what was last delivered to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import polars as pl
from sqlalchemy import Connection, delete, insert, select, update

from workbench.ledger.store import Ledger
from workbench.ledger.tables import identities

SCHEMA = {
    "source_object": pl.String,
    "source_id": pl.String,
    "mapping": pl.String,
    "destination": pl.String,
    "destination_id": pl.Int64,
    "delivered": pl.String,
    "fingerprint": pl.String,
    "origin": pl.String,
    "is_live": pl.Boolean,
    "operation_id": pl.Int64,
}
ADOPTED = "adopted"
"""The origin of a record that stood in the tenant before us and was taken over by a decision; none is ever deleted."""
LASTING = ("created", ADOPTED)


@dataclass(frozen=True)
class Identity:
    """(source object, source id) ↔ (destination object, id)."""

    source_object: str
    source_id: str
    mapping: str
    destination: str
    destination_id: int
    delivered: str
    fingerprint: str
    origin: str
    is_live: bool
    operation_id: int


def keep_identity(connection: Connection, identity: Identity) -> None:
    """Write an identity; a record that we created, or adopted, stays that, whatever is done to it later.

    One adopted in the place of what we created, as the contact that came of our lead, is no record of our making.
    """
    key = (identities.c.source_object == identity.source_object) & (identities.c.source_id == identity.source_id)
    known = connection.execute(select(identities.c.origin, identities.c.is_live).where(key)).first()
    values = asdict(identity)
    if known is None:
        connection.execute(insert(identities).values(**values))
        return
    if known.origin in LASTING and known.is_live and identity.origin != ADOPTED:
        values["origin"] = known.origin
    connection.execute(update(identities).where(key).values(**values))


def find_identity(ledger: Ledger, source_object: str, source_id: str) -> Identity | None:
    """Return the identity of one source row."""
    query = select(identities).where(identities.c.source_object == source_object, identities.c.source_id == source_id)
    with ledger.read() as connection:
        row = connection.execute(query).mappings().first()
    return Identity(**row) if row else None


def identity_frames(ledger: Ledger, rows: int = 100_000) -> Iterator[pl.DataFrame]:
    """Yield every identity in frames, at least one, so that DuckDB can join them without attaching the ledger."""
    with ledger.read() as connection:
        result = connection.execute(select(identities).order_by(identities.c.source_object, identities.c.source_id))
        any_yet = False
        while chunk := result.fetchmany(rows):
            any_yet = True
            yield pl.DataFrame([tuple(row) for row in chunk], schema=SCHEMA, orient="row")
        if not any_yet:
            yield pl.DataFrame(schema=SCHEMA)


def live_ids(ledger: Ledger) -> dict[str, tuple[str, int]]:
    """Return (destination, id) of every live record by source key `object/id`."""
    query = select(
        identities.c.source_object, identities.c.source_id, identities.c.destination, identities.c.destination_id
    ).where(identities.c.is_live)
    with ledger.read() as connection:
        return {f"{row[0]}/{row[1]}": (row[2], row[3]) for row in connection.execute(query)}


def find_record(ledger: Ledger, destination: str, destination_id: int) -> Identity | None:
    """Return the identity that a destination record stands for, the one written last where a merge left it several."""
    query = (
        select(identities)
        .where(identities.c.destination == destination, identities.c.destination_id == destination_id)
        .order_by(identities.c.operation_id.desc())
    )
    with ledger.read() as connection:
        row = connection.execute(query).mappings().first()
    return Identity(**row) if row else None


def live_identities(ledger: Ledger) -> list[Identity]:
    """Return every live identity, in the order its record was last written."""
    query = select(identities).where(identities.c.is_live).order_by(identities.c.operation_id)
    with ledger.read() as connection:
        return [Identity(**row) for row in connection.execute(query).mappings()]


def forget_identity(connection: Connection, source_object: str, source_id: str) -> None:
    """Drop an identity whose record we deleted; its operations stay."""
    connection.execute(
        delete(identities).where(identities.c.source_object == source_object, identities.c.source_id == source_id)
    )
