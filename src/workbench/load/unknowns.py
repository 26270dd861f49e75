"""Operations whose outcome is not known: looked up by our key or marker, twice, and only then planned again.

Where the tenant refuses no double, a row that was in doubt is looked at once more when its object has been loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.canonical import plain
from workbench.freshsales.census import list_newest, read_children, read_newest
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.jobs import poll_job
from workbench.freshsales.records import find_all_by_source_id, read_record
from workbench.freshsales.refusals import OutcomeUnknown
from workbench.ledger.history import LOOKED, in_doubt
from workbench.ledger.identities import find_identity, find_record
from workbench.ledger.images import last_image
from workbench.ledger.operations import UNDONE, Outcome, first_create_at, keep_look, open_operations
from workbench.ledger.plans import PlannedRow
from workbench.ledger.store import Ledger
from workbench.load.requests import CHANGED, SKEW, Lost, Sending, complete, made_by_us
from workbench.log import note_event
from workbench.staging.words import marker_word
from workbench.vocabulary import Fate, Operation, State

LOOKS = (30.0, 600.0)
"""Seconds of the tenant's time before the first and the second look: an index may lag behind a write."""
LATEST = 3600.0
"""Seconds after a doubt from which a look counts as the last: no request is known to have been committed so late."""
PAGE_WORTH = 10
"""From so many lost rows on, the newest pages cost fewer calls than a look-up each."""

Records = dict[int, list[dict[str, Any]]]
"""What was found for each operation."""


def settle_open(sending: Sending) -> dict[str, dict[str, int]]:
    """Settle what a killed or broken run left open, before anything new is sent; return what turned out applied."""
    ledger = sending.session.ledger
    left_open = [one for one in open_operations(ledger) if one.action not in UNDONE]
    # A process ended before it heard what came of these: from now on that is written down, so that a sweep knows them.
    ended = [one.operation_id for one in left_open if one.state != State.UNKNOWN]
    sending.doubt(ended, "the process ended before its outcome was known")
    waiting = [_lost(ledger, one, one.job_path) for one in left_open]
    for path in sorted({one.job_path for one in waiting if one.job_path}):
        try:
            poll_job(sending.session.tenant, path)
        except OutcomeUnknown:
            continue  # the look-ups tell
    found: dict[str, dict[str, int]] = {}
    for lost, outcome in settle(sending, waiting):
        # What this very plan had sent is counted by its ordinal; an older plan's row would be counted by nobody.
        if outcome is not None and lost.plan_id != sending.plan.plan_id:
            fate = Fate.REJECTED if outcome.state is State.REJECTED else Fate.CREATED
            bucket = found.setdefault(lost.row.mapping, {})
            bucket[fate] = bucket.get(fate, 0) + 1
    sending.lost = []  # a deal that is there but whose closing date got no answer: its keyed upsert settles it
    return found


def _lost(ledger: Ledger, one: Any, job_path: str | None = None) -> Lost:
    """Return an operation of the ledger with all that is needed to find its record."""
    row = PlannedRow(one.ordinal, one.mapping, one.source_object, one.source_id, Operation(one.action), one.fingerprint)
    fields = last_image(ledger, one.operation_id, "sent") or {}
    return Lost(row, one.destination, one.operation_id, one.way, fields, job_path, one.plan_id)


def settle_lost(sending: Sending) -> Iterator[tuple[Lost, Outcome | None]]:
    """Settle every row whose answer was lost since the last call; None stands for one that may be sent again."""
    waiting, sending.lost = sending.lost, []
    yield from settle(sending, waiting)


def settle(sending: Sending, waiting: Sequence[Lost]) -> Iterator[tuple[Lost, Outcome | None]]:
    """Yield the outcome of each lost operation, or None when it is safe to send its row again.

    All are looked up together: one wait and, where a list shows several, one list.
    """
    changed = [one for one in waiting if one.way == CHANGED]
    sending.withdraw([one.operation_id for one in changed], "is written again")
    yield from ((one, None) for one in changed)
    left = [one for one in waiting if one.way != CHANGED]
    for seconds in LOOKS:
        if not left:
            return
        clock = sending.session.tenant.clock
        clock.wait_until(clock.now() + seconds)
        found = _look(sending, left)
        for one in left:
            if one.operation_id in found and (outcome := _adopted(sending, one, found[one.operation_id])):
                yield one, outcome
        left = [one for one in left if one.operation_id not in found]
        # The tenant refuses a double under a proven key, so one look is enough; elsewhere the index gets time.
        safe = [one for one in left if sending.is_proven(one.destination)]
        sending.withdraw([one.operation_id for one in safe], "looked up: not there")
        yield from ((one, None) for one in safe)
        left = [one for one in left if one not in safe]
    sending.withdraw([one.operation_id for one in left], "looked up twice: not there")
    yield from ((one, None) for one in left)


