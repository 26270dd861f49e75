"""Three values of a field (sent and read back, wanted, there now): what may be written and what a person changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.canonical import Form, canonical
from workbench.freshsales.census import read_children
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.records import read_record, update_record
from workbench.freshsales.refusals import Reason
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import ADOPTED, Identity, find_identity, is_known
from workbench.ledger.images import last_image
from workbench.ledger.operations import INCOMPLETE, Outcome, keep_before
from workbench.ledger.plans import PlannedRow
from workbench.ledger.store import Ledger
from workbench.load.payload import Resolver
from workbench.load.session import Session
from workbench.mapping.object_mapping import ObjectMapping
from workbench.staging.rows import form_of
from workbench.vocabulary import State

TYPED_NAMES = """
    first_name last_name job_title email emails_more mobile_number work_number phone_numbers external_id time_zone
    address city state zipcode country facebook twitter linkedin keyword medium tags name website phone
    number_of_employees annual_revenue amount expected_close closed_date deal_type_id deal_reason_id probability
    title description due_date from_date end_date start_date location status outcome_id notes
"""
TYPED = frozenset(TYPED_NAMES.split())
"""Standard fields that people fill in."""
NOT_THERE = "the record to adopt is not there any more; decide it again in existing.csv"
TAKEN = "the record to adopt stands for another source row; decide it again in existing.csv"
DELETED = "a user deleted the record; it is not raised from the dead"


@dataclass(frozen=True)
class Known:
    """What the ledger knows of a record: as sent, as read back after it, and the fields that people took over."""

    sent: Mapping[str, Any]
    read_back: Mapping[str, Any]
    kept: frozenset[str]
    is_complete: bool

    def last(self, name: str) -> Any:
        """Return a field as last seen; an answer that does not show it is as good as what was sent."""
        return self.read_back[name] if name in self.read_back else self.sent.get(name)


def recall(ledger: Ledger, identity: Identity) -> Known:
    """Return what the ledger knows of the record that stands for a source row."""
    image = last_image(ledger, identity.operation_id, "read_back")
    return Known(
        sent=last_image(ledger, identity.operation_id, "sent") or {},
        read_back=flatten(identity.destination, image) if image else {},
        kept=frozenset(last_image(ledger, identity.operation_id, "kept") or ()),
        is_complete=identity.delivered != INCOMPLETE,
    )


def edited_fields(mapping: ObjectMapping | None, known: Known, now: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields that now differ from what was read back: a person, or a rule of the tenant, did it.

    Looked at is what we wrote, and what people type though we left it empty; what Freshsales counts itself is not.
    """
    typed = {name for name in known.read_back if name.startswith("cf_") or name in TYPED}
    for name in sorted({*known.sent, *typed}):
        if name in now and not are_equal(mapping, name, now[name], known.last(name)):
            yield name


