"""The audit chain: each entry carries the hash of the one before, so a change in the middle shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, insert, select

from workbench.clock import WallClock, as_text
from workbench.ledger.store import Ledger, audit
from workbench.privacy import token

START = "0" * 64


def append_entry(
    connection: Connection, key: bytes, *, actor: str, act: str, object_name: str, record: str = "", **detail: Any
) -> None:
    """Append one entry in the transaction of what it speaks of; the record is named by a keyed token only."""
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    entry = {
        "seq": (last.seq if last else 0) + 1,
        "at": as_text(WallClock().now()),
        "actor": actor,
        "act": act,
        "object": object_name,
        "token": token(key, record) if record else "",
        "detail": json.dumps(detail, sort_keys=True, default=str),
        "previous": last.hash if last else START,
    }
    connection.execute(insert(audit).values(**entry, hash=entry_hash(entry)))


def entry_hash(entry: dict[str, Any]) -> str:
    """Return the hash of an entry over its canonical JSON."""
    return hashlib.sha256(json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def audit_head(ledger: Ledger) -> tuple[int, str]:
    """Return how many entries the chain has and the hash of the last, by which a signer can hold it later."""
    query = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    with ledger.read() as connection:
        last = connection.execute(query).first()
    return (last.seq, last.hash) if last else (0, START)


def verify(ledger: Ledger) -> tuple[int, str, list[str]]:
    """Walk the chain; return its length, its head, and every break."""
    count, head = 0, START
    breaks = []
    for entry in _entries(ledger):
        stated = entry.pop("hash")
        if entry["previous"] != head or entry["seq"] != count + 1:
            breaks.append(f"entry {entry['seq']} does not follow entry {count}")
        if entry_hash(entry) != stated:
            breaks.append(f"entry {entry['seq']} was changed")
        count, head = entry["seq"], stated
    return count, head, breaks


def _entries(ledger: Ledger) -> Iterator[dict[str, Any]]:
    with ledger.read() as connection:
        for row in connection.execute(select(audit).order_by(audit.c.seq)).mappings():
            yield dict(row)
