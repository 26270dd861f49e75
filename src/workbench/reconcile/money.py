"""Money on both sides as exact decimals: every amount by field, and deals by pipeline and stage."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from workbench.canonical import Form
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.checks import Check, Question, judge
from workbench.reconcile.expected import form_of_column
from workbench.reconcile.fields import Cause, counted_rows, ids_of, there_table
from workbench.settings import Settings
from workbench.warehouse import Warehouse, identifier

EXACT = "DECIMAL(28, 4)"
"""No binary fraction: sums of a million amounts still agree to the cent."""
CENT = Decimal("0.01")
SHAPE = {
    "pipeline": pl.String,
    "stage": pl.String,
    "deals_source": pl.Int64,
    "deals_there": pl.Int64,
    "amount_source": pl.String,
    "amount_there": pl.String,
    "equal": pl.Boolean,
}


def check_amounts(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping) -> list[Check]:
    """Judge the sum of every amount of a mapping."""
    names = [name for name in mapping.fields if form_of_column(mapping, name) is Form.MONEY]
    if not names:
        return []
    sums = ", ".join(f"coalesce(sum(TRY_CAST(r.{identifier(name)} AS {EXACT})), 0)" for name in names)
    delivered = counted_rows(mapping)
    source = warehouse.run(f"SELECT {sums} FROM {delivered} r")[0]
    there = warehouse.run(
        f"SELECT {sums} FROM {there_table(settings, mapping)} r SEMI JOIN {delivered} e USING (destination_id)"
    )[0]
    checks = []
    for name, ours, theirs in zip(names, source, there, strict=True):
        ids = ids_of(warehouse, mapping.name, (Cause.MONEY,), name) if ours != theirs else []
        checks.append(judge(Question.MONEY, mapping.name, as_money(ours), as_money(theirs), field=name, ids=ids))
    return checks


def money_by_stage(warehouse: Warehouse, settings: Settings, records: Sequence[ObjectMapping]) -> pl.DataFrame:
    """Return deals and amounts by pipeline and stage on both sides; write it as reconciled.money."""
    deals = next((one for one in records if {"amount", "deal_pipeline_id", "deal_stage_id"} <= one.fields.keys()), None)
    if deals is None:
        warehouse.write("reconciled.money", made := pl.DataFrame(schema=SHAPE))
        return made
    delivered = counted_rows(deals)
    grouped = (
        "SELECT r.deal_pipeline_id AS pipeline, r.deal_stage_id AS stage, count(*) AS deals,"
        f" coalesce(sum(TRY_CAST(r.amount AS {EXACT})), 0) AS amount"
    )
    found = warehouse.run(
        "SELECT coalesce(s.pipeline, t.pipeline), coalesce(s.stage, t.stage), coalesce(s.deals, 0), coalesce(t.deals, 0),"
        f" coalesce(s.amount, 0), coalesce(t.amount, 0) FROM ({grouped} FROM {delivered} r GROUP BY 1, 2) s"
        f" FULL JOIN ({grouped} FROM {there_table(settings, deals)} r SEMI JOIN {delivered} e USING (destination_id) GROUP BY 1, 2) t"
        " ON t.pipeline IS NOT DISTINCT FROM s.pipeline AND t.stage IS NOT DISTINCT FROM s.stage ORDER BY 1, 2"
    )
    rows = [(*row[:4], as_money(row[4]), as_money(row[5]), row[2] == row[3] and row[4] == row[5]) for row in found]
    made = pl.DataFrame(rows, schema=SHAPE, orient="row")
    warehouse.write("reconciled.money", made)
    return made


def check_stages(money: pl.DataFrame) -> list[Check]:
    """Judge the table of pipelines and stages as a whole."""
    return [judge(Question.STAGES, "deals", money.height, money.filter("equal").height)] if money.height else []


def as_money(amount: Decimal | int) -> str:
    """Write an exact amount with its cents, and with what is smaller than a cent only where there is such."""
    exact = Decimal(amount)
    return f"{exact.quantize(CENT):,}" if exact == exact.quantize(CENT) else f"{exact.normalize():,f}"
