"""Take contacts the whole way from files to a reconciliation, and hold delta and reconciliation against bare scans.

python tests/bench/data_path.py [ROWS]   (2,000,000 without a number); exits 1 when a ratio is over its bound.

One process lands a delivery, profiles, stages, checks, makes the request bodies and lands a later delivery: its peak of
memory is that of the whole data path. Then, each in a process of its own: `changes` finds the records that differ between
two landed snapshots (reladiff does the same on the same tables, where .venv-bench has it), `compare` holds what was staged
against what the tenant holds, field by field. A scan reads every column of both sides. The digests that are written down with
each page of a reading are told apart.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peak import peak_memory
from staging import COMPANIES, CONTACTS, PATIENT, USERS, bodies, make_files, schema

ROWS = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 2_000_000
COMPANY_ROWS = max(ROWS // 1000, 10)
BOUNDS = {
    "changes / scan of both snapshots": 1.5,
    "compare / scan of both sides": 2.5,
    "peak RSS of the data path, GiB": 2.0,
}
REPOSITORY = Path(__file__).parents[2]
CHILD, ROUNDS = "_child", 9
LATER = """
SELECT * EXCLUDE (i) REPLACE (
  CASE WHEN i % 100 = 7 THEN last_name || '-Okafor' ELSE last_name END AS last_name,
  CASE WHEN i % 100 = 7 THEN '2026-11-20 10:00:00' ELSE modified_at END AS modified_at
) FROM (SELECT row_number() OVER () - 1 AS i, * FROM ({first})) WHERE i % 500 <> 3
UNION ALL (SELECT * REPLACE ('N' || contact_id AS contact_id) FROM ({first}) LIMIT {new})
"""
"""One record in a hundred changed, one in five hundred gone, and as many new."""


def make(folder: Path) -> None:
    """Write a migration folder with two deliveries, and the two snapshots of the contacts as tables beside it."""
    import duckdb

    make_files(folder)
    suite = json.loads((REPOSITORY / "expectations" / "staged" / "patient.json").read_text("utf-8"))
    suite["expectations"] = [one for one in suite["expectations"] if one["kwargs"].get("column") in PATIENT]
    (folder / "expectations" / "staged").mkdir(parents=True)
    (folder / "expectations" / "staged" / "patient.json").write_text(json.dumps(suite), "utf-8")
    first = CONTACTS.format(rows=ROWS, companies=COMPANY_ROWS)
    tables = {
        "companies": COMPANIES.format(companies=COMPANY_ROWS),
        "users": USERS.replace("SELECT", "SELECT 'user' || i AS login,", 1),
        "cases": "SELECT 'T1' AS case_id, 'C0000001' AS contact_id",
        "contacts": first,
    }
    with duckdb.connect(str(folder / "two.duckdb"), config={"threads": "2"}) as connection:
        connection.execute("SET preserve_insertion_order = true; CREATE SCHEMA raw")
        for number, delivery in enumerate(("20261101T080000", "20261115T080000")):
            (folder / "exports" / delivery).mkdir(parents=True)
            for name, query in tables.items():
                is_later = name == "contacts" and number == 1
                made = LATER.format(first=first, new=ROWS // 500) if is_later else query
                path = folder / "exports" / delivery / f"{name}.csv"
                connection.execute(f"COPY ({made}) TO '{path}' (HEADER, DELIMITER ',')")
        for table, query in (("last_contacts", first), ("contacts", LATER.format(first=first, new=ROWS // 500))):
            connection.execute(
                f"CREATE TABLE raw.{table} AS SELECT *, 'contacts.csv' AS source_file,"
                f" row_number() OVER () AS source_row FROM ({query})"
            )
        connection.execute("CREATE TABLE raw.deliveries AS SELECT 'first' AS delivery")
        connection.execute(
            "CREATE TABLE raw.delivered_columns AS SELECT 'contacts' AS object, column_name FROM"
            " (DESCRIBE SELECT * EXCLUDE (source_file, source_row) FROM raw.contacts)"
        )
        connection.execute("CREATE TABLE raw.last_delivered_columns AS SELECT * FROM raw.delivered_columns")


# -- the whole way, in one process -----------------------------------------------------------------------------------


def path(folder: Path) -> None:
    from workbench.checks.held import run_checks
    from workbench.checks.stated import stated_mappings
    from workbench.dental_exec.snapshot import take_snapshot
    from workbench.mapping.files import read_mappings
    from workbench.profile.readings import read_columns
    from workbench.settings import read_settings
    from workbench.staging.stage import stage

    settings = read_settings(folder)
    begun = time.perf_counter()

    def told(what: str) -> None:
        nonlocal begun
        print(f"  {what:<22}{time.perf_counter() - begun:7.1f} s{peak_memory():8.2f} GiB", file=sys.stderr, flush=True)
        begun = time.perf_counter()

    exports, zone = folder / "exports", "America/Chicago"
    take_snapshot(exports, settings.warehouse, time_zone=zone, delivery="20261101T080000")
    told("landed")
    read_columns(settings.warehouse)
    told("columns read")
    mappings = read_mappings(settings)
    stage(settings, mappings, tenant="bench")
    told("staged")
    run_checks(settings.warehouse, folder / "expectations", stated_mappings(mappings), gx_rows=0, stop=False)
    told("checked")
    bodies(folder)
    told("bodies made")
    accepted = ["contacts"]
    take_snapshot(exports, settings.warehouse, time_zone=zone, delivery="20261115T080000", accepted=accepted)
    told("later one landed")
    stage(settings, mappings, tenant="bench")
    told("staged again, all rows")
    report(0.0)


# -- beside bare scans, each in a process of its own -----------------------------------------------------------------


def changes(folder: Path) -> None:
    """Find the records that are new, changed or gone, as a landing does."""
    import pyarrow  # noqa: F401 - a landing has it; its import is not what is measured

    from workbench.dental_exec.drift import compare_snapshots
    from workbench.warehouse import open_warehouse

    two = folder / "copy.duckdb"
    shutil.copy(folder / "two.duckdb", two)
    with open_warehouse(two, write=True) as store:
        begun = time.perf_counter()
        compare_snapshots(store, "bench", ())
        took = time.perf_counter() - begun
        found = dict(store.run("SELECT change, count(*) FROM raw.changes GROUP BY 1"))
    assert found == {"changed": (ROWS - 8) // 100 + 1, "removed": (ROWS - 4) // 500 + 1, "new": ROWS // 500}, found
    report(took)


def scan_snapshots(folder: Path) -> None:
    _scan(folder / "two.duckdb", "raw.last_contacts", "raw.contacts")


def diff_snapshots(folder: Path) -> None:
    """Let reladiff find them."""
    import logging

    import reladiff

    logging.disable(logging.CRITICAL)
    columns = re.findall(r" AS (\w+)", CONTACTS.split("FROM range")[0])
    store = f"duckdb://{folder / 'two.duckdb'}"
    begun = time.perf_counter()
    sides = [
        reladiff.connect_to_table(
            store, ("raw", name), "contact_id", extra_columns=tuple(one for one in columns if one != "contact_id")
        )
        for name in ("last_contacts", "contacts")
    ]
    found = sum(1 for _ in reladiff.diff_tables(*sides))
    report(time.perf_counter() - begun, found)


def compare(folder: Path) -> None:
    """Hold every delivered row against what the tenant holds, as a reconciliation does."""
    import polars as pl

    from workbench.mapping.files import read_mappings
    from workbench.reconcile.expected import asking_canonical, digest_sql, hand_over_conversions, hand_over_users
    from workbench.reconcile.fields import FIELDS, check_fields, compare_mapping
    from workbench.settings import read_settings
    from workbench.warehouse import open_warehouse

    settings = read_settings(folder)
    mapping = read_mappings(settings)["patient"]
    with open_warehouse(settings.warehouse, write=True) as warehouse, asking_canonical(warehouse):
        text = dict.fromkeys(("mapping", "source_id", "field"), pl.String)
        warehouse.write("reconciled.differences", pl.DataFrame(schema={**text, "cause": pl.String}))
        warehouse.write("reconciled.fields", pl.DataFrame(schema=FIELDS))
        warehouse.write("reconciled.theirs", pl.DataFrame(schema=text))
        warehouse.write("reconciled.waiting", pl.DataFrame(schema=text))
        hand_over_users(warehouse, schema())
        hand_over_conversions(warehouse, {})
        begun = time.perf_counter()
        delivered = compare_mapping(warehouse, settings, mapping)
        check_fields(warehouse, mapping, delivered)
        took = time.perf_counter() - begun
        found = warehouse.run("SELECT count(*), count(DISTINCT source_id) FROM reconciled.differences")[0]
        begun = time.perf_counter()
        # A reading digests each page as it writes it down, long before: told apart.
        warehouse.run(f"SELECT bit_xor({digest_sql(mapping)}) FROM destination.contacts")
        digested = time.perf_counter() - begun
    report(took, *found, digested)


def there(folder: Path) -> None:
    """Let the tenant hold what was staged, but for one city in a thousand."""
    from workbench.mapping.files import read_mappings
    from workbench.reconcile.expected import (
        asking_canonical,
        delivered_sql,
        digest_column,
        digest_sql,
        exact_sql,
        hand_over_conversions,
        hand_over_found,
        hand_over_lookups,
        hand_over_users,
    )
    from workbench.settings import read_settings
    from workbench.warehouse import open_warehouse

    settings = read_settings(folder)
    mapping = read_mappings(settings)["patient"]
    with open_warehouse(settings.warehouse, write=True) as warehouse, asking_canonical(warehouse):
        warehouse.run(
            "CREATE OR REPLACE TABLE destination.identities AS SELECT mapping, source_object, source_id,"
            " 'contact' AS destination, row_number() OVER () AS destination_id, true AS is_live FROM"
            " (SELECT 'patient' AS mapping, 'contacts' AS source_object, source_id FROM staged.patient UNION ALL"
            " SELECT 'practice', 'companies', source_id FROM staged.practice)"
        )
        warehouse.run("CREATE OR REPLACE TABLE reconciled.waiting (mapping VARCHAR, source_id VARCHAR)")
        hand_over_users(warehouse, schema())
        hand_over_conversions(warehouse, {})
        hand_over_lookups(warehouse, settings, mapping)
        nobody = "(SELECT NULL::BIGINT AS destination_id, * FROM staged.patient LIMIT 0)"
        warehouse.run(
            f"CREATE OR REPLACE TABLE destination.nobody AS SELECT *, 0::UBIGINT AS {digest_column(mapping)} FROM {nobody}"
        )
        hand_over_found(warehouse, mapping, "destination.nobody")
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE delivered AS {delivered_sql(mapping, [])}")
        linked = ", ".join(f"x.{name}" for name in mapping.lookups)
        warehouse.run(
            f"CREATE OR REPLACE TABLE destination.contacts AS SELECT e.* REPLACE"
            f" (CASE WHEN e.destination_id % 1000 = 0 THEN 'Astoria' ELSE e.city END AS city), {linked}"
            f" FROM ({exact_sql(mapping, 'delivered')}) e JOIN delivered x USING (source_id)"
        )
        warehouse.run(
            f"CREATE OR REPLACE TABLE destination.contacts AS SELECT *, {digest_sql(mapping)} AS {digest_column(mapping)}"
            " FROM destination.contacts"
        )
    report(0.0)


def scan_sides(folder: Path) -> None:
    _scan(folder / "data" / "warehouse.duckdb", "staged.patient", "destination.contacts")


def _scan(database: Path, *tables: str) -> None:
    from workbench.warehouse import open_warehouse

    with open_warehouse(database) as warehouse:
        every = {table: ", ".join(f'bit_xor(hash("{one}"))' for one in warehouse.columns(table)) for table in tables}
        begun = time.perf_counter()
        for table, columns in every.items():
            warehouse.run(f"SELECT {columns} FROM {table}")
        report(time.perf_counter() - begun)


def report(*figures: float) -> None:
    print(CHILD, peak_memory(), *figures)


MEASURED = {one.__name__: one for one in (path, changes, scan_snapshots, diff_snapshots, there, compare, scan_sides)}


def measure(name: str, folder: Path, python: str = sys.executable) -> list[float] | None:
    """Return the peak of memory in GiB and the figures of one measurement; nothing when it cannot be run."""
    made = subprocess.run([python, __file__, CHILD, name, folder, str(ROWS)], stdout=subprocess.PIPE, text=True)
    if made.returncode:
        return None
    return [float(one) for one in made.stdout.split(CHILD)[-1].split()]


def in_turn(name: str, beside: str, folder: Path) -> tuple[float, list[float], str]:
    """Measure two in turn; return the ratio, what was found, and the rounds in words. A last figure of several is told apart.

    A machine is not equally fast at all times, and two that follow each other share its mood: the middle of the ratios
    counts. The least of each would set one's lucky moment against the other's usual one.
    """
    rounds = [(measure(beside, folder), measure(name, folder)) for _ in range(ROUNDS)]
    pairs = [(bare[1], one) for bare, one in rounds if bare and one]
    told = ", ".join(f"{one[1]:.2f} of {bare:.2f}" for bare, one in pairs)
    if len(pairs[0][1]) > 2:
        with_it = statistics.median((one[1] + one[-1]) / bare for bare, one in pairs)
        told += (
            f" (with the digests of the pages, {statistics.median(one[-1] for _, one in pairs):.2f} s: {with_it:.2f})"
        )
    return statistics.median(one[1] / bare for bare, one in pairs), pairs[0][1], told


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="bench-path-"))
    try:
        make(folder)
        print(f"{ROWS:,} contacts of {len(re.findall(' AS ', CONTACTS))} columns", flush=True)
        whole = measure("path", folder)
        changed, found, told = in_turn("changes", "scan_snapshots", folder)
        print(f"  changes of two snapshots beside their scan, seconds: {told}", flush=True)
        python = Path(".venv-bench/bin/python")
        other = measure("diff_snapshots", folder, str(python.absolute())) if python.exists() else None
        told = f"{other[1]:.2f} s: changes take {found[1] / other[1]:.3f} of it" if other else "not measured"
        print(f"  reladiff on the same tables: {told}", flush=True)
        measure("there", folder)
        compared, seen, told = in_turn("compare", "scan_sides", folder)
        print(f"  comparison of both sides beside their scan: {told}; {seen[2]:,.0f} differences")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    peak = max(whole[0] if whole else 99.0, seen[0], found[0])
    figures = dict(zip(BOUNDS, (changed, compared, peak), strict=True))
    over = [what for what, bound in BOUNDS.items() if figures[what] > bound]
    for what, bound in BOUNDS.items():
        print(f"{what}: {figures[what]:.2f} (bound {bound}){' OVER' if what in over else ''}")
    return 1 if over else 0


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        MEASURED[sys.argv[2]](Path(sys.argv[3]))
    else:
        sys.exit(main())
