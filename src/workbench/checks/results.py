"""What the checks found, as frames: one line an expectation, and the held rows counted by reason; no values, no ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import polars as pl

from workbench.vocabulary import Severity

RESULTS = {
    "suite": pl.String,
    "type": pl.String,
    "column_name": pl.String,
    "asks": pl.String,
    "severity": pl.String,
    "why": pl.String,
    "owner": pl.String,
    "source": pl.String,
    "ran": pl.String,
    "evaluated": pl.Int64,
    "failed": pl.Int64,
    "gx_failed": pl.Int64,
    "passed": pl.Boolean,
}
"""The columns of checked.results."""
HELD = {"mapping": pl.String, "field": pl.String, "rule": pl.String, "message": pl.String, "rows": pl.Int64}
"""The columns of checked.held, counted."""
BY_SQL, BY_BOTH, UNASKED = "SQL", "SQL and GX", "not asked: folds"
"""How an expectation ran, always over every row; SQL alone where a table is too large for a frame."""
GRAVITY = {Severity.STOP: 0, Severity.HOLD: 1, Severity.WARN: 2}


@dataclass(frozen=True)
class Result:
    """One line of checked.results; `ran` is empty for what staging noticed, `passed` for what could not be asked."""

    suite: str
    type: str
    column_name: str
    asks: str = ""
    severity: str = ""
    why: str = ""
    owner: str = ""
    source: str = ""
    ran: str = ""
    evaluated: int = 0
    failed: int = 0
    gx_failed: int | None = None
    passed: bool | None = None


def results_frame(lines: Sequence[Result]) -> pl.DataFrame:
    """Put lines in one frame."""
    return pl.DataFrame(
        [tuple(getattr(line, field.name) for field in fields(Result)) for line in lines], schema=RESULTS, orient="row"
    )


@dataclass(frozen=True)
class CheckReport:
    """The lines of checked.results, and how many rows of checked.held each reason and each mapping has."""

    results: pl.DataFrame
    held: pl.DataFrame
    held_rows: pl.DataFrame

    @property
    def expectations(self) -> pl.DataFrame:
        """The lines of expectations that ran; the others tell what staging noticed, and what this plan leaves unasked."""
        return self.results.filter(pl.col("source") != "staging", pl.col("ran") != UNASKED)

    @property
    def by_expectation(self) -> pl.DataFrame:
        """Each expectation in words, with how it ran and its counts; those that this plan leaves unasked too."""
        asked = self.results.filter(pl.col("source") != "staging")
        counts = [f"{failed:,} of {of:,}" for failed, of in asked.select("failed", "evaluated").iter_rows()]
        told = asked.with_columns(pl.Series("failing", counts, dtype=pl.String))
        return told.select("suite", "asks", "severity", "failing", "ran", who_acts="owner", why="why")

    @property
    def failing(self) -> pl.DataFrame:
        """The lines with failing rows, gravest first."""
        gravity = pl.col("severity").replace_strict({str(key): place for key, place in GRAVITY.items()})
        return self.results.filter(~pl.col("passed")).sort(gravity, "suite", "column_name", "type")

    @property
    def findings(self) -> pl.DataFrame:
        """The failing lines without what staging wants held, which `held` tells reason by reason."""
        return self.failing.filter((pl.col("source") != "staging") | (pl.col("severity") != Severity.HOLD))

    @property
    def by_suite(self) -> pl.DataFrame:
        """For each suite: its expectations, how many were counted twice, and how many every row fulfils."""
        return (
            self.expectations.group_by("suite", maintain_order=True)
            .agg(
                pl.col("evaluated").first().alias("rows"),
                pl.len().alias("expectations"),
                pl.col("gx_failed").is_not_null().sum().alias("counted_twice"),
                pl.col("passed").sum(),
            )
            .with_columns((pl.col("expectations") - pl.col("passed")).alias("with_failing_rows"))
        )

    @property
    def held_by_mapping(self) -> pl.DataFrame:
        """How many rows are held in each mapping, most first; a row with two reasons counts once."""
        return self.held_rows.sort(["rows", "mapping"], descending=[True, False])

    def summary(self) -> dict[str, int]:
        """Return the figures of summary.json's `checks`."""
        warned = self.results.filter((pl.col("severity") == Severity.WARN) & ~pl.col("passed"))
        return {
            "evaluated": self.expectations.height,
            "passed": self.expectations.filter("passed").height,
            "counted_twice": self.expectations.filter(pl.col("gx_failed").is_not_null()).height,
            "warned": warned.height,
            "held": int(self.held_rows["rows"].sum()),
        }
