"""Measure the checks as ratios of one run: every check of the patients beside a scan of all columns, and beside Great Expectations.

python tests/bench/checking.py [ROWS]   (2,000,000 without a number); exits 1 when a ratio is over its bound.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from peak import peak_memory

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 2_000_000
FRAME_ROWS = min(ROWS, 200_000)
"""As many as the product gives to Great Expectations; 2,000,000 took ten times as long, and five GiB."""
REPOSITORY = Path(__file__).parents[2]
MAPPING = "patient"
CHILD = "_child"
BOUNDS = {
    "all checks / scan of all columns": 3.0,
    "all checks / Great Expectations on the frame": 0.1,
    "peak RSS of the checks, GiB": 1.5,
}
CARRIERS = [f"Carrier {number:02}" for number in range(28)]
DAY = "strftime(DATE '1990-01-01' + ({0} % 12000)::INTEGER, '%Y-%m-%d')"
TIME = DAY + " || 'T10:' || lpad(({0} % 60)::VARCHAR, 2, '0') || ':55-06:00'"
NAMES = "['Lund','Reyes','O''Neil','Müller','Nguyen','Zoë','Garcia','Brown','Smith','Okafor'][1 + (n // {0}) % 10]"
WORDS = "['Phone','Mail','Text','Referral Only','Active','Cold Prospect'][1 + (n // {0}) % 6]"
VALUES = {  # one column in a hundred rows or so is dirty, as exports are
    "first_name": NAMES.format(3),
    "last_name": f"CASE WHEN n % 5003 <> 0 THEN {NAMES.format(7)} || n % 9973 END",
    "email": "CASE WHEN n % 97 = 0 THEN 'none given' WHEN n % 5 > 0"
    f" THEN lower({NAMES.format(7).replace('Müller', 'Moller')}) || n || '@example.com' END",
    "mobile_number": "CASE WHEN n % 211 = 0 THEN '555-' || n % 10000 WHEN n % 4 > 0 THEN '+1503' || (2000000 + n % 7999999) END",
    "work_number": "CASE WHEN n % 503 = 0 THEN 'ext. 7' WHEN n % 3 = 0 THEN '+1971' || (2000000 + n % 7999999) END",
    "phone_numbers": "CASE WHEN n % 6 = 0 THEN '[\"+1503' || (2000000 + n % 7999999) || '\"]' END",
    "address": "(n % 9999) || ' Washington Blvd, Unit ' || n % 40",
    "city": "['Salem','Portland','Bend','Boston','Aurora','Montclair'][1 + (n // 11) % 6]",
    "state": "CASE WHEN n % 307 = 0 THEN 'Oreg.' ELSE ['OR','WA','MA','NJ','CO','CA'][1 + (n // 11) % 6] END",
    "zipcode": "CASE WHEN n % 401 = 0 THEN (n % 9999)::VARCHAR ELSE lpad((n * 7 % 99999)::VARCHAR, 5, '0') END",
    "country": "'USA'",
    "lifecycle_stage_id": "'Customer'",
    "subscription_status": "CASE WHEN n % 100003 = 0 THEN '3' ELSE (n % 3)::VARCHAR END",
    "cf_original_create_date": f"CASE WHEN n % 1009 = 0 THEN '3/4/21' ELSE {DAY.format('(n * 7)')} END",
    "cf_original_modified_date": DAY.format("(n * 11)"),
    "cf_source_stamps": f"'created ' || {TIME.format('(n * 7)')} || '; modified ' || {TIME.format('(n * 11)')}",
    "cf_referrer": "'false'",
    "cf_date_of_birth": DAY.format("(n * 13)"),
    "cf_chart_number": "'B' || (20000 + n)",
    "cf_household_id": "CASE WHEN n % 3 = 0 THEN 'H' || n // 3 END",
    "cf_middle_name": "CASE WHEN n % 2 = 0 THEN chr((65 + n % 26)::INTEGER) END",
    "cf_gender": "['F','M','Unknown'][1 + n % 3]",
    "cf_employer": f"CASE WHEN n % 4 = 0 THEN 'City of ' || {NAMES.format(5)} END",
    "cf_last_visit": f"CASE WHEN n % 3 > 0 THEN {DAY.format('(n * 17)')} END",
    "cf_insurance_carrier": "CASE WHEN n % 607 = 0 THEN 'Dleta' WHEN n % 9 > 0 THEN 'Carrier ' || lpad((n % 28)::VARCHAR, 2, '0') END",
    "cf_secondary_carrier": "CASE WHEN n % 11 = 0 THEN 'Carrier ' || lpad((n % 28)::VARCHAR, 2, '0') END",
    "cf_drug_interaction_flag": "CASE WHEN n % 10007 > 0 THEN ['Yes','No','Not recorded'][1 + n % 3] END",
    "account": "'companies/P-' || lpad((n % 400)::VARCHAR, 4, '0')",
    "owner_id": "'owners/u' || n % 90 || '@example.com'",
}
WIDEST = [
    "cf_status",
    "cf_title",
    "cf_language",
    "cf_preferred_channel",
    "cf_consent_text",
    "cf_plan_type",
    "cf_recall_type",
]


def stated():
    """What the shipped mapping says of its rows; carriers as decided, since a repository holds no decisions."""
    from workbench.checks.stated import stated_mappings
    from workbench.mapping.files import read_mappings
    from workbench.settings import read_settings

    (one,) = [it for it in stated_mappings(read_mappings(read_settings(REPOSITORY))) if it.name == MAPPING]
    carriers = dict.fromkeys(("cf_insurance_carrier", "cf_secondary_carrier"), CARRIERS)
    return replace(one, choices={**one.choices, **carriers})


def make(folder: Path) -> None:
    """Stage patients, and copy the one suite that judges them."""
    from workbench.mapping.files import read_mappings
    from workbench.settings import read_settings
    from workbench.warehouse import identifier, open_warehouse

    suite = folder / "expectations" / "staged" / f"{MAPPING}.json"
    suite.parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / "expectations" / "staged" / suite.name, suite)
    mapping = next(one for one in read_mappings(read_settings(REPOSITORY)).objects if one.name == MAPPING)
    columns = [name for name in [*mapping.fields, *mapping.lookups, "cf_shared_email"] if name != "cf_source_system_id"]
    shown = [
        f"{VALUES.get(name, WORDS.format(2 + columns.index(name)) if name in WIDEST else 'NULL::VARCHAR')} AS {identifier(name)}"
        for name in columns
    ]
    with open_warehouse(folder / "warehouse.duckdb", write=True) as warehouse:
        warehouse.run(
            "CREATE TABLE staged.patient AS SELECT 'C' || n AS source_id, 0 AS depth,"
            f" 'C' || CASE WHEN n % 50021 = 1 THEN n - 1 ELSE n END AS cf_source_system_id, {', '.join(shown)},"
            f" sha256(n::VARCHAR) AS fingerprint FROM range({ROWS}) AS made(n)"
        )
        warehouse.run(f"CREATE TABLE staged.first_patients AS SELECT * FROM staged.patient LIMIT {FRAME_ROWS}")
        warehouse.run(
            "CREATE TABLE staged.problems AS SELECT 'patient' AS mapping, 'contacts' AS source_object, 'C' || n AS source_id,"
            " 'owner_id' AS field, 'owner' AS rule, 'hold' AS severity, 'the owner''s e-mail is no tenant user' AS message"
            f" FROM range(0, {ROWS}, 301) AS made(n)"
        )


# -- what is measured: each in a process of its own ------------------------------------------------------------------


def scan(folder: Path) -> None:
    from workbench.warehouse import open_warehouse

    with open_warehouse(folder / "warehouse.duckdb") as warehouse:
        every = ", ".join(f"bit_xor(hash({name}))" for name in warehouse.columns("staged.patient"))
        took = time.perf_counter()
        warehouse.run(f"SELECT {every} FROM staged.patient")
        report(took, ROWS)


def check(folder: Path) -> None:
    from workbench.checks.held import run_checks

    mapping = stated()
    took = time.perf_counter()
    made = run_checks(folder / "warehouse.duckdb", folder / "expectations", [mapping], gx_rows=0, stop=False)
    report(took, made.expectations.height)


def frame(folder: Path) -> None:
    from workbench.checks.evaluation import count_failures, open_context
    from workbench.checks.judged import pair_suites
    from workbench.checks.suites import read_suites
    from workbench.warehouse import open_warehouse

    (judged,) = pair_suites(read_suites(folder / "expectations"), [stated()])
    open_context()  # its import is not what is measured
    with open_warehouse(folder / "warehouse.duckdb") as warehouse:
        took = time.perf_counter()
        counted = count_failures(warehouse, "staged.first_patients", judged.expectations)
        report(took, len(counted))


def report(started: float, count: int) -> None:
    peak = peak_memory()
    print(CHILD, time.perf_counter() - started, peak, count, time.process_time())


MEASURED = {one.__name__: one for one in (make, scan, check, frame)}


def measure(name: str, folder: Path) -> tuple[float, float, int, float]:
    """Return seconds, peak in GiB, what was counted, and the processor's seconds of the whole process."""
    made = subprocess.run([sys.executable, __file__, str(ROWS), CHILD, name, folder], capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"{name} cannot be measured:\n{made.stderr}")
    said = next(
        (line.split() for line in made.stdout.splitlines() if line.startswith(CHILD)), [CHILD, "0", "0", "0", "0"]
    )
    return float(said[1]), float(said[2]), int(said[3]), float(said[4])


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="bench-checking-"))
    try:
        measure("make", folder)
        # In turn, since a machine is not equally fast at all times; the least of each counts.
        rounds = [(measure("scan", folder), measure("check", folder)) for _ in range(5)]
        busy = [min(round[place][3] for round in rounds) for place in (0, 1)]
        scanned, checked = (min(round[place] for round in rounds) for place in (0, 1))
        framed = measure("frame", folder)
        scaled = framed[0] * ROWS / FRAME_ROWS
        print(
            f"{ROWS:,} patients, {checked[2]} checks; Great Expectations had {framed[2]} on a frame of {FRAME_ROWS:,} rows"
        )
        for what, (seconds, peak, *_) in {"scan": scanned, "checks": checked, "frame": framed}.items():
            print(f"  {what}: {seconds:.2f} s, {peak:.2f} GiB")
        print(
            f"  processor, imports included: scan {busy[0]:.2f} s, checks {busy[1]:.2f} s (tells more on a machine that others use)"
        )
        print(f"  frame, scaled to {ROWS:,} rows: {scaled:.2f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = dict(
        zip(BOUNDS, (checked[0] / scanned[0], checked[0] / scaled, max(one[1][1] for one in rounds)), strict=True)
    )
    over = [what for what, bound in BOUNDS.items() if found[what] > bound]
    for what, bound in BOUNDS.items():
        print(f"{what}: {found[what]:.2f} (bound {bound}){' OVER' if what in over else ''}")
    return 1 if over else 0


if __name__ == "__main__":
    if sys.argv[2:3] == [CHILD]:
        MEASURED[sys.argv[3]](Path(sys.argv[4]))
    else:
        sys.exit(main())
