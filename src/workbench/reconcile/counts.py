"""Conservation: every source row of every mapping has exactly one fate; and money by pipeline and stage."""

from __future__ import annotations

import polars as pl

from workbench.ledger.operations import count_by_mapping
from workbench.ledger.plans import Plan, planned_rows
from workbench.ledger.store import Ledger
from workbench.mapping.files import Mappings
from workbench.vocabulary import Fate, Kind, Operation
from workbench.warehouse import Warehouse

COLUMNS = ["source", *(str(fate) for fate in Fate)]


def count_fates(warehouse: Warehouse, mappings: Mappings, ledger: Ledger, run_id: str, plan: Plan) -> pl.DataFrame:
    """Return one row a mapping: source, then each fate; and write it as reconciled.conservation.

    created, updated and rejected come from the ledger, held from the checks, excluded from the mapping, deferred from
    the plan, unchanged from identities that this run did not touch.
    """
    done = count_by_mapping(ledger, run_id)
    held = dict(warehouse.run("SELECT mapping, count(DISTINCT source_id) FROM checked.held GROUP BY 1"))
    deferred: dict[str, int] = {}
    for row in planned_rows(ledger, plan, operation=Operation.DEFER):
        deferred[row.mapping] = deferred.get(row.mapping, 0) + 1
    claimed = warehouse.run("SELECT mapping, count(*) FROM staged.claims GROUP BY 1 ORDER BY 1")
    kinds = {one.name: one.kind for one in mappings.objects}
    order = {one.name: place for place, one in enumerate(mappings.objects)}
    rows = []
    for name, source in sorted(claimed, key=lambda one: (order.get(one[0], len(order)), one[0])):
        fates = dict.fromkeys(COLUMNS, 0)
        fates["source"] = source
        kind = kinds.get(name)
        if kind is Kind.LEFT_OUT:
            fates[Fate.EXCLUDED] = source
        else:
            fates[Fate.HELD] = held.get(name, 0)
        if kind in (Kind.RECORD, Kind.FILE):
            fates[Fate.DEFERRED] = deferred.get(name, 0)
            for fate in (Fate.CREATED, Fate.UPDATED, Fate.REJECTED):
                fates[fate] = done.get(name, {}).get(fate, 0)
            fates[Fate.UNCHANGED] = (
                plan.counts.get(name, {}).get(Operation.UNCHANGED, 0) - fates[Fate.CREATED] - fates[Fate.UPDATED]
            )
        elif kind in (Kind.MATCH, Kind.SETUP):
            fates[Fate.UNCHANGED] = source - fates[Fate.HELD]
        rows.append({"mapping": name, **{str(key): value for key, value in fates.items()}})
    frame = pl.DataFrame(rows, schema={"mapping": pl.String, **dict.fromkeys(COLUMNS, pl.Int64)})
    warehouse.write("reconciled.conservation", frame)
    return frame


def unbalanced(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the mappings whose fates do not add up to their source rows."""
    return frame.filter(pl.col("source") != pl.sum_horizontal(COLUMNS[1:]))


def money_by_stage(warehouse: Warehouse, mapping: str) -> pl.DataFrame:
    """Return deals and exact amounts by pipeline and stage on both sides, with their difference."""
    return warehouse.frame(f"""
        WITH source AS (
          SELECT deal_pipeline_id AS pipeline, deal_stage_id AS stage, count(*) AS deals, sum(amount::DECIMAL(18, 2)) AS amount
          FROM reconciled.expected_{mapping} GROUP BY 1, 2
        ), there AS (
          SELECT d.deal_pipeline_id AS pipeline, d.deal_stage_id AS stage, count(*) AS deals, sum(d.amount::DECIMAL(18, 2)) AS amount
          FROM destination.deals d WHERE d.destination_id IN (SELECT destination_id FROM reconciled.expected_{mapping}) GROUP BY 1, 2
        )
        SELECT coalesce(s.pipeline, t.pipeline) AS pipeline, coalesce(s.stage, t.stage) AS stage,
          coalesce(s.deals, 0) AS deals_source, coalesce(t.deals, 0) AS deals_there,
          coalesce(s.amount, 0)::VARCHAR AS amount_source, coalesce(t.amount, 0)::VARCHAR AS amount_there,
          coalesce(s.deals, 0) = coalesce(t.deals, 0) AND coalesce(s.amount, 0) = coalesce(t.amount, 0) AS equal
        FROM source s FULL JOIN there t ON t.pipeline = s.pipeline AND t.stage = s.stage ORDER BY 1, 2
    """)
