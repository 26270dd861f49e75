"""Land a delivery in raw.* whole or not at all."""

from __future__ import annotations

from workbench.dental_exec.contract import read_contract
from workbench.dental_exec.deliveries import Delivery
from workbench.dental_exec.inventory import Inventory
from workbench.dental_exec.tables import land_object, make_books
from workbench.errors import CountMismatch, gather
from workbench.warehouse import Warehouse


def is_landed(store: Warehouse, inventory: Inventory) -> bool:
    """Say whether raw.* already holds these very bytes, landed by this very contract."""
    if not store.has("raw.deliveries"):
        return False
    landed = store.run("SELECT snapshot, contract FROM raw.deliveries")
    return landed == [(inventory.identity, read_contract().identity)]


def land(store: Warehouse, chosen: Delivery, inventory: Inventory) -> None:
    """Replace raw.* by the delivery in one transaction, or leave it as it was."""
    store.run("BEGIN TRANSACTION")
    try:
        for table in store.tables("raw"):
            store.run(f'DROP TABLE raw."{table}"')
        make_books(store)
        held = inventory.objects()
        for name, said in read_contract().objects.items():
            land_object(store, said, held.get(name, []))
        _prove_counts(store, chosen)
        store.run("COMMIT")
    except BaseException:
        store.run("ROLLBACK")
        raise


def _prove_counts(store: Warehouse, chosen: Delivery) -> None:
    wrong = store.run(
        "SELECT file, rows_counted, rows_landed, rows_rejected FROM raw.files"
        " WHERE rows_counted <> rows_landed + rows_rejected ORDER BY file"
    )
    if wrong:
        lines = [f"{row[0]}: {row[1]} counted, {row[2]} landed, {row[3]} rejected" for row in wrong]
        raise CountMismatch(gather(f"The delivery {chosen.name}", lines, "file whose records do not add up"))
