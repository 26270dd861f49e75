"""Single values as the tenant takes them: texts, numbers, dates, choices, custom fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from workbench.tenant.calls import refused
from workbench.tenant.schema import find_stage, zone_names
from workbench.tenant.state import Json, Record, State

TEXT, AREA, PHONE = 256, 10_000, 30
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# A time as JavaScript prints it, which the vendor's own examples send: Mon Jun 20 2016 10:30:00 GMT+0530 (IST)
SPOKEN = re.compile(r"\w{3} (\w{3} \d{1,2} \d{4} \d\d:\d\d:\d\d) GMT([+-]\d{4})( \(.*\))?")
SCRIPT = re.compile(r"<script\b.*?(</script\s*>|$)", re.IGNORECASE | re.DOTALL)

# Writable standard fields and how each is read. `id:<list>` is a choice of a pick-list, by number.
CONTACT_FIELDS = {
    **dict.fromkeys(["first_name", "last_name", "job_title", "address", "city", "state", "zipcode", "country"], "text"),
    **dict.fromkeys(
        ["medium", "keyword", "external_id", "facebook", "twitter", "linkedin", "subscription_types"], "text"
    ),
    **dict.fromkeys(("mobile_number", "work_number"), "phone"),
    "time_zone": "zone",
    "owner_id": "owner",
    "territory_id": "id:territories",
    "lead_source_id": "id:lead_sources",
    "campaign_id": "id:campaigns",
    "lifecycle_stage_id": "id:lifecycle_stages",
    "contact_status_id": "id:contact_statuses",
    "subscription_status": "status",
    "whatsapp_subscription_status": "status",
    "sms_subscription_status": "status",
    "tags": "tags",
}
ACCOUNT_FIELDS = {
    **dict.fromkeys(
        ["name", "address", "city", "state", "zipcode", "country", "website", "facebook", "twitter", "linkedin"], "text"
    ),
    "phone": "phone",
    "number_of_employees": "number",
    "annual_revenue": "number",
    "owner_id": "owner",
    "territory_id": "id:territories",
    "industry_type_id": "id:industry_types",
    "business_type_id": "id:business_types",
    "parent_sales_account_id": "record:sales_accounts",
    "tags": "tags",
}
DEAL_FIELDS = {
    "name": "text",
    "amount": "money",
    "expected_close": "date",
    "probability": "number",
    "sales_account_id": "record:sales_accounts",
    "deal_pipeline_id": "id:deal_pipelines",
    "deal_stage_id": "stage",
    "owner_id": "owner",
    "currency_id": "id:currencies",
    "deal_type_id": "id:deal_types",
    "deal_reason_id": "id:deal_reasons",
    "deal_payment_status_id": "id:deal_payment_statuses",
    "lead_source_id": "id:lead_sources",
    "campaign_id": "id:campaigns",
    "territory_id": "id:territories",
    "tags": "tags",
}
NOT_ON_LEADS = ("lifecycle_stage_id", "contact_status_id", "whatsapp_subscription_status", "sms_subscription_status")
LEAD_FIELDS = {name: kind for name, kind in CONTACT_FIELDS.items() if name not in NOT_ON_LEADS} | {"department": "text"}
FIELDS = {"contacts": CONTACT_FIELDS, "sales_accounts": ACCOUNT_FIELDS, "deals": DEAL_FIELDS, "leads": LEAD_FIELDS}


class Dropped(Exception):
    """A value that the tenant throws away without a word."""


def read_value(state: State, kind: str, label: str, value: Json) -> Json:
    """Return a standard field's value as it is kept, refuse it, or raise Dropped."""
    if value is None or value == "":
        return [] if kind == "tags" else None
    if kind in READERS:
        return READERS[kind](state, label, value)
    source, _, listed = kind.partition(":")
    if source == "id":
        return _choice(state, listed, label, value)
    if isinstance(value, (int, str)) and str(value).isdecimal() and state.read(listed, int(value)):
        return int(value)
    raise refused(f"{label} is invalid")


def read_text(state: State, label: str, value: Json, longest: int) -> str:
    """Return a text, refused (or cut) when it is too long."""
    if isinstance(value, (dict, list)):
        raise refused(f"The type for {label} is invalid.")
    text = str(value)
    if len(text) <= longest:
        return text
    if state.switches["long_text_refused"]:
        raise refused(f"{label} is too long (maximum is {longest} characters)")
    return text[:longest]


def read_rich_text(state: State, label: str, value: Json) -> str | None:
    """Return a text area: tags are kept, scripts are not."""
    if value is None:
        return None
    text = read_text(state, label, value, state.switches["note_length"])
    return SCRIPT.sub("", text) if state.switches["scripts_stripped"] and "<" in text else text


def read_owner(state: State, value: Json) -> int:
    """Return the id of an active user."""
    for user in state.schema["users"]:
        if str(user["id"]) == str(value) and user["is_active"]:
            return int(user["id"])
    if state.switches["bad_owner_refused"]:
        raise refused("Owner is invalid")
    raise Dropped


def read_number(label: str, value: Json) -> int | float:
    """Return a number of at most 11 digits before and 4 after the point."""
    number = _decimal(value)
    if number is None:
        raise refused(f"{label} is not a number")
    if abs(number) >= 10**11 or number != round(number, 4):
        raise refused(f"{label} is out of range")
    return int(number) if number == int(number) else float(number)


