"""Write a known record: what the source changed travels, what a person changed stays or gives way by policy, and is listed.

Three values of a field are weighed: last delivered, wanted now, there now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.freshsales.census import read_children
from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import REMOVED, SOURCE_ID, endpoint
from workbench.freshsales.records import read_record, update_record
from workbench.freshsales.refusals import Reason
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import ADOPTED, Identity, find_identity, find_record
from workbench.ledger.images import last_image
from workbench.ledger.operations import FieldConflict, Outcome, keep_before, operations_of
from workbench.ledger.plans import PlannedRow
from workbench.load.session import Resolver, Session
from workbench.load.survey import UNKNOWN, Known, are_equal, edited_fields, recall
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Act, Decision, Policy, State

BLANK: tuple[Any, ...] = (None, "", [])
NOT_THERE = "the record to adopt is not there any more; decide it again in existing.csv"
TAKEN = "the record to adopt stands for another source row; decide it again in existing.csv"
DELETED = "a user deleted the record; it is not raised from the dead"
WHOLE = "(record)"
"""Stands for a field where a person took the whole record away."""


@dataclass(frozen=True)
class Rules:
    """Who wins where both sides changed a field: the migration's policy, and what a person decided for fields of one row."""

    policy: Policy = Policy.DESTINATION
    decided: Mapping[str, Decision] = field(default_factory=dict)

    def of(self, mapping: ObjectMapping, name: str) -> Policy:
        """Return the policy of one field: a decision stands above the mapping's word, and that above the migration's."""
        if (decided := self.decided.get(name)) is not None:
            return Policy.SOURCE if decided is Decision.MAP else Policy.DESTINATION
        own = mapping.fields.get(name) or mapping.lookups.get(name)
        return Policy(own.conflict) if own is not None and own.conflict else self.policy


@dataclass
class Weighed:
    """What becomes of each field of one record."""

    send: dict[str, Any] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    """Fields that are a person's, whether the source changed them or not."""
    conflicts: list[FieldConflict] = field(default_factory=list)
    """Fields that both sides changed, each to another value."""
    agreed: list[str] = field(default_factory=list)
    """Fields that both sides changed to the same value."""


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
    taken = find_record(session.ledger, mapping.destination, number) is not None
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


def weigh(
    mapping: ObjectMapping, known: Known, wanted: Mapping[str, Any], now: Mapping[str, Any], rules: Rules | None = None
) -> Weighed:
    """Return what to write, what stays a person's, and the conflicts, each with what is done about it.

    Only what the source changed since the last delivery travels, and what it emptied is cleared. Once a person's, a
    field stays theirs until both sides agree again, a policy or a decision says otherwise, or the source takes a
    consent back.
    """
    rules = rules or Rules()
    edited = set(edited_fields(mapping, known, now)) | known.kept
    made = Weighed()
    for name in sorted({*wanted, *known.sent, *known.kept}):
        source, last, there = wanted.get(name), known.sent.get(name), now.get(name)
        is_news = not are_equal(mapping, name, source, last)
        if name in now and are_equal(mapping, name, source, there):
            if is_news and name in edited and known.is_complete:
                made.agreed.append(name)
            continue
        if name not in edited:
            if is_news or not known.is_complete:
                made.send[name] = source
            continue
        policy = rules.of(mapping, name)
        act = Act.KEPT
        if (is_news and (policy is Policy.SOURCE or is_narrower(mapping, name, source, there))) or (
            name in known.kept and rules.decided.get(name) is Decision.MAP
        ):
            made.send[name] = source
            act = Act.WRITTEN
        else:
            made.kept.append(name)
            act = Act.ASKED if policy is Policy.ASK else Act.KEPT
        if is_news or act is Act.WRITTEN:
            made.conflicts.append(FieldConflict(name, policy, act, last, source, there))
    return made


def changes_to_send(
    mapping: ObjectMapping, known: Known, wanted: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the fields to write, and the names of those that a person changed since, which stay."""
    made = weigh(mapping, known, wanted, now)
    return made.send, made.kept


def is_narrower(mapping: ObjectMapping, name: str, source: Any, there: Any) -> bool:
    """Say whether the source takes back what stands there, such as a consent: the mapping's `narrows` names the values."""
    rule = mapping.fields[name].narrows if name in mapping.fields else None
    return (
        rule is not None
        and are_equal(mapping, name, source, rule.to)
        and (there in BLANK or any(are_equal(mapping, name, there, one) for one in rule.over))
    )


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
