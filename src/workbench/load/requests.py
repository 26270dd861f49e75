"""One row, one intent, one request and its outcome; whatever is not known is looked up, never plainly sent again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.errors import TenantRefusesKey, TenantUnreachable
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.foreign import taken_keys
from workbench.freshsales.records import create_record, delete_record, find_by_source_id, update_record, upsert_record
from workbench.freshsales.refusals import OutcomeUnknown, Reason, Refused
from workbench.ledger.account import BULK as MANY
from workbench.ledger.account import PROVEN, REFUTED, keep_verdict, read_verdicts
from workbench.ledger.operations import DELETE, Intent, Outcome, first_create_at, intend, operations_of, record_outcomes
from workbench.ledger.plans import Plan, PlannedRow
from workbench.load.conflicts import send_changes
from workbench.load.payload import Payload
from workbench.load.session import Resolver, Session
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Operation, State
from workbench.warehouse import open_warehouse

KEYED, PLAIN, CHANGED, BULK, UPLOAD = "upsert", "create", "update", "bulk", "upload"
AFTERWARDS = ("closed_date",)
"""Fields that Freshsales stamps itself on create and honours on a later PUT (seen in a migration)."""
DROPPED = "the tenant took the record and dropped"
SKEW = 300.0
"""Seconds by which the tenant's clock may lie behind this machine's."""


@dataclass(frozen=True)
class Lost:
    """One operation whose outcome is not known: all that is needed to find its record."""

    row: PlannedRow
    destination: str
    operation_id: int
    way: str
    fields: Mapping[str, Any] = field(repr=False)
    job_path: str | None = None
    plan_id: int = 0


@dataclass
class Sending:
    """What the loader carries from row to row."""

    session: Session
    plan: Plan
    resolver: Resolver
    verdicts: dict[str, str] = field(default_factory=dict)
    in_bulk: dict[str, str] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    folder: Path | None = None
    taken: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.verdicts = read_verdicts(self.session.ledger)
        self.in_bulk = read_verdicts(self.session.ledger, MANY)
        if self.session.settings.warehouse.exists():
            with open_warehouse(self.session.settings.warehouse) as warehouse:
                self.taken = taken_keys(warehouse)

    def module(self, destination: str) -> str:
        """Return the word under which a destination's key is proven; a Suite lead is a contact."""
        return endpoint(destination, self.session.settings.edition).plural

    def needs_proof(self, destination: str) -> bool:
        """Say whether our unique field is still neither proven nor refuted for this kind of record."""
        where = endpoint(destination, self.session.settings.edition)
        return where.upsert_key is not None and self.module(destination) not in self.verdicts

    def is_proven(self, destination: str) -> bool:
        """Say whether the tenant itself refuses a second record with our key."""
        return self.verdicts.get(self.module(destination)) == PROVEN

    def prove(self, destination: str, verdict: str) -> None:
        """Keep what was learned about our unique field."""
        self.verdicts[self.module(destination)] = verdict
        keep_verdict(self.session.ledger, self.session.lease, self.module(destination), verdict)

    def bulk_verdict(self, destination: str) -> str | None:
        """Return whether a bulk call takes our unique field, where it may be asked at all; None while nobody knows."""
        return self.in_bulk.get(self.module(destination)) if self.is_proven(destination) else REFUTED

    def prove_in_bulk(self, destination: str, verdict: str) -> None:
        """Keep what was learned about our unique field in bulk calls."""
        self.in_bulk[self.module(destination)] = verdict
        keep_verdict(self.session.ledger, self.session.lease, self.module(destination), verdict, way=MANY)

    def way(self, destination: str, row: PlannedRow) -> str:
        """Return how a row is sent: by id, by our unique field, or as a plain create."""
        if row.operation is Operation.UPDATE:
            return CHANGED
        where = endpoint(destination, self.session.settings.edition)
        return KEYED if where.upsert_key and self.verdicts.get(self.module(destination)) != REFUTED else PLAIN

    def intend(self, mapping: ObjectMapping, rows: list[tuple[PlannedRow, Payload]], way: str) -> list[int]:
        """Write the intents of rows, several for one bulk request, and return their numbers."""
        intents = [
            Intent(
                mapping.name,
                row.source_object,
                row.source_id,
                mapping.destination,
                row.operation,
                way,
                row.fingerprint,
                payload.completed,
                self.plan.plan_id,
                row.ordinal,
                payload.fields,
            )
            for row, payload in rows
        ]
        return intend(self.session.ledger, self.session.lease, self.session.run_id, intents, batch=way == BULK)

    def record(self, row: PlannedRow, destination: str, outcome: Outcome) -> Outcome:
        """Write an outcome and remember the record it made."""
        return self.record_all([(row, destination, outcome)])[0]

    def record_all(self, settled: list[tuple[PlannedRow, str, Outcome]]) -> list[Outcome]:
        """Write outcomes in one commit and remember the records they made."""
        outcomes = [outcome for _, _, outcome in settled]
        if outcomes:
            record_outcomes(self.session.ledger, self.session.lease, self.session.actor, outcomes)
        for row, destination, outcome in settled:
            if outcome.destination_id is not None and outcome.state is not State.VERIFIED:
                self.resolver.learn(f"{row.source_object}/{row.source_id}", destination, outcome.destination_id)
        return outcomes

    def withdraw(self, operation_ids: list[int], reason: str) -> None:
        """Record that operations provably did nothing at the tenant: their rows are as they were before."""
        if operation_ids:
            record_outcomes(
                self.session.ledger,
                self.session.lease,
                self.session.actor,
                [Outcome(one, State.ABSENT, reason=reason) for one in operation_ids],
            )

    def doubt(self, operation_ids: list[int], reason: str) -> None:
        """Record that nobody knows what came of operations."""
        if operation_ids:
            record_outcomes(
                self.session.ledger,
                self.session.lease,
                self.session.actor,
                [Outcome(one, State.UNKNOWN, reason=reason) for one in operation_ids],
            )

    def lose(self, lost: Lost, problem: OutcomeUnknown) -> None:
        """Record that an answer was lost, so that the row is looked up before anything else is done with it."""
        self.doubt([lost.operation_id], f"no usable answer ({problem.status or 'none'})")
        self.lost.append(lost)


