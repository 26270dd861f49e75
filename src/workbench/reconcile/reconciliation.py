"""The reconciliation: read back, compare, prove that a second plan writes nothing, and give one verdict."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from workbench.freshsales.client import Freshsales
from workbench.freshsales.schema import TenantSchema
from workbench.ledger.identities import identity_frames
from workbench.ledger.operations import open_operations
from workbench.ledger.plans import Plan, planned_rows
from workbench.ledger.store import Ledger
from workbench.load.payload import knowing
from workbench.load.plan import deferred_frame, plan_load
from workbench.mapping.files import Mappings
from workbench.reconcile.counts import count_fates, money_by_stage, unbalanced, write_waiting
from workbench.reconcile.fields import compare_mapping, find_strays, keep_theirs, write_expected
from workbench.reconcile.readback import read_tenant
from workbench.settings import Settings
from workbench.vocabulary import Kind, Operation, PlanScope
from workbench.warehouse import open_warehouse


@dataclass(frozen=True)
class Reconciliation:
    """What both sides say, and whether they agree."""

    fates: pl.DataFrame
    differences: pl.DataFrame
    money: pl.DataFrame
    deferred: pl.DataFrame
    plan: Plan
    compared: dict[str, int]
    calls: dict[str, int]
    failed: tuple[str, ...]

    @property
    def zero_write(self) -> bool:
        """Say whether a fresh plan would send nothing."""
        return self.plan.writes == 0

    @property
    def reconciled(self) -> bool:
        """Say whether what was delivered equals what is there."""
        return not self.failed


def reconcile(  # noqa: PLR0917 - what a loading session holds, in its order
    settings: Settings, mappings: Mappings, tenant: Freshsales, schema: TenantSchema, ledger: Ledger, run_id: str
) -> Reconciliation:
    """Compare both sides, every mapped field of every delivered row; write reconciled.* and return the verdict."""
    records = [one for one in mappings.objects if one.kind in (Kind.RECORD, Kind.FILE)]
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        for place, frame in enumerate(identity_frames(ledger)):
            warehouse.write("destination.identities", frame, append=place > 0)
    calls = read_tenant(settings, mappings, tenant, schema)
    plan = plan_load(settings, mappings, schema, ledger, run_id, name=PlanScope.PROOF)
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        resolver = knowing(warehouse, schema, ledger, mappings)
        warehouse.run(
            "CREATE OR REPLACE TABLE reconciled.differences (mapping VARCHAR, source_id VARCHAR, field VARCHAR, kind VARCHAR)"
        )
        keep_theirs(warehouse, ledger)
        write_waiting(warehouse, ledger, plan)
        compared = {one.name: write_expected(warehouse, settings, one, resolver) for one in records}
        for one in records:
            compare_mapping(warehouse, settings, one)
        find_strays(warehouse, settings, mappings)
        fates = count_fates(warehouse, mappings, ledger, run_id)
        differences = warehouse.frame("SELECT * FROM reconciled.differences ORDER BY ALL")
        deals = next((one.name for one in records if one.destination == "deal"), None)
        money = money_by_stage(warehouse, deals) if deals else pl.DataFrame()
    failed = []
    if differences.height:
        failed.append(f"{differences.height} differences between what was delivered and what is there")
    if uneven := unbalanced(fates)["mapping"].to_list():
        failed.append(f"fates do not add up for {', '.join(uneven)}")
    if plan.writes:
        failed.append(f"a fresh plan would send {plan.writes} rows")
    if money.height and not money["equal"].all():
        failed.append("deal amounts differ by pipeline and stage")
    if still_open := open_operations(ledger):
        failed.append(f"{len(still_open)} operations without a known outcome")
    deferred = deferred_frame(planned_rows(ledger, plan, operation=Operation.DEFER))
    return Reconciliation(fates, differences, money, deferred, plan, compared, calls, tuple(failed))
