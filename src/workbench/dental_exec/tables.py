"""Land the files of one object as one table of text, union by header, with every record accounted for."""

from __future__ import annotations

import glob

import duckdb

from workbench.dental_exec.contract import ExportObject, read_contract
from workbench.dental_exec.inventory import DataFile
from workbench.dental_exec.records import line_ranges
from workbench.errors import ExportProblem
from workbench.warehouse import Warehouse

SHORTEST_LIMIT = 2 * 1024 * 1024
OURS = ("source_file", "source_row")


def make_books(warehouse: Warehouse) -> None:
    """Make the tables that say what was landed, empty."""
    warehouse.run(
        "CREATE OR REPLACE TABLE raw.files (file VARCHAR, object VARCHAR, rows_counted BIGINT, rows_landed BIGINT,"
        " rows_rejected BIGINT, bytes BIGINT, sha256 VARCHAR)"
    )
    warehouse.run(
        "CREATE OR REPLACE TABLE raw.rejected (file VARCHAR, object VARCHAR, first_line BIGINT, last_line BIGINT,"
        " reason VARCHAR, source_row BIGINT)"
    )


def land_object(warehouse: Warehouse, said: ExportObject, files: list[DataFile]) -> None:
    """Replace raw.<object> by the records of its files; what cannot land is listed in raw.rejected with its lines."""
    contract = read_contract()
    found = dict.fromkeys(column for file in files for column in file.columns if not contract.is_refused(column))
    columns = [*said.columns, *(column for column in found if column not in said.columns)]
    table = f"raw.{said.name}"
    typed = ", ".join(f'"{column}" VARCHAR' for column in columns)
    warehouse.run(f"CREATE OR REPLACE TABLE {table} ({typed}, source_file VARCHAR, source_row BIGINT)")
    for file in files:
        _land_file(warehouse, table, file, [column for column in file.columns if column in found])
    _set_doubles_aside(warehouse, said, columns)
    _find_lines(warehouse, files)
    for file in files:
        warehouse.run(
            "INSERT INTO raw.files SELECT $file, $object, $counted,"
            f" (SELECT count(*) FROM {table} WHERE source_file = $file),"
            " (SELECT count(*) FROM raw.rejected WHERE file = $file), $bytes, $sha256",
            {
                "file": file.path.name,
                "object": said.name,
                "counted": file.records.counted,
                "bytes": file.facts.size,
                "sha256": file.facts.sha256,
            },
        )


def _land_file(warehouse: Warehouse, table: str, file: DataFile, kept: list[str]) -> None:
    for ragged in file.records.ragged:
        warehouse.run(
            "INSERT INTO raw.rejected VALUES (?, ?, ?, ?, ?, ?)",
            [file.path.name, file.object, ragged.first_line, ragged.last_line, ragged.reason, ragged.record],
        )
    # A landed row's number skips the ragged records before it: the n-th landed row is record n + those passed.
    passed = [ragged.record - index for index, ragged in enumerate(file.records.ragged)]
    names = ", ".join(f'"{column}"' for column in kept)
    try:
        warehouse.run(
            f"INSERT INTO {table} ({names}, source_file, source_row)"
            f" SELECT {names}, $file, n + list_count(list_filter($passed::BIGINT[], lambda p: p <= n))"
            " FROM (SELECT *, row_number() OVER () AS n FROM read_csv($path, columns = $columns, header = true,"
            """ delim = ',', quote = '"', escape = '"', auto_detect = false, strict_mode = true, nullstr = '',"""
            " store_rejects = true, max_line_size = $limit))",
            {
                "file": file.path.name,
                "passed": passed,
                "path": glob.escape(str(file.path)),
                "columns": dict.fromkeys(file.columns, "VARCHAR"),
                "limit": max(SHORTEST_LIMIT, 4 * file.records.longest),
            },
        )
    except duckdb.InvalidInputException:
        raise ExportProblem(
            f"{file.path.name} cannot be read as comma-separated text from end to end (mixed line ends?)."
            " Export the file again."
        ) from None


def _set_doubles_aside(warehouse: Warehouse, said: ExportObject, columns: list[str]) -> None:
    """Keep one of several equal records; reject all records of a key that hold different content, or no key."""
    if not said.key:
        return
    table, key = f"raw.{said.name}", ", ".join(f'"{column}"' for column in said.key)
    blank = " OR ".join(f'"{column}" IS NULL' for column in said.key)
    content = ", ".join(f'"{column}"' for column in columns)
    warehouse.run("CREATE OR REPLACE TEMP TABLE aside (place BIGINT, reason VARCHAR)")
    warehouse.run(f"INSERT INTO aside SELECT rowid, 'it has no key' FROM {table} WHERE {blank}")
    warehouse.run(
        f"INSERT INTO aside SELECT place, CASE WHEN least_content = greatest_content"
        " THEN 'the same record again: kept once' ELSE 'its key names several different records' END"
        " FROM (SELECT place, min(content) OVER one AS least_content, max(content) OVER one AS greatest_content,"
        f" row_number() OVER (PARTITION BY {key} ORDER BY source_file, source_row) AS turn"
        f" FROM (SELECT rowid AS place, {key}, source_file, source_row, to_json([{content}])::VARCHAR AS content"
        f" FROM {table} JOIN (SELECT {key} FROM {table} GROUP BY ALL HAVING count(*) > 1) USING ({key}))"
        f" WINDOW one AS (PARTITION BY {key})) WHERE turn > 1 OR least_content <> greatest_content"
    )
    warehouse.run(
        f"INSERT INTO raw.rejected SELECT source_file, '{said.name}', NULL, NULL, reason, source_row"
        f" FROM {table} t JOIN aside ON place = t.rowid ORDER BY 1, 6"
    )
    warehouse.run(f"DELETE FROM {table} WHERE rowid IN (SELECT place FROM aside)")
    warehouse.run("DROP TABLE aside")


def _find_lines(warehouse: Warehouse, files: list[DataFile]) -> None:
    for file in files:
        wanted = {
            row[0]
            for row in warehouse.run(
                "SELECT source_row FROM raw.rejected WHERE file = ? AND first_line IS NULL", [file.path.name]
            )
        }
        if not wanted:
            continue
        for record, (first, last) in line_ranges(file.path, wanted).items():
            warehouse.run(
                "UPDATE raw.rejected SET first_line = ?, last_line = ? WHERE file = ? AND source_row = ?",
                [first, last, file.path.name, record],
            )
