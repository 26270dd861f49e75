"""One writer a tenant: a lease with a fencing number, checked in every commit that speaks of sending."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from workbench.clock import WallClock
from workbench.errors import LeaseLost, StoreProblem
from workbench.ledger.audit import note
from workbench.ledger.store import Ledger
from workbench.ledger.tables import lease

SECONDS = 120.0
"""How long a writer on another machine is believed to live after its last sign."""
FREE = 0.0
WRITER, RUNNER = "writer", "runner"
"""Who writes to the tenant, for as long as a session is open; who runs the steps, from the first to the last."""
DOES = {WRITER: "writes to this tenant", RUNNER: "runs this migration"}


@dataclass(frozen=True)
class Lease:
    """The right to write, and the number that an older holder lacks."""

    holder: str
    fence: int


@contextmanager
def hold_lease(ledger: Ledger, actor: str = "", name: str = WRITER) -> Iterator[Lease]:
    """Take a lease, or say who has it; give it back at the end. A dead process of this machine has lost it."""
    try:
        taken = _take(ledger, name)
    except LeaseLost as refusal:
        note(ledger, f"second {name} refused", "tenant", actor=actor, reason=str(refusal))
        raise
    try:
        yield taken
    finally:
        # A ledger that can no longer be written must not hide why the load stopped; a dead holder is seen anyway.
        with suppress(StoreProblem), ledger.commit() as connection:
            connection.execute(
                update(lease).where(lease.c.name == name, lease.c.fence == taken.fence).values(expires=FREE)
            )


def check_fence(connection: Connection, held: Lease) -> None:
    """Refuse a writer whose number is old, and prolong the lease of the one who may write."""
    made = connection.execute(
        update(lease)
        .where(lease.c.name == WRITER, lease.c.fence == held.fence)
        .values(expires=WallClock().now() + SECONDS)
    )
    if made.rowcount != 1:
        raise LeaseLost("Another process writes to this tenant now; this one stopped before its next request.")


def _take(ledger: Ledger, name: str) -> Lease:
    me = f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"
    now = WallClock().now()
    with ledger.commit() as connection:
        row = connection.execute(select(lease).where(lease.c.name == name).with_for_update()).first()
        if row is None:
            connection.execute(insert(lease).values(name=name, holder=me, fence=1, expires=now + SECONDS))
            return Lease(me, 1)
        if row.holder != me and _is_held(row.holder, row.expires, now):
            raise LeaseLost(f"{named(row.holder)} {DOES[name]}. Wait until it ends, or stop it, then run again.")
        connection.execute(
            update(lease).where(lease.c.name == name).values(holder=me, fence=row.fence + 1, expires=now + SECONDS)
        )
        return Lease(me, row.fence + 1)


def _is_held(holder: str, expires: float, now: float) -> bool:
    """Say whether a holder still writes.

    On this machine that is seen, however long it waits for the tenant; on another one only its last sign of life tells.
    """
    host, pid, started = _parts(holder)
    if expires == FREE:
        return False
    if host != socket.gethostname() or pid is None:
        return expires > now
    return _is_alive(pid) and started in ("", _started(pid))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _stat(pid)[:1] not in (["Z"], ["X"])


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks, so that a number given out again is not taken for it."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()  # the name in front may hold blanks and brackets


def _parts(holder: str) -> tuple[str, int | None, str]:
    host, pid, started = (*holder.rsplit(":", 2), "", "")[:3]
    return host, int(pid) if pid.isdecimal() else None, started


def named(holder: str) -> str:
    """Return who holds a lease, as people are told."""
    host, pid, _ = _parts(holder)
    return f"Process {pid} on {host}"
