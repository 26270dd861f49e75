"""The staging step: sources, claims, rows, clashes, fingerprints, in one pass that replaces the last one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from workbench.errors import MappingProblem, gather
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.sources import Source, claim, read_selected
from workbench.mapping.spellings import hand_over_value_maps
from workbench.settings import Settings
from workbench.staging.clashes import Clashes, settle_clashes
from workbench.staging.existing import hold_existing
from workbench.staging.problems import start_problems
from workbench.staging.rows import stage_mapping
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, identifier, open_warehouse

STAGED_KINDS = {Kind.RECORD, Kind.FILE, Kind.SETUP, Kind.MATCH}


@dataclass(frozen=True)
class Staging:
    """What one staging made: rows by mapping, clashes settled, and the stamp by which a plan knows it."""

    rows: dict[str, int]
    unclaimed: dict[str, int]
    clashes: Clashes
    stamp: str


def stage(settings: Settings, mappings: Mappings, *, tenant: str) -> Staging:
    """Stage every mapping over the landed snapshot and stamp the result with the tenant."""
    with open_warehouse(settings.warehouse, write=True, locked_down=True) as warehouse:
        # What a mapping's `where` may ask: a rehearsal moves clinical notes, a real target only under an agreement.
        warehouse.run(f"SET VARIABLE clinical_notes = {bool(settings.is_rehearsal or settings['privacy.baa'])}")
        read_sources(warehouse, mappings)
        for name in warehouse.tables("staged"):
            if not name.startswith("source_"):
                warehouse.run(f"DROP TABLE IF EXISTS staged.{identifier(name)}")
        start_problems(warehouse)
        unclaimed = claim_rows(warehouse, mappings)
        rows = {
            one.name: stage_mapping(warehouse, settings, mappings, one)
            for one in mappings.objects
            if one.kind in STAGED_KINDS
        }
        hold_existing(warehouse, mappings)
        clashes = settle_clashes(warehouse, mappings)
        for one in mappings.objects:
            if one.kind in STAGED_KINDS:
                add_fingerprints(warehouse, one)
        stamp = _stamp(warehouse, mappings, tenant)
    return Staging(rows, unclaimed, clashes, stamp)


def read_sources(warehouse: Warehouse, mappings: Mappings) -> None:
    """Run every reviewed SELECT into staged.source_<object>; each row needs a key of its own."""
    hand_over_value_maps(warehouse, mappings)
    problems = []
    for source in mappings.sources.values():
        read_selected(warehouse, source, source.table)
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
        claims = mappings.of(source.name)
        if not claims:
            problems.append(f"no mapping reads {source.name}; say why in a left_out mapping")
            continue
        for mapping in claims:
            claim(warehouse, source, mapping.name, mapping.where)
        twice = warehouse.run(
            "SELECT string_agg(DISTINCT mapping, ' and ' ORDER BY mapping), count(DISTINCT source_id)"
            " FROM staged.claims WHERE source_object = ? AND source_id IN"
            " (SELECT source_id FROM staged.claims WHERE source_object = ? GROUP BY 1 HAVING count(*) > 1)",
            [source.name, source.name],
        )[0]
        if twice[1]:
            problems.append(f"{twice[0]} claim the same {twice[1]} rows of {source.name}; make their where disjoint")
        unclaimed |= _hold_unclaimed(warehouse, source)
    if problems:
        raise MappingProblem(gather("mappings/objects", problems))
    return unclaimed


def _hold_unclaimed(warehouse: Warehouse, source: Source) -> dict[str, int]:
    key, name = identifier(source.key), f"unclaimed_{source.name}"
    reason = "'no mapping claims the row'"
    if "hold_reason" in warehouse.columns(source.table):
        reason = f"coalesce(hold_reason, {reason})"
    warehouse.run(
        f"INSERT INTO staged.problems SELECT '{name}', '{source.name}', {key}, 'route', 'route', 'hold', {reason}"
        f" FROM {source.table} WHERE {key} NOT IN (SELECT source_id FROM staged.claims WHERE source_object = '{source.name}')"
    )
    count = int(warehouse.run("SELECT count(*) FROM staged.problems WHERE mapping = ?", [name])[0][0])
    if count:
        warehouse.run(
            f"INSERT INTO staged.claims SELECT source_object, source_id, mapping FROM staged.problems WHERE mapping = '{name}'"
        )
    return {name: count} if count else {}


def add_fingerprints(warehouse: Warehouse, mapping: ObjectMapping) -> None:
    """Add sha256 over the canonical payload: name, length and value of every filled field and lookup, by name."""
    table = f"staged.{mapping.name}"
    names = sorted(set(warehouse.columns(table)) - {"source_id", "depth", "fingerprint"})
    # Each value goes with its length, so that no text of a value can pass for another field.
    parts = ", ".join(f"'{name}=' || length({identifier(name)}) || ':' || {identifier(name)}" for name in names)
    warehouse.run(f"ALTER TABLE {table} ADD COLUMN fingerprint VARCHAR")
    warehouse.run(f"UPDATE {table} SET fingerprint = sha256(concat_ws(chr(30), {parts}))")


def _stamp(warehouse: Warehouse, mappings: Mappings, tenant: str) -> str:
    """Stamp what is staged: mapping by mapping, so that no sort holds every row at once."""
    whole = hashlib.sha256()
    for name in sorted(one.name for one in mappings.objects if one.kind in STAGED_KINDS):
        digest = warehouse.run(
            "SELECT sha256(coalesce(string_agg(sha256(source_id) || fingerprint, '' ORDER BY source_id), ''))"
            f" FROM staged.{name}"
        )[0][0]
        whole.update(f"{name} {digest}\n".encode())
    stamp = whole.hexdigest()
    warehouse.run("CREATE OR REPLACE TABLE staged.stamp AS SELECT ? AS tenant, ? AS stamp", [tenant, stamp])
    return stamp
