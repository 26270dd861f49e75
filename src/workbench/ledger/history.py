"""What the ledger can tell afterwards: what one row went through, what was refused and why, and who writes now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, func, or_, select

from workbench.clock import as_text
from workbench.ledger.identities import ADOPTED
from workbench.ledger.images import unseal
from workbench.ledger.operations import CONFLICTS, FINAL, OPEN, UNDONE, FieldConflict
from workbench.ledger.store import Ledger
from workbench.ledger.tables import IS_DEFERRED, batches, images, lease, operations, planned, plans, transitions
from workbench.vocabulary import PlanScope, State


@dataclass(frozen=True)
class Move:
    """One change of state of one operation."""

    at: str
    action: str
    way: str
    state: str
    reason: str
    run: str
    operation: int = 0
    job: str = ""

    @property
    def sentence(self) -> str:
        """The move in one line."""
        job = f" as {self.job}" if self.job else ""
        return f"{self.at} {self.action} by {self.way}{job}: {self.state} {self.reason}".rstrip()


def moves_of(ledger: Ledger, source_object: str, source_id: str) -> list[Move]:
    """Return every move of every operation for one source row, in the order it was written; bulk ones name their job."""
    moved = (transitions.c.state.label("moved"), transitions.c.at, transitions.c.reason.label("why"))
    query = (
        select(operations, *moved, batches.c.job_path)
        .join(transitions, transitions.c.operation_id == operations.c.operation_id)
        .outerjoin(batches, batches.c.batch_id == operations.c.batch_id)
        .where(operations.c.source_object == source_object, operations.c.source_id == source_id)
        .order_by(transitions.c.seq)
    )
    with ledger.read() as connection:
        return [
            Move(
                as_text(row.at), row.action, row.way, row.moved, row.why or "", row.run_id,
                row.operation_id, row.job_path or "",
            )
            for row in connection.execute(query)
        ]  # fmt: skip


def deferral_of(ledger: Ledger, source_object: str, source_id: str) -> str | None:
    """Return what a source row waits for by the newest plan that was not the sample's, or None where it does not wait."""
    newest = select(func.max(plans.c.plan_id)).where(plans.c.scope != PlanScope.SAMPLE).scalar_subquery()
    query = select(planned.c.reason).where(
        planned.c.source_object == source_object,
        planned.c.source_id == source_id,
        IS_DEFERRED,
        planned.c.plan_id == newest,
    )
    with ledger.read() as connection:
        row = connection.execute(query).first()
    return str(row.reason) if row else None


LOOKED = "looked at after the load: "
"""How the reason of the last look at an operation that was in doubt begins."""


def in_doubt(ledger: Ledger) -> list[tuple[Row[Any], float]]:
    """Return every create whose outcome was unknown once and that had no last look, oldest first, and since when."""
    of = transitions.c.operation_id
    doubted = (
        select(of, func.max(transitions.c.at).label("since")).where(transitions.c.state == State.UNKNOWN).group_by(of)
    ).subquery()
    looked = select(of).where(transitions.c.reason.startswith(LOOKED))
    query = (
        select(operations, doubted.c.since)
        .join(doubted, doubted.c.operation_id == operations.c.operation_id)
        .where(operations.c.action == "create", operations.c.operation_id.not_in(looked))
        .order_by(operations.c.operation_id)
    )
    with ledger.read() as connection:
        return [(row, float(row.since)) for row in connection.execute(query)]


def count_refusals(ledger: Ledger, run_id: str) -> list[tuple[str, str, int]]:
    """Return mapping, reason and rows of what a run had refused, sorted by mapping and reason."""
    query = (
        select(operations.c.mapping, operations.c.reason, func.count())
        .where(operations.c.run_id == run_id, operations.c.state == State.REJECTED)
        .group_by(operations.c.mapping, operations.c.reason)
        .order_by(operations.c.mapping, operations.c.reason)
    )
    with ledger.read() as connection:
        return [(mapping, reason, rows) for mapping, reason, rows in connection.execute(query)]


