"""What hangs on records: tasks, appointments, notes, sales activities, files and links."""

from __future__ import annotations

import hashlib
from datetime import datetime

from workbench.tenant.calls import Call, Reply, not_found, refused
from workbench.tenant.fields import Dropped, read_custom, read_moment, read_rich_text, read_text, read_value
from workbench.tenant.records import key_user, named_targets, set_off, target_of
from workbench.tenant.schema import MODEL
from workbench.tenant.shown import activity_loads, show, show_activity
from workbench.tenant.state import Json, Record, State, readings

SINGULAR = {"tasks": "task", "appointments": "appointment", "notes": "note", "sales_activities": "sales_activity"}
FIELDS = {
    "tasks": {
        "title": "text",
        "description": "area",
        "due_date": "moment",
        "owner_id": "owner",
        "status": "done",
        "task_type_id": "id:task_types",
        "outcome_id": "id:sales_activity_outcomes",
    },
    "appointments": {
        "title": "text",
        "description": "area",
        "location": "text",
        "from_date": "moment",
        "end_date": "moment",
        "time_zone": "zone",
        "is_allday": "flag",
        "outcome_id": "id:sales_activity_outcomes",
        "creater_id": "owner",
        "owner_id": "owner",
        "latitude": "text",
        "longitude": "text",
    },
    "notes": {"description": "area"},
    "sales_activities": {
        "title": "text",
        "notes": "area",
        "start_date": "moment",
        "end_date": "moment",
        "owner_id": "owner",
        "sales_activity_type_id": "id:sales_activity_types",
        "sales_activity_outcome_id": "id:sales_activity_outcomes",
        "location": "text",
        "status": "flag",
    },
}
LISTED = (*SINGULAR, "document_associations", "activities")
REQUIRED = {
    "tasks": ("title", "due_date"),
    "appointments": ("title", "from_date", "end_date"),
    "notes": ("description", "targetables"),
    "sales_activities": ("title", "start_date", "end_date", "targetables", "sales_activity_type_id", "owner_id"),
}
FILTERS = {
    "open": "status = 0",
    "completed": "status = 1",
    "overdue": "status = 0 AND ends_at < :now",
    "due_today": "status = 0 AND ends_at >= :today AND ends_at < :today + 86400",
    "due_tomorrow": "status = 0 AND ends_at >= :today + 86400 AND ends_at < :today + 172800",
    "past": "ends_at < :now",
    "upcoming": "ends_at >= :now",
}


def _value(state: State, kind: str, name: str, value: Json) -> Json:
    label = name.removesuffix("_id").replace("_", " ").capitalize()
    if value is None or value == "":
        return None
    match kind:
        case "area":
            return read_rich_text(state, label, value)
        case "moment":
            moment = read_moment(state, value)
            if moment is None:
                raise refused(f"{label} is invalid")
            return moment
        case "done":
            if str(value).casefold() in ("0", "1", "true", "false"):
                return int(str(value).casefold() in ("1", "true"))
            raise Dropped
        case "flag":
            return str(value).casefold() in ("true", "1")
        case _:
            return read_value(state, kind, label, value)


def make_activity(state: State, plural: str, given: Record, old: Record | None) -> Record:
    """Return the body of an activity after a create or an update."""
    body: Record = dict(old or {})
    for name, kind in FIELDS[plural].items():
        if name in given:
            try:
                body[name] = _value(state, kind, name, given[name])
            except Dropped:
                continue
    if (target := named_targets(state, given)) is not None:
        body["targetables"] = target
    missing = [name for name in REQUIRED[plural] if not body.get(name)]
    if missing:
        names = ("Targetable" if name == "targetables" else name.removesuffix("_id") for name in missing)
        raise refused(*(f"{name.replace('_', ' ').capitalize()} can't be blank" for name in names))
    match plural:
        case "tasks":
            body.setdefault("owner_id", key_user(state))
            body.setdefault("status", 0)
            done = body["status"] == 1
            body["completed_date"] = (body.get("completed_date") or state.stamp()) if done else None
        case "appointments":
            _check_span(state, body["from_date"], body["end_date"])
            if not state.switches["appointment_owner_kept"]:
                body.pop("owner_id", None)
            body.setdefault("time_zone", "Eastern Time (US & Canada)")
            _set_attendees(state, body, given)
        case "notes":
            body["html_content"] = body["description"]
        case "sales_activities":
            _check_span(state, body["start_date"], body["end_date"])
            body["conversation_time"] = body["end_date"]
            first = body["targetables"][0] if body["targetables"] else {"id": None, "type": None}
            body |= {"targetable_id": first["id"], "targetable_type": first["type"]}
            if "custom_field" in given:
                state.schema["custom_fields"].setdefault(plural, [])
                body["custom_field"] = read_custom(state, plural, given["custom_field"], {})
    return body


