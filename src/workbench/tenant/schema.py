"""The tenant's fields, pick-lists, pipelines, users and views: as founded, and as the API shows them."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from workbench.tenant.calls import AGENT_KEY, Call, Reply, forbidden, not_found
from workbench.tenant.state import Json, Record, State, readings

ROOM = Path(__file__).parent
SINGULAR = {"contacts": "contact", "sales_accounts": "sales_account", "deals": "deal", "leads": "lead"}
MODEL = {"contacts": "Contact", "sales_accounts": "SalesAccount", "deals": "Deal", "leads": "Lead"}
MODEL |= {"sales_activities": "SalesActivity"}
ENTITY = {model: plural for plural, model in MODEL.items()}
STAGE_KINDS = {"open": "Open", "won": "Closed Won", "lost": "Closed Lost"}


@cache
def read_json(name: str) -> Record:
    """Return a data file of this room."""
    document: Record = orjson.loads((ROOM / name).read_bytes())
    return document


@cache
def read_table(name: str) -> list[dict[str, str]]:
    """Return the rows of a data table of this room."""
    with (ROOM / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def zone_names() -> frozenset[str]:
    """Return the Rails zone names, the only ones that `time_zone` takes."""
    return frozenset(row["name"] for row in read_table("zones.csv"))


def modules(edition: str) -> dict[str, str]:
    """Return the singular of each kind of record that an edition has; only Classic has leads."""
    return {plural: one for plural, one in SINGULAR.items() if plural != "leads" or edition == "classic"}


def found_schema(state: State) -> Record:
    """Make the schema of a new tenant: the vendor's defaults, with ids of its own."""
    given, there = read_json("defaults.json"), modules(state.edition)
    schema: Record = {
        "users": [],
        "custom_fields": {entity: [] for entity in there},
        "automations": dict.fromkeys(readings()["automations"], True),
        "lists": {},
        "setup": {},
        "indexed": {entity: [] for entity in there},
        "record_types": {entity: str(state.new_id()) for entity in there},
    }
    add_user(state, schema, "Rehearsal Admin", "admin@rehearsal.example")
    for name, values in given["lists"].items():
        schema["lists"][name] = []
        for value in values:
            add_choice(state, schema, name, value)
    schema["lists"] |= {"lifecycle_stages": [], "contact_statuses": [], "deal_pipelines": [], "task_types": []}
    for stage, statuses in given["lifecycle_stages"].items():
        add_lifecycle_stage(state, schema, stage, statuses, kind=stage)
    add_pipeline(state, schema, "Default Pipeline", given["pipeline"])
    schema["lists"]["sales_activity_types"] = _activity_types(state, given["activity_types"])
    schema["lists"]["sales_activity_outcomes"] = [
        {"partial": True, "id": state.new_id(), "name": name, "sales_activity_type_id": kind["id"], "position": place}
        for place, name in enumerate(given["outcomes"], 1)
        for kind in schema["lists"]["sales_activity_types"]
    ]
    for name in given["task_types"]:
        add_choice(state, schema, "task_types", name)
    schema["lists"]["currencies"] = [
        {"partial": True, "id": state.new_id(), "is_active": True, "currency_code": "USD", "exchange_rate": "1.0"}
        | {"currency_type": 1, "schedule_info": None}
    ]
    schema["views"] = {
        entity: [{"id": state.new_id(), "name": name} for name in given["views"][entity]] for entity in there
    }
    return schema


def _activity_types(state: State, names: dict[str, str]) -> list[Record]:
    flags = {"is_checkedin_mandatory": False, "is_outcome_mandatory": False}
    return [
        {"partial": True, "id": state.new_id(), "name": name, "internal_name": internal}
        | {"show_in_conversation": name != "Reminder", "position": place, "is_default": True}
        | {"is_checkedin": name == "Meeting"}
        | flags
        for place, (name, internal) in enumerate(names.items(), 1)
    ]


def add_user(state: State, schema: Record, name: str, email: str, *, is_active: bool = True) -> None:
    """Give a person a seat."""
    user = {"id": state.new_id(), "display_name": name, "email": email, "is_active": is_active}
    schema["users"].append(user | {"work_number": None, "mobile_number": None})


