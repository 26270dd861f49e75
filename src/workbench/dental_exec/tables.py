"""Land the files of one object as one table of text, union by header, with every record accounted for."""

from __future__ import annotations

import csv
import glob
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from workbench.dental_exec.contract import ExportObject, bare_key, id_sql, judge_keys, quoted, read_contract
from workbench.dental_exec.dialects import Shape, measure, read_trailer
from workbench.dental_exec.encodings import find_odd_text
from workbench.dental_exec.inventory import DataFile, EngineStumbled, prepare_careful
from workbench.dental_exec.records import Below
from workbench.errors import CountMismatch
from workbench.warehouse import Warehouse

INCOMING = "raw.incoming"
BUFFER = LARGE = 32 * 1024 * 1024
"""From so many bytes on, a file lands while it is still counted: on one that proves unsound the engine then worked in vain."""


@dataclass
class Told:
    """What landing found out beside the records: findings, counts that do not agree, and whether text may be odd."""

    findings: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    is_odd: bool = False


@dataclass(frozen=True)
class _Target:
    """Where records of one object land: the table, a folder for what is read again, and what was found out."""

    warehouse: Warehouse
    table: str
    said: ExportObject
    room: Path
    told: Told


def land_object(
    warehouse: Warehouse, said: ExportObject, groups: Sequence[tuple[str, list[DataFile]]], room: Path
) -> Told:
    """Make raw.<object> of the files of a full delivery and of the partial ones after it, each under its prefix.

    A later record replaces the one of its key; what cannot land is listed in raw.rejected with its lines.
    """
    contract, told = read_contract(), Told()
    files = [file for _, group in groups for file in group]
    found = dict.fromkeys(column for file in files for column in file.columns if not contract.is_refused(column))
    columns = [*said.columns, *(column for column in found if column not in said.columns)]
    table = f"raw.{said.name}"
    for number, (prefix, group) in enumerate(groups):
        to = _Target(warehouse, table if number == 0 else INCOMING, said, room, told)
        _make_table(to, columns)
        landed = [(_land_file(to, file, prefix + file.source.name), prefix + file.source.name) for file in group]
        warehouse.run(f"ALTER TABLE {to.table} ADD COLUMN IF NOT EXISTS source_row BIGINT")
        if group:
            told.findings += judge_keys(warehouse, to.table, said, columns)
        for file, name in landed:
            _find_lines(to, file, name)
        if number:
            _upsert(warehouse, said, columns)
    for column in found:
        warehouse.run("INSERT INTO raw.delivered_columns VALUES (?, ?)", [said.name, column])
    _drop_spare(warehouse, table, files, told)
    if told.is_odd:
        told.findings += find_odd_text(warehouse, said.name, id_sql(said) if said.key else "source_row::VARCHAR")
    return told


def _make_table(to: _Target, columns: list[str]) -> None:
    typed = ", ".join(f'"{column}" VARCHAR' for column in columns)
    to.warehouse.run(f"CREATE OR REPLACE TABLE {to.table} ({typed}, source_file VARCHAR)")


def _land_file(to: _Target, file: DataFile, name: str) -> DataFile:
    """Land a file by the engine where its bytes prove it sound, else record by record; return it as it was read."""
    below, reader = Below(), "fast"
    shape = _land_fast(to, file, name) if file.may_be_sound else None
    if shape is None:
        reader, file = "careful", prepare_careful(file, to.said)
        counted, below = _land_careful(to, file, name)
    else:
        counted = shape.records
    to.told.is_odd |= shape is None or shape.is_odd
    skip = file.dialect.skip
    to.warehouse.run(
        "INSERT INTO raw.files VALUES (?, ?, ?, NULL, NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(name, to.said.name, counted, file.facts.size, file.facts.sha256, file.facts.told),
            *(file.dialect.delimiter, skip + 1, skip, below.lines_below, reader),
        ],
    )
    if file.dialect.backslash:
        to.told.findings.append(f"{name} writes a quote inside a value as a backslash and a quote; it is read so.")
    for line, count in below.trailers:
        to.told.findings.append(f"{name}: line {line} is a totals or trailer line; it is no record.")
        if count not in (None, counted):
            to.told.wrong.append(f"{name}: its last line says {count} records, {counted} were counted")
    for line in below.headers:
        to.told.findings.append(f"{name}: the header stands again at line {line}; it is skipped.")
    if below.blank_rows:
        to.told.findings.append(f"{name}: {below.blank_rows} rows without any value are no records.")
    if below.page_breaks:
        to.told.findings.append(f"{name}: {below.page_breaks} page breaks (form feeds) stand before records; left out.")
    return file


