"""What a wave or the history policy leaves for later: rows that no mapping stages now, counted as excluded with a reason."""

from __future__ import annotations

import re

from workbench.mapping.files import Mappings
from workbench.mapping.sources import Source
from workbench.settings import Settings
from workbench.staging.lookups import link
from workbench.vocabulary import LATER_WAVE, OLDER
from workbench.warehouse import Warehouse, identifier

ROOT = "companies"
"""The source object whose ids `[scope] companies` lists."""


def leave_for_later(warehouse: Warehouse, settings: Settings, mappings: Mappings) -> dict[str, int]:
    """Take from the claims what `[scope]` leaves to a later wave and what `[policy] history` finds too old.

    A row is of a later wave when it is a company outside the scope that no company inside hangs on, or when it points,
    over any number of links, at such a row.
    """
    left: dict[str, int] = {}
    if wanted := settings["scope.companies"]:
        _leave_waves(warehouse, mappings, mappings.sources[ROOT], [str(one) for one in wanted])
    if months := re.fullmatch(r"recent:(\d+)m", str(settings["policy.history"])):
        _leave_old(warehouse, mappings, int(months[1]))
    for source in mappings.sources.values():
        counted = warehouse.run(
            f"SELECT claimed_by, count(*) FROM {source.table} WHERE claimed_by IN (?, ?) GROUP BY 1",
            [f"{LATER_WAVE}{source.name}", f"{OLDER}{source.name}"],
        )
        left |= {name: int(count) for name, count in counted}
    return left


def _leave_waves(warehouse: Warehouse, mappings: Mappings, root: Source, wanted: list[str]) -> None:
    warehouse.run("CREATE OR REPLACE TEMP TABLE later (key VARCHAR)")
    key = identifier(root.key)
    parents = {
        lookup.column
        for one in mappings.of(root.name)
        for lookup in one.lookups.values()
        if set(lookup.targets.values()) == {root.name}
    }
    warehouse.run("CREATE OR REPLACE TEMP TABLE scope AS SELECT unnest(?::VARCHAR[]) AS id", [wanted])
    for column in sorted(parents):
        warehouse.run(
            f"INSERT INTO scope WITH RECURSIVE up AS (SELECT id FROM scope UNION SELECT p.{identifier(column)} FROM up"
            f" JOIN {root.table} p ON p.{key} = up.id WHERE p.{identifier(column)} IS NOT NULL) SELECT id FROM up"
        )
    _leave(warehouse, root, f"s.{key} NOT IN (SELECT id FROM scope)", "claimed_by IS NOT NULL")
    # Parents first, so that what hangs on a row that was left is left too.
    for mapping in mappings.objects:
        if mapping.source_object == root.name:
            continue
        source = mappings.sources[mapping.source_object]
        links = [link(one).value for one in mapping.lookups.values() if not one.is_owner]
        if links:
            condition = " OR ".join(f"coalesce({one} IN (SELECT key FROM later), false)" for one in links)
            _leave(warehouse, source, condition, f"claimed_by = '{mapping.name}'")


def _leave(warehouse: Warehouse, source: Source, condition: str, claimed: str) -> None:
    named = f"'{LATER_WAVE}{source.name}'"
    warehouse.run(f"UPDATE {source.table} s SET claimed_by = {named} WHERE ({condition}) AND {claimed}")
    warehouse.run(
        f"INSERT INTO later SELECT '{source.name}/' || {identifier(source.key)} FROM {source.table} WHERE claimed_by = {named}"
    )


def _leave_old(warehouse: Warehouse, mappings: Mappings, months: int) -> None:
    """Leave the rows whose time lies so many months before the export, where their mapping names the column of it."""
    for mapping in mappings.objects:
        if mapping.history:
            source = mappings.sources[mapping.source_object]
            warehouse.run(
                f"UPDATE {source.table} s SET claimed_by = '{OLDER}{source.name}' WHERE claimed_by = '{mapping.name}'"
                f" AND TRY_CAST(s.{identifier(mapping.history)} AS TIMESTAMP)"
                f" < (SELECT max(TRY_CAST(exported_at AS TIMESTAMP)) FROM raw.deliveries) - to_months({months})"
            )
