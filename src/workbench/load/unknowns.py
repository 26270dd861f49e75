"""Operations whose outcome is not known: looked up by our key or marker, twice, and only then planned again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from workbench.freshsales.census import list_records, read_children
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.jobs import poll_job
from workbench.freshsales.records import find_by_source_id, read_record
from workbench.freshsales.refusals import OutcomeUnknown
from workbench.ledger.operations import Outcome, open_operations, record_outcomes
from workbench.ledger.plans import PlannedRow
from workbench.load.payload import Payload
from workbench.load.requests import CHANGED, KEYED, PROVEN, Sending, finish
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Fate, Operation, State
from workbench.warehouse import open_warehouse

LOOKS = (30.0, 600.0)
"""Seconds of the tenant's time before the first and the second look: an index may lag behind a write."""


def settle_open(sending: Sending) -> dict[str, dict[str, int]]:
    """Settle what a killed or broken run left open, before anything new is sent; return what turned out applied."""
    found: dict[str, dict[str, int]] = {}
    jobs: set[str] = set()
    for operation in open_operations(sending.session.ledger):
        mapping = sending.session.mappings[operation.mapping]
        if operation.job_path and operation.job_path not in jobs:
            jobs.add(operation.job_path)
            try:
                poll_job(sending.session.tenant, operation.job_path)
            except OutcomeUnknown:
                pass  # the look-ups below tell
        row = PlannedRow(
            operation.ordinal, operation.mapping, operation.source_object, operation.source_id,
            Operation(operation.action), operation.fingerprint,
        )
        outcome = settle_one(sending, mapping, row, operation.operation_id, _payload(sending, mapping, row))
        if outcome is not None and operation.plan_id != sending.plan.plan_id:
            fate = Fate.CREATED if row.operation is Operation.CREATE else Fate.UPDATED
            bucket = found.setdefault(mapping.name, {})
            bucket[fate] = bucket.get(fate, 0) + 1
    return found


def settle_unknown(sending: Sending, mapping: ObjectMapping) -> Iterator[tuple[PlannedRow, Outcome | None]]:
    """Look up every row of this batch whose answer was lost; None stands for one that may be sent again."""
    waiting, sending.unknown = sending.unknown, []
    for row, operation_id, payload in waiting:
        yield row, settle_one(sending, mapping, row, operation_id, payload)


def settle_one(
    sending: Sending, mapping: ObjectMapping, row: PlannedRow, operation_id: int, payload: Payload | None
) -> Outcome | None:
    """Return the outcome of a write whose answer was lost, or None when it is provably safe to send again."""
    session = sending.session
    record = None
    if payload is not None:
        keyed = sending.way(mapping, row) == KEYED and sending.verdicts.get(sending.module(mapping)) == PROVEN
        # The tenant refuses a double under a proven key, so one look is enough; elsewhere the index gets time.
        for seconds in LOOKS[:1] if keyed else LOOKS:
            session.tenant.clock.wait_until(session.tenant.clock.now() + seconds)
            record = _look(sending, mapping, row, payload)
            if record is not None:
                break
    if record is None or payload is None or sending.way(mapping, row) == CHANGED:
        record_outcomes(session.ledger, session.lease, session.actor, [
            Outcome(operation_id, State.ABSENT, reason="looked up: not there" if record is None else "is written again")
        ])
        return None
    record = finish(sending, mapping, payload, record)
    return sending.record(row, mapping.destination, Outcome(
        operation_id, State.APPLIED, int(record["id"]), reason="found by look-up", read_back=record
    ))


def _look(sending: Sending, mapping: ObjectMapping, row: PlannedRow, payload: Payload) -> dict[str, Any] | None:
    tenant = sending.session.tenant
    where = endpoint(mapping.destination, tenant.edition)
    if where.has_custom_fields:
        found = find_by_source_id(tenant, mapping.destination, str(payload.fields[SOURCE_ID]))
        return read_record(tenant, mapping.destination, int(found["id"])) if found else None
    known = {number for _, number in sending.resolver.live.values()}
    if mapping.destination == "file":
        return _newest(
            one for one in _siblings(sending, payload, "document_associations")
             if _name(one) == payload.fields["file_name"] and int(one["id"]) not in known
        )
    prefix = sending.session.settings["source.id_prefix"]
    word = f"[Dental-Exec {row.source_object}/{prefix}{row.source_id} ·"
    if where.list_path:
        listed: Iterable[dict[str, Any]] = list_records(tenant, mapping.destination)
    else:
        listed = _siblings(sending, payload, where.children or "notes")
    text = where.text_field or "description"
    return _newest(one for one in listed if word in str(one.get(text) or ""))


def _siblings(sending: Sending, payload: Payload, kind: str) -> Iterator[dict[str, Any]]:
    target = payload.fields.get("target")
    if target:
        plural = endpoint(target[0], sending.session.settings.edition).plural
        yield from read_children(sending.session.tenant, plural, int(target[1]), kind)


def _name(document: dict[str, Any]) -> str:
    return str(document.get("file_name") or document.get("name") or "")


def _newest(found: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    return min(found, key=lambda one: int(one["id"]), default=None)


def _payload(sending: Sending, mapping: ObjectMapping, row: PlannedRow) -> Payload | None:
    with open_warehouse(sending.session.settings.warehouse) as warehouse:
        frame = warehouse.frame(f"SELECT * FROM staged.{mapping.name} WHERE source_id = ?", [row.source_id])
    found = next(frame.iter_rows(named=True), None)
    return sending.resolver.resolve(mapping, found) if found else None