def send_row(sending: Sending, mapping: ObjectMapping, row: PlannedRow, payload: Payload) -> Outcome | None:
    """Send one row; None when its outcome is unknown and has to be looked up."""
    way = sending.way(mapping.destination, row)
    [operation_id] = sending.intend(mapping, [(row, payload)], way)
    if payload.missing:
        # Its parent was refused after the plan was made: nothing is sent, and a later plan takes the row up again.
        return sending.record(
            row,
            mapping.destination,
            Outcome(operation_id, State.REJECTED, reason=f"waits for {payload.missing[0]}, which was not created"),
        )
    lost = Lost(row, mapping.destination, operation_id, way, payload.fields, plan_id=sending.plan.plan_id)
    try:
        if way == CHANGED:
            outcome = send_changes(
                sending.session, sending.resolver, mapping, row, operation_id=operation_id, wanted=payload.fields
            )
        else:
            outcome = _created(sending, lost)
    except Refused as problem:
        if problem.reason is Reason.NO_KEY and way == KEYED:
            sending.prove(mapping.destination, REFUTED)
            sending.withdraw([operation_id], "our field is not unique there: sent as a plain create")
            return send_row(sending, mapping, row, payload)
        outcome = Outcome(operation_id, State.REJECTED, reason=why_refused(sending, row, problem))
    except OutcomeUnknown as problem:
        sending.lose(lost, problem)
        return None
    return sending.record(row, mapping.destination, outcome)


def why_refused(sending: Sending, row: PlannedRow, problem: Refused) -> str:
    """Return the public reason of a refusal; where a record of ours in the recycle bin holds the value, it says so."""
    if problem.reason is not Reason.NOT_UNIQUE:
        return problem.public
    ours = (
        one
        for one in reversed(operations_of(sending.session.ledger, row.source_object, row.source_id))
        if one.action == DELETE and one.state == State.APPLIED and one.reason
    )
    if (held := next(ours, None)) is None:
        return problem.public
    where = endpoint(held.destination, sending.session.settings.edition)
    return (
        f"{problem.public}: {where.plural}/{held.destination_id} was made for this row and lies in the recycle bin."
        " Empty the bin, then load again"
    )


