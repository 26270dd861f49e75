"""The tenant as an ASGI application: one path form, key, clock, limits, faults, one transaction a call."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from workbench.tenant import activities, admin, bulk, records, schema, search
from workbench.tenant.calls import (
    Call,
    Refusal,
    Reply,
    authenticate,
    check_limits,
    counts_against,
    fault_reply,
    limit_headers,
    match_fault,
    not_found,
)
from workbench.tenant.state import Record, State

Handler = Callable[[Call], Reply]
HOST_SEGMENT = re.compile(r"^/[^/]+\.(myfreshworks\.com|freshworks\.com|freshsales\.io)(?=/|$)")
PREFIX = re.compile(r"^(/crm/sales)?/api(?=/|$)|^/crm/sales(?=/)")


def _routes(edition: str) -> dict[tuple[str, int], list[tuple[list[str], str, Handler]]]:
    """Return the routing table by method and number of segments."""
    table: list[tuple[str, Handler]] = [
        ("GET selector/deal_pipelines/:/deal_stages", schema.pipeline_stages),
        ("GET selector/sales_activity_types/:/sales_activity_outcomes", schema.activity_outcomes),
        ("GET selector/:", schema.selector),
        ("GET settings/:/fields", schema.fields),
        ("GET settings/:/forms", schema.forms),
        ("POST settings/:/forms/:/fields", admin.make_field),
        ("GET job_statuses/:", bulk.job_status),
        ("GET lookup", search.lookup),
        ("GET search", search.search),
        ("POST filtered_search/:", search.filtered_search),
        ("GET lists", search.lists),
        ("POST lists", search.lists),
        ("PUT lists/:", search.change_list),
        ("DELETE lists/:", search.change_list),
        *((f"PUT lists/:/{verb}", partial(search.move_contacts, verb)) for verb in search.LIST_VERBS),
        ("GET contacts/lists/:", search.list_contacts),
        ("POST documents", activities.upload),
        ("POST document_links", activities.link),
        ("POST contacts/bulk_assign_owner", partial(bulk.bulk_assign_owner, "contacts")),
        ("DELETE notes/:", partial(activities.delete, "notes")),
        ("PUT notes/:", partial(activities.update, "notes")),
        ("POST notes", partial(activities.create, "notes")),
    ]
    for plural in ("tasks", "appointments", "sales_activities"):
        table += [
            (f"POST {plural}", partial(activities.create, plural)),
            (f"GET {plural}", partial(activities.listing, plural)),
            (f"GET {plural}/:", partial(activities.view, plural)),
            (f"PUT {plural}/:", partial(activities.update, plural)),
            (f"DELETE {plural}/:", partial(activities.delete, plural)),
        ]
    for entity in schema.modules(edition):
        table += [
            (f"GET {entity}/filters", partial(search.filters, entity)),
            (f"GET {entity}/view/:", partial(search.view, entity)),
            (f"POST {entity}/upsert", partial(records.upsert, entity)),
            (f"POST {entity}/bulk_destroy", partial(bulk.bulk_destroy, entity)),
            (f"POST {entity}", partial(records.create, entity)),
            (f"GET {entity}/:", partial(records.view, entity)),
            (f"PUT {entity}/:", partial(records.update, entity)),
            (f"DELETE {entity}/:", partial(records.delete, entity)),
            (f"DELETE {entity}/:/forget", partial(records.forget, entity)),
            (f"POST {entity}/:/clone", partial(records.clone, entity)),
            *((f"GET {entity}/:/{name}", partial(activities.children, entity, name)) for name in activities.LISTED),
        ]
    table += [(f"POST {entity}/bulk_upsert", partial(bulk.bulk_upsert, entity)) for entity in bulk.IDENTIFIERS]
    if edition == "classic":
        table.append(("POST leads/:/convert", bulk.convert))
    routes: dict[tuple[str, int], list[tuple[list[str], str, Handler]]] = {}
    for line, handler in table:
        method, template = line.split(" ")
        parts = template.split("/")
        routes.setdefault((method, len(parts)), []).append((parts, line, handler))
    return routes


class Tenant:
    """One rehearsal tenant, answering ASGI calls."""

    def __init__(self, state: State, base_path: str) -> None:
        self.state = state
        self.base_path = base_path
        self.routes = _routes(state.edition)
        self.on_answer: Callable[[], None] = lambda: None
        self.base_url = ""

    def find(self, method: str, path: str) -> tuple[str, tuple[str, ...], Handler] | None:
        """Return the template, its ids and the handler of a path."""
        parts = path.strip("/").split("/")
        for template, line, handler in self.routes.get((method, len(parts)), ()):
            if all(want in (":", got) for want, got in zip(template, parts, strict=True)):
                return line, tuple(got for want, got in zip(template, parts, strict=True) if want == ":"), handler
        return None

    def _do(self, call: Call, ids: tuple[str, ...], handler: Handler) -> Reply:
        call.ids = ids
        return handler(call)

    # -- one call
    def answer(self, call: Call, authorization: str, accept: str, heard: str) -> Reply:
        """Do a call in one transaction and return its reply."""
        state = self.state
        template = f"{call.method} (unknown)"
        state.begin()
        try:
            self._hear(heard)
            found = self.find(call.method, call.path)
            template = found[0] if found else template
            call.key = authenticate(state, authorization, accept)
            check_limits(call)
            if found is None:
                raise not_found("Page")
            reply = self._do(call, *found[1:])
        except Refusal as no:
            reply = no.reply
            self._start_over(heard)
        except Exception as problem:  # a gap in the rehearsal, answered as a vendor's own failure would be
            logging.getLogger(__name__).exception("%s failed", template)
            reply = Reply(500, {"errors": {"code": 500, "message": type(problem).__name__}})
            self._start_over(heard)
        counts = counts_against(state, template, reply.status)
        state.count_call(template, refused=reply.status == 429, counts=counts)
        state.commit()
        return reply

    def _start_over(self, heard: str) -> None:
        """Forget the call's effect but count the call."""
        self.state.rollback()
        self.state.begin()
        self._hear(heard)

    def _hear(self, heard: str) -> None:
        try:
            self.state.hear(float(heard))
        except ValueError:
            return

    def settle(self) -> None:
        """Do what is due by the tenant's clock: bulk jobs, and requests that commit late."""
        state = self.state
        while (due := bulk.due_job(state)) is not None:
            job, kind, moment, request = due
            state.begin()
            state.pinned = moment
            try:
                result = self._late(request) if kind == "late_request" else bulk.run_job(state, kind, request)
                bulk.finish_job(state, job, result)
                state.commit()
            except BaseException:
                state.rollback()
                raise
            finally:
                state.pinned = None

    def _count_fault(self, call: Call, reply: Reply) -> None:
        """Count a call that was answered, though not done."""
        self.state.begin()
        self.state.count_call(f"{call.method} (fault)", refused=reply.status == 429, counts=reply.status != 429)
        self.state.commit()

    def _postpone(self, call: Call, seconds: float) -> None:
        """Let a call commit by itself some tenant seconds after its client gave up."""
        told = {"method": call.method, "path": call.path, "query": call.query, "body": call.body}
        self.state.begin()
        bulk.add_job(self.state, "late_request", told, self.state.now() + seconds)
        self.state.keep_clock()
        self.state.commit()

    def _late(self, request: Record) -> Record:
        """Do a call whose client has long gone."""
        call = Call(self.state, request["method"], request["path"], query=request["query"], body=request["body"])
        self.state.db.execute("SAVEPOINT late")
        try:
            found = self.find(call.method, call.path)
            if found is None:
                raise not_found("Page")
            reply = self._do(call, *found[1:])
        except Refusal as no:
            self.state.db.execute("ROLLBACK TO late")
            reply = no.reply
        return {"status": reply.status}

    # -- ASGI
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        path = PREFIX.sub("", HOST_SEGMENT.sub("", scope["path"])).removesuffix(".json") or "/"
        call = Call(self.state, request.method, path, query=dict(request.query_params))
        call.base_url = f"{request.url.scheme}://{request.url.netloc}{self.base_path}"
        await _read_body(request, call)
        if path.startswith("/_tenant"):
            self.settle()
            await self._send(admin.answer(call), scope, receive, send, limited=False)
            self.on_answer()
            return
        heard = request.headers.get("x-rehearsal-time", "")
        self._hear(heard)
        self.settle()
        fault = match_fault(call)
        if fault and fault["kind"] in ("drop_before", "delay_commit"):
            if fault["kind"] == "delay_commit":
                self._postpone(call, float(fault.get("seconds", 60)))
            await _drop(scope)
            return
        if fault and fault["kind"] == "slow":
            await asyncio.sleep(float(fault.get("seconds", 1)))
        if fault and fault["kind"] in ("status", "html"):
            reply = fault_reply(call, fault)
            self._count_fault(call, reply)
        else:
            headers = request.headers
            reply = self.answer(call, headers.get("authorization", ""), headers.get("accept", ""), heard)
        if fault and fault["kind"] == "drop_after":
            await _drop(scope)
            return
        await self._send(reply, scope, receive, send, limited=True)
        self.on_answer()

    async def _send(self, reply: Reply, scope: Scope, receive: Receive, send: Send, *, limited: bool) -> None:
        body = reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)
        headers = {"x-rehearsal-time": f"{self.state.now():.3f}", "x-rehearsal-alias": self.state.alias}
        if limited:
            headers |= limit_headers(self.state)
        response = Response(body, reply.status, headers | reply.headers, reply.media_type)
        await response(scope, receive, send)


