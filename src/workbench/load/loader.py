"""Send a frozen plan, mapping by mapping and parents first; each row's intent is durable before the socket is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from workbench.errors import CountMismatch, StoreProblem
from workbench.freshsales.endpoints import endpoint
from workbench.ledger.identities import live_ids
from workbench.ledger.operations import done_ordinals
from workbench.ledger.plans import Plan, PlannedRow, planned_rows
from workbench.load.attachments import send_file
from workbench.load.batches import may_go_in_bulk, send_in_bulk
from workbench.load.batchlog import BatchLog
from workbench.load.payload import Resolver
from workbench.load.plan import staged_stamp
from workbench.load.requests import Sending, send_row
from workbench.load.session import Session
from workbench.load.unknowns import settle_open, settle_unknown
from workbench.log import Progress, note_event
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Fate, Kind, Operation
from workbench.warehouse import open_warehouse

BATCH_ROWS = 1_000
UNKNOWN_ROUNDS = 5
"""How often a row whose answer is lost is looked up and sent again before the batch stops for review."""
FEWEST_IN_BULK = 5
"""Below it a bulk call, its poll and a page of ids cost more calls than single ones."""


@dataclass
class Loaded:
    """What one call of the loader did, by mapping and fate."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def add(self, mapping: str, fates: dict[str, int], calls: int) -> None:
        """Add one batch."""
        bucket = self.counts.setdefault(mapping, {})
        for fate, count in fates.items():
            bucket[fate] = bucket.get(fate, 0) + count
        self.calls[mapping] = self.calls.get(mapping, 0) + calls


def run_load(session: Session, plan: Plan, *, kinds: tuple[Kind, ...] = (Kind.RECORD,)) -> Loaded:
    """Load what the plan holds and the ledger does not. Killed at any point, the next call goes on without a double."""
    loaded = Loaded()
    resolver = Resolver(session.schema, live_ids(session.ledger))
    sending = Sending(session, plan, resolver)
    for mapping_name, fates in settle_open(sending).items():
        loaded.add(mapping_name, fates, 0)
    for mapping in session.mappings.objects:
        if mapping.kind in kinds:
            _load_mapping(sending, mapping, loaded)
    return loaded


def _load_mapping(sending: Sending, mapping: ObjectMapping, loaded: Loaded) -> None:
    session = sending.session
    done = done_ordinals(session.ledger, sending.plan.plan_id, mapping.name)
    waiting = [
        row for row in planned_rows(session.ledger, sending.plan, mapping.name)
        if row.ordinal not in done and row.operation in (Operation.CREATE, Operation.UPDATE)
    ]
    if not waiting:
        return
    progress = Progress(mapping.title, len(waiting))
    number = 0
    for _, level in groupby(waiting, key=lambda row: row.depth):
        rows = list(level)
        for start in range(0, len(rows), BATCH_ROWS):
            number += 1
            _load_batch(sending, mapping, rows[start : start + BATCH_ROWS], number, progress, loaded)


def _load_batch(
    sending: Sending, mapping: ObjectMapping, batch: list[PlannedRow], number: int, progress: Progress, loaded: Loaded
) -> None:
    session = sending.session
    before = session.tenant.calls
    log = BatchLog(session.folder / "batches", mapping.name, number)
    staged = _staged_rows(sending, mapping, batch)
    left = list(batch)
    if endpoint(mapping.destination, session.settings.edition).bulk_path:
        keyed = [row for row in batch if may_go_in_bulk(sending, mapping, row, staged[row.source_id])]
        if len(keyed) >= FEWEST_IN_BULK and not sending.needs_proof(mapping):
            for row, outcome in send_in_bulk(sending, mapping, keyed, staged):
                log.note(row, outcome)
                progress.step()
            left = [row for row in batch if row.ordinal not in log.ordinals]
    one_by_one = send_file if mapping.kind is Kind.FILE else send_row
    for row in left:
        log.note(row, one_by_one(sending, mapping, row, staged[row.source_id]))
        progress.step()
    for _ in range(UNKNOWN_ROUNDS):
        for row, outcome in settle_unknown(sending, mapping):
            # None: it is provably not there, and goes again.
            log.note(row, outcome or one_by_one(sending, mapping, row, staged[row.source_id]))
        if not sending.unknown:
            break
    fates = log.close()
    if sum(fates.values()) != len(batch):
        raise CountMismatch(
            f"{mapping.title}, batch {number}: {len(batch)} rows were to be sent and {sum(fates.values())} are accounted for."
            " Nothing is lost: run again, and the ledger settles the rest."
        )
    loaded.add(mapping.name, fates, session.tenant.calls - before)
    note_event(
        session.folder, "batch", mapping=mapping.name, batch=number, rows=len(batch), calls=session.tenant.calls - before,
        rejected=fates.get(Fate.REJECTED, 0),
    )


def _staged_rows(sending: Sending, mapping: ObjectMapping, batch: list[PlannedRow]) -> dict[str, dict[str, object]]:
    """Return the frozen rows of a batch; rows staged again since the plan was made are refused."""
    settings = sending.session.settings
    wanted = [row.source_id for row in batch]
    with open_warehouse(settings.warehouse) as warehouse:
        stamp = staged_stamp(warehouse, sending.session.ledger)
        frame = warehouse.frame(
            f"SELECT s.* FROM staged.{mapping.name} s WHERE s.source_id IN (SELECT unnest(?))", [wanted]
        )
    if stamp != sending.plan.stamp:
        raise StoreProblem(
            "The rows were staged again after this plan was made. Finish or give up this load, then plan anew:"
            " workbench run --from validate"
        )
    return {str(row["source_id"]): row for row in frame.iter_rows(named=True)}


def rejected_rows(loaded: Loaded) -> Iterator[tuple[str, int]]:
    """Yield the mappings with rejected rows and how many."""
    for mapping, fates in loaded.counts.items():
        if fates.get(Fate.REJECTED):
            yield mapping, fates[Fate.REJECTED]
