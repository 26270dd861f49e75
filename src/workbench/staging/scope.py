"""What a wave or the history policy leaves: rows that no mapping stages now, counted as excluded with a reason.

History that is condensed stays as a line of its patient's and year's summary note.
"""

from __future__ import annotations

import re

import polars as pl

from workbench.freshsales.foreign import LOADED
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.sources import Source
from workbench.settings import Settings
from workbench.staging.lookups import link
from workbench.staging.problems import UnreadableError
from workbench.staging.times import local_day
from workbench.staging.words import activity_title
from workbench.vocabulary import CONDENSED, LATER_WAVE, OLDER
from workbench.warehouse import Warehouse, identifier

ROOT = "companies"
"""The source object whose ids `[scope] companies` lists."""
CONDENSING = re.compile(r"condensed(?::(\d+)m)?")
USUAL_MONTHS = 24
"""How much history stays as it is where the policy says `condensed` alone."""
LINE = {"member": pl.String, "line": pl.String}


def set_condensing(warehouse: Warehouse, settings: Settings) -> None:
    """Set `condensed_before`, which the SELECT of history asks: whole years, so that no year is a summary and rows too.

    It is the first day of the year in which the history that stays begins; NULL where nothing is condensed.
    """
    found = CONDENSING.fullmatch(str(settings["policy.history"]))
    before = "NULL::TIMESTAMP"
    if found:
        months = int(found[1] or USUAL_MONTHS)
        exported = "(SELECT max(TRY_CAST(exported_at AS TIMESTAMP)) FROM raw.deliveries)"
        before = f"(SELECT date_trunc('year', {exported} - to_months({months}))::TIMESTAMP)"
    warehouse.run(f"SET VARIABLE condensed_before = {before}")


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
    if CONDENSING.fullmatch(str(settings["policy.history"])):
        for mapping in mappings.objects:
            if mapping.group:
                _condense(warehouse, settings, mappings, mapping)
    for source in mappings.sources.values():
        counted = warehouse.run(
            f"SELECT claimed_by, count(*) FROM {source.table} WHERE claimed_by IN (?, ?, ?) GROUP BY 1",
            [f"{prefix}{source.name}" for prefix in (LATER_WAVE, OLDER, CONDENSED)],
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


def _condense(warehouse: Warehouse, settings: Settings, mappings: Mappings, mapping: ObjectMapping) -> None:
    """Make one row a group of a grouped mapping's source, and exclude the rows inside; write staged.condensed, who is where.

    A row moves into its summary out of a mapping that names its history. What has a record of its own already keeps it:
    as time goes by, a delivered note would else stand in the tenant and in the summary of its year.
    """
    history = mappings.sources[mapping.source_object]
    key, ours = identifier(history.key), f"claimed_by = '{mapping.name}'"
    loaded = f"SELECT source_key FROM {LOADED}" if warehouse.has(LOADED) else "SELECT NULL WHERE false"
    warehouse.run(f"DELETE FROM {history.table} WHERE {key} IN ({loaded}) OR NOT coalesce({ours}, false)")
    inside = []
    for source in mappings.sources.values():
        movable = [one.name for one in mappings.of(source.name) if one.history and not one.group]
        if movable:
            warehouse.run(
                f"UPDATE {source.table} SET claimed_by = '{CONDENSED}{source.name}' WHERE list_contains(?, claimed_by)"
                f" AND {identifier(source.key)} IN (SELECT member_id FROM {history.table} WHERE member_object = '{source.name}')",
                [movable],
            )
            inside.append(
                f"SELECT '{source.name}/' || {identifier(source.key)} FROM {source.table}"
                f" WHERE claimed_by = '{CONDENSED}{source.name}'"
            )
    # What a wave left, or nobody claims, is in no summary.
    warehouse.run(f"DELETE FROM {history.table} WHERE {key} NOT IN ({' UNION ALL '.join(inside)})")
    _write_lines(warehouse, history, str(settings["practice.time_zone"]))
    groups = ", ".join(f"h.{identifier(one)}" for one in mapping.group)
    named = f"concat_ws(':', {groups})"
    warehouse.run(
        f"CREATE OR REPLACE TABLE staged.condensed AS SELECT h.member_object AS source_object, h.member_id AS source_id,"
        f" '{history.name}/' || {named} AS summary FROM {history.table} h"
    )
    made = {history.key, *mapping.group, "body", "body_format", "written_at", "author", "claimed_by", "claims"}
    others = [identifier(one) for one in warehouse.columns(history.table) if one not in made]
    rest = "".join(f" min(h.{one}) AS {one}," for one in others)
    year = "min(h.year) || ': ' || count(*) || CASE WHEN count(*) = 1 THEN ' entry' ELSE ' entries' END"
    warehouse.run(
        f"CREATE OR REPLACE TABLE {history.table} AS SELECT {named} AS {key}, {groups},"
        f" {year} || chr(10) || string_agg(l.line, chr(10) ORDER BY l.line, l.member) AS body, 'plain' AS body_format,"
        f" max(h.written_at) AS written_at,{rest}"
        " CASE WHEN count(DISTINCT h.author) > 1 THEN 'several authors' ELSE min(h.author) END AS author,"
        f" '{mapping.name}' AS claimed_by, 1 AS claims"
        f" FROM {history.table} h JOIN history_lines l ON l.member = h.{key} GROUP BY {groups}"
    )
    warehouse.run("DROP TABLE history_lines")


def _write_lines(warehouse: Warehouse, history: Source, zone: str) -> None:
    """Write a line a row of history: the local day, its kind, and the first words of its text."""
    warehouse.run("CREATE OR REPLACE TEMP TABLE history_lines (member VARCHAR, line VARCHAR)")
    columns = f"{identifier(history.key)} AS member, written_at, time_zone, kind, body, body_format"
    for frame in warehouse.frames(f"SELECT {columns} FROM {history.table}"):
        made = [(member, _line(at, place or zone, *words)) for member, at, place, *words in frame.iter_rows()]
        warehouse.connection.register("incoming_lines", pl.DataFrame(made, schema=LINE, orient="row").to_arrow())
        warehouse.run("INSERT INTO history_lines SELECT * FROM incoming_lines")
        warehouse.connection.unregister("incoming_lines")


def _line(at: str, zone: str, kind: str | None, body: str | None, body_format: str | None) -> str:
    try:
        day = local_day(at, zone)
    except UnreadableError:
        day = at[:10]
    kind = (kind or "Note").strip()
    try:
        return f"{day} · {activity_title(kind, body, body_format)}"
    except UnreadableError:  # nobody can read its words
        return f"{day} · {kind}"
