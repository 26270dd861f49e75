"""What was learned about our unique field at this tenant: proven or refuted, once for each kind of record."""

from __future__ import annotations

from sqlalchemy import insert, select

from workbench.clock import WallClock, as_text
from workbench.ledger.store import Ledger, proofs


def read_verdicts(ledger: Ledger) -> dict[str, str]:
    """Return the verdict by the plural name of the records, of the way that sends one record a call."""
    with ledger.read() as connection:
        return {row.destination: row.verdict for row in connection.execute(select(proofs))}


def keep_verdict(ledger: Ledger, destination: str, verdict: str, *, way: str = "single") -> None:
    """Keep one verdict."""
    with ledger.commit() as connection:
        connection.execute(
            insert(proofs).values(destination=destination, way=way, verdict=verdict, at=as_text(WallClock().now()))
        )
