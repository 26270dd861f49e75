"""A fate for every row: the statement finds the row without one, and the run fails with it."""

from __future__ import annotations

import pytest
from loaded import Loaded

from workbench.journey.reconciling import Reconciled
from workbench.reconcile.checks import Question, Status
from workbench.warehouse import open_warehouse


@pytest.mark.parametrize("mapping", ["note"])
def test_a_row_that_nobody_accounts_for_turns_the_reconciliation_red(loaded: Loaded, green, mapping: str) -> None:
    settings = loaded.practice.settings
    assert green.reconciled
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        warehouse.run("INSERT INTO staged.claims BY NAME SELECT 'N-lost' AS source_id, ? AS mapping", [mapping])
    try:
        found = loaded.reconcile()
    finally:
        with open_warehouse(settings.warehouse, write=True) as warehouse:
            warehouse.run("DELETE FROM staged.claims WHERE source_id = 'N-lost'")
    lines = found.checks.filter(found.checks["status"] == str(Status.FAILED)).select("check", "mapping").rows()
    assert lines == [(str(Question.FATES), mapping)]
    assert not found.reconciled
    record = Reconciled(found, 0, 0.0, 0, {}).record()
    assert (record["reconciled"], record["failed"]) == (False, list(found.failed))
    row = next(one for one in found.fates.iter_rows(named=True) if one["mapping"] == mapping)
    assert row["source"] == 1 + sum(count for name, count in row.items() if name not in ("mapping", "source"))
