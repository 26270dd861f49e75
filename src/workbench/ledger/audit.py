"""The audit chain: each entry carries the hash of the one before, so a change in the middle shows."""

from __future__ import annotations

import getpass
import inspect
import json
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from workbench.clock import WallClock, as_text
from workbench.ledger import verify_log
from workbench.ledger.store import Ledger, open_ledger
from workbench.ledger.tables import audit
from workbench.ledger.verify_log import START, Entry, canonical, entry_hash, read_ledger, walk
from workbench.privacy import token
from workbench.settings import Settings


def person() -> str:
    """Return who works here: the login and the machine, as an entry names its actor."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        name = f"user {os.getuid()}"
    return f"{name}@{socket.gethostname()}"


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


def note(ledger: Ledger, act: str, object_name: str, *, actor: str = "", record: str = "", **detail: Any) -> None:
    """Append an entry for what is no operation on a record: a reading, an export, a decision, an approval, a refusal.

    Without an actor it is whoever works here.
    """
    with ledger.commit() as connection:
        append_entry(
            connection,
            ledger.key,
            actor=actor or person(),
            act=act,
            object_name=object_name,
            record=record,
            **detail,
        )


def note_act(settings: Settings, act: str, object_name: str, **detail: Any) -> None:
    """Note an act in the audit chain of a target, if something was run for it; no key is needed."""
    if settings.ledger.is_file():
        ledger = open_ledger(settings.ledger, b"")
        note(ledger, act, object_name, **detail)
        ledger.engine.dispose()


def audit_head(ledger: Ledger) -> tuple[int, str]:
    """Return how many entries the chain has and the hash of the last, by which a signer can hold it later."""
    query = select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    with ledger.read() as connection:
        last = connection.execute(query).first()
    return (last.seq, last.hash) if last else (0, START)


def verify(ledger: Ledger, anchors: Iterable[tuple[int, str]] = ()) -> tuple[int, str, list[str]]:
    """Walk the chain; return its length, its head, and every break, also against anchors that were signed."""
    return walk(_entries(ledger), anchors)


def export_log(ledger: Ledger, folder: Path) -> list[Path]:
    """Write the log as audit.jsonl, and beside it the program that checks it with nothing but Python."""
    return write_log(_entries(ledger), folder)


def write_log(entries: Iterable[Entry | str], folder: Path) -> list[Path]:
    """Write entries as they were read, one a line, and the program that checks them."""
    folder.mkdir(parents=True, exist_ok=True)
    log, program = folder / "audit.jsonl", folder / "verify_log.py"
    with log.open("wb") as file:
        for entry in entries:
            file.write((entry.encode() if isinstance(entry, str) else canonical(entry)) + b"\n")
    program.write_text(inspect.getsource(verify_log), "utf-8")
    return [log, program]


def _entries(ledger: Ledger) -> Iterator[Entry | str]:
    if ledger.engine.dialect.name == "sqlite":
        yield from read_ledger(Path(str(ledger.engine.url.database)))
        return
    with ledger.read() as connection:
        for row in connection.execute(select(audit).order_by(audit.c.seq)).mappings():
            yield dict(row)
