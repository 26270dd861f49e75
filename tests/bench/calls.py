"""Calls per 1,000 records by object beside the floor of the key rule: `make bench [PATIENTS=400]`.

The floor counts what the contract allows: a bulk call, a poll and a page of ids for 100 rows with a key of their own, one
call for any other row, one more for a closed deal's date. Proofs, batches that are not full and re-reads come on top.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

from rooms import make_practice

from workbench.freshsales.endpoints import endpoint
from workbench.journey.run import run_steps
from workbench.vocabulary import Kind
from workbench.warehouse import open_warehouse


def main(patients: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        practice = make_practice(Path(folder), patients=patients)
        try:
            ran = run_steps(practice.settings)
            calls = json.loads((ran.folder / "calls.json").read_text())
            fates = json.loads((ran.folder / "summary.json").read_text())
            print(f"{'mapping':<20}{'records':>9}{'calls':>9}{'per 1,000':>11}{'floor':>9}")
            with open_warehouse(practice.settings.warehouse) as warehouse:
                for mapping in practice.mappings.objects:
                    records = fates["mappings"].get(mapping.name, {}).get("created", 0)
                    if mapping.kind not in (Kind.RECORD, Kind.FILE) or not records:
                        continue
                    floor = float(records)
                    delivered = f"FROM reconciled.expected_{mapping.name}"
                    if endpoint(mapping.destination).bulk_identifier == "emails":
                        keyed = warehouse.run(
                            f"SELECT count(*) {delivered} WHERE email IS NOT NULL AND emails_more IS NULL"
                        )[0][0]
                        floor = records - keyed + 3 * keyed / 100
                    elif endpoint(mapping.destination).bulk_identifier == "name":
                        floor = 3 * records / 100
                    elif mapping.destination == "deal":
                        floor += warehouse.run(f"SELECT count(closed_date) {delivered}")[0][0]
                    spent = calls.get(mapping.name, 0)
                    print(
                        f"{mapping.name:<20}{records:>9,}{spent:>9,}{1000 * spent / records:>11,.0f}{1000 * floor / records:>9,.0f}"
                    )
            print(
                f"{'in all':<20}{sum(one.get('created', 0) for one in fates['mappings'].values()):>9,}{sum(calls.values()):>9,}"
            )
        finally:
            practice.stop_tenant()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