def _land_fast(to: _Target, file: DataFile, name: str) -> Shape | None:
    """Land a file by the engine while its bytes are counted beside; nothing stays unless both find the same records."""
    columns, kept = [f"c{place}" for place in range(len(file.columns))], file.kept()
    sql = (
        f"INSERT INTO {to.table} ({quoted(kept)}, source_file)"
        f" SELECT {', '.join(f'c{place}' for place in kept.values())}, $file"
        " FROM read_csv($path, columns = $columns, header = true, delim = $delimiter, skip = $skip, quote = '\"',"
        " escape = '\"', auto_detect = false, strict_mode = true, nullstr = '', ignore_errors = true, buffer_size = $buffer)"
    )
    values = {
        "path": glob.escape(str(file.text)),
        "columns": dict.fromkeys(columns, "VARCHAR"),
        "delimiter": file.dialect.delimiter,
        "skip": file.dialect.skip,
        "buffer": BUFFER if file.facts.size < LARGE else 3 * BUFFER,  # each is a batch, and small ones are merged again
    }
    with ThreadPoolExecutor(1) as beside:
        counting = beside.submit(measure, file.text, file.dialect)
        if file.facts.size < LARGE and counting.result() is None:
            return None
        try:
            [(landed,)] = to.warehouse.run(sql, {"file": name, **values})
        except duckdb.InvalidInputException:
            raise EngineStumbled(file.source.path) from None
    shape = counting.result()
    if shape is not None and landed == shape.records:
        _number_rows(to, name)
        if not _has_strays(to, file, name, shape.records):
            return shape
    to.warehouse.run(f"DELETE FROM {to.table} WHERE source_file = ?", [name])
    return None


def _number_rows(to: _Target, name: str) -> None:
    """Number the rows of a file, which lie in its order without gaps; a window would take as long as landing them."""
    run, table = to.warehouse.run, to.table
    if "source_row" in to.warehouse.columns(table):
        first = f"(SELECT min(rowid) FROM {table} WHERE source_file = $1)"
        run(f"UPDATE {table} SET source_row = rowid + 1 - {first} WHERE source_file = $1", [name])
        return
    run("CREATE SEQUENCE raw.place")
    run(f"ALTER TABLE {table} ADD COLUMN source_row BIGINT DEFAULT nextval('raw.place')")
    run(f"ALTER TABLE {table} ALTER COLUMN source_row DROP DEFAULT")
    run("DROP SEQUENCE raw.place")


def _has_strays(to: _Target, file: DataFile, name: str, records: int) -> bool:
    """Say whether rows without a value, a repeated header or a trailer are among what landed."""
    kept = file.kept()
    first = next(iter(to.said.key), next(iter(kept)))
    written = file.dialect.header[kept[first]]
    empty = " AND ".join(f'"{column}" IS NULL' for column in kept)
    looks = f'("{first}" IS NULL AND {empty}) OR "{first}" IN ($plain, $written)'
    if to.warehouse.run(
        f"SELECT 1 FROM {to.table} WHERE source_file = $file AND ({looks}) LIMIT 1",
        {"file": name, "plain": first, "written": written},
    ):
        return True
    last = to.warehouse.run(
        f"SELECT {quoted(kept)} FROM {to.table} WHERE source_file = $file"
        f" AND source_row = (SELECT max(source_row) FROM {to.table} WHERE source_file = $file)",
        {"file": name},
    )
    cells = [value or "" for value in last[0]] if last else []
    key = "".join(cells[list(kept).index(column)] for column in to.said.key if column in kept).strip() if cells else ""
    return bool(cells and read_trailer(cells, key, records - 1))


