"""The reconciliation of a run as notebook 80 shows it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.audiences.review import review_differences
from workbench.journey.desk import reading
from workbench.journey.record import SHORT, bound_to, calls_before, step_folder
from workbench.journey.rehearsal import rehearsal_messages
from workbench.ledger.account import calls_so_far
from workbench.mapping.files import Mappings
from workbench.pacing import agreed_pacing
from workbench.reconcile.books import by_cause, write_books
from workbench.reconcile.checks import Question, Status, by_question
from workbench.reconcile.counts import GROUPING
from workbench.reconcile.money import as_money
from workbench.reconcile.reconciliation import Reconciliation, price_reading, reconcile
from workbench.reconcile.tiers import Tier
from workbench.settings import Settings

EXACT = pl.Decimal(28, 4)
"""No binary fraction: what agrees by stage to the cent agrees by pipeline, too."""


@dataclass(frozen=True)
class Reconciled:
    """A reconciliation, the calls the run made, what it means in time, what a signer binds, who may read its values."""

    made: Reconciliation
    calls: int
    api_seconds: float
    messages: int | None
    bound: dict[str, str]
    reviewed: str = ""

    @property
    def reconciled(self) -> bool:
        """Say whether what was delivered equals what is there."""
        return self.made.reconciled

    @property
    def verdict(self) -> str:
        """The verdict in one sentence, or every reason why it is red."""
        if self.reconciled:
            return f"Reconciled: {sum(self.made.compared.values()):,} records equal what was delivered, and a second plan writes nothing."
        return f"Not reconciled: {'; '.join(self.made.failed)}."

    @property
    def told(self) -> str:
        """What stands under the word of the verdict: a line a reason, then how many checks stand behind it."""
        counts = self.counts
        behind = (
            f"{counts['passed']:,} checks passed, {counts['failed']:,} failed;"
            f" {counts['not_checked']:,} thing{'' if counts['not_checked'] == 1 else 's'} could not be checked and stand below."
        )
        reasons = [self.verdict.removeprefix("Reconciled: ")] if self.reconciled else self.made.failed
        return "\n".join([*reasons, behind])

    @property
    def counts(self) -> dict[str, int]:
        """How many checks passed, failed, and what was not checked."""
        status = self.made.checks["status"].to_list()
        return {one.name.lower(): status.count(str(one)) for one in Status}

    @property
    def facts(self) -> dict[str, Any]:
        """What a signer signs: how much was compared, when the tenant was read, and the hashes that bind it."""
        began, ended = (one.replace("T", " ").removesuffix("+00:00") for one in self.made.read_at)
        return {
            "Records compared": sum(self.made.compared.values()),
            "Cells compared": int(self.made.fields["compared"].sum()),
            "Differences": self.made.differences.height,
            "Tenant read (UTC)": f"{began} to {ended[11:] if ended[:10] == began[:10] else ended}",
            **self.bound,
        }

    @property
    def unchecked(self) -> pl.DataFrame:
        """What was not checked, how many rows it is about, and what stands in its place."""
        rows = self.made.checks.filter(pl.col("status") == str(Status.NOT_CHECKED))
        count = pl.when(pl.col("keys") > 0).then("keys").alias("rows")
        return rows.select(pl.col("check").alias("not_checked"), "mapping", count, pl.col("meaning").alias("why"))

    @property
    def by_question(self) -> pl.DataFrame:
        """One line a question."""
        return by_question(self.made.checks)

    @property
    def failed_checks(self) -> pl.DataFrame:
        """The checks that failed, with the first source ids they name; of counts and amounts each group that differs."""
        rows = self.made.checks.filter(pl.col("status") == str(Status.FAILED))
        where = pl.concat_str("mapping", "field", separator=", ", ignore_nulls=True).alias("where")
        sides = [pl.col(side).map_elements(_with_separators, return_dtype=pl.String) for side in ("source", "there")]
        lines = rows.select("check", where, *sides, "ids").rows()
        grouped = {str(question): name for question, name in GROUPING.items()}
        told: list[tuple[str | None, ...]] = []
        for line in lines:
            if line[0] in grouped:
                told += [(line[0], *group, None) for group in self._uneven(grouped[line[0]], line[1])]
            elif line[0] == str(Question.STAGES):
                told += [(line[0], *group, None) for group in self._uneven_stages()]
            else:
                told.append(line)
        return pl.DataFrame(
            told, schema=dict.fromkeys(("check", "where", "source", "there", "ids"), pl.String), orient="row"
        )

    def _uneven(self, grouping: str, mapping: str) -> list[tuple[str, str, str]]:
        wanted = (
            (pl.col("mapping") == mapping) & (pl.col("grouping") == grouping) & (pl.col("source") != pl.col("there"))
        )
        found = self.made.groups.filter(wanted).select("value", "source", "there")
        return [(f"{mapping}, {value or 'none'}", f"{ours:,}", f"{theirs:,}") for value, ours, theirs in found.rows()]

    def _uneven_stages(self) -> list[tuple[str, str, str]]:
        found = self.made.money.filter(~pl.col("equal")).iter_rows(named=True)
        return [
            (
                f"{row['pipeline']}, {row['stage']}",
                f"{row['deals_source']:,} deals, {row['amount_source']}",
                f"{row['deals_there']:,} deals, {row['amount_there']}",
            )
            for row in found
        ]

    @property
    def causes(self) -> pl.DataFrame:
        """Differences by cause."""
        return by_cause(self.made.differences)

    @property
    def readings(self) -> pl.DataFrame:
        """What each way of reading costs in calls, and what the chosen one took."""
        took = pl.when("chosen").then(pl.lit(sum(self.made.calls.values())))
        return self.made.tiers.select("reading", pl.col("calls").alias("about_calls"), took.alias("took"), "tells")

    @property
    def left_out(self) -> pl.DataFrame:
        """What staging left out or changed of delivered rows, by rule: known before the load, and no difference."""
        return self.made.left_out.drop("rule")

    @property
    def fates(self) -> pl.DataFrame:
        """One row a mapping, every source row with one fate."""
        return self.made.fates

    @property
    def differences(self) -> pl.DataFrame:
        """One row a difference."""
        return self.made.differences

    @property
    def by_people(self) -> pl.DataFrame:
        """One row a field or record that people changed since it was delivered; no defect."""
        return self.made.by_people

    @property
    def rewritten(self) -> pl.DataFrame:
        """One row a mapping and field that a rule of the tenant rewrote within minutes of our write."""
        found = self.made.rewritten.group_by("mapping", "field")
        return found.agg(pl.len().alias("rows"), pl.col("source_id").sort().head(5).str.join(", ").alias("ids")).sort(
            "mapping", "field"
        )

    @property
    def money(self) -> pl.DataFrame:
        """Amounts by pipeline and stage on both sides."""
        return self.made.money

    @property
    def amounts(self) -> pl.DataFrame:
        """Deals and their amounts by pipeline, exact, on both sides."""
        sides = ("source", "there")
        exact = [pl.col(f"amount_{one}").str.replace_all(",", "").cast(EXACT).sum() for one in sides]
        found = self.money.group_by("pipeline").agg(*(pl.col(f"deals_{one}").sum() for one in sides), *exact)
        told = [pl.col(f"amount_{one}").map_elements(as_money, return_dtype=pl.String) for one in sides]
        equal = (pl.col("amount_source") == pl.col("amount_there")) & (pl.col("deals_source") == pl.col("deals_there"))
        return found.sort("pipeline").with_columns(equal.alias("equal"), *told)

    @property
    def deals_by_pipeline(self) -> pl.DataFrame:
        """Deals there, by pipeline."""
        if not self.made.money.height:
            return pl.DataFrame(schema={"pipeline": pl.String, "deals": pl.Int64})
        return self.made.money.group_by("pipeline").agg(pl.col("deals_there").sum().alias("deals")).sort("pipeline")

    @property
    def by_practice(self) -> pl.DataFrame:
        """Records that hang on each practice, on both sides."""
        groups = self.made.groups.filter(pl.col("grouping") == GROUPING[Question.PRACTICE])
        sides = groups.group_by(pl.col("value").fill_null("none").alias("practice")).agg(
            pl.col("source", "there").sum()
        )
        return sides.with_columns((pl.col("source") == pl.col("there")).alias("equal")).sort("practice")

    @property
    def deferred_by_cause(self) -> pl.DataFrame:
        """Deferred rows by mapping and the kind of record they wait for."""
        cause = pl.col("waits_for").str.split("/").list.first().alias("waits for")
        return self.made.deferred.group_by("mapping", cause).len("rows").sort("mapping", "waits for")

    def record(self) -> dict[str, Any]:
        """Return the record of the step, from which summary.json is made."""
        mappings = {
            row["mapping"]: {key: value for key, value in row.items() if key != "mapping"}
            for row in self.fates.iter_rows(named=True)
        }
        return {
            "reconciled": self.reconciled,
            "differences": self.differences.height,
            "by_people": self.by_people.height,
            "zero_write": self.made.zero_write,
            "reconciliation": self.counts,
            "failed": list(self.made.failed),
            "mappings": mappings,
            "compared": self.made.compared,
            "unchecked": self.unchecked.to_dicts(),
            "money": self.amounts.to_dicts(),
            "practices": self.by_practice.to_dicts(),
            "reading_calls": self.made.calls,
            "calls": self.calls,
            "api_seconds": round(self.api_seconds),
            "messages_to_patients": self.messages,
            "headline": self.verdict,
        }


def _with_separators(text: str) -> str:
    return f"{int(text):,}" if text.isdigit() else text


def reconcile_run(settings: Settings, mappings: Mappings, tier: str = Tier.FULL) -> Reconciled:
    """Reconcile the current run and leave its books in the run's folder.

    On the embedded rehearsal tenant the messages patients would get are counted, too.
    """
    embedded = settings.is_rehearsal and not settings["rehearsal.base_url"]
    messages = rehearsal_messages(settings) if embedded else None
    with reading(settings) as desk:
        _tell_prices(price_reading(settings, mappings, desk.ledger, Tier(tier)))
        made = reconcile(
            settings,
            mappings,
            desk.tenant,
            desk.schema,
            desk.ledger,
            desk.run_id,
            messages=messages,
            tier=Tier(tier),
        )
        pacing = agreed_pacing(settings)
        calls = calls_so_far(desk.ledger) - calls_before(settings, desk.run_id)
        bound = {"Plan": made.plan.digest[:SHORT]} | bound_to(settings, desk.ledger)
        within = step_folder(settings).relative_to(settings.runs / made.run_id).as_posix()
        users = desk.schema.choices("users")
        reviewed = review_differences(settings, mappings, desk.ledger, made, users, within)
    write_books(made, settings.runs / made.run_id)
    return Reconciled(made, calls, calls * pacing.interval, messages, bound, reviewed)


def _tell_prices(tiers: pl.DataFrame) -> None:
    for row in tiers.iter_rows(named=True):
        chosen = " (chosen)" if row["chosen"] else ""
        line = f"Reading back by {row['reading']}{chosen}: about {row['calls']:,} calls"
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is what stderr is for
