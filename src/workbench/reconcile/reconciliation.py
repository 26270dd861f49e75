"""The reconciliation: read back, compare, prove that a second plan writes nothing, and give one verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl

from workbench.clock import as_text
from workbench.freshsales.client import Freshsales
from workbench.freshsales.foreign import read_converted
from workbench.freshsales.schema import TenantSchema
from workbench.ledger.identities import identity_frames, live_ids
from workbench.ledger.operations import open_operations
from workbench.ledger.plans import Plan, planned_rows
from workbench.ledger.store import Ledger
from workbench.load.plan import deferred_frame, plan_load
from workbench.load.session import knowing
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.checks import Check, Question, failures, judge, unchecked, write_checks
from workbench.reconcile.counts import check_fates, count_fates, count_groups, write_waiting
from workbench.reconcile.expected import asking_canonical, hand_over_conversions, hand_over_users
from workbench.reconcile.fields import check_dates, check_fields, compare_mapping, start_differences
from workbench.reconcile.files import check_files
from workbench.reconcile.links import check_keys, find_doubles, tell_unchecked
from workbench.reconcile.money import check_amounts, check_stages, money_by_stage
from workbench.reconcile.people import Rewritten, explain_differences
from workbench.reconcile.readback import read_tenant
from workbench.reconcile.tiers import Tier, price_tiers, readable
from workbench.settings import Settings
from workbench.vocabulary import Kind, Operation, PlanScope
from workbench.warehouse import Warehouse, open_warehouse

LEFT_OUT = (
    "SELECT p.mapping, p.field, p.rule, count(DISTINCT p.source_id) AS rows, min(p.message) AS why FROM staged.problems p"
    " JOIN destination.identities i USING (mapping, source_id) WHERE p.severity = 'warn'"
    " GROUP BY p.mapping, p.field, p.rule ORDER BY p.mapping, p.field, p.rule"
)


@dataclass(frozen=True)
class Reconciliation:
    """What both sides say, and whether they agree."""

    run_id: str
    checks: pl.DataFrame
    fates: pl.DataFrame
    differences: pl.DataFrame
    by_people: pl.DataFrame
    rewritten: pl.DataFrame
    fields: pl.DataFrame
    groups: pl.DataFrame
    money: pl.DataFrame
    left_out: pl.DataFrame
    deferred: pl.DataFrame
    tiers: pl.DataFrame
    plan: Plan
    compared: dict[str, int]
    calls: dict[str, int]
    read_at: tuple[str, str]
    failed: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "failed", failures(self.checks))

    @property
    def zero_write(self) -> bool:
        """Say whether a fresh plan would send nothing."""
        return self.plan.writes == 0

    @property
    def reconciled(self) -> bool:
        """Say whether what was delivered equals what is there."""
        return not self.failed


def moving(mappings: Mappings) -> list[ObjectMapping]:
    """Return the mappings whose rows become records or files."""
    return [one for one in mappings.objects if one.kind in (Kind.RECORD, Kind.FILE)]


def price_reading(settings: Settings, mappings: Mappings, ledger: Ledger, tier: Tier = Tier.FULL) -> pl.DataFrame:
    """Return what each way to read the tenant costs in calls, before any is made."""
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        _hand_over_identities(warehouse, ledger)
        return price_tiers(warehouse, settings, moving(mappings), tier)


def reconcile(  # noqa: PLR0917 - what a loading session holds, in its order
    settings: Settings,
    mappings: Mappings,
    tenant: Freshsales,
    schema: TenantSchema,
    ledger: Ledger,
    run_id: str,
    *,
    messages: int | None = None,
    tier: Tier = Tier.FULL,
) -> Reconciliation:
    """Compare both sides, every mapped field of every delivered row; write reconciled.* and return the verdict.

    `messages` is what patients would have got, where the tenant can tell. A tier that leaves records unread is never
    green.
    """
    every = moving(mappings)
    tiers = price_reading(settings, mappings, ledger, tier)
    records = readable(every, settings, tier)
    began = as_text(tenant.clock.now())
    rewritten = Rewritten(ledger, run_id)
    calls = read_tenant(settings, records, tenant, schema, rewritten.see)
    read_at = (began, as_text(tenant.clock.now()))
    plan = plan_load(settings, mappings, schema, ledger, run_id, name=PlanScope.PROOF)
    with (
        open_warehouse(settings.warehouse, write=True) as warehouse,
        asking_canonical(warehouse),
        _one_commit(warehouse),
    ):
        start_differences(warehouse, ledger)
        write_waiting(warehouse, ledger, plan)
        hand_over_users(warehouse, schema)
        hand_over_conversions(warehouse, read_converted(warehouse, tenant.alias, live_ids(ledger)))
        compared = {one.name: compare_mapping(warehouse, settings, one) for one in records}
        resolver = knowing(warehouse, schema, ledger, mappings)
        by_people = explain_differences(warehouse, mappings, tenant, ledger, resolver, run_id)
        checks = [check for one in records for check in _checks_of(warehouse, settings, one, compared[one.name])]
        checks += find_doubles(warehouse, settings, records)
        checks += count_groups(warehouse, settings, records)
        money = money_by_stage(warehouse, settings, records)
        checks += check_stages(money)
        checks += check_files(warehouse, settings, ledger, records)
        fates = count_fates(warehouse, mappings, ledger, run_id)
        checks += check_fates(fates)
        checks += _checks_of_all(plan, ledger, messages)
        checks += _unread(warehouse, every, records)
        checks += tell_unchecked(warehouse, settings, records)
        return Reconciliation(
            run_id=run_id,
            checks=write_checks(warehouse, checks),
            fates=fates,
            differences=warehouse.frame("SELECT * FROM reconciled.differences ORDER BY ALL"),
            by_people=by_people,
            rewritten=rewritten.frame,
            fields=warehouse.frame("SELECT * FROM reconciled.fields"),
            groups=warehouse.frame("SELECT * FROM reconciled.groups ORDER BY ALL"),
            money=money,
            left_out=warehouse.frame(LEFT_OUT),
            deferred=deferred_frame(planned_rows(ledger, plan, operation=Operation.DEFER)),
            tiers=tiers,
            plan=plan,
            compared=compared,
            calls=calls,
            read_at=read_at,
        )


@contextmanager
def _one_commit(warehouse: Warehouse) -> Iterator[None]:
    """Write everything or nothing: a commit instead of hundreds, and nobody finds half a reconciliation."""
    warehouse.run("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        warehouse.run("ROLLBACK")
        raise
    warehouse.run("COMMIT")


def _hand_over_identities(warehouse: Warehouse, ledger: Ledger) -> None:
    for place, frame in enumerate(identity_frames(ledger)):
        warehouse.write("destination.identities", frame, append=place > 0)


def _checks_of(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping, delivered: int) -> list[Check]:
    return [
        *check_fields(warehouse, mapping, delivered),
        *check_keys(warehouse, settings, mapping),
        *check_dates(warehouse, settings, mapping),
        *check_amounts(warehouse, settings, mapping),
    ]


def _checks_of_all(plan: Plan, ledger: Ledger, messages: int | None) -> list[Check]:
    checks = [
        judge(Question.AGAIN, "all mappings", 0, plan.writes),
        judge(Question.KNOWN, "all mappings", 0, len(open_operations(ledger))),
    ]
    if messages is None:
        return [*checks, unchecked(Question.MESSAGES, "contacts")]
    return [*checks, judge(Question.MESSAGES, "contacts", 0, messages)]


def _unread(warehouse: Warehouse, every: Sequence[ObjectMapping], records: Sequence[ObjectMapping]) -> list[Check]:
    """Return a failed check for each mapping that the chosen tier did not read, or not whole."""
    read = {one.name: one for one in records}
    checks = []
    for mapping in every:
        if mapping != read.get(mapping.name):
            query = "SELECT count(*) FROM destination.identities WHERE mapping = ? AND is_live"
            count = int(warehouse.run(query, [mapping.name])[0][0])
            checks += [judge(Question.READ, mapping.name, count, 0)] if count else []
    return checks
