"""A row of the export beside what should become of it, what stands in the tenant before, and the file that says so."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from zoneinfo import ZoneInfo

DESTINATIONS = {
    "companies": "account",
    "employers": "account",
    "contacts": "contact",
    "cases": "deal",
    "tasks": "task",
    "appointments": "appointment",
    "notes": "note",
    "attachments": "file",
}
MARKED = {
    "notes": ("written_at", "author_user_id"),
    "tasks": ("created_at", "created_by_user_id"),
    "appointments": ("created_at", "owner_user_id"),
}
"""Objects whose text carries a marker line, with the columns of its time and author."""
KEPT_TIMES = ("companies", "contacts", "cases")
"""Objects whose destination has custom fields for the original times."""


@cache
def zone_named(name: str) -> ZoneInfo:
    """Return a time zone, read once."""
    return ZoneInfo(name)


def iso_time(local: datetime, zone: str) -> str:
    """Write a local time with the offset its zone had then."""
    return local.replace(tzinfo=zone_named(zone)).isoformat(timespec="seconds")


def export_time(local: datetime) -> str:
    """Write a local time as Dental-Exec does: no offset."""
    return local.strftime("%Y-%m-%d %H:%M:%S")


def folded(text: str) -> str:
    """Fold every run of white space to one space."""
    return " ".join(text.split())


@dataclass(eq=False)
class Draft:
    """One invented row: what the export says of it, and what should arrive because of it."""

    source_object: str
    source_id: str
    zone: str
    row: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Draft] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    needs: list[Draft] = field(default_factory=list)
    destination: str = ""
    owner: str = ""
    held: str = ""
    excluded: str = ""
    rejected: str = ""
    removed: bool = False
    theirs: dict[str, Any] | None = None  # what people wrote into the record it adopts, and stays
    created: datetime = datetime.min

    @property
    def name(self) -> str:
        """Say which row this is, as truth names it."""
        return f"{self.source_object}/{self.source_id}"

    @property
    def moves(self) -> bool:
        """Say whether the row arrives: nothing rejects, excludes or holds it, and what it needs arrives too."""
        return not self.rejected and not self.excluded and not self.held and all(need.moves for need in self.needs)

    def put(self, column: str, typed: str, *, to: str = "", custom: str = "", value: object = None) -> None:
        """Write a cell of the export, and what it should be at the destination: `value`, else the trimmed text."""
        self.row[column] = typed
        arrives = typed.strip() if value is None else value
        for name, place in ((to, self.fields), (custom, self.custom)):
            if name and arrives not in ("", None):
                place[name] = arrives
            elif name:
                place.pop(name, None)

    def stamp(self, created: datetime, modified: datetime) -> None:
        """Write when the row was made and last changed."""
        self.created = created
        self.row |= {"created_at": export_time(created), "modified_at": export_time(modified)}
        self.row.setdefault("is_deleted", "N")
        if self.source_object in KEPT_TIMES:
            self.custom |= {
                "cf_source_system_id": self.source_id,
                "cf_original_create_date": created.date().isoformat(),
                "cf_original_modified_date": modified.date().isoformat(),
                "cf_source_stamps": f"created {iso_time(created, self.zone)}; modified {iso_time(modified, self.zone)}",
            }

    def delete(self, moment: datetime) -> None:
        """Mark the row as deleted at the source."""
        self.row |= {"is_deleted": "Y", "deleted_at": export_time(moment)}
        self.excluded = "deleted"

    def aim(self, target: Draft) -> None:
        """Hang the row on a record it cannot do without."""
        self.links["target"] = target
        self.needs.append(target)

    def marker(self, emails: Mapping[str, str]) -> str:
        """Return the last line of the text that should arrive: which row, when, by whom, and when it was over."""
        at_column, by_column = MARKED[self.source_object]
        at = iso_time(datetime.fromisoformat(self.row[at_column]), self.zone)
        author = self.row[by_column]
        parts = [f"Dental-Exec {self.name}", at, emails.get(author) or author]
        if over := self.row.get("completed_at"):
            parts.append(f"completed {iso_time(datetime.fromisoformat(over), self.zone)}")
        return f"[{' · '.join(parts)}]"

    def as_record(self, emails: Mapping[str, str]) -> dict[str, Any]:
        """Return what should arrive; `emails` gives each user's address."""
        if self.source_object in MARKED:
            self.fields["marker"] = self.marker(emails)
        record: dict[str, Any] = {
            "source_object": self.source_object,
            "source_id": self.source_id,
            "destination": self.destination or DESTINATIONS[self.source_object],
            "fields": self.fields | (self.theirs or {}),
            "custom_field": self.custom,
            "links": {name: target.name for name, target in self.links.items() if target.moves},
        }
        record |= {"adopted": True} if self.theirs is not None else {}
        return record | ({"owner": self.owner} if self.owner else {}) | ({"open": self.open} if self.open else {})


def written_day(day: date | None) -> str:
    """Write a date, or nothing."""
    return day.isoformat() if day else ""


