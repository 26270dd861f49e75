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
BLANK: tuple[Any, ...] = (None, "", [])


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


UNKNOWN = Known({}, {}, frozenset(), is_complete=True)


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
    field stays theirs until both sides agree again (policy `destination`), or the source takes a consent back.
    """
    edited = set(edited_fields(mapping, known, now)) | known.kept
    send: dict[str, Any] = {}
    kept = []
    for name in sorted({*wanted, *known.sent, *known.kept}):
        source = wanted.get(name)
        if name in now and are_equal(mapping, name, source, now[name]):
            continue
        withdrawn = is_narrower(mapping, name, source, now.get(name)) and not are_equal(
            mapping, name, source, known.sent.get(name)
        )
        if name in edited and not withdrawn:
            kept.append(name)
        elif not known.is_complete or not are_equal(mapping, name, source, known.sent.get(name)):
            send[name] = source
    return send, kept


def is_narrower(mapping: ObjectMapping, name: str, source: Any, there: Any) -> bool:
    """Say whether the source takes back what stands there, such as a consent: the mapping's `narrows` names the values."""
    rule = mapping.fields[name].narrows if name in mapping.fields else None
    return (
        rule is not None
        and are_equal(mapping, name, source, rule.to)
        and (there in BLANK or any(are_equal(mapping, name, there, one) for one in rule.over))
    )


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
    if (adopted := resolver.adopted.get(f"{row.source_object}/{row.source_id}")) is not None:
        return _adopt(session, mapping, adopted, identity, operation_id=operation_id, wanted=wanted)
    if identity is None or resolver.find(f"{row.source_object}/{row.source_id}") is None:
        return Outcome(operation_id, State.REJECTED, reason=Reason.NOT_FOUND.sentence)
    known, number = recall(session.ledger, identity), identity.destination_id
    before = read_now(session, mapping.destination, number, known.sent.get("target"), wanted.get("target"))
    if before is None:
        return Outcome(operation_id, State.REJECTED, reason=DELETED)
    fields, kept = changes_to_send(mapping, known, wanted, flatten(mapping.destination, before))
    reason = f"kept what a user changed: {', '.join(kept)}" if kept else ""
    record = before
    if fields:
        keep_before(session.ledger, session.lease, operation_id, before)
        record = update_record(session.tenant, mapping.destination, number, fields, before=before)
    return Outcome(operation_id, State.APPLIED, number, reason=reason, read_back=record, kept=tuple(kept))


def mapped_names(mapping: ObjectMapping) -> set[str]:
    """Return every field that a mapping may fill: a value of theirs stays also where the source has none."""
    shared = {one.shared for one in mapping.fields.values() if one.shared}
    return {*mapping.fields, *mapping.lookups, *shared}


def fields_to_fill(
    mapping: ObjectMapping, wanted: Mapping[str, Any], now: Mapping[str, Any], known: Known = UNKNOWN
) -> tuple[dict[str, Any], list[str]]:
    """Return what is blank in a foreign record and the source fills, and the names of what differs there and stays.

    Written over is what the source takes back (`narrows`), and, in a record that came of ours by conversion, what still
    is as we left it and changed at the source.
    """
    fill: dict[str, Any] = {}
    kept = []
    for name in sorted({*wanted, *(mapped_names(mapping) & set(now))}):
        source, there = wanted.get(name), now.get(name)
        if (name in now and are_equal(mapping, name, source, there)) or (source in BLANK and there in BLANK):
            continue
        is_ours = name in known.sent and name not in known.kept and are_equal(mapping, name, there, known.last(name))
        if there in BLANK or is_narrower(mapping, name, source, there):
            fill[name] = source
        elif not is_ours:
            kept.append(name)
        elif not are_equal(mapping, name, source, known.sent[name]):
            fill[name] = source
    if "emails_more" in fill and "email" not in fill and now.get("email"):
        fill["email"] = now["email"]  # a list of e-mails is sent whole, and the first of it is the primary one
    return fill, kept


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
    before = read_now(session, mapping.destination, number, None)
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


def read_now(session: Session, destination: str, number: int, *targets: Any) -> dict[str, Any] | None:
    """Read a record as it is now, or None when it is gone.

    A note has no address, so the lists of its parents are asked, the known one first: a conversion moves notes.
    """
    where = endpoint(destination, session.settings.edition)
    if where.children != "notes":
        return read_record(session.tenant, destination, number)
    for kind, parent in dict.fromkeys((str(one[0]), int(one[1])) for one in targets if one):
        listed = read_children(session.tenant, endpoint(kind, session.settings.edition).plural, parent, "notes")
        if found := next((one for one in listed if int(one["id"]) == number), None):
            return found
    return None


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
