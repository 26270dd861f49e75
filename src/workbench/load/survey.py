"""What stands at the tenant now, beside what the ledger knows: what people changed, and what a rollback may touch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from workbench.canonical import Form, canonical
from workbench.freshsales.census import list_records, read_children, read_pages
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.shapes import ELEMENTS, elements_of, flatten, without_ours
from workbench.ledger.identities import Identity, live_identities
from workbench.ledger.images import last_image
from workbench.ledger.operations import INCOMPLETE, SETTLED, operations_of
from workbench.ledger.store import Ledger
from workbench.load.session import Session
from workbench.mapping.object_mapping import ObjectMapping
from workbench.staging.rows import form_of
from workbench.vocabulary import Edition

TYPED_NAMES = """
    first_name last_name job_title email emails_more mobile_number work_number phone_numbers external_id time_zone
    address city state zipcode country facebook twitter linkedin keyword medium tags name website phone
    number_of_employees annual_revenue amount expected_close closed_date deal_type_id deal_reason_id probability
    title description due_date from_date end_date start_date location status outcome_id notes
"""
TYPED = frozenset(TYPED_NAMES.split())
"""Standard fields that people fill in."""
LEVELS = ("note", "sales_activity", "appointment", "task", "deal", "lead", "contact", "account", "file")
"""Children before what they hang on; files last, since the fate of their record decides theirs."""
LINKS = {"account": "sales_accounts", "contact": "contacts", "parent_sales_account_id": "sales_accounts"}

Place = tuple[str, int]
"""Plural and id of a record."""


class Case(StrEnum):
    """What a rollback does with one record."""

    DELETED = "deleted: made by us, and nobody touched it"
    RESTORED = "restored to what it was before us"
    AS_BEFORE = "left alone: it is as it was before us"
    GONE = "gone already: a person deleted it"
    MERGED = "left alone: a person merged it with another record"
    EDITED = "kept: a person changed it"
    HANGING = "kept: something that stays hangs on it"
    FILE = "kept: Freshsales has no way to delete a file"
    REFUSED = "kept: Freshsales refused"


@dataclass(frozen=True)
class Known:
    """What the ledger knows of a record: as sent, as read back after it, and the fields that people took over."""

    sent: Mapping[str, Any]
    read_back: Mapping[str, Any]
    kept: frozenset[str]
    is_complete: bool

    def last(self, name: str) -> Any:
        """Return a field as we left it: as read back, or as sent where no answer shows it, or where a person took it over."""
        return self.read_back[name] if name in {*self.read_back} - self.kept else self.sent.get(name)


UNKNOWN = Known({}, {}, frozenset(), is_complete=True)


@dataclass(frozen=True)
class Verdict:
    """One record, what becomes of it, and the names of fields, or the ids of records, that are the reason."""

    identity: Identity
    case: Case
    why: str = ""


@dataclass
class Survey:
    """Every record of ours as it is now, and what hangs on what."""

    session: Session
    known: dict[Place, Identity] = field(default_factory=dict)
    now: dict[Place, dict[str, Any]] = field(default_factory=dict)
    hanging: dict[Place, set[Place]] = field(default_factory=dict)
    removed: set[Place] = field(default_factory=set)
    survivors: dict[Place, Place] = field(default_factory=dict)
    """What our records that are gone were merged into."""

    def __post_init__(self) -> None:
        self.known = {self.place(one): one for one in live_identities(self.session.ledger)}
        self.files = {place for place in self.known if place[0] == "documents"}
        tenant = self.session.tenant
        leads = ("lead",) if tenant.edition is Edition.CLASSIC else ()
        for destination in ("account", "contact", "deal", *leads):
            for page in read_pages(tenant, endpoint(destination, tenant.edition)):
                for record in page:
                    self.note(destination, record)
        for destination in ("task", "appointment", "sales_activity"):
            for record in list_records(tenant, destination):
                self.note(destination, record)
        for one in self.known.values() if self.lost else ():
            self._follow(one)

    @property
    def lost(self) -> set[Place]:
        """Our records of the kinds that are listed whole which are there no more."""
        return {one for one in self.known if one not in self.now and one[0] not in ("notes", "documents")}

    @property
    def parents(self) -> list[Place]:
        """The records that notes and files of ours may hang on: ours, and what came of them by a person's conversion."""
        ours = {place for place in self.known if place[0] in ("deals", "contacts", "leads", "sales_accounts")}
        return sorted(ours | {self.parent_of(one) for one in self.known.values() if one.destination == "note"})

    def place(self, identity: Identity) -> Place:
        """Return where a record lives; a Suite lead is a contact."""
        return self.at(identity.destination, identity.destination_id)

    def at(self, destination: str, number: object) -> Place:
        """Return the place of an id of a destination."""
        return endpoint(destination, self.session.settings.edition).plural, int(str(number))

    def note(self, destination: str, record: dict[str, Any]) -> None:
        """Note a record as it is now, ours or not, under all that it hangs on."""
        place = self.at(destination, record["id"])
        if place in self.known:
            self.now[place] = record
        links = flatten(destination, record)
        above = [(plural, int(one)) for name, plural in LINKS.items() for one in _listed(links.get(name))]
        if target := links.get("target"):
            above.append(self.at(*target))
        for parent in above:
            self.hanging.setdefault(parent, set()).add(place)

    def read_children(self, parent: Place) -> None:
        """Read the notes and files of a record, which no list of all shows."""
        if parent in self.known and parent not in self.now:
            return
        children = self.hanging.setdefault(parent, set())
        for kind, plural in (("notes", "notes"), ("document_associations", "documents")):
            listed = {
                (plural, int(one["id"])): one for one in read_children(self.session.tenant, parent[0], parent[1], kind)
            }
            children -= {one for one in children if one[0] == plural}
            children.update(listed)
            for place in [one for one in self.known if one in listed]:
                self.now[place] = listed[place]
                self._follow(self.known[place])

    def _follow(self, identity: Identity) -> None:
        """Learn from a child of ours where its parent went: the API tells of no merge, but moves what hung on the record."""
        sent = last_image(self.session.ledger, identity.operation_id, "sent") or {}
        there = flatten(identity.destination, self.now.get(self.place(identity), {}))
        was, now = self._above(sent), self._above(there)
        for name, (plural, number) in was.items():
            old, new = (plural, number), now.get(name)
            if new and new != old and new[0] == plural and old in self.known and old not in self.now:
                self.survivors[old] = new

    def _above(self, flat: Mapping[str, Any]) -> dict[str, Place]:
        """Return what a record hangs on, link by link; several of one kind tell nothing."""
        links = {name: (plural, int(flat[name])) for name, plural in LINKS.items() if isinstance(flat.get(name), int)}
        return links | ({"target": self.at(*flat["target"])} if flat.get("target") else {})

    def in_order(self) -> list[Identity]:
        """Return every identity, children first, child accounts before their parents."""
        heights: dict[Place, int] = {}

        def height(place: Place, above: frozenset[Place]) -> int:
            if place not in heights:
                below = {one for one in self.hanging.get(place, ()) if one[0] == place[0] and one not in above}
                heights[place] = 1 + max((height(one, above | {place}) for one in below), default=0)
            return heights[place]

        ordered = []
        for place, identity in self.known.items():
            tall = height(place, frozenset({place})) if identity.destination == "account" else 0
            ordered.append((LEVELS.index(identity.destination), tall, self.parent_of(identity), place, identity))
        return [one[-1] for one in sorted(ordered, key=lambda one: one[:-1])]

    def parent_of(self, identity: Identity) -> Place:
        """Return what a note or file was hung on, so that those of one record come together; nothing for others."""
        if identity.destination not in ("note", "file"):
            return "", 0
        sent = last_image(self.session.ledger, identity.operation_id, "sent") or {}
        parent = self.at(*sent["target"]) if sent.get("target") else ("", 0)
        return self.survivors.get(parent, parent)

    def judge(self, identity: Identity) -> Verdict:
        """Say what becomes of one record; one that goes no longer hangs on anything."""
        place = self.place(identity)
        verdict = self._judged(identity, place)
        if verdict.case is Case.DELETED or place not in self.now:
            self.removed.add(place)
        elif verdict.case in (Case.RESTORED, Case.EDITED) and identity.origin != "created":
            self._let_go(identity, place)
        return verdict

    def _let_go(self, identity: Identity, place: Place) -> None:
        """A foreign record that is restored gives up the links that we filled: it hangs on nothing of ours any more."""
        fields, _ = self.restorable(identity)
        now = flatten(identity.destination, self.now[place])
        for name, plural in LINKS.items():
            for one in _listed(now.get(name)) if name in fields else ():
                self.hanging.get((plural, int(one)), set()).discard(place)

    def _judged(self, identity: Identity, place: Place) -> Verdict:
        if identity.destination == "file":
            return Verdict(identity, Case.FILE)
        if place not in self.now:
            into = self.survivors.get(place)
            return Verdict(identity, Case.MERGED, f"{into[0]}/{into[1]}") if into else Verdict(identity, Case.GONE)
        if merged := sorted(one for one, into in self.survivors.items() if into == place):
            return Verdict(identity, Case.MERGED, ", ".join(f"{plural}/{number}" for plural, number in merged))
        if identity.origin != "created":
            fields, kept = self.restorable(identity)
            case = Case.EDITED if kept else Case.RESTORED if fields else Case.AS_BEFORE
            return Verdict(identity, case, ", ".join(kept))
        known, now = recall(self.session.ledger, identity, settled=True), flatten(identity.destination, self.now[place])
        if edited := list(edited_fields(self.mapping(identity), known, now)):
            return Verdict(identity, Case.EDITED, ", ".join(edited))
        if staying := self.hanging.get(place, set()) - self.removed - self.files:
            return Verdict(identity, Case.HANGING, ", ".join(f"{plural}/{one}" for plural, one in sorted(staying)))
        return Verdict(identity, Case.DELETED)

    def mapping(self, identity: Identity) -> ObjectMapping | None:
        """Return the mapping that made a record, if it is still there."""
        return next((one for one in self.session.mappings.objects if one.name == identity.mapping), None)

    def restorable(self, identity: Identity) -> tuple[dict[str, Any], list[str]]:
        """Return the fields to set back, and those that differ both from what was before us and from what we wrote."""
        ledger, mapping = self.session.ledger, self.mapping(identity)
        images = (
            last_image(ledger, one.operation_id, "before")
            for one in operations_of(ledger, identity.source_object, identity.source_id)
            # Those of a lead that a person converted speak of another record.
            if self.at(one.destination, 0) == self.at(identity.destination, 0)
        )
        before = flatten(identity.destination, next((one for one in images if one), {}))
        known = recall(ledger, identity, settled=True)
        now = flatten(identity.destination, self.now[self.place(identity)])
        back: dict[str, Any] = {}
        kept = []
        for name in sorted(known.sent):
            if name not in now or (name in before and are_equal(mapping, name, now[name], before[name])):
                continue
            if name in before and are_equal(mapping, name, now[name], known.last(name)):
                back[name] = before[name]
            elif name in before and name in ELEMENTS:
                back[name] = without_ours(before[name] or [], known.last(name) or [], now[name] or [])
                kept += [name] if elements_of(back[name]) != elements_of(before[name] or []) else []
                if elements_of(back[name]) == elements_of(now[name] or []):
                    del back[name]
            else:
                kept.append(name)
        return back, kept


def recall(ledger: Ledger, identity: Identity, *, settled: bool = False) -> Known:
    """Return what the ledger knows of the record that stands for a source row, if asked as rules of the tenant left it."""
    found = [last_image(ledger, identity.operation_id, one) for one in ("read_back", SETTLED)[: 1 + settled]]
    return Known(
        sent=last_image(ledger, identity.operation_id, "sent") or {},
        read_back={name: value for one in found if one for name, value in flatten(identity.destination, one).items()},
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


def _listed(value: Any) -> Iterable[Any]:
    return [one for one in value if one] if isinstance(value, list) else [value] if value else []