def employer_key(name: str) -> str:
    """Return the source id that an employer's text makes."""
    return "employer:" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class AlreadyThere:
    """What people put into the tenant before us, by foreign.toml: `records` as truth would word them, each with its fate."""

    def __init__(self, companies: Iterable[Draft]) -> None:
        plan = tomllib.loads((files(__package__) / "foreign.toml").read_text("utf-8"))
        self.records: list[dict[str, Any]] = [{"fate": "stranger"} | one for one in plan["strangers"]]
        self._share: float = plan["share"]
        self._rows: dict[str, dict[str, Any]] = plan["rows"]
        self._ways: list[dict[str, Any]] = plan["people"]
        self._seen = self._planted = 0
        for company in companies:
            self.meet(company)

    def meet(self, *together: Draft) -> None:
        """Let an account, or a person who comes alone, stand there already while too few do."""
        self._seen += len(together)
        draft, is_due = together[0], self._planted < self._share * self._seen
        if not draft.moves:
            return
        way = self._rows.get(draft.source_id)
        if way is None and is_due and draft.source_object == "contacts" and len(together) == 1:
            way = next((one for one in self._ways if _suits(one, draft)), None)
            self._ways.sort(key=lambda one: one is way)  # the others come first now
        if way:
            self._plant(draft, way)

    def _plant(self, draft: Draft, way: dict[str, Any]) -> None:
        fields = {name: draft.fields[name] for name in way["takes"] if name in draft.fields}
        fields |= {name: fields[name].upper() for name in way.get("capitals", ())}
        own = way.get("own", {})
        fields |= {name: one.format(id=draft.source_id) if isinstance(one, str) else one for name, one in own.items()}
        kind = DESTINATIONS[draft.source_object]
        destination = "lead" if draft.fields.get("lifecycle_stage") == "Lead" else kind
        self.records.append({"fate": way["fate"], "source": draft.name, "destination": destination, "fields": fields})
        self._planted += way["fate"] != "stranger"
        if way["fate"] == "held":
            draft.held = "existing"
        elif way["fate"] == "adopted":
            draft.theirs = {name: value for name, value in fields.items() if draft.fields.get(name) != value}
            if draft.fields.get("subscription_status") == 0 and fields["subscription_status"] == 1:
                del draft.theirs["subscription_status"]  # a consent that was withdrawn is taken back

    def untouched(self) -> list[dict[str, Any]]:
        """Return what nobody may change, as Suite shows it: strangers, and what a row may be but no decision says so."""
        left = [one for one in self.records if one["fate"] != "adopted"]
        return [one | {"destination": "contact"} if one["destination"] == "lead" else one for one in left]


def _suits(way: Mapping[str, Any], draft: Draft) -> bool:
    fields = draft.fields
    is_kind = fields["lifecycle_stage"] == way["stage"] and all(name in fields for name in way["needs"])
    return is_kind and way.get("consent") in (None, fields["subscription_status"])


class TruthWriter:
    """Writes truth.json as rows are invented, so that a large practice needs no memory."""

    SECTIONS = ("records", "held", "excluded", "deferred")

    def __init__(
        self, path: Path, *, seed: int, patients: int, emails: Mapping[str, str], more: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self.seed = seed
        self.patients = patients
        self.emails = emails
        self.counts = dict.fromkeys((*self.SECTIONS, *more), 0)
        self.facts: dict[str, Any] = {}
        self._files = ExitStack()
        self._parts: dict[str, IO[str]] = {}

    def __enter__(self) -> TruthWriter:
        for section in self.counts:
            part = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=self.path.parent)
            self._parts[section] = self._files.enter_context(part)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._files:
            if kind is None:
                self._join()

    def write(self, draft: Draft) -> None:
        """Write the fate of one row: excluded before held before deferred, else a record; `reject` says the rest."""
        if draft.rejected:
            return
        named = {"source_object": draft.source_object, "source_id": draft.source_id}
        if draft.removed:
            self._add("removed", named)
            if draft.moves:  # what was delivered stays where it is
                self._add("records", draft.as_record(self.emails) | {"removed": True})
        elif draft.excluded:
            self._add("excluded", named | {"reason": draft.excluded})
        elif draft.held:
            self._add("held", named | {"reason": draft.held})
        elif not draft.moves:
            waits_for = next(need.name for need in draft.needs if not need.moves)
            self._add("deferred", named | {"waits_for": waits_for})
        else:
            self._add("records", draft.as_record(self.emails))

    def reject(self, source_object: str, source_id: str | None, file: str, lines: tuple[int, int], reason: str) -> None:
        """Write one record that cannot be landed, with the lines where it stands."""
        named = {"source_object": source_object, "source_id": source_id, "file": file}
        self._add("rejected", named | {"first_line": lines[0], "last_line": lines[1], "reason": reason})

    def _add(self, section: str, entry: dict[str, Any]) -> None:
        start = ",\n" if self.counts[section] else ""
        self._parts[section].write(start + json.dumps(entry, ensure_ascii=False))
        self.counts[section] += 1

    def _join(self) -> None:
        with self.path.open("w", encoding="utf-8", newline="\n") as whole:
            whole.write(f'{{"version": 1, "seed": {self.seed}, "patients": {self.patients}')
            for name, fact in self.facts.items():
                whole.write(f',\n"{name}": {json.dumps(fact, ensure_ascii=False)}')
            for section in self.counts:
                part = self._parts[section]
                part.seek(0)
                whole.write(f',\n"{section}": [\n')
                while block := part.read(1 << 20):
                    whole.write(block)
                whole.write("]")
            whole.write(',\n"side_effects": {"messages_to_patients": 0}}\n')
