"""Profile coded values of cases: ADA procedure codes in use or flagged, and claim statuses."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import polars as pl

from workbench.dental.ada_codes import Verdict, category_of, read_codes
from workbench.dental.claims import suggest_claim_status
from workbench.privacy import mask, screened
from workbench.profile.source import as_read, open_snapshot

WORDS = re.compile(r"[^\W\d_]{3,}")
READ: dict[str, pl.DataType | type[pl.DataType]] = {
    "value": pl.String,
    "verdict": pl.String,
    "codes": pl.List(pl.String),
    "rules": pl.String,
    "reason": pl.String,
}
CLAIM = {
    "spelling": pl.String, "has_amount": pl.Boolean, "value": pl.String, "decision": pl.String,
    "confidence": pl.Float64, "reason": pl.String,
}  # fmt: skip


class AdaProfile(NamedTuple):
    """Codes in use by number of cases, and the values that are no plain codes."""

    in_use: pl.DataFrame
    flagged: pl.DataFrame


def profile_ada_codes(warehouse: Path) -> AdaProfile:
    """Read the distinct ADA values of cases; write profile.ada_codes and profile.ada_flagged.

    A flagged value is shown with its words masked, beside the lowest case id, so that a person can look it up.
    """
    with open_snapshot(warehouse) as store:
        values = store.frame(
            "SELECT cf_ada_codes AS value, count(*) AS cases, min(case_id) AS first_case"
            f" FROM {as_read(store, 'cases')}"
            " WHERE cf_ada_codes IS NOT NULL GROUP BY 1"
        )
        read = []
        for value in values["value"].to_list():
            reading = read_codes(value)
            read.append((value, reading.verdict, list(reading.readable), "; ".join(reading.rules), reading.reason))
        readings = values.join(pl.DataFrame(read, schema=READ, orient="row"), on="value")
        in_use = (
            readings.explode("codes", empty_as_null=True)
            .drop_nulls("codes")
            .group_by(pl.col("codes").alias("code"))
            .agg(pl.col("cases").sum())
            .with_columns(pl.col("code").map_elements(category_of, return_dtype=pl.String).alias("category"))
            .sort("code")
        )
        flagged = (
            readings.filter(pl.col("verdict") != Verdict.OK)
            .with_columns(pl.col("codes").list.join(";"))
            .select("value", "verdict", "codes", "rules", "reason", "cases", "first_case")
            .sort("verdict", "cases", "value", descending=[False, True, False])
        )
        store.write("profile.ada_codes", in_use)
        store.write("profile.ada_flagged", flagged)
    hidden = pl.col("value").map_elements(_mask_words, return_dtype=pl.String)
    return AdaProfile(in_use, flagged.with_columns(hidden))


def profile_claim_statuses(warehouse: Path) -> pl.DataFrame:
    """Count the spellings of claim statuses with and without a paid amount, each with what the rules propose.

    Writes profile.claim_statuses.
    """
    with open_snapshot(warehouse) as store:
        counts = store.frame(
            "SELECT cf_claim_status AS spelling, count(*) AS records,"
            " coalesce(TRY_CAST(regexp_replace(cf_claim_paid_amount, '[$, ]', '', 'g') AS DECIMAL(18, 2)) > 0, false)"
            f" AS has_amount FROM {as_read(store, 'cases')} WHERE cf_claim_status IS NOT NULL GROUP BY ALL"
        )
        read = []
        for spelling, has_amount in counts.select("spelling", "has_amount").iter_rows():
            read.append((spelling, has_amount, *suggest_claim_status(spelling, Decimal(int(has_amount)))))
        frame = counts.join(pl.DataFrame(read, schema=CLAIM, orient="row"), on=["spelling", "has_amount"]).sort(
            "records", "spelling", "has_amount", descending=[True, False, False]
        )
        store.write("profile.claim_statuses", frame)
    known = pl.when(pl.col("confidence") > 0).then(pl.col("spelling").map_elements(screened, return_dtype=pl.String))
    return frame.with_columns(known.otherwise(pl.col("spelling").map_elements(mask, return_dtype=pl.String)))


def count_categories(in_use: pl.DataFrame) -> pl.DataFrame:
    """Count the codes in use of each category, in the order of the ranges."""
    return in_use.sort("code").group_by("category", maintain_order=True).agg(pl.len().cast(pl.Int64).alias("codes"))


def _mask_words(value: str) -> str:
    return WORDS.sub(lambda word: mask(word[0]), value)
