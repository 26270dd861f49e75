"""Accepting proposals: a person by name for any target, a rehearsal by itself what is sure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from workbench.ledger.audit import note_act
from workbench.mapping.files import Mappings
from workbench.settings import Settings
from workbench.suggest.proposals import Proposal, accept

SURE = 0.95


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
            "Nothing is accepted for a real target. Decide in notebooks 31 to 34, or accept what is sure:"
            ' workbench suggest --accept-above 0.95 --by "YOUR NAME"'
        )
    made = accept(settings, mappings, above=SURE, by="rehearsal", on=date.today().isoformat(), own=True)
    return (
        f"The rehearsal accepted {made['accepted'].sum()} proposals of {SURE:.2f} and above, and leaves {made['open'].sum()}"
        " spellings open. They lie beside the rehearsal's ledger; no real target reads them."
    )


def accept_proposals(settings: Settings, mappings: Mappings, *, above: float, by: str, on: str) -> dict[str, Any]:
    """Accept proposals at or above a confidence into mappings/values; all that stays open is asked."""
    frame = accept(settings, mappings, above=above, by=by, on=on, own=False)
    note_act(settings, "decisions accepted", "value maps", by=by, above=above, rows=int(frame["accepted"].sum()))
    lines = [
        f"{row['value_map']}: {row['accepted']} accepted, {row['open']} open{told_asked(row['asked'])}"
        for row in frame.iter_rows(named=True)
    ]
    return {"value_maps": frame.to_dicts(), "text": "\n".join(lines)}


def told_asked(asked: int) -> str:
    """Return how an answer goes on that told what stays open: how many of it a person asks about."""
    return f", {asked} of them since a person asks about {'it' if asked == 1 else 'them'}" if asked else ""
