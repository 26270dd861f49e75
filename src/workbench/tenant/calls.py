"""One call as the tenant sees it: what was asked, what is answered, and what may stand in between."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.tenant.state import LARGEST, Json, Record, readings

if TYPE_CHECKING:
    from workbench.tenant.state import State

ADMIN_KEY = "rehearsal-admin"
AGENT_KEY = "rehearsal-agent"
PAGE_SIZE, PAGE_MAX, PAGES = 25, 100, 10**9
FAULTS = ("drop_before", "drop_after", "status", "html", "delay_commit", "slow")
HOUR, MINUTE = 3600.0, 60.0


@dataclass(frozen=True)
class Reply:
    """A status and a body: bytes as they are, anything else as JSON."""

    status: int
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


class Refusal(Exception):
    """An answer that means no; nothing of the call is stored."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass
class Call:
    """A call after its path was brought into one form and its body was read."""

    state: State
    method: str
    path: str
    key: str = ADMIN_KEY
    base_url: str = ""
    ids: tuple[str, ...] = ()
    query: dict[str, str] = field(default_factory=dict)
    body: Json = None
    upload: bytes | None = None
    files: int = 0

    def record_id(self, position: int = 0) -> int:
        """Return a numeric id of the path; anything else is a 404 without a body."""
        text = self.ids[position]
        if not text.isdecimal():
            raise Refusal(Reply(404, b""))
        return min(int(text), LARGEST)

    def wrapped(self, singular: str) -> Record:
        """Return the record in the body, wrapped in its singular name or flat."""
        body = self.body if isinstance(self.body, dict) else {}
        inner = body.get(singular, body)
        if not isinstance(inner, dict):
            raise refused(f"The type for {singular} is invalid.")
        return inner

    def asked(self, name: str, default: Json = None) -> Json:
        """Return a parameter from the query, else from the body."""
        if name in self.query:
            return self.query[name]
        return self.body.get(name, default) if isinstance(self.body, dict) else default

    def includes(self) -> frozenset[str]:
        """Return the side-loads asked for."""
        return frozenset(name.strip() for name in str(self.asked("include", "")).split(",") if name.strip())

    def page(self) -> tuple[int, int]:
        """Return page number and page size, the size clamped as the tenant does."""
        number, size = _whole(self.asked("page"), 1), _whole(self.asked("per_page"), PAGE_SIZE)
        if size > PAGE_MAX and not self.state.switches["per_page_clamped"]:
            raise refused(f"per_page must be at most {PAGE_MAX}")
        return min(max(number, 1), PAGES), min(max(size, 1), PAGE_MAX)


