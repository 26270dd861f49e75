"""Rows that may stand in the tenant already: held until a person says so, and what foreign records keep taken."""

from __future__ import annotations

from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.foreign import ASKING, CONVERTED, FOREIGN, LOADED, has_foreign, match_foreign
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.spellings import standing_rows
from workbench.mapping.value_map import EXISTING, adoptions
from workbench.staging.problems import Problems
from workbench.vocabulary import Kind, Severity
from workbench.warehouse import Warehouse

OPEN = "may stand in the tenant already; decide it in mappings/values/existing.csv"
ELSEWHERE = (
    "is to adopt a record of another kind than its mapping makes; let a person convert the lead there, or decide it again in"
    " mappings/values/existing.csv"
)
GONE = "is to adopt a record that this tenant does not have; decide it again in mappings/values/existing.csv"


def hold_existing(warehouse: Warehouse, mappings: Mappings) -> int:
    """List every claimed row that matches a foreign record and has no answer, or adopts what is not there."""
    existing = mappings.values(EXISTING)
    adopted = adoptions(existing)
    open_rows: set[str] = set()
    if has_foreign(warehouse):
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE standing ({ASKING})")
        for source in mappings.sources.values():
            if select := standing_rows(mappings, source, source.table):
                warehouse.run(f"INSERT INTO standing {select}")
        keys = {one.source_key for one in match_foreign(warehouse)}
        open_rows = {key for key in keys if key not in existing.rows or existing.rows[key].is_open}
    there = _standing(warehouse)
    numbers = {number for _, number in there}
    loaded = _loaded(warehouse)
    claimed = _claims(warehouse, {*open_rows, *adopted})
    count = 0
    for mapping in mappings.objects:
        problems = Problems(mapping.name, mapping.source_object)
        plural = endpoint(mapping.destination, mappings.settings.edition).plural if _may_stand(mapping) else ""
        for key in sorted(claimed.get(mapping.name, ())) if plural else ():
            source_id = key.partition("/")[2]
            if key in open_rows:
                problems.note(source_id, EXISTING, EXISTING, Severity.HOLD, OPEN)
            elif key in adopted and (plural, adopted[key]) not in there and key not in loaded:
                reason = ELSEWHERE if adopted[key] in numbers else GONE
                problems.note(source_id, EXISTING, EXISTING, Severity.HOLD, reason)
        count += problems.write(warehouse)
    return count


def hand_over_taken(warehouse: Warehouse, mappings: Mappings) -> None:
    """Give DuckDB the names and e-mails of foreign records that nobody adopts, and the rows that adopt one."""
    adopted = adoptions(mappings.values(EXISTING))
    warehouse.run("CREATE OR REPLACE TEMP TABLE adopting (source_key VARCHAR, destination_id BIGINT)")
    if adopted:
        warehouse.connection.executemany("INSERT INTO adopting VALUES (?, ?)", [list(one) for one in adopted.items()])
    source = (
        FOREIGN
        if has_foreign(warehouse)
        else "(SELECT NULL::VARCHAR AS name, []::VARCHAR[] AS emails, 0 AS destination_id)"
    )
    theirs = f"{source} f WHERE f.destination_id NOT IN (SELECT destination_id FROM adopting)"
    if warehouse.has(CONVERTED):
        # What came of our own record by conversion holds its row's e-mail, nobody else's.
        theirs += f" AND f.destination_id NOT IN (SELECT destination_id FROM {CONVERTED})"
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE taken_names AS SELECT name FROM {theirs} AND name IS NOT NULL")
    warehouse.run(
        f"CREATE OR REPLACE TEMP TABLE taken_emails AS SELECT DISTINCT unnest(emails) AS folded FROM {theirs}"
    )


def _may_stand(mapping: ObjectMapping) -> bool:
    return mapping.kind is Kind.RECORD and endpoint(mapping.destination).has_custom_fields


def _standing(warehouse: Warehouse) -> set[tuple[str, int]]:
    if not warehouse.has(FOREIGN):
        return set()
    return {(plural, int(number)) for plural, number in warehouse.run(f"SELECT plural, destination_id FROM {FOREIGN}")}


def _loaded(warehouse: Warehouse) -> set[str]:
    return {row[0] for row in warehouse.run(f"SELECT source_key FROM {LOADED}")} if warehouse.has(LOADED) else set()


def _claims(warehouse: Warehouse, keys: set[str]) -> dict[str, set[str]]:
    rows = warehouse.run(
        "SELECT mapping, source_object || '/' || source_id AS key FROM staged.claims"
        " WHERE source_object || '/' || source_id IN (SELECT unnest(?))",
        [sorted(keys)],
    )
    found: dict[str, set[str]] = {}
    for mapping, key in rows:
        found.setdefault(mapping, set()).add(key)
    return found
