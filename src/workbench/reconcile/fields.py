"""Every mapped field, link and owner of every delivered row against what the tenant holds now."""

from __future__ import annotations

from typing import Any

import polars as pl

from workbench.canonical import Form, canonical
from workbench.freshsales.endpoints import endpoint
from workbench.ledger.identities import ADOPTED, live_identities
from workbench.ledger.images import last_image
from workbench.ledger.store import Ledger
from workbench.load.payload import Resolver
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.settings import Settings
from workbench.staging.rows import form_of
from workbench.vocabulary import Edition, Kind
from workbench.warehouse import Warehouse, identifier

READABLE_OF_FILES = {"file_name"}
"""Freshsales lists a file by name only: bytes and hash were checked before the upload."""


def write_expected(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping, resolver: Resolver) -> int:
    """Write reconciled.expected_<mapping>: delivered rows in canonical text, lookups as the ids they resolve to.

    A row delivered once that is held now, or waits (`write_waiting`), is left out: what is staged of it did not travel.
    """
    names = compared_fields(mapping)
    shape: dict[str, Any] = {"source_id": pl.String, "destination_id": pl.Int64}
    shape |= dict.fromkeys([*names, *mapping.lookups], pl.String)
    table = f"reconciled.expected_{mapping.name}"
    warehouse.write(table, pl.DataFrame(schema=shape))
    query = (
        f"SELECT s.*, i.destination_id FROM staged.{mapping.name} s JOIN destination.identities i"
        f" ON i.source_object = '{mapping.source_object}' AND i.source_id = s.source_id AND i.mapping = '{mapping.name}'"
        " WHERE NOT EXISTS (SELECT 1 FROM checked.held h"
        f" WHERE h.source_object = '{mapping.source_object}' AND h.source_id = s.source_id)"
        f" AND s.source_id NOT IN (SELECT source_id FROM reconciled.waiting WHERE mapping = '{mapping.name}')"
    )
    count = 0
    for frame in warehouse.frames(query):
        rows = [_expected(settings, mapping, names, row, resolver) for row in frame.iter_rows(named=True)]
        warehouse.write(table, pl.DataFrame(rows, schema=shape), append=True)
        count += len(rows)
    return count


def compared_fields(mapping: ObjectMapping) -> list[str]:
    """Return the fields that can be read back."""
    names = list(mapping.fields)
    names += [field.shared for field in mapping.fields.values() if field.shared and field.shared not in mapping.fields]
    return [name for name in names if mapping.kind is not Kind.FILE or name in READABLE_OF_FILES]


def _expected(
    settings: Settings, mapping: ObjectMapping, names: list[str], row: dict[str, Any], resolver: Resolver
) -> dict[str, Any]:
    made: dict[str, Any] = {"source_id": row["source_id"], "destination_id": row["destination_id"]}
    for name in names:
        field = mapping.fields.get(name)
        made[name] = canonical(form_of(field) if field else Form.TEXT, row[name])
    for name in mapping.lookups:
        found = resolver.find(row[name]) if row[name] else None
        made[name] = (
            None if found is None else link_text(found, settings.edition) if name == "target" else str(found[1])
        )
    return made


def link_text(found: tuple[str, int], edition: Edition) -> str:
    """Return one text for a polymorphic link; a Suite lead is a contact."""
    return f"{endpoint(found[0], edition).singular}:{found[1]}"


def keep_theirs(warehouse: Warehouse, ledger: Ledger) -> None:
    """Write reconciled.theirs: the fields of adopted records that held a value of their own, which was not written over."""
    rows = [
        (one.mapping, one.source_id, name)
        for one in live_identities(ledger)
        if one.origin == ADOPTED
        for name in last_image(ledger, one.operation_id, "kept") or ()
    ]
    shape = dict.fromkeys(("mapping", "source_id", "field"), pl.String)
    warehouse.write("reconciled.theirs", pl.DataFrame(rows, schema=shape, orient="row"))


def compare_mapping(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping) -> int:
    """Append the differences of one mapping to reconciled.differences and return how many."""
    table = f"destination.{endpoint(mapping.destination, settings.edition).plural}"
    expected = f"reconciled.expected_{mapping.name}"
    warehouse.run(
        f"INSERT INTO reconciled.differences SELECT '{mapping.name}', e.source_id, NULL, 'missing' FROM {expected} e"
        f" WHERE e.destination_id NOT IN (SELECT destination_id FROM {table})"
    )
    for name in [*compared_fields(mapping), *mapping.lookups]:
        kind = "link" if name in mapping.lookups else "value"
        column = identifier(name)
        warehouse.run(
            f"INSERT INTO reconciled.differences SELECT '{mapping.name}', e.source_id, '{name}', '{kind}' FROM {expected} e"
            f" JOIN {table} d ON d.destination_id = e.destination_id WHERE e.{column} IS DISTINCT FROM d.{column}"
            f" AND e.source_id NOT IN (SELECT source_id FROM reconciled.theirs WHERE mapping = '{mapping.name}' AND field = '{name}')"
        )
    return int(warehouse.run("SELECT count(*) FROM reconciled.differences WHERE mapping = ?", [mapping.name])[0][0])


def find_strays(warehouse: Warehouse, settings: Settings, mappings: Mappings) -> int:
    """Append records that carry a source id, marker or file of ours and are no identity of ours: doubles, each an incident."""
    groups: dict[str, list[ObjectMapping]] = {}
    for mapping in mappings.objects:
        if mapping.kind in (Kind.RECORD, Kind.FILE):
            groups.setdefault(endpoint(mapping.destination, settings.edition).plural, []).append(mapping)
    for plural, members in sorted(groups.items()):
        kinds = ", ".join(sorted({f"'{one.destination}'" for one in members}))
        ours = " UNION ALL ".join(f"SELECT source_id FROM staged.{one.name}" for one in members)
        double = f"d.source_id IN ({ours})"
        if members[0].kind is Kind.FILE:
            same = f"SELECT 1 FROM reconciled.expected_{members[0].name} e WHERE e.target = d.target AND e.file_name = d.file_name"
            double = f"EXISTS ({same})"
        # Ids count by kind: a contact and a deal may have the same number.
        warehouse.run(
            f"INSERT INTO reconciled.differences SELECT '{plural}', d.source_id, NULL, 'extra' FROM destination.{plural} d"
            f" WHERE {double} AND d.destination_id NOT IN"
            f" (SELECT destination_id FROM destination.identities WHERE destination IN ({kinds}))"
        )
    return int(warehouse.run("SELECT count(*) FROM reconciled.differences WHERE kind = 'extra'")[0][0])
