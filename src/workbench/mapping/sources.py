"""Reviewed SELECTs: one file an object over raw.* and profile.*, keyed, and unable to write or to reach out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from workbench.errors import MappingProblem
from workbench.warehouse import Warehouse, identifier

HEAD = re.compile(r"^--\s*(object|key):\s*(\w+)\s*$", re.MULTILINE)
ASKS = re.compile(r"^--\s*asks:\s*(\w+)\s+of\s+(\w+)\s*$", re.MULTILINE)
BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
ENDING = re.compile(r"\s*;\s*(?:--[^\n]*\s*)*$")
OURS = re.compile(r"^(?!\s*--).*?\b(destination|staged|checked|reconciled)\.\w", re.MULTILINE)
SPEAKS_OF_SQL = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException, duckdb.PermissionException)
"""What DuckDB says of these is about names; other messages may quote a value of the export."""


@dataclass(frozen=True)
class Source:
    """One source object: its name, the column that names a row, and the SELECT that yields it.

    `asks` names value maps that the SELECT itself joins as `map_<name>`, each with the column that holds its spelling.
    """

    name: str
    key: str
    sql: str
    asks: tuple[tuple[str, str], ...] = ()

    @property
    def table(self) -> str:
        """Where staging keeps the rows that the SELECT yields."""
        return f"staged.source_{self.name}"


def read_source(path: Path) -> tuple[Source | None, list[str]]:
    """Read one SQL file; its first lines say `-- object: contacts` and `-- key: contact_id`."""
    try:
        sql = path.read_text("utf-8")
    except UnicodeDecodeError:
        return None, ["is not UTF-8; save it as UTF-8"]
    head = dict(HEAD.findall(sql))
    problems = [f"the line '-- {word}: …' is missing" for word in ("object", "key") if word not in head]
    if head.get("object", path.stem) != path.stem:
        problems.append(f"is named {path.stem} and says object: {head['object']}")
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as problem:
        return None, [*problems, f"cannot be parsed: {reason_of(problem)}"]
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        problems.append("has to hold exactly one SELECT and nothing else")
    problems += [
        f"reads {schema}.*; a source reads raw.* and profile.* alone" for schema in sorted(set(OURS.findall(sql)))
    ]
    if problems:
        return None, problems
    return Source(path.stem, head["key"], ENDING.sub("", statements[0].query), tuple(ASKS.findall(sql))), []


def read_selected(warehouse: Warehouse, source: Source, table: str, *, temporary: bool = False) -> None:
    """Run one SELECT into a table; its key becomes text without blanks at its ends, as lookups are."""
    kind = "TEMP TABLE" if temporary else "TABLE"
    _try(
        warehouse,
        f"mappings/sources/{source.name}.sql",
        f"CREATE OR REPLACE {kind} {table} AS {_keyed(source)}",
    )


def columns_of(warehouse: Warehouse, select: str) -> set[str]:
    """Return the columns that a SELECT yields, without running it."""
    return {str(row[0]) for row in warehouse.run(f"DESCRIBE {select}")}


def read_claimed(warehouse: Warehouse, source: Source, claims: Mapping[str, str]) -> None:
    """Run one SELECT into its table, with `claimed_by`: the mapping whose `where` claims the row; and how many do.

    One pass judges every `where` once. Only where it fails each is tried alone, to name the file that is at fault.
    """
    judged = {name: f"coalesce((\n{where}\n), false)" for name, where in claims.items()}
    whens = " ".join(f"WHEN {one} THEN '{name}'" for name, one in judged.items())
    count = " + ".join(f"({one})::INTEGER" for one in judged.values())
    try:
        warehouse.run(
            f"CREATE OR REPLACE TABLE {source.table} AS SELECT *, CASE {whens} END AS claimed_by, {count} AS claims"
            f" FROM ({_keyed(source)})"
        )
    except duckdb.Error:
        read_selected(warehouse, source, source.table)
        for name, one in judged.items():
            where = f"mappings/objects/{name}.toml: [source] where"
            _try(warehouse, where, f"SELECT count(*) FILTER (WHERE {one}) FROM {source.table}")
        raise


def claimed_rows(source: Source, mapping: str) -> str:
    """Return the table expression of the rows that a mapping claims."""
    return f"(SELECT * FROM {source.table} WHERE claimed_by = '{mapping}')"


def _keyed(source: Source) -> str:
    key = identifier(source.key)
    bare = f"nullif(trim({key}::VARCHAR, {BLANKS}), '') AS {key}"
    return f"SELECT * REPLACE ({bare}) FROM (\n{source.sql}\n)"


def _try(warehouse: Warehouse, where: str, sql: str) -> None:
    try:
        warehouse.run(sql)
    except duckdb.Error as problem:
        raise MappingProblem(f"{where}: DuckDB cannot evaluate it: {reason_of(problem)}") from None


def reason_of(problem: duckdb.Error) -> str:
    """Return why SQL of a decision file failed, in one line and without any value of the export."""
    first = str(problem).splitlines()[0]
    return first if isinstance(problem, SPEAKS_OF_SQL) else first.partition(":")[0]
