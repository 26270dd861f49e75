"""The staging step: sources, claims, rows, clashes, fingerprints, in one pass that replaces the last one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import permutations

from workbench.errors import MappingProblem, gather
from workbench.freshsales.foreign import LOADED
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ASKS_TYPES
from workbench.mapping.sources import Source, read_claimed
from workbench.mapping.spellings import hand_over_value_maps
from workbench.settings import Settings
from workbench.staging.clashes import Clashes, settle_clashes
from workbench.staging.existing import hold_existing
from workbench.staging.problems import start_problems
from workbench.staging.rows import fingerprint, stage_mapping
from workbench.staging.scope import leave_for_later, set_condensing
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, identifier, open_warehouse

STAGED_KINDS = {Kind.RECORD, Kind.FILE, Kind.SETUP, Kind.MATCH}


@dataclass(frozen=True)
class Staging:
    """What one staging made: rows by mapping, clashes settled, and the stamp by which a plan knows it."""

    rows: dict[str, int]
    unclaimed: dict[str, int]
    left: dict[str, int]
    """Rows left to a later wave or as too old, by the name of their claim."""
    clashes: Clashes
    stamp: str
    converting: float = field(default=0, compare=False)
    """Seconds that the distinct values took, before anything was joined."""


def stage(settings: Settings, mappings: Mappings, *, tenant: str) -> Staging:
    """Stage every mapping over the landed snapshot and stamp the result with the tenant."""
    with open_warehouse(settings.warehouse, write=True, locked_down=True) as warehouse:
        answer_filters(warehouse, settings)
        read_sources(warehouse, mappings)
        for name in warehouse.tables("staged"):
            if not name.startswith("source_"):
                warehouse.run(f"DROP TABLE IF EXISTS staged.{identifier(name)}")
        start_problems(warehouse)
        _stay_notes(warehouse, mappings)
        left = leave_for_later(warehouse, settings, mappings)
        unclaimed = claim_rows(warehouse, mappings)
        staged = {
            one.name: stage_mapping(warehouse, settings, mappings, one)
            for one in mappings.objects
            if one.kind in STAGED_KINDS
        }
        hold_existing(warehouse, mappings)
        clashes = settle_clashes(warehouse, mappings)
        for one in mappings.objects:
            if one.kind in STAGED_KINDS:
                renew_fingerprints(warehouse, one.name)
        stamp = _stamp(warehouse, mappings, tenant)
    rows = {name: one.rows for name, one in staged.items()}
    return Staging(rows, unclaimed, left, clashes, stamp, sum(one.converting for one in staged.values()))


def answer_filters(warehouse: Warehouse, settings: Settings) -> None:
    """Set what a mapping's `where`, or a SELECT, may ask of settings and tenant."""
    # A rehearsal moves clinical notes, a real target only under an agreement.
    warehouse.run(f"SET VARIABLE clinical_notes = {bool(settings.is_rehearsal or settings['privacy.baa'])}")
    _offer_activity_types(warehouse)
    set_condensing(warehouse, settings)


def _offer_activity_types(warehouse: Warehouse) -> None:
    """Let a mapping's `where` ask which sales-activity types the tenant has; nothing is known before it was read."""
    found = "NULL::VARCHAR[]"
    if warehouse.has("destination.choices"):
        found = "(SELECT coalesce(list(name), []) FROM destination.choices WHERE kind = 'sales_activity_types')"
    warehouse.run(f"SET VARIABLE activity_types = {found}")


def _stay_notes(warehouse: Warehouse, mappings: Mappings) -> None:
    """Leave a row that was delivered as a note to the mapping of notes, when its sales-activity type came since.

    The other way round there is none to leave it to: without its type an activity cannot be written, so its row waits.
    """
    if not warehouse.has(LOADED) or "destination" not in warehouse.columns(LOADED):
        return
    asking = [one for one in mappings.objects if ASKS_TYPES in one.where]
    for now, then in permutations(asking, 2):
        needs_type = any(field.names == "sales_activity_types" for field in then.fields.values())
        if now.source_object == then.source_object and now.destination != then.destination and not needs_type:
            source = mappings.sources[now.source_object]
            warehouse.run(
                f"UPDATE {source.table} SET claimed_by = '{then.name}' WHERE claimed_by = '{now.name}'"
                f" AND '{source.name}/' || {identifier(source.key)} IN"
                f" (SELECT source_key FROM {LOADED} WHERE destination = '{then.destination}')"
            )


