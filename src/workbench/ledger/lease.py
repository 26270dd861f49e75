"""One writer a tenant: a lease with a fencing number, checked in every commit that speaks of sending."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from workbench.clock import WallClock
from workbench.errors import LeaseLost
from workbench.ledger.store import Ledger, lease

SECONDS = 120.0


@dataclass(frozen=True)
class Lease:
    """The right to write, and the number that an older holder lacks."""

    holder: str
    fence: int


@contextmanager
def hold_lease(ledger: Ledger) -> Iterator[Lease]:
    """Take the lease, or say who has it; give it back at the end. A dead process of this machine has lost it."""
    taken = _take(ledger)
    try:
        yield taken
    finally:
        with ledger.commit() as connection:
            connection.execute(update(lease).where(lease.c.name == "writer", lease.c.fence == taken.fence).values(expires=0.0))


def check_fence(connection: Connection, held: Lease) -> None:
    """Refuse a writer whose number is old, and prolong the lease of the one who may write."""
    made = connection.execute(
        update(lease).where(lease.c.name == "writer", lease.c.fence == held.fence).values(expires=WallClock().now() + SECONDS)
    )
    if made.rowcount != 1:
        raise LeaseLost("Another process writes to this tenant now; this one stopped before its next request.")


def _take(ledger: Ledger) -> Lease:
    me = f"{socket.gethostname()}:{os.getpid()}"
    now = WallClock().now()
    with ledger.commit() as connection:
        row = connection.execute(select(lease).where(lease.c.name == "writer")).first()
        if row is None:
            connection.execute(insert(lease).values(name="writer", holder=me, fence=1, expires=now + SECONDS))
            return Lease(me, 1)
        if row.expires > now and row.holder != me and not _is_dead(row.holder):
            raise LeaseLost(
                f"{row.holder} writes to this tenant. Wait until it ends, or stop it; its lease runs out"
                f" {row.expires - now:.0f} s after its last request."
            )
        made = connection.execute(
            update(lease).where(lease.c.name == "writer", lease.c.fence == row.fence)
            .values(holder=me, fence=row.fence + 1, expires=now + SECONDS)
        )
        if made.rowcount != 1:
            raise LeaseLost("Another process took the lease at the same moment. Try again.")
        return Lease(me, row.fence + 1)


def _is_dead(holder: str) -> bool:
    host, _, pid = holder.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
