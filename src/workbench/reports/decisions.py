"""Decisions as people read them: spellings with what stands for each, owners with the rows that wait for them."""

from __future__ import annotations

import polars as pl

from workbench.mapping.files import Mappings
from workbench.mapping.spellings import Asked, asked_spellings
from workbench.privacy import screened
from workbench.settings import Settings
from workbench.warehouse import open_warehouse


def asked_maps(settings: Settings, mappings: Mappings, *names: str) -> list[Asked]:
    """Return the value maps of these names, `stage` standing for every pipeline's own."""
    return [one for one in asked_spellings(settings, mappings) if one.name.partition(".")[0] in names]


def decision_frame(maps: list[Asked]) -> pl.DataFrame:
    """Return one row a spelling in use: records, decision, what it becomes, who said so; open ones first."""
    rows = []
    for asked in maps:
        for spelling, records in asked.records.items():
            row = asked.decided.rows.get(spelling)
            rows.append(
                (
                    asked.name,
                    screened(spelling),
                    records,
                    str(row.decision) if row else "none",
                    screened((row.answer if row else None) or ""),
                    row.decided_by if row else "",
                )
            )
    frame = pl.DataFrame(
        rows,
        orient="row",
        schema={
            "value map": pl.String,
            "spelling": pl.String,
            "records": pl.Int64,
            "decision": pl.String,
            "becomes": pl.String,
            "decided by": pl.String,
        },
    )
    rank = pl.col("decision").replace_strict({"none": 0, "ask": 1}, default=2)
    return frame.sort(rank, "value map", pl.col("records").neg(), "spelling")


def open_counts(maps: list[Asked]) -> dict[str, int]:
    """Return spellings in use, open ones, and the records that write an open one."""
    return {
        "spellings": sum(len(one.records) for one in maps),
        "open": sum(len(one.open) for one in maps),
        "open records": sum(one.records[spelling] for one in maps for spelling in one.open),
    }


def owner_frame(settings: Settings, mappings: Mappings) -> pl.DataFrame:
    """Return one row a user of the export: role, active, the tenant user decided for it, and what is wrong if none is."""
    decided = mappings.values("owner").rows
    fallback = settings["policy.fallback_owner"]
    with open_warehouse(settings.warehouse) as warehouse:
        users = warehouse.frame(
            "SELECT u.user_id, u.role, u.is_active, trim(coalesce(u.email, '')) <> '' AS has_email,"
            " coalesce(d.is_active, false) AS has_seat FROM profile.read_users u"
            " LEFT JOIN destination.users d ON lower(trim(d.email)) = lower(trim(u.email)) ORDER BY u.user_id"
        )
    answers = [(decided[one].answer if one in decided else None) or fallback or "" for one in users["user_id"]]
    problem = (
        pl.when(pl.col("tenant user") != "")
        .then(pl.lit(""))
        .when(~pl.col("has_email"))
        .then(pl.lit("has no e-mail"))
        .when(pl.col("is_active") != "Y")
        .then(pl.lit("is inactive at the source"))
        .when(~pl.col("has_seat"))
        .then(pl.lit("has no active seat in the tenant: invite, or decide another owner"))
        .otherwise(pl.lit("has no decision"))
    )
    return users.with_columns(pl.Series("tenant user", answers, dtype=pl.String)).with_columns(problem.alias("problem"))
