"""Read the tenant by pages into destination.*, one canonical text a mapped field, found by source id or marker; with its digests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import polars as pl

from workbench.canonical import Form, canonical
from workbench.freshsales.census import list_records, read_children, read_documents, read_pages
from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import SOURCE_ID, endpoint
from workbench.freshsales.foreign import read_converted
from workbench.freshsales.records import read_record
from workbench.freshsales.schema import TenantSchema
from workbench.freshsales.shapes import flatten
from workbench.log import Progress
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.expected import digest_column, digest_sql
from workbench.settings import Settings
from workbench.staging.removals import read_vanished
from workbench.staging.rows import form_of
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, open_warehouse

MARKER = re.compile(r"\[Dental-Exec (?P<object>[a-z_]+)/(?P<id>[^ \]]+) ·")
"""Ids stand in a marker as `words.marker_word` writes them; the last marker of a text counts, others are quoted."""
ROWS_AT_ONCE = 5_000
Record = dict[str, Any]


def read_tenant(
    settings: Settings,
    records: Sequence[ObjectMapping],
    tenant: Freshsales,
    schema: TenantSchema,
    seen: Callable[[str, Record], None],
) -> dict[str, int]:
    """Read every record of the kinds that mappings write, keep it under its source key; return the calls by kind.

    Each is shown to `seen`, with its destination, as the tenant told it.
    """
    calls: dict[str, int] = {}
    groups: dict[str, list[ObjectMapping]] = {}
    for mapping in records:
        groups.setdefault(endpoint(mapping.destination, settings.edition).plural, []).append(mapping)
    for plural, members in groups.items():
        before = tenant.calls
        listed = _shown(_records(settings, tenant, members), sorted({one.destination for one in members}), seen)
        rows = (_canonical_row(settings, members, record, schema) for record in listed)
        with open_warehouse(settings.warehouse, write=True) as warehouse:
            _write(warehouse, f"destination.{plural}", members, rows)
        calls[plural] = tenant.calls - before
    return calls


def _shown(
    records: Iterable[Record], destinations: Sequence[str], seen: Callable[[str, Record], None]
) -> Iterator[Record]:
    for record in records:
        for destination in destinations:
            seen(destination, record)
        yield record


def _records(settings: Settings, tenant: Freshsales, members: list[ObjectMapping]) -> list[Record]:
    """Return the records of one kind by the cheapest way there is: views, list pages, or each parent's own list."""
    where = endpoint(members[0].destination, settings.edition)
    if where.views:
        listed = [record for page in read_pages(tenant, where) for record in page]
        if any("contact" in one.lookups for one in members):
            return _with_contacts(tenant, where.destination, listed)
        return listed
    if where.list_path:
        return list(list_records(tenant, where.destination))
    return list(_from_parents(settings, tenant, members))


def _with_contacts(tenant: Freshsales, destination: str, listed: list[Record]) -> list[Record]:
    """Read deals one by one: their views do not say which contacts hang on which deal."""
    progress = Progress(f"Reading {destination}s with their contacts", len(listed))
    found = []
    for record in listed:
        progress.step()
        found.append(read_record(tenant, destination, int(record["id"])) or record)
    return found


def _from_parents(settings: Settings, tenant: Freshsales, members: list[ObjectMapping]) -> Iterator[Record]:
    """Yield notes or files from the lists of every parent that was given one: one call a parent."""
    with open_warehouse(settings.warehouse) as warehouse:
        parents = sorted(
            {
                row[0]
                for one in members
                for row in warehouse.run(f"SELECT DISTINCT target FROM staged.{one.name}")
                if row[0]
            }
        )
        ids = {
            f"{row[0]}/{row[1]}": (row[2], row[3])
            for row in warehouse.run(
                "SELECT source_object, source_id, destination, destination_id FROM destination.identities"
            )
        }
        merged = read_vanished(warehouse, tenant.alias, ids)
        ids |= read_converted(warehouse, tenant.alias, ids)
        ids |= {key: place for key, place in merged.items() if place}
    where = endpoint(members[0].destination, settings.edition)
    places = list(dict.fromkeys(ids[key] for key in parents if key in ids))  # two rows may stand for one, by a merge
    progress = Progress(f"Reading {where.plural}", len(places))
    for destination, number in places:
        progress.step()
        plural = endpoint(destination, settings.edition).plural
        listed = (
            read_documents(tenant, plural, number)
            if members[0].kind is Kind.FILE
            else read_children(tenant, plural, number, where.children or "notes")
        )
        for record in listed:
            yield {**record, "target": [destination, number]}


def _canonical_row(settings: Settings, members: list[ObjectMapping], record: Record, schema: TenantSchema) -> Record:
    mapping = members[0]
    prefix = settings["source.id_prefix"]
    flat = flatten(mapping.destination, record)
    where = endpoint(mapping.destination, settings.edition)
    row: Record = {"destination_id": int(record["id"]), "source_id": None, "source_object": None}
    if where.has_custom_fields:
        row["source_id"] = flat.get(SOURCE_ID)
    elif where.text_field:
        for found in MARKER.finditer(str(record.get(where.text_field) or "")):
            row["source_object"], row["source_id"] = found["object"], unquote(found["id"])
    if row["source_id"] and prefix:
        # Without our prefix it belongs to another migration that shares the tenant.
        own = str(row["source_id"])
        row["source_id"] = own.removeprefix(prefix) if own.startswith(prefix) else None
    for member in members:
        for name, field in member.fields.items():
            value = flat.get(name)
            if field.names and value is not None:
                row[name] = schema.name_of(field.names, value)
            else:
                row[name] = canonical(form_of(field), value)
            if field.shared:
                row[field.shared] = canonical(Form.TEXT, flat.get(field.shared))
        for name in member.lookups:
            value = flat.get(name) if name != "target" else record.get("target") or flat.get("target")
            row[name] = _link(settings, name, value)
    return row


def _link(settings: Settings, name: str, value: Any) -> str | None:
    """Return one text for a link; several contacts of a deal are all told."""
    if not isinstance(value, list | tuple):
        return None if value is None else str(value)
    if name == "target" and value:
        return f"{endpoint(str(value[0]), settings.edition).singular}:{value[1]}"
    return "|".join(str(one) for one in value) or None


def _write(warehouse: Warehouse, table: str, members: list[ObjectMapping], rows: Iterator[Record]) -> None:
    names = sorted(
        {name for one in members for name in (*one.fields, *one.lookups)}
        | {field.shared for one in members for field in one.fields.values() if field.shared}
    )
    shape: dict[str, Any] = {"destination_id": pl.Int64, "source_object": pl.String, "source_id": pl.String}
    shape |= dict.fromkeys(names, pl.String)
    digests = {digest_column(one): digest_sql(one) for one in members}
    warehouse.write(table, pl.DataFrame(schema=shape | dict.fromkeys(digests, pl.UInt64)))
    chunk: list[Record] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) >= ROWS_AT_ONCE:
            warehouse.write(table, pl.DataFrame(chunk, schema=shape), append=True, made=digests)
            chunk = []
    if chunk:
        warehouse.write(table, pl.DataFrame(chunk, schema=shape), append=True, made=digests)
