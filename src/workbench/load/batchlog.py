"""One error log a batch: data/runs/<run>/batches/<mapping>-0001.csv, ids and reasons, no values."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from workbench.ledger.operations import Outcome
from workbench.ledger.plans import PlannedRow
from workbench.vocabulary import Fate, Operation, State

FATES = {Operation.CREATE: Fate.CREATED, Operation.UPDATE: Fate.UPDATED, Operation.UNCHANGED: Fate.UNCHANGED}


def next_number(folder: Path, mapping: str) -> int:
    """Return the number of a mapping's next batch: a load that goes on keeps the logs of what it did before."""
    taken = [int(path.stem.rpartition("-")[2]) for path in folder.glob(f"{mapping}-[0-9][0-9][0-9][0-9].csv")]
    return max(taken, default=0) + 1


@dataclass
class BatchLog:
    """The rows of one batch and what became of each."""

    folder: Path
    mapping: str
    number: int
    rows: dict[int, tuple[PlannedRow, Outcome]] = field(default_factory=dict)

    @property
    def ordinals(self) -> set[int]:
        """Rows of the plan that have an outcome."""
        return set(self.rows)

    def note(self, row: PlannedRow, outcome: Outcome | None) -> None:
        """Note an outcome; None means it is not known yet and comes later."""
        if outcome is not None:
            self.rows[row.ordinal] = (row, outcome)

    def close(self) -> dict[str, int]:
        """Write the log and return the counts by fate."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fates: dict[str, int] = {}
        with (self.folder / f"{self.mapping}-{self.number:04d}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["source_object", "source_id", "fate", "destination_id", "reason"])
            for row, outcome in self.rows.values():
                fate = Fate.REJECTED if outcome.state is State.REJECTED else FATES[row.operation]
                fates[fate] = fates.get(fate, 0) + 1
                writer.writerow([row.source_object, row.source_id, fate, outcome.destination_id or "", outcome.reason])
        return fates
