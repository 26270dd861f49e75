"""Open the warehouse for a profile, and say which tables it reads: as the cells were read where they were, else as landed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import StoreProblem
from workbench.warehouse import Warehouse, open_warehouse

LIVES = "upper(trim(coalesce(is_deleted, 'N'))) <> 'Y'"
"""Rows that the source has not deleted."""
NONE_REJECTED = (
    "(SELECT NULL::VARCHAR AS file, NULL::VARCHAR AS object, NULL::BIGINT AS first_line, NULL::BIGINT AS last_line,"
    " NULL::VARCHAR AS reason, NULL::BIGINT AS source_row, NULL::VARCHAR AS source_id WHERE false)"
)


@contextmanager
def open_snapshot(warehouse: Path) -> Iterator[Warehouse]:
    """Open the warehouse to write profile.* over the snapshot in raw.*."""
    with open_warehouse(warehouse, write=warehouse.exists()) as store:
        if not store.has("raw.deliveries"):
            raise StoreProblem(
                "There is no snapshot to profile. Run notebooks/10_take_snapshot.ipynb, or: workbench run --to snapshot"
            )
        yield store


def as_read(store: Warehouse, name: str) -> str:
    """Return the table of an object whose cells were read into one form, else the table as it landed."""
    return f"profile.read_{name}" if store.has(f"profile.read_{name}") else f"raw.{name}"


def rejected_records(store: Warehouse) -> str:
    """Return the table of the records that did not land, with the key of each where it could be read."""
    return "raw.rejected" if "source_id" in store.columns("raw.rejected") else NONE_REJECTED
