"""Write a known record: what the source changed travels, what a person changed stays or gives way by policy, and is listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.freshsales.census import read_children
from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import REMOVED, SOURCE_ID, endpoint
from workbench.freshsales.records import read_record, update_record
from workbench.freshsales.refusals import Reason
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import ADOPTED, Identity, find_identity, is_known
from workbench.ledger.images import last_image
from workbench.ledger.operations import FieldConflict, Outcome, keep_before, operations_of
from workbench.ledger.plans import PlannedRow
from workbench.load.payload import Resolver
from workbench.load.session import Session
from workbench.load.weighing import (
    BLANK,
    UNKNOWN,
    Rules,
    Weighed,
    edited_fields,
    fields_to_fill,
    is_narrower,
    recall,
    weigh,
)
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Act, State

NOT_THERE = "the record to adopt is not there any more; decide it again in existing.csv"
TAKEN = "the record to adopt stands for another source row; decide it again in existing.csv"
DELETED = "a user deleted the record; it is not raised from the dead"
WHOLE = "(record)"
"""Stands for a field where a person took the whole record away."""


def send_changes(
    session: Session,
    resolver: Resolver,
    mapping: ObjectMapping,
    row: PlannedRow,
    *,
    operation_id: int,
    wanted: Mapping[str, Any],
) -> Outcome:
    """Write what changed to a known record; what stood there before is durable first.

    Nothing is written to a record that a person deleted or merged into another: that is listed, and the row is done.
    """
    key = f"{row.source_object}/{row.source_id}"
    identity = find_identity(session.ledger, row.source_object, row.source_id)
    if (adopted := resolver.adopted.get(key)) is not None:
        return _adopt(session, mapping, adopted, identity, operation_id=operation_id, wanted=wanted)
    if identity is None or (resolver.find(key) is None and key not in resolver.vanished):
        return Outcome(operation_id, State.REJECTED, reason=Reason.NOT_FOUND.sentence)
    known, number = recall(session.ledger, identity), identity.destination_id
    before = read_now(session.tenant, mapping.destination, number, known.sent.get("target"), wanted.get("target"))
    if before is None:
        return _left_alone(session, resolver, identity, operation_id)
    now = flatten(mapping.destination, before)
    rules = Rules(session.settings.conflict_policy, resolver.decided.get(key, {}))
    made = weigh(mapping, known, wanted, now, rules)
    first = _before_first_try(session, row, operation_id)
    if first is not None:  # its answer was lost: what there was to tell, is told of how the record stood then
        then = weigh(mapping, known, wanted, flatten(mapping.destination, first), rules)
        made.conflicts, made.agreed = then.conflicts, then.agreed
    if wanted.get(REMOVED):
        gone = [
            FieldConflict(name, rules.of(mapping, name), Act.REMOVED, known.sent.get(name), None, now[name])
            for name in edited_fields(mapping, known, now)
        ]
        made.conflicts.extend(gone)
    record = before
    if made.send:
        keep_before(session.ledger, session.lease, operation_id, before)
        record = update_record(session.tenant, mapping.destination, number, made.send, before=before)
    return Outcome(
        operation_id,
        State.APPLIED if made.send or first is not None else State.VERIFIED,
        number,
        reason=_told(made),
        read_back=record,
        kept=tuple(made.kept),
        conflicts=tuple(made.conflicts),
    )


def _before_first_try(session: Session, row: PlannedRow, operation_id: int) -> Any | None:
    """Return how a record stood before this plan wrote it the first time, where that write got no answer."""
    tries = operations_of(session.ledger, row.source_object, row.source_id)
    plan_id = next(one.plan_id for one in tries if one.operation_id == operation_id)
    lost = (one.operation_id for one in tries if one.plan_id == plan_id and one.state == State.ABSENT)
    images = (last_image(session.ledger, one, "before") for one in lost)
    return next((image for image in images if image), None)


def _told(made: Weighed) -> str:
    """Return what became of fields that a person changed, by name."""
    over = [one.name for one in made.conflicts if one.act == Act.WRITTEN]
    parts = (
        ("kept what a user changed", made.kept),
        ("written over what a user changed", over),
        ("agreed with what a user wrote", made.agreed),
    )
    return "; ".join(f"{words}: {', '.join(names)}" for words, names in parts if names)


def _left_alone(session: Session, resolver: Resolver, identity: Identity, operation_id: int) -> Outcome:
    """Return the outcome for a record that is gone: the row counts as delivered, and what we knew of the record stays."""
    known = recall(session.ledger, identity)
    survivor = resolver.vanished.get(f"{identity.source_object}/{identity.source_id}")
    act, reason = Act.GONE, DELETED
    if survivor is not None:
        plural = endpoint(survivor[0], session.settings.edition).plural
        act, reason = (
            Act.MERGED,
            f"a user merged the record into {plural}/{survivor[1]}; it is not raised from the dead",
        )
    return Outcome(
        operation_id,
        State.VERIFIED,
        identity.destination_id,
        reason=reason,
        read_back=last_image(session.ledger, identity.operation_id, "read_back"),
        kept=tuple(sorted(known.kept)),
        conflicts=(FieldConflict(WHOLE, session.settings.conflict_policy, act),),
    )


def _adopt(
    session: Session,
    mapping: ObjectMapping,
    number: int,
    came_of: Identity | None,
    *,
    operation_id: int,
    wanted: Mapping[str, Any],
) -> Outcome:
    """Fill the blanks of a foreign record that a person decided to adopt, or that came of ours by a person's conversion.

    How it stood before is durable first.
    """
    before = read_now(session.tenant, mapping.destination, number, None)
    if before is None:
        return Outcome(operation_id, State.REJECTED, reason=NOT_THERE)
    now = flatten(mapping.destination, before)
    taken = is_known(session.ledger, mapping.destination, number)
    if taken or now.get(SOURCE_ID) not in (None, "", wanted.get(SOURCE_ID)):
        return Outcome(operation_id, State.REJECTED, reason=TAKEN)
    fill, kept = fields_to_fill(mapping, wanted, now, recall(session.ledger, came_of) if came_of else UNKNOWN)
    narrowed = [one for one in fill if now.get(one) not in BLANK and is_narrower(mapping, one, fill[one], now[one])]
    keep_before(session.ledger, session.lease, operation_id, before)
    record = update_record(session.tenant, mapping.destination, number, fill, before=before) if fill else before
    reason = "adopted"
    if came_of is not None:
        plural = endpoint(came_of.destination, session.settings.edition).plural
        reason = f"adopted: a person converted {plural}/{came_of.destination_id}"
    reason += f"; taken back as at the source: {', '.join(narrowed)}" if narrowed else ""
    reason += f"; kept what stood there: {', '.join(kept)}" if kept else ""
    return Outcome(
        operation_id, State.APPLIED, number, reason=reason, read_back=record, kept=tuple(kept), origin=ADOPTED
    )


def read_now(tenant: Freshsales, destination: str, number: int, *targets: Any) -> dict[str, Any] | None:
    """Read a record as it is now, or None when it is gone.

    A note has no address, so the lists of its parents are asked, the known one first: a conversion moves notes.
    """
    where = endpoint(destination, tenant.edition)
    if where.children != "notes":
        return read_record(tenant, destination, number)
    for kind, parent in dict.fromkeys((str(one[0]), int(one[1])) for one in targets if one):
        listed = read_children(tenant, endpoint(kind, tenant.edition).plural, parent, "notes")
        if found := next((one for one in listed if int(one["id"]) == number), None):
            return found
    return None
