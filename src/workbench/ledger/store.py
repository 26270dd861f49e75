"""The ledger and how it is opened: SQLite in WAL with full sync, or PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import DatabaseError

from workbench.clock import Clock, WallClock
from workbench.errors import StoreProblem
from workbench.ledger.tables import facts, metadata, planned
from workbench.privacy import private_folder

SCHEMA_VERSION = "1"
PATIENCE = 30
"""Seconds that one process waits for another one that writes the ledger."""
NAMES = {*metadata.tables, *(str(index.name) for table in metadata.tables.values() for index in table.indexes)}
"""Of all tables and indexes."""
DAMAGED = "The ledger is damaged. Put back the last copy of its folder; nothing was sent."


@dataclass(frozen=True)
class Ledger:
    """One open ledger, the key its images are sealed with, and the clock that moments of operations are read from.

    That is the tenant's clock while something is sent, so that they compare with what the tenant's records say.
    """

    engine: Engine
    key: bytes
    clock: Clock = field(default_factory=WallClock)

    @contextmanager
    def commit(self) -> Iterator[Connection]:
        """Yield a connection whose changes are on disk when the block ends; nobody else writes meanwhile."""
        with _named_problems(), self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # At once, not at the first write: what is read here stays true until it is written.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection to read with."""
        with _named_problems(), self.engine.connect() as connection:
            yield connection

    def bind(self, alias: str) -> None:
        """Tie the ledger to a tenant the first time, and refuse another one ever after."""
        with self.commit() as connection:
            known = connection.scalar(select(facts.c.value).where(facts.c.name == "tenant"))
            if known is None:
                connection.execute(insert(facts).values(name="tenant", value=alias))
            elif known != alias:
                raise StoreProblem(
                    f"This ledger belongs to the tenant {known}, and {alias} answers. Nothing was sent. A wiped rehearsal"
                    " starts again with: workbench rehearse --fresh. For a real tenant check base_url in migration.toml."
                )

    def require_sound(self) -> None:
        """Refuse a damaged file before anything is written."""
        if self.engine.dialect.name == "sqlite":
            with self.read() as connection:
                if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
                    raise StoreProblem(DAMAGED)

    def tenant(self) -> str | None:
        """Return the alias this ledger is tied to."""
        with self.read() as connection:
            return connection.scalar(select(facts.c.value).where(facts.c.name == "tenant"))


def open_ledger(path: Path | str, key: bytes) -> Ledger:
    """Open the ledger, making it when it is new; a damaged file is refused, never guessed."""
    url = str(path)
    if "://" not in url:
        private_folder(Path(url).parent)
        if not Path(url).exists():
            Path(url).touch(mode=0o600)  # SQLite gives its other files the same rights
        url = f"sqlite:///{url}"
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _durable)
    ledger = Ledger(engine, key)
    try:
        with ledger.commit() as connection:  # one process makes the tables, another one that opens it then finds them
            if not _is_made(connection):
                metadata.create_all(connection)
                for index in planned.indexes:  # a ledger that an earlier version made
                    index.create(connection, checkfirst=True)
            known = connection.scalar(select(facts.c.value).where(facts.c.name == "schema"))
            if known is None:
                connection.execute(insert(facts).values(name="schema", value=SCHEMA_VERSION))
    except DatabaseError:
        raise StoreProblem(DAMAGED) from None
    return ledger


def copy_ledger(path: Path, to: Path) -> None:
    """Copy a ledger as it stands at one moment into one file, with what its write-ahead log holds; others go on writing."""
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as copy:
            source.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise StoreProblem(DAMAGED)
    except sqlite3.Error as problem:
        if "full" in str(problem) or "disk i/o" in str(problem).lower():
            raise StoreProblem("The disk is full: the ledger could not be copied. Nothing was changed.") from None
        raise StoreProblem(DAMAGED) from None


def _is_made(connection: Connection) -> bool:
    """Say whether a SQLite file has every table and index; to ask for each by itself takes as long as a whole request."""
    if connection.dialect.name != "sqlite":
        return False
    return set(connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars()) >= NAMES


@contextmanager
def _named_problems() -> Iterator[None]:
    """Say in one sentence what SQLite says about a full disk, a lock or a damaged file."""
    try:
        yield
    except DatabaseError as problem:
        words = str(problem.orig).lower()
        if "full" in words or "disk i/o" in words:
            raise StoreProblem(
                "The disk that holds the ledger is full. Nothing more was sent; make room and run again, nothing else is needed."
            ) from None
        if "locked" in words:
            raise StoreProblem(
                f"Another process held the ledger for {PATIENCE} s. Nothing was sent; run again."
            ) from None
        if "malformed" in words or "not a database" in words:
            raise StoreProblem(DAMAGED) from None
        raise


def _durable(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `commit` says, not where the driver guesses
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")  # first: another process may be making the file
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch the file to WAL. Where several switch a new file at once, SQLite refuses all but one without waiting."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
