"""Operations and their states: the intent is on disk before the socket is used, the outcome in one commit with its proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from workbench.clock import WallClock
from workbench.ledger.audit import append_entry
from workbench.ledger.identities import Identity, keep_identity
from workbench.ledger.images import keep_image
from workbench.ledger.lease import Lease, check_fence
from workbench.ledger.store import Ledger, batches, operations, transitions
from workbench.vocabulary import State

OPEN = (State.INTENDED, State.SENT, State.UNKNOWN)


@dataclass(frozen=True)
class Intent:
    """What is about to be done for one source row."""

    mapping: str
    source_object: str
    source_id: str
    destination: str
    action: str
    way: str
    fingerprint: str
    completed: str
    plan_id: int = 0
    ordinal: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one operation."""

    operation_id: int
    state: State
    destination_id: int | None = None
    reason: str = ""
    read_back: Any = None
    before: Any = None


def intend(ledger: Ledger, lease: Lease, run_id: str, intents: Sequence[Intent], *, batch: bool = False) -> list[int]:
    """Write intents durably and return their numbers; `batch` ties them to one bulk request."""
    now = WallClock().now()
    with ledger.commit() as connection:
        check_fence(connection, lease)
        batch_id = None
        if batch:
            made = connection.execute(
                insert(batches).values(run_id=run_id, mapping=intents[0].mapping, rows=len(intents), state=State.INTENDED)
            )
            batch_id = made.inserted_primary_key[0]
        numbers = []
        for one in intents:
            row = connection.execute(
                insert(operations).values(run_id=run_id, batch_id=batch_id, state=State.INTENDED, **vars(one))
            )
            numbers.append(int(row.inserted_primary_key[0]))
        connection.execute(
            insert(transitions), [{"operation_id": one, "state": State.INTENDED, "at": now} for one in numbers]
        )
    return numbers


def keep_job(ledger: Ledger, operation_ids: Sequence[int], job_path: str) -> None:
    """Keep a bulk job's path before it is polled the first time."""
    with ledger.commit() as connection:
        batch_id = connection.scalar(select(operations.c.batch_id).where(operations.c.operation_id == operation_ids[0]))
        connection.execute(update(batches).where(batches.c.batch_id == batch_id).values(job_path=job_path, state=State.SENT))
        _move(connection, [Outcome(one, State.SENT) for one in operation_ids])


def record_outcomes(ledger: Ledger, lease: Lease, actor: str, outcomes: Iterable[Outcome]) -> None:
    """Write outcomes, identities, images and audit entries in one commit."""
    done = list(outcomes)
    with ledger.commit() as connection:
        check_fence(connection, lease)
        _move(connection, done)
        for one in done:
            row = connection.execute(select(operations).where(operations.c.operation_id == one.operation_id)).one()
            if one.before is not None:
                keep_image(connection, ledger.key, one.operation_id, "before", one.before)
            if one.read_back is not None:
                keep_image(connection, ledger.key, one.operation_id, "read_back", one.read_back)
            if one.state in (State.APPLIED, State.VERIFIED) and one.destination_id is not None:
                _deliver(connection, row, one)
            append_entry(
                connection, ledger.key, actor=actor, act=f"{row.action} {one.state}", object_name=row.destination,
                record=f"{row.source_object}/{row.source_id}", operation=one.operation_id, fingerprint=row.completed,
            )


def _deliver(connection: Connection, row: Row[Any], outcome: Outcome) -> None:
    assert outcome.destination_id is not None
    keep_identity(connection, Identity(
        source_object=row.source_object, source_id=row.source_id, mapping=row.mapping, destination=row.destination,
        destination_id=outcome.destination_id, delivered=row.completed, fingerprint=row.fingerprint,
        origin="created" if row.action == "create" else "updated", is_live=row.action != "delete",
        operation_id=outcome.operation_id,
    ))


def _move(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    now = WallClock().now()
    for one in outcomes:
        values: dict[str, Any] = {"state": one.state, "reason": one.reason}
        if one.destination_id is not None:
            values["destination_id"] = one.destination_id
        connection.execute(update(operations).where(operations.c.operation_id == one.operation_id).values(**values))
    connection.execute(insert(transitions), [
        {"operation_id": one.operation_id, "state": one.state, "at": now, "reason": one.reason} for one in outcomes
    ])


def done_ordinals(ledger: Ledger, plan_id: int, mapping: str) -> set[int]:
    """Return the rows of a plan that reached a final state, applied or rejected."""
    final = (State.APPLIED, State.REJECTED, State.VERIFIED)
    query = select(operations.c.ordinal).where(
        operations.c.plan_id == plan_id, operations.c.mapping == mapping, operations.c.state.in_(final)
    )
    with ledger.read() as connection:
        return set(connection.scalars(query))


def open_operations(ledger: Ledger) -> list[Row[Any]]:
    """Return every operation without a final state, oldest first, with its batch's job path."""
    query = (
        select(operations, batches.c.job_path).select_from(
            operations.outerjoin(batches, operations.c.batch_id == batches.c.batch_id)
        ).where(operations.c.state.in_(OPEN)).order_by(operations.c.operation_id)
    )
    with ledger.read() as connection:
        return list(connection.execute(query))


def count_by_mapping(ledger: Ledger, run_id: str) -> dict[str, dict[str, int]]:
    """Return, for one run, how many source rows of each mapping were created, updated or rejected at last."""
    newest = (
        select(func.max(operations.c.operation_id)).where(operations.c.run_id == run_id, operations.c.action != "delete")
        .group_by(operations.c.mapping, operations.c.source_object, operations.c.source_id)
    )
    created = (
        select(operations.c.mapping, operations.c.source_id).where(and_(
            operations.c.run_id == run_id, operations.c.action == "create", operations.c.state.in_((State.APPLIED, State.VERIFIED))
        )).distinct()
    )
    with ledger.read() as connection:
        was_created = {(row.mapping, row.source_id) for row in connection.execute(created)}
        counts: dict[str, dict[str, int]] = {}
        for row in connection.execute(select(operations).where(operations.c.operation_id.in_(newest))):
            fate = "created" if (row.mapping, row.source_id) in was_created else f"{row.action}d"
            if row.state == State.REJECTED:
                fate = "rejected"
            elif row.state in OPEN:
                fate = "unknown"
            bucket = counts.setdefault(row.mapping, {})
            bucket[fate] = bucket.get(fate, 0) + 1
    return counts