async def _read_body(request: Request, call: Call) -> None:
    """Read JSON or a multipart form into the call."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        async with request.form() as form:
            fields: dict[str, Any] = {}
            for name, value in form.multi_items():
                if isinstance(value, str):
                    fields[name] = value
                else:
                    call.upload, call.files = await value.read(), call.files + 1
                    fields.setdefault("file_name", value.filename)
            call.body = fields
        return
    text = await request.body()
    if text:
        try:
            call.body = orjson.loads(text)
        except orjson.JSONDecodeError:
            call.body = None


async def _drop(scope: Scope) -> None:
    """Close the connection without an answer."""
    if "drop" not in scope:
        raise ConnectionResetError
    scope["drop"]()
    await asyncio.sleep(0.01)


def make_app(
    state_dir: Path, *, edition: str = "suite", plan: str = "enterprise", users: int = 1, setup: Record | None = None
) -> Starlette:
    """Return the tenant of a state folder as an application, founded when the folder is empty."""
    state = State(state_dir, edition=edition, plan=plan, users=users)
    if not state.schema:
        state.begin()
        state.schema = schema.found_schema(state)
        state.save_schema()
        state.commit()
    tenant = Tenant(state, "/crm/sales/api" if state.edition == "suite" else "/api")
    if setup:
        state.begin()
        admin.apply_setup(state, setup)
        state.commit()
    app = Starlette(routes=[Mount("/", tenant)])
    app.state.tenant = tenant
    return app
