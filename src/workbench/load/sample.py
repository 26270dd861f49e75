"""Draw the sample: 50–100 accounts with their ancestors, 50–100 people by hash, and everything that hangs on them."""

from __future__ import annotations

import hashlib

from workbench.ledger.store import Ledger
from workbench.load.plan import hand_over_identities, unheld_rows
from workbench.mapping.files import MODULES, Mappings
from workbench.settings import Settings
from workbench.vocabulary import Kind
from workbench.warehouse import Warehouse, open_warehouse

LEAST, MOST = 50, 100


def draw_sample(settings: Settings, mappings: Mappings, ledger: Ledger) -> set[str]:
    """Return source keys: the same ones for the same rows, whatever order they come in."""
    drawn: set[str] = set()
    with open_warehouse(settings.warehouse) as warehouse:
        hand_over_identities(warehouse, ledger)
        people = [one for one in mappings.objects if MODULES.get(one.destination) == "contacts"]
        for mapping in mappings.objects:
            if mapping.kind not in (Kind.RECORD, Kind.FILE):
                continue
            lookups = [name for name, one in mapping.lookups.items() if not one.is_owner]
            columns = ", ".join(f's."{name}"' for name in lookups) or "NULL"
            query = unheld_rows(mapping, order="s.source_id").replace("SELECT s.*", f"SELECT s.source_id, {columns}", 1)
            rows = [
                (f"{mapping.source_object}/{row[0]}", [one for one in row[1:-2] if one]) for row in warehouse.run(query)
            ]
            if MODULES.get(mapping.destination) == "sales_accounts":
                drawn |= _with_ancestors(_drawn([key for key, _ in rows], MOST), dict(rows))
            elif mapping in people:
                share = _share(warehouse, mapping.name, [one.name for one in people])
                drawn |= set(_drawn([key for key, _ in rows], share))
            else:
                # A deal hangs on its person, not on the practice that everybody shares.
                drawn |= {key for key, targets in rows if targets and all(one in drawn for one in targets)}
    return drawn


def _drawn(keys: list[str], count: int) -> list[str]:
    return sorted(keys, key=lambda key: hashlib.sha256(key.encode()).hexdigest())[:count]


def _share(warehouse: Warehouse, name: str, people: list[str]) -> int:
    """Return how many of one route: its share of the least sample, and at least five where there are as many."""
    counts = {one: int(warehouse.run(f"SELECT count(*) FROM staged.{one}")[0][0]) for one in people}
    everybody = sum(counts.values()) or 1
    return max(min(5, counts[name]), -(-counts[name] * LEAST // everybody))


def _with_ancestors(keys: list[str], parents: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        found.add(key)
        waiting.extend(one for one in parents.get(key, []) if one in parents)
    return found
