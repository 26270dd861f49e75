"""The other side of the tenant, under /_tenant: setting it up, looking into it, editing as a user, ordering faults."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from workbench.tenant.bulk import seed
from workbench.tenant.calls import Call, Refusal, Reply, calls_counted, faults, not_found, refused
from workbench.tenant.records import delete_record, merge_records, update_record
from workbench.tenant.schema import (
    SINGULAR,
    add_choice,
    add_lifecycle_stage,
    add_pipeline,
    add_stage,
    add_user,
    field_name,
    forms,
    modules,
)
from workbench.tenant.search import reindex
from workbench.tenant.shown import show
from workbench.tenant.state import Json, Record, State, readings

KINDS = ("text", "textarea", "number", "dropdown", "multi_select_dropdown", "checkbox", "date")
DATE_TIME = "date_time_split"
LISTS = ("lead_sources", "industry_types", "task_types")
MOST_CHOICES, MOST_UNIQUE = 300, 2
ACTIVITIES = ("tasks", "appointments", "notes", "sales_activities", "documents")


# -- setup: what an administrator would do by hand
def apply_setup(state: State, document: Record) -> list[str]:
    """Merge a setup into the tenant and return what the plan refuses, one sentence each; twice changes nothing."""
    schema, refusals = state.schema, []
    for entity, fields in document.get("custom_fields", {}).items():
        for field in fields:
            refusals += _apply_field(state, entity, field)
    for pipeline in document.get("pipelines", []):
        refusals += _apply_pipeline(state, pipeline)
    known = {stage["name"] for stage in schema["lists"]["lifecycle_stages"]}
    for name in document.get("lifecycle_stages", []):
        if name not in known:
            add_lifecycle_stage(state, schema, name, ["New"])
    for listed in LISTS:
        for name in document.get(listed, []):
            if name not in {one["name"] for one in schema["lists"][listed]}:
                add_choice(state, schema, listed, name)
    for user in document.get("users", []):
        _apply_user(state, user)
    named = [str(line).casefold() for line in document.get("switch_off", [])]
    off = [name for name, stems in readings()["automations"].items() if any(s in line for s in stems for line in named)]
    schema["automations"] |= dict.fromkeys(off, False)
    for name, value in document.get("switches", {}).items():
        set_switch(state, name, value)
    schema["setup"] = {**schema["setup"], **document}
    state.save_schema()
    return refusals


def _apply_field(state: State, entity: str, given: Record) -> list[str]:
    """Make or widen one custom field within the plan's caps."""
    if entity not in modules(state.edition):
        return [f"{entity}: no such module"]
    label = str(given.get("label") or given.get("name"))
    name, kind = given.get("name") or field_name(label), given.get("type", "text")
    fields: list[Record] = state.schema["custom_fields"][entity]
    own = next((one for one in fields if one["name"] == name), None)
    plan, choices = readings()["plans"][state.plan], given.get("choices") or []
    unique = bool(given.get("unique"))
    kinds = (*KINDS, DATE_TIME) if state.switches["date_time_fields"] else KINDS
    if kind not in kinds or (own and own["type"] != kind):
        return [f"{entity}.{name}: type {kind} cannot be had"]
    if len(choices) > MOST_CHOICES:
        return [f"{entity}.{name}: {len(choices)} choices, {MOST_CHOICES} are allowed"]
    same, cap = sum(one["type"] == kind for one in fields), plan["caps"]["date" if kind == DATE_TIME else kind]
    if own is None and (same >= cap or len(fields) >= plan["custom_fields"]):
        return [f"{entity}.{name}: the {state.plan} plan has room for {cap} {kind} fields"]
    others = sum(one["unique"] for one in fields if one is not own)
    if unique and (kind not in ("text", "number") or others >= MOST_UNIQUE):
        return [f"{entity}.{name}: at most {MOST_UNIQUE} text or number fields of a module can be unique"]
    if own is None:
        own = {"id": state.new_id(), "label": label, "name": name, "type": kind, "choices": [], "unique": False}
        own |= {"required": False, "max_length": None}
        fields.append(own)
    for value in choices:
        if value not in {choice["value"] for choice in own["choices"]}:
            own["choices"].append({"id": state.new_id(), "value": value, "position": len(own["choices"]) + 1})
    own |= {key: given[key] for key in ("label", "required", "max_length") if given.get(key) is not None}
    if unique and not own["unique"]:  # not reversible in Suite
        own["unique"] = True
        reindex(state, entity)
    return []


