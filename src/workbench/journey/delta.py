"""A later delivery, through the same notebooks: only rows whose fingerprint changed are sent."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from workbench.dental_exec.deliveries import find_deliveries
from workbench.dental_exec.drift import column_drift, count_changes
from workbench.dental_exec.snapshot import find_snapshot
from workbench.errors import ApprovalMissing, ExportProblem
from workbench.journey.desk import writing
from workbench.journey.record import DELTAS, current_run, delta_folders, open_run_ledger
from workbench.ledger.plans import Plan
from workbench.ledger.runs import loaded_snapshot, was_cut_short
from workbench.load.plan import hand_over_identities, plan_load
from workbench.mapping.approval import last_signature
from workbench.mapping.files import Mappings
from workbench.privacy import shown_id
from workbench.settings import Settings
from workbench.staging.removals import find_removals, removal_table
from workbench.vocabulary import Lock, Operation, PlanScope
from workbench.warehouse import open_warehouse


@dataclass(frozen=True)
class Delta:
    """What a newer delivery would send, and in what it goes beyond the load approval."""

    plan: Plan | None
    changes: pl.DataFrame
    removed: pl.DataFrame
    beyond: tuple[str, ...]

    @property
    def headline(self) -> str:
        """Say in one sentence what is to come."""
        if self.plan is None:
            return "Nothing newer."
        limit = "beyond what the load approval covers" if self.beyond else "inside what the load approval covers"
        return f"{self.plan.writes:,} rows to send, {limit}."

    def frame(self) -> pl.DataFrame:
        """Return one row a mapping: rows to create, to update, unchanged and deferred."""
        none = Plan(0, "", "", PlanScope.DELTA, {})
        return (self.plan or none).frame()

    def record(self) -> dict[str, object]:
        """Return the record of the step; the load's lock reads from it what goes beyond."""
        plan = {"plan": self.plan.digest, "rows": self.plan.writes} if self.plan else {}
        return {**plan, "beyond": list(self.beyond), "headline": self.headline}


def newer_deliveries(settings: Settings) -> list[str]:
    """Return the deliveries that were not loaded yet, oldest first; one that only landed, before a kill, is the first."""
    standing, names = find_snapshot(settings.warehouse), [one.name for one in find_deliveries(settings.exports)]
    if standing.delivery not in names:
        return names[-1:]
    is_done = standing.id == _loaded(settings) and not _is_cut_short(settings)
    return names[names.index(standing.delivery) + is_done :]


def tell_newer(settings: Settings) -> str:
    """Say which deliveries came after the one that a run goes on with, and how to take them; empty where none did."""
    if not settings.warehouse.is_file():
        return ""
    with suppress(ExportProblem):  # what cannot be found is told by the step that needs it
        names, standing = [one.name for one in find_deliveries(settings.exports)], find_snapshot(settings.warehouse)
        newer = names[names.index(standing.delivery) + 1 :] if standing.delivery in names else names[-1:]
        if newer:
            fresh = f"take it at once with workbench run --fresh{settings.option}, or "
            return (
                f"A newer export is there: {', '.join(map(shown_id, newer))}. This run goes on with"
                f" {shown_id(standing.delivery)}; {'' if _loaded(settings) else fresh}finish this load, then: workbench run"
                f" --from delta{settings.option}"
            )
    return ""


def delta_folder(run_folder: Path, delivery: str) -> Path:
    """Return where the pages of a delta lie: again the same for the same delivery."""
    name = re.sub(r"[^\w.-]+", "_", delivery)
    there = delta_folders(run_folder)
    found = next((one for one in there if one.name.partition("_")[2] == name), None)
    return found or run_folder / DELTAS / f"{len(there) + 1:02}_{name}"


def plan_delta(settings: Settings, mappings: Mappings) -> Delta:
    """Plan what the landed, staged and checked delivery changes; nothing is written."""
    snapshot = find_snapshot(settings.warehouse)
    if snapshot.id == _loaded(settings) and not _is_cut_short(settings):
        return Delta(None, count_changes(settings.warehouse).clear(), removal_table([]), ())
    signature = last_signature(settings, Lock.LOAD)
    if signature is None or signature.voided:
        raise ApprovalMissing(
            f"A delta runs under the load approval, and there is none. Load first: workbench run --to load{settings.option}"
        )
    with writing(settings, mappings) as session:
        with open_warehouse(settings.warehouse) as warehouse:
            hand_over_identities(warehouse, session.ledger)
            removed = removal_table(find_removals(warehouse, mappings))
        plan = plan_load(settings, mappings, session.schema, session.ledger, session.run_id, name=PlanScope.DELTA)
    changes = count_changes(settings.warehouse)
    return Delta(plan, changes, removed, tuple(_beyond(settings, plan, changes)))


def _beyond(settings: Settings, plan: Plan, changes: pl.DataFrame) -> list[str]:
    """Return what the signer of the load could not know of: too many rows, removed rows, other columns."""
    limit, beyond = settings.delta_limit, []
    for name, counts in plan.counts.items():
        writes = counts.get(Operation.CREATE, 0) + counts.get(Operation.UPDATE, 0)
        rows = writes + counts.get(Operation.UNCHANGED, 0)
        if writes > limit.of(rows):
            beyond.append(f"{name}: {writes} of {rows} rows travel; the limit is {limit}")
    for name, removed in changes.filter(pl.col("removed") > 0).select("object", "removed").iter_rows():
        beyond.append(f"{name}: {removed} records are gone from the export")
    drift = column_drift(settings.warehouse).filter(pl.col("against") == "last snapshot")
    for name, column, change in drift.select("object", "column", "change").iter_rows():
        beyond.append(f"{name}: the column {column} is {change}")
    return beyond


def _loaded(settings: Settings) -> str | None:
    ledger = open_run_ledger(settings)
    loaded = loaded_snapshot(ledger)
    ledger.engine.dispose()
    return loaded


def _is_cut_short(settings: Settings) -> bool:
    run = current_run(settings)
    ledger = open_run_ledger(settings)
    found = was_cut_short(ledger, run.run_id, "delta")
    ledger.engine.dispose()
    return found
