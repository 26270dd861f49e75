"""Records as the API shows them: every key in the captures' order, links, side-loads."""

from __future__ import annotations

from typing import Any

from workbench.tenant.schema import ENTITY, MODEL, SINGULAR, read_json
from workbench.tenant.state import Record, State

CHILDREN = ("notes", "tasks", "appointments", "sales_activities", "documents")
ALWAYS_SHOWN = ("creater_id", "updater_id", "record_type_id", "deal_pipeline_id", "deal_stage_id")
LISTS = {
    "deal_stage": ("deal_stages", "deal_stage_id"),
    "deal_pipeline": ("deal_pipelines", "deal_pipeline_id"),
    "contact_status": ("contact_statuses", "contact_status_id"),
    "lifecycle_stage": ("lifecycle_stages", "lifecycle_stage_id"),
    "lead_source": ("lead_sources", "lead_source_id"),
    "source": ("lead_sources", "lead_source_id"),
    "campaign": ("campaigns", "campaign_id"),
    "territory": ("territories", "territory_id"),
    "industry_type": ("industry_types", "industry_type_id"),
    "business_type": ("business_types", "business_type_id"),
    "currency": ("currencies", "currency_id"),
    "deal_type": ("deal_types", "deal_type_id"),
    "deal_reason": ("deal_reasons", "deal_reason_id"),
    "deal_payment_status": ("deal_payment_statuses", "deal_payment_status_id"),
}
BRIEF = {
    "contacts": ("display_name", "first_name", "last_name", "email", "work_number", "mobile_number"),
    "leads": ("display_name", "first_name", "last_name", "email", "work_number", "mobile_number"),
    "sales_accounts": ("name",),
    "deals": ("name", "deal_pipeline_id"),
}
LINKS = {
    "conversations": "conversations/all?include=email_conversation_recipients%2Ctargetable%2Cphone_number"
    "%2Cphone_caller%2Cnote%2Cuser&per_page=3",
    "timeline_feeds": "timeline_feeds",
    "document_associations": "document_associations",
    "notes": "notes?include=creater",
    "tasks": "tasks?include=creater,owner,updater,targetable,users,task_type",
    "appointments": "appointments?include=creater,owner,updater,targetable,appointment_attendees,conference,note",
    "reminders": "reminders?include=creater,owner,updater,targetable",
    "duplicates": "duplicates",
    "connections": "connections",
}
ONLY_CONTACTS = ("timeline_feeds", "reminders", "duplicates", "connections")


def show(state: State, entity: str, body: Record, includes: frozenset[str] = frozenset()) -> Record:
    """Return a record as the API shows it, keys in the captures' order."""
    blank = read_json("blanks.json")[entity]
    shown: Record = blank | {name: value for name, value in body.items() if name in blank}
    if entity not in SINGULAR:
        return shown
    prefix = f"/crm/sales/{entity}/{body['id']}"
    shown["links"] = {
        name: f"{prefix}/{tail}" for name, tail in LINKS.items() if entity == "contacts" or name not in ONLY_CONTACTS
    }
    custom = body.get("custom_field", {})
    shown["custom_field"] = {own["name"]: custom.get(own["name"]) for own in state.schema["custom_fields"][entity]}
    if entity == "contacts":
        shown["mcr_id"] = body["id"] * 3_000_017  # beyond 2**53, as in the captures
        if "contact_status" not in includes:
            del shown["contact_status_id"]
        if "sales_accounts" in includes:
            shown["sales_accounts"] = [_account_link(state, one) for one in body.get("sales_accounts", [])]
    if entity == "deals" and "contacts" in includes:
        shown["contact_ids"] = body.get("contact_ids", [])
    if "record_type_id" in blank:
        shown["record_type_id"] = state.schema["record_types"][entity]
    if state.switches["ids_need_include"]:
        wanted = {LISTS[one][1] for one in includes if one in LISTS} | {f"{one}_id" for one in includes}
        hidden = [name for name in shown if name.endswith("_id") and name not in wanted and name not in ALWAYS_SHOWN]
        for name in hidden:
            if name not in ("external_id", "mcr_id", "parent_sales_account_id"):
                del shown[name]
    return shown


def _account_link(state: State, link: Record) -> Record:
    account = state.read("sales_accounts", link["id"]) or {}
    told = {"partial": True, "id": link["id"], "name": account.get("name"), "avatar": None}
    return told | {"website": account.get("website"), "last_contacted": None, "is_primary": link["is_primary"]}


