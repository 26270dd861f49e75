"""Send a frozen plan, mapping by mapping and parents first; each row's intent is durable before the socket is used."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import groupby

from workbench.errors import CountMismatch, SetupMissing, StoreProblem, TenantUnreachable, WorkbenchError
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.refusals import PermissionMissing, Reason
from workbench.ledger.identities import find_identity
from workbench.ledger.operations import UNDONE, Outcome, done_ordinals, open_operations
from workbench.ledger.plans import Plan, PlannedRow, planned_batch
from workbench.load.attachments import send_file
from workbench.load.batches import (
    FEWEST_IN_BULK,
    BatchLog,
    fit_for_our_key,
    may_go_in_bulk,
    next_log,
    send_in_bulk,
    try_our_key,
)
from workbench.load.payload import Payload, frozen_payloads
from workbench.load.requests import DROPPED, Sending, send_row
from workbench.load.session import Session, knowing
from workbench.load.unknowns import settle_lost, settle_open, sweep
from workbench.log import Progress, note_event
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Fate, Kind, Operation, State
from workbench.warehouse import open_warehouse

BATCH_ROWS = 1_000
BULK_TRIES = 2
"""A bulk call that was lost or refused as a whole goes once more; what is left then goes row by row."""
PATIENCE = 5
"""So many lost answers are looked up together; one alone is looked up when nothing else is left to send."""
SILENCE = (0.0, 60.0, 300.0, 900.0, 1800.0)
"""Seconds of the tenant's time between tries while it answers no write to an object; after them that object stops."""

BLAMED = (Reason.REQUIRED, Reason.NOT_A_CHOICE, Reason.TYPE_INVALID, Reason.OWNER_INVALID)
OF_SETUP = tuple(one.sentence for one in BLAMED)
SAME_REFUSALS = 25
"""So many refusals in a row for one reason of these speak of the tenant, and not of the rows."""


class Silent(TenantUnreachable):
    """The tenant answers, but for a long time no write to one kind of record."""