def read_sources(warehouse: Warehouse, mappings: Mappings) -> None:
    """Run every reviewed SELECT into staged.source_<object>; each row needs a key of its own, and has its mapping's name."""
    hand_over_value_maps(warehouse, mappings)
    problems = []
    for source in mappings.sources.values():
        claims = {one.name: one.where for one in mappings.of(source.name)}
        if not claims:
            raise MappingProblem(f"mappings/: no mapping reads {source.name}; say why in a left_out mapping")
        read_claimed(warehouse, source, claims)
        problems.extend(_key_problems(warehouse, source))
    if problems:
        raise MappingProblem(gather("mappings/sources", problems))


def _key_problems(warehouse: Warehouse, source: Source) -> list[str]:
    key = identifier(source.key)
    rows, keys, filled = warehouse.run(f"SELECT count(*), count(DISTINCT {key}), count({key}) FROM {source.table}")[0]
    if rows == keys == filled:
        return []
    return [f"{source.name}.sql yields {rows} rows with {keys} different {source.key} and {rows - filled} without one"]


def claim_rows(warehouse: Warehouse, mappings: Mappings) -> dict[str, int]:
    """Write staged.claims: which mapping claims each source row. Two claims are an error; none is held."""
    warehouse.run("CREATE OR REPLACE TABLE staged.claims (source_object VARCHAR, source_id VARCHAR, mapping VARCHAR)")
    unclaimed: dict[str, int] = {}
    problems = []
    for source in mappings.sources.values():
        problems.extend(_double_claims(warehouse, mappings, source))
        unclaimed |= _hold_unclaimed(warehouse, source)
        warehouse.run(
            f"INSERT INTO staged.claims SELECT '{source.name}', {identifier(source.key)},"
            f" coalesce(claimed_by, 'unclaimed_{source.name}') FROM {source.table}"
        )
    if problems:
        raise MappingProblem(gather("mappings/objects", problems))
    return unclaimed


def _double_claims(warehouse: Warehouse, mappings: Mappings, source: Source) -> list[str]:
    twice = int(warehouse.run(f"SELECT count(*) FROM {source.table} WHERE claims > 1")[0][0])
    if not twice:
        return []
    names = sorted(
        one.name
        for one in mappings.of(source.name)
        if warehouse.run(
            f"SELECT 1 FROM {source.table} WHERE claims > 1 AND coalesce((\n{one.where}\n), false) LIMIT 1"
        )
    )
    return [f"{' and '.join(names)} claim the same {twice} rows of {source.name}; make their where disjoint"]


def _hold_unclaimed(warehouse: Warehouse, source: Source) -> dict[str, int]:
    key, name = identifier(source.key), f"unclaimed_{source.name}"
    reason = "'no mapping claims the row'"
    if "hold_reason" in warehouse.columns(source.table):
        reason = f"coalesce(hold_reason, {reason})"
    count = int(warehouse.run(f"SELECT count(*) FROM {source.table} WHERE claimed_by IS NULL")[0][0])
    if count:
        warehouse.run(
            f"INSERT INTO staged.problems SELECT '{name}', '{source.name}', {key}, 'route', 'route', 'hold', {reason}"
            f" FROM {source.table} WHERE claimed_by IS NULL"
        )
    return {name: count} if count else {}


def renew_fingerprints(warehouse: Warehouse, mapping: str) -> None:
    """Give the rows that a clash changed the fingerprint of what they hold now."""
    table = f"staged.{mapping}"
    warehouse.run(
        f"UPDATE {table} SET fingerprint = {fingerprint(warehouse.columns(table))}"
        f" WHERE source_id IN (SELECT source_id FROM staged.changes WHERE mapping = '{mapping}')"
    )


def _stamp(warehouse: Warehouse, mappings: Mappings, tenant: str) -> str:
    """Stamp what is staged, mapping by mapping and row by row: nothing holds every row at once."""
    whole = hashlib.sha256()
    for name in sorted(one.name for one in mappings.objects if one.kind in STAGED_KINDS):
        whole.update(f"{name}\n".encode())
        rows = f"SELECT sha256(source_id) || fingerprint AS row FROM staged.{name} ORDER BY source_id"
        for frame in warehouse.frames(rows):
            whole.update("".join(frame["row"].to_list()).encode())
    stamp = whole.hexdigest()
    warehouse.run("CREATE OR REPLACE TABLE staged.stamp AS SELECT ? AS tenant, ? AS stamp", [tenant, stamp])
    return stamp
