"""Load a migration folder as notebooks 70 to 72 do, in a process of its own that may be killed at any moment."""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.journey.loading import load_files, load_records, load_sample, plan_whole
from workbench.journey.record import current_run, open_run_ledger
from workbench.ledger.plans import last_plan
from workbench.mapping.files import read_mappings
from workbench.settings import Settings, read_settings


def load(folder: Path, *, again: bool = False) -> None:
    """Go on where the last process stopped: the sample until its plan is followed by the load's, then the load.

    `again` plans the whole anew, whatever the last process left open, as somebody does who does not wait for the sample.
    """
    settings = read_settings(folder)
    mappings = read_mappings(settings)
    if not again and not _is_planned(settings):
        load_sample(settings, mappings)
        again = True
    if again:
        plan_whole(settings, mappings)
    load_records(settings, mappings)
    load_files(settings, mappings)


def _is_planned(settings: Settings) -> bool:
    ledger = open_run_ledger(settings)
    plan = last_plan(ledger, current_run(settings).run_id, "load")
    ledger.engine.dispose()
    return plan is not None


if __name__ == "__main__":
    load(Path(sys.argv[1]), again="again" in sys.argv[2:])
