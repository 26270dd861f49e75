"""One row, one intent, one request and its outcome; whatever is not known is looked up, never plainly sent again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.records import create_record, delete_record, read_record, update_record, upsert_record
from workbench.freshsales.refusals import OutcomeUnknown, Reason, Refused
from workbench.ledger.operations import Intent, Outcome, intend, record_outcomes
from workbench.ledger.plans import Plan, PlannedRow
from workbench.ledger.proofs import keep_verdict, read_verdicts
from workbench.load.conflicts import changes_to_send
from workbench.load.payload import Payload, Resolver
from workbench.load.session import Session
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Operation, State

KEYED, PLAIN, CHANGED = "upsert", "create", "update"
PROVEN, REFUTED = "proven", "refuted"
AFTERWARDS = ("closed_date",)
"""Fields that Freshsales stamps itself on create and honours on a later PUT (seen in a migration)."""

Staged = Mapping[str, Any]


@dataclass
class Sending:
    """What the loader carries from row to row."""

    session: Session
    plan: Plan
    resolver: Resolver
    verdicts: dict[str, str] = field(default_factory=dict)
    unknown: list[tuple[PlannedRow, int, Payload]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.verdicts = read_verdicts(self.session.ledger)

    def module(self, mapping: ObjectMapping) -> str:
        """Return the word under which a destination's key is proven; a Suite lead is a contact."""
        return endpoint(mapping.destination, self.session.settings.edition).plural

    def needs_proof(self, mapping: ObjectMapping) -> bool:
        """Say whether our unique field is still neither proven nor refuted for this kind of record."""
        where = endpoint(mapping.destination, self.session.settings.edition)
        return where.upsert_key is not None and self.module(mapping) not in self.verdicts

    def prove(self, mapping: ObjectMapping, verdict: str) -> None:
        """Keep what was learned about our unique field."""
        self.verdicts[self.module(mapping)] = verdict
        keep_verdict(self.session.ledger, self.module(mapping), verdict)

    def way(self, mapping: ObjectMapping, row: PlannedRow) -> str:
        """Return how a row is sent: by id, by our unique field, or as a plain create."""
        if row.operation is Operation.UPDATE:
            return CHANGED
        where = endpoint(mapping.destination, self.session.settings.edition)
        return KEYED if where.upsert_key and self.verdicts.get(self.module(mapping)) != REFUTED else PLAIN

    def intent(self, mapping: ObjectMapping, row: PlannedRow, payload: Payload, way: str) -> Intent:
        """Return the intent of one row."""
        return Intent(
            mapping.name, row.source_object, row.source_id, mapping.destination, row.operation, way, row.fingerprint,
            payload.completed, self.plan.plan_id, row.ordinal,
        )

    def record(self, row: PlannedRow, destination: str, outcome: Outcome) -> Outcome:
        """Write an outcome and remember the record it made."""
        record_outcomes(self.session.ledger, self.session.lease, self.session.actor, [outcome])
        if outcome.state is State.APPLIED and outcome.destination_id is not None:
            self.resolver.learn(f"{row.source_object}/{row.source_id}", destination, outcome.destination_id)
        return outcome


def send_row(sending: Sending, mapping: ObjectMapping, row: PlannedRow, staged: Staged) -> Outcome | None:
    """Send one row; None when its outcome is unknown and has to be looked up."""
    session = sending.session
    payload = sending.resolver.resolve(mapping, staged)
    way = sending.way(mapping, row)
    if payload.missing:
        # Its parent was refused after the plan was made: nothing is sent, and a later plan takes the row up again.
        [operation_id] = intend(session.ledger, session.lease, session.run_id, [sending.intent(mapping, row, payload, way)])
        return sending.record(row, mapping.destination, Outcome(
            operation_id, State.REJECTED, reason=f"waits for {payload.missing[0]}, which was not created"
        ))
    [operation_id] = intend(session.ledger, session.lease, session.run_id, [sending.intent(mapping, row, payload, way)])
    try:
        outcome = _sent(sending, mapping, row, operation_id, payload, way)
    except Refused as problem:
        outcome = Outcome(operation_id, State.REJECTED, reason=problem.public)
    except OutcomeUnknown as problem:
        record_outcomes(session.ledger, session.lease, session.actor, [
            Outcome(operation_id, State.UNKNOWN, reason=f"no usable answer ({problem.status or 'none'})")
        ])
        sending.unknown.append((row, operation_id, payload))
        return None
    return sending.record(row, mapping.destination, outcome)


def _sent(
    sending: Sending, mapping: ObjectMapping, row: PlannedRow, operation_id: int, payload: Payload, way: str
) -> Outcome:
    tenant = sending.session.tenant
    if way == CHANGED:
        return _changed(sending, mapping, row, operation_id, payload)
    if way == PLAIN:
        record = create_record(tenant, mapping.destination, payload.fields)
    else:
        record, _ = upsert_record(tenant, mapping.destination, payload.fields)
        if sending.needs_proof(mapping):
            _prove(sending, mapping, payload, record)
    record = finish(sending, mapping, payload, record)
    return Outcome(operation_id, State.APPLIED, int(record["id"]), read_back=record)


def finish(sending: Sending, mapping: ObjectMapping, payload: Payload, record: dict[str, Any]) -> dict[str, Any]:
    """Put what Freshsales stamps itself on create; a record that already has it is left alone."""
    late = {
        name: payload.fields[name] for name in AFTERWARDS
        if payload.fields.get(name) and str(record.get(name) or "")[:10] != str(payload.fields[name])[:10]
    }
    if late and mapping.destination == "deal":
        return update_record(sending.session.tenant, mapping.destination, int(record["id"]), late, before=record)
    return record


def _prove(sending: Sending, mapping: ObjectMapping, payload: Payload, record: dict[str, Any]) -> None:
    """Send the first keyed upsert twice: the same record coming back proves that our field is unique there."""
    again, was_created = upsert_record(sending.session.tenant, mapping.destination, payload.fields)
    if not was_created and again["id"] == record["id"]:
        sending.prove(mapping, PROVEN)
        return
    delete_record(sending.session.tenant, mapping.destination, int(again["id"]))
    sending.prove(mapping, REFUTED)


def _changed(
    sending: Sending, mapping: ObjectMapping, row: PlannedRow, operation_id: int, payload: Payload
) -> Outcome:
    tenant = sending.session.tenant
    known = sending.resolver.find(f"{row.source_object}/{row.source_id}")
    if known is None:
        return Outcome(operation_id, State.REJECTED, reason=Reason.NOT_FOUND.sentence)
    number = known[1]
    before = None if mapping.destination == "note" else read_record(tenant, mapping.destination, number)
    if before is None and mapping.destination != "note":
        return Outcome(operation_id, State.REJECTED, reason="a user deleted the record; it is not raised from the dead")
    fields, kept = changes_to_send(sending.session.ledger, mapping, row, payload.fields, before)
    reason = f"kept what a user changed: {', '.join(kept)}" if kept else ""
    if not fields:
        return Outcome(operation_id, State.APPLIED, number, reason=reason, before=before, read_back=before)
    record = update_record(tenant, mapping.destination, number, fields, before=before)
    return Outcome(operation_id, State.APPLIED, number, reason=reason, before=before, read_back=record)
