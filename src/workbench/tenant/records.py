"""The life of contacts, accounts and deals: create, update, upsert, clone, bin, forget; and what that sets off."""

from __future__ import annotations

from workbench.tenant.bodies import PEOPLE, check_unique, folded, keys_of, make_body
from workbench.tenant.calls import Call, Reply, not_found, refused
from workbench.tenant.schema import ENTITY, MODEL, SINGULAR
from workbench.tenant.shown import CHILDREN, envelope
from workbench.tenant.state import Json, Record, State


def key_user(state: State) -> int:
    """Return the user whose keys these are."""
    return int(state.schema["users"][0]["id"])


# -- writing
def create_record(
    state: State, entity: str, given: Record, *, lag: float = 0.0, bulk: bool = False, quiet: bool = False
) -> Record:
    """Store a new record and set off what a real tenant would, unless that is long ago (`quiet`)."""
    body = make_body(state, entity, given, None)
    record_id, now = state.new_id(), state.stamp()
    keys = keys_of(state, entity, body)
    check_unique(state, entity, record_id, keys)
    stamps = {"creater_id": key_user(state), "updater_id": None, "created_at": now, "updated_at": now}
    body = {"id": record_id} | stamps | body
    if body.get("owner_id"):
        body["last_assigned_at"] = now
    state.insert(entity, body, lag=lag)
    state.set_keys(entity, record_id, keys)
    _link(state, entity, body)
    if not quiet:
        set_off(state, entity, body, bulk=bulk)
    return body


def update_record(state: State, entity: str, record_id: int, given: Record, *, upsert: bool = False) -> Record:
    """Store a record's changes; a PUT and an upsert differ in what becomes of the custom fields not given."""
    old = state.read(entity, record_id)
    if old is None:
        raise not_found(MODEL[entity])
    replaces = bool(state.switches["upsert_replaces_custom_field" if upsert else "put_replaces_custom_field"])
    body = make_body(state, entity, given, old, replaces=replaces)
    keys = keys_of(state, entity, body)
    check_unique(state, entity, record_id, keys)
    if state.switches["record_dates_ignored"] or "updated_at" not in given:
        body["updated_at"] = state.stamp()
    body["updater_id"] = key_user(state)
    if body.get("owner_id") != old.get("owner_id"):
        body["last_assigned_at"] = body["updated_at"]
    state.update(body)
    state.set_keys(entity, record_id, keys)
    _link(state, entity, body)
    return body


def _link(state: State, entity: str, body: Record) -> None:
    """Index what a deal or contact hangs on, so that the other side can list it."""
    if entity == "sales_accounts":
        linked = [("ChildOf", body.get("parent_sales_account_id"))]
    elif entity == "leads":
        linked = []
    elif entity == "contacts":
        linked = [("SalesAccount", one["id"]) for one in body.get("sales_accounts", [])]
    else:
        linked = [("SalesAccount", body.get("sales_account_id", 0))]
        linked += [("Contact", one) for one in body.get("contact_ids", [])]
    state.set_targets(entity, body["id"], [(kind, target) for kind, target in linked if target])


def delete_record(state: State, entity: str, record_id: int, *, forget: bool = False) -> None:
    """Move a record to the bin, or purge it; its children stay, unlinked, unless the switch says otherwise."""
    if state.read(entity, record_id) is None and (not forget or state.read(entity, record_id, deleted=True) is None):
        raise not_found(MODEL[entity])
    for plural in CHILDREN:
        for child in state.hanging(MODEL[entity], record_id, plural):
            if state.switches["children_follow_parent"]:
                state.set_deleted(child["id"], deleted=True)
            else:
                unlink(state, plural, child, record_id)
    if entity == "sales_accounts":  # links to deals and child accounts are lost for good, even after a restore
        _drop_account(state, record_id)
    if forget:
        state.purge(record_id)
    else:
        state.set_deleted(record_id, deleted=True)


def unlink(state: State, plural: str, child: Record, target: int) -> None:
    """Take one target off an activity or file."""
    child["targetables"] = [one for one in child.get("targetables", []) if one["id"] != target]
    state.update(child)
    state.set_targets(plural, child["id"], [(one["type"], one["id"]) for one in child["targetables"]])


def _drop_account(state: State, account: int) -> None:
    for deal in state.hanging("SalesAccount", account, "deals"):
        deal.pop("sales_account_id", None)
        state.update(deal)
        _link(state, "deals", deal)
    for child in state.hanging("ChildOf", account, "sales_accounts"):
        child.pop("parent_sales_account_id", None)
        state.update(child)
        _link(state, "sales_accounts", child)