def _check_span(state: State, start: str, end: str) -> None:
    if _seconds(start) > _seconds(end):
        raise refused("End date should be after start date")


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _set_attendees(state: State, body: Record, given: Record) -> None:
    """Keep attendees; an attending contact gets an invitation in a real tenant, so it is logged."""
    listed = given.get("appointment_attendees_attributes")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        return
    kept = list(body.get("attendees", []))
    for one in listed:
        kind, target = str(one.get("attendee_type")), str(one.get("attendee_id"))
        person = state.read("contacts", int(target)) if kind == "Contact" and target.isdecimal() else None
        known = kind == "FdMultitenant::User" and any(str(user["id"]) == target for user in state.schema["users"])
        if not person and not known:
            raise refused("Appointment attendee is invalid")
        kept.append({"id": state.new_id(), "attendee_type": kind, "attendee_id": int(target)})
        if person and person.get("email"):
            told = {"kind": "invitation", "name": "Appointment invitation", "to": person["email"]}
            state.log("message", told | {"entity": "contacts", "id": person["id"]})
    body["attendees"] = kept
    body["appointment_attendee_ids"] = [one["id"] for one in kept]


def _store(state: State, plural: str, body: Record) -> None:
    state.set_targets(plural, body["id"], [(one["type"], one["id"]) for one in body.get("targetables", [])])


def _answer(state: State, plural: str, body: Record, includes: frozenset[str]) -> Record:
    loads, shown = activity_loads(state, [body], includes), show_activity(state, plural, body, includes)
    if plural == "appointments":
        loads = {"appointment_attendees": body.get("attendees", [])} | loads | {"conferences": [], "notes": []}
    return loads | {SINGULAR[plural]: shown}


# -- the endpoints
def create(plural: str, call: Call) -> Reply:
    """Answer POST of an activity; nothing prevents a second one with the same content."""
    state = call.state
    body = make_activity(state, plural, call.wrapped(SINGULAR[plural]), None)
    now = state.stamp()
    body = {"id": state.new_id(), "created_at": now, "updated_at": now, "creater_id": key_user(state)} | body
    state.insert(plural, body)
    _store(state, plural, body)
    set_off(state, plural, body)
    return Reply(int(state.switches["create_status"]), _answer(state, plural, body, call.includes()))


def view(plural: str, call: Call) -> Reply:
    """Answer GET of one activity."""
    body = call.state.read(plural, call.record_id())
    if body is None:
        raise not_found(SINGULAR[plural].capitalize())
    return Reply(200, _answer(call.state, plural, body, call.includes()))


def update(plural: str, call: Call) -> Reply:
    """Answer PUT of an activity."""
    state = call.state
    old = state.read(plural, call.record_id())
    if old is None:
        raise not_found(SINGULAR[plural].capitalize())
    body = make_activity(state, plural, call.wrapped(SINGULAR[plural]), old)
    body |= {"updated_at": state.stamp(), "updater_id": key_user(state)}
    state.update(body)
    _store(state, plural, body)
    return Reply(200, _answer(state, plural, body, call.includes()))


def delete(plural: str, call: Call) -> Reply:
    """Answer DELETE of an activity."""
    if call.state.read(plural, call.record_id()) is None:
        raise not_found(SINGULAR[plural].capitalize())
    call.state.set_deleted(call.record_id(), deleted=True)
    return Reply(200, {"success": "200"})