def _land_careful(to: _Target, file: DataFile, name: str) -> tuple[int, Below]:
    """Land a file record by record; the engine reads again what was found good, and both must count the same."""
    reader, good = file.read_carefully(to.said.key), 0
    clean = to.room / "clean.csv"
    names = ["n", *(f"c{place}" for place in range(len(file.columns)))]
    rejected: list[list[Any]] = []
    with clean.open("w", encoding="utf-8", newline="") as made:
        writer = csv.writer(made)  # its CRLF has a lone CR quoted too; the engine takes its line end from the header
        writer.writerow(names)
        for record in reader:
            if record.reason is None:
                writer.writerow([record.number, *(record.cells or ())])
                good += 1
                continue
            cells = record.cells or []
            places = [file.columns.index(column) for column in to.said.key]
            known = [bare_key(cells[place]) for place in places if place < len(cells)]
            key = ".".join(known) if len(known) == len(places) and all(known) else None
            rejected.append([name, to.said.name, record.first, record.last, record.reason, record.number, key])
    if rejected:
        to.warehouse.connection.executemany("INSERT INTO raw.rejected VALUES (?, ?, ?, ?, ?, ?, ?)", rejected)
    kept = file.kept()
    to.warehouse.run(f"ALTER TABLE {to.table} ADD COLUMN IF NOT EXISTS source_row BIGINT")
    [(landed,)] = to.warehouse.run(
        f"INSERT INTO {to.table} ({quoted(kept)}, source_file, source_row)"
        f" SELECT {', '.join(f'c{place}' for place in kept.values())}, $file, n::BIGINT"
        " FROM read_csv($path, columns = $columns, header = true, delim = ',', quote = '\"', escape = '\"',"
        " auto_detect = false, strict_mode = true, nullstr = '', max_line_size = 67108864)",
        {"file": name, "path": glob.escape(str(clean)), "columns": dict.fromkeys(names, "VARCHAR")},
    )
    clean.unlink()
    if landed != good:
        raise CountMismatch(f"{name}: {good} good records were read, {landed} landed. Nothing was changed.")
    return reader.counted, reader.below


def _find_lines(to: _Target, file: DataFile, name: str) -> None:
    query = "SELECT source_row FROM raw.rejected WHERE file = ? AND first_line IS NULL"
    wanted = {row[0] for row in to.warehouse.run(query, [name])}
    if wanted:
        records = file.read_carefully(to.said.key)
        lines = [[one.first, one.last, name, one.number] for one in records if one.number in wanted]
        to.warehouse.connection.executemany(
            "UPDATE raw.rejected SET first_line = ?, last_line = ? WHERE file = ? AND source_row = ?", lines
        )
    to.warehouse.run(
        f"UPDATE raw.files SET rows_landed = (SELECT count(*) FROM {to.table} WHERE source_file = $file),"
        " rows_rejected = (SELECT count(*) FROM raw.rejected r WHERE r.file = $file) WHERE files.file = $file",
        {"file": name},
    )


def _upsert(warehouse: Warehouse, said: ExportObject, columns: list[str]) -> None:
    """Let each incoming record replace the one of its key; what has no key is added unless it is there already."""
    table, names = f"raw.{said.name}", quoted([*columns, "source_file", "source_row"])
    if said.key:
        warehouse.run(f"DELETE FROM {table} WHERE {id_sql(said)} IN (SELECT {id_sql(said)} FROM {INCOMING})")
        warehouse.run(f"INSERT INTO {table} ({names}) SELECT {names} FROM {INCOMING}")
    else:
        content = f"to_json([{quoted(columns)}])::VARCHAR"
        warehouse.run(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {INCOMING}"
            f" WHERE {content} NOT IN (SELECT {content} FROM {table})"
        )
    warehouse.run(f"DROP TABLE {INCOMING}")


def _drop_spare(warehouse: Warehouse, table: str, files: list[DataFile], told: Told) -> None:
    """Drop columns without a name and without a value: what a delimiter at the end of each line makes."""
    spare = {column for file in files for column in file.columns[len(file.columns) - file.dialect.spare :]}
    for column in sorted(spare):
        [(filled,)] = warehouse.run(f'SELECT count("{column}") FROM {table}')
        if filled:
            told.findings.append(
                f"{table.removeprefix('raw.')}: a column without a name holds {filled} values: {column}."
            )
        else:
            warehouse.run(f'ALTER TABLE {table} DROP COLUMN "{column}"')
            warehouse.run("DELETE FROM raw.delivered_columns WHERE column_name = ?", [column])