def _apply_pipeline(state: State, given: Record) -> list[str]:
    lines: list[Record] = state.schema["lists"]["deal_pipelines"]
    line = next((one for one in lines if one["name"] == given["name"]), None)
    stages = [(one["name"], one.get("forecast_type", "Open"), one.get("probability", 100)) for one in given["stages"]]
    if line is None:
        if not readings()["plans"][state.plan]["several_pipelines"]:
            return [f"pipeline {given['name']}: the {state.plan} plan has one pipeline"]
        add_pipeline(state, state.schema, given["name"], stages)
        return []
    for stage in stages:
        if stage[0] not in {one["name"] for one in line["deal_stages"]}:
            add_stage(state, line, *stage)
    return []


def _apply_user(state: State, given: Record) -> None:
    email = str(given["email"]).strip()
    users: list[Record] = state.schema["users"]
    known = next((one for one in users if one["email"].casefold() == email.casefold()), None)
    if known is None:
        add_user(state, state.schema, given.get("name") or email, email, is_active=given.get("is_active", True))
    elif "is_active" in given:
        known["is_active"] = bool(given["is_active"])


def set_switch(state: State, name: str, value: Json) -> None:
    """Choose the other reading of one open point."""
    known = readings()["switches"]
    if name not in known:
        raise refused(f"no switch named {name}; there are {', '.join(sorted(known))}")
    if type(value) is not type(known[name]["default"]) and not isinstance(value, (int, float)):
        raise refused(f"{name} is a {type(known[name]['default']).__name__}")
    state.switches[name] = value
    given = {key: state.switches[key] for key in known if state.switches[key] != known[key]["default"]}
    state.write_meta("switches", given)


def setup(call: Call) -> Reply:
    """Answer GET and POST /_tenant/setup."""
    refusals: list[str] = []
    if call.method == "POST":
        refusals = apply_setup(call.state, _given(call))
    schema = call.state.schema
    told = {name: schema[name] for name in ("custom_fields", "automations", "users", "setup")}
    return Reply(200, {"refused": refusals, **told, "lists": schema["lists"], "plan": call.state.plan})


def make_field(call: Call) -> Reply:
    """Answer POST /settings/:plural/forms/:id/fields, where the tenant's switch opens it."""
    forms(call)
    given = call.wrapped("field")
    if refusals := _apply_field(call.state, call.ids[0], given | {"type": str(given.get("field_type", "text"))}):
        raise refused(*refusals)
    call.state.save_schema()
    made = next(own for own in call.state.schema["custom_fields"][call.ids[0]] if own["label"] == given.get("label"))
    return Reply(int(call.state.switches["create_status"]), {"field": {"form_id": 1, "custom": True} | made})


def _given(call: Call) -> Record:
    if not isinstance(call.body, dict):
        raise refused("the body is not a JSON object")
    return call.body


# -- looking in
def look(call: Call) -> Reply:
    """Answer GET /_tenant/state: every record as it is, those in the bin apart."""
    state, told = call.state, {}
    for deleted in (False, True):
        held = {}
        for entity in (*modules(state.edition), *ACTIVITIES):
            rows = state.each(
                "SELECT body FROM records WHERE entity = ? AND is_deleted = ? ORDER BY id", (entity, deleted)
            )
            held[entity] = [_whole(state, entity, body) for body in rows]
        told[deleted] = held
    return Reply(200, {**told[False], "users": state.schema["users"], "bin": told[True]})


def _whole(state: State, entity: str, body: Record) -> Record:
    whole = body if entity == "documents" else show(state, entity, body) | body
    for target in body.get("targetables", [])[:1]:
        whole = whole | {"targetable_type": target["type"], "targetable_id": target["id"]}
    return whole


