"""What every process knows of the account: its calls, as the last slot given out and the common hold, and how it takes our field."""

from __future__ import annotations

from time import monotonic

from sqlalchemy import Connection, delete, insert, select, update

from workbench.clock import Clock, WallClock, as_text
from workbench.ledger.lease import SECONDS, Lease, check_fence
from workbench.ledger.store import Ledger
from workbench.ledger.tables import budget, proofs
from workbench.pacing import LONGEST_HOLD, Pacing

PROVEN, REFUTED = "proven", "refuted"
"""What was learned of our unique field at this tenant, once for each kind of record."""
SINGLE, BULK = "single", "bulk"
"""The ways a field can be proven for: one record a call, or many."""


class LedgerBudget:
    """Slots by `Pacing`, taken in one transaction each, so that two processes together keep both windows.

    With a lease, each slot is also the proof that its holder may still write: who lost it sends nothing more, not even
    the second try of a call that waited.
    """

    def __init__(self, ledger: Ledger, pacing: Pacing, lease: Lease | None = None) -> None:
        self.ledger = ledger
        self.pacing = pacing
        self.lease = lease
        with ledger.commit() as connection:
            if connection.execute(select(budget.c.name)).first() is None:
                connection.execute(insert(budget).values(name="account", last=None, hold_until=0.0, calls=0))

    def claim(self, clock: Clock) -> None:
        """Take the next slot and return when it has come; a hold that began meanwhile is waited for, too."""
        started = monotonic()
        with self.ledger.commit() as connection:
            self._check(connection)
            row = connection.execute(select(budget).with_for_update()).one()
            moment = self.pacing.next_moment(
                clock.now(), row.last, row.hold_until, can_be_set_back=clock.can_be_set_back
            )
            connection.execute(update(budget).values(last=moment, calls=row.calls + 1))
        clock.wait_until(moment)
        while 0 < (until := self._hold_until()) - clock.now() <= LONGEST_HOLD:
            clock.wait_until(until)
        if monotonic() - started > SECONDS / 4:
            with self.ledger.commit() as connection:
                self._check(connection)

    def hold(self, until: float) -> None:
        """Let nobody call before `until`."""
        with self.ledger.commit() as connection:
            connection.execute(update(budget).where(budget.c.hold_until < until).values(hold_until=until))

    def calls(self) -> int:
        """Return how many slots were ever given out."""
        with self.ledger.read() as connection:
            return int(connection.scalar(select(budget.c.calls)) or 0)

    def _check(self, connection: Connection) -> None:
        if self.lease is not None:
            check_fence(connection, self.lease)

    def _hold_until(self) -> float:
        with self.ledger.read() as connection:
            return float(connection.scalar(select(budget.c.hold_until)) or 0.0)


def calls_so_far(ledger: Ledger) -> int:
    """Return how many calls this ledger has paid for, over all its runs."""
    with ledger.read() as connection:
        return int(connection.scalar(select(budget.c.calls)) or 0)


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