@dataclass
class Loaded:
    """What one call of the loader did, by mapping and fate."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    doubles: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    """By mapping and source id: records beside the known one that were found where an outcome had been in doubt."""

    def add(self, mapping: str, fates: dict[str, int], calls: int) -> None:
        """Add one batch."""
        bucket = self.counts.setdefault(mapping, {})
        for fate, count in fates.items():
            bucket[fate] = bucket.get(fate, 0) + count
        self.calls[mapping] = self.calls.get(mapping, 0) + calls


@dataclass
class Watch:
    """What tells, while an object is loaded, that the tenant is not as it was when the plan was made."""

    title: str
    refused: str = ""
    streak: int = 0

    def see(self, outcome: Outcome) -> None:
        """Take in what became of a row: a refusal that blames the setup, or a new record that lacks what was sent."""
        if outcome.state is not State.REJECTED:
            self.streak = 0
        elif outcome.reason.startswith((DROPPED, *OF_SETUP)):
            self.streak = self.streak + 1 if outcome.reason == self.refused else 1
            self.refused = outcome.reason

    def require_same_setup(self) -> None:
        """Stop the object before more of it goes the same way; what was sent is recorded."""
        if self.streak and (self.refused.startswith(DROPPED) or self.streak >= SAME_REFUSALS):
            rows = "1 row" if self.streak == 1 else f"{self.streak} rows in a row"
            raise SetupMissing(
                f"{self.title}: {rows} came back with one reason: {self.refused}. The tenant was changed since the plan was"
                " made; nothing more of this kind was sent. Put it right there, or in the mapping, then: workbench run"
                " --from setup. The plan is made and signed anew, and completes what is there."
            )


@dataclass(frozen=True)
class Batch:
    """The rows of one mapping that are sent under one error log."""

    mapping: ObjectMapping
    payloads: dict[str, Payload]
    log: BatchLog
    progress: Progress
    watch: Watch

    def note(self, row: PlannedRow, outcome: Outcome) -> None:
        """Note what became of a row."""
        self.log.note(row, outcome)
        self.watch.see(outcome)
        self.progress.step()


def run_load(session: Session, plan: Plan, *, kinds: tuple[Kind, ...] = (Kind.RECORD,)) -> Loaded:
    """Load what the plan holds and the ledger does not. Killed at any point, the next call goes on without a double.

    An object that the tenant does not take any more stops with all that hangs on it; the others are loaded, and then
    the reason is raised.
    """
    if any(one.action in UNDONE for one in open_operations(session.ledger)):
        raise StoreProblem(
            "A rollback was begun and not finished. Finish it first: workbench rollback --confirm"
            f"{session.settings.option}. Then approve and load."
        )
    loaded = Loaded()
    with open_warehouse(session.settings.warehouse) as warehouse:
        resolver = knowing(warehouse, session.schema, session.ledger, session.mappings)
    sending = Sending(session, plan, resolver)
    for mapping_name, fates in settle_open(sending).items():
        loaded.add(mapping_name, fates, 0)
    reasons: list[WorkbenchError] = []
    stopped: set[str] = set()
    for mapping in session.mappings.objects:
        if mapping.kind not in kinds:
            continue
        parents = {target for lookup in mapping.lookups.values() for target in lookup.targets.values()}
        place = endpoint(mapping.destination, session.settings.edition).path
        if stopped & {place, *parents}:
            stopped |= {place, mapping.source_object}
            continue
        try:
            _load_mapping(sending, mapping, loaded)
        except (PermissionMissing, SetupMissing, Silent) as problem:
            reasons.append(problem)
            stopped |= {place, mapping.source_object}
            sending.lost = []  # open in the ledger: the next load settles them first
            note_event(session.folder, "stopped", mapping=mapping.name, reason=type(problem).__name__)
    if reasons:
        raise reasons[0]
    return loaded


def _load_mapping(sending: Sending, mapping: ObjectMapping, loaded: Loaded) -> None:
    ledger, plan = sending.session.ledger, sending.plan
    done = done_ordinals(ledger, plan.plan_id, mapping.name)
    total = sum(plan.counts.get(mapping.name, {}).get(one, 0) for one in (Operation.CREATE, Operation.UPDATE))
    progress = Progress(mapping.title, total)
    progress.done = len(done)
    watch = Watch(mapping.title)
    after = -1
    while batch := planned_batch(ledger, plan, mapping.name, after, BATCH_ROWS):
        after = batch[-1].ordinal
        due = [row for row in batch if row.ordinal not in done]
        # A level ends a batch: its ids must be known before those that hang on it are made ready.
        for _, rows in groupby(due, key=lambda row: row.depth):
            level = list(rows)
            payloads = frozen_payloads(sending.session, plan, mapping, level, sending.resolver)
            log = next_log(sending.session.folder / "batches", mapping.name)
            _load_batch(sending, Batch(mapping, payloads, log, progress, watch), level, loaded)
    before = sending.session.tenant.calls
    if doubles := sweep(sending, mapping.name):
        loaded.doubles[mapping.name] = doubles
    if calls := sending.session.tenant.calls - before:
        loaded.add(mapping.name, {}, calls)


def _load_batch(sending: Sending, batch: Batch, rows: list[PlannedRow], loaded: Loaded) -> None:
    session, mapping, log = sending.session, batch.mapping, batch.log
    before = session.tenant.calls
    fates: dict[str, int] = {}
    try:
        _send_batch(sending, batch, rows)
    finally:
        fates = log.close()
        loaded.add(mapping.name, fates, session.tenant.calls - before)
        note_event(
            session.folder,
            "batch",
            mapping=mapping.name,
            batch=log.number,
            rows=len(rows),
            calls=session.tenant.calls - before,
            rejected=fates.get(Fate.REJECTED, 0),
        )
    if sum(fates.values()) != len(rows):
        raise CountMismatch(
            f"{mapping.title}, batch {log.number}: {len(rows)} rows were to be sent and {sum(fates.values())} are accounted"
            " for. Nothing is lost: run again, and the ledger settles the rest."
        )


def _send_batch(sending: Sending, batch: Batch, planned: list[PlannedRow]) -> None:
    due = [_still_due(sending, one, batch.payloads[one.source_id]) for one in planned]
    for row in due:
        if row.operation is Operation.UNCHANGED:
            batch.note(row, Outcome(0, State.VERIFIED))
    rows = _left(sending, batch, due)
    _send_many(sending, batch, rows)
    batch.watch.require_same_setup()
    _send_singly(sending, batch, _left(sending, batch, rows))
    if any(row.operation is Operation.UPDATE for row in rows):
        # When an e-mail changes its holder, the one who gives it up may have come after the one who takes it.
        _send_singly(sending, batch, [row for row, outcome in batch.log.rows.values() if _was_taken(outcome)])


def _send_many(sending: Sending, batch: Batch, rows: list[PlannedRow]) -> None:
    """Send in bulk what may go so: by our field where bulk calls take it, which is asked once, else by another key."""
    mapping, payloads = batch.mapping, batch.payloads
    if endpoint(mapping.destination, sending.session.settings.edition).bulk_identifier is None:
        return

    def keyed(are: bool) -> list[PlannedRow]:
        left = _left(sending, batch, rows)
        return [row for row in left if may_go_in_bulk(sending, mapping, row, payloads[row.source_id]) is are]

    alone = fit_for_our_key(keyed(False), payloads)
    if len(alone) > FEWEST_IN_BULK and sending.needs_proof(mapping.destination):
        _send_singly(sending, batch, alone[:1])  # it travels alone anyway, and proves our key for a single call
        alone = _left(sending, batch, alone)
    for row, outcome in try_our_key(sending, mapping, alone, payloads):
        batch.note(row, outcome)
    for _ in range(BULK_TRIES):
        if len(due := keyed(True)) < FEWEST_IN_BULK:
            break
        for row, outcome in send_in_bulk(sending, mapping, due, payloads):
            batch.note(row, outcome)


def _was_taken(outcome: Outcome) -> bool:
    return outcome.state is State.REJECTED and outcome.reason.startswith(Reason.NOT_UNIQUE.sentence)


def _left(sending: Sending, batch: Batch, rows: list[PlannedRow]) -> list[PlannedRow]:
    """Return the rows that have no outcome and whose outcome is not unknown either."""
    settled = batch.log.ordinals | {one.row.ordinal for one in sending.lost}
    return [row for row in rows if row.ordinal not in settled]


def _send_singly(sending: Sending, batch: Batch, rows: list[PlannedRow]) -> None:
    """Send rows one by one; lost answers are looked up, and while none comes any more only one is tried at a time."""
    is_file = batch.mapping.kind is Kind.FILE
    send = send_file if is_file else send_row
    # Two files of one record may have one name: with at most one open upload a look-up cannot take one for the other.
    patience = 1 if is_file else PATIENCE
    waiting = deque(rows)
    silent = 0
    while waiting or sending.lost:
        if sending.lost and (not waiting or len(sending.lost) >= (patience if silent == 0 else 1)):
            if silent == len(SILENCE):
                raise Silent(
                    f"{batch.mapping.title}: Freshsales gave no usable answer to a write for {sum(SILENCE) / 60:.0f} minutes."
                    " What came of the last ones is looked up when you run again."
                )
            clock = sending.session.tenant.clock
            clock.wait_until(clock.now() + SILENCE[silent])
            silent += 1
            for lost, settled in settle_lost(sending):
                if settled is None:
                    waiting.appendleft(lost.row)
                else:
                    silent = 0
                    batch.note(lost.row, settled)
            continue
        batch.watch.require_same_setup()
        row = waiting.popleft()
        outcome = send(sending, batch.mapping, row, batch.payloads[row.source_id])
        if outcome is not None:
            silent = 0
            batch.note(row, outcome)


def _still_due(sending: Sending, row: PlannedRow, payload: Payload) -> PlannedRow:
    """Return a planned row with the operation that is due now.

    After the plan was made an operation of an older plan may have been settled: a create would then make a double.
    """
    if (key := f"{row.source_object}/{row.source_id}") not in sending.resolver.live or key in sending.resolver.adopted:
        return row
    identity = find_identity(sending.session.ledger, row.source_object, row.source_id)
    is_done = identity is not None and identity.delivered == payload.completed
    if is_done and key not in sending.resolver.answered:
        return replace(row, operation=Operation.UNCHANGED)
    return replace(row, operation=Operation.UPDATE)
