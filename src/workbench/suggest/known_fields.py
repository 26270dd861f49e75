"""What is known before any column is seen: destination fields and what they are called, public schemas, what stays out."""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench.dental.headers import fold, squash
from workbench.dental.tables import shared_letters, shared_prefix

Words = tuple[str, ...]
Row = Mapping[str, str]
OWN_WORDS = {
    "contact": frozenset({"contact", "primary", "mailing", "record"}),
    "sales_account": frozenset({"practice", "company", "office", "account", "clinic", "billing", "physical", "record"}),
    "deal": frozenset({"case", "treatment", "plan", "deal", "procedure", "primary", "record", "associated"}),
    "appointment": frozenset({"appointment", "schedule", "record", "meeting", "event", "associated"}),
    "task": frozenset({"task", "record", "activity", "associated"}),
    "note": frozenset({"note", "record", "activity", "associated"}),
    "user": frozenset({"user", "staff", "provider", "employee", "employer"}),
}
"""Words that columns of an object may carry or leave out: Pt First Name, Appt Status."""
LEFT_OUT_HERE = {
    "cf_insurance_member_id",
    "cf_insurance_group_number",
    "cf_subscriber_relationship",
    "cf_tax_id",
    "cf_medical_alert",
}
"""Left out by default: proposed only where the destination has a field for it."""
STAYS = "stays"
"""The type of a field that is known for its column to be told, and that is never filled."""
SAID_AS = {"!": 0.99, "": 0.97, "?": 0.75}
"""What a phrase proves, by its mark: more than a label of one word, enough, or enough for a person to look."""
SHARE, FEWEST, TELLING = 0.6, 4, 3
"""A table is recognised by this share and number of its columns, or by so many that no other system has."""
USUAL, UNUSUAL = 0.75, 0.34
LONG = 5
"""A word of so many letters tells an object also from inside a longer one: tblpatients."""


@dataclass(frozen=True)
class Field:
    """One destination field, with its names and what else it is called, as folded words, and how surely that means it."""

    object: str
    name: str
    kind: str
    names: frozenset[Words]
    said: Mapping[Words, float]


@dataclass(frozen=True)
class KnownTable:
    """One table of a public schema: its columns without case and marks, with the fields each may fill or why it stays."""

    system: str
    table: str
    object: str
    columns: dict[str, tuple[str, ...]]
    reasons: dict[str, str]
    seen: int = 0

    @property
    def told(self) -> str:
        """Say in words that a column is one of this table."""
        return f"a column of {self.system}'s table {self.table}, recognised by {self.seen} of its columns"

    def reason(self, header: str) -> str:
        """Say why a column of this table stays out; nothing if it moves."""
        why = self.reasons.get(squash(header), "")
        return f"{self.told}: {why}" if why else ""


@dataclass(frozen=True)
class Table:
    """The columns that one source object brought: what it becomes, the fields it may fill, and whose table it is.

    `prefix` are words that its columns begin with, `called` the words of its own name.
    """

    object: str | None
    fields: tuple[Field, ...]
    weights: Mapping[str, float]
    known: tuple[KnownTable, ...]
    prefix: Words
    letters: str
    called: Words
    without: Collection[str]


def known_fields(choices: Iterable[Row] | None) -> tuple[Field, ...]:
    """Return the destination's fields, each with what it is called; without choices those of the shipped list."""
    if choices is None:
        shipped = [(row, row["destination_fields"].split("|")[0]) for row in rows_of("field_synonyms.csv")]
        return tuple(
            _field(row["destination_object"], name, "", STAYS if name in LEFT_OUT_HERE else row["type"])
            for row, name in shipped
        )
    return tuple(
        _field(
            object_of(row["destination_object"]) or row["destination_object"].strip(),
            row["destination_field"].strip(),
            row.get("label") or "",
            (row.get("type") or "").strip().lower() or "text",
        )
        for row in choices
    )


def object_of(name: str) -> str | None:
    """Return what a source object becomes, by the words of its name; None where nobody can tell."""
    bare = name.strip().lower()
    words = set("".join(letter if letter.isalnum() else " " for letter in bare).split()) | {bare, squash(bare)}
    listed = [(row["object"], row["words"].split("|")) for row in rows_of("source_objects.csv")]
    named = (known for known, said in listed if known == bare or not words.isdisjoint(said))
    inside = (known for known, said in listed if any(len(one) >= LONG and one in squash(bare) for one in said))
    spelled = (known for known, said in listed if not {*fold(name)}.isdisjoint(said))
    return next(named, None) or next(inside, None) or next(spelled, None)


def read_table(name: str, headers: Sequence[str], fields: Sequence[Field], without: Collection[str]) -> Table:
    """Return what the name and the columns of one table say of it, before any column is read."""
    wanted = object_of(name)
    same = tuple(one for one in fields if one.object == wanted)
    known = recognise(headers, wanted, without)
    return Table(
        wanted if same else None,
        same or tuple(fields),
        weigh(same or fields),
        known,
        shared_prefix(headers),
        shared_letters(headers),
        fold(name),
        without,
    )


def left_out(words: Words, wanted: str | None, *, is_secret: bool = False) -> str:
    """Say why a column with these words stays in the source; nothing if no rule says so."""
    there = set(words)
    for needed, objects, about_secrets, reason in _rules():
        if about_secrets == is_secret and needed <= there and (not objects or objects == wanted):
            return reason
    return ""


