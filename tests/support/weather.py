"""A tenant in process whose answers are lost, refused, late or broken by chance, while users edit, until the process dies."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
from loads import InProcess, PowerCutError
from sqlalchemy import Engine, event

EDITABLE = {"contacts": "city", "sales_accounts": "city", "deals": "name", "tasks": "title"}
"""What users of the story change: fields that a load fills."""
MOMENTS = ("before a write", "after a write", "before a request", "after a request")


@dataclass
class Death:
    """The process ends at the nth write to the ledger, or the nth request, just before it or just after it."""

    moment: str
    nth: int
    seen: int = 0
    is_dead: bool = False
    connections: list[Any] = field(default_factory=list)

    def at(self, moment: str) -> None:
        """Say that a moment has come; what is dead does nothing more, as after a real kill."""
        if self.is_dead:
            raise PowerCutError
        if moment == self.moment:
            self.seen += 1
            if self.seen == self.nth:
                self.is_dead = True
                if not moment.startswith("after a write"):
                    raise PowerCutError

    def watch(self, engine: Engine) -> None:
        """End at a chosen commit of the ledger: before it nothing of it is stored, after it all of it."""

        @event.listens_for(engine, "commit")
        def _(_: Any) -> None:
            self.at("before a write")
            self.at("after a write")

        @event.listens_for(engine, "begin")
        def _(_: Any) -> None:
            if self.is_dead:
                raise PowerCutError

        @event.listens_for(engine, "checkout")
        def _(connection: Any, *_: Any) -> None:
            self.connections.append(connection)

    def bury(self) -> None:
        """Let go of the files that the process held, as the system does for a dead one."""
        for one in self.connections:
            one.close()


@dataclass
class Chances:
    """How likely each fault is on one request; all are 0 in fair weather."""

    lost_before: float = 0.0
    lost_after: float = 0.0
    broken_after: float = 0.0
    refused_429: float = 0.0
    late: float = 0.0
    latest: float = 500.0
    job_lost: float = 0.0
    row_dropped: float = 0.0
    edit: float = 0.0


@dataclass
class Weather(InProcess):
    """Requests on their way; `told` counts the faults that came, `edits` keeps what users wrote and where."""

    app: Any
    chance: random.Random
    chances: Chances = field(default_factory=Chances)
    death: Death | None = None
    told: Counter[str] = field(default_factory=Counter)
    edits: dict[tuple[str, int, str], str] = field(default_factory=dict)
    early: set[tuple[str, int]] = field(default_factory=set)
    """Records that a user changed before we had read them back, or before an upsert that nobody waited for any more was
    done: those are not promised to keep it."""
    late_until: float = 0.0
    ledger: Path | None = None
    requests: int = 0

    def __post_init__(self) -> None:
        InProcess.__init__(self, self.app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, or lose it, or its answer."""
        if "/_tenant" in request.url.path:
            return super().handle_request(request)
        self.requests += 1
        self._at("before a request")
        if self._happens("edit", self.chances.edit):
            self._edit()
        is_write = request.method != "GET"
        if self._happens("429", self.chances.refused_429):
            return self._no(429, "Rate limit exceeded")
        if self._happens("lost before", self.chances.lost_before):
            raise httpx.ReadError("reset", request=request)
        if "/job_statuses/" in request.url.path and self._happens("job lost", self.chances.job_lost):
            return self._no(404, "Job not found")
        if request.url.path.endswith("/bulk_upsert") and self._happens("row dropped", self.chances.row_dropped):
            request = self._without_a_row(request)
        is_upload = request.url.path.endswith("/documents")
        if is_write and not is_upload and self._happens("late", self.chances.late):
            self._postpone(request)
            raise httpx.ReadTimeout("no answer", request=request)
        answer = super().handle_request(request)
        self._at("after a request")
        if self._happens("lost after", self.chances.lost_after):
            raise httpx.ReadError("reset", request=request)
        if answer.status_code < 400 and self._happens("500 after", self.chances.broken_after):
            return self._no(500, "The operation could not be completed")
        return answer

    def _no(self, status: int, message: str) -> httpx.Response:
        state = self.app.state.tenant.state
        headers = {"x-rehearsal-time": f"{state.now():.3f}", "x-rehearsal-alias": state.alias}
        return httpx.Response(status, json={"errors": {"code": status, "message": message}}, headers=headers)

    def _at(self, moment: str) -> None:
        if self.death is not None:
            self.death.at(moment)

    def _happens(self, name: str, chance: float) -> bool:
        happens = chance > 0 and self.chance.random() < chance
        self.told[name] += happens
        return happens

    def _without_a_row(self, request: httpx.Request) -> httpx.Request:
        body = orjson.loads(request.read())
        rows = next(iter(body.values()))
        if len(rows) > 1:
            rows.pop(self.chance.randrange(len(rows)))
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        return httpx.Request(request.method, request.url, headers=headers, content=orjson.dumps(body))

    def _postpone(self, request: httpx.Request) -> None:
        """Let the tenant do a call some time after its client gave up."""
        tenant = self.app.state.tenant
        path = request.url.path.removeprefix("/crm/sales/api")
        rule = {"kind": "delay_commit", "match": f"{request.method} ^{path}$", "times": 1, "seen": 0}
        rule["seconds"] = self.chance.uniform(5.0, self.chances.latest)
        tenant.state.write_meta("faults", [rule])
        tenant.state.has_faults = True
        try:
            super().handle_request(request)
        except httpx.ReadError:
            pass
        finally:
            tenant.state.write_meta("faults", [])
            tenant.state.has_faults = False
            if "upsert" in path:  # by the tenant's clock, which has heard the time of this request by now
                self.late_until = max(self.late_until, tenant.state.now() + rule["seconds"])

    def _edit(self) -> None:
        """Let a user change one field of one record that is there."""
        from workbench.tenant.records import update_record

        state = self.app.state.tenant.state
        rows = state.db.execute(
            "SELECT entity, id FROM records WHERE is_deleted = 0 AND entity IN (SELECT value FROM json_each(?)) ORDER BY id",
            [orjson.dumps(list(EDITABLE)).decode()],
        ).fetchall()
        if not rows:
            return
        entity, number = self.chance.choice(rows)
        name, value = EDITABLE[entity], f"Edited {self.requests}"
        state.begin()
        if entity == "tasks":
            state.update(state.read(entity, number) | {name: value, "updated_at": state.stamp()})
        else:
            update_record(state, entity, number, {name: value})
        state.commit()
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as ledger:
            known = ledger.execute("SELECT 1 FROM identities WHERE destination_id = ?", [number]).fetchone()
        is_late = state.now() < self.late_until
        if known and not is_late and (entity, number) not in self.early:
            self.edits[entity, number, name] = value
        else:
            self.edits.pop((entity, number, name), None)
            self.early.add((entity, number))
