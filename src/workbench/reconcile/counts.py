"""Conservation: every source row of every mapping has exactly one fate; and money by pipeline and stage."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from workbench.ledger.operations import fates_of_run
from workbench.ledger.plans import Plan, planned_rows
from workbench.ledger.store import Ledger
from workbench.mapping.files import Mappings
from workbench.vocabulary import LATER_WAVE, OLDER, Fate, Kind, Operation
from workbench.warehouse import Warehouse

COLUMNS = ["source", *(str(fate) for fate in Fate)]


def count_fates(warehouse: Warehouse, mappings: Mappings, ledger: Ledger, run_id: str, plan: Plan) -> pl.DataFrame:
    """Return one row a mapping: source, then each fate; and write it as reconciled.conservation.

    A row is held by the checks, else excluded by its mapping, else deferred by the plan, else what this run's operations
    say, else unchanged where a record stands for it. A row with none of these has no fate, and its line does not add up.
    """
    _write(warehouse, "run_fates", fates_of_run(ledger, run_id), ("mapping", "source_id", "fate"))
    waiting = [(row.mapping, row.source_id) for row in planned_rows(ledger, plan, operation=Operation.DEFER)]
    _write(warehouse, "waiting", waiting, ("mapping", "source_id"))
    kinds = [(one.name, str(one.kind), str(place)) for place, one in enumerate(mappings.objects)]
    _write(warehouse, "kinds", kinds, ("mapping", "kind", "place"))
    counted = ", ".join(f"count(source_id) FILTER (fate = '{fate}') AS {fate}" for fate in Fate)
    frame = warehouse.frame(f"""
        WITH fates AS (
          SELECT mapping, c.source_id, k.kind, k.place::INTEGER AS place,
            CASE
              WHEN h.source_id IS NOT NULL THEN 'held'
              WHEN k.kind = '{Kind.LEFT_OUT}' THEN 'excluded'
              WHEN starts_with(mapping, '{LATER_WAVE}') OR starts_with(mapping, '{OLDER}') THEN 'excluded'
              WHEN k.kind IN ('{Kind.MATCH}', '{Kind.SETUP}') THEN 'unchanged'
              WHEN w.source_id IS NOT NULL THEN 'deferred'
              WHEN f.fate IS NOT NULL THEN f.fate
              WHEN i.source_id IS NOT NULL THEN 'unchanged'
            END AS fate
          FROM staged.claims c
          FULL JOIN kinds k USING (mapping)
          LEFT JOIN (SELECT DISTINCT mapping, source_id FROM checked.held) h USING (mapping, source_id)
          LEFT JOIN waiting w USING (mapping, source_id)
          LEFT JOIN run_fates f USING (mapping, source_id)
          LEFT JOIN destination.identities i ON i.mapping = c.mapping AND i.source_id = c.source_id AND i.is_live
        )
        SELECT mapping, count(source_id) AS source, {counted} FROM fates GROUP BY mapping, kind, place
        ORDER BY CASE WHEN kind IN ('{Kind.RECORD}', '{Kind.FILE}') THEN 0 WHEN kind IS NULL THEN 1
          WHEN kind = '{Kind.LEFT_OUT}' THEN 3 ELSE 2 END, place, mapping
    """)
    warehouse.write("reconciled.conservation", frame)
    return frame


def _write(warehouse: Warehouse, table: str, rows: Sequence[tuple[str, ...]], names: tuple[str, ...]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    warehouse.connection.register("incoming_rows", frame.to_arrow())
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM incoming_rows")
    warehouse.connection.unregister("incoming_rows")


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
