"""Status, forecast, reconciliation and rollback, told by practice: each adds up to its whole, and they agree."""

from __future__ import annotations

import polars as pl
from loaded import Loaded

from workbench.journey.desk import count_by_practice
from workbench.journey.loading import forecast, rollback
from workbench.journey.reconciling import Reconciled
from workbench.journey.status import status
from workbench.reconcile.reconciliation import Reconciliation
from workbench.warehouse import open_warehouse


def counted(rows: list[dict], told: str, value: str) -> dict[str, int]:
    return {one["practice"]: one["rows"] for one in rows if one[told] == value}


def test_status_forecast_reconciliation_and_rollback_are_told_by_practice(
    loaded: Loaded, green: Reconciliation
) -> None:
    settings, mappings = loaded.practice.settings, loaded.practice.mappings
    said = status(settings, held=False)
    delivered = counted(said["practices"], "told", "delivered")
    assert len(delivered) > 3
    assert all(f"\n{name} " in said["text"] for name in delivered)
    moving = forecast(settings, mappings).practices
    assert dict(moving.select("practice", pl.col("records").cast(pl.Int64)).rows()) == delivered
    undone: dict[str, int] = {}
    for one in rollback(settings, confirm=False)["practices"]:
        undone[one["practice"]] = undone.get(one["practice"], 0) + one["rows"]
    assert undone == delivered
    reconciled = Reconciled(green, 0, 0, None, {})
    practices = {one["practice"]: one for one in reconciled.record()["practices"]}
    assert all(one["source"] == one["there"] and one["equal"] for one in practices.values())
    # The account of the practice itself hangs on nothing, so it is no record of the practice there.
    with open_warehouse(settings.warehouse) as warehouse:
        accounts = {
            key
            for key, place in warehouse.run(
                "SELECT source_object || '/' || source_id, destination FROM destination.identities"
            )
            if place == "account"
        }
    assert {name: one["source"] for name, one in practices.items()} == {
        name: rows - (name in accounts) for name, rows in delivered.items() if rows > (name in accounts)
    }


def test_every_staged_row_is_told_once_by_practice(loaded: Loaded) -> None:
    settings, mappings = loaded.practice.settings, loaded.practice.mappings
    told = count_by_practice(settings)
    with open_warehouse(settings.warehouse) as warehouse:
        staged = sum(
            warehouse.run(f"SELECT count(*) FROM staged.{one.name}")[0][0]
            for one in mappings.objects
            if one.kind in ("record", "file")
        )
    assert told["rows"].sum() == staged
    assert set(told["told"]) == {"delivered", "held", "deferred"}
