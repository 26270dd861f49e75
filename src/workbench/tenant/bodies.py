"""What a write makes of a contact, account or deal: the body that is kept, its keys, and what must be unique."""

from __future__ import annotations

from decimal import Decimal

from workbench.tenant.calls import refused
from workbench.tenant.fields import EMAIL, FIELDS, PHONE, TEXT, Dropped, read_custom, read_day, read_text, read_value
from workbench.tenant.schema import find_stage
from workbench.tenant.state import Json, Record, State

PHONE_LABELS = ("Personal", "Home", "Other")
EMAIL_LABELS = ("Work", "Personal", "Other")
REQUIRED = {"contacts": (), "sales_accounts": ("name",), "deals": ("name", "amount"), "leads": ()}
PEOPLE = {"contacts": "Contact", "leads": "Lead"}
COMPANY = ("name", "address", "city", "state", "zipcode", "country", "phone", "website")
IDENTITY = ("email", "mobile_number", "work_number", "external_id")


def make_body(state: State, entity: str, given: Record, old: Record | None, *, replaces: bool = True) -> Record:
    """Return the body after a create (`old` is None) or an update; what is not given stays.

    `replaces` says that a given custom_field object replaces the old one as a whole.
    """
    body: Record = dict(old or {})
    for name, kind in FIELDS[entity].items():
        if name in given and not (name == "contact_status_id" and old is None and _status_ignored(state)):
            try:
                body[name] = read_value(state, kind, _label(name), given[name])
            except Dropped:
                continue
    if "custom_field" in given:
        kept = {} if replaces else body.get("custom_field", {})
        body["custom_field"] = read_custom(state, entity, given["custom_field"], kept)
    if not state.switches["record_dates_ignored"]:
        body |= {name: given[name] for name in ("created_at", "updated_at") if name in given}
    match entity:
        case "contacts":
            _finish_contact(state, body, given, old)
        case "leads":
            _finish_lead(state, body, given, old)
        case "deals":
            _finish_deal(state, body, given, old)
    _require(state, entity, body)
    return {name: value for name, value in body.items() if value is not None}


def _status_ignored(state: State) -> bool:
    return bool(state.switches["status_ignored_on_post"])