def changes_to_send(
    mapping: ObjectMapping, known: Known, wanted: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the fields to write, and the names of those that a person changed since, which stay.

    Only what the source changed since the last delivery travels, and what it emptied is cleared. Once a person's, a
    field stays theirs until both sides agree again (policy `destination`).
    """
    edited = set(edited_fields(mapping, known, now)) | known.kept
    send: dict[str, Any] = {}
    kept = []
    for name in sorted({*wanted, *known.sent}):
        source = wanted.get(name)
        if name in now and are_equal(mapping, name, source, now[name]):
            continue
        if name in edited:
            kept.append(name)
        elif not known.is_complete or not are_equal(mapping, name, source, known.sent.get(name)):
            send[name] = source
    return send, kept


def send_changes(
    session: Session,
    resolver: Resolver,
    mapping: ObjectMapping,
    row: PlannedRow,
    *,
    operation_id: int,
    wanted: Mapping[str, Any],
) -> Outcome:
    """Write what changed to a known record; what stood there before is durable first."""
    identity = find_identity(session.ledger, row.source_object, row.source_id)
    if identity is None and (adopted := resolver.adopted.get(f"{row.source_object}/{row.source_id}")) is not None:
        return _adopt(session, mapping, adopted, operation_id=operation_id, wanted=wanted)
    if identity is None or resolver.find(f"{row.source_object}/{row.source_id}") is None:
        return Outcome(operation_id, State.REJECTED, reason=Reason.NOT_FOUND.sentence)
    known, number = recall(session.ledger, identity), identity.destination_id
    before = read_now(session, mapping.destination, number, known.sent.get("target"))
    if before is None:
        return Outcome(operation_id, State.REJECTED, reason=DELETED)
    fields, kept = changes_to_send(mapping, known, wanted, flatten(mapping.destination, before))
    reason = f"kept what a user changed: {', '.join(kept)}" if kept else ""
    record = before
    if fields:
        keep_before(session.ledger, session.lease, operation_id, before)
        record = update_record(session.tenant, mapping.destination, number, fields, before=before)
    return Outcome(operation_id, State.APPLIED, number, reason=reason, read_back=record, kept=tuple(kept))


def fields_to_fill(
    mapping: ObjectMapping, wanted: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return what is blank in a foreign record and the source fills, and the names of what differs there and stays."""
    fill: dict[str, Any] = {}
    kept = []
    for name in sorted(wanted):
        if name in now and are_equal(mapping, name, wanted[name], now[name]):
            continue
        if now.get(name) in (None, "", []):
            fill[name] = wanted[name]
        else:
            kept.append(name)
    if "emails_more" in fill and now.get("email"):
        fill["email"] = now["email"]  # a list of e-mails is sent whole, and the first of it is the primary one
    return fill, kept


def _adopt(
    session: Session, mapping: ObjectMapping, number: int, *, operation_id: int, wanted: Mapping[str, Any]
) -> Outcome:
    """Fill the blanks of a foreign record that a person decided to adopt; how it stood before is durable first."""
    before = read_now(session, mapping.destination, number, None)
    if before is None:
        return Outcome(operation_id, State.REJECTED, reason=NOT_THERE)
    now = flatten(mapping.destination, before)
    taken = is_known(session.ledger, mapping.destination, number)
    if taken or now.get(SOURCE_ID) not in (None, "", wanted.get(SOURCE_ID)):
        return Outcome(operation_id, State.REJECTED, reason=TAKEN)
    fill, kept = fields_to_fill(mapping, wanted, now)
    keep_before(session.ledger, session.lease, operation_id, before)
    record = update_record(session.tenant, mapping.destination, number, fill, before=before) if fill else before
    reason = f"adopted; kept what stood there: {', '.join(kept)}" if kept else "adopted"
    return Outcome(
        operation_id, State.APPLIED, number, reason=reason, read_back=record, kept=tuple(kept), origin=ADOPTED
    )


def read_now(session: Session, destination: str, number: int, target: Any) -> dict[str, Any] | None:
    """Read a record as it is now, or None when it is gone; a note has no address, so its parent's list is asked."""
    where = endpoint(destination, session.settings.edition)
    if where.children != "notes":
        return read_record(session.tenant, destination, number)
    plural = endpoint(target[0], session.settings.edition).plural
    listed = read_children(session.tenant, plural, int(target[1]), "notes")
    return next((one for one in listed if int(one["id"]) == number), None)


def are_equal(mapping: ObjectMapping | None, name: str, left: Any, right: Any) -> bool:
    """Say whether two values of a field are one, whatever way each is written."""
    form = form_of(mapping.fields[name]) if mapping and name in mapping.fields else Form.TEXT
    return _canonical(form, left) == _canonical(form, right)


def _canonical(form: Form, value: Any) -> str | None:
    # A link is a pair in memory and a list in an image.
    return (
        "/".join(str(one) for one in value)
        if form is Form.TEXT and isinstance(value, list | tuple)
        else canonical(form, value)
    )
