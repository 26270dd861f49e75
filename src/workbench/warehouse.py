"""The rebuildable DuckDB warehouse: opened briefly, locked down, its lock error in one sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from workbench.errors import StoreProblem
from workbench.privacy import keep_private, private_folder

SCHEMAS = ("raw", "profile", "destination", "staged", "checked", "reconciled")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


MOST_THREADS = 2
"""More take more memory than they save time: 2 M rows are to fit into 2 GiB."""


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Warehouse:
    """One open connection; every answer is fetched whole, since DuckDB 2.0 keeps no result between calls."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def run(self, sql: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self.connection.execute(sql, values).fetchall()

    def frame(self, sql: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Run one query and return a Polars frame."""
        table = self.connection.sql(sql, params=values).to_arrow_table()
        made = pl.from_arrow(table)
        assert isinstance(made, pl.DataFrame)
        return made

    def frames(self, sql: str, rows: int = 50_000, *, with_temporary: bool = False) -> Iterator[pl.DataFrame]:
        """Stream a query as frames of at most `rows` rows.

        It streams beside this connection, so that writes may go on; `with_temporary` streams on it, which shows its
        temporary tables, and then nothing else may run meanwhile.
        """
        connection = self.connection if with_temporary else self.connection.cursor()
        for batch in connection.sql(sql).to_arrow_reader(rows):
            made = pl.from_arrow(batch)
            assert isinstance(made, pl.DataFrame)
            yield made

    def write(
        self, table: str, frame: pl.DataFrame, *, append: bool = False, made: Mapping[str, str] | None = None
    ) -> None:
        """Replace a table by a frame, or append the frame to it by column name; `made` adds columns, each by its SQL."""
        columns = ", ".join(["*", *(f"{sql} AS {identifier(name)}" for name, sql in (made or {}).items())])
        self.connection.register("incoming_frame", frame.to_arrow())
        try:
            if append and self.has(table):
                self.connection.execute(f"INSERT INTO {table} BY NAME SELECT {columns} FROM incoming_frame").fetchall()
            else:
                self.connection.execute(
                    f"CREATE OR REPLACE TABLE {table} AS SELECT {columns} FROM incoming_frame"
                ).fetchall()
        finally:
            self.connection.unregister("incoming_frame")

    def drop(self, name: str) -> None:
        """Drop a table or a view `schema.name`, where there is one."""
        schema, _, table = name.partition(".")
        for (kind,) in self.run(
            "SELECT table_type FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
            [schema, table],
        ):
            self.run(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {name}")

    def has(self, table: str) -> bool:
        """Say whether a table or view `schema.name` exists."""
        schema, _, name = table.partition(".")
        # One after the other: each lists the whole catalog, and most of what is asked for is a table.
        return any(
            self.run(
                f"SELECT 1 FROM duckdb_{kind}s() WHERE schema_name = $schema AND {kind}_name = $name",
                {"schema": schema, "name": name},
            )
            for kind in ("table", "view")
        )

    def columns(self, table: str) -> list[str]:
        """Return the column names of a table in order."""
        try:
            return [str(row[0]) for row in self.run(f"DESCRIBE {table}")]
        except duckdb.CatalogException:
            return []

    def tables(self, schema: str) -> list[str]:
        """Return the table names of a schema, sorted."""
        return [
            row[0]
            for row in self.run(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1", [schema]
            )
        ]


@contextmanager
def open_warehouse(
    path: Path, *, write: bool = False, locked_down: bool = False, megabytes: int = 1200
) -> Iterator[Warehouse]:
    """Open the warehouse for one short piece of work and close it again.

    `megabytes` is the memory that DuckDB may take; what does not fit spills. `write` makes the file when it is missing.
    `locked_down` is for reviewed SQL files: no file or network access.
    """
    if not write and not path.exists():
        raise StoreProblem(
            "There is no warehouse yet. Run notebooks/10_take_snapshot.ipynb, or: workbench run --to snapshot"
        )
    private_folder(path.parent)
    is_new = not path.exists()
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_persistent_secrets": "false",
        "temp_directory": str(path.parent / "spill"),
        "threads": str(min(MOST_THREADS, processors())),
    }
    try:
        connection = duckdb.connect(str(path), read_only=not write, config=config)
    except duckdb.IOException as problem:
        if "lock" in str(problem).lower():
            raise StoreProblem(
                "Another process holds the warehouse. Close the notebook that is writing, or shut down its kernel"
                " (JupyterLab: Running Terminals and Kernels), then run this again."
            ) from None
        raise StoreProblem(
            f"The warehouse {path.name} cannot be read. It can be rebuilt: delete it and run from the step snapshot."
        ) from None
    try:
        # Not in the configuration, which must be one for all who open a file in one process; the default would be four
        # fifths of the machine.
        # Long work tells its own progress.
        connection.execute(
            f"SET memory_limit = '{megabytes}MB'; SET TimeZone = 'UTC'; SET enable_progress_bar = false"
        ).fetchall()
        if is_new:
            keep_private(path)
        if write:
            for schema in SCHEMAS:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}").fetchall()
        if locked_down:
            connection.execute("SET enable_external_access = false").fetchall()
            connection.execute("SET lock_configuration = true").fetchall()
        yield Warehouse(connection)
    finally:
        connection.close()


def identifier(name: str) -> str:
    """Return a name quoted for SQL, refusing anything that is no plain identifier."""
    if not IDENTIFIER.fullmatch(name):
        raise StoreProblem(f"{name!r} cannot be a table or column name: use letters, digits and underscores.")
    return f'"{name}"'


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
