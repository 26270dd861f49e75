"""Calls that make several records: bulk jobs whose failures hide inside a success, a lead's conversion, what was there first."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from workbench.tenant.calls import Call, Refusal, Reply, not_found, refused
from workbench.tenant.fields import FIELDS, Dropped, read_owner
from workbench.tenant.records import create_record, delete_record, find_record, update_record, with_identifier
from workbench.tenant.schema import SINGULAR
from workbench.tenant.shown import CHILDREN, envelope
from workbench.tenant.state import Json, Record, State

IDENTIFIERS = {
    "contacts": ("id", "emails"),
    "leads": ("id", "emails"),
    "sales_accounts": ("id", "name"),
    "deals": ("id", "name"),
}


def _make_room(state: State) -> None:
    """Refuse a bulk call while too many jobs are unfinished, as the vendor does under load."""
    waiting = state.db.execute("SELECT count(*) FROM jobs WHERE done_at IS NULL AND kind LIKE 'bulk%'").fetchone()[0]
    if waiting > state.switches["bulk_jobs"]:
        raise Refusal(Reply(405, b""))


def bulk_upsert(entity: str, call: Call) -> Reply:
    """Answer POST /:plural/bulk_upsert with a job's absolute URL."""
    state = call.state
    items = call.asked(entity)
    if not isinstance(items, list) or not items:
        raise refused(f"{entity} is invalid")
    if len(items) > state.switches["bulk_items"]:
        raise refused(f"Maximum of {state.switches['bulk_items']} records are allowed")
    if entity == "deals" and state.switches["bulk_deals_need_unique_field"] and not _unique_fields(state, entity):
        raise refused("Bulk upsert needs a unique field")
    _make_room(state)
    due = state.now() + state.switches["bulk_seconds"]
    job = add_job(state, "bulk_upsert", {"entity": entity, "items": items}, due)
    url = f"{call.base_url}/job_statuses/{job}"
    return Reply(200, {"message": "Your request is being processed", "job_status_url": url})


def _unique_fields(state: State, entity: str) -> set[str]:
    return {own["name"] for own in state.schema["custom_fields"][entity] if own["unique"]}


def bulk_destroy(entity: str, call: Call) -> Reply:
    """Answer POST /:plural/bulk_destroy."""
    return _later(call, "bulk_destroy", {"entity": entity})


def bulk_assign_owner(entity: str, call: Call) -> Reply:
    """Answer POST /:plural/bulk_assign_owner."""
    try:
        owner = read_owner(call.state, call.asked("owner_id"))
    except Dropped:
        raise refused("Owner is invalid") from None
    return _later(call, "bulk_assign_owner", {"entity": entity, "owner_id": owner})


def _later(call: Call, kind: str, request: Record) -> Reply:
    ids = call.asked("selected_ids")
    if not isinstance(ids, list) or not ids:
        raise refused("selected_ids is invalid")
    if len(ids) > call.state.switches["bulk_items"]:
        raise refused(f"Maximum of {call.state.switches['bulk_items']} records are allowed")
    _make_room(call.state)
    add_job(call.state, kind, request | {"ids": ids}, call.state.now() + call.state.switches["bulk_seconds"])
    return Reply(200, {"message": f"{len(ids)} records will be processed in a few minutes."})


def job_status(call: Call) -> Reply:
    """Answer GET /job_statuses/:id; `data` is JSON inside a text, and names no created id."""
    state = call.state
    row = state.db.execute(
        "SELECT kind, made_at, due_at, done_at, result FROM jobs WHERE id = ?", (call.record_id(),)
    ).fetchone()
    if row is None:
        raise not_found("Job")
    kind, made, due, done, result = row
    told = {"id": call.record_id(), "created_at": state.stamp(made), "job_type_name": kind}
    if done is None:
        share = (state.now() - made) / max(due - made, 0.001)
        told |= {"progress": round(100 * min(share, 0.99)), "status": "IN_PROGRESS"}
        return Reply(200, told | {"status_updated_at": state.stamp(), "data": None})
    failed = not state.switches["bulk_failures_hidden"] and orjson.loads(result)["record_status"]["failed"]
    told |= {"progress": 100, "status": "FAILED" if failed else "SUCCESS", "status_updated_at": state.stamp(done)}
    return Reply(200, told | {"data": result})


