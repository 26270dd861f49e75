"""A loading process of its own: what notebooks 70 to 72 do, to be killed at any point."""

from __future__ import annotations

import sys

from workbench.journey.desk import writing
from workbench.ledger.plans import last_plan
from workbench.load.loader import run_load
from workbench.load.plan import plan_load
from workbench.mapping.files import read_mappings
from workbench.settings import read_settings
from workbench.vocabulary import Kind


def main(folder: str) -> None:
    settings = read_settings(folder)
    mappings = read_mappings(settings)
    with writing(settings, mappings) as session:
        plan = last_plan(session.ledger, session.run_id, "load")
        if plan is None:
            plan = plan_load(settings, mappings, session.schema, session.ledger, session.run_id)
        run_load(session, plan, kinds=(Kind.RECORD, Kind.FILE))


if __name__ == "__main__":
    main(sys.argv[1])
