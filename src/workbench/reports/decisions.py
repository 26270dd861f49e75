"""Decisions as people read them: spellings with what stands for each, owners with the rows that wait, conflicts by field."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import polars as pl

from workbench.ledger.history import Conflict
from workbench.mapping.columns import health_fields
from workbench.mapping.files import Mappings
from workbench.mapping.spellings import Asked, asked_spellings
from workbench.mapping.value_map import CONFLICTS, Decided, ValueMap
from workbench.privacy import mask, screened
from workbench.settings import Settings
from workbench.vocabulary import Act, Decision
from workbench.warehouse import open_warehouse

CONFLICT: dict[str, Any] = {
    "mapping": pl.String,
    "source_id": pl.String,
    "destination_id": pl.Int64,
    "field": pl.String,
    "policy": pl.String,
    "what was done": pl.String,
    "last delivered": pl.String,
    "source now": pl.String,
    "there now": pl.String,
}


def asked_maps(settings: Settings, mappings: Mappings, *names: str, besides: Collection[str] = ()) -> list[Asked]:
    """Return the value maps of these names, `stage` standing for every pipeline's own; without names all but `besides`."""
    found = [(one.name.partition(".")[0], one) for one in asked_spellings(settings, mappings)]
    return [one for stem, one in found if (stem in names if names else stem not in besides)]


def decision_frame(maps: list[Asked], uncounted: Collection[str] = ()) -> pl.DataFrame:
    """Return one row a spelling in use: records, decision, what it becomes, who said so; open ones first.

    `uncounted` are maps whose spellings tell of health: most are rare, and sums of them stand elsewhere, so that none of
    their counts is told. Where no other map is shown there is no column of records.
    """
    rows = []
    for asked in maps:
        counts = asked.name.partition(".")[0] not in uncounted
        for spelling, records in asked.records.items():
            row = asked.decided.find(spelling)
            rows.append(
                (
                    asked.name,
                    screened(spelling),
                    records if counts else None,
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
    told = frame.sort(rank, "value map", pl.col("records").neg(), "spelling")
    return told.drop("records") if maps and told["records"].is_null().all() else told


def merged_frame(decisions: pl.DataFrame) -> pl.DataFrame:
    """Return one row a value that several spellings become: the spellings, the records that write them, who decided.

    Where the decisions tell no records, none are added up.
    """
    counted = ["records"] if "records" in decisions.columns else []
    most = pl.col(*counted) if counted else pl.col("merged").cast(pl.Int64)
    return (
        decisions.filter(pl.col("becomes") != "")
        .sort("spelling")
        .group_by("value map", "becomes")
        .agg(
            pl.col("spelling").str.join("; ").alias("spellings"),
            pl.len().alias("merged"),
            *(pl.col(one).sum() for one in counted),
            pl.col("decided by").unique().sort().str.join(", "),
        )
        .filter(pl.col("merged") > 1)
        .sort(most.neg(), "becomes")
        .select("becomes", "merged", "spellings", *counted, "decided by")
    )


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


def conflict_table(conflicts: Sequence[Conflict]) -> pl.DataFrame:
    """Return one row a conflict: ids, field, policy, what was done, and the shapes of the three values."""
    rows = [
        (one.mapping, one.source_id, one.destination_id, found.name, found.policy, found.act, *_shapes(one))
        for one in conflicts
        for found in (one.found,)
    ]
    return pl.DataFrame(rows, schema=CONFLICT, orient="row")


def ask_conflicts(conflicts: Sequence[Conflict], known: ValueMap) -> ValueMap:
    """Return the value map `conflicts` with a question for each field that waits for a person; answers stay."""
    rows = dict(known.rows)
    for one in conflicts:
        if one.found.act == Act.ASKED and one.name not in rows:
            last, source, there = _shapes(one)
            note = f"was {last or 'blank'}, source now {source or 'blank'}, there now {there or 'blank'}"
            rows[one.name] = Decided(one.name, Decision.ASK, note=note)
    return ValueMap(CONFLICTS, rows)


def _shapes(one: Conflict) -> tuple[str, str, str]:
    last, source, there = (
        mask("" if value is None else value) for value in (one.found.last, one.found.source, one.found.there)
    )
    return last, source, there


def value_frame(settings: Settings, mappings: Mappings) -> pl.DataFrame:
    """Return one row a value map: spellings in use, decided by kind, open, and the records that are open."""
    rows = []
    for asked in asked_spellings(settings, mappings):
        kinds = [row.decision for one in asked.records if (row := asked.decided.find(one))]
        rows.append(
            (
                asked.name,
                len(asked.records),
                sum(kind in (Decision.MAP, Decision.KEEP) for kind in kinds),
                sum(kind is Decision.BLANK for kind in kinds),
                len(asked.open),
                sum(asked.records[one] for one in asked.open),
                "field is left out" if asked.may_omit else "rows are held",
            )
        )
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "value map": pl.String,
            "spellings": pl.Int64,
            "mapped": pl.Int64,
            "blank": pl.Int64,
            "open": pl.Int64,
            "open records": pl.Int64,
            "while open": pl.String,
        },
    )


def agreement_note(settings: Settings, mappings: Mappings) -> str:
    """Return the sentence about health-bearing fields: what moves under which agreement, or stays out without one."""
    fields = [f"{one.name}.{name}" for one in mappings.objects for name in health_fields(mappings, one)]
    what = f"{len(fields)} fields tell of patients' health, and so do clinical notes and notes of claims"
    if settings["privacy.baa"]:
        return f"{what}. They move under the agreement {settings['privacy.baa']!r}."
    return f"{what}. Without [privacy] baa they stay out of a real target; a rehearsal moves them."
