"""Three values of a field (last delivered, wanted now, there now): what may be written, what stays, and where they conflict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.canonical import Form, canonical
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import Identity
from workbench.ledger.images import last_image
from workbench.ledger.operations import INCOMPLETE, FieldConflict
from workbench.ledger.store import Ledger
from workbench.mapping.object_mapping import ObjectMapping
from workbench.staging.rows import form_of
from workbench.vocabulary import Act, Decision, Policy

TYPED_NAMES = """
    first_name last_name job_title email emails_more mobile_number work_number phone_numbers external_id time_zone
    address city state zipcode country facebook twitter linkedin keyword medium tags name website phone
    number_of_employees annual_revenue amount expected_close closed_date deal_type_id deal_reason_id probability
    title description due_date from_date end_date start_date location status outcome_id notes
"""
TYPED = frozenset(TYPED_NAMES.split())
"""Standard fields that people fill in."""
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
