"""How records are found again: views by page, lookup, search, filtered search and lists; the index lags."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import orjson

from workbench.tenant.bodies import PEOPLE, folded, keys_of
from workbench.tenant.calls import Call, Reply, not_found, refused
from workbench.tenant.records import key_user
from workbench.tenant.schema import MODEL, SINGULAR, modules
from workbench.tenant.shown import brief, show, side_loads
from workbench.tenant.state import Json, Record, State

BIN = "Recycle Bin"
LIST_VERBS = ("add_contacts", "remove_contacts", "move_contacts")
SORTS = {"updated_at": "updated", "created_at": "id", "id": "id"}
CLOSED = {"Open Deals": "Open", "Won Deals": "Closed Won", "Lost Deals": "Closed Lost"}
PARTIAL = (
    *("id", "job_title", "lead_score", "email", "work_number", "mobile_number", "open_deals_amount", "display_name"),
    *("name", "amount", "website", "phone", "first_name", "last_name", "city", "country", "created_at", "updated_at"),
)


def filters(entity: str, call: Call) -> Reply:
    """Answer GET /:plural/filters: the views of a module."""
    common = {"model_class_name": MODEL[entity], "user_id": 0, "is_default": True}
    common |= {"updated_at": call.state.stamp(), "user_name": None, "current_user_permissions": []}
    return Reply(200, {"filters": [one | common for one in call.state.schema["views"][entity]], "meta": {}})


def view(entity: str, call: Call) -> Reply:
    """Answer GET /:plural/view/:id: one page; past the end the totals are 0."""
    state, (page, size) = call.state, call.page()
    named = next((one["name"] for one in state.schema["views"][entity] if one["id"] == call.record_id()), None)
    if named is None:
        raise not_found("View")
    where, values = _view_rows(state, entity, named)
    asked = str(call.asked("sort", "updated_at"))
    column = SORTS.get(asked) or ("json_extract(body, '$.' || :sort)" if asked.isidentifier() else "id")
    descending = str(call.asked("sort_type", "desc")).casefold() != "asc"
    values |= {"sort": asked, "size": size, "skip": (page - 1) * size}
    order = "DESC" if descending else "ASC"
    bodies = list(
        state.each(
            f"SELECT body FROM records WHERE {where} ORDER BY {column} {order}, id {order} LIMIT :size OFFSET :skip",
            values,
        )
    )
    total = state.db.execute(f"SELECT count(*) FROM records WHERE {where}", values).fetchone()[0] if bodies else 0
    includes = call.includes()
    first, last = side_loads(state, entity, bodies, includes)
    shown = [show(state, entity, body, includes) | {"is_deleted": named == BIN} for body in bodies]
    meta = _meta(total, size) | _avatars(entity, bodies)
    return Reply(200, first | {entity: shown} | last | {"meta": meta})


def _plural(state: State, singular: str) -> str | None:
    return next((plural for plural, one in modules(state.edition).items() if one == singular), None)


def _meta(total: int, size: int) -> Record:
    return {"total_pages": -(-total // size), "total": total}


def _avatars(entity: str, bodies: list[Record]) -> Record:
    return {"avatar_data": {MODEL[entity]: {str(body["id"]): None for body in bodies}}}


def _view_rows(state: State, entity: str, named: str) -> tuple[str, Record]:
    """Return the condition of a view; deals have no view of all, and views show bulk rows late."""
    where = "entity = :entity AND is_deleted = :deleted AND listed_at <= :now"
    values: Record = {"entity": entity, "deleted": named == BIN, "now": state.now()}
    if named in CLOSED:
        stages = [one for line in state.schema["lists"]["deal_pipelines"] for one in line["deal_stages"]]
        ids = ", ".join(str(one["id"]) for one in stages if one["forecast_type"] == CLOSED[named])
        where += f" AND status IN ({ids})"
    elif named.startswith("My Territory"):
        where += " AND json_extract(body, '$.territory_id') IS NOT NULL"
    elif named.startswith("My "):
        where += " AND json_extract(body, '$.owner_id') = :me"
        values["me"] = key_user(state)
    elif named == "Recently Imported":
        where += " AND 0"  # the vendor's own imports; nothing here comes that way
    return where, values


def lookup(call: Call) -> Reply:
    """Answer GET /lookup: exact matches on one field, nested twice for each entity."""
    state, name, wanted = call.state, str(call.asked("f", "")), str(call.asked("q", ""))
    answer: Record = {}
    entities = [_plural(state, singular.strip()) for singular in str(call.asked("entities", "")).split(",")]
    if None in entities:
        raise refused("entities is invalid")
    for entity in filter(None, entities):
        field = "emails" if entity in PEOPLE and name == "email" else name
        ids = _index_rows(state, entity, field, wanted) if wanted else []
        bodies = [body for one in ids[:25] if (body := state.read(entity, one))]
        shown = [show(state, entity, body, call.includes()) for body in bodies]
        answer[entity] = {entity: [one | {"partial": True} for one in shown]}
    return Reply(200, answer)


def _index_rows(state: State, entity: str, name: str, wanted: str) -> list[int]:
    """Return the live records that the index knows by a value; a custom field is indexed when first asked for."""
    own = next((one for one in state.schema["custom_fields"][entity] if one["name"] == name), None)
    if own and not own["unique"] and name not in state.schema["indexed"][entity]:
        state.schema["indexed"][entity].append(name)
        state.save_schema()
        reindex(state, entity)
        state.db.execute("UPDATE keys SET found_at = 0 WHERE entity = ? AND field = ?", (entity, name))
    rows = state.db.execute(
        "SELECT k.id FROM keys k JOIN records r ON r.id = k.id WHERE k.entity = ? AND k.field = ? AND k.value = ?"
        " AND r.is_deleted = 0 AND k.found_at <= ? AND r.found_at <= ? ORDER BY k.id",
        (entity, name, folded(wanted), state.now(), state.now()),
    )
    return [row[0] for row in rows]


def reindex(state: State, entity: str) -> None:
    """Write the keys of every record of an entity anew, those in the bin too."""
    for (text,) in state.db.execute("SELECT body FROM records WHERE entity = ?", (entity,)).fetchall():
        body = orjson.loads(text)
        state.set_keys(entity, body["id"], keys_of(state, entity, body))


def search(call: Call) -> Reply:
    """Answer GET /search: a top-level array over entities, by words of the names and keys."""
    state, wanted = call.state, folded(call.asked("q", ""))
    found: list[Record] = []
    for singular in sorted(call.includes()):
        if singular == "user":
            found += [
                {"id": str(user["id"]), "type": "user", "name": user["display_name"], "email": user["email"]}
                for user in state.schema["users"]
                if wanted in folded(f"{user['display_name']} {user['email']}")
            ]
        entity = _plural(state, singular)
        if entity and wanted:
            rows = state.db.execute(
                "SELECT DISTINCT k.id FROM keys k JOIN records r ON r.id = k.id WHERE k.entity = ? AND r.is_deleted = 0"
                " AND k.found_at <= ? AND r.found_at <= ? AND instr(k.value, ?) ORDER BY k.id LIMIT 25",
                (entity, state.now(), state.now(), wanted),
            ).fetchall()
            found += [_hit(state, entity, row[0]) for row in rows]
    return Reply(200, found)


def _hit(state: State, entity: str, record_id: int) -> Record:
    told = brief(state, entity, record_id) or {}
    name = told.get("display_name") or told.get("name")
    return {"id": str(record_id), "type": SINGULAR[entity], "name": name, "email": told.get("email"), "avatar": None}


def filtered_search(call: Call) -> Reply:
    """Answer POST /filtered_search/:singular: partial records without custom fields, total without pages."""
    state, entity, (page, size) = call.state, _plural(call.state, call.ids[0]), call.page()
    if entity is None:
        raise not_found("Module")
    rules = call.asked("filter_rule")
    if not isinstance(rules, list) or not rules:
        raise refused("filter_rule is invalid")
    where = "SELECT body FROM records WHERE entity = ? AND is_deleted = 0 AND listed_at <= ? AND found_at <= ?"
    bodies = [
        body
        for body in state.each(where, (entity, state.now(), state.now()))
        if all(_matches(body, rule) for rule in rules)
    ]
    name = str(call.asked("sort", "id"))
    bodies.sort(
        key=lambda body: (str(body.get(name) or ""), body["id"]) if name != "id" else ("", body["id"]),
        reverse=str(call.asked("sort_type", "asc")).casefold() == "desc",
    )
    shown = []
    for body in bodies[(page - 1) * size : page * size]:
        whole = show(state, entity, body)
        shown.append({"partial": True} | {key: whole[key] for key in PARTIAL if key in whole})
    return Reply(200, {entity: shown, "meta": {"total": len(bodies)}})


def _matches(body: Record, rule: Json) -> bool:
    """Say whether a record meets one rule; an unknown operator is refused."""
    if not isinstance(rule, dict) or "attribute" not in rule or str(rule.get("operator")) not in OPERATORS:
        raise refused("filter_rule is invalid")
    name = str(rule["attribute"]).removeprefix("cf.")
    held = body.get("custom_field", {}).get(name) if name.startswith("cf_") else body.get(name)
    if name == "contact_email.email":
        held = [one["value"] for one in body.get("emails", [])]
    values = rule.get("value")
    wanted = [folded(one) for one in (values if isinstance(values, list) else [values])]
    has = [folded(one) for one in (held if isinstance(held, list) else [held]) if one is not None]
    return OPERATORS[str(rule["operator"])](has, wanted)


def _gap(has: list[str], wanted: list[str]) -> float:
    """Return by how many seconds a held time is later than the asked one; 0 when either is none."""
    try:
        return _time(has[0]) - _time(wanted[0])
    except (ValueError, IndexError, OverflowError):
        return 0.0


def _time(folded_text: str) -> float:
    return datetime.fromisoformat(folded_text.upper()).timestamp()


OPERATORS: dict[str, Callable[[list[str], list[str]], bool]] = {
    "is_in": lambda has, wanted: any(one in wanted for one in has),
    "is_not_in": lambda has, wanted: not any(one in wanted for one in has),
    "contains": lambda has, wanted: any(part in one for one in has for part in wanted),
    "is_empty": lambda has, _: not has,
    "is_not_empty": lambda has, _: bool(has),
    "is_after": lambda has, wanted: _gap(has, wanted) > 0,
    "is_before": lambda has, wanted: _gap(has, wanted) < 0,
}


# -- lists of contacts
def lists(call: Call) -> Reply:
    """Answer GET and POST /lists."""
    state = call.state
    if call.method == "POST":
        name = call.wrapped("list").get("name")
        if not name:
            raise refused("Name can't be blank")
        body = {"id": state.new_id(), "name": str(name), "contact_ids": []}
        state.insert("lists", body)
        return Reply(int(state.switches["create_status"]), {"list": {"id": body["id"], "name": name}})
    page, size = call.page()
    found = list(state.each("SELECT body FROM records WHERE entity = 'lists' AND is_deleted = 0 ORDER BY id"))
    shown = [{"id": one["id"], "name": one["name"]} for one in found[(page - 1) * size : page * size]]
    return Reply(200, {"lists": shown, "meta": _meta(len(found), size)})


def _list(call: Call, record_id: int) -> Record:
    body = call.state.read("lists", record_id)
    if body is None:
        raise not_found("List")
    return body


def change_list(call: Call) -> Reply:
    """Answer PUT and DELETE /lists/:id."""
    body = _list(call, call.record_id())
    if call.method == "DELETE":
        call.state.set_deleted(body["id"], deleted=True)
        return Reply(200, True)
    body["name"] = str(call.wrapped("list").get("name") or body["name"])
    call.state.update(body)
    return Reply(200, {"list": {"id": body["id"], "name": body["name"]}})


def move_contacts(verb: str, call: Call) -> Reply:
    """Answer PUT /lists/:id/add_contacts, remove_contacts and move_contacts."""
    body = _list(call, call.record_id())
    asked = call.asked("ids")
    ids = [int(one) for one in asked if str(one).isdecimal()] if isinstance(asked, list) else []
    if verb == "remove_contacts":
        every = bool(call.asked("all"))
        body["contact_ids"] = [] if every else [one for one in body["contact_ids"] if one not in ids]
        if every:
            call.state.update(body)
            return Reply(200, {"message": "Updating now... we'll let you know once this is done."})
    else:
        known = [one for one in ids if call.state.read("contacts", one)]
        body["contact_ids"] += [one for one in known if one not in body["contact_ids"]]
        if verb == "move_contacts" and call.asked("from_list_id"):
            source = str(call.asked("from_list_id"))
            old = _list(call, int(source) if source.isdecimal() else 0)
            old["contact_ids"] = [one for one in old["contact_ids"] if one not in known]
            call.state.update(old)
    call.state.update(body)
    return Reply(200, {"message": f"{len(ids)} contact{'' if len(ids) == 1 else 's'} updated."})


def list_contacts(call: Call) -> Reply:
    """Answer GET /contacts/lists/:id."""
    page, size = call.page()
    held = _list(call, call.record_id())["contact_ids"]
    bodies = [body for one in held if (body := call.state.read("contacts", one))]
    part = bodies[(page - 1) * size : page * size]
    shown = [show(call.state, "contacts", body) for body in part]
    return Reply(200, {"contacts": shown, "meta": _meta(len(bodies), size) | _avatars("contacts", part)})
