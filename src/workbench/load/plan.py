"""Plan what the ledger does not yet hold: rows whose completed fingerprint differs from the one delivered; draw the sample."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import polars as pl

from workbench.errors import StoreProblem
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.schema import TenantSchema
from workbench.ledger.identities import identity_frames
from workbench.ledger.plans import Plan, PlannedRow, keep_plan
from workbench.ledger.store import Ledger
from workbench.load.payload import SEPARATOR, filled
from workbench.load.session import Resolver, knowing
from workbench.mapping.files import MODULES, Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.settings import Settings
from workbench.staging.removals import MARKED, Removal, find_removals
from workbench.vocabulary import Kind, Operation, PlanScope
from workbench.warehouse import Warehouse, identifier, open_warehouse

LEAST, MOST = 50, 100
"""The sample: so many accounts, and so many people."""


@dataclass
class Planning:
    """What planning carries from mapping to mapping."""

    resolver: Resolver
    scope: set[str] | None
    coming: dict[str, str] = field(default_factory=dict)
    """What earlier rows of the plan will have made, by source key: its destination."""
    roots: dict[str, str] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    ordinal: int = 0


def plan_load(
    settings: Settings,
    mappings: Mappings,
    schema: TenantSchema,
    ledger: Ledger,
    run_id: str,
    *,
    scope: set[str] | None = None,
    name: PlanScope = PlanScope.LOAD,
) -> Plan:
    """Freeze a plan over the staged rows that no check holds; `scope` limits it to some source keys (the sample)."""
    with open_warehouse(settings.warehouse) as warehouse:
        planning = Planning(knowing(warehouse, schema, ledger, mappings), scope)
        stamp = staged_stamp(warehouse, ledger)
        hand_over_identities(warehouse, ledger)
        removals = list(find_removals(warehouse, mappings))
        rows = (
            row
            for mapping in mappings.objects
            if mapping.kind in (Kind.RECORD, Kind.FILE)
            for row in chain(_plan_mapping(warehouse, mapping, planning), _plan_removed(removals, mapping, planning))
        )
        return keep_plan(ledger, run_id, stamp=stamp, scope=name, rows=rows, unchanged=planning.unchanged)


def staged_stamp(warehouse: Warehouse, ledger: Ledger) -> str:
    """Return the stamp of what is staged; rows staged for another tenant are refused."""
    if not warehouse.has("staged.stamp"):
        raise StoreProblem("Nothing is staged yet. Run notebooks/50_stage.ipynb, or: workbench run --to stage")
    tenant, stamp = warehouse.run("SELECT tenant, stamp FROM staged.stamp")[0]
    if tenant != ledger.tenant():
        raise StoreProblem("The staged rows belong to another tenant. Stage again: workbench run --from stage")
    return str(stamp)


def hand_over_identities(warehouse: Warehouse, ledger: Ledger) -> None:
    """Give DuckDB the ledger's identities as a temporary table, in chunks."""
    for place, frame in enumerate(identity_frames(ledger)):
        warehouse.connection.register("incoming_identities", frame.to_arrow())
        verb = "CREATE OR REPLACE TEMP TABLE identities AS" if place == 0 else "INSERT INTO identities"
        warehouse.run(f"{verb} SELECT * FROM incoming_identities")
        warehouse.connection.unregister("incoming_identities")


def unheld_rows(mapping: ObjectMapping) -> str:
    """Return the query of a mapping's staged rows that no check holds, each with what was delivered before."""
    return (
        f"SELECT s.*, i.destination_id AS known_id, i.delivered AS delivered, i.fingerprint AS loaded_as FROM staged.{mapping.name} s"
        f" LEFT JOIN identities i ON i.source_object = '{mapping.source_object}' AND i.source_id = s.source_id"
        f" WHERE {_unheld(mapping)}"
    )


def _unheld(mapping: ObjectMapping) -> str:
    return (
        f"NOT EXISTS (SELECT 1 FROM checked.held h WHERE h.source_object = '{mapping.source_object}'"
        " AND h.source_id = s.source_id)"
    )


