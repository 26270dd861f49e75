"""What was learned about our unique field at this tenant: proven or refuted, once for each kind of record."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from workbench.clock import WallClock, as_text
from workbench.ledger.lease import Lease, check_fence
from workbench.ledger.store import Ledger, proofs

PROVEN, REFUTED = "proven", "refuted"


SINGLE, BULK = "single", "bulk"
"""The ways a field can be proven for: one record a call, or many."""


def read_verdicts(ledger: Ledger, way: str = SINGLE) -> dict[str, str]:
    """Return the verdict by the plural name of the records, of the way that sends one record a call or many."""
    with ledger.read() as connection:
        return {row.destination: row.verdict for row in connection.execute(select(proofs).where(proofs.c.way == way))}


def keep_verdict(ledger: Ledger, held: Lease, destination: str, verdict: str, *, way: str = SINGLE) -> None:
    """Keep one verdict; a later one replaces it, since an admin may have ticked the field meanwhile."""
    with ledger.commit() as connection:
        check_fence(connection, held)
        connection.execute(delete(proofs).where(proofs.c.destination == destination, proofs.c.way == way))
        connection.execute(
            insert(proofs).values(destination=destination, way=way, verdict=verdict, at=as_text(WallClock().now()))
        )
