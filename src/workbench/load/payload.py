"""Frozen rows become typed fields with destination ids, a batch at a time, just before the intents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from workbench.canonical import Form
from workbench.errors import StoreProblem
from workbench.freshsales.endpoints import REMOVED, SOURCE_ID, endpoint
from workbench.freshsales.shapes import around
from workbench.ledger.identities import find_identity
from workbench.ledger.images import last_image
from workbench.ledger.plans import Plan, PlannedRow
from workbench.load.session import Resolver, Session
from workbench.mapping.object_mapping import ObjectMapping
from workbench.staging.removals import MARKED
from workbench.staging.rows import NOT_SENT, form_of
from workbench.warehouse import Warehouse, identifier, open_warehouse, quoted

SEPARATOR = "\x1e"
"""Between the parts of a completed fingerprint, and between several missing keys."""
Known = tuple[str, str, str | None, int]
"""A column, a text in it, what it stands within, and the id that it means."""
ROWS_AT_ONCE, FEW = 50_000, 20_000
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
                f" workbench run --from validate{session.settings.option}"
            )
        warehouse.run(
            f"CREATE TEMP TABLE due AS SELECT * FROM staged.{mapping.name} WHERE source_id IN (SELECT unnest(?))",
            [wanted],
        )
        with filled(warehouse, resolver, mapping, "due", at_most=len(wanted)) as made:
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
def filled(
    warehouse: Warehouse, resolver: Resolver, mapping: ObjectMapping, rows: str, *, at_most: int
) -> Iterator[Filled]:
    """Join staged rows (a table, or a query in brackets) with the ids of what they name, and give the SQL of payloads.

    The ids are those that the resolver knows now, one look-up a distinct key; SetupMissing when the tenant lacks a name.
    `at_most` so many rows there are: of few, all columns are asked at once.
    """
    columns = [name for name in warehouse.columns(f"staged.{mapping.name}") if name not in NOT_SENT]
    source, joined = f"FROM {rows} s", [f"FROM {rows} s"]
    ids = {
        name: f"ids_{place}"
        for place, name in enumerate(columns)
        if name in mapping.lookups or _is_named(mapping, name)
    }
    groups = [[*ids]] if at_most <= FEW else [[name] for name in ids]
    made = "CREATE OR REPLACE TEMP TABLE known_ids AS"
    for names in groups if ids else ():
        _hand_over(warehouse, made, _known(warehouse, resolver, mapping, names, source))
        made = "INSERT INTO known_ids"
    for name, alias in ids.items():
        part = "" if name in mapping.lookups else f" AND {alias}.part IS NOT DISTINCT FROM {_part(mapping, name)}"
        joined.append(
            f"LEFT JOIN known_ids {alias} ON {alias}.name = {quoted(name)} AND {alias}.key = s.{identifier(name)}{part}"
        )
    yield _filled(resolver, mapping, columns, ids, " ".join(joined))
    if ids:
        warehouse.run("DROP TABLE known_ids")


def _is_named(mapping: ObjectMapping, name: str) -> bool:
    return name in mapping.fields and bool(mapping.fields[name].names)


def _part(mapping: ObjectMapping, name: str) -> str:
    """Return the SQL of what a name stands within, as a stage within its pipeline."""
    within = mapping.fields[name].within if name in mapping.fields else None
    return f"s.{identifier(within)}" if within else "NULL::VARCHAR"


def _hand_over(warehouse: Warehouse, made: str, known: list[Known]) -> None:
    """Give DuckDB what is known as a temporary table; an Arrow table would cost 50 MB of imports."""
    for start in range(0, max(len(known), 1), ROWS_AT_ONCE):
        columns = [list(one) for one in zip(*known[start : start + ROWS_AT_ONCE], strict=True)] or [[], [], [], []]
        warehouse.run(
            f"{made} SELECT unnest(?::VARCHAR[]) AS name, unnest(?::VARCHAR[]) AS key, unnest(?::VARCHAR[]) AS part,"
            " unnest(?::BIGINT[]) AS id",
            columns,
        )
        made = "INSERT INTO known_ids"


def _known(
    warehouse: Warehouse, resolver: Resolver, mapping: ObjectMapping, names: Sequence[str], source: str
) -> list[Known]:
    """Return (column, text, part, id) of what the distinct texts of some columns stand for."""
    asked = " UNION ALL ".join(
        f"SELECT DISTINCT {quoted(name)}, s.{identifier(name)}, {_part(mapping, name)} {source}"
        f" WHERE s.{identifier(name)} IS NOT NULL"
        for name in names
    )
    found: list[Known] = []
    for name, text, part in warehouse.run(asked):
        if name not in mapping.lookups:
            found.append((name, text, part, resolver.choice(mapping.fields[name], text, part)))
        elif text and (one := resolver.find(text)) and resolver.may_link(name, one[0]):
            found.append((name, text, *one))
    return found


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