def read_money(label: str, value: Json) -> str:
    """Return an amount as the decimal text that the vendor shows: 5600.0."""
    number = _decimal(value)
    if number is None:
        raise refused(f"{label} is not a number")
    if abs(number) >= 10**15:
        raise refused(f"{label} is out of range")
    text = format(round(number, 10).normalize(), "f")
    return text if "." in text else f"{text}.0"


def _decimal(value: Json) -> Decimal | None:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and not isinstance(value, bool) else None


def read_day(state: State, value: Json) -> str | None:
    """Return a date as YYYY-MM-DD; a time counts in the tenant's zone."""
    text = str(value).strip()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        moment = read_moment(state, text)
        return None if moment is None else moment[:10]


def read_moment(state: State, value: Json) -> str | None:
    """Return a time in the tenant's offset; one without an offset is the tenant's own."""
    text = str(value).strip()
    spoken = SPOKEN.fullmatch(text)
    try:
        moment = datetime.strptime(f"{spoken[1]} {spoken[2]}", "%b %d %Y %H:%M:%S %z") if spoken else None
        moment = moment or datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=state.zone)
        return moment.astimezone(UTC).astimezone(state.zone).isoformat(timespec="seconds")
    except (ValueError, OverflowError):  # no time, or one that no calendar has in this zone
        return None


def _choice(state: State, listed: str, label: str, value: Json) -> int:
    if str(value).isdecimal() and any(one["id"] == int(value) for one in state.schema["lists"][listed]):
        return int(value)
    raise _unmatched(state, label)


def _unmatched(state: State, label: str) -> Exception:
    return Dropped() if state.switches["unmatched_choice_dropped"] else refused(f"{label} is not included in the list")


def _stage(state: State, label: str, value: Json) -> int:
    if str(value).isdecimal() and find_stage(state, int(value)):
        return int(value)
    raise _unmatched(state, label)


def _zone(state: State, label: str, value: Json) -> str:
    if isinstance(value, str) and (value in zone_names() or not state.switches["time_zone_checked"]):
        return value
    raise refused(f"{label} is invalid")


def _subscription(_state: State, _label: str, value: Json) -> int:
    if str(value) in ("0", "1", "2", "3", "4"):
        return int(value)
    raise Dropped


def _tags(_state: State, _label: str, value: Json) -> list[str]:
    tags = value if isinstance(value, list) else str(value).split(",")
    return [str(tag).strip() for tag in tags if str(tag).strip()]


def _date(state: State, label: str, value: Json) -> str:
    day = read_day(state, value)
    if day is None:
        raise refused(f"{label} is invalid")
    return day


READERS: dict[str, Callable[[State, str, Json], Json]] = {
    "text": lambda state, label, value: read_text(state, label, value, TEXT),
    "phone": lambda state, label, value: read_text(state, label, value, PHONE),
    "owner": lambda state, _, value: read_owner(state, value),
    "zone": _zone,
    "status": _subscription,
    "stage": _stage,
    "tags": _tags,
    "date": _date,
    "money": lambda _, label, value: read_money(label, value),
    "number": lambda _, label, value: read_number(label, value),
}


def read_custom(state: State, entity: str, given: Json, kept: Record) -> Record:
    """Return a record's custom fields after a write to those kept: unknown keys and unmatched texts vanish."""
    if not isinstance(given, dict):
        raise refused("The type for custom_field is invalid.")
    known = {own["name"]: own for own in state.schema["custom_fields"][entity]}
    kept = dict(kept)
    for name, value in given.items():
        own = known.get(name)
        if own is None:
            if not state.switches["unknown_field_dropped"]:
                raise refused(f"{name} is not a field")
            continue
        try:
            kept[name] = None if value is None or value == "" else _custom_value(state, own, value)
        except Dropped:
            continue
    return {name: value for name, value in kept.items() if value is not None}


def _custom_value(state: State, own: Record, value: Json) -> Json:
    label, kind = own["label"], own["type"]
    if kind in ("text", "textarea"):
        longest = TEXT if kind == "text" else AREA
        return read_text(state, label, value, min(own.get("max_length") or longest, longest))
    choices = [choice["value"] for choice in own["choices"]]
    if kind == "dropdown":  # the text of the choice only: its id is no match
        if value not in choices:
            raise _unmatched(state, label)
        return value
    if kind == "multi_select_dropdown":
        parts = [str(part).strip() for part in (value if isinstance(value, list) else str(value).split(";"))]
        if not state.switches["unmatched_choice_dropped"] and not set(choices).issuperset(parts):
            raise refused(f"{label} is not included in the list")
        return ";".join(part for part in parts if part in choices) or None
    return _plain_value(state, label, kind, value)


def _plain_value(state: State, label: str, kind: str, value: Json) -> Json:
    if kind == "number" and _decimal(value) is not None:
        return read_number(label, value)
    if kind == "checkbox" and str(value).casefold() in ("true", "false", "1", "0"):
        return str(value).casefold() in ("true", "1")
    if kind == "date" and (day := read_day(state, value)):
        return day
    if kind == "date_time_split" and (moment := read_moment(state, value)):
        return moment
    raise Dropped() if state.switches["bad_value_dropped"] else refused(f"{label} is invalid")
