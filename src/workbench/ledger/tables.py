"""What the ledger holds: a table for each kind of fact a run must not lose."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

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
