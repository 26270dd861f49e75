"""Load a practice under each product and plan, prove it against the truth, and hold the calls against their floor.

python tests/bench/calls.py [PATIENTS [PLAN ...]]   (5,000 without a number); exits 1 when a load is wrong or a figure over
its bound. Each case has so many patients; two cases run at a time, those of some plans alone where they are named.

The floor counts what the contract allows for the rows that the plan sends, a level of parents at a time: a bulk call and
a page of ids for up to 100 rows with a key that proves their identity, where three rows or more have one; one call for any
other row; one more for a closed deal's date. `once` are the few calls that a kind of record needs once, however many rows
it has: the list of views, without which no page of ids can be read; the first keyed upsert again, which proves that our
field is unique there for single calls; and the two that tell whether bulk calls take it: refused, the call and its poll;
taken, the poll and the row that had to go alone before. A new tenant tells none of this otherwise. The bound holds for
floor and once together; the last column is the ratio to the floor alone.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

import httpx
from loaded import Loaded
from rooms import Practice, decide, land, make_practice, stage_and_check
from truth import Tenant, mismatches, translated

from workbench.freshsales.endpoints import endpoint
from workbench.journey.desk import apply_setup, reading, writing
from workbench.ledger.plans import PlannedRow, planned_rows
from workbench.load.loader import run_load
from workbench.load.plan import plan_load
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.setup import make_setup
from workbench.vocabulary import Edition, Kind, Operation
from workbench.warehouse import Warehouse, open_warehouse

BOUND = 1.05
ROWS_A_CALL, FEWEST_IN_BULK, CALLS_A_BULK = 100, 3, 2
KINDS = (Kind.RECORD, Kind.FILE)
CASES = (
    ("suite", "growth", False),
    ("classic", "enterprise", False),
    ("suite", "pro", False),
    ("suite", "enterprise", True),
    ("suite", "enterprise", False),
)
SHARED = "Default Pipeline"


@dataclass
class Floor:
    """The fewest calls by mapping; what a kind of record needs once is counted at the first mapping that needs it."""

    edition: Edition
    by_our_field: bool
    known: set[tuple[str, str]] = field(default_factory=set)

    def count(self, warehouse: Warehouse, mapping: ObjectMapping, rows: list[PlannedRow]) -> tuple[int, int]:
        """Return the fewest calls that create a mapping's planned rows, and those needed once, at this mapping."""
        where = endpoint(mapping.destination, self.edition)
        keys = {"emails": "email IS NOT NULL AND emails_more IS NULL", "name": "name IS NOT NULL"}
        late = "closed_date IS NOT NULL" if mapping.destination == "deal" else "false"
        staged = warehouse.run(
            f"SELECT source_id, {keys.get(where.bulk_identifier or '', 'false')}, {late} FROM staged.{mapping.name}"
        )
        facts = {str(source_id): (is_keyed, is_late) for source_id, is_keyed, is_late in staged}
        levels: dict[int, list[PlannedRow]] = defaultdict(list)
        for row in rows:
            levels[row.depth].append(row)
        calls = sum(facts[row.source_id][1] for row in rows)
        alone, requests = 0, 0
        for level in levels.values():
            keyed = sum(facts[row.source_id][0] for row in level)
            if self.by_our_field and where.bulk_identifier:
                keyed = len(level)
            keyed = keyed if keyed >= FEWEST_IN_BULK else 0
            requests += ceil(keyed / ROWS_A_CALL)
            alone += len(level) - keyed
        keyless = sum(not facts[row.source_id][0] for row in rows) if where.bulk_identifier else 0
        asks = keyless > FEWEST_IN_BULK
        once = self._once(where.plural, "views", 1, needed=requests > 0)
        once += self._once(where.plural, "single", 1, needed=where.upsert_key is not None and (alone > 0 or asks))
        once += self._once(where.plural, "bulk", 2, needed=asks)
        return calls + alone + CALLS_A_BULK * requests, once

    def _once(self, plural: str, what: str, calls: int, *, needed: bool) -> int:
        if not needed or (plural, what) in self.known:
            return 0
        self.known.add((plural, what))
        return calls