def _created(sending: Sending, lost: Lost) -> Outcome:
    """Create a record and return its outcome; a first write that provably never left leaves nothing open."""
    tenant = sending.session.tenant
    try:
        if lost.way == PLAIN:
            record, was_created = _plain(sending, lost), True
        else:
            record, was_created = upsert_record(tenant, lost.destination, lost.fields)
    except (TenantRefusesKey, TenantUnreachable):
        sending.withdraw([lost.operation_id], "never reached the tenant")
        raise
    if lost.way == KEYED and sending.needs_proof(lost.destination):
        _prove(sending, lost, record)
    return complete(sending, lost, record, was_created=was_created or made_by_us(sending, lost, record))


def _plain(sending: Sending, lost: Lost) -> dict[str, Any]:
    tenant = sending.session.tenant
    try:
        return create_record(tenant, lost.destination, lost.fields)
    except Refused as problem:
        # Without a key of ours an earlier try of the same row may be the record that stands in the way.
        if problem.reason is not Reason.NOT_UNIQUE or SOURCE_ID not in lost.fields:
            raise
        found = find_by_source_id(tenant, lost.destination, str(lost.fields[SOURCE_ID]))
        if found is None or not made_by_us(sending, lost, found):
            raise
        return found


def complete(sending: Sending, lost: Lost, record: dict[str, Any], *, was_created: bool, reason: str = "") -> Outcome:
    """Return the outcome of a create whose record is there, after putting what Freshsales stamps itself.

    A record that refuses it stays known, as one that is not complete.
    """
    number = int(record["id"])
    late = {
        name: lost.fields[name]
        for name in AFTERWARDS
        if lost.fields.get(name) and str(record.get(name) or "")[:10] != str(lost.fields[name])[:10]
    }
    if late and lost.destination == "deal":
        try:
            record = update_record(sending.session.tenant, lost.destination, number, late, before=record)
        except Refused as problem:
            return standing(lost, record, was_created=was_created, refused=problem.public)
    return standing(lost, record, was_created=was_created, reason=reason)


def standing(lost: Lost, record: dict[str, Any], *, was_created: bool, reason: str = "", refused: str = "") -> Outcome:
    """Return the outcome of a create whose record is there: applied, or rejected and known as one that is not complete.

    A field or a choice that the tenant has no more is dropped with a 2xx (reference: switches of the tenant).
    """
    there = record.get("custom_field")
    if there and not refused:
        sent = (name for name, value in lost.fields.items() if name.startswith("cf_") and value not in (None, "", []))
        dropped = sorted(name for name in sent if there.get(name) is None)
        if dropped:  # said in the image, since a field that an answer does not show counts as sent
            record = {**record, "custom_field": {**there, **dict.fromkeys(dropped)}}
            refused = f"{DROPPED} {', '.join(dropped)}"
    state, told = (State.REJECTED, refused) if refused else (State.APPLIED, reason)
    return Outcome(lost.operation_id, state, int(record["id"]), reason=told, read_back=record, was_created=was_created)


def made_by_us(sending: Sending, lost: Lost, record: Mapping[str, Any]) -> bool:
    """Say whether a record that was found, not made just now, is younger than our first intent to create it.

    An older one is somebody else's that carries our id: it is used, and no rollback ever deletes it.
    """
    try:
        made = datetime.fromisoformat(str(record.get("created_at"))).timestamp()
    except ValueError:
        return False
    return made >= first_create_at(sending.session.ledger, lost.row.source_object, lost.row.source_id) - SKEW


def _prove(sending: Sending, lost: Lost, record: dict[str, Any]) -> None:
    """Send the first keyed upsert twice: the same record coming back proves that our field is unique there."""
    try:
        again, was_created = upsert_record(sending.session.tenant, lost.destination, lost.fields)
    except Refused:
        # It was not found by our field, and another unique value kept a second record out.
        sending.prove(lost.destination, REFUTED)
        return
    if not was_created and again["id"] == record["id"]:
        sending.prove(lost.destination, PROVEN)
        return
    delete_record(sending.session.tenant, lost.destination, int(again["id"]))
    sending.prove(lost.destination, REFUTED)
