"""Count and group the spellings of insurance carriers on contacts and cases."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import polars as pl

from workbench.privacy import PERSONAL, mask
from workbench.profile.source import as_read, open_snapshot

SCHEMA = {"spelling": pl.String, "normal_form": pl.String, "may_show": pl.Boolean}


def profile_carriers(warehouse: Path) -> pl.DataFrame:
    """Return each carrier spelling with its records, normal form and group, most used first; write profile.spellings.

    Spellings that differ only in case, blanks and marks form a group, named by its most used one. What may hold
    personal data is shown by its shape; the table in the warehouse keeps it as typed.
    """
    with open_snapshot(warehouse) as store:
        contacts, cases = as_read(store, "contacts"), as_read(store, "cases")
        counts = store.frame(
            "SELECT spelling, count(*) FILTER (source = 'contact') AS contacts,"
            " count(*) FILTER (source = 'second') AS second,"
            " count(*) FILTER (source = 'case') AS cases, count(*) AS records FROM ("
            f" SELECT cf_insurance_carrier AS spelling, 'contact' AS source FROM {contacts}"
            f" UNION ALL SELECT cf_insurance_carrier_secondary, 'second' FROM {contacts}"
            f" UNION ALL SELECT cf_insurance_carrier, 'case' FROM {cases}"
            ") WHERE spelling IS NOT NULL GROUP BY 1"
        )
        read = [(text, normal_form(text), not PERSONAL.search(text)) for text in counts["spelling"].to_list()]
        frame = (
            counts.join(pl.DataFrame(read, schema=SCHEMA, orient="row"), on="spelling")
            .sort("records", "spelling", descending=[True, False])
            .with_columns(
                pl.col("spelling").first().over("normal_form").alias("group"),
                pl.col("spelling").len().over("normal_form").cast(pl.Int64).alias("group_spellings"),
                pl.col("records").sum().over("normal_form").alias("group_records"),
            )
        )
        store.write("profile.spellings", frame)
    hide = [
        pl.when("may_show").then(pl.col(name)).otherwise(pl.col(name).map_elements(mask, return_dtype=pl.String))
        for name in ("spelling", "normal_form", "group")
    ]
    return frame.with_columns(hide)


def group_carriers(spellings: pl.DataFrame) -> pl.DataFrame:
    """Return one row a group of spellings, most used first."""
    return (
        spellings.group_by("group", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("spellings"),
            pl.col("records").sum(),
            pl.col("contacts").sum(),
            pl.col("cases").sum(),
        )
        .sort("records", "group", descending=[True, False])
    )


def normal_form(text: str) -> str:
    """Fold what front desks type differently without meaning it: case, blanks, marks, "&" for "and"."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("&", " and ")
    return re.sub(r"[\W_]+", " ", folded).strip()