def _whole(value: Json, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def refused(*messages: str, code: int = 400) -> Refusal:
    """Make the refusal in the shape that the vendor's validation errors have."""
    return Refusal(Reply(code, {"errors": {"code": code, "message": list(messages)}}))


def not_found(what: str = "Record") -> Refusal:
    """Make the answer to an unknown id."""
    return Refusal(Reply(404, {"errors": {"code": 404, "message": f"{what} not found"}}))


def forbidden() -> Refusal:
    """Make the answer to a key whose role may not do this."""
    return Refusal(Reply(403, {"errors": {"message": "You are not authorised to perform this operation"}}))


def authenticate(state: State, authorization: str, accept: str) -> str:
    """Return the key of a call, or refuse it; without `Accept: application/json` the refusal is a redirect."""
    scheme, _, key = authorization.partition("token=")
    key = key.strip().strip('"')
    if scheme.strip() == "Token" and key in (ADMIN_KEY, AGENT_KEY) and key not in state.switches["revoked_keys"]:
        return key
    if "application/json" not in accept and state.switches["sign_in_redirect"]:
        raise Refusal(Reply(302, b"", {"location": "/crm/sales/signin"}, "text/html"))
    message = "Incorrect or expired API key" if authorization else None
    raise Refusal(Reply(401, {"login": "failed", "message": message}))


# -- limits
def calls_counted(state: State) -> tuple[int, int]:
    """Return the calls counted in the last hour and minute, by the tenant's clock."""
    now, stale = state.now(), False
    while state.recent and state.recent[0] <= now - HOUR:
        state.recent.popleft()
        stale = True
    if stale and len(state.recent) % 100 == 0:
        state.db.execute("DELETE FROM window WHERE at <= ?", (now - HOUR,))
    hour, minute = (len(state.recent) - bisect_right(state.recent, _start(state, size)) for size in (HOUR, MINUTE))
    return hour, minute


def _start(state: State, size: float) -> float:
    """Return the moment after which a call lies in the window."""
    now = state.now()
    return now - size if state.switches["limit_window"] == "sliding" else now - now % size - 1e-6


def _limits(state: State) -> tuple[int, int]:
    plan = readings()["plans"][state.plan]
    return int(plan["calls_an_hour"]), int(plan["calls_a_minute"])


def check_limits(call: Call) -> None:
    """Refuse a call above the plan's windows, or one that the role has lost the right to."""
    state = call.state
    (hour, minute), (an_hour, a_minute) = calls_counted(state), _limits(state)
    if hour >= an_hour or minute >= a_minute:
        headers = {"retry-after": "60"} if state.switches["retry_after"] else {}
        match state.switches["limit_body"]:
            case "json":
                body: Json = {"errors": {"code": 429, "message": "Rate limit exceeded"}}
                raise Refusal(Reply(429, body, headers))
            case "html":
                raise Refusal(Reply(429, b"<html><body>Too many requests</body></html>", headers, "text/html"))
            case _:
                raise Refusal(Reply(429, b"", headers))
    if f"{call.method} {call.path.strip('/').split('/')[0]}" in state.switches["forbidden"]:
        raise forbidden()


def counts_against(state: State, template: str, status: int) -> bool:
    """Say whether an answered call takes room in the windows."""
    if status == 429:
        return bool(state.switches["refused_calls_count"])
    return bool(state.switches["failed_calls_count"]) or (status < 400 and template != "GET job_statuses/:")


def limit_headers(state: State) -> dict[str, str]:
    """Return what a reply tells of the hour's window; what `reset` means differs from tenant to tenant."""
    (hour, _), (an_hour, _) = calls_counted(state), _limits(state)
    now, told = state.now(), state.switches["limit_reset"]
    left = HOUR - now % HOUR if state.switches["limit_window"] == "fixed" else 0.0
    left = left or (state.recent[0] + HOUR - now if state.recent else 0.0)
    is_epoch = state.reset_is_epoch if told == "drawn" else told == "epoch"
    reset = now + left if is_epoch else left
    return {"x-ratelimit-remaining": str(max(an_hour - hour, 0)), "x-ratelimit-reset": str(int(reset))}


# -- faults on demand
def match_fault(call: Call) -> Record | None:
    """Return the fault that an operator ordered for this call, and count it as used."""
    rules: list[Record] = call.state.read_meta("faults") if call.state.has_faults else []
    hit = None
    for rule in rules:
        method, _, path = rule["match"].partition(" ")
        if method not in ("*", call.method) or not re.search(path, call.path):
            continue
        rule["seen"] = rule.get("seen", 0) + 1
        due = rule["seen"] == rule["nth"] if "nth" in rule else rule["times"] < 0 or rule["seen"] <= rule["times"]
        if due and hit is None:
            hit = rule
    if rules:
        call.state.write_meta("faults", rules)
    return hit


def faults(call: Call) -> Reply:
    """Answer /_tenant/faults: GET shows them, POST adds one or a list, DELETE clears them."""
    rules: list[Record] = call.state.read_meta("faults")
    if call.method == "DELETE":
        rules = []
    elif call.method == "POST":
        added = call.body if isinstance(call.body, list) else (call.body or {}).get("rules", [call.body])
        for rule in added:
            if not isinstance(rule, dict) or rule.get("kind") not in FAULTS or " " not in rule.get("match", ""):
                raise refused(f"a rule has match 'METHOD path-regex' and a kind of {', '.join(FAULTS)}")
            rules.append({"times": 1, **rule, "seen": 0})
    call.state.write_meta("faults", rules)
    call.state.has_faults = bool(rules)
    return Reply(200, {"rules": rules})


def fault_reply(call: Call, rule: Record) -> Reply:
    """Return what a fault answers instead of doing the call."""
    if rule["kind"] == "html":
        page = rule.get("body", "<html><body>Sign in to continue</body></html>")
        return Reply(int(rule.get("status", 200)), str(page).encode(), media_type="text/html")
    status = int(rule.get("status", 500))
    body = rule.get("body", {"errors": {"code": status, "message": "The operation could not be completed"}})
    return Reply(status, body.encode() if isinstance(body, str) else body, rule.get("headers", {}))