# -- the queue
def add_job(state: State, kind: str, request: Record, due_at: float) -> int:
    """Queue work for a later tenant second."""
    job, text = state.new_id(), orjson.dumps(request).decode()
    state.db.execute(
        "INSERT INTO jobs (id, kind, made_at, due_at, request) VALUES (?, ?, ?, ?, ?)",
        (job, kind, state.now(), due_at, text),
    )
    state.next_job = min(state.next_job, due_at)
    return job


def due_job(state: State) -> tuple[int, str, float, Record] | None:
    """Return the first job due by the tenant's clock, as (id, kind, due, request)."""
    if state.next_job > state.now():
        return None
    row = state.db.execute(
        "SELECT id, kind, due_at, request FROM jobs WHERE done_at IS NULL ORDER BY due_at, id LIMIT 1"
    ).fetchone()
    state.next_job = float("inf") if row is None else row[2]
    if row is None or row[2] > state.now():
        return None
    return row[0], row[1], row[2], orjson.loads(row[3])


def finish_job(state: State, job: int, result: Record) -> None:
    """Keep a job's result; its request is no longer needed."""
    text = orjson.dumps(result).decode()
    state.db.execute("UPDATE jobs SET done_at = due_at, request = NULL, result = ? WHERE id = ?", (text, job))


# -- the jobs themselves
def run_job(state: State, kind: str, request: Record) -> Record:
    """Do a job's work row by row and return its report."""
    entity, failures, ids = request["entity"], [], []
    made: set[tuple[str, str]] = set()
    rows: list[tuple[Json, Callable[[State, str, Json, set[tuple[str, str]]], int]]]
    if kind == "bulk_upsert":
        rows = [(item, _upsert_item) for item in request["items"]]
    elif kind == "bulk_destroy":
        rows = [({"id": one}, _destroy_item) for one in request["ids"]]
    else:
        rows = [({"id": one, "data": {"owner_id": request["owner_id"]}}, _upsert_item) for one in request["ids"]]
    for item, act in rows:
        state.db.execute("SAVEPOINT item")
        try:
            ids.append(act(state, entity, item, made))
            state.db.execute("RELEASE item")
        except Refusal as no:
            state.db.execute("ROLLBACK TO item")
            failures.append(_report(item, no.reply))
        except (TypeError, ValueError, AttributeError, ArithmeticError, LookupError):
            state.db.execute("ROLLBACK TO item")
            failures.append(_report(item, refused("data is invalid").reply))
    status = {"succeeded": len(rows) - len(failures), "failed": len(failures)}
    told = {"record_status": status, "detailed_failure_report": failures}
    return told | {"ids": ids} if state.switches["bulk_tells_ids"] else told


def _report(item: Json, reply: Reply) -> Record:
    """Return a failed row: the item's own identifier and the messages that a single call would have got."""
    told = {name: value for name, value in item.items() if name != "data"} if isinstance(item, dict) else {}
    errors = reply.body["errors"] if isinstance(reply.body, dict) else {}
    message = errors.get("message", "")
    return told | {"message": message if isinstance(message, list) else [message]}


def _destroy_item(state: State, entity: str, item: Json, _made: set[tuple[str, str]]) -> int:
    delete_record(state, entity, int(item["id"]))
    return int(item["id"])


