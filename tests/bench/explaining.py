"""Measure `workbench explain` cold: one call, each in a process of its own, over a warehouse and a ledger of many rows.

python tests/bench/explaining.py [ROWS]   (2,000,000 without a number); exits 1 when a call takes longer than its bound.

The export's contacts are landed, selected, staged, checked, read back and reconciled; the ledger has an identity, an operation
with three moves, a planned row and a sealed image for each. The call opens settings, mappings, warehouse and ledger; to start
Python and to import is told beside it. The files lie in the system's cache as far as it keeps them.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peak import peak_memory

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 2_000_000
BOUND, ROUNDS = 1.0, 3
CHILD = "_child"
HELD, DEFERRED = 97, 89
"""Every so many rows one is held, or waits for another record."""
ID = "printf('C%08d', n)"


def make_practice(folder: Path) -> None:
    from workbench.journey.starter import init_migration
    from workbench.settings import read_settings

    init_migration(folder, None)
    settings = read_settings(folder)
    settings.target_folder.mkdir(parents=True)
    fill_warehouse(folder)
    fill_ledger(folder)


def fill_warehouse(folder: Path) -> None:
    """Make the tables of every stage with all columns of the contract and of the mapping, in file order."""
    from workbench.dental_exec.contract import read_contract
    from workbench.mapping.files import read_mappings
    from workbench.settings import read_settings
    from workbench.warehouse import open_warehouse

    settings = read_settings(folder)
    mappings = read_mappings(settings)
    patient, key = mappings["patient"], mappings.sources["contacts"].key
    landed = [name for name in read_contract().objects["contacts"].columns if name != key]
    derived = sorted(
        {*patient.used_columns, *(column for _, column in mappings.sources["contacts"].asks)} - {*landed, key}
    )
    staged = [*patient.fields, "cf_shared_email", *(name for name in patient.lookups if name != "account")]

    def filled(names: list[str]) -> str:
        # Some columns are all different, some few values, some empty, as those of an export are.
        ways = ("'{0} ' || (n * 7919 % 1000003)", "'{0} ' || (n % 40)", "NULL::VARCHAR", "'{0}'")
        return ", ".join(f'{ways[place % 4].format(name)} AS "{name}"' for place, name in enumerate(names))

    rows = f"(SELECT n, {ID} AS id FROM range({ROWS}) r(n))"
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        for table, made in {
            "raw.contacts": f"SELECT id AS {key}, {filled(landed)}, 'contacts.csv' AS source_file, n + 1 AS source_row FROM {rows}",
            "staged.source_contacts": f"SELECT c.*, {filled(derived)}, 'patient' AS claimed_by, 1 AS claims FROM raw.contacts c JOIN {rows} r ON r.n + 1 = c.source_row"
            " ORDER BY c.source_row",
            "staged.claims": f"SELECT 'contacts' AS source_object, id AS source_id, 'patient' AS mapping FROM {rows}",
            "staged.patient": f"SELECT id AS source_id, 0::INTEGER AS depth, {filled(staged)}, 'companies/P-' || (n % 900) AS account,"
            f" sha256(id) AS fingerprint FROM {rows}",
            "staged.problems": "SELECT 'patient' AS mapping, 'contacts' AS source_object, id AS source_id, 'email' AS field,"
            f" 'email' AS rule, 'warn' AS severity, 'is no e-mail address' AS message FROM {rows} WHERE n % 20 = 0",
            "staged.changes": "SELECT 'patient' AS mapping, id AS source_id, 'email' AS field, 'a' AS was, NULL::VARCHAR AS became,"
            f" 'holder' AS rule FROM {rows} WHERE n % 30 = 0",
            "checked.held": "SELECT 'patient' AS mapping, 'contacts' AS source_object, id AS source_id, 'owner' AS rule,"
            f" 'owner_id' AS field, 'has no owner' AS message FROM {rows} WHERE n % {HELD} = 1",
            "destination.contacts": f"SELECT 400000000000 + n AS destination_id, id AS source_id, {filled(staged)} FROM {rows}",
            "reconciled.waiting": f"SELECT 'patient' AS mapping, id AS source_id FROM {rows} WHERE n % {DEFERRED} = 2",
            "reconciled.differences": "SELECT 'patient' AS mapping, id AS source_id, 'city' AS field, 'value' AS cause"
            f" FROM {rows} WHERE n % 500 = 0",
            "raw.rejected": "SELECT 'contacts.csv' AS file, 'contacts' AS object, n AS first_line, n AS last_line,"
            f" 'its key is blank' AS reason, id AS source_id FROM {rows} WHERE n < 1000 AND n % 50 = 49",
            "raw.deliveries": "SELECT 'delivery.zip' AS delivery, 'abc' AS snapshot, '2026-03-01' AS exported_at",
        }.items():
            warehouse.run(f"CREATE TABLE {table} AS {made}")


def fill_ledger(folder: Path) -> None:
    """Insert in bulk what a load of every row leaves: three moves an operation, one sealed image, one planned row."""
    from workbench.journey.record import open_run_ledger
    from workbench.ledger.images import keep_image
    from workbench.settings import read_settings

    settings = read_settings(folder)
    open_run_ledger(settings).engine.dispose()
    series = f"WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS} - 1)"
    with sqlite3.connect(settings.ledger) as store:
        store.execute("PRAGMA synchronous = OFF")
        for into, values in {
            "identities": f"'contacts', {ID}, 'patient', 'contact', 400000000000 + n, hex(n), hex(n), 'created', 1, n + 1",
            "operations": f"n + 1, 'run', 'patient', 'contacts', {ID}, 'contact', 'create', 'bulk', hex(n), hex(n), 1, n,"
            " n / 1000 + 1, 'applied', 400000000000 + n, ''",
            "planned": f"1, n, 'patient', 'contacts', {ID}, iif(n % {DEFERRED} = 2, 'defer', 'create'), hex(n), 0,"
            f" iif(n % {DEFERRED} = 2, 'contacts/C00000001', '')",
            "images": "n + 1, n + 1, 'before', zeroblob(200)",
        }.items():
            store.execute(f"INSERT INTO {into} {series} SELECT {values} FROM s")
        for place, state in enumerate(("intended", "sent", "applied")):
            store.execute(
                f"INSERT INTO transitions {series} SELECT n * 3 + {place + 1}, n + 1, '{state}', 1.8e9 + n, '' FROM s"
            )
        store.execute(
            f"INSERT INTO batches {series} SELECT n, 'run', 'patient', 1000, '/job/' || n, 'sent' FROM s WHERE n < {ROWS} / 1000 + 1"
        )
        store.execute("INSERT INTO plans VALUES (1, 'run', 'x', 'x', 'load', '{}')")
    store.close()
    ledger = open_run_ledger(settings)
    with ledger.commit() as connection:
        for number in asked().values():
            keep_image(connection, ledger.key, number + 1, "sent", {"first_name": "A", "city": "B"})
            keep_image(connection, ledger.key, number + 1, "read_back", {"id": 1, "first_name": "A", "city": "B"})
    ledger.engine.dispose()


def asked() -> dict[str, int]:
    """Return the rows that are asked for, by what became of each."""
    middle, last = ROWS // 2, ROWS - 1
    return {
        "the first row": 0,
        "a row in the middle": middle,
        "the last row": last,
        "a held row": middle - (middle - 1) % HELD,
        "a row that waits": middle - (middle - 2) % DEFERRED,
    }


def explain(folder: str, number: str) -> None:
    from workbench.journey.record import explain
    from workbench.settings import read_settings

    took, worked = time.perf_counter(), time.process_time()
    answer = explain(read_settings(Path(folder)), "contacts", f"C{int(number):08}")
    took, worked = time.perf_counter() - took, time.process_time() - worked
    assert answer["operations"] and answer["source"]["values"] and answer["read_back"]
    peak = peak_memory()
    print(CHILD, took, f"{worked:.2f} s of CPU, {peak:.2f} GiB, {answer['fate']}")


def measure(folder: Path, number: int) -> tuple[float, float, str]:
    """Return the seconds of one call in a process of its own, of that process, and what it says of CPU, memory and fate."""
    started = time.perf_counter()
    command = [sys.executable, __file__, CHILD, str(folder), str(number)]
    made = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    whole = time.perf_counter() - started
    said = next((line.split(maxsplit=2) for line in made.stdout.splitlines() if line.startswith(CHILD)), None)
    if said is None:
        raise SystemExit(f"row {number} cannot be explained: {(made.stderr.strip().splitlines() or ['no word'])[-1]}")
    return float(said[1]), whole, said[2]


def main() -> int:
    room = Path(tempfile.mkdtemp(prefix="bench-explaining-"))
    slowest = 0.0
    try:
        started = time.perf_counter()
        make_practice(room / "migration")
        size = sum(path.stat().st_size for path in (room / "migration" / "data").rglob("*") if path.is_file()) / 2**30
        print(f"{ROWS:,} contacts, {size:.1f} GiB, made in {time.perf_counter() - started:.0f} s")
        for what, number in asked().items():
            # A machine is not equally fast at all times: the least of each row counts.
            rounds = [measure(room / "migration", number) for _ in range(ROUNDS)]
            seconds, whole, told = min(rounds)
            slowest = max(slowest, seconds)
            print(f"  {what}: {seconds:.2f} s; with Python's start {whole:.2f} s; {told}", flush=True)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    print(f"the slowest of {len(asked())} calls: {slowest:.2f} s (bound {BOUND}){' OVER' if slowest > BOUND else ''}")
    return 1 if slowest > BOUND else 0


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        explain(*sys.argv[2:4])
    else:
        sys.exit(main())
