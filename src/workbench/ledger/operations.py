"""Operations and their states: the intent is on disk before the socket is used, the outcome in one commit with its proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, CursorResult, Row, func, insert, select, update

from workbench.clock import Clock
from workbench.ledger.audit import append_entry
from workbench.ledger.identities import Identity, forget_identity, keep_identity
from workbench.ledger.images import keep_image
from workbench.ledger.lease import Lease, check_fence
from workbench.ledger.store import Ledger
from workbench.ledger.tables import batches, operations, transitions
from workbench.privacy import token
from workbench.vocabulary import State

OPEN = (State.INTENDED, State.SENT, State.UNKNOWN)
FINAL, UNDONE = (State.APPLIED, State.VERIFIED), (DELETE := "delete", RESTORE := "restore")
"""The actions of a rollback; those of a load are the operations of its plan."""
CONFLICTS = "conflicts"
"""The kind of the image that keeps the three values of fields that both sides changed."""
SETTLED = "settled"
"""The kind of the image of a record as rules of the tenant left it, minutes after our write."""
INCOMPLETE = ""
"""What stands for the delivered fingerprint of a record that is there, but not yet as the source wants it."""


@dataclass(frozen=True)
class Intent:
    """What is about to be done for one source row; `fields` are kept sealed, so that a resume needs no warehouse."""

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
    fields: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class FieldConflict:
    """One field that the source and people changed since the last delivery, and what was done; its values are sealed."""

    name: str
    policy: str
    act: str
    last: Any = field(default=None, repr=False)
    source: Any = field(default=None, repr=False)
    there: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Outcome:
    """What became of one operation.

    A rejected operation with a destination id left a record that is not complete: the next plan takes it up again.
    """

    operation_id: int
    state: State
    destination_id: int | None = None
    reason: str = ""
    read_back: Any = field(default=None, repr=False)
    before: Any = field(default=None, repr=False)
    was_created: bool = True
    kept: tuple[str, ...] = ()
    conflicts: tuple[FieldConflict, ...] = ()
    origin: str = "updated"


def intend(ledger: Ledger, lease: Lease, run_id: str, intents: Sequence[Intent], *, batch: bool = False) -> list[int]:
    """Write intents durably and return their numbers; `batch` ties them to one bulk request."""
    now = ledger.clock.now()
    with ledger.commit() as connection:
        check_fence(connection, lease)
        batch_id = None
        if batch:
            made = connection.execute(
                insert(batches).values(
                    run_id=run_id, mapping=intents[0].mapping, rows=len(intents), state=State.INTENDED
                )
            )
            batch_id = _number(made)
        numbers = []
        for one in intents:
            values = {name: value for name, value in vars(one).items() if name != "fields"}
            row = connection.execute(
                insert(operations).values(run_id=run_id, batch_id=batch_id, state=State.INTENDED, **values)
            )
            numbers.append(_number(row))
            if one.fields is not None:
                keep_image(connection, ledger.key, numbers[-1], "sent", one.fields)
        connection.execute(
            insert(transitions), [{"operation_id": one, "state": State.INTENDED, "at": now} for one in numbers]
        )
    return numbers


def _number(made: CursorResult[Any]) -> int:
    key = made.inserted_primary_key
    assert key is not None
    return int(key[0])


def keep_job(ledger: Ledger, operation_ids: Sequence[int], job_path: str) -> None:
    """Keep a bulk job's path before it is polled the first time."""
    with ledger.commit() as connection:
        batch_id = connection.scalar(select(operations.c.batch_id).where(operations.c.operation_id == operation_ids[0]))
        connection.execute(
            update(batches).where(batches.c.batch_id == batch_id).values(job_path=job_path, state=State.SENT)
        )
        _move(connection, ledger.clock, [Outcome(one, State.SENT) for one in operation_ids])


def keep_before(ledger: Ledger, lease: Lease, operation_id: int, record: Any) -> None:
    """Keep what stands there before it is changed or deleted: the undo is durable before the deed."""
    with ledger.commit() as connection:
        check_fence(connection, lease)
        keep_image(connection, ledger.key, operation_id, "before", record)
        _move(connection, ledger.clock, [Outcome(operation_id, State.SENT)])


