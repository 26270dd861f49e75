"""Records as sent, as they were before, as read back: sealed rows of the ledger's own file."""

from __future__ import annotations

import os
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, func, insert, select

from workbench.errors import KeyProblem
from workbench.ledger.store import Ledger
from workbench.ledger.tables import facts, images

NONCE = 12


def seal(key: bytes, record: Any) -> bytes:
    """Return a record encrypted with AES-GCM under a fresh nonce."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, orjson.dumps(record, default=str), None)


def unseal(key: bytes, sealed: bytes) -> Any:
    """Return a sealed record; a wrong key is an error, never an empty record."""
    try:
        return orjson.loads(AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], None))
    except InvalidTag:
        raise KeyProblem("The images in the ledger were sealed with another WORKBENCH_KEY.") from None


def keep_image(connection: Connection, key: bytes, operation_id: int, kind: str, record: Any) -> None:
    """Write one image in the transaction that writes the operation's state."""
    connection.execute(insert(images).values(operation_id=operation_id, kind=kind, sealed=seal(key, record)))


def last_image(ledger: Ledger, operation_id: int, kind: str) -> Any | None:
    """Return the newest image of one kind, or None."""
    query = (
        select(images.c.sealed)
        .where(images.c.operation_id == operation_id, images.c.kind == kind)
        .order_by(images.c.image_id.desc())
        .limit(1)
    )
    with ledger.read() as connection:
        sealed = connection.scalar(query)
    return unseal(ledger.key, sealed) if sealed else None


def count_images(ledger: Ledger) -> int:
    """Return how many images the ledger holds; no key is needed."""
    with ledger.read() as connection:
        return connection.scalar(select(func.count()).select_from(images)) or 0


def check_key(ledger: Ledger) -> None:
    """Refuse a key that is not the one this ledger's images are sealed with, before anything is sent."""
    with ledger.commit() as connection:
        known = connection.scalar(select(facts.c.value).where(facts.c.name == "key_check"))
        if known is None:
            connection.execute(insert(facts).values(name="key_check", value=seal(ledger.key, "the right key").hex()))
            return
    unseal(ledger.key, bytes.fromhex(known))
