"""A practice ready to load, in process or served, and the questions that every load must answer the same way."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from rooms import Practice
from truth import Tenant, mismatches

from workbench.freshsales.schema import TenantSchema
from workbench.journey.desk import writing
from workbench.journey.record import current_run, open_run_ledger
from workbench.ledger.audit import verify
from workbench.ledger.identities import identity_frames
from workbench.ledger.operations import open_operations
from workbench.ledger.plans import Plan
from workbench.load.loader import Loaded, run_load
from workbench.load.plan import plan_load
from workbench.load.session import Session, open_session
from workbench.mapping.files import Mappings
from workbench.tenant.server import make_app
from workbench.vocabulary import Kind, PlanScope
from workbench.warehouse import open_warehouse

LOCAL = "http://127.0.0.1:9/crm/sales/api"
KINDS = (Kind.RECORD, Kind.FILE)
ENTITIES = {
    "account": "sales_accounts",
    "contact": "contacts",
    "lead": "contacts",
    "deal": "deals",
    "task": "tasks",
    "appointment": "appointments",
    "note": "notes",
    "sales_activity": "sales_activities",
    "file": "documents",
}
WRITES = {
    "account": "POST /sales_accounts/upsert$",
    "accounts in bulk": "POST /sales_accounts/bulk_upsert$",
    "contact": "POST /contacts/upsert$",
    "contacts in bulk": "POST /contacts/bulk_upsert$",
    "deal": "POST /deals/upsert$",
    "closing date": "PUT /deals/",
    "task": "POST /tasks$",
    "appointment": "POST /appointments$",
    "note": "POST /notes$",
    "sales activity": "POST /sales_activities$",
    "file": "POST /documents$",
    "job": "GET /job_statuses/",
    "page of ids": "GET /contacts/view/",
}
"""Every kind of request that a load makes, as faults are ordered for it."""
Record = dict[str, Any]


class InProcess(httpx.BaseTransport):
    """The tenant's application without a socket; an answer that it drops is a broken connection."""

    def __init__(self, app: Any) -> None:
        self.inner = httpx.ASGITransport(app)
        self.runner = asyncio.Runner()
        self.app = app
        self.before: list[Callable[[httpx.Request], httpx.Request | None]] = []
        self.after: list[Callable[[httpx.Request, httpx.Response], Any]] = []
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(f"{request.method} {request.url.path.removeprefix('/crm/sales/api')}")
        for listener in list(self.before):
            request = listener(request) or request
        passed = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        try:
            answer = self.runner.run(self._answer(passed))
        except ConnectionResetError:
            raise httpx.ReadError("the tenant closed the connection", request=request) from None
        for told in list(self.after):
            other = told(request, answer)
            answer = other if isinstance(other, httpx.Response) else answer
        return answer

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self.inner.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def end(self) -> None:
        """Close the loop that the application ran in."""
        self.runner.close()


