"""What one batch holds and its log; up to 100 rows in one call, where a key proves identity, and ids from list pages."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import TenantRefusesKey, TenantUnreachable
from workbench.freshsales.census import PER_PAGE, read_newest
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.jobs import BulkRow, JobResult, poll_job, send_bulk
from workbench.freshsales.refusals import OutcomeUnknown, Reason, Refused
from workbench.ledger.account import PROVEN, REFUTED
from workbench.ledger.operations import Outcome, keep_job
from workbench.ledger.plans import PlannedRow
from workbench.load.payload import Payload
from workbench.load.requests import BULK, Lost, Sending, made_by_us, standing, why_refused
from workbench.mapping.object_mapping import ObjectMapping
from workbench.privacy import neutral
from workbench.vocabulary import Fate, Operation, State

ROWS_A_CALL = 100
FEWEST_IN_BULK = 3
"""Below it a bulk call and a page of ids cost no fewer calls than single ones."""
KEY_FIELDS = {"emails": "email", "name": "name"}
LOOKS = (10.0, 60.0)
"""Seconds after which list pages are read, and read again, since rows of a job show with a lag."""

Payloads = Mapping[str, Payload]
"""By source id."""
Settled = tuple[PlannedRow, Outcome]
FATES = {Operation.CREATE: Fate.CREATED, Operation.UPDATE: Fate.UPDATED, Operation.UNCHANGED: Fate.UNCHANGED}
STATED = {State.REJECTED: Fate.REJECTED, State.VERIFIED: Fate.UNCHANGED}
"""What the state alone tells, whatever was planned."""


@dataclass(frozen=True)
class Request:
    """One bulk call that was sent: its rows in their order, the field that named them, and the job it became, if told."""

    rows: list[Lost]
    key: str
    job: str | None


def may_go_in_bulk(sending: Sending, mapping: ObjectMapping, row: PlannedRow, payload: Payload) -> bool:
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
        if payload.fields.get("emails_more") or not (field and field.unique and payload.fields.get(key)):
            return False
        if (where.plural, str(payload.fields[key]).lower()) in sending.taken:
            return False
    return not payload.missing


@dataclass
class BatchLog:
    """The rows of one batch and what became of each."""

    folder: Path
    mapping: str
    number: int
    rows: dict[int, tuple[PlannedRow, Outcome]] = field(default_factory=dict)

    @property
    def ordinals(self) -> set[int]:
        """Rows of the plan that have an outcome."""
        return set(self.rows)

    def note(self, row: PlannedRow, outcome: Outcome | None) -> None:
        """Note an outcome; None means it is not known yet and comes later."""
        if outcome is not None:
            self.rows[row.ordinal] = (row, outcome)

    def close(self) -> dict[str, int]:
        """Write the log and return the counts by fate."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fates: dict[str, int] = {}
        with (self.folder / f"{self.mapping}-{self.number:04d}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["source_object", "source_id", "fate", "destination_id", "reason"])
            for row, outcome in self.rows.values():
                fate = STATED.get(outcome.state, FATES[row.operation])
                fates[fate] = fates.get(fate, 0) + 1
                source_id, reason = (neutral(text).replace("\r", " ") for text in (row.source_id, outcome.reason))
                writer.writerow([row.source_object, source_id, fate, outcome.destination_id or "", reason])
        return fates


def next_log(folder: Path, mapping: str) -> BatchLog:
    """Return the log of a mapping's next batch: a load that goes on keeps the logs of what it did before."""
    taken = [int(path.stem.rpartition("-")[2]) for path in folder.glob(f"{mapping}-[0-9][0-9][0-9][0-9].csv")]
    return BatchLog(folder, mapping, max(taken, default=0) + 1)


def send_in_bulk(
    sending: Sending, mapping: ObjectMapping, rows: Sequence[PlannedRow], payloads: Payloads
) -> Iterator[Settled]:
    """Send rows as bulk jobs and yield the outcome of each that is settled.

    The others are safe to send one by one, but for those whose outcome is unknown: they join the lost ones.
    """
    sent = []
    for start in range(0, len(rows), ROWS_A_CALL):
        request = _send(sending, mapping, rows[start : start + ROWS_A_CALL], payloads)
        if isinstance(request, Request):
            sent.append(request)
    yield from _learn_ids(sending, mapping, sent)


def fit_for_our_key(rows: Sequence[PlannedRow], payloads: Payloads) -> list[PlannedRow]:
    """Return the rows that a bulk call could make if it takes our unique field: new ones whose parents are there."""
    return [row for row in rows if row.operation is Operation.CREATE and not payloads[row.source_id].missing]


def try_our_key(
    sending: Sending, mapping: ObjectMapping, fit: Sequence[PlannedRow], payloads: Payloads
) -> Iterator[Settled]:
    """Send some rows without another bulk key under our unique field, and keep whether the tenant takes that.

    One call and a poll tell it once for each kind of record. Where the tenant refuses the key, or makes none of the
    rows, they go on one by one.
    """
    if len(fit) < FEWEST_IN_BULK or sending.bulk_verdict(mapping.destination) is not None:
        return
    request = _send(sending, mapping, fit[:ROWS_A_CALL], payloads, on_trial=True)
    if isinstance(request, Refused):
        if request.reason is not Reason.BUSY:
            sending.prove_in_bulk(mapping.destination, REFUTED)
        return
    # A key that is not taken is refused row by row, so the job is asked before any page.
    result = _ask(sending, request)
    if result and not result.succeeded:
        sending.withdraw([one.operation_id for one in request.rows], "a bulk call does not take our field here")
        sending.prove_in_bulk(mapping.destination, REFUTED)
        return
    settled = _refused(sending, request, result)
    left = {row.ordinal for row, _ in settled}
    rest = Request([one for one in request.rows if one.row.ordinal not in left], request.key, None)
    settled += _learn_ids(sending, mapping, [rest])
    if any(outcome.state is State.APPLIED for _, outcome in settled):
        sending.prove_in_bulk(mapping.destination, PROVEN)
    yield from settled


def _send(
    sending: Sending,
    mapping: ObjectMapping,
    rows: Sequence[PlannedRow],
    payloads: Payloads,
    *,
    on_trial: bool = False,
) -> Request | Refused:
    """Send one bulk call; Refused: as a whole, nothing was stored, and its rows go on one by one."""
    session = sending.session
    where = endpoint(mapping.destination, session.settings.edition)
    by_ours = on_trial or sending.bulk_verdict(mapping.destination) == PROVEN
    key, by = (SOURCE_ID, SOURCE_ID) if by_ours else (KEY_FIELDS[where.bulk_identifier or ""], "")
    ready = [(row, payloads[row.source_id]) for row in rows]
    numbers = sending.intend(mapping, ready, BULK)
    lost = [
        Lost(row, mapping.destination, number, BULK, payload.fields, plan_id=sending.plan.plan_id)
        for (row, payload), number in zip(ready, numbers, strict=True)
    ]
    try:
        bulk = [BulkRow(str(one.fields[key]), one.fields, by, one.record) for _, one in ready]
        job = send_bulk(session.tenant, where, bulk)
    except (TenantRefusesKey, TenantUnreachable):
        sending.withdraw(numbers, "never reached the tenant")
        raise
    except Refused as problem:
        sending.withdraw(numbers, f"bulk call refused: {problem.public}")
        return problem
    except OutcomeUnknown:
        return Request(lost, key, None)
    keep_job(session.ledger, numbers, job)
    return Request(lost, key, job)


def _ask(sending: Sending, request: Request) -> JobResult | None:
    """Return what a call's job says; None where it cannot be read: the list pages then tell."""
    if request.job is not None:
        with suppress(OutcomeUnknown):
            return poll_job(sending.session.tenant, request.job)
    return None


def _refused(sending: Sending, request: Request, result: JobResult | None) -> list[Settled]:
    """Record the rows that a job refused, each with its own reason."""
    failed = dict(result.failed) if result else {}
    found = [
        (
            one.row,
            one.destination,
            Outcome(one.operation_id, State.REJECTED, reason=why_refused(sending, one.row, refusal)),
        )
        for place, one in enumerate(request.rows)
        if (refusal := failed.get(place) or failed.get(str(one.fields[request.key])))
    ]
    sending.record_all(found)
    return [(row, outcome) for row, _, outcome in found]


def _learn_ids(sending: Sending, mapping: ObjectMapping, sent: Sequence[Request]) -> Iterator[Settled]:
    """Yield the outcome of each row that a list page shows, and of those that are not there the reason its job tells.

    A page tells that a row was made, and which id it has; so a job is asked only when one of its rows is missing.
    """
    clock = sending.session.tenant.clock
    waiting = {str(one.fields[SOURCE_ID]): one for request in sent for one in request.rows}
    for number, seconds in enumerate(LOOKS):
        if not waiting:
            break
        clock.wait_until(clock.now() + seconds)
        yield from _look(sending, mapping, waiting, is_first=number == 0)
        for request in sent if number == 0 else ():
            if any(str(one.fields[SOURCE_ID]) in waiting for one in request.rows):
                for row, outcome in _refused(sending, request, _ask(sending, request)):
                    waiting = {key: one for key, one in waiting.items() if one.row.ordinal != row.ordinal}
                    yield row, outcome
    if sending.is_proven(mapping.destination):
        # The job said SUCCESS and they are not there: they go on one by one, under a key that refuses a double.
        sending.withdraw([one.operation_id for one in waiting.values()], "the job dropped it")
    else:
        sending.lost.extend(waiting.values())


def _look(sending: Sending, mapping: ObjectMapping, waiting: dict[str, Lost], *, is_first: bool) -> list[Settled]:
    """Take the rows that the newest pages show out of those that wait, and record them.

    The first look ends at a page's worth without one of them: their jobs are not done then, and another look follows.
    """
    tenant = sending.session.tenant
    settled, strangers = [], 0
    for record in read_newest(tenant, endpoint(mapping.destination, tenant.edition), len(waiting)):
        one = waiting.pop(str((record.get("custom_field") or {}).get(SOURCE_ID) or ""), None)
        strangers = strangers + 1 if one is None else 0
        if one is not None:
            outcome = standing(one, record, was_created=made_by_us(sending, one, record))
            settled.append((one.row, one.destination, outcome))
        if not waiting or (is_first and strangers == PER_PAGE):
            break
    sending.record_all(settled)
    return [(row, outcome) for row, _, outcome in settled]