def _plan_mapping(warehouse: Warehouse, mapping: ObjectMapping, planning: Planning) -> Iterator[PlannedRow]:
    links = "".join(f", s.{identifier(name)}" for name in mapping.lookups)
    count = int(warehouse.run(f"SELECT count(*) FROM staged.{mapping.name}")[0][0])
    if not count:
        return
    with filled(warehouse, planning.resolver, mapping, f"({unheld_rows(mapping)})", at_most=count) as made:
        rows = (
            f"SELECT s.source_id, s.depth, s.fingerprint, s.known_id, s.delivered, s.loaded_as{links},"
            f" {made.completed} AS completed, {made.missing} AS missing, {made.linked} AS linked {made.rows}"
            " ORDER BY s.depth, s.source_id"
        )
        for frame in warehouse.frames(rows, with_temporary=True):
            for row in frame.iter_rows(named=True):
                planned = _plan_row(mapping, row, planning)
                if planned:
                    planning.ordinal += 1
                    yield planned


def _plan_row(mapping: ObjectMapping, row: dict[str, object], planning: Planning) -> PlannedRow | None:
    key = f"{mapping.source_object}/{row['source_id']}"
    if planning.scope is not None and key not in planning.scope:
        return None
    known, delivered, loaded_as = row["known_id"], row["delivered"], row["loaded_as"]
    missing = str(row["missing"]).split(SEPARATOR) if row["missing"] else []
    waiting = [one for one in missing if not _comes(mapping, row, one, planning)]
    operation, reason = Operation.CREATE, ""
    if waiting and known is not None and loaded_as == row["fingerprint"] and waiting[0] in planning.resolver.vanished:
        # Its record is there; what it hung on was taken away by a person.
        planning.unchanged[mapping.name] = planning.unchanged.get(mapping.name, 0) + 1
        return None
    if waiting:
        operation, reason = Operation.DEFER, planning.roots.get(waiting[0], waiting[0])
        planning.roots[key] = reason
    elif (stands := _stands_elsewhere(mapping, key, planning)) is not None:
        # A lead becomes a contact by a person's conversion alone; until then nothing of the row can travel.
        operation, reason = Operation.DEFER, stands
        planning.roots[key] = reason
    elif (adopted := planning.resolver.adopted.get(key)) is not None:
        operation = Operation.UPDATE
        planning.resolver.learn(key, mapping.destination, adopted)
    elif known is not None:
        is_due = _brings_news(mapping, row, planning) or key in planning.resolver.answered
        if delivered == row["completed"] and not is_due:
            planning.unchanged[mapping.name] = planning.unchanged.get(mapping.name, 0) + 1
            return None
        operation = Operation.UPDATE
    if operation is not Operation.DEFER:
        planning.coming[key] = mapping.destination
    depth = row["depth"]
    return PlannedRow(
        planning.ordinal,
        mapping.name,
        mapping.source_object,
        str(row["source_id"]),
        operation,
        str(row["fingerprint"]),
        depth if isinstance(depth, int) else 0,
        reason,
    )


def _plan_removed(removals: list[Removal], mapping: ObjectMapping, planning: Planning) -> Iterator[PlannedRow]:
    """Yield the rows that are gone from the export and whose records are to carry the mark."""
    for one in removals:
        key = f"{one.source_object}/{one.source_id}"
        is_due = one.mapping == mapping.name and one.has_tags and not one.is_marked
        if is_due and key not in planning.resolver.vanished and (planning.scope is None or key in planning.scope):
            ordinal = planning.ordinal
            planning.ordinal += 1
            yield PlannedRow(ordinal, mapping.name, one.source_object, one.source_id, Operation.UPDATE, MARKED)