def _upsert_item(state: State, entity: str, item: Json, made: set[tuple[str, str]]) -> int:
    """Upsert one row of a job; a new identifier that stands in it twice is made once and refused once."""
    if not isinstance(item, dict) or not isinstance(item.get("data"), dict):
        raise refused("data is invalid")
    allowed: set[str] = {*IDENTIFIERS[entity]}
    if state.switches["bulk_by_unique_field"]:
        allowed |= _unique_fields(state, entity)
    names = [name for name in item if name != "data"]
    if len(names) != 1 or names[0] not in allowed:
        raise refused(f"{SINGULAR[entity]} needs one of {', '.join(sorted(allowed))}")
    name, value = names[0], item[names[0]]
    if (name, str(value).casefold()) in made and state.switches["bulk_repeats_refused"]:
        raise refused(f"{SINGULAR[entity].capitalize()} is not unique")
    given = dict(item["data"])
    if entity == "deals" and not state.switches["bulk_keeps_contact_links"]:
        given.pop("contacts_added_list", None)
    if entity == "contacts" and not _kept_links(given.get("sales_accounts", [])):
        given.pop("sales_accounts", None)
    if entity == "deals" and name == "name":
        held = state.holders("deals", "name", str(value).strip().casefold(), deleted=False)
        found = held[0] if held else None
    else:
        found = find_record(state, entity, name, value)
    if found is not None:
        return int(update_record(state, entity, found, given, upsert=True)["id"])
    lag = float(state.switches["index_seconds"])
    body = create_record(state, entity, with_identifier(given, name, value), lag=lag, bulk=True)
    made.add((name, str(value).casefold()))
    return int(body["id"])


def _kept_links(links: Json) -> bool:
    return isinstance(links, list) and all(isinstance(one, dict) and type(one.get("id")) is int for one in links)


# -- what was there first
def seed(call: Call) -> Reply:
    """Answer POST /_tenant/seed: records as people made them long ago, each `{"entity", "fields"}`; all or none.

    Only an empty tenant takes them, so that asking twice changes nothing. Lifecycle stages go by name.
    """
    state = call.state
    records = [] if state.db.execute("SELECT 1 FROM records LIMIT 1").fetchone() else call.asked("records")
    stages = {one["name"]: one["id"] for one in state.schema["lists"]["lifecycle_stages"]}
    for one in records:
        fields = dict(one["fields"])
        if stage := fields.pop("lifecycle_stage", None):
            fields["lifecycle_stage_id"] = stages[stage]
        create_record(state, str(one["entity"]), fields, quiet=True)
    return Reply(200, {"seeded": len(records)})


# -- Classic's leads
def convert(call: Call) -> Reply:
    """Answer POST /leads/:id/convert: a contact, its account, and a deal when one is named; there is no way back."""
    state, lead = call.state, call.state.read("leads", call.record_id())
    if lead is None:
        raise not_found("Lead")
    given = lead | call.wrapped("lead")
    company, deal = ((given.get(name) or {}) for name in ("company", "deal"))
    if not (isinstance(company, dict) and isinstance(deal, dict)):
        raise refused(f"The type for {'deal' if isinstance(company, dict) else 'company'} is invalid.")
    account = None
    if company.get("name"):
        account = find_record(state, "sales_accounts", "name", company["name"])
        account = account or create_record(state, "sales_accounts", dict(company))["id"]
    person = {name: given[name] for name in (*FIELDS["contacts"], "custom_field") if name in given}
    for group in ("emails", "phone_numbers"):
        person[group] = [{name: value for name, value in one.items() if name != "id"} for one in given.get(group, [])]
    links = [{"id": account, "is_primary": True}] if account else []
    state.set_deleted(lead["id"], deleted=True)
    contact = create_record(state, "contacts", person | {"sales_accounts": links})
    for plural in CHILDREN:
        for child in state.hanging("Lead", lead["id"], plural):
            child["targetables"] = [{"id": contact["id"], "type": "Contact"}]
            state.update(child)
            state.set_targets(plural, child["id"], [("Contact", contact["id"])])
    if deal.get("name"):
        held = {"sales_account_id": account} if account else {}
        create_record(state, "deals", {"amount": 0} | deal | held | {"contacts_added_list": [contact["id"]]})
    return Reply(200, envelope(state, "contacts", contact, call.includes()))