def calls(call: Call) -> Reply:
    """Answer GET /_tenant/calls: how often each endpoint was called."""
    rows = call.state.db.execute("SELECT template, answered, refused FROM calls ORDER BY template").fetchall()
    total, refusals = sum(row[1] for row in rows), sum(row[2] for row in rows)
    hour, minute = calls_counted(call.state)
    told = {"total": total, "refused429": refusals, "last_hour": hour, "last_minute": minute}
    return Reply(200, told | {"calls": {row[0]: row[1] for row in rows}})


def log(kind: str, call: Call) -> Reply:
    """Answer GET /_tenant/messages and /_tenant/side_effects."""
    rows = call.state.db.execute("SELECT at, entry FROM log WHERE kind = ? ORDER BY rowid", (kind,)).fetchall()
    entries = [orjson.loads(text) | {"at": call.state.stamp(at)} for at, text in rows]
    return Reply(200, {f"{kind}s": entries, "total": len(entries)})


# -- as a user would
def edit(call: Call) -> Reply:
    """Answer POST /_tenant/edit: a person changes a record, custom fields one by one."""
    state, given = call.state, _given(call)
    entity, record_id, changes = str(given["entity"]), int(given["id"]), dict(given["changes"])
    old = state.read(entity, record_id)
    if old is None:
        raise not_found(entity)
    if entity in SINGULAR:
        if "custom_field" in changes:
            changes["custom_field"] = old.get("custom_field", {}) | changes["custom_field"]
        return Reply(200, update_record(state, entity, record_id, changes))
    state.update(old | changes | {"updated_at": state.stamp()})
    return Reply(200, state.read(entity, record_id))


def remove(call: Call) -> Reply:
    """Answer POST /_tenant/delete."""
    given = _given(call)
    if given["entity"] in SINGULAR:
        delete_record(call.state, given["entity"], int(given["id"]))
    else:
        call.state.set_deleted(int(given["id"]), deleted=True)
    return Reply(200, {"deleted": given["id"]})


def restore(call: Call) -> Reply:
    """Answer POST /_tenant/restore: out of the bin, without the links that the deletion dropped."""
    call.state.set_deleted(int(_given(call)["id"]), deleted=False)
    return Reply(200, {"restored": _given(call)["id"]})


def merge(call: Call) -> Reply:
    """Answer POST /_tenant/merge."""
    given = _given(call)
    entity = str(given["entity"])
    body = merge_records(call.state, entity, int(given["survivor"]), [int(one) for one in given["merged"]])
    return Reply(200, show(call.state, entity, body))


# -- switches, time
def switches(call: Call) -> Reply:
    """Answer GET and POST /_tenant/switches."""
    if call.method == "POST":
        for name, value in _given(call).items():
            set_switch(call.state, name, value)
    told = {name: one["decides"] for name, one in readings()["switches"].items()}
    return Reply(200, {"switches": call.state.switches, "decides": told})


def clock(call: Call) -> Reply:
    """Answer GET and POST /_tenant/time: `{"now": seconds}` or `{"advance": seconds}`."""
    state = call.state
    if call.method == "POST":
        given = _given(call)
        state.hear(float(given.get("now", state.now() + float(given.get("advance", 0)))), told=False)
        state.keep_clock()
    return Reply(200, {"now": state.now(), "at": state.stamp(), "follows_the_wall": not state.told})


ACTIONS: dict[str, Callable[[Call], Reply]] = {
    "setup": setup,
    "seed": seed,
    "state": look,
    "calls": calls,
    "messages": lambda call: log("message", call),
    "side_effects": lambda call: log("side_effect", call),
    "edit": edit,
    "delete": remove,
    "restore": restore,
    "merge": merge,
    "faults": faults,
    "switches": switches,
    "time": clock,
}


def answer(call: Call) -> Reply:
    """Answer a call of the admin side, in one transaction, uncounted."""
    action = ACTIONS.get(call.path.removeprefix("/_tenant").strip("/"))
    call.state.begin()
    try:
        if action is None:
            raise not_found("Page")
        reply = action(call)
        call.state.commit()
    except Refusal as no:
        call.state.rollback()
        return no.reply
    except (KeyError, TypeError, ValueError) as problem:
        call.state.rollback()
        return Reply(400, {"errors": {"code": 400, "message": [f"{type(problem).__name__}: {problem}"]}})
    return reply
