"""Follow companies to their parents: how deep, and where a parent is missing, itself, or goes round."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from workbench.profile.source import open_snapshot

SCHEMA = {"company_id": pl.String, "parent_company_id": pl.String, "problem": pl.String, "depth": pl.Int64}


def profile_parents(warehouse: Path) -> pl.DataFrame:
    """Return every company with its depth below the top and what is wrong with its parent; write profile.parents."""
    with open_snapshot(warehouse) as store:
        parents = dict(store.run("SELECT company_id, parent_company_id FROM raw.companies ORDER BY 1"))
        rows = [(company, parent, *_follow(company, parents)) for company, parent in parents.items()]
        frame = pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("depth", "company_id")
        store.write("profile.parents", frame)
    return frame


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
