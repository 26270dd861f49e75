"""All that the tenant remembers: one SQLite file that survives a kill between any two calls."""

from __future__ import annotations

import secrets
import sqlite3
import time
import tomllib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

Json = Any  # a value as JSON has it
Record = dict[str, Any]
TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, entity TEXT, is_deleted INTEGER DEFAULT 0,
    updated REAL, listed_at REAL, found_at REAL, status INTEGER, ends_at REAL, body TEXT);
CREATE INDEX IF NOT EXISTS records_by_entity ON records (entity, is_deleted, id, listed_at, status, ends_at);
CREATE INDEX IF NOT EXISTS records_by_time ON records (entity, is_deleted, updated, id);
CREATE TABLE IF NOT EXISTS keys (entity TEXT, field TEXT, value TEXT, id INTEGER, found_at REAL,
    PRIMARY KEY (entity, field, value, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys_by_id ON keys (id);
CREATE TABLE IF NOT EXISTS targets (type TEXT, target INTEGER, entity TEXT, id INTEGER,
    PRIMARY KEY (type, target, entity, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS targets_by_id ON targets (id);
CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, kind TEXT, made_at REAL, due_at REAL, done_at REAL,
    request TEXT, result TEXT);
CREATE TABLE IF NOT EXISTS window (at REAL);
CREATE TABLE IF NOT EXISTS calls (template TEXT PRIMARY KEY, answered INTEGER, refused INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (kind TEXT, at REAL, entry TEXT);
"""
LARGEST = 2**63 - 1  # what SQLite counts to
ID_BLOCK = 1000
FARTHEST = 20 * 366 * 86400.0  # a time told from farther away is a mistake, and there would be no way back


@cache
def readings() -> Record:
    """Return the switches, plans and automations that the tenant knows."""
    return tomllib.loads((Path(__file__).parent / "switches.toml").read_text(encoding="utf-8"))


def filtered_by(body: Record) -> tuple[int | None, float | None]:
    """Return what lists filter by: a task's status or a deal's stage, and when a task or appointment is over."""
    ends = body.get("end_date") or body.get("due_date")
    return body.get("status", body.get("deal_stage_id")), datetime.fromisoformat(ends).timestamp() if ends else None


class State:
    """The tenant's records, schema, switches, clock and windows."""

    def __init__(self, folder: Path, *, edition: str = "suite", plan: str = "enterprise", users: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(folder / "tenant.sqlite", isolation_level=None, check_same_thread=False)
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + TABLES)
        if self.read_meta("alias") is None:
            self._found(edition, plan, users)
        self.alias: str = self.read_meta("alias")
        self.edition: str = self.read_meta("edition")
        self.plan: str = self.read_meta("plan")
        self.zone = ZoneInfo(self.read_meta("time_zone"))
        given = {name: one["default"] for name, one in readings()["switches"].items()}
        self.switches: Record = given | self.read_meta("switches")
        self.schema: Record = self.read_meta("schema")
        self.reset_is_epoch = bool(self.read_meta("reset_is_epoch"))
        self.has_faults = bool(self.read_meta("faults"))
        self.moment, self.offset, self.told = self.read_meta("clock")
        self.pinned: float | None = None  # a job that was due earlier runs at its own second
        self._next_id = self._last_id = 0
        self.db.execute("DELETE FROM window WHERE at <= ?", (self.moment - 3600,))
        self.recent: deque[float] = deque(row[0] for row in self.db.execute("SELECT at FROM window ORDER BY at"))
        self.next_job = 0.0  # when the next job is due; looked up at the first call

    def _found(self, edition: str, plan: str, users: int) -> None:
        """Mint the tenant: alias, first id, the plan, and what its vendor left open, drawn once."""
        started = time.time()
        facts = {
            "alias": f"rehearsal-{secrets.token_hex(4)}",
            "edition": edition,
            "plan": plan,
            "seats": users,
            "time_zone": "America/New_York",
            "next_id": 402_000_000_000 + secrets.randbelow(90_000) * 1_000_000,
            "reset_is_epoch": secrets.randbelow(2) == 1,
            "switches": {},
            "schema": {},
            "faults": [],
            "clock": [started, 0.0, False],
        }
        self.begin()
        for name, value in facts.items():
            self.write_meta(name, value)
        self.commit()

    # -- facts about the tenant
    def read_meta(self, name: str) -> Json:
        """Return one fact about the tenant, or None."""
        row = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def write_meta(self, name: str, value: Json) -> None:
        """Keep one fact about the tenant."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, orjson.dumps(value).decode()))

    def save_schema(self) -> None:
        """Keep the schema as it is now."""
        self.write_meta("schema", self.schema)

    # -- transactions
    def begin(self) -> None:
        """Open the transaction of one call."""
        self.db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make the call's effect durable against a kill of the process."""
        self.db.execute("COMMIT")

    def rollback(self) -> None:
        """Forget the call's effect, and the block of ids that it may have reserved."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")
        self.schema = self.read_meta("schema")  # what the call may have changed in it is forgotten too
        self._next_id = self._last_id = 0

    # -- the clock
    def now(self) -> float:
        """Return the tenant's time: the greatest told, or the wall's if nobody ever told one."""
        if self.pinned is not None:
            return self.pinned
        if not self.told:
            self.moment = max(self.moment, time.time() + self.offset)
        return float(self.moment)

    def hear(self, moment: float, *, told: bool = True) -> None:
        """Move the clock to a moment, never back; `told` stops it from following the wall."""
        now = self.now()
        if not now - FARTHEST < moment < now + FARTHEST:
            return
        self.told = self.told or told
        if moment > now:
            self.offset += moment - now
            self.moment = moment

    def stamp(self, moment: float | None = None) -> str:
        """Write a moment, else now, in the tenant's offset."""
        moment = self.now() if moment is None else moment
        return datetime.fromtimestamp(moment, UTC).astimezone(self.zone).isoformat(timespec="seconds")

    def today(self) -> str:
        """Return the tenant's date."""
        return self.stamp()[:10]

    # -- ids
    def new_id(self) -> int:
        """Return an id never given before; ids are reserved by blocks so that a kill repeats none."""
        if self._next_id == self._last_id:
            self._next_id = self.read_meta("next_id")
            self._last_id = self._next_id + ID_BLOCK
            self.write_meta("next_id", self._last_id)
        self._next_id += 1
        return self._next_id

    # -- records
    def insert(self, entity: str, body: Record, *, lag: float = 0.0) -> None:
        """Store a new record; views show it after `lag`, the index some seconds later."""
        now = self.now()
        found = now + (lag or self.switches["index_seconds"])
        self.db.execute(
            "INSERT INTO records VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)",
            (body["id"], entity, now, now + lag, found, *filtered_by(body), orjson.dumps(body).decode()),
        )

    def update(self, body: Record) -> None:
        """Store a record's new body."""
        self.db.execute(
            "UPDATE records SET status = ?, ends_at = ?, body = ?, updated = ? WHERE id = ?",
            (*filtered_by(body), orjson.dumps(body).decode(), self.now(), body["id"]),
        )

    def read(self, entity: str, record_id: int, *, deleted: bool = False) -> Record | None:
        """Return a record by its id, at once: direct reads do not lag."""
        if record_id > LARGEST:
            return None
        row = self.db.execute(
            "SELECT body FROM records WHERE id = ? AND entity = ? AND is_deleted = ?", (record_id, entity, deleted)
        ).fetchone()
        return None if row is None else orjson.loads(row[0])

    def set_deleted(self, record_id: int, *, deleted: bool) -> None:
        """Move a record to the bin or back."""
        self.db.execute("UPDATE records SET is_deleted = ?, updated = ? WHERE id = ?", (deleted, self.now(), record_id))

    def purge(self, record_id: int) -> None:
        """Remove a record for good, with its keys and links."""
        self.db.execute("DELETE FROM records WHERE id = ?", (record_id,))
        self.db.execute("DELETE FROM keys WHERE id = ?", (record_id,))
        self.db.execute("DELETE FROM targets WHERE id = ?", (record_id,))

    def each(self, sql: str, values: Sequence[Json] | Record = ()) -> Iterator[Record]:
        """Yield the bodies that a query's first column holds."""
        for row in self.db.execute(sql, values):
            yield orjson.loads(row[0])

    # -- keys: values by which records are found and kept unique
    def set_keys(self, entity: str, record_id: int, keys: set[tuple[str, str]]) -> None:
        """Replace a record's keys; only new ones lag in the index."""
        old = {(row[0], row[1]) for row in self.db.execute("SELECT field, value FROM keys WHERE id = ?", (record_id,))}
        found = self.now() + self.switches["index_seconds"]
        self.db.executemany(
            "DELETE FROM keys WHERE entity = ? AND field = ? AND value = ? AND id = ?",
            [(entity, name, value, record_id) for name, value in old - keys],
        )
        self.db.executemany(
            "INSERT INTO keys VALUES (?, ?, ?, ?, ?)",
            [(entity, name, value, record_id, found) for name, value in keys - old],
        )

    def holders(self, entity: str, name: str, value: str, *, deleted: bool = True) -> list[int]:
        """Return the ids that hold a value, those in the bin too unless told otherwise."""
        rows = self.db.execute(
            "SELECT k.id FROM keys k JOIN records r ON r.id = k.id"
            " WHERE k.entity = ? AND k.field = ? AND k.value = ? AND r.is_deleted <= ? ORDER BY k.id",
            (entity, name, value, deleted),
        )
        return [row[0] for row in rows]

    # -- what hangs on what
    def set_targets(self, entity: str, record_id: int, targets: Iterable[tuple[str, int]]) -> None:
        """Replace the records that an activity, deal or file hangs on."""
        self.db.execute("DELETE FROM targets WHERE id = ?", (record_id,))
        self.db.executemany(
            "INSERT OR IGNORE INTO targets VALUES (?, ?, ?, ?)",
            [(kind, target, entity, record_id) for kind, target in targets],
        )

    def hanging(self, kind: str, target: int, entity: str) -> list[Record]:
        """Return the live records of an entity that hang on a target, oldest first."""
        return list(
            self.each(
                "SELECT r.body FROM targets t JOIN records r ON r.id = t.id"
                " WHERE t.type = ? AND t.target = ? AND t.entity = ? AND r.is_deleted = 0 ORDER BY r.id",
                (kind, target, entity),
            )
        )

    # -- logs and windows
    def log(self, kind: str, entry: Record) -> None:
        """Remember a side effect or a message that a real tenant would have sent."""
        self.db.execute("INSERT INTO log VALUES (?, ?, ?)", (kind, self.now(), orjson.dumps(entry).decode()))

    def count_call(self, template: str, *, refused: bool, counts: bool) -> None:
        """Count an answered call against the windows and in the totals, and keep the clock."""
        now = self.now()
        if counts:
            self.recent.append(now)
            self.db.execute("INSERT INTO window VALUES (?)", (now,))
        self.db.execute(
            "INSERT INTO calls VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET"
            " answered = answered + 1, refused = refused + excluded.refused",
            (template, int(refused)),
        )
        self.keep_clock()

    def keep_clock(self) -> None:
        """Write the clock down with the call that moved it."""
        self.write_meta("clock", [self.moment, self.offset, self.told])