def listing(plural: str, call: Call) -> Reply:
    """Answer the list of tasks, appointments or sales activities, by page, oldest first."""
    state, (page, size) = call.state, call.page()
    asked = str(call.asked("filter", "")).strip().casefold().replace(" ", "_")
    where = "entity = :entity AND is_deleted = 0"
    if asked in FILTERS:
        where += f" AND {FILTERS[asked]}"
    values = {"entity": plural, "now": state.now(), "today": _midnight(state), "size": size, "skip": (page - 1) * size}
    total = state.db.execute(f"SELECT count(*) FROM records WHERE {where}", values).fetchone()[0]
    rows = state.db.execute(f"SELECT id FROM records WHERE {where} ORDER BY id LIMIT :size OFFSET :skip", values)
    bodies = [body for row in rows.fetchall() if (body := state.read(plural, row[0]))]
    includes = call.includes()
    shown = [show_activity(state, plural, body, includes) for body in bodies]
    meta = {"total": total} if plural != "sales_activities" else {"total_pages": -(-total // size), "total": total}
    return Reply(200, activity_loads(state, bodies, includes) | {plural: shown, "meta": meta})


def _midnight(state: State) -> float:
    return datetime.fromisoformat(state.today()).replace(tzinfo=state.zone).timestamp()


# -- by the record they hang on
def children(entity: str, plural: str, call: Call) -> Reply:
    """Answer GET /:plural/:id/notes and its like, by page."""
    state, target, (page, size) = call.state, call.record_id(), call.page()
    if state.read(entity, target) is None:
        raise not_found(MODEL[entity])
    kind = "documents" if plural == "document_associations" else plural
    if plural == "activities":
        found = [
            show(state, name, body) | {"type": SINGULAR[name]}
            for name in SINGULAR
            for body in state.hanging(MODEL[entity], target, name)
        ]
    elif kind == "documents":
        hidden = {"sha256", "targetables"}
        files = state.hanging(MODEL[entity], target, kind)
        found = [{name: value for name, value in body.items() if name not in hidden} for body in files]
    else:
        found = [show(state, kind, body) for body in state.hanging(MODEL[entity], target, kind)]
    meta = {"total_pages": -(-len(found) // size), "total": len(found)}
    return Reply(200, {plural: found[(page - 1) * size : page * size], "meta": meta})


# -- files and links
def upload(call: Call) -> Reply:
    """Answer POST /documents: size and hash are kept, the bytes are not; the reply tells no hash."""
    state = call.state
    content = call.upload
    if content is None or call.files > 1:
        raise refused("File can't be blank" if content is None else "One file a call")
    if len(content) > state.switches["document_megabytes"] * 1024**2:
        raise refused("File is too large", code=413)
    seats = max(state.read_meta("seats"), sum(user["is_active"] for user in state.schema["users"]))
    quota = readings()["plans"][state.plan]["storage_gb"] * 1024**3 * seats
    stored = state.read_meta("stored_bytes") or 0
    if stored + len(content) > quota:
        raise refused("Storage limit exceeded")
    state.write_meta("stored_bytes", stored + len(content))
    named: Record = {
        "file_name": read_text(state, "File name", call.asked("file_name") or "file", 255),
        "size": len(content),
    }
    return _keep_file(call, named | {"kind": "document", "sha256": hashlib.sha256(content).hexdigest()})


def link(call: Call) -> Reply:
    """Answer POST /document_links."""
    if not call.asked("url") or not call.asked("name"):
        raise refused("Url can't be blank" if not call.asked("url") else "Name can't be blank")
    return _keep_file(call, {"kind": "document_link", "name": call.asked("name"), "url": call.asked("url")})


def _keep_file(call: Call, body: Record) -> Reply:
    state = call.state
    target = target_of(state, call.asked("targetable_type"), call.asked("targetable_id"))
    if target is None:
        raise refused("Targetable is invalid")
    file = state.new_id()
    told: Record = {"id": file, "is_shared": str(call.asked("is_shared")).casefold() in ("true", "1")}
    told |= {"url": f"/crm/sales/attachments/{file}", "created_at": state.stamp(), "creater_id": key_user(state)}
    body = told | body | {"targetables": [{"id": target[1], "type": target[0]}]}
    state.insert("documents", body)
    state.set_targets("documents", file, [target])
    return Reply(int(state.switches["create_status"]), {"id": file, "msg": "success", "url": body["url"]})
