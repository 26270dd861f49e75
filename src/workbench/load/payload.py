"""Frozen rows become typed fields with destination ids, a batch at a time, just before the intents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from workbench.canonical import Form
from workbench.errors import SetupMissing, StoreProblem
from workbench.freshsales.endpoints import REMOVED, SOURCE_ID, endpoint
from workbench.freshsales.foreign import read_converted
from workbench.freshsales.schema import TenantSchema
from workbench.freshsales.shapes import around
from workbench.ledger.identities import find_identity, live_ids
from workbench.ledger.images import last_image
from workbench.ledger.plans import Plan, PlannedRow
from workbench.ledger.store import Ledger
from workbench.load.session import Session
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import FieldMapping, ObjectMapping
from workbench.mapping.value_map import CONFLICTS, EXISTING, adoptions, decided_conflicts
from workbench.staging.removals import MARKED, read_vanished
from workbench.staging.rows import NOT_SENT, form_of
from workbench.vocabulary import Decision
from workbench.warehouse import Warehouse, identifier, open_warehouse, quoted

SEPARATOR = "\x1e"
"""Between the parts of a completed fingerprint, and between several missing keys."""
ROWS_AT_ONCE = 50_000
MEGABYTES = 96
"""What the warehouse may take while rows stream by: its cache would take all it is given, and with 64 it reads twice."""
ASIDE = "emails_more"
"""A person with further e-mails has another record than the others: it is shaped alone."""


@dataclass(frozen=True)
class Payload:
    """Flat typed fields, the completed fingerprint, and required lookups that have no record yet.

    `record` is what a create of it sends, as JSON, where the mapping's records can go in bulk.
    """

    fields: dict[str, Any] = field(repr=False)
    completed: str
    missing: tuple[str, ...]
    record: bytes | None = field(default=None, repr=False)


class Resolver:
    """Turns source keys and names into the tenant's ids; knows each record that the ledger knows."""

    def __init__(
        self,
        schema: TenantSchema,
        live: dict[str, tuple[str, int]],
        adopted: Mapping[str, int] | None = None,
        converted: Mapping[str, tuple[str, int]] | None = None,
        *,
        vanished: Mapping[str, tuple[str, int] | None] | None = None,
        decided: Mapping[str, Mapping[str, Decision]] | None = None,
    ) -> None:
        self.schema = schema
        self.vanished = dict(vanished or {})
        """Records of ours that a person deleted (None), or merged into another one, which stands for both from then on."""
        self.decided = decided or {}
        """What a person decided about fields that both sides changed, by source key."""
        self.answered: set[str] = set()
        """Rows for a field of which a person decided for the source, and that still is a person's."""
        self.gone = {key: live[key] for key in self.vanished if key in live}
        """Where those stood."""
        self.live = {key: place for key, place in live.items() if key not in self.vanished} | dict(converted or {})
        self.live |= {key: place for key, place in self.vanished.items() if place}
        self.adopted = {key: number for key, number in (adopted or {}).items() if key not in live}
        """Foreign records that stand for a source row by decision, or that came of one of ours by a person's
        conversion, and that the ledger does not know yet."""
        self.adopted |= {key: number for key, (_, number) in (converted or {}).items()}
        self.owners = {email.strip().lower(): number for email, number in schema.choices("users").items()}

    def learn(self, source_key: str, destination: str, number: int) -> None:
        """Remember a record that was just made."""
        self.live[source_key] = (destination, number)
        self.adopted.pop(source_key, None)

    def find(self, source_key: str) -> tuple[str, int] | None:
        """Return (destination, id) of what a source key stands for, if it is there."""
        if source_key.startswith("owners/"):
            number = self.owners.get(source_key.removeprefix("owners/"))
            return ("user", number) if number else None
        return self.live.get(source_key)

    def may_link(self, name: str, destination: str) -> bool:
        """Say whether a field takes the id of such a record: a deal's contact is never a Classic lead."""
        return name != "contact" or endpoint(destination, self.schema.edition).singular == name

    def choice(self, field: FieldMapping, name: str, within: str | None) -> int:
        """Return the id of an entry that the tenant offers; SetupMissing when it offers none of that name."""
        assert field.names
        choices = self.schema.choices(field.names, within)
        if name not in choices:
            raise SetupMissing(
                f"The tenant has no {field.names.replace('_', ' ')} entry {name!r}. Run notebooks/40_setup.ipynb:"
                " it lists what an admin has to add."
            )
        return choices[name]


