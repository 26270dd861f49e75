"""Up to 100 rows in one call, where a key proves identity; ids are learned from list pages, never one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.freshsales.census import read_pages
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.jobs import BulkRow, poll_job, send_bulk
from workbench.freshsales.refusals import OutcomeUnknown, Refused
from workbench.ledger.operations import Outcome, intend, keep_job, record_outcomes
from workbench.ledger.plans import PlannedRow
from workbench.load.payload import Payload
from workbench.load.requests import Sending
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Operation, State

ROWS_A_CALL = 100
KEY_FIELDS = {"emails": "email", "name": "name"}
LOOKS = (10.0, 60.0)
"""Seconds after which list pages are read, and read again, since rows of a job show with a lag."""

Staged = Mapping[str, Any]
Sent = tuple[PlannedRow, int, Payload]


def may_go_in_bulk(sending: Sending, mapping: ObjectMapping, row: PlannedRow, staged: Staged) -> bool:
    """Say whether a bulk key proves this row's identity: unique among staged rows by a settled clash rule.

    Further e-mails keep a row out: the bulk identifier is one address.
    """
    where = endpoint(mapping.destination, sending.session.settings.edition)
    key = KEY_FIELDS.get(where.bulk_identifier or "")
    if row.operation is not Operation.CREATE or key is None or staged.get("emails_more"):
        return False
    field = mapping.fields.get(key)
    return bool(field and field.unique and staged.get(key))


def send_in_bulk(
    sending: Sending, mapping: ObjectMapping, rows: Sequence[PlannedRow], staged: Mapping[str, Staged]
) -> Iterator[tuple[PlannedRow, Outcome]]:
    """Send rows as bulk jobs and yield the outcome of each that is settled; the rest go on as single rows."""
    applied: list[Sent] = []
    for start in range(0, len(rows), ROWS_A_CALL):
        yield from _request(sending, mapping, rows[start : start + ROWS_A_CALL], staged, applied)
    yield from _learn_ids(sending, mapping, applied)


def _request(
    sending: Sending, mapping: ObjectMapping, rows: Sequence[PlannedRow], staged: Mapping[str, Staged], applied: list[Sent]
) -> Iterator[tuple[PlannedRow, Outcome]]:
    session = sending.session
    where = endpoint(mapping.destination, session.settings.edition)
    key = KEY_FIELDS[where.bulk_identifier or ""]
    payloads = [sending.resolver.resolve(mapping, staged[row.source_id]) for row in rows]
    intents = [
        sending.intent(mapping, row, payload, "bulk") for row, payload in zip(rows, payloads, strict=True)
    ]
    numbers = intend(session.ledger, session.lease, session.run_id, intents, batch=True)
    sent = list(zip(rows, numbers, payloads, strict=True))
    try:
        job = send_bulk(session.tenant, where, [BulkRow(str(one.fields[key]), one.fields) for one in payloads])
        keep_job(session.ledger, numbers, job)
        result = poll_job(session.tenant, job)
    except Refused as problem:
        # The whole call was refused and nothing stored: its rows go on one by one, each with its own answer.
        record_outcomes(session.ledger, session.lease, session.actor, [
            Outcome(number, State.ABSENT, reason=f"bulk call refused: {problem.public}") for number in numbers
        ])
        return
    except OutcomeUnknown:
        # Whether the job ran is settled by the list pages, like rows that a SUCCESS dropped.
        applied.extend(sent)
        return
    failed = dict(result.failed)
    outcomes = []
    for place, (row, number, payload) in enumerate(sent):
        problem = failed.get(place) or failed.get(str(payload.fields[key]))
        if problem is None:
            applied.append((row, number, payload))
            continue
        outcomes.append((row, Outcome(number, State.REJECTED, reason=problem.public)))
    if outcomes:
        record_outcomes(session.ledger, session.lease, session.actor, [outcome for _, outcome in outcomes])
    yield from outcomes


def _learn_ids(
    sending: Sending, mapping: ObjectMapping, applied: list[Sent]
) -> Iterator[tuple[PlannedRow, Outcome]]:
    session = sending.session
    waiting = {str(payload.fields[SOURCE_ID]): (row, number, payload) for row, number, payload in applied}
    for seconds in LOOKS:
        if not waiting:
            break
        session.tenant.clock.wait_until(session.tenant.clock.now() + seconds)
        for source_id, record in _found(sending, mapping, set(waiting)):
            row, number, _ = waiting.pop(source_id)
            yield row, sending.record(row, mapping.destination, Outcome(
                number, State.APPLIED, int(record["id"]), read_back=record
            ))
    # The job said SUCCESS and they are not there: they go on one by one, under a key that refuses a double.
    if waiting:
        record_outcomes(session.ledger, session.lease, session.actor, [
            Outcome(number, State.ABSENT, reason="the job dropped it") for _, number, _ in waiting.values()
        ])


def _found(sending: Sending, mapping: ObjectMapping, wanted: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    left = set(wanted)
    where = endpoint(mapping.destination, sending.session.settings.edition)
    for page in read_pages(sending.session.tenant, where):
        for record in page:
            source_id = str((record.get("custom_field") or {}).get(SOURCE_ID) or "")
            if source_id in left:
                left.discard(source_id)
                yield source_id, record
        if not left:
            return
