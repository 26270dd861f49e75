"""Frozen plans: what would be sent, in which order, under one hash that ids learned while loading don't change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import polars as pl
from sqlalchemy import RowMapping, func, insert, select

from workbench.ledger.store import Ledger
from workbench.ledger.tables import planned, plans
from workbench.vocabulary import Operation

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class PlannedRow:
    """One row of a plan."""

    ordinal: int
    mapping: str
    source_object: str
    source_id: str
    operation: Operation
    fingerprint: str
    depth: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """A frozen plan: its hash, the staging it was made of, and counts by mapping and operation."""

    plan_id: int
    digest: str
    stamp: str
    scope: str
    counts: dict[str, dict[str, int]]

    def frame(self) -> pl.DataFrame:
        """Return one row a mapping: rows to create, to update, unchanged and deferred."""
        rows = [(name, *(one.get(kind, 0) for kind in Operation)) for name, one in self.counts.items()]
        return pl.DataFrame(
            rows, orient="row", schema={"mapping": pl.String, **{str(kind): pl.Int64 for kind in Operation}}
        )

    @property
    def writes(self) -> int:
        """How many rows it would send."""
        return sum(one.get(Operation.CREATE, 0) + one.get(Operation.UPDATE, 0) for one in self.counts.values())


def keep_plan(
    ledger: Ledger, run_id: str, *, stamp: str, scope: str, rows: Iterable[PlannedRow], unchanged: dict[str, int]
) -> Plan:
    """Write a plan and return it; its hash is over mapping, source id, operation and source-key fingerprint."""
    digest = hashlib.sha256()
    counts: dict[str, dict[str, int]] = {}
    with ledger.read() as connection:
        newest = [connection.scalar(select(func.max(one))) or 0 for one in (plans.c.plan_id, planned.c.plan_id)]
    plan_id = int(max(newest)) + 1
    source = iter(rows)
    while chunk := list(islice(source, ROWS_AT_ONCE)):
        for row in chunk:
            digest.update(f"{row.mapping}\x1f{row.source_id}\x1f{row.operation}\x1f{row.fingerprint}\x1e".encode())
            bucket = counts.setdefault(row.mapping, {})
            bucket[row.operation] = bucket.get(row.operation, 0) + 1
        # Short commits, so that whoever else counts calls need not wait; without its line in `plans` nobody sees them.
        with ledger.commit() as connection:
            connection.execute(insert(planned), [{"plan_id": plan_id, **vars(row)} for row in chunk])
    for name, count in unchanged.items():
        # Known only now: planning finds unchanged rows while it yields the others.
        counts.setdefault(name, {})[Operation.UNCHANGED] = count
    made = Plan(plan_id, digest.hexdigest(), stamp, scope, counts)
    with ledger.commit() as connection:
        connection.execute(
            insert(plans).values(
                plan_id=plan_id, run_id=run_id, digest=made.digest, stamp=stamp, scope=scope, counts=json.dumps(counts)
            )
        )
    return made


def last_plan(ledger: Ledger, run_id: str, *scopes: str) -> Plan | None:
    """Return the newest plan of a run with one of these scopes."""
    query = (
        select(plans)
        .where(plans.c.run_id == run_id, plans.c.scope.in_(scopes))
        .order_by(plans.c.plan_id.desc())
        .limit(1)
    )
    with ledger.read() as connection:
        row = connection.execute(query).first()
    return Plan(row.plan_id, row.digest, row.stamp, row.scope, json.loads(row.counts)) if row else None


def planned_batch(ledger: Ledger, plan: Plan, mapping: str, after: int, rows: int) -> list[PlannedRow]:
    """Return the next rows of a mapping to write; no reading transaction stays open while they are sent."""
    query = (
        select(planned)
        .where(
            planned.c.plan_id == plan.plan_id,
            planned.c.mapping == mapping,
            planned.c.ordinal > after,
            planned.c.operation.in_((Operation.CREATE, Operation.UPDATE)),
        )
        .order_by(planned.c.ordinal)
        .limit(rows)
    )
    with ledger.read() as connection:
        return [_row(row) for row in connection.execute(query).mappings()]


def planned_rows(
    ledger: Ledger, plan: Plan, mapping: str | None = None, operation: Operation | None = None
) -> Iterator[PlannedRow]:
    """Yield the rows of a plan in order."""
    query = select(planned).where(planned.c.plan_id == plan.plan_id).order_by(planned.c.ordinal)
    if mapping is not None:
        query = query.where(planned.c.mapping == mapping)
    if operation is not None:
        query = query.where(planned.c.operation == operation)
    with ledger.read() as connection:
        for row in connection.execute(query).mappings():
            yield _row(row)


def _row(row: RowMapping) -> PlannedRow:
    values = {name: value for name, value in row.items() if name != "plan_id"}
    return PlannedRow(**{**values, "operation": Operation(values["operation"])})
