"""Values that only one record may hold: account names made distinct, one holder for a shared e-mail."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.mapping.files import MODULES, Mappings
from workbench.mapping.object_mapping import FieldMapping, ObjectMapping
from workbench.staging.existing import hand_over_taken
from workbench.warehouse import Warehouse, identifier


@dataclass(frozen=True)
class Clashes:
    """How many rows gave way: names made distinct, e-mails carried as shared."""

    renamed: int
    shared: int


def settle_clashes(warehouse: Warehouse, mappings: Mappings) -> Clashes:
    """Settle every `unique` rule over all mappings of one module at once; changes are in staged.changes."""
    warehouse.run(
        "CREATE OR REPLACE TABLE staged.changes"
        " (mapping VARCHAR, source_id VARCHAR, field VARCHAR, was VARCHAR, became VARCHAR, rule VARCHAR)"
    )
    hand_over_taken(warehouse, mappings)
    groups: dict[tuple[str, str, str], list[tuple[ObjectMapping, FieldMapping]]] = {}
    for mapping in mappings.objects:
        for field in mapping.fields.values():
            if field.unique:
                module = MODULES.get(mapping.destination, mapping.destination)
                groups.setdefault((module, field.name, field.unique), []).append((mapping, field))
    renamed = shared = 0
    for (_, name, rule), members in sorted(groups.items()):
        if rule.startswith("append:"):
            renamed += _append(warehouse, name, rule.removeprefix("append:").split(","), [one for one, _ in members])
        elif rule == "holder" and mappings.settings["policy.shared_email"] != "off":
            shared += _share(warehouse, mappings, name, members)
    return Clashes(renamed, shared)


def _append(warehouse: Warehouse, name: str, beside: list[str], mappings: list[ObjectMapping]) -> int:
    """Equal names become `Name (City, ST)`, and where that is still equal, `Name (source id)`.

    A foreign record that nobody adopts keeps its name: whoever is called the same gives way.
    """
    field = identifier(name)
    parts = ["SELECT NULL AS mapping, NULL AS source_id, name AS was, NULL::VARCHAR AS place FROM taken_names"]
    for mapping in mappings:
        have = set(mapping.fields)
        place = " || ', ' || ".join(identifier(one) if one in have else "NULL::VARCHAR" for one in beside)
        parts.append(
            f"SELECT '{mapping.name}' AS mapping, source_id, {field} AS was, {place} AS place FROM staged.{mapping.name}"
        )
    warehouse.run(f"""
        CREATE OR REPLACE TEMP TABLE renamed AS
        WITH every AS ({" UNION ALL ".join(parts)}),
        counted AS (SELECT *, count(*) OVER (PARTITION BY lower(was)) AS equal FROM every WHERE was IS NOT NULL),
        placed AS (
          SELECT mapping, source_id, was, equal,
            CASE WHEN equal > 1 AND place IS NOT NULL THEN was || ' (' || place || ')' ELSE was END AS became FROM counted
        ),
        again AS (SELECT *, count(*) OVER (PARTITION BY lower(became)) AS still FROM placed)
        SELECT mapping, source_id, was, CASE WHEN still > 1 THEN was || ' (' || source_id || ')' ELSE became END AS became
        FROM again WHERE (equal > 1 OR still > 1) AND mapping IS NOT NULL
    """)
    return _apply(warehouse, name, f"append:{','.join(beside)}", mappings)


def _share(
    warehouse: Warehouse, mappings: Mappings, name: str, members: list[tuple[ObjectMapping, FieldMapping]]
) -> int:
    """Give a shared e-mail to the guarantor, else the oldest, else the lowest id; the others carry it as shared.

    Who stands in the tenant already comes first of all; and what a foreign record holds, nobody gets.
    """
    source = mappings.sources[members[0][0].source_object]
    key = identifier(source.key)
    _gather_moving(warehouse, name, [mapping for mapping, _ in members])
    warehouse.run(f"""
        CREATE OR REPLACE TEMP TABLE renamed AS
        WITH people AS (
          SELECT m.*, c.created_at, nullif(trim(c.guarantor_contact_id), '') AS guarantor
          FROM moving m JOIN {source.table} c ON c.{key} = m.source_id WHERE m.address IS NOT NULL
        ),
        named AS (SELECT DISTINCT folded, guarantor FROM people WHERE guarantor <> source_id),
        ranked AS (
          SELECT p.*, t.folded IS NOT NULL AS is_theirs, row_number() OVER (
            PARTITION BY p.folded ORDER BY a.source_key IS NULL, n.guarantor IS NULL, p.created_at NULLS LAST, p.source_id
          ) AS place
          FROM people p LEFT JOIN named n ON n.folded = p.folded AND n.guarantor = p.source_id
          LEFT JOIN adopting a ON a.source_key = '{source.name}/' || p.source_id
          LEFT JOIN taken_emails t ON t.folded = p.folded
        )
        SELECT mapping, source_id, address AS was, NULL::VARCHAR AS became FROM ranked WHERE place > 1 OR is_theirs
    """)
    for mapping, field in members:
        if field.shared:
            warehouse.run(
                f"UPDATE staged.{mapping.name} s SET {identifier(field.shared)} = r.was FROM renamed r"
                f" WHERE r.mapping = '{mapping.name}' AND r.source_id = s.source_id"
            )
    count = _apply(warehouse, name, "holder", [mapping for mapping, _ in members])
    _settle_second(warehouse, name, members)
    return count


def _gather_moving(warehouse: Warehouse, name: str, mappings: list[ObjectMapping]) -> None:
    """Write the addresses of the rows that nothing holds so far: a held row cannot be the holder."""
    field, more = identifier(name), f"{name}s_more"
    parts = [
        f"SELECT '{one.name}' AS mapping, source_id, {field} AS address, lower({field}) AS folded,"
        f" {f'{identifier(more)}->>0' if more in one.fields else 'NULL::VARCHAR'} AS second FROM staged.{one.name}"
        for one in mappings
    ]
    warehouse.run(f"""
        CREATE OR REPLACE TEMP TABLE moving AS SELECT * FROM ({" UNION ALL ".join(parts)}) m
        WHERE NOT EXISTS (
          SELECT 1 FROM staged.problems p
          WHERE p.mapping = m.mapping AND p.source_id = m.source_id AND p.severity = 'hold'
        )
    """)


def _settle_second(warehouse: Warehouse, name: str, members: list[tuple[ObjectMapping, FieldMapping]]) -> None:
    """Make the second address the first of a person who gave the shared one away: each needs a primary one.

    A second address that somebody else holds cannot stand on two records: it joins what is carried as shared.
    """
    mappings, more = [mapping for mapping, _ in members], f"{name}s_more"
    _gather_moving(warehouse, name, mappings)
    warehouse.run("""
        CREATE OR REPLACE TEMP TABLE seconds AS
        SELECT m.*, r.source_id IS NOT NULL AS needs_first,
          row_number() OVER (PARTITION BY lower(m.second) ORDER BY r.source_id IS NULL, m.source_id) > 1
            OR lower(m.second) IN (SELECT folded FROM moving WHERE folded IS NOT NULL)
            OR lower(m.second) IN (SELECT folded FROM taken_emails) AS is_taken
        FROM moving m LEFT JOIN renamed r ON r.mapping = m.mapping AND r.source_id = m.source_id
        WHERE m.second IS NOT NULL
    """)
    for mapping, field in members:
        if more not in mapping.fields:
            continue
        here = f"FROM seconds t WHERE t.mapping = '{mapping.name}' AND t.source_id = s.source_id"
        shared = ""
        if field.shared:
            carried = identifier(field.shared)
            shared = (
                f", {carried} = CASE WHEN t.is_taken THEN concat_ws(', ', s.{carried}, t.second) ELSE s.{carried} END"
            )
        warehouse.run(
            f"UPDATE staged.{mapping.name} s SET {identifier(more)} = NULL,"
            f" {identifier(name)} = CASE WHEN t.is_taken THEN s.{identifier(name)} ELSE t.second END{shared}"
            f" {here} AND (t.needs_first OR t.is_taken)"
        )
    warehouse.run(
        "INSERT INTO staged.changes SELECT mapping, source_id, ?, second, NULL, 'holder' FROM seconds WHERE is_taken",
        [more],
    )


def _apply(warehouse: Warehouse, name: str, rule: str, mappings: list[ObjectMapping]) -> int:
    for mapping in mappings:
        warehouse.run(
            f"UPDATE staged.{mapping.name} s SET {identifier(name)} = r.became FROM renamed r"
            f" WHERE r.mapping = '{mapping.name}' AND r.source_id = s.source_id"
        )
    warehouse.run("INSERT INTO staged.changes SELECT mapping, source_id, ?, was, became, ? FROM renamed", [name, rule])
    return int(warehouse.run("SELECT count(*) FROM renamed")[0][0])
