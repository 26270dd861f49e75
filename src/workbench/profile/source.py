"""Open the warehouse for a profile, and say which step is missing when there is no snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import StoreProblem
from workbench.warehouse import Warehouse, open_warehouse

LIVES = "upper(trim(coalesce(is_deleted, 'N'))) <> 'Y'"
"""Rows that the source has not deleted."""


@contextmanager
def open_snapshot(warehouse: Path) -> Iterator[Warehouse]:
    """Open the warehouse to write profile.* over the snapshot in raw.*."""
    with open_warehouse(warehouse, write=warehouse.exists()) as store:
        if not store.has("raw.deliveries"):
            raise StoreProblem(
                "There is no snapshot to profile. Run notebooks/10_take_snapshot.ipynb, or: workbench run --to snapshot"
            )
        yield store
