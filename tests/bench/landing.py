"""Measure the door in as ratios of one run: landing beside a bare scan, dlt, pandas, cp1252 and a workbook.

python tests/bench/landing.py [ROWS]   (2,000,000 without a number); exits 1 when a ratio is over its bound.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from peak import peak_memory

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 2_000_000
SHEET_ROWS = min(100_000, ROWS)
COLUMNS = [  # a table of the contract that has 25 columns
    *["company_id", "company_name", "company_type", "parent_company_id", "practice_npi", "tax_id", "phone", "fax"],
    *["email", "website", "address_line1", "address_line2", "city", "state", "zip", "country", "industry", "time_zone"],
    *["owner_user_id", "location_count", "operatory_count", "created_at", "modified_at", "is_deleted", "deleted_at"],
]
BOUNDS = {
    "landing / bare scan": 5.5,
    "landing / dlt": 0.7,
    "landing + reading / pandas untyped": 1.0,
    "cp1252 / utf-8": 1.6,
    "workbook / polars calamine": 1.3,
    "peak RSS, GiB": 1.0,
}
CHILD = "_child"


def write_companies(path: Path, rows: int, encoding: str) -> None:
    draw = random.Random(7)
    names = ["José", "Zoë", "Ann", "O’Neil", "Müller", "Lee", "Smith", "Garcia", "Nguyen", "Brown"]
    lines = ["", "", "", "Suite 200", '"c/o Dr. Lund,\nsecond floor"', '"at the ""Old Mill"" gate"']
    dates = ["{y}-{m:02}-{d:02} 10:11:12", "{m}/{d}/{y}", "{m:02}/{d:02}/{y}", ""]
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for n in range(rows):
            y, m, d = 1990 + n % 35, 1 + n % 12, 1 + n % 28
            day = dates[n % 4].format(y=y, m=m, d=d)
            first, last = draw.choice(names), draw.choice(names)
            phone = f"(503) {n % 900 + 100}-{n % 10000:04}"
            file.write(
                f"P-{n:07},{first} {last} Family Dental,Referring Practice,P-{n % 40:07},{1000000000 + n},{n * 37 % 10**9:09},"
                f"{phone},{phone},desk{n}@example.com,https://p{n}.example.com,{n % 9999} Main St,{draw.choice(lines)},"
                f"Salem,OR,{n % 99999:05},USA,Healthcare / Dental,America/Los_Angeles,U{n % 90:03},{n % 5},{n % 12},"
                f"{day},2026-{m:02}-{d:02} 10:11:12,{'YN'[n % 2]},\n"
            )


def make_delivery(folder: Path, companies: Callable[[Path], None]) -> None:
    exports = folder / "exports"
    exports.mkdir(parents=True)
    (exports / "users.csv").write_text("user_id,login\nU000,a\n")
    (exports / "contacts.csv").write_text("contact_id,company_id\nC1,P-0000001\n")
    (exports / "cases.csv").write_text("case_id,contact_id\nT1,C1\n")
    companies(exports)


# -- what is measured: each in a process of its own ------------------------------------------------------------------


def land(folder: Path) -> None:
    from workbench.dental_exec.snapshot import take_snapshot

    warehouse = folder / "warehouse.duckdb"
    warehouse.unlink(missing_ok=True)
    took = time.perf_counter()
    snapshot = take_snapshot(folder / "exports", warehouse, time_zone="America/Chicago")
    report(took, sum(table.landed for table in snapshot.tables))


def read(folder: Path) -> None:
    from workbench.profile.readings import read_columns

    took = time.perf_counter()
    read_columns(folder / "warehouse.duckdb")
    report(took)


def scan(folder: Path) -> None:
    import duckdb

    took = time.perf_counter()
    with duckdb.connect(config={"threads": "2"}) as connection:
        every = ", ".join(f"count({one})" for one in COLUMNS)
        path = str(folder / "exports" / "companies.csv")
        connection.execute(
            f"SELECT {every} FROM read_csv(?, all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"')",
            [path],
        ).fetchall()
    report(took)


def pandas_untyped(folder: Path) -> None:
    import pandas as pd

    took = time.perf_counter()
    report(took, len(pd.read_csv(folder / "exports" / "companies.csv", dtype=str)))


def calamine(folder: Path) -> None:
    import polars as pl

    took = time.perf_counter()
    report(took, len(pl.read_excel(folder / "exports" / "companies.xlsx", engine="calamine", infer_schema_length=0)))


def dlt_arrow(folder: Path) -> None:
    import dlt
    import pyarrow as pa
    from pyarrow import csv

    def companies():
        kinds = csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()))
        parse = csv.ParseOptions(newlines_in_values=True)
        reader = csv.open_csv(folder / "exports" / "companies.csv", convert_options=kinds, parse_options=parse)
        yield from reader

    took = time.perf_counter()
    target = dlt.destinations.duckdb(str(folder / "dlt.duckdb"))
    pipeline = dlt.pipeline("landing", pipelines_dir=str(folder / "dlt"), destination=target, dataset_name="raw")
    pipeline.run(dlt.resource(companies, name="companies"), write_disposition="replace")
    report(took)


def report(started: float, rows: int = 0) -> None:
    peak = peak_memory()
    print(CHILD, time.perf_counter() - started, peak, rows)


MEASURED = {one.__name__: one for one in (land, read, scan, pandas_untyped, calamine, dlt_arrow)}


def measure(name: str, folder: Path, python: str = sys.executable, rounds: int = 2) -> tuple[float, float] | None:
    """Return the least seconds and the highest peak in GiB of some rounds, or nothing when it cannot be run."""
    best: list[tuple[float, float]] = []
    for _ in range(rounds):
        command = [python, __file__, CHILD, name, folder]
        made = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        )
        said = next((line.split() for line in made.stdout.splitlines() if line.startswith(CHILD)), None)
        if said is None:
            reason = (made.stderr.strip().splitlines() or ["no word"])[-1]
            print(f"  {name} cannot be measured: {reason}")
            return None
        best.append((float(said[1]), float(said[2])))
    return min(one[0] for one in best), max(one[1] for one in best)


def best(rounds: list[tuple[float, float] | None]) -> tuple[float, float] | None:
    """Return the least seconds and the highest peak of some measurements."""
    known = [one for one in rounds if one is not None]
    return (min(one[0] for one in known), max(one[1] for one in known)) if known else None


def write_sheet(exports: Path) -> None:
    import xlsxwriter

    source = exports / "companies.csv"
    write_companies(source, SHEET_ROWS, "utf-8")
    import csv

    with (
        xlsxwriter.Workbook(exports / "companies.xlsx", {"constant_memory": True}) as book,
        source.open(newline="") as file,
    ):
        sheet = book.add_worksheet("companies")
        for number, row in enumerate(csv.reader(file)):
            for column, value in enumerate(row):
                sheet.write_string(number, column, value)
    source.unlink()


def main() -> int:
    found: dict[str, float] = {}
    room = Path(tempfile.mkdtemp(prefix="bench-landing-"))
    try:
        print(f"{ROWS} rows of {len(COLUMNS)} columns; a workbook of {SHEET_ROWS}")
        make_delivery(room / "utf8", lambda exports: write_companies(exports / "companies.csv", ROWS, "utf-8"))
        # In turn, since a machine is not equally fast at all times; the least of each counts.
        rounds = [
            (measure("land", room / "utf8", rounds=1), measure("scan", room / "utf8", rounds=1)) for _ in range(3)
        ]
        landed, scanned = best([one for one, _ in rounds]), best([one for _, one in rounds])
        reading = measure("read", room / "utf8", rounds=1)
        untyped = measure("pandas_untyped", room / "utf8", rounds=1)
        there = Path(".venv-bench/bin/python")
        other = measure("dlt_arrow", room / "utf8", str(there.absolute()), rounds=1) if there.exists() else None
        shutil.rmtree(room / "utf8")
        make_delivery(room / "cp1252", lambda exports: write_companies(exports / "companies.csv", ROWS, "cp1252"))
        cp1252 = measure("land", room / "cp1252")
        shutil.rmtree(room / "cp1252")
        make_delivery(room / "sheet", write_sheet)
        sheet, beside = measure("land", room / "sheet"), measure("calamine", room / "sheet")
        if landed and scanned:
            found["landing / bare scan"] = landed[0] / scanned[0]
            found["peak RSS, GiB"] = landed[1]
        if landed and other:
            found["landing / dlt"] = landed[0] / other[0]
        if landed and reading and untyped:
            found["landing + reading / pandas untyped"] = (landed[0] + reading[0]) / untyped[0]
        if landed and cp1252:
            found["cp1252 / utf-8"] = cp1252[0] / landed[0]
        if sheet and beside:
            found["workbook / polars calamine"] = sheet[0] / beside[0]
        for what, pair in {
            "landing": landed,
            "scan": scanned,
            "cp1252": cp1252,
            "sheet": sheet,
            "pandas": untyped,
        }.items():
            print(f"  {what}: {pair[0]:.2f} s, {pair[1]:.2f} GiB" if pair else f"  {what}: -")
    finally:
        shutil.rmtree(room, ignore_errors=True)
    over = [what for what, bound in BOUNDS.items() if found.get(what, 0) > bound]
    for what, bound in BOUNDS.items():
        shown = f"{found[what]:.2f}" if what in found else "not measured"
        print(f"{what}: {shown} (bound {bound}){' OVER' if what in over else ''}")
    return 1 if over else 0


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        MEASURED[sys.argv[2]](Path(sys.argv[3]))
    else:
        sys.exit(main())