def record_outcomes(ledger: Ledger, lease: Lease, actor: str, outcomes: Iterable[Outcome]) -> None:
    """Write outcomes, identities, images and audit entries in one commit."""
    done = list(outcomes)
    with ledger.commit() as connection:
        check_fence(connection, lease)
        _move(connection, ledger.clock, done)
        for one in done:
            row = connection.execute(select(operations).where(operations.c.operation_id == one.operation_id)).one()
            images = {
                "before": one.before,
                "read_back": one.read_back,
                "kept": list(one.kept) or None,
                CONFLICTS: [vars(found) for found in one.conflicts] or None,
            }
            for kind, image in images.items():
                if image is not None:
                    keep_image(connection, ledger.key, one.operation_id, kind, image)
            _deliver(connection, row, one)
            append_entry(
                connection,
                ledger.key,
                actor=actor,
                act=f"{row.action} {one.state}",
                object_name=row.destination,
                record=f"{row.source_object}/{row.source_id}",
                operation=one.operation_id,
                run=row.run_id,
                # Keyed: a plain hash of few values can be guessed.
                fingerprint=token(ledger.key, row.completed) if row.completed else "",
            )


def _deliver(connection: Connection, row: Row[Any], outcome: Outcome) -> None:
    """Keep who stands for whom; what a rollback deleted or restored stands for nobody any more."""
    is_done = outcome.state in FINAL
    if row.action in UNDONE:
        if is_done:
            forget_identity(connection, row.source_object, row.source_id)
    elif outcome.destination_id is not None and (is_done or outcome.state is State.REJECTED):
        is_created = row.action == "create" and outcome.was_created
        keep_identity(
            connection,
            Identity(
                source_object=row.source_object,
                source_id=row.source_id,
                mapping=row.mapping,
                destination=row.destination,
                destination_id=outcome.destination_id,
                delivered=row.completed if is_done else INCOMPLETE,
                fingerprint=row.fingerprint,
                origin="created" if is_created else outcome.origin,
                is_live=True,
                operation_id=outcome.operation_id,
            ),
        )


def _move(connection: Connection, clock: Clock, outcomes: Sequence[Outcome]) -> None:
    now = clock.now()
    for one in outcomes:
        values: dict[str, Any] = {"state": one.state, "reason": one.reason}
        if one.destination_id is not None:
            values["destination_id"] = one.destination_id
        connection.execute(update(operations).where(operations.c.operation_id == one.operation_id).values(**values))
    connection.execute(
        insert(transitions),
        [{"operation_id": one.operation_id, "state": one.state, "at": now, "reason": one.reason} for one in outcomes],
    )


def keep_look(ledger: Ledger, lease: Lease, actor: str, number: int, *, reason: str, doubles: Sequence[int]) -> None:
    """Keep what a look after the load told of an operation that was in doubt, and the ids of doubles; its state stays."""
    with ledger.commit() as connection:
        check_fence(connection, lease)
        row = connection.execute(select(operations).where(operations.c.operation_id == number)).one()
        _move(connection, ledger.clock, [Outcome(number, State(row.state), reason=reason)])
        if doubles:
            name, record = row.destination, f"{row.source_object}/{row.source_id}"
            detail = {"operation": number, "ids": list(doubles)}
            append_entry(
                connection, ledger.key, actor=actor, act="double found", object_name=name, record=record, **detail
            )


def done_ordinals(ledger: Ledger, plan_id: int, mapping: str) -> set[int]:
    """Return the rows of a plan that were applied; a rejected one is tried again by the next load."""
    query = select(operations.c.ordinal).where(
        operations.c.plan_id == plan_id, operations.c.mapping == mapping, operations.c.state.in_(FINAL)
    )
    with ledger.read() as connection:
        return set(connection.scalars(query))


def first_create_at(ledger: Ledger, source_object: str, source_id: str) -> float:
    """Return the moment of the first intent to create a record for a source row, by the tenant's clock."""
    query = (
        select(func.min(transitions.c.at))
        .select_from(operations.join(transitions, operations.c.operation_id == transitions.c.operation_id))
        .where(
            operations.c.source_object == source_object,
            operations.c.source_id == source_id,
            operations.c.action == "create",
        )
    )
    with ledger.read() as connection:
        return float(connection.scalar(query) or 0.0)


def open_operations(ledger: Ledger) -> list[Row[Any]]:
    """Return every operation without a final state, oldest first, with its batch's job path."""
    query = (
        select(operations, batches.c.job_path)
        .select_from(operations.outerjoin(batches, operations.c.batch_id == batches.c.batch_id))
        .where(operations.c.state.in_(OPEN))
        .order_by(operations.c.operation_id)
    )
    with ledger.read() as connection:
        return list(connection.execute(query))


def operations_of(ledger: Ledger, source_object: str, source_id: str) -> list[Row[Any]]:
    """Return every operation on one source row, oldest first."""
    query = (
        select(operations)
        .where(operations.c.source_object == source_object, operations.c.source_id == source_id)
        .order_by(operations.c.operation_id)
    )
    with ledger.read() as connection:
        return list(connection.execute(query))