def list_adoptions(ledger: Ledger, run_id: str) -> list[tuple[str, str, int, str]]:
    """Return (mapping, source id, destination id, what was done) of every record that a run adopted: names of fields only."""
    query = (
        select(operations)
        .where(operations.c.run_id == run_id, operations.c.state.in_(FINAL), operations.c.reason.startswith(ADOPTED))
        .order_by(operations.c.operation_id)
    )
    with ledger.read() as connection:
        return [(row.mapping, row.source_id, row.destination_id, row.reason) for row in connection.execute(query)]


@dataclass(frozen=True)
class Conflict:
    """One field of one source row where the source and people disagreed, what was done, and the three values.

    The values are patients' values: no page, log or message may hold them unmasked.
    """

    mapping: str
    source_object: str
    source_id: str
    destination: str
    destination_id: int | None
    found: FieldConflict

    @property
    def name(self) -> str:
        """`object/id/field`, by which mappings/values/conflicts.csv speaks of it."""
        return f"{self.source_object}/{self.source_id}/{self.found.name}"


def list_conflicts(ledger: Ledger, *, plan_id: int | None = None) -> list[Conflict]:
    """Return every conflict that loading found, in the order it was found; of one plan, or of all."""
    query = (
        select(operations, images.c.sealed)
        .join(images, images.c.operation_id == operations.c.operation_id)
        .where(images.c.kind == CONFLICTS, operations.c.state.in_(FINAL))
        .order_by(images.c.image_id)
    )
    if plan_id is not None:
        query = query.where(operations.c.plan_id == plan_id)
    with ledger.read() as connection:
        rows = list(connection.execute(query))
    return [
        Conflict(
            row.mapping, row.source_object, row.source_id, row.destination, row.destination_id, FieldConflict(**one)
        )
        for row in rows
        for one in unseal(ledger.key, row.sealed)
    ]


def newest_write(ledger: Ledger) -> float | None:
    """Return when the tenant was last written to, by a load or a rollback."""
    query = select(func.max(transitions.c.at)).where(transitions.c.state == State.APPLIED)
    with ledger.read() as connection:
        moment = connection.scalar(query)
    return None if moment is None else float(moment)


def current_writer(ledger: Ledger) -> str | None:
    """Return who writes to the tenant, else who runs the steps, if anybody does."""
    with ledger.read() as connection:
        rows = connection.execute(select(lease).order_by(lease.c.name.desc())).all()
    return next((str(row.holder) for row in rows if row.expires), None)


def count_by_mapping(ledger: Ledger, run_id: str) -> dict[str, dict[str, int]]:
    """Return, for one run, how many source rows of each mapping were created, updated or rejected at last."""
    counts: dict[str, dict[str, int]] = {}
    for mapping, _, fate in fates_of_run(ledger, run_id):
        bucket = counts.setdefault(mapping, {})
        bucket[fate] = bucket.get(fate, 0) + 1
    return counts


def fates_of_run(ledger: Ledger, run_id: str) -> list[tuple[str, str, str]]:
    """Return (mapping, source id, fate) of every source row that a run wrote: created, updated, unchanged (looked at, nothing
    written), rejected or unknown.
    """
    of_load = operations.c.action.not_in(UNDONE)
    newest = (
        select(func.max(operations.c.operation_id))
        .where(
            operations.c.run_id == run_id,
            operations.c.state != State.ABSENT,
            or_(of_load, operations.c.state.in_(FINAL)),
        )
        .group_by(operations.c.mapping, operations.c.source_object, operations.c.source_id)
    )
    created = (
        select(operations.c.mapping, operations.c.source_id)
        .where(and_(operations.c.run_id == run_id, operations.c.action == "create", operations.c.state.in_(FINAL)))
        .distinct()
    )
    with ledger.read() as connection:
        was_created = {(row.mapping, row.source_id) for row in connection.execute(created)}
        fates = []
        for row in connection.execute(select(operations).where(operations.c.operation_id.in_(newest), of_load)):
            fate = "created" if (row.mapping, row.source_id) in was_created else f"{row.action}d"
            if row.state == State.VERIFIED and fate != "created":
                fate = "unchanged"
            elif row.state == State.REJECTED:
                fate = "rejected"
            elif row.state in OPEN:
                fate = "unknown"
            fates.append((row.mapping, row.source_id, fate))
    return fates
