"""`workbench rollback`: the preview, and the deed once a person confirms; it voids the load approval."""

from __future__ import annotations

from typing import Any

from workbench.clock import WallClock, as_text
from workbench.journey.desk import writing
from workbench.load.rollback import plan_rollback, roll_back
from workbench.mapping.approval import void
from workbench.mapping.files import read_mappings
from workbench.settings import Settings
from workbench.vocabulary import Lock


def rollback(settings: Settings, *, confirm: bool) -> dict[str, Any]:
    """Return the counts by case and mapping; with `confirm`, take back what can be taken back."""
    with writing(settings, read_mappings(settings)) as session:
        made = roll_back(session) if confirm else plan_rollback(session)
    if confirm:
        void(settings, Lock.LOAD, by="rollback", at=as_text(WallClock().now()))
    lines = [f"{row['rows']:>7,}  {row['mapping']}: {row['case']}" for row in made.counts.iter_rows(named=True)]
    lines.append(
        "Rolled back." if confirm else "Preview only; nothing was written. Do it with: workbench rollback --confirm"
    )
    return {"counts": made.counts.to_dicts(), "confirmed": confirm, "text": "\n".join(lines)}
