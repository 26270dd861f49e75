"""The reconciliation of a run as notebook 80 shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.journey.desk import reading
from workbench.journey.record import calls_before
from workbench.journey.rehearsal import rehearsal_messages
from workbench.ledger.budget import calls_so_far
from workbench.mapping.files import Mappings
from workbench.pacing import agreed_pacing
from workbench.reconcile.reconciliation import Reconciliation, reconcile
from workbench.settings import Settings


@dataclass(frozen=True)
class Reconciled:
    """A reconciliation, the calls the run made, and what it means in time."""

    made: Reconciliation
    calls: int
    api_seconds: float
    messages: int | None

    @property
    def reconciled(self) -> bool:
        """Say whether what was delivered equals what is there."""
        return self.made.reconciled and not self.messages

    @property
    def verdict(self) -> str:
        """The verdict in one sentence, or every reason why it is red."""
        if self.reconciled:
            return f"Reconciled: {sum(self.made.compared.values()):,} records equal what was delivered, and a second plan writes nothing."
        reasons = list(self.made.failed)
        if self.messages:
            reasons.append(f"patients would have got {self.messages} messages")
        return "Not reconciled: " + "; ".join(reasons) + "."

    @property
    def fates(self) -> pl.DataFrame:
        """One row a mapping, every source row with one fate."""
        return self.made.fates

    @property
    def differences(self) -> pl.DataFrame:
        """One row a difference."""
        return self.made.differences

    @property
    def money(self) -> pl.DataFrame:
        """Amounts by pipeline and stage on both sides."""
        return self.made.money

    @property
    def deals_by_pipeline(self) -> pl.DataFrame:
        """Deals there, by pipeline."""
        if not self.made.money.height:
            return pl.DataFrame(schema={"pipeline": pl.String, "deals": pl.Int64})
        return self.made.money.group_by("pipeline").agg(pl.col("deals_there").sum().alias("deals")).sort("pipeline")

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
            "zero_write": self.made.zero_write,
            "mappings": mappings,
            "compared": self.made.compared,
            "reading_calls": self.made.calls,
            "calls": self.calls,
            "api_seconds": round(self.api_seconds),
            "messages_to_patients": self.messages,
            "headline": self.verdict,
        }


def reconcile_run(settings: Settings, mappings: Mappings) -> Reconciled:
    """Reconcile the current run; on the embedded rehearsal tenant the messages patients would get are counted, too."""
    with reading(settings) as desk:
        made = reconcile(settings, mappings, desk.tenant, desk.schema, desk.ledger, desk.run_id)
        pacing = agreed_pacing(settings)
        calls = calls_so_far(desk.ledger) - calls_before(settings, desk.run_id)
    embedded = settings.is_rehearsal and not settings["rehearsal.base_url"]
    messages = rehearsal_messages(settings) if embedded else None
    return Reconciled(made, calls, calls * pacing.interval, messages)