def _label(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ").capitalize()


def _require(state: State, entity: str, body: Record) -> None:
    """Refuse a body that lacks a required field, naming each by its label."""
    own = [one for one in state.schema["custom_fields"][entity] if one["required"]]
    missing = [one["label"] for one in own if body.get("custom_field", {}).get(one["name"]) is None]
    names = (*REQUIRED[entity], *state.switches["required_fields"].get(entity, ()))
    missing += [_label(name) for name in names if body.get(name) in (None, "", [])]
    if entity in PEOPLE:
        if state.switches["contact_email_mandatory"] and not body.get("email"):
            missing.append("Email")
        if state.switches["contact_identity_needed"] and not any(body.get(name) for name in IDENTITY):
            missing.append("One of e-mail, mobile, work number or external ID")
    if missing:
        raise refused(*(f"{label} can't be blank" for label in missing))


# -- contacts
def _finish_lead(state: State, body: Record, given: Record, old: Record | None) -> None:
    _finish_person(state, body, given, old)
    company = given.get("company")
    if "company" in given and not isinstance(company, dict | None):
        raise refused("The type for company is invalid.")
    if isinstance(company, dict):
        named = {name: company[name] for name in COMPANY if company.get(name) not in (None, "")}
        body["company"] = {name: read_text(state, _label(name), value, TEXT) for name, value in named.items()} or None


def _finish_person(state: State, body: Record, given: Record, old: Record | None) -> None:
    _set_emails(state, body, given)
    if "phone_numbers" in given:
        body["phone_numbers"] = _group(state, body.get("phone_numbers", []), given["phone_numbers"], "phone_numbers")
    if old is None:
        body.setdefault("subscription_status", state.switches["new_contacts_subscribed"])
    named = " ".join(body[name] for name in ("first_name", "last_name") if body.get(name))
    body["display_name"] = named or body.get("email") or body.get("mobile_number") or body.get("work_number")


def _finish_contact(state: State, body: Record, given: Record, old: Record | None) -> None:
    _finish_person(state, body, given, old)
    if "sales_accounts" in given or "sales_account_id" in given:
        body["sales_accounts"] = _account_links(state, given)
    if state.edition == "classic":  # lifecycle stages are Suite's
        body.pop("lifecycle_stage_id", None)
        return
    if old is None:
        body.setdefault("lifecycle_stage_id", state.schema["lists"]["lifecycle_stages"][0]["id"])
    if body.get("lifecycle_stage_id") != (old or {}).get("lifecycle_stage_id") and "contact_status_id" not in given:
        body.pop("contact_status_id", None)
    if body.get("contact_status_id") is None:
        stages = state.schema["lists"]["lifecycle_stages"]
        first: list[int] = next(
            (one["contact_status_ids"] for one in stages if one["id"] == body.get("lifecycle_stage_id")), []
        )
        body["contact_status_id"] = first[0] if first else None


def _set_emails(state: State, body: Record, given: Record) -> None:
    """Merge `email` and `emails` into the kept list; the primary one is also `email`."""
    if given.get("email") == "" or given.get("emails") == "":
        raise refused("Email is invalid")  # an empty text rejects the whole contact: leave the key out
    kept = list(body.get("emails", []))
    if "emails" in given:
        listed = given["emails"]
        kept = _group(state, kept, [{"value": listed}] if isinstance(listed, str) else listed or [], "emails")
    if "email" in given:
        value = given["email"]
        if value is None:
            kept = [one for one in kept if not one["is_primary"]]
        else:
            same = next((one for one in kept if one["value"].casefold() == str(value).casefold()), None)
            if same is None:
                kept = [one for one in kept if not one["is_primary"]]
                same = {"id": state.new_id(), "value": str(value), "is_primary": True, "label": None, "_destroy": False}
                kept.insert(0, same)
            kept = [one | {"is_primary": one is same} for one in kept]
    if any(not EMAIL.fullmatch(one["value"]) or len(one["value"]) > TEXT for one in kept):
        raise refused("Email is invalid")
    if kept and not any(one["is_primary"] for one in kept):
        kept[0] = kept[0] | {"is_primary": True}
    body["emails"] = kept
    body["email"] = next((one["value"] for one in kept if one["is_primary"]), None)


def _group(state: State, kept: list[Record], given: Json, name: str) -> list[Record]:
    """Merge a group field as nested attributes: by id or value, `_destroy` removes, others stay."""
    emails = name == "emails"
    if not isinstance(given, list):
        raise refused(f"The type for {name} is invalid.")
    kept = [dict(one) for one in kept]
    for item in given:
        entry = item if isinstance(item, dict) else {"value": item}
        if not isinstance(entry.get("value", ""), str):
            raise refused(f"The type for {name} is invalid.")
        found = next((one for one in kept if _same(one, entry)), None)
        if entry.get("_destroy") is True:
            kept = [one for one in kept if one is not found]
            continue
        if found is None:
            if not entry.get("value"):
                raise refused(f"{_label(name)} is invalid")
            found = {"id": state.new_id(), "value": "", "is_primary": False, "label": None, "_destroy": False}
            kept.append(found)
        if entry.get("value"):
            found["value"] = read_text(state, _label(name), entry["value"], TEXT if emails else PHONE)
        if entry.get("label") in (EMAIL_LABELS if emails else PHONE_LABELS):
            found["label"] = entry["label"]
        if entry.get("is_primary") is True:
            for one in kept:
                one["is_primary"] = one is found
    return kept


def _same(one: Record, entry: Record) -> bool:
    if "id" in entry:
        return str(one["id"]) == str(entry["id"])
    return bool(one["value"].casefold() == str(entry.get("value", "")).casefold())


def _account_links(state: State, given: Record) -> list[Record]:
    """Return a contact's account links; only `[{"id": int, "is_primary": bool}]` is a valid shape."""
    links = given.get("sales_accounts")
    if links is None and "sales_account_id" in given:
        links = [{"id": given["sales_account_id"], "is_primary": True}] if given["sales_account_id"] else []
    shaped = isinstance(links, list) and all(
        isinstance(one, dict) and type(one.get("id")) is int and isinstance(one.get("is_primary", False), bool)
        for one in links
    )
    if not shaped or not isinstance(links, list):
        raise refused("The type for sales_accounts is invalid.")
    links = [one for one in links if one.get("_destroy") is not True]
    if any(state.read("sales_accounts", one["id"]) is None for one in links):
        raise refused("Sales account is invalid")
    primary = next((one["id"] for one in links if one.get("is_primary")), links[0]["id"] if links else None)
    return [{"id": one["id"], "is_primary": one["id"] == primary} for one in links]


# -- deals
def _finish_deal(state: State, body: Record, given: Record, old: Record | None) -> None:
    pipelines = state.schema["lists"]["deal_pipelines"]
    stage = find_stage(state, body.get("deal_stage_id"))
    if "deal_pipeline_id" not in given and "deal_stage_id" in given and stage:
        body["deal_pipeline_id"] = stage["deal_pipeline_id"]
    line = next((one for one in pipelines if one["id"] == body.get("deal_pipeline_id")), pipelines[0])
    body["deal_pipeline_id"] = line["id"]
    if stage is None or stage["deal_pipeline_id"] != line["id"]:
        stage = line["deal_stages"][0]
    moved = old is None or old.get("deal_stage_id") != stage["id"]
    body["deal_stage_id"] = stage["id"]
    if moved:
        body["stage_updated_time"] = state.stamp()
        if "probability" not in given:
            body["probability"] = stage["probability"]
    closed = stage["forecast_type"] != "Open"
    if not closed:
        body["closed_date"] = None
    elif given.get("closed_date") and (old is not None or not state.switches["closed_date_stamped"]):
        body["closed_date"] = read_day(state, given["closed_date"]) or body.get("closed_date")
    elif moved:
        body["closed_date"] = state.today()
    contacts = [one for one in body.get("contact_ids", []) if one not in _ids(given, "contacts_removed_list")]
    contacts += [
        one for one in _ids(given, "contacts_added_list") if one not in contacts and state.read("contacts", one)
    ]
    body["contact_ids"] = contacts
    if body.get("amount") is not None:
        body["base_currency_amount"] = body["amount"]
        share = Decimal(body["amount"]) * Decimal(str(body.get("probability") or 0)) / 100
        body["expected_deal_value"] = str(share.quantize(Decimal("0.1")))
    body.setdefault("currency_id", state.schema["lists"]["currencies"][0]["id"])


def _ids(given: Record, name: str) -> list[int]:
    listed = given.get(name) or []
    if not isinstance(listed, list):
        raise refused(f"The type for {name} is invalid.")
    return [int(one) for one in listed if str(one).isdecimal()]


# -- keys and uniqueness
def folded(value: Json) -> str:
    """Return the form in which values are compared: trimmed, without case."""
    return str(value).strip().casefold()


def keys_of(state: State, entity: str, body: Record) -> set[tuple[str, str]]:
    """Return the (field, value) pairs by which a record is found or kept unique."""
    match entity:
        case "contacts" | "leads":
            names = {"email": "email", "mobile_number": "mobile_number", "work_number": "work_number"}
            names |= {"external_id": "external_id", "name": "display_name"}
        case "sales_accounts":
            names = {"name": "name", "website": "website", "phone": "phone"}
        case _:
            names = {"name": "name"}
    keys = {(key, folded(body[name])) for key, name in names.items() if body.get(name)}
    keys |= {("emails", folded(one["value"])) for one in body.get("emails", [])}
    custom = body.get("custom_field", {})
    own = {one["name"] for one in state.schema["custom_fields"][entity] if one["unique"]}
    own.update(state.schema["indexed"][entity])
    return keys | {(name, folded(custom[name])) for name in own if custom.get(name) is not None}


def check_unique(state: State, entity: str, record_id: int, keys: set[tuple[str, str]]) -> None:
    """Refuse a body whose unique values another record holds, in the bin too by default."""
    rules: dict[str, str] = {}
    if entity in PEOPLE and state.switches["email_unique"]:
        scope = "email" if state.switches["email_unique_scope"] == "primary" else "emails"
        rules[scope] = PEOPLE[entity]
    if entity == "contacts" and state.switches["phone_unique"]:
        rules["mobile_number"] = "MobileNumber"
    if entity == "sales_accounts" and state.switches["account_name_unique"]:
        rules["name"] = "Company"
    rules |= {own["name"]: own["label"] for own in state.schema["custom_fields"][entity] if own["unique"]}
    bin_too = bool(state.switches["bin_holds_unique_values"])
    taken = [
        rules[name]
        for name, value in sorted(keys)
        if name in rules and any(one != record_id for one in state.holders(entity, name, value, deleted=bin_too))
    ]
    if taken:
        raise refused(*(f"{label} is not unique" for label in taken))