def load(practice: Practice, *, by_our_field: bool) -> tuple[bool, list[str]]:
    """Load a landed practice; return whether all is as it must be, and the lines that hold its calls beside the floor."""
    started = time.monotonic()
    decide(practice)
    settings, mappings = practice.settings, practice.mappings
    apply_setup(settings, make_setup(settings, mappings))
    admin = practice.base_url.split("/crm/sales")[0].removesuffix("/api") + "/_tenant"
    httpx.post(f"{admin}/switches", json={"bulk_by_unique_field": by_our_field}).raise_for_status()
    with reading(settings) as desk:
        alias = desk.tenant.alias
    stage_and_check(settings, alias)
    with writing(settings, mappings) as session:
        plan = plan_load(settings, mappings, session.schema, session.ledger, session.run_id)
        made = run_load(session, plan, kinds=KINDS)
        planned = {
            one.name: list(planned_rows(session.ledger, plan, one.name, Operation.CREATE)) for one in mappings.objects
        }
    is_right, fewest = True, Floor(settings.edition, by_our_field)
    lines = [
        f"{'mapping':<20}{'records':>9}{'calls':>9}{'per 1,000':>11}{'floor':>9}{'once':>6}{'ratio':>8}{'bare':>8}"
    ]
    with open_warehouse(settings.warehouse) as warehouse:
        for mapping in mappings.objects:
            spent, rows = made.calls.get(mapping.name, 0), planned[mapping.name]
            if mapping.kind not in KINDS or not spent:
                continue
            least, once = fewest.count(warehouse, mapping, rows)
            is_over = spent > BOUND * (least + once)
            is_right &= not is_over
            lines.append(
                f"{mapping.name:<20}{len(rows):>9,}{spent:>9,}{1000 * spent / len(rows):>11,.0f}"
                f"{1000 * least / len(rows):>9,.0f}{once:>6}{spent / (least + once):>8.3f}{spent / least:>8.3f}"
                f"{' OVER' if is_over else ''}"
            )
    loaded = Loaded(practice)
    found = loaded.reconcile()
    truth = translated(
        loaded.truth,
        edition=settings.edition,
        pipeline=SHARED if settings.plan == "growth" else "",
        folded=practice.folded_fields(),
    )
    wrong = mismatches(truth, Tenant(practice.base_url), practice.open_spellings())
    lines += [f"  {one}" for one in wrong[:20]]
    lines.append(
        f"reconciled: {found.reconciled}, differences from the truth: {len(wrong)}, {time.monotonic() - started:.0f} s"
    )
    return is_right and found.reconciled and not wrong, lines


def run_case(landed: Practice, copy: Path, patients: int, case: tuple[str, str, bool]) -> tuple[bool, str]:
    """Load a copy of a landed practice under one product and plan; return whether all is right, and what to print."""
    edition, plan, by_our_field = case
    shutil.copytree(landed.folder, copy)
    toml = copy / "migration.toml"
    text = toml.read_text("utf-8").replace('edition = "suite"', f'edition = "{edition}"')
    toml.write_text(text.replace('plan = "enterprise"', f'plan = "{plan}"'), "utf-8")
    practice = Practice(copy, landed.truth)
    takes = "take" if by_our_field else "refuse"
    try:
        right, lines = load(practice, by_our_field=by_our_field)
    finally:
        practice.stop_tenant()
    shutil.rmtree(copy, ignore_errors=True)
    return right, "\n".join(
        [f"{patients} patients, {edition}, {plan}; bulk calls {takes} our unique field", *lines, ""]
    )


def main(patients: int, plans: list[str]) -> int:
    right = True
    fresh = multiprocessing.get_context("spawn")  # a fork of a process whose engines have threads may wait for ever
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, mp_context=fresh) as pool:
        landed = make_practice(Path(folder) / "landed", patients=patients)
        land(landed)
        running = []
        for number, case in enumerate(one for one in CASES if not plans or one[1] in plans):
            running.append(pool.submit(run_case, landed, Path(folder) / str(number), patients, case))
        for one in running:
            is_right, text = one.result()
            print(text, flush=True)
            right &= is_right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000, sys.argv[2:]))
