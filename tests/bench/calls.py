"""Load a practice under each product and plan, prove it against the truth, and hold the calls against their floor.

python tests/bench/calls.py [PATIENTS]   (5,000 without a number); exits 1 when a load is wrong or a figure over its bound.

The floor counts what the contract allows: a bulk call, a poll and a page of ids for up to 100 rows of a level with a key
of their own, one call for any other row, one more for a closed deal's date.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from math import ceil
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

import httpx
from loaded import Loaded
from rooms import Practice, decide, land, make_practice, stage_and_check
from truth import Tenant, mismatches, translated

from workbench.freshsales.endpoints import endpoint
from workbench.journey.desk import apply_setup, reading, writing
from workbench.load.loader import run_load
from workbench.load.plan import plan_load
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.setup import make_setup
from workbench.vocabulary import Edition, Kind
from workbench.warehouse import Warehouse, open_warehouse

BOUND = 1.05
KINDS = (Kind.RECORD, Kind.FILE)
CASES = (
    ("suite", "enterprise", False),
    ("suite", "enterprise", True),
    ("suite", "pro", False),
    ("suite", "growth", False),
    ("classic", "enterprise", False),
)
SHARED = "Default Pipeline"


def floor(warehouse: Warehouse, mapping: ObjectMapping, edition: Edition, *, by_our_field: bool) -> tuple[int, int]:
    """Return the rows of a mapping that can go, and the fewest calls that take them there."""
    where = endpoint(mapping.destination, edition)
    key = {"emails": "email IS NOT NULL AND emails_more IS NULL", "name": "name IS NOT NULL"}.get(
        where.bulk_identifier or "", "false"
    )
    if by_our_field and where.bulk_identifier:
        key = "true"
    late = "count(closed_date)" if mapping.destination == "deal" else "0"
    rows = warehouse.run(
        f"SELECT count(*), count(*) FILTER ({key}), {late} FROM staged.{mapping.name} s WHERE NOT EXISTS"
        f" (SELECT 1 FROM checked.held h WHERE h.source_object = '{mapping.source_object}'"
        " AND h.source_id = s.source_id) GROUP BY depth"
    )
    calls = 0
    for total, keyed, closed in rows:
        in_bulk = 3 * ceil(keyed / 100) if keyed > 3 else keyed
        calls += in_bulk + total - keyed + closed
    return sum(total for total, _, _ in rows), calls


def load(practice: Practice, *, by_our_field: bool) -> bool:
    """Load a landed practice, print its calls beside the floor, and say whether all is as it must be."""
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
        made = run_load(
            session, plan_load(settings, mappings, session.schema, session.ledger, session.run_id), kinds=KINDS
        )
    loaded, is_right = Loaded(practice), True
    print(f"{'mapping':<20}{'records':>9}{'calls':>9}{'per 1,000':>11}{'floor':>9}{'ratio':>8}")
    with open_warehouse(settings.warehouse) as warehouse:
        for mapping in mappings.objects:
            spent = made.calls.get(mapping.name, 0)
            if mapping.kind not in KINDS or not spent:
                continue
            records, least = floor(warehouse, mapping, settings.edition, by_our_field=by_our_field)
            is_over = spent > BOUND * least
            is_right &= not is_over
            print(
                f"{mapping.name:<20}{records:>9,}{spent:>9,}{1000 * spent / records:>11,.0f}"
                f"{1000 * least / records:>9,.0f}{spent / least:>8.3f}{' OVER' if is_over else ''}"
            )
    found = loaded.reconcile()
    words = {"edition": "classic"} if settings.edition is Edition.CLASSIC else {}
    words |= {"pipeline": SHARED} if settings.plan == "growth" else {}
    wrong = mismatches(translated(loaded.truth, **words), Tenant(practice.base_url), practice.open_spellings())
    print(
        f"reconciled: {found.reconciled}, differences from the truth: {len(wrong)}, {time.monotonic() - started:.0f} s\n",
        flush=True,
    )
    return is_right and found.reconciled and not wrong


def main(patients: int) -> int:
    right = True
    with tempfile.TemporaryDirectory() as folder:
        landed = make_practice(Path(folder), patients=patients)
        land(landed)
        for number, (edition, plan, by_our_field) in enumerate(CASES):
            copy = Path(folder) / str(number)
            shutil.copytree(landed.folder, copy)
            toml = copy / "migration.toml"
            text = toml.read_text("utf-8").replace('edition = "suite"', f'edition = "{edition}"')
            toml.write_text(text.replace('plan = "enterprise"', f'plan = "{plan}"'), "utf-8")
            practice = Practice(copy, landed.truth)
            takes = "take" if by_our_field else "refuse"
            print(f"{patients} patients, {edition}, {plan}; bulk calls {takes} our unique field")
            try:
                right &= load(practice, by_our_field=by_our_field)
            finally:
                practice.stop_tenant()
            shutil.rmtree(copy, ignore_errors=True)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000))
