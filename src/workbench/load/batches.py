"""Up to 100 rows in one call, where a key proves identity; ids are learned from list pages, never one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from workbench.errors import TenantRefusesKey, TenantUnreachable
from workbench.freshsales.census import read_newest
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.jobs import BulkRow, poll_job, send_bulk
from workbench.freshsales.refusals import OutcomeUnknown, Reason, Refused
from workbench.ledger.operations import Outcome, keep_job
from workbench.ledger.plans import PlannedRow
from workbench.ledger.proofs import PROVEN, REFUTED
from workbench.load.requests import BULK, Lost, Sending, made_by_us
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Operation, State

ROWS_A_CALL = 100
FEWEST_IN_BULK = 5
"""Below it a bulk call, its poll and a page of ids cost more calls than single ones."""
KEY_FIELDS = {"emails": "email", "name": "name"}
LOOKS = (10.0, 60.0)
"""Seconds after which list pages are read, and read again, since rows of a job show with a lag."""

Staged = Mapping[str, Any]
Settled = tuple[PlannedRow, Outcome]


def may_go_in_bulk(sending: Sending, mapping: ObjectMapping, row: PlannedRow, staged: Staged) -> bool:
    """Say whether a bulk key proves this row's identity: our unique field where bulk calls are proven to take it, else
    an e-mail or a name that is unique among staged rows by a settled clash rule, and no foreign's.

    Further e-mails keep a row out of the latter: the bulk identifier is one address.
    """
    where = endpoint(mapping.destination, sending.session.settings.edition)
    key = KEY_FIELDS.get(where.bulk_identifier or "")
    if row.operation is not Operation.CREATE or key is None:
        return False
    if sending.bulk_verdict(mapping.destination) != PROVEN:
        field = mapping.fields.get(key)
        if staged.get("emails_more") or not (field and field.unique and staged.get(key)):
            return False
        if (where.plural, str(staged[key]).lower()) in sending.taken:
            return False
    return not sending.resolver.resolve(mapping, staged).missing


def send_in_bulk(
    sending: Sending, mapping: ObjectMapping, rows: Sequence[PlannedRow], staged: Mapping[str, Staged]
) -> Iterator[Settled]:
    """Send rows as bulk jobs and yield the outcome of each that is settled.

    The others are safe to send one by one, but for those whose outcome is unknown: they join the lost ones.
    """
    sent: list[Lost] = []
    for start in range(0, len(rows), ROWS_A_CALL):
        yield from _request(sending, mapping, rows[start : start + ROWS_A_CALL], staged, sent)
    yield from _learn_ids(sending, mapping, sent)


def try_our_key(
    sending: Sending, mapping: ObjectMapping, rows: Sequence[PlannedRow], staged: Mapping[str, Staged]
) -> Iterator[Settled]:
    """Send some rows without another bulk key under our unique field, and keep whether the tenant takes that.

    One call and a poll tell it once for each kind of record. Where the tenant refuses the key, or makes none of the
    rows, they go on one by one.
    """
    where = endpoint(mapping.destination, sending.session.settings.edition)
    if where.bulk_identifier is None or sending.bulk_verdict(mapping.destination) is not None:
        return
    fit = [
        row
        for row in rows
        if row.operation is Operation.CREATE and not sending.resolver.resolve(mapping, staged[row.source_id]).missing
    ][:ROWS_A_CALL]
    if len(fit) < FEWEST_IN_BULK:
        return
    sent: list[Lost] = []
    settled = list(_request(sending, mapping, fit, staged, sent, on_trial=True))
    settled += _learn_ids(sending, mapping, sent)
    if any(outcome.state is State.APPLIED for _, outcome in settled):
        sending.prove_in_bulk(mapping.destination, PROVEN)
    yield from settled


def _request(
    sending: Sending,
    mapping: ObjectMapping,
    rows: Sequence[PlannedRow],
    staged: Mapping[str, Staged],
    sent: list[Lost],
    *,
    on_trial: bool = False,
) -> Iterator[Settled]:
    session = sending.session
    where = endpoint(mapping.destination, session.settings.edition)
    by_ours = on_trial or sending.bulk_verdict(mapping.destination) == PROVEN
    key, by = (SOURCE_ID, SOURCE_ID) if by_ours else (KEY_FIELDS[where.bulk_identifier or ""], "")
    payloads = [(row, sending.resolver.resolve(mapping, staged[row.source_id])) for row in rows]
    numbers = sending.intend(mapping, payloads, BULK)
    lost = [
        Lost(row, mapping.destination, number, BULK, payload.fields, plan_id=sending.plan.plan_id)
        for (row, payload), number in zip(payloads, numbers, strict=True)
    ]
    failed: dict[int | str, Refused] = {}
    made = len(lost)
    try:
        job = send_bulk(session.tenant, where, [BulkRow(str(one.fields[key]), one.fields, by) for one in lost])
    except (TenantRefusesKey, TenantUnreachable):
        sending.withdraw(numbers, "never reached the tenant")
        raise
    except Refused as problem:
        # The whole call was refused and nothing stored: its rows go on one by one, each with its own answer.
        sending.withdraw(numbers, f"bulk call refused: {problem.public}")
        if on_trial and problem.reason is not Reason.BUSY:
            sending.prove_in_bulk(mapping.destination, REFUTED)
        return
    except OutcomeUnknown:
        pass
    else:
        keep_job(session.ledger, numbers, job)
        # Whether a job ran that cannot be read is settled by the list pages, like rows that a SUCCESS dropped.
        with suppress(OutcomeUnknown):
            result = poll_job(session.tenant, job)
            failed, made = dict(result.failed), result.succeeded
    if on_trial and not made:
        sending.withdraw(numbers, "a bulk call does not take our field here")
        sending.prove_in_bulk(mapping.destination, REFUTED)
        return
    refused = []
    for place, one in enumerate(lost):
        refusal = failed.get(place) or failed.get(str(one.fields[key]))
        if refusal is None:
            sent.append(one)
        else:
            refused.append((one.row, one.destination, Outcome(one.operation_id, State.REJECTED, reason=refusal.public)))
    sending.record_all(refused)
    yield from ((row, outcome) for row, _, outcome in refused)


def _learn_ids(sending: Sending, mapping: ObjectMapping, sent: list[Lost]) -> Iterator[Settled]:
    tenant = sending.session.tenant
    where = endpoint(mapping.destination, tenant.edition)
    waiting = {str(one.fields[SOURCE_ID]): one for one in sent}
    for seconds in LOOKS:
        if not waiting:
            break
        tenant.clock.wait_until(tenant.clock.now() + seconds)
        settled = []
        for record in read_newest(tenant, where, len(waiting)):
            one = waiting.pop(str((record.get("custom_field") or {}).get(SOURCE_ID) or ""), None)
            if one is not None:
                outcome = Outcome(
                    one.operation_id,
                    State.APPLIED,
                    int(record["id"]),
                    read_back=record,
                    was_created=made_by_us(sending, one, record),
                )
                settled.append((one.row, one.destination, outcome))
            if not waiting:
                break
        sending.record_all(settled)
        yield from ((row, outcome) for row, _, outcome in settled)
    if sending.is_proven(mapping.destination):
        # The job said SUCCESS and they are not there: they go on one by one, under a key that refuses a double.
        sending.withdraw([one.operation_id for one in waiting.values()], "the job dropped it")
    else:
        sending.lost.extend(waiting.values())
