"""How much of the tenant is read back, and what each way costs in calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import polars as pl

from workbench.freshsales.census import calls_to_list
from workbench.freshsales.endpoints import Endpoint, endpoint
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.links import by_endpoint
from workbench.settings import Settings
from workbench.warehouse import Warehouse

SAMPLED = 300
"""A sample of 3/p rows without a defect says, with 95 % certainty, that fewer than a share p have one: 300 for 1 %."""
SHAPE = {"reading": pl.String, "calls": pl.Int64, "tells": pl.String, "chosen": pl.Boolean}


class Tier(StrEnum):
    """What a reconciliation reads."""

    PAGES = "pages"
    FULL = "full"


def price_tiers(
    warehouse: Warehouse, settings: Settings, records: Sequence[ObjectMapping], chosen: Tier = Tier.FULL
) -> pl.DataFrame:
    """Return each way to read back, about how many calls it takes, and what it tells; written as reconciled.tiers."""
    groups = by_endpoint(settings, records)
    pages = sum(calls_to_list(_where(settings, members), _count(warehouse, members)) for members in groups.values())
    singles = sum(_singles(warehouse, settings, members) for members in groups.values())
    known = int(warehouse.run("SELECT count(*) FROM destination.identities WHERE is_live")[0][0])
    children = {
        where.children for where in (_where(settings, members) for members in groups.values()) if where.children
    }
    sampled = min(SAMPLED, known)
    rows = [
        (
            "answers to our writes",
            0,
            "what Freshsales answered while we loaded; nothing of what happened since",
            False,
        ),
        (
            "list pages",
            pages,
            "every field of every record that a list shows; no notes, no files, not which contact a deal hangs on",
            chosen is Tier.PAGES,
        ),
        (
            "full read",
            pages + singles,
            "the list pages, each deal with its contact, and the notes and files of each record that was given one",
            chosen is Tier.FULL,
        ),
        (
            f"deep sample of {sampled:,}",
            sampled * (1 + len(children)),
            f"{sampled:,} records with all that hangs on them; none wrong means fewer than"
            f" {3 / sampled if sampled else 1:.1%} are, with 95 % certainty",
            False,
        ),
    ]
    frame = pl.DataFrame(rows, schema=SHAPE, orient="row")
    warehouse.write("reconciled.tiers", frame)
    return frame


def readable(records: Sequence[ObjectMapping], settings: Settings, tier: Tier) -> list[ObjectMapping]:
    """Return the mappings that a tier reads, without the lookups that it cannot see."""
    if tier is Tier.FULL:
        return list(records)
    listed = [one for one in records if _is_listed(endpoint(one.destination, settings.edition))]
    return [replace(one, lookups={name: to for name, to in one.lookups.items() if name != "contact"}) for one in listed]


def _is_listed(where: Endpoint) -> bool:
    return bool(where.views or where.list_path)


def _where(settings: Settings, members: Sequence[ObjectMapping]) -> Endpoint:
    return endpoint(members[0].destination, settings.edition)


def _singles(warehouse: Warehouse, settings: Settings, members: Sequence[ObjectMapping]) -> int:
    """Count records that are read one by one, or parents whose own list is."""
    where = _where(settings, members)
    if not _is_listed(where):
        targets = " UNION ".join(f"SELECT DISTINCT target FROM staged.{one.name}" for one in members)
        query = f"SELECT count(*) FROM ({targets}) JOIN destination.identities ON target = source_object || '/' || source_id"
        return int(warehouse.run(query)[0][0])
    return _count(warehouse, members) if any("contact" in one.lookups for one in members) else 0


def _count(warehouse: Warehouse, members: Sequence[ObjectMapping]) -> int:
    names = [one.name for one in members]
    query = "SELECT count(*) FROM destination.identities WHERE is_live AND list_contains(?, mapping)"
    return int(warehouse.run(query, [names])[0][0])