def find_record(state: State, entity: str, name: str, value: Json) -> int | None:
    """Return the live record that a unique identifier names; other fields identify nothing."""
    if name == "id":
        found = int(value) if str(value).isdecimal() else 0
        return found if state.read(entity, found) else None
    unique = {own["name"] for own in state.schema["custom_fields"][entity] if own["unique"]}
    standard = {
        "contacts": {"emails", "email", "mobile_number", "work_number", "external_id"},
        "leads": {"emails", "email", "mobile_number", "work_number", "external_id"},
        "sales_accounts": {"name"},
        "deals": set(),
    }
    if name not in unique | standard[entity]:
        raise refused(f"{name} is not a unique identifier")
    if isinstance(value, (list, dict)) or value in (None, ""):
        raise refused(f"The type for {name} is invalid.")
    for field in ("email", "emails") if name in ("email", "emails") else (name,):
        if holders := state.holders(entity, field, folded(value), deleted=False):
            return holders[0]
    return None


def upsert_record(state: State, entity: str, identifier: Record, given: Record) -> tuple[Record, bool]:
    """Update the record that the identifier names, else create one; True says created."""
    if len(identifier) != 1:
        raise refused("unique_identifier is invalid")
    ((name, value),) = identifier.items()
    found = find_record(state, entity, name, value)
    if found is not None:
        return update_record(state, entity, found, given, upsert=True), False
    return create_record(state, entity, with_identifier(given, name, value)), True


def with_identifier(given: Record, name: str, value: Json) -> Record:
    """Return the fields of a new record with its identifier among them."""
    if name == "id":
        raise not_found()
    if name.startswith("cf_"):
        custom = given.get("custom_field") or {}
        return given | {"custom_field": {name: value} | custom if isinstance(custom, dict) else custom}
    if name in ("email", "emails") and ("email" in given or "emails" in given):
        return given
    return {name: value} | given


def merge_records(state: State, entity: str, survivor: int, merged: list[int]) -> Record:
    """Merge as a user does: the survivor keeps its values, blanks are filled, the others are gone for good."""
    body = state.read(entity, survivor)
    others = [one for other in merged if (one := state.read(entity, other)) and other != survivor]
    if body is None or not others:
        raise not_found(MODEL[entity])
    for other in sorted(others, key=lambda one: str(one.get("updated_at")), reverse=True):
        body |= {name: value for name, value in other.items() if body.get(name) in (None, "", [], {})}
        body["custom_field"] = other.get("custom_field", {}) | body.get("custom_field", {})
        body["created_at"] = min(body["created_at"], other["created_at"])
        hung = state.db.execute("SELECT entity, id FROM targets WHERE target = ?", (other["id"],)).fetchall()
        for plural, child in hung:
            _move_child(state, plural, child, other["id"], survivor)
        state.purge(other["id"])
    body["updated_at"] = state.stamp()
    state.update(body)
    state.set_keys(entity, survivor, keys_of(state, entity, body))
    return body


def _move_child(state: State, plural: str, child_id: int, old: int, new: int) -> None:
    """Hang what hung on a merged record on its survivor."""
    child = state.read(plural, child_id) or state.read(plural, child_id, deleted=True) or {}
    for name in ("sales_account_id", "parent_sales_account_id", "targetable_id"):
        if child.get(name) == old:
            child[name] = new
    for name in ("targetables", "sales_accounts"):
        if name in child:
            child[name] = [one | {"id": new} if one["id"] == old else one for one in child[name]]
    if "contact_ids" in child:
        child["contact_ids"] = list(dict.fromkeys(new if one == old else one for one in child["contact_ids"]))
    state.update(child)
    if plural in SINGULAR:
        _link(state, plural, child)
    else:
        state.set_targets(plural, child_id, [(one["type"], one["id"]) for one in child["targetables"]])


# -- what a create sets off
def set_off(state: State, entity: str, body: Record, *, bulk: bool = False) -> None:
    """Log the side effects of a new record, and the messages that its person would get."""
    on = state.schema["automations"]
    told = {"entity": entity, "id": body["id"], "bulk": bulk}
    if on["workflows"]:
        state.log("side_effect", {"kind": "workflow", "name": "Record created"} | told)
    if on["auto_assignment"] and entity in SINGULAR and not body.get("owner_id"):
        state.log("side_effect", {"kind": "auto_assignment", "name": "Assignment rules ran"} | told)
    if entity not in PEOPLE:
        return
    if body.get("email") and body.get("subscription_status") == 1:
        for automation, name in (("workflows", "Welcome e-mail"), ("sequences", "First sequence e-mail")):
            if on[automation]:
                state.log("message", {"kind": automation, "name": name, "to": body["email"]} | told)
    lead = state.schema["lists"]["lifecycle_stages"][0]["id"]
    if on["workflows"] and state.switches["lead_workflow_task"] and body.get("lifecycle_stage_id") == lead:
        task: Record = {"id": state.new_id(), "title": "Call the new lead", "due_date": state.stamp(), "status": 0}
        task |= {"created_at": state.stamp(), "updated_at": state.stamp(), "creater_id": key_user(state)}
        state.insert("tasks", task | {"targetables": [{"id": body["id"], "type": "Contact"}]})
        state.set_targets("tasks", task["id"], [("Contact", body["id"])])