def knowing(warehouse: Warehouse, schema: TenantSchema, ledger: Ledger, mappings: Mappings) -> Resolver:
    """Return a resolver of what the ledger holds, what was decided, and what the last census saw of conversions and losses."""
    live = live_ids(ledger)
    converted = read_converted(warehouse, ledger.tenant(), live)
    vanished = read_vanished(warehouse, ledger.tenant(), live)
    decided = decided_conflicts(mappings.values(CONFLICTS))
    made = Resolver(schema, live, adoptions(mappings.values(EXISTING)), converted, vanished=vanished, decided=decided)
    made.answered = {key for key, fields in decided.items() if _waits_for(ledger, key, fields)}
    return made


def _waits_for(ledger: Ledger, key: str, fields: Mapping[str, Decision]) -> bool:
    """Say whether a field that was decided for the source was last left as a person's."""
    source_object, _, source_id = key.partition("/")
    identity = find_identity(ledger, source_object, source_id)
    kept = last_image(ledger, identity.operation_id, "kept") if identity else None
    return any(decision is Decision.MAP and name in (kept or ()) for name, decision in fields.items())


def frozen_payloads(
    session: Session, plan: Plan, mapping: ObjectMapping, rows: Sequence[PlannedRow], resolver: Resolver
) -> dict[str, Payload]:
    """Return the payloads of planned rows, by source id; rows staged again since the plan was made are refused.

    For a row that is gone from the export stands what was sent of it last: its record stays, but for the mark.
    """
    wanted = [row.source_id for row in rows if row.fingerprint != MARKED]
    with open_warehouse(session.settings.warehouse, megabytes=MEGABYTES) as warehouse:
        stamp = str(warehouse.run("SELECT stamp FROM staged.stamp")[0][0])
        if stamp != plan.stamp:
            raise StoreProblem(
                "The rows were staged again after this plan was made. Finish or give up this load, then plan anew:"
                " workbench run --from validate"
            )
        warehouse.run(
            f"CREATE TEMP TABLE due AS SELECT * FROM staged.{mapping.name} WHERE source_id IN (SELECT unnest(?))",
            [wanted],
        )
        with filled(warehouse, resolver, mapping, "due") as made:
            found = warehouse.run(
                f"SELECT s.source_id, {made.fields}, {made.completed}, {made.missing}, encode({made.record}) {made.rows}"
            )
    payloads = {str(source_id): _payload(*one) for source_id, *one in found}
    for row in rows:
        if row.fingerprint == MARKED:
            identity = find_identity(session.ledger, row.source_object, row.source_id)
            sent = last_image(session.ledger, identity.operation_id, "sent") if identity else None
            payloads[row.source_id] = Payload({**(sent or {}), REMOVED: True}, MARKED, ())
    return payloads


def _payload(fields: str, completed: str, missing: str | None, record: bytes | None) -> Payload:
    typed = orjson.loads(fields)
    if "target" in typed:
        typed["target"] = tuple(typed["target"])
    return Payload(typed, completed, tuple(missing.split(SEPARATOR)) if missing else (), record)


@dataclass(frozen=True)
class Filled:
    """SQL of what staged rows `s` become: expressions, and `rows`, the FROM that they stand over.

    `fields` and `record` are JSON texts; `missing` holds keys by SEPARATOR; `linked` the names of filled lookups by comma.
    """

    rows: str
    fields: str
    record: str
    completed: str
    missing: str
    linked: str


@contextmanager
def filled(warehouse: Warehouse, resolver: Resolver, mapping: ObjectMapping, rows: str) -> Iterator[Filled]:
    """Join staged rows (a table, or a query in brackets) with the ids of what they name, and give the SQL of payloads.

    The ids are those that the resolver knows now, one look-up a distinct key; SetupMissing when the tenant lacks a name.
    """
    columns = [name for name in warehouse.columns(f"staged.{mapping.name}") if name not in NOT_SENT]
    source, joined = f"FROM {rows} s", [f"FROM {rows} s"]
    ids: dict[str, str] = {}
    for place, name in enumerate(columns):
        if name in mapping.lookups or _is_named(mapping, name):
            ids[name] = f"ids_{place}"
            known, matches = _known(warehouse, resolver, mapping, name, source)
            _hand_over(warehouse, ids[name], known)
            joined.append(f"LEFT JOIN {ids[name]} ON {ids[name]}.{matches.format(ids[name])}")
    yield _filled(resolver, mapping, columns, ids, " ".join(joined))
    for table in ids.values():
        warehouse.run(f"DROP TABLE {table}")


def _is_named(mapping: ObjectMapping, name: str) -> bool:
    return name in mapping.fields and bool(mapping.fields[name].names)


def _hand_over(warehouse: Warehouse, table: str, known: list[tuple[str, str | None, int]]) -> None:
    """Give DuckDB what is known as a temporary table; an Arrow table would cost 50 MB of imports."""
    made = f"CREATE OR REPLACE TEMP TABLE {table} AS"
    for start in range(0, max(len(known), 1), ROWS_AT_ONCE):
        columns = [list(column) for column in zip(*known[start : start + ROWS_AT_ONCE], strict=True)] or [[], [], []]
        warehouse.run(
            f"{made} SELECT unnest(?::VARCHAR[]) AS key, unnest(?::VARCHAR[]) AS part, unnest(?::BIGINT[]) AS id",
            columns,
        )
        made = f"INSERT INTO {table}"