def recognise(headers: Sequence[str], wanted: str | None, without: Collection[str] = ()) -> tuple[KnownTable, ...]:
    """Return the tables of public schemas that a set of headers comes from, the one with most columns first."""
    there = {squash(one) for one in headers}
    found = []
    for known in _tables():
        if wanted not in (None, known.object) or known.system in without:
            continue
        hits = there & (known.columns.keys() | known.reasons.keys())
        telling = [one for one in hits if len({other.system for other in _tables_with()[one]}) == 1]
        if len(telling) >= TELLING or (telling and len(hits) >= max(FEWEST, SHARE * len(there))):
            seen = len(hits)
            found.append(KnownTable(known.system, known.table, known.object, known.columns, known.reasons, seen))
    return tuple(sorted(found, key=lambda one: (-one.seen, one.system, one.table)))


def said_elsewhere(
    header: str, wanted: str | None, without: Collection[str] = ()
) -> tuple[dict[str, tuple[float, str]], str]:
    """Return what public schemas say of a column of this name: shares by field with a system, and why it stays out.

    A reason is given only where every schema that has the column leaves it out.
    """
    votes, reasons = defaultdict[str, list[str]](list), list[tuple[str, str]]()
    for known in _tables_with().get(squash(header), ()):
        if wanted in (None, known.object) and known.system not in without:
            for field in known.columns.get(squash(header), ()):
                votes[field].append(known.system)
            if squash(header) in known.reasons:
                reasons.append((known.system, known.reasons[squash(header)]))
    total = max((len(systems) for systems in votes.values()), default=0) + len(reasons)
    shares = {field: (len(systems) / total, systems[0]) for field, systems in votes.items()}
    return shares, "" if shares or not reasons else f"{reasons[0][0]} has it, too: {reasons[0][1]}"


def transform_of(field: Field) -> str:
    """Name the transform, value map or lookup by which a column would fill a field."""
    if field.kind == "dropdown":
        return f"value map {field.name.removeprefix('cf_').removesuffix('_id')}"
    if field.kind == "lookup":
        return f"lookup by {field.name}"
    named = {row["field_or_type"]: row["transform"] for row in rows_of("field_transforms.csv")}
    return named.get(field.name) or named.get(field.kind, "text")


def telling_values(values: Sequence[str], wanted: str | None) -> tuple[set[str], set[str], bool]:
    """Return the fields whose usual values these are, those whose few values these are not, and whether they stay out."""
    filled = {one.strip().lower() for one in values if one.strip()}
    likely, unlikely, stays = set[str](), set[str](), False
    for listed, fields, is_closed, known, shape in _usual_values():
        if not filled or wanted not in (None, listed):
            continue
        share = sum(one in known or bool(shape and shape.fullmatch(one)) for one in filled) / len(filled)
        stays |= not fields and share == 1 and len(filled) > 1
        likely |= fields if share >= USUAL else set()
        unlikely |= fields if is_closed and share < UNUSUAL else set()
    return likely, unlikely, stays


def weigh(fields: Sequence[Field]) -> dict[str, float]:
    """Return how much each word tells: one that few fields are called by tells more."""
    said = defaultdict[str, set[str]](set)
    for field in fields:
        for words in field.names | field.said.keys():
            for word in words:
                said[word].add(field.name)
    return {word: math.log(1 + len(fields) / len(names)) for word, names in said.items()}


def _field(wanted: str, name: str, label: str, kind: str) -> Field:
    names = frozenset(filter(None, (fold(name), fold(name.removesuffix("_id")), fold(label))))
    return Field(wanted, name, kind, names, _said().get((wanted, name)) or _said_by_label(wanted, names))


def _said_by_label(wanted: str, names: frozenset[Words]) -> Mapping[Words, float]:
    """Return the phrases of the shipped field that a tenant's own field is called like, by name or label."""
    said = (known for (kind, _), known in _said().items() if kind == wanted and names & known.keys())
    return next(said, {})


@cache
def _said() -> dict[tuple[str, str], dict[Words, float]]:
    return {
        (row["destination_object"], name): {
            words: SAID_AS[one[-1:]] if one[-1:] in SAID_AS else SAID_AS[""]
            for one in reversed(row["said_as"].split("|"))
            if (words := fold(one.rstrip("?!")))
        }
        for row in rows_of("field_synonyms.csv")
        for name in row["destination_fields"].split("|")
    }


@cache
def _usual_values() -> list[tuple[str, set[str], bool, set[str], re.Pattern[str] | None]]:
    made = []
    for row in rows_of("telling_values.csv"):
        shape = re.search(r"(?:^|(?<=\|))/(.+)/(?=\||$)", row["values"])
        known = set((row["values"].replace(shape[0], "") if shape else row["values"]).split("|")) - {""}
        fields = set(row["fields"].split("|")) - {""}
        made.append((row["object"], fields, row["closed"] == "yes", known, re.compile(shape[1]) if shape else None))
    return made


@cache
def _rules() -> list[tuple[frozenset[str], str, bool, str]]:
    return [
        (frozenset(row["words"].split()), row["object"] or "", row["always"] == "yes", row["reason"])
        for row in rows_of("left_out.csv")
    ]


@cache
def _tables() -> tuple[KnownTable, ...]:
    made: dict[tuple[str, str, str], tuple[dict[str, tuple[str, ...]], dict[str, str]]] = {}
    for row in rows_of("known_columns.csv"):
        columns, reasons = made.setdefault((row["system"], row["table"], row["object"]), ({}, {}))
        if row["fields"]:
            columns[squash(row["column"])] = tuple(row["fields"].split("|"))
        else:
            reasons[squash(row["column"])] = row["reason"]
    return tuple(KnownTable(*key, *both) for key, both in made.items())


@cache
def _tables_with() -> dict[str, list[KnownTable]]:
    """Return the tables that have a column of a name: a name that one system alone has tells that system."""
    found = defaultdict[str, list[KnownTable]](list)
    for known in _tables():
        for name in (*known.columns, *known.reasons):
            found[name].append(known)
    return found


@cache
def rows_of(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of one CSV file that ships with this room."""
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
