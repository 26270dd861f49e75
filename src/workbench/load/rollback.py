"""Take back what we created and nobody changed since; what a person touched stays, and is listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from workbench.canonical import canonical
from workbench.freshsales.census import read_children
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.records import delete_record, read_record, update_record
from workbench.freshsales.refusals import OutcomeUnknown, Refused
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import Identity, forget_identity, live_identities
from workbench.ledger.images import last_image
from workbench.ledger.operations import Intent, Outcome, intend, record_outcomes
from workbench.load.session import Session
from workbench.log import Progress
from workbench.mapping.object_mapping import ObjectMapping
from workbench.staging.rows import form_of
from workbench.vocabulary import State

DELETE = "created by us and untouched: is deleted"
CHANGED = "a person changed it since: stays"
HAS_CHILDREN = "records of other people hang on it: stays"
NO_DELETE = "Freshsales has no way to delete a file: stays"
GONE = "is gone already"
NOT_OURS = "was there before us: stays"
CHILD_KINDS = ("notes", "tasks", "appointments")


@dataclass
class Rollback:
    """Rows by mapping and case, in the order they are taken back: children before parents."""

    rows: list[tuple[str, str]] = field(default_factory=list)

    @property
    def counts(self) -> pl.DataFrame:
        """One row a mapping and case."""
        frame = pl.DataFrame(self.rows, orient="row", schema={"mapping": pl.String, "case": pl.String})
        return frame.group_by("mapping", "case", maintain_order=True).len("rows")


def plan_rollback(session: Session) -> Rollback:
    """Say what a rollback would do, record by record; nothing is written."""
    return Rollback([(identity.mapping, case) for identity, _, case in _cases(session, set())])


def roll_back(session: Session) -> Rollback:
    """Delete softly what we created and nobody changed; killed half way, the next call goes on."""
    made = Rollback()
    deleted: set[tuple[str, int]] = set()
    for identity, mapping, case in _cases(session, deleted):
        if case == DELETE:
            case = _delete(session, mapping, identity)  # noqa: PLW2901 - what was planned meets what is there now
        if case in (DELETE, GONE):
            deleted.add((identity.destination, identity.destination_id))
            with session.ledger.commit() as connection:
                forget_identity(connection, identity.source_object, identity.source_id)
        made.rows.append((identity.mapping, case))
    return made


def _cases(session: Session, deleted: set[tuple[str, int]]) -> Iterator[tuple[Identity, ObjectMapping, str]]:
    """Yield every live record with its case; children come first, deepest accounts before their parents."""
    order = {one.name: place for place, one in enumerate(session.mappings.objects)}
    identities = [one for one in live_identities(session.ledger) if one.mapping in order]
    identities.sort(key=lambda one: (order[one.mapping], one.operation_id), reverse=True)
    ours = {(one.destination, one.destination_id) for one in identities}
    progress = Progress("Looking at records", len(identities))
    for identity in identities:
        progress.step()
        mapping = session.mappings[identity.mapping]
        yield identity, mapping, _case(session, mapping, identity, ours)
    deleted.clear()


def _case(session: Session, mapping: ObjectMapping, identity: Identity, ours: set[tuple[str, int]]) -> str:
    if identity.origin != "created":
        return NOT_OURS
    if mapping.destination == "file":
        return NO_DELETE
    where = endpoint(mapping.destination, session.settings.edition)
    image = last_image(session.ledger, identity.operation_id, "read_back") or {}
    if where.children == "notes":
        return _note_case(session, identity, image)
    now = read_record(session.tenant, mapping.destination, identity.destination_id)
    if now is None or now.get("is_deleted"):
        return GONE
    if _differs(mapping, image, now):
        return CHANGED
    if where.targetable_type and _has_foreign_children(session, where.plural, identity, ours):
        return HAS_CHILDREN
    return DELETE


def _note_case(session: Session, identity: Identity, image: Mapping[str, Any]) -> str:
    """A note is read at its parent, since it has no address."""
    target = flatten("note", image).get("target")
    if not target:
        return CHANGED
    plural = endpoint(target[0], session.settings.edition).plural
    listed = {int(one["id"]): one for one in read_children(session.tenant, plural, int(target[1]), "notes")}
    now = listed.get(identity.destination_id)
    if now is None:
        return GONE
    return DELETE if now.get("description") == image.get("description") else CHANGED


def _differs(mapping: ObjectMapping, image: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    before, after = flatten(mapping.destination, image), flatten(mapping.destination, now)
    return any(
        name in before
        and name in after
        and canonical(form_of(one), before[name]) != canonical(form_of(one), after[name])
        for name, one in mapping.fields.items()
    )


def _has_foreign_children(session: Session, plural: str, identity: Identity, ours: set[tuple[str, int]]) -> bool:
    mine = {number for _, number in ours}
    return any(
        int(child["id"]) not in mine
        for kind in CHILD_KINDS
        for child in read_children(session.tenant, plural, identity.destination_id, kind)
    )


def _delete(session: Session, mapping: ObjectMapping, identity: Identity) -> str:
    [number] = intend(
        session.ledger,
        session.lease,
        session.run_id,
        [
            Intent(
                mapping.name,
                identity.source_object,
                identity.source_id,
                mapping.destination,
                "delete",
                "delete",
                identity.fingerprint,
                identity.delivered,
            )
        ],
    )
    _release(session, mapping, identity)
    try:
        was_there = delete_record(session.tenant, mapping.destination, identity.destination_id)
        outcome, case = Outcome(number, State.APPLIED), DELETE if was_there else GONE
    except Refused as problem:
        outcome, case = Outcome(number, State.REJECTED, reason=problem.public), CHANGED
    except OutcomeUnknown as problem:
        outcome, case = (
            Outcome(number, State.ABSENT, reason=f"no usable answer ({problem.status or 'none'})"),
            "not known: run again",
        )
    record_outcomes(session.ledger, session.lease, session.actor, [outcome])
    return case


def _release(session: Session, mapping: ObjectMapping, identity: Identity) -> None:
    """Free unique values first: a record in the bin keeps its e-mail, name and source id, and a later load needs them."""
    if not endpoint(mapping.destination, session.settings.edition).has_custom_fields:
        return
    freed: dict[str, Any] = {SOURCE_ID: None}
    if mapping.destination == "account":
        freed["name"] = f"Rolled back {identity.destination_id}"
    elif mapping.fields.get("email"):
        freed["email"] = None
    # A tenant that refuses to clear an e-mail needs its bin emptied before the next load; the refusal then says so.
    with suppress(Refused, OutcomeUnknown):
        update_record(session.tenant, mapping.destination, identity.destination_id, freed)