def target_of(state: State, kind: Json, target: Json) -> tuple[str, int] | None:
    """Return a live record that an activity may hang on, as (type, id)."""
    model = str(kind or "")
    if model not in ENTITY or ENTITY[model] not in SINGULAR or not str(target).isdecimal():
        return None
    return (model, int(target)) if state.read(ENTITY[model], int(target)) else None


def named_targets(state: State, given: Record) -> list[Record] | None:
    """Return the targets that a body names, None when it names none; an unknown one is refused."""
    named = given.get("targetable")
    pairs = [(given.get("targetable_type"), given.get("targetable_id"))] if given.get("targetable_id") else []
    if isinstance(named, dict):
        pairs = [(named.get("type"), named.get("id"))]
    listed = given.get("targetables_attributes") or given.get("targetables")
    if isinstance(listed, list):
        if not all(isinstance(one, dict) for one in listed):
            raise refused("The type for targetables is invalid.")
        pairs = [(one.get("type") or one.get("targetable_type"), one.get("id")) for one in listed if one]
    if not pairs:
        return None
    targets = [target_of(state, kind, target) for kind, target in pairs]
    if None in targets:
        raise refused("Targetable is invalid")
    return [{"id": one[1], "type": one[0]} for one in targets if one]


# -- the endpoints
def create(entity: str, call: Call) -> Reply:
    """Answer POST /:plural."""
    body = create_record(call.state, entity, call.wrapped(SINGULAR[entity]))
    shown = envelope(call.state, entity, body, call.includes())
    return Reply(int(call.state.switches["create_status"]), shown)


def view(entity: str, call: Call) -> Reply:
    """Answer GET /:plural/:id."""
    body = call.state.read(entity, call.record_id())
    if body is None:
        raise not_found(MODEL[entity])
    return Reply(200, envelope(call.state, entity, body, call.includes()) | {"meta": None})


def update(entity: str, call: Call) -> Reply:
    """Answer PUT /:plural/:id."""
    body = update_record(call.state, entity, call.record_id(), call.wrapped(SINGULAR[entity]))
    return Reply(200, envelope(call.state, entity, body, call.includes()))


def delete(entity: str, call: Call) -> Reply:
    """Answer DELETE /:plural/:id: the record goes to the bin."""
    delete_record(call.state, entity, call.record_id())
    return Reply(200, True)


def forget(entity: str, call: Call) -> Reply:
    """Answer DELETE /:plural/:id/forget: the record is purged."""
    delete_record(call.state, entity, call.record_id(), forget=True)
    return Reply(200, True)


def clone(entity: str, call: Call) -> Reply:
    """Answer POST /:plural/:id/clone: a new record from an old one and the overrides."""
    old = call.state.read(entity, call.record_id())
    if old is None:
        raise not_found(MODEL[entity])
    if entity == "deals":
        old["contacts_added_list"] = old.get("contact_ids", [])
    given = call.wrapped(SINGULAR[entity])
    if "email" in given or "emails" in given:  # other addresses stand for the old ones, not beside them
        old = {name: value for name, value in old.items() if name not in ("email", "emails")}
    elif "emails" in old:
        old["emails"] = [{"value": one["value"], "is_primary": one["is_primary"]} for one in old["emails"]]
    if isinstance(given.get("custom_field"), dict):
        given = given | {"custom_field": old.get("custom_field", {}) | given["custom_field"]}
    body = create_record(call.state, entity, old | given)
    return Reply(int(call.state.switches["create_status"]), envelope(call.state, entity, body, call.includes()))


def upsert(entity: str, call: Call) -> Reply:
    """Answer POST /:plural/upsert: 201 for a new record, 200 for a known one."""
    identifier = call.asked("unique_identifier")
    if not isinstance(identifier, dict) or not isinstance(call.body, dict):
        raise refused("unique_identifier is invalid")
    given = call.body.get(SINGULAR[entity])
    body, created = upsert_record(call.state, entity, identifier, given if isinstance(given, dict) else {})
    return Reply(201 if created else 200, envelope(call.state, entity, body, call.includes()))
