"""The setup plan: what an admin has to make in the tenant before data lands, and what the plan tier costs."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from workbench.freshsales.schema import FieldInfo
from workbench.mapping.budget import fields_to_fold, has_one_pipeline, plan_limits
from workbench.mapping.custom_fields import DATE_TIMES, FOLDED, MORE
from workbench.mapping.files import Mappings, field_modules, read_mappings
from workbench.mapping.object_mapping import ASKS_TYPES
from workbench.mapping.value_map import Decided, ValueMap, read_value_map, save_value_map
from workbench.settings import Settings
from workbench.vocabulary import Decision
from workbench.warehouse import Warehouse, open_warehouse

FORECASTS = {"won": "Closed Won", "lost": "Closed Lost"}
SWITCH_OFF = [
    "Workflows that run on created or updated contacts, accounts and deals",
    "Sales sequences",
    "Auto-assignment and territory rules",
    "E-mail notifications for assigned records, tasks and appointments",
]
ACTIVITY_TYPES = ["Email", "Phone", "SMS Outgoing"]
"""The default types that calls, e-mails and texts go to; making others is for Enterprise alone."""
FOLD_SURE = 0.95
"""Ranks were decided in mappings/custom_fields; that the lowest go first follows from them."""
Setup = dict[str, Any]


def make_setup(settings: Settings, mappings: Mappings) -> Setup:
    """Return the setup plan as written to setup.json."""
    with open_warehouse(settings.warehouse) as warehouse:
        constants = {
            (field.names, str(field.const))
            for one in mappings.objects
            for field in one.leaves
            if field.names and field.const is not None
        }
        pipelines = _pipelines(warehouse, mappings, one_pipeline=has_one_pipeline(settings.plan))
        return {
            "custom_fields": {
                module: [_custom_field(mappings, one) for one in fields]
                for module, fields in sorted(mappings.custom_fields.items())
            },
            "pipelines": pipelines,
            "losses": _losses(settings, mappings, pipelines),
            "offers": _offers(warehouse, mappings),
            "lifecycle_stages": sorted(name for kind, name in constants if kind == "lifecycle_stages"),
            "lead_sources": [],
            "industry_types": sorted(name for kind, name in constants if kind == "industry_types"),
            "task_types": _task_types(warehouse),
            "sales_activity_types": ACTIVITY_TYPES if _names_activities(mappings) else [],
            "may_lack": _may_lack(mappings),
            "switch_off": SWITCH_OFF,
            "users": [
                {"name": row[0], "email": row[1]}
                for row in warehouse.run(
                    "SELECT full_name, trim(email) FROM profile.read_users WHERE is_active = 'Y' AND trim(coalesce(email, '')) <> ''"
                    " AND lower(trim(email)) IN (SELECT lower(trim(email)) FROM profile.read_users GROUP BY 1 HAVING count(*) = 1)"
                    " ORDER BY user_id"
                )
            ],
        }


def _names_activities(mappings: Mappings) -> bool:
    return any(field.names == "sales_activity_types" for one in mappings.objects for field in one.fields.values())


def _may_lack(mappings: Mappings) -> dict[str, str]:
    """Return the pick-lists whose missing entries stop nothing, each with what becomes of the rows that would need one."""
    asks = any(ASKS_TYPES in one.where for one in mappings.objects)
    return {"sales_activity_types": "what is of this type becomes notes"} if asks else {}


def _task_types(warehouse: Warehouse) -> list[str]:
    typed = warehouse.run("SELECT DISTINCT task_type FROM profile.read_tasks WHERE task_type IS NOT NULL")
    return sorted({row[0].strip() for row in typed} - {""})


def _custom_field(mappings: Mappings, field: Any) -> dict[str, Any]:
    choices = list(field.choices)
    if field.choices_from:
        choices = mappings.values(field.choices_from).destination_values()
    return {
        "label": field.label,
        "name": field.name,
        "type": field.type,
        "choices": choices,
        "unique": field.unique,
        "required": False,
        "max_length": field.max_length,
        "rank": field.rank,
    }


def _losses(settings: Settings, mappings: Mappings, pipelines: list[dict[str, Any]]) -> list[str]:
    """Return what this plan tier costs beside what the brief asks, one sentence each; nothing where it costs nothing."""
    made = []
    if has_one_pipeline(settings.plan) and pipelines:
        made.append(
            f"The plan {settings.plan} has one pipeline, {pipelines[0]['name']}: every treatment shares it. Its stages carry the"
            " treatment as a prefix, and cf_treatment_pipeline names it on each deal. Lost: a board, a stage order, a win"
            " rate and a forecast of its own for each treatment"
        )
    for module, fields in sorted(mappings.custom_fields.items()):
        if any(one.name == MORE for one in fields):
            folded = [name for name, row in mappings.values(FOLDED).rows.items() if row.answer == MORE]
            names = sorted(name.removeprefix(f"{module}.") for name in folded if name.startswith(f"{module}."))
            made.append(
                f"The plan {settings.plan} has no room for {len(names)} fields of {module}: {', '.join(names)} stand in {MORE},"
                " one labelled line each. Lost: filters, sorting and reports by them"
            )
    return made


def _offers(warehouse: Warehouse, mappings: Mappings) -> list[str]:
    """Return what this tenant can do beyond what Freshsales documents, one sentence a module; nothing before it was read.

    Only a Date Picker is documented, so original times are kept as days. Where a module lists a custom field with a time
    of day, those that are cut to a day may keep theirs.
    """
    if not warehouse.has("destination.custom_fields"):
        return []
    listed = warehouse.run(
        "SELECT module, min_by(type, name), min(name) FROM destination.custom_fields WHERE list_contains(?, type)"
        " GROUP BY 1 ORDER BY 1",
        [list(DATE_TIMES)],
    )
    modules = field_modules(mappings.settings.edition)
    made = []
    for module, kind, shown in listed:
        days = {one.name for one in mappings.custom_fields.get(module, ()) if one.type == "date"}
        filled = [one for one in mappings.objects if modules.get(one.destination) == module]
        cut = sorted({f.name for one in filled for f in one.fields.values() if f.via == "local_day" and f.name in days})
        if cut:
            made.append(
                f"{module}: the field list shows the type {kind} ({shown}), so {' and '.join(cut)} can hold times instead of"
                f' days. To take it: type = "{kind}" in mappings/custom_fields/{module}.toml, and via = "local_time" where'
                " mappings/objects fills them"
            )
    return made


def _pipelines(warehouse: Warehouse, mappings: Mappings, *, one_pipeline: bool) -> list[dict[str, Any]]:
    names = mappings.values("case_pipeline")
    # Where all share one pipeline, a treatment without cases goes where the others were decided to go.
    shared = mappings.values("case_pipeline").destination_values() if one_pipeline else []
    rows = warehouse.run(
        "SELECT p.pipeline_name, s.stage_name, s.outcome, s.probability_pct,"
        " lower(regexp_replace(trim(p.pipeline_name), '[^A-Za-z0-9]+', '_', 'g'))"
        " FROM profile.read_case_pipelines p LEFT JOIN profile.read_case_stages s ON s.pipeline_id = p.pipeline_id"
        " WHERE coalesce(p.is_deleted, 'N') <> 'Y'"
        " ORDER BY TRY_CAST(p.sort_order AS INTEGER), p.pipeline_id, TRY_CAST(s.sort_order AS INTEGER), s.stage_id"
    )
    pipelines: dict[str, dict[str, dict[str, Any]]] = {}
    for pipeline, stage, outcome, probability, key in rows:
        named = names.find(pipeline)
        answer = named.answer if named else shared[0] if len(shared) == 1 else pipeline
        stages = pipelines.setdefault(answer or pipeline, {})
        if not stage:
            continue
        decided = mappings.values(f"stage.{key}").find(stage)
        plain = prefixed(pipeline, stage) if len(shared) == 1 else stage
        name = (decided.answer if decided else None) or plain
        stages.setdefault(
            name,
            {
                "name": name,
                "forecast_type": FORECASTS.get(outcome or "", "Open"),
                "probability": _percent(probability),
            },
        )
    return [{"name": name, "stages": list(stages.values())} for name, stages in pipelines.items()]


def prefixed(pipeline: str, stage: str) -> str:
    """Return the name of a stage where several treatments share one pipeline: `Ortho: Consult`."""
    return f"{pipeline.strip()}: {stage.strip()}"


def _percent(text: str | None) -> int:
    try:
        return min(max(int(Decimal((text or "0").strip().rstrip("%"))), 0), 100)
    except InvalidOperation:
        return 0


def accept_folds(settings: Settings, *, above: float, by: str, on: str, folder: Path) -> int:
    """Write `map` rows for the fields that have to fold on this plan, lowest ranks first, and return how many.

    Decisions are read anew: those accepted a moment ago make the choices that the setup plan needs.
    """
    if above > FOLD_SURE or not plan_limits(settings.plan)["total"]:
        return 0
    known = read_value_map(FOLDED, settings.values_folders)
    found = [
        name
        for name in fields_to_fold(make_setup(settings, read_mappings(settings)), used_fields(settings), settings.plan)
        if name not in known.rows or known.rows[name].is_open
    ]
    if found:
        note = f"suggested {FOLD_SURE:.2f}: {settings.plan} has no room for it; lowest ranks first"
        rows = {name: Decided(name, Decision.MAP, MORE, by, on, note) for name in found}
        save_value_map(folder, ValueMap(FOLDED, read_value_map(FOLDED, [folder]).rows | rows))
    return len(found)


def used_fields(settings: Settings) -> dict[str, dict[str, FieldInfo]]:
    """Return the custom fields that the tenant had when it was last read, by module and name."""
    with open_warehouse(settings.warehouse) as warehouse:
        if not warehouse.has("destination.custom_fields"):
            return {}
        rows = warehouse.run("SELECT module, name, label, type FROM destination.custom_fields")
    used: dict[str, dict[str, FieldInfo]] = {}
    for module, name, label, kind in rows:
        used.setdefault(module, {})[name] = FieldInfo(label, kind)
    return used