def brief(state: State, entity: str, record_id: int) -> Record | None:
    """Return a record as it stands among side-loads."""
    body = state.read(entity, record_id)
    if body is None:
        return None
    return {"id": record_id, "avatar": None} | {name: body.get(name) for name in BRIEF[entity]}


def user_rows(state: State, ids: set[Any]) -> list[Record]:
    """Return the users of a side-load, keys in the captures' order."""
    order = ("id", "display_name", "avatar", "type", "is_active", "work_number", "mobile_number", "email", "uuid")
    extra = {"avatar": None, "type": "FdMultitenant::User"}
    wanted = [
        user | extra | {"uuid": str(user["id"] * 1_000_003)} for user in state.schema["users"] if user["id"] in ids
    ]
    return [{name: user[name] for name in order} for user in wanted]


def show_activity(state: State, plural: str, body: Record, includes: frozenset[str]) -> Record:
    """Return a task, appointment, note or sales activity with what `include` puts inside it."""
    shown = show(state, plural, body)
    if "users" in includes and plural == "tasks":
        shown["user_ids"] = [body["owner_id"]] if body.get("owner_id") else []
    if "targetable" in includes:
        first = next(iter(shown["targetables"]), None)
        shown["targetable"] = first and {"type": SINGULAR[ENTITY[first["type"]]], "id": first["id"]}
    return shown


def activity_loads(state: State, bodies: list[Record], includes: frozenset[str]) -> Record:
    """Return what `include` puts beside activities: users first, then the targets by kind, as the captures have them."""
    loads: Record = {}
    people = {f"{name}_id" for name in ("owner", "creater", "updater") if name in includes}
    if people or "users" in includes:
        loads["users"] = user_rows(state, {body.get(name) for body in bodies for name in people or {"owner_id"}})
    if "targetable" in includes:
        targets = {(one["type"], one["id"]) for body in bodies for one in body.get("targetables", [])}
        for kind in ("SalesAccount", "Deal", "Contact", "Lead"):
            found = [brief(state, ENTITY[kind], one) for model, one in sorted(targets) if model == kind]
            if found:
                loads[ENTITY[kind]] = [one for one in found if one]
    if "appointment_attendees" in includes:
        loads["appointment_attendees"] = [one for body in bodies for one in body.get("attendees", [])]
    return loads


def side_loads(state: State, entity: str, bodies: list[Record], includes: frozenset[str]) -> tuple[Record, Record]:
    """Return the arrays that `include` adds: users, which stand first, and the others, which stand last."""
    people = {f"{name}_id" for name in ("owner", "creater", "updater") if name in includes}
    first = {"users": user_rows(state, {body.get(name) for body in bodies for name in people})} if people else {}
    last: Record = {}
    for name in sorted(includes):
        if name in LISTS:
            plural, field = LISTS[name]
            ids = {body.get(field) for body in bodies}
            source = state.schema["lists"].get(plural, [])
            if plural == "deal_stages":
                source = [one for line in state.schema["lists"]["deal_pipelines"] for one in line["deal_stages"]]
            last["contact_status" if name == "contact_status" else plural] = [one for one in source if one["id"] in ids]
        elif name in ("contacts", "sales_account") and entity == "deals":
            plural = "contacts" if name == "contacts" else "sales_accounts"
            linked: set[int] = set()
            for body in bodies:
                linked.update(body.get("contact_ids", []) if name == "contacts" else [body.get("sales_account_id", 0)])
            last[plural] = [told for one in sorted(linked) if (told := brief(state, plural, one))]
        elif name in CHILDREN:
            kind = MODEL[entity]
            last[name] = [show(state, name, one) for body in bodies for one in state.hanging(kind, body["id"], name)]
        elif name == "deals" and entity != "deals":
            kind = MODEL[entity]
            found = [one["id"] for body in bodies for one in state.hanging(kind, body["id"], "deals")]
            last[name] = [told for one in found if (told := brief(state, "deals", one))]
    return first, last


def envelope(state: State, entity: str, body: Record, includes: frozenset[str]) -> Record:
    """Return a single record in its singular envelope with its side-loads."""
    first, last = side_loads(state, entity, [body], includes)
    return first | {SINGULAR[entity]: show(state, entity, body, includes)} | last
