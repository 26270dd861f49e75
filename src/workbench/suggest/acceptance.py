"""Accepting proposals: a person by name for any target, a rehearsal by itself what is sure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from workbench.errors import StoreProblem
from workbench.ledger.audit import note_act
from workbench.ledger.store import open_ledger
from workbench.mapping.files import Mappings, read_mappings
from workbench.settings import Settings
from workbench.suggest.proposals import Proposal, accept
from workbench.warehouse import open_warehouse

SURE = 0.95
ACCEPTING = f'workbench suggest --accept-above {SURE} --by "YOUR NAME"'
"""The command by which a person accepts what is sure."""
USERS = "destination.users"


def proposal_frame(proposals: Sequence[Proposal]) -> pl.DataFrame:
    """Return one row a value map: spellings in use, still open, and how many proposals are sure."""
    rows = []
    for one in proposals:
        sure = sum(bool((found := one.suggestions.get(spelling)) and found.auto) for spelling in one.asked.open)
        rows.append((one.asked.name, len(one.asked.records), len(one.asked.open), sure))
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "value map": pl.String,
            "spellings": pl.Int64,
            "open": pl.Int64,
            "sure proposals": pl.Int64,
        },
    )


def told_by_model(proposals: Sequence[Proposal]) -> str:
    """Say what came of asking the optional language model."""
    return next((one.told for one in proposals if one.told), "The language model was not asked: there are no carriers.")


def accept_in_rehearsal(settings: Settings, mappings: Mappings) -> str:
    """Accept sure proposals on the target rehearsal, into its own decisions; say what happened."""
    if not settings.is_rehearsal:
        return (
            "Nothing is accepted for a real target. Decide in notebooks 31 to 34, with the target of this page in their"
            " second cell, or accept what is sure:"
            f" {ACCEPTING} --target {settings.target}"
        )
    made = accept(settings, mappings, above=SURE, by="rehearsal", on=date.today().isoformat(), own=True)
    return (
        f"The rehearsal accepted {made['accepted'].sum()} proposals of {SURE:.2f} and above, and leaves {made['open'].sum()}"
        " spellings open. They lie beside the rehearsal's ledger; no real target reads them."
    )


def accept_proposals(settings: Settings, *, above: float, by: str, on: str) -> dict[str, Any]:
    """Accept proposals at or above a confidence into mappings/values; all that stays open is asked."""
    mappings = read_mappings(settings)
    _require_own_tenant(settings)
    frame = accept(settings, mappings, above=above, by=by, on=on, own=False)
    note_act(settings, "decisions accepted", "value maps", by=by, above=above, rows=int(frame["accepted"].sum()))
    lines = [
        f"{row['value_map']}: {row['accepted']} accepted, {row['open']} open{told_asked(row['asked'])}"
        for row in frame.iter_rows(named=True)
    ]
    return {"value_maps": frame.to_dicts(), "text": "\n".join(lines)}


def _require_own_tenant(settings: Settings) -> None:
    """Refuse proposals for a real target out of what another tenant answered: its users and records are others."""
    if settings.is_rehearsal or not settings.ledger.is_file():
        return
    ledger = open_ledger(settings.ledger, b"")  # no image is read
    alias = ledger.tenant()
    ledger.engine.dispose()
    with open_warehouse(settings.warehouse) as warehouse:
        read = warehouse.run(f"SELECT DISTINCT tenant FROM {USERS}") if warehouse.has(USERS) else []
    if any(tenant != alias for (tenant,) in read):
        raise StoreProblem(
            "The tenant that was read last is another one, such as the rehearsal's: its users and records answer nothing"
            f" here. Read yours first: workbench run --from suggest --to suggest --target {settings.target}"
        )


def told_asked(asked: int) -> str:
    """Return how an answer goes on that told what stays open: how many of it a person asks about."""
    return f", {asked} of them since a person asks about {'it' if asked == 1 else 'them'}" if asked else ""