def add_choice(state: State, schema: Record, name: str, value: str) -> None:
    """Add a value to a standard pick-list."""
    listed = schema["lists"].setdefault(name, [])
    listed.append({"id": state.new_id(), "name": value, "position": len(listed) + 1, "partial": True})


def add_lifecycle_stage(state: State, schema: Record, name: str, statuses: list[str], *, kind: str = "Custom") -> None:
    """Add a lifecycle stage with its statuses."""
    closed = read_json("defaults.json")["closed_statuses"]
    stage = {"id": state.new_id(), "name": name, "position": len(schema["lists"]["lifecycle_stages"]) + 1}
    made = [
        {"id": state.new_id(), "name": status, "position": len(schema["lists"]["contact_statuses"]) + place}
        | {"partial": True, "forecast_type": closed.get(status, "Open"), "lifecycle_stage_id": stage["id"]}
        for place, status in enumerate(statuses, 1)
    ]
    schema["lists"]["contact_statuses"] += made
    schema["lists"]["lifecycle_stages"].append(
        stage
        | {"disabled": False, "default": kind != "Custom", "type": kind}
        # one list of ids, as the capture has it
        | {"contact_status_ids": [status["id"] for status in made]}
    )


def add_pipeline(state: State, schema: Record, name: str, stages: list[Any]) -> None:
    """Add a deal pipeline with its stages, each (name, forecast type, probability)."""
    listed = schema["lists"]["deal_pipelines"]
    pipeline: Record = {"partial": True, "id": state.new_id(), "name": name, "position": len(listed) + 1}
    pipeline |= {"is_default": not listed, "rotting_days": 30, "configs": [], "aggregated_field": "expected_deal_value"}
    pipeline["deal_stages"] = []
    listed.append(pipeline)
    for stage in stages:
        add_stage(state, pipeline, *stage)


def add_stage(state: State, pipeline: Record, name: str, forecast: str, probability: int) -> None:
    """Add a stage to a pipeline."""
    kind = next((value for stem, value in STAGE_KINDS.items() if stem in str(forecast).casefold()), "Open")
    stage = {"id": state.new_id(), "value": name, "name": name, "position": len(pipeline["deal_stages"]) + 1}
    stage |= {"forecast_type": kind, "deal_pipeline_id": pipeline["id"]}
    stage |= {"choice_type": 2 if kind == "Open" else 4, "is_deleted": False, "probability": probability}
    pipeline["deal_stages"].append(stage | {"updated_at": "2026-01-01T00:00:00Z"})


def field_name(label: str) -> str:
    """Return the name that the vendor makes of a custom field's label."""
    return "cf_" + re.sub(r"[^a-z0-9-]+", "_", label.casefold()).strip("_")


def find_stage(state: State, stage_id: Json) -> Record | None:
    """Return a deal stage of any pipeline."""
    pipelines = state.schema["lists"]["deal_pipelines"]
    return next((stage for line in pipelines for stage in line["deal_stages"] if stage["id"] == stage_id), None)


# -- what the API shows of it
def selector(call: Call) -> Reply:
    """Answer GET /selector/:name."""
    name, schema = call.ids[0], call.state.schema
    if name == "owners":
        if call.key == AGENT_KEY and not call.state.switches["agent_sees_owners"]:
            raise forbidden()
        return Reply(200, {"users": schema["users"]})
    if name == "deal_stages":  # the default pipeline only; walk the pipelines for the rest
        shown = [{"partial": True} | stage for stage in schema["lists"]["deal_pipelines"][0]["deal_stages"]]
        return Reply(200, {name: shown})
    if name == "sales_activity_entity_types":
        task = next(kind for kind in schema["lists"]["sales_activity_types"] if kind["internal_name"] == "task")
        told = {"sales_activity_type_id": task["id"], "sales_activity_type_name": "Task"}
        return Reply(200, {name: [kind | told for kind in schema["lists"]["task_types"]]})
    if name not in schema["lists"]:
        raise not_found("Selector")
    return Reply(200, {name: schema["lists"][name]})


