"""Values that only one record may hold: account names made distinct, one holder for a shared e-mail."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.mapping.files import MODULES, Mappings
from workbench.mapping.object_mapping import FieldMapping, ObjectMapping
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
    """Equal names become `Name (City, ST)`, and where that is still equal, `Name (source id)`."""
    field = identifier(name)
    parts = []
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
        FROM again WHERE equal > 1 OR still > 1
    """)
    return _apply(warehouse, name, f"append:{','.join(beside)}", mappings)


def _share(
    warehouse: Warehouse, mappings: Mappings, name: str, members: list[tuple[ObjectMapping, FieldMapping]]
) -> int:
    """Give a shared e-mail to the guarantor, else the oldest, else the lowest id; the others carry it as shared."""
    source = mappings.sources[members[0][0].source_object]
    key = identifier(source.key)
    parts = [
        f"SELECT '{mapping.name}' AS mapping, s.source_id, s.{identifier(name)} AS was FROM staged.{mapping.name} s"
        f" WHERE s.source_id NOT IN (SELECT source_id FROM staged.problems WHERE mapping = '{mapping.name}' AND severity = 'hold')"
        for mapping, _ in members
    ]
    warehouse.run(f"""
        CREATE OR REPLACE TEMP TABLE renamed AS
        WITH every AS ({" UNION ALL ".join(parts)}),
        people AS (
          SELECT e.*, c.created_at,
            EXISTS (
              SELECT 1 FROM every m JOIN {source.table} f ON f.{key} = m.source_id
              WHERE lower(m.was) = lower(e.was) AND m.source_id <> e.source_id AND f.guarantor_contact_id = e.source_id
            ) AS is_guarantor
          FROM every e JOIN {source.table} c ON c.{key} = e.source_id WHERE e.was IS NOT NULL
        ),
        ranked AS (
          SELECT *, row_number() OVER (
            PARTITION BY lower(was) ORDER BY is_guarantor DESC, created_at NULLS LAST, source_id
          ) AS place FROM people
        )
        SELECT mapping, source_id, was, NULL::VARCHAR AS became FROM ranked WHERE place > 1
    """)
    for mapping, field in members:
        if field.shared:
            warehouse.run(
                f"UPDATE staged.{mapping.name} s SET {identifier(field.shared)} = r.was FROM renamed r"
                f" WHERE r.mapping = '{mapping.name}' AND r.source_id = s.source_id"
            )
    count = _apply(warehouse, name, "holder", [mapping for mapping, _ in members])
    for mapping, _ in members:
        _promote_second(warehouse, name, mapping)
    return count


def _promote_second(warehouse: Warehouse, name: str, mapping: ObjectMapping) -> None:
    """Make the second address the first of a person who gave the shared one away: each needs a primary one."""
    more = f"{name}s_more"
    if more not in mapping.fields:
        return
    warehouse.run(
        f"UPDATE staged.{mapping.name} s SET {identifier(name)} = s.{identifier(more)}->>0, {identifier(more)} = NULL"
        f" FROM renamed r WHERE r.mapping = '{mapping.name}' AND r.source_id = s.source_id AND s.{identifier(more)} IS NOT NULL"
    )


def _apply(warehouse: Warehouse, name: str, rule: str, mappings: list[ObjectMapping]) -> int:
    for mapping in mappings:
        warehouse.run(
            f"UPDATE staged.{mapping.name} s SET {identifier(name)} = r.became FROM renamed r"
            f" WHERE r.mapping = '{mapping.name}' AND r.source_id = s.source_id"
        )
    warehouse.run("INSERT INTO staged.changes SELECT mapping, source_id, ?, was, became, ? FROM renamed", [name, rule])
    return int(warehouse.run("SELECT count(*) FROM renamed")[0][0])
