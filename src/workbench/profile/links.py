"""Follow the links of records: which point at nothing, and which parents of companies are missing or go round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from workbench.dental_exec.contract import read_contract
from workbench.profile.source import LIVES, POINTED, as_read, open_snapshot

NOWHERE, REFUSED = "nowhere in the export", "rejected at the door"
PARENTS = {"company_id": pl.String, "parent_company_id": pl.String, "problem": pl.String, "depth": pl.Int64}


def profile_orphans(warehouse: Path) -> pl.DataFrame:
    """Count the links of live rows that point at nothing, by object, column, target and what became of the target.

    Writes profile.orphans, and profile.orphan_keys with the keys of both ends.
    """
    with open_snapshot(warehouse) as store:
        store.run(
            "CREATE OR REPLACE TABLE profile.orphan_keys"
            " (object VARCHAR, source_id VARCHAR, link VARCHAR, target VARCHAR, target_id VARCHAR, target_is VARCHAR)"
        )
        objects, rejected = read_contract().objects, "raw.rejected"
        for name, column, target, chosen in _links():
            key, target_key = objects[name].key[0], objects[target].key[0]
            store.run(
                f"INSERT INTO profile.orphan_keys SELECT '{name}', \"{key}\", '{column}', '{target}', \"{column}\","
                f" CASE WHEN EXISTS (SELECT 1 FROM {rejected} r WHERE r.object = '{target}'"
                f" AND r.source_id = s.\"{column}\") THEN '{REFUSED}' ELSE '{NOWHERE}' END"
                f' FROM {as_read(store, name)} s WHERE "{column}" IS NOT NULL AND {LIVES} AND {chosen}'
                f' AND NOT EXISTS (SELECT 1 FROM {as_read(store, target)} t WHERE t."{target_key}" = s."{column}")'
            )
        frame = store.frame(
            "SELECT object, link AS column, target, target_is, count(*) AS records,"
            " count(DISTINCT target_id) AS targets"
            " FROM profile.orphan_keys GROUP BY ALL ORDER BY records DESC, object, link, target, target_is"
        )
        store.write("profile.orphans", frame)
    return frame


def profile_parents(warehouse: Path) -> pl.DataFrame:
    """Return every company with its depth below the top and what is wrong with its parent; write profile.parents."""
    with open_snapshot(warehouse) as store:
        table = as_read(store, "companies")
        parents = dict(store.run(f"SELECT company_id, parent_company_id FROM {table} ORDER BY 1"))
        rows = [(company, parent, *_follow(company, parents)) for company, parent in parents.items()]
        frame = pl.DataFrame(rows, schema=PARENTS, orient="row").sort("depth", "company_id")
        store.write("profile.parents", frame)
    return frame


def _links() -> Iterator[tuple[str, str, str, str]]:
    for name, said in read_contract().objects.items():
        for column, target in said.links.items():
            if not target.startswith("by:"):
                yield name, column, target, "true"
                continue
            by = target.removeprefix("by:")
            for word, pointed in POINTED.items():
                yield name, column, pointed, f"lower(trim(\"{by}\")) = '{word}'"


def _follow(company: str, parents: Mapping[str, str | None]) -> tuple[str | None, int]:
    """Return the problem of a company's own parent, and its depth once such parents are cut."""
    parent = parents[company]
    if parent is None:
        return None, 0
    if parent == company:
        return "self", 0
    if parent not in parents:
        return "missing", 0
    seen, depth, above = {company}, 0, parent
    while above not in seen:
        seen.add(above)
        depth += 1
        higher = parents[above]
        if higher is None or higher == above or higher not in parents:
            return None, depth
        above = higher
    return ("cycle", 0) if above == company else (None, depth - _circle(above, parents) + 1)


def _circle(company: str, parents: Mapping[str, str | None]) -> int:
    """Return how many companies stand in the circle that `company` is part of."""
    count, above = 1, parents[company]
    while above is not None and above != company:
        count, above = count + 1, parents[above]
    return count