def sweep(sending: Sending, mapping: str) -> dict[str, list[int]]:
    """Look again at each row of a mapping whose outcome was unknown once, where the tenant refuses no second record.

    Return, by source id, the records beside the known one. They are an incident, told in the log, the audit chain and
    by the reconciliation; nothing is deleted. A row in doubt for less than an hour is looked at by the next load too.
    """
    session, doubles = sending.session, dict[str, list[int]]()
    due = [
        (since, _lost(session.ledger, one))
        for one, since in in_doubt(session.ledger)
        if one.mapping == mapping and not sending.is_proven(one.destination)
    ]
    if not due:
        return doubles
    there = _look(sending, [one for _, one in due])
    for since, lost in due:
        known = find_identity(session.ledger, lost.row.source_object, lost.row.source_id)
        found = {int(record["id"]) for record in there.get(lost.operation_id, [])}
        beside = sorted(found - {known.destination_id if known else 0})
        if beside:
            doubles[lost.row.source_id] = beside
        is_last = session.tenant.clock.now() - since >= LATEST
        if not (beside or is_last):
            continue
        told = f"records beside the known one: {len(beside)}" if beside else "no double"
        number, reason = lost.operation_id, f"{LOOKED}{told}"
        keep_look(session.ledger, session.lease, session.actor, number, reason=reason, doubles=beside)
    for source_id, ids in sorted(doubles.items()):
        note_event(session.folder, "double", mapping=mapping, source_id=source_id, ids=ids)
    return doubles


def _adopted(sending: Sending, lost: Lost, found: list[dict[str, Any]]) -> Outcome | None:
    """Record the oldest of what was found as ours; more than one is an incident that people hear of.

    None: the record is there, but its last touch got no answer, so it is looked up again.
    """
    record = min(found, key=lambda one: int(one["id"]))
    if len(found) > 1:
        note_event(
            sending.session.folder,
            "double",
            mapping=lost.row.mapping,
            source_id=lost.row.source_id,
            destination=lost.destination,
            ids=sorted(int(one["id"]) for one in found),
        )
    try:
        outcome = complete(
            sending, lost, record, was_created=made_by_us(sending, lost, record), reason="found by look-up"
        )
    except OutcomeUnknown as problem:
        sending.lose(lost, problem)
        return None
    return sending.record(lost.row, lost.destination, outcome)


def _look(sending: Sending, left: Sequence[Lost]) -> Records:
    """Look for every lost row, by the cheapest way that shows its kind of record."""
    found: Records = {}
    for destination in sorted({one.destination for one in left}):
        group = [one for one in left if one.destination == destination]
        where = endpoint(destination, sending.session.settings.edition)
        if where.has_custom_fields:
            found |= _by_key(sending, destination, group)
        elif where.children:
            found |= _at_parents(sending, destination, group)
        else:
            found |= _in_list(sending, destination, group)
    return found


def _by_key(sending: Sending, destination: str, group: Sequence[Lost]) -> Records:
    tenant, found = sending.session.tenant, dict[int, list[dict[str, Any]]]()
    left = {str(one.fields[SOURCE_ID]): one for one in group}
    if len(left) >= PAGE_WORTH:
        for record in read_newest(tenant, endpoint(destination, tenant.edition), len(left)):
            hit = left.pop(str((record.get("custom_field") or {}).get(SOURCE_ID) or ""), None)
            if hit is not None:
                found[hit.operation_id] = [record]
            if not left:
                break
        if sending.is_proven(destination):
            return found
    for source_id, one in left.items():
        records = find_all_by_source_id(tenant, destination, source_id)
        whole = [read_record(tenant, destination, int(record["id"])) for record in records]
        if there := [record for record in whole if record]:
            found[one.operation_id] = there
    return found


def _at_parents(sending: Sending, destination: str, group: Sequence[Lost]) -> Records:
    tenant, found = sending.session.tenant, dict[int, list[dict[str, Any]]]()
    where = endpoint(destination, tenant.edition)
    by_parent: dict[tuple[str, int], list[Lost]] = {}
    for one in group:
        if target := one.fields.get("target"):
            by_parent.setdefault((str(target[0]), int(target[1])), []).append(one)
        elif where.list_path:
            found |= _in_list(sending, destination, [one])
    for (kind, number), lost in by_parent.items():
        listed = read_children(tenant, endpoint(kind, tenant.edition).plural, number, where.children or "")
        for one in lost:
            if mine := [record for record in listed if _is_it(sending, one, record)]:
                found[one.operation_id] = mine
    return found


def _in_list(sending: Sending, destination: str, group: Sequence[Lost]) -> Records:
    """Look through the records made since the oldest of these was intended."""
    since = min(first_create_at(sending.session.ledger, one.row.source_object, one.row.source_id) for one in group)
    found: Records = {}
    for record in list_newest(sending.session.tenant, destination, since - SKEW):
        for one in group:
            if _is_it(sending, one, record):
                found.setdefault(one.operation_id, []).append(record)
    return found


def _is_it(sending: Sending, lost: Lost, record: Mapping[str, Any]) -> bool:
    """Say whether a record is the one that was sent: by its marker, or a file by what its parent's list tells of it."""
    if lost.destination == "file":
        name = str(record.get("file_name") or record.get("name") or "")
        size = record.get("size", lost.fields.get("size"))
        return (
            name == lost.fields["file_name"]
            and str(size) == str(lost.fields.get("size"))
            and find_record(sending.session.ledger, "file", int(record["id"])) is None
            and ("created_at" not in record or made_by_us(sending, lost, record))
        )
    where = endpoint(lost.destination, sending.session.settings.edition)
    text = plain(str(record.get(where.text_field or "description") or ""))
    prefix = sending.session.settings["source.id_prefix"]
    return f"[Dental-Exec {lost.row.source_object}/{marker_word(f'{prefix}{lost.row.source_id}')} ·" in text
