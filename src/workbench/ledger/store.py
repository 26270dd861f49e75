"""The ledger's tables and how it is opened: SQLite in WAL with full sync, or PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError

from workbench.clock import Clock, WallClock
from workbench.errors import StoreProblem

SCHEMA_VERSION = "1"
DAMAGED = "The ledger is damaged. Put back the last copy of its folder; nothing was sent."
metadata = MetaData()
IS_DEFERRED = text("operation = 'defer'")
"""Written out in index and query alike: of a bound value SQLite cannot tell that the index covers it."""
facts = Table("facts", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))
runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("target", String),
    Column("snapshot", String),
    Column("decisions", String),
    Column("started_at", String),
    Column("finished_at", String),
)
steps = Table(
    "steps",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("run_id", String, index=True),
    Column("step", String),
    Column("state", String),
    Column("at", String),
    Column("message", Text),
)
operations = Table(
    "operations",
    metadata,
    Column("operation_id", Integer, primary_key=True),
    Column("run_id", String),
    Column("mapping", String),
    Column("source_object", String),
    Column("source_id", String),
    Column("destination", String),
    Column("action", String),
    Column("way", String),
    Column("fingerprint", String),
    Column("completed", String),
    Column("plan_id", Integer),
    Column("ordinal", Integer),
    Column("batch_id", Integer),
    Column("state", String),
    Column("destination_id", Integer),
    Column("reason", Text),
    Index("operations_by_source", "source_object", "source_id"),
    Index("operations_by_state", "state", "mapping"),
    Index("operations_by_run", "run_id", "mapping"),
    Index("operations_by_plan", "plan_id", "mapping"),
)
transitions = Table(
    "transitions",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("operation_id", Integer, index=True),
    Column("state", String),
    Column("at", Float),
    Column("reason", Text),
)
batches = Table(
    "batches",
    metadata,
    Column("batch_id", Integer, primary_key=True),
    Column("run_id", String),
    Column("mapping", String),
    Column("rows", Integer),
    Column("job_path", String),
    Column("state", String),
)
identities = Table(
    "identities",
    metadata,
    Column("source_object", String, primary_key=True),
    Column("source_id", String, primary_key=True),
    Column("mapping", String),
    Column("destination", String),
    Column("destination_id", Integer),
    Column("delivered", String),
    Column("fingerprint", String),
    Column("origin", String),
    Column("is_live", Boolean, default=True),
    Column("operation_id", Integer),
    Index("identities_by_destination", "destination", "destination_id"),
)
images = Table(
    "images",
    metadata,
    Column("image_id", Integer, primary_key=True),
    Column("operation_id", Integer, index=True),
    Column("kind", String),
    Column("sealed", LargeBinary),
)
plans = Table(
    "plans",
    metadata,
    Column("plan_id", Integer, primary_key=True),
    Column("run_id", String),
    Column("digest", String),
    Column("stamp", String),
    Column("scope", String),
    Column("counts", Text),
)
planned = Table(
    "planned",
    metadata,
    Column("plan_id", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("mapping", String),
    Column("source_object", String),
    Column("source_id", String),
    Column("operation", String),
    Column("fingerprint", String),
    Column("depth", Integer),
    Column("reason", Text),
    Index("planned_by_mapping", "plan_id", "mapping", "ordinal"),
    # Written for the few rows that wait, so that a plan of millions costs no more.
    Index("planned_deferred", "source_object", "source_id", sqlite_where=IS_DEFERRED, postgresql_where=IS_DEFERRED),
)
proofs = Table(
    "proofs",
    metadata,
    Column("destination", String, primary_key=True),
    Column("way", String, primary_key=True),
    Column("verdict", String),
    Column("at", String),
)
budget = Table(
    "budget",
    metadata,
    Column("name", String, primary_key=True),
    Column("last", Float),
    Column("hold_until", Float),
    Column("calls", Integer),
)
lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String),
    Column("fence", Integer),
    Column("expires", Float),
)
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", String),
    Column("actor", String),
    Column("act", String),
    Column("object", String),
    Column("token", String),
    Column("detail", Text),
    Column("previous", String),
    Column("hash", String),
)


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
        Path(url).parent.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{url}"
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _durable)
    ledger = Ledger(engine, key)
    try:
        with ledger.commit() as connection:  # one process makes the tables, another one that opens it then finds them
            metadata.create_all(connection)
            for index in planned.indexes:  # a ledger that an earlier version made
                index.create(connection, checkfirst=True)
            known = connection.scalar(select(facts.c.value).where(facts.c.name == "schema"))
            if known is None:
                connection.execute(insert(facts).values(name="schema", value=SCHEMA_VERSION))
    except DatabaseError:
        raise StoreProblem(DAMAGED) from None
    return ledger


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
            raise StoreProblem("Another process held the ledger for 30 s. Nothing was sent; run again.") from None
        if "malformed" in words or "not a database" in words:
            raise StoreProblem(DAMAGED) from None
        raise


def _durable(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `commit` says, not where the driver guesses
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")  # first: another process may be making the file
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()