def _known(
    warehouse: Warehouse, resolver: Resolver, mapping: ObjectMapping, name: str, source: str
) -> tuple[list[tuple[str, str | None, int]], str]:
    """Return (text, part, id) of what a column's distinct texts stand for, and how a row finds its own among them."""
    text = f"s.{identifier(name)}"
    if name in mapping.lookups:
        keys = warehouse.run(f"SELECT DISTINCT {text} {source} WHERE {text} <> ''")
        places = ((key, resolver.find(key)) for (key,) in keys)
        return [(key, *one) for key, one in places if one and resolver.may_link(name, one[0])], f"key = {text}"
    field = mapping.fields[name]
    part = f"s.{identifier(field.within)}" if field.within else "NULL::VARCHAR"
    pairs = warehouse.run(f"SELECT DISTINCT {text}, {part} {source} WHERE {text} IS NOT NULL")
    rows = [(entry, within, resolver.choice(field, entry, within)) for entry, within in pairs]
    return rows, f"key = {text} AND {{0}}.part IS NOT DISTINCT FROM {part}"


def _filled(
    resolver: Resolver, mapping: ObjectMapping, columns: Sequence[str], ids: Mapping[str, str], rows: str
) -> Filled:
    links = [name for name in columns if name in mapping.lookups]
    texts = {
        name: _json(mapping, name, ids.get(name)) for name in [*(one for one in columns if one not in links), *links]
    }
    flat = ", ".join(f"'\"{name}\":' || {text}" for name, text in texts.items())
    # By name, as the texts "name=id" sort.
    parts = ", ".join(f"'{name}=' || {ids[name]}.id" for name in sorted(links, key=lambda one: f"{one}="))
    lacking = ", ".join(
        f"CASE WHEN {ids[name]}.id IS NULL THEN nullif(s.{identifier(name)}, '') END"
        for name in links
        if mapping.lookups[name].required
    )
    linked = ", ".join(f"CASE WHEN {ids[name]}.id IS NOT NULL THEN '{name}' END" for name in links)
    separator = f"chr({ord(SEPARATOR)})"
    return Filled(
        rows,
        f"'{{' || concat_ws(',', {flat}) || '}}'",
        _record(resolver, mapping, texts),
        f"sha256(concat_ws({separator}, s.fingerprint{', ' if parts else ''}{parts}))",
        f"nullif(concat_ws({separator}, {lacking}), '')" if lacking else "NULL",
        f"concat_ws(',', {linked})" if linked else "''",
    )


def _json(mapping: ObjectMapping, name: str, ids: str | None) -> str:
    """Return the SQL of a flat value as JSON."""
    if ids:
        return f"'[\"' || {ids}.part || '\",' || {ids}.id || ']'" if name == "target" else f"{ids}.id"
    value, field = f"s.{identifier(name)}", mapping.fields.get(name)
    match form_of(field) if field else Form.TEXT:
        case Form.NUMBER:
            return f"{value}::BIGINT"
        case Form.BOOLEAN:
            return f"({value} = 'true')"
        case Form.LIST:
            return f"nullif({value}, '[]')"
    return f"to_json(nullif({value}, ''))"


def _record(resolver: Resolver, mapping: ObjectMapping, texts: Mapping[str, str]) -> str:
    """Return the SQL of what a create sends, as `shape` makes it of each field; empty ones are left out."""
    edition = resolver.schema.edition
    if SOURCE_ID not in texts or endpoint(mapping.destination, edition).bulk_identifier is None:
        return "NULL"
    plain: list[str] = []
    custom: list[str] = []
    for name, text in texts.items():
        if name == ASIDE:
            continue
        is_id = name in mapping.lookups or _is_named(mapping, name)
        for one in around(mapping.destination, name, edition, is_id=is_id):
            # The id leads, so that each of the others has its comma before it: concat leaves out what is empty.
            before = one.before if name == SOURCE_ID else f",{one.before}"
            parts = [quoted(before), text, *([quoted(one.after)] if one.after else [])]
            into = custom if one.is_custom else plain
            into.insert(0 if name == SOURCE_ID else len(into), " || ".join(parts))
    whole = f"concat('{{\"custom_field\":{{', {', '.join(custom)}, '}}', {', '.join([*plain, quoted('}')])})"
    aside = f" AND s.{identifier(ASIDE)} IS NULL" if ASIDE in texts else ""
    return f"CASE WHEN s.{identifier(SOURCE_ID)} <> ''{aside} THEN {whole} END"