def _stands_elsewhere(mapping: ObjectMapping, key: str, planning: Planning) -> str | None:
    """Return what the row waits for while its record is not where its mapping puts it, as a Classic lead for a patient."""
    destination, number = planning.resolver.live.get(key, (mapping.destination, 0))
    edition = planning.resolver.schema.edition
    stands, belongs = (endpoint(one, edition) for one in (destination, mapping.destination))
    if stands.plural == belongs.plural:
        return None
    cause = "conversion of" if stands.converts_to == belongs.destination else "an export that knows it became"
    return f"{cause} {stands.plural}/{number}"


def _comes(mapping: ObjectMapping, row: dict[str, object], key: str, planning: Planning) -> bool:
    """Say whether an earlier row of this plan makes what a required lookup needs, of a kind that it may link."""
    names = [name for name in mapping.lookups if row.get(name) == key]
    return key in planning.coming and all(planning.resolver.may_link(name, planning.coming[key]) for name in names)


def _brings_news(mapping: ObjectMapping, row: dict[str, object], planning: Planning) -> bool:
    """Say whether a lookup that was empty will be filled by an earlier row of this plan."""
    linked = str(row["linked"]).split(",")
    return any((key := row[name]) and key in planning.coming and name not in linked for name in mapping.lookups)


def deferred_frame(rows: Iterator[PlannedRow]) -> pl.DataFrame:
    """Return deferred rows with the root cause each waits for."""
    found = [(row.mapping, row.source_id, row.reason) for row in rows]
    return pl.DataFrame(
        found, schema={"mapping": pl.String, "source_id": pl.String, "waits_for": pl.String}, orient="row"
    )


def draw_sample(settings: Settings, mappings: Mappings) -> set[str]:
    """Return the source keys of the sample: 50–100 accounts with their ancestors, 50–100 people by hash, and what hangs on them.

    The same ones for the same rows, whatever order they come in.
    """
    with open_warehouse(settings.warehouse) as warehouse:
        return drawn_keys(warehouse, mappings)


def drawn_keys(warehouse: Warehouse, mappings: Mappings) -> set[str]:
    """Return the source keys of the sample, out of a warehouse whose rows are checked."""
    drawn: set[str] = set()
    people = [one for one in mappings.objects if MODULES.get(one.destination) == "contacts"]
    for mapping in mappings.objects:
        if mapping.kind not in (Kind.RECORD, Kind.FILE):
            continue
        lookups = [name for name, one in mapping.lookups.items() if not one.is_owner]
        columns = ", ".join(f's."{name}"' for name in lookups) or "NULL"
        query = (
            f"SELECT s.source_id, {columns} FROM staged.{mapping.name} s WHERE {_unheld(mapping)} ORDER BY s.source_id"
        )
        rows = [(f"{mapping.source_object}/{row[0]}", [one for one in row[1:] if one]) for row in warehouse.run(query)]
        if MODULES.get(mapping.destination) == "sales_accounts":
            drawn |= _with_ancestors(_drawn([key for key, _ in rows], MOST), dict(rows))
        elif mapping in people:
            share = _share(warehouse, mapping.name, [one.name for one in people])
            drawn |= set(_drawn([key for key, _ in rows], share))
        else:
            # A deal hangs on its person, not on the practice that everybody shares.
            drawn |= {key for key, targets in rows if targets and all(one in drawn for one in targets)}
    return drawn


def _drawn(keys: list[str], count: int) -> list[str]:
    return sorted(keys, key=lambda key: hashlib.sha256(key.encode()).hexdigest())[:count]


def _share(warehouse: Warehouse, name: str, people: list[str]) -> int:
    """Return how many of one route: its share of the least sample, and at least five where there are as many."""
    counts = {one: int(warehouse.run(f"SELECT count(*) FROM staged.{one}")[0][0]) for one in people}
    everybody = sum(counts.values()) or 1
    return max(min(5, counts[name]), -(-counts[name] * LEAST // everybody))


def _with_ancestors(keys: list[str], parents: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        found.add(key)
        waiting.extend(one for one in parents.get(key, []) if one in parents)
    return found
