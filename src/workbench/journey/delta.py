"""A later delivery, through the same rooms: only rows whose fingerprint changed are sent."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from workbench.checks.held import run_checks
from workbench.checks.stated import stated_mappings
from workbench.errors import ApprovalMissing
from workbench.journey.desk import (
    apply_setup,
    keep_setup,
    land,
    read_existing,
    read_landed,
    read_tenant_schema,
    tenant_alias,
    writing,
)
from workbench.journey.loading import Written
from workbench.journey.reconciling import reconcile_run
from workbench.journey.record import open_run_ledger, record_step
from workbench.ledger.plans import Plan
from workbench.ledger.runs import loaded_snapshot, pin
from workbench.load.loader import run_load
from workbench.load.plan import plan_load
from workbench.mapping.approval import last_signature
from workbench.mapping.checklist import require_setup
from workbench.mapping.files import Mappings
from workbench.profile.files import profile_files
from workbench.profile.recalls import profile_recalls
from workbench.settings import Settings
from workbench.staging.stage import stage
from workbench.suggest.acceptance import accept_in_rehearsal
from workbench.vocabulary import Kind, Lock, Operation

ROWS, SHARE = 50, 0.02
"""Beyond the larger of these an object's changes need a new signature."""


@dataclass(frozen=True)
class Delta:
    """What a delta sent and whether both sides agree after it."""

    headline: str
    counts: pl.DataFrame
    written: int
    reconciled: bool


def run_delta(settings: Settings, mappings: Mappings) -> Delta:
    """Take the newest delivery, plan what changed, send it under the load approval, and reconcile."""
    snapshot = land(settings)
    if snapshot.id == _loaded(settings):
        return Delta("Nothing newer.", Written({}, 0).frame(), 0, True)
    signature = last_signature(settings, Lock.LOAD)
    if signature is None or signature.voided:
        raise ApprovalMissing(
            "A delta runs under the load approval, and there is none. Load first: workbench run --to load"
        )
    read_landed(settings)
    profile_recalls(settings.warehouse)
    profile_files(settings.warehouse, settings.folder)
    read_existing(settings)  # users go on making records: a new row of the export may be one of them
    accept_in_rehearsal(settings, mappings)
    # Freshsales drops text that is no choice with a 2xx: a new carrier needs its choice first.
    setup = keep_setup(settings, mappings)
    apply_setup(settings, setup)
    require_setup(setup, read_tenant_schema(settings), "setup.json in this run's folder")
    stage(settings, mappings, tenant=tenant_alias(settings))
    run_checks(settings.warehouse, settings.folder / "expectations", stated_mappings(mappings))
    with writing(settings, mappings) as session:
        plan = plan_load(settings, mappings, session.schema, session.ledger, session.run_id, name="delta")
        _require_limit(settings, plan)
        loaded = run_load(session, plan, kinds=(Kind.RECORD, Kind.FILE))
        made = Written(loaded.counts, sum(loaded.calls.values()))
        pin(session.ledger, session.run_id, snapshot=snapshot.id)
    result = reconcile_run(settings, mappings)
    record_step(settings, "80_reconcile", result.record())
    return Delta(f"{made.written} rows sent. {result.verdict}", made.frame(), made.written, result.reconciled)


def _loaded(settings: Settings) -> str | None:
    """Return the snapshot that was loaded last: one that only landed, before a kill, has still to travel."""
    ledger = open_run_ledger(settings)
    loaded = loaded_snapshot(ledger)
    ledger.engine.dispose()
    return loaded


def _require_limit(settings: Settings, plan: Plan) -> None:
    if settings.is_rehearsal:
        return
    beyond = []
    for name, counts in plan.counts.items():
        writes = counts.get(Operation.CREATE, 0) + counts.get(Operation.UPDATE, 0)
        rows = writes + counts.get(Operation.UNCHANGED, 0)
        if writes > max(ROWS, SHARE * rows):
            beyond.append(f"{name}: {writes} of {rows}")
    if beyond:
        raise ApprovalMissing(
            f"The delta is larger than the load approval covers ({'; '.join(beyond)}; limit {SHARE:.0%} or {ROWS} rows)."
            " Look at it, then sign anew: workbench run --from approve"
        )