@dataclass
class Rehearsal:
    """A ready practice and its tenant in process."""

    practice: Practice
    transport: InProcess
    schema: TenantSchema | None = None
    drawn: dict[tuple[int, int, bool], set[str]] = field(default_factory=dict)

    @cached_property
    def mappings(self) -> Mappings:
        """The decision files, read once."""
        return self.practice.mappings

    def admin(self, path: str, body: Any = None, *, method: str = "") -> Any:
        """Ask the tenant's other side."""
        with httpx.Client(base_url="http://127.0.0.1:9", transport=Shared(self.transport)) as client:
            answer = client.request(method or ("GET" if body is None else "POST"), f"/_tenant/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, kind: str, match: str, **more: Any) -> None:
        """Order a fault for calls `METHOD path`."""
        self.admin("faults", {"kind": kind, "match": match, **more})

    def clear_faults(self) -> None:
        """Take all ordered faults back."""
        self.admin("faults", method="DELETE")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session that writes."""
        settings = self.practice.settings
        with open_session(
            settings,
            self.mappings,
            LOCAL,
            current_run(settings).run_id,
            actor="rehearsal",
            transport=Shared(self.transport),
        ) as session:
            self.schema = session.schema
            yield session

    def plan(self, session: Session, scope: set[str] | None = None, name: str = "load") -> Plan:
        """Make a plan."""
        return plan_load(
            session.settings, session.mappings, session.schema, session.ledger, session.run_id, scope=scope, name=name
        )

    def load(self, scope: set[str] | None = None) -> Loaded:
        """Plan and load in a session of its own."""
        with self.session() as session:
            return run_load(session, self.plan(session, scope), kinds=KINDS)

    def few(self, people: int = 6, children: int = 2, *, all_accounts: bool = False) -> set[str]:
        """Return the keys of the people with most kinds of children, of some of those children, and of their accounts."""
        asked = (people, children, all_accounts)
        if asked not in self.drawn:
            self.drawn[asked] = self._drawn(*asked)
        return set(self.drawn[asked])

    def _drawn(self, people: int, children: int, all_accounts: bool) -> set[str]:
        rows = self.lookups()
        kinds = Counter(key for name in rows for key in {one for targets in rows[name].values() for one in targets})
        able = {key: name for name in ("patient", "prospect", "referring_dentist") for key in rows[name]}
        drawn = set(sorted(able, key=lambda key: (-kinds[key], key))[:people])
        above = [target for key in sorted(drawn) for target in rows[able[key]][key]]
        accounts = rows["practice"] | rows["referring_practice"]
        if all_accounts:
            above = sorted(accounts)
        while above:
            if (key := above.pop()) in accounts and key not in drawn:
                drawn.add(key)
                above.extend(accounts[key])
        for _ in range(2):  # deals first, then what hangs on them
            for name, found in rows.items():
                taken: Counter[tuple[str, str]] = Counter()
                for key, targets in found.items():
                    owner = targets[-1] if targets else ""
                    if owner not in drawn or key.startswith(("contacts/", "companies/", "employers/")):
                        continue
                    if all(one in drawn for one in targets):
                        taken[name, owner] += 1
                        if taken[name, owner] <= children:
                            drawn.add(key)
        return drawn

    def lookups(self) -> dict[str, dict[str, list[str]]]:
        """Return, by mapping, every row that is not held, and what it points at."""
        rows: dict[str, dict[str, list[str]]] = {}
        with open_warehouse(self.practice.settings.warehouse) as warehouse:
            for mapping in self.mappings.objects:
                if mapping.kind not in KINDS:
                    continue
                lookups = ", ".join(f'"{name}"' for name, one in mapping.lookups.items() if not one.is_owner) or "NULL"
                rows[mapping.name] = {
                    f"{mapping.source_object}/{one[0]}": [key for key in one[1:] if key]
                    for one in warehouse.run(
                        f"SELECT source_id, {lookups} FROM staged.{mapping.name} WHERE source_id NOT IN"
                        f" (SELECT source_id FROM checked.held WHERE mapping = '{mapping.name}') ORDER BY source_id"
                    )
                }
        return rows

    def state(self) -> dict[str, list[Record]]:
        """Return every record of the tenant."""
        return self.admin("state")

    def doubles_and_losses(self, scope: set[str] | None = None) -> dict[str, Any]:
        """Return what must be empty after every load: see `nothing_wrong`."""
        ledger = open_run_ledger(self.practice.settings)
        try:
            known = Counter(
                ENTITIES[destination] for frame in identity_frames(ledger) for destination in frame["destination"]
            )
            ids = {one for frame in identity_frames(ledger) for one in frame["destination_id"]}
            state = self.state()
            there = Counter({name: len(state[name]) for name in ENTITIES.values() if state[name]})
            assert self.schema is not None
            fresh = plan_load(
                self.practice.settings, self.mappings, self.schema, ledger, "run", scope=scope, name="proof"
            )
            return {
                "records beyond the ledger": dict(there - known),
                "identities without a record": dict(known - there),
                "strangers": sorted(ids - {one["id"] for name in ENTITIES.values() for one in state[name]}),
                "planned": fresh.writes,
                "open": len(open_operations(ledger)),
                "chain": verify(ledger)[2],
            }
        finally:
            ledger.engine.dispose()


NOTHING_WRONG = {
    "records beyond the ledger": {},
    "identities without a record": {},
    "strangers": [],
    "planned": 0,
    "open": 0,
    "chain": [],
}


class PowerCutError(BaseException):
    """Ends a load where a kill would."""


def cut(rehearsal: Rehearsal, write: str, nth: int, *, after: bool) -> None:
    """Let the nth request of a kind be the last one, before it is sent or after it was done."""
    method, path = write.split(" ")
    seen: list[int] = []

    def end(request: httpx.Request, _: httpx.Response | None = None) -> None:
        if request.method == method and re.search(path, request.url.path):
            seen.append(1)
            if len(seen) == nth:
                raise PowerCutError

    (rehearsal.transport.after if after else rehearsal.transport.before).append(end)


class Shared(httpx.BaseTransport):
    """Hands requests on; closing the client leaves the application running."""

    def __init__(self, inner: InProcess) -> None:
        self.inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.inner.handle_request(request)


DRAWN: dict[Path, dict[tuple[int, int, bool], set[str]]] = {}
"""What was drawn from each template: its copies are equal."""


@contextmanager
def rehearse(template: Practice, folder: Path) -> Iterator[Rehearsal]:
    """Copy a ready practice and run its tenant in process."""
    shutil.copytree(template.folder, folder / "migration")
    practice = Practice(folder / "migration", template.truth)
    app = make_app(practice.settings.target_folder)
    transport = InProcess(app)
    try:
        yield Rehearsal(practice, transport, drawn=DRAWN.setdefault(template.folder, {}))
    finally:
        transport.end()
        app.state.tenant.state.db.close()


@contextmanager
def serve(practice: Practice) -> Iterator[str]:
    """Serve a practice's tenant by a process that ends with the block, and yield its base URL."""
    settings = practice.settings
    folder = settings.target_folder
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "workbench.tenant",
        "--state",
        str(folder),
        "--plan",
        settings.plan,
        "--users",
        str(settings["freshsales.users"]),
    ]
    (folder / "tenant.json").unlink(missing_ok=True)
    with subprocess.Popen(command) as process:
        try:
            until = time.monotonic() + 20
            while not (folder / "tenant.json").exists() and time.monotonic() < until:
                time.sleep(0.02)
            yield str(json.loads((folder / "tenant.json").read_text())["base_url"])
        finally:
            process.terminate()


def assert_each_row_delivered_once(practice: Practice, tenant_url: str, story: str) -> None:
    """What was loaded through kills is the truth field by field, and a fresh plan has nothing to write."""
    assert mismatches(json.loads(practice.truth.read_text()), Tenant(tenant_url), practice.open_spellings()) == [], (
        story
    )
    with writing(practice.settings, practice.mappings) as session:
        fresh = plan_load(
            session.settings, session.mappings, session.schema, session.ledger, session.run_id, name=PlanScope.PROOF
        )
    ledger = open_run_ledger(practice.settings)
    assert (fresh.writes, open_operations(ledger), verify(ledger)[2]) == (0, [], []), story
    ledger.engine.dispose()