def pipeline_stages(call: Call) -> Reply:
    """Answer GET /selector/deal_pipelines/:id/deal_stages."""
    for pipeline in call.state.schema["lists"]["deal_pipelines"]:
        if pipeline["id"] == call.record_id():
            return Reply(200, {"deal_stages": [{"partial": True} | stage for stage in pipeline["deal_stages"]]})
    raise not_found("DealPipeline")


def activity_outcomes(call: Call) -> Reply:
    """Answer GET /selector/sales_activity_types/:id/sales_activity_outcomes."""
    outcomes = call.state.schema["lists"]["sales_activity_outcomes"]
    kind = call.record_id()
    return Reply(200, {"sales_activity_outcomes": [one for one in outcomes if one["sales_activity_type_id"] == kind]})


def fields(call: Call) -> Reply:
    """Answer GET /settings/:plural/fields; the unique flag is not shown."""
    entity = call.ids[0]
    if entity not in {**modules(call.state.edition), "sales_activities": ""}:
        raise not_found("Module")
    given = [row for row in read_table("fields.csv") if row["entity"] == entity]
    shown = [_standard_field(call.state, row, place) for place, row in enumerate(given, 1)]
    hidden_keys = ("max_length",) if call.state.switches["unique_flag_shown"] else ("unique", "max_length")
    for own in call.state.schema["custom_fields"].get(entity, []):
        hidden = {key: value for key, value in own.items() if key not in hidden_keys}
        place = len(shown) + 1
        shown.append(hidden | {"default": False, "actionable": True, "position": place, "base_model": MODEL[entity]})
        shown[-1] |= {"quick_add_position": None, "visible": True}
        if own["type"] == "multi_select_dropdown":
            shown[-1]["multiple"] = True
    return Reply(200, {"fields": shown})


def forms(call: Call) -> Reply:
    """Answer GET /settings/:plural/forms: only custom modules have them, unless the switch opens them."""
    entity = call.ids[0]
    if entity not in modules(call.state.edition):
        raise not_found("Module")
    if not call.state.switches["fields_by_api"]:
        raise forbidden()
    shown = fields(call).body["fields"]
    return Reply(200, {"forms": [{"id": 1, "name": SINGULAR[entity], "field_class": MODEL[entity], "fields": shown}]})


def _standard_field(state: State, row: dict[str, str], place: int) -> Record:
    further = state.switches["required_fields"].get(row["entity"], [])
    return {
        "id": place,
        "label": row["label"],
        "name": row["name"],
        "type": row["type"],
        "default": True,
        "actionable": True,
        "position": place,
        "choices": _choices(state, row["choices"], numbered=row["name"] == "number_of_employees"),
        "base_model": MODEL[row["entity"]],
        "required": row["required"] == "1" or row["name"] in further,
        "quick_add_position": int(row["quick_add"]) if row["quick_add"] else None,
        "visible": row["visible"] == "1",
    }


def _choices(state: State, text: str, *, numbered: bool) -> list[Record]:
    """Return a standard field's choices: fixed lists have text ids, the tenant's own lists whole numbers."""
    if not text.startswith("@"):
        pairs = [pair.split("=", 1) for pair in text.split("|") if pair]
        return [
            {"id": int(key) if numbered else key, "value": value, "position": place}
            for place, (key, value) in enumerate(pairs, 1)
        ]
    name, lists = text[1:], state.schema["lists"]
    if name == "time_zones":
        zones = read_table("zones.csv")
        return [{"id": row["name"], "value": row["label"], "position": place} for place, row in enumerate(zones, 1)]
    if name == "users":
        source = [user | {"name": user["display_name"]} for user in state.schema["users"]]
    elif name == "deal_stages":
        source = [stage for line in lists["deal_pipelines"] for stage in line["deal_stages"]]
    elif name == "currencies":
        source = [money | {"name": money["currency_code"]} for money in lists[name]]
    else:
        source = lists[name]
    kept = ("forecast_type", "deal_pipeline_id", "is_active")
    as_text = name == "lifecycle_stages"
    return [
        {"id": str(one["id"]) if as_text else one["id"], "value": one["name"], "position": place}
        | {key: one[key] for key in kept if key in one}
        for place, one in enumerate(source, 1)
    ]
