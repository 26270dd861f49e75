"""The setup plan: what an admin has to make in the tenant before data lands, and what of it is still missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from workbench.errors import SetupMissing
from workbench.freshsales.schema import TenantSchema
from workbench.mapping.budget import budget_problems, count_budget
from workbench.mapping.files import Mappings
from workbench.settings import Settings
from workbench.warehouse import Warehouse, open_warehouse

FORECASTS = {"won": "Closed Won", "lost": "Closed Lost"}
SWITCH_OFF = [
    "Workflows that run on created or updated contacts, accounts and deals",
    "Sales sequences",
    "Auto-assignment and territory rules",
    "E-mail notifications for assigned records, tasks and appointments",
]
Setup = dict[str, Any]


def make_setup(settings: Settings, mappings: Mappings) -> Setup:
    """Return the setup plan as written to setup.json."""
    with open_warehouse(settings.warehouse) as warehouse:
        constants = {
            (field.names, str(field.const))
            for one in mappings.objects
            for field in one.fields.values()
            if field.names and field.const is not None
        }
        return {
            "custom_fields": {
                module: [_custom_field(mappings, one) for one in fields]
                for module, fields in sorted(mappings.custom_fields.items())
            },
            "pipelines": _pipelines(warehouse, mappings),
            "lifecycle_stages": sorted(name for kind, name in constants if kind == "lifecycle_stages"),
            "lead_sources": [],
            "industry_types": sorted(name for kind, name in constants if kind == "industry_types"),
            "task_types": _task_types(warehouse),
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


def _pipelines(warehouse: Warehouse, mappings: Mappings) -> list[dict[str, Any]]:
    names = mappings.values("case_pipeline").rows
    rows = warehouse.run(
        "SELECT p.pipeline_name, s.stage_name, s.outcome, s.probability_pct,"
        " lower(regexp_replace(trim(p.pipeline_name), '[^A-Za-z0-9]+', '_', 'g'))"
        " FROM profile.read_case_pipelines p LEFT JOIN profile.read_case_stages s ON s.pipeline_id = p.pipeline_id"
        " WHERE coalesce(p.is_deleted, 'N') <> 'Y'"
        " ORDER BY TRY_CAST(p.sort_order AS INTEGER), p.pipeline_id, TRY_CAST(s.sort_order AS INTEGER), s.stage_id"
    )
    pipelines: dict[str, dict[str, dict[str, Any]]] = {}
    for pipeline, stage, outcome, probability, key in rows:
        answer = names[pipeline].answer if pipeline in names else pipeline
        stages = pipelines.setdefault(answer or pipeline, {})
        if not stage:
            continue
        decided = mappings.values(f"stage.{key}").rows
        name = (decided[stage].answer if stage in decided else None) or stage
        stages.setdefault(
            name,
            {
                "name": name,
                "forecast_type": FORECASTS.get(outcome or "", "Open"),
                "probability": _percent(probability),
            },
        )
    return [{"name": name, "stages": list(stages.values())} for name, stages in pipelines.items()]


def _percent(text: str | None) -> int:
    try:
        return min(max(int(Decimal((text or "0").strip().rstrip("%"))), 0), 100)
    except InvalidOperation:
        return 0


@dataclass(frozen=True)
class Lack:
    """One thing the tenant lacks."""

    kind: str
    where: str
    name: str
    problem: str


def verify_setup(setup: Setup, schema: TenantSchema) -> list[Lack]:
    """Read the plan against the tenant; whether a field is unique cannot be read and is ticked by a person."""
    lacks = [
        lack
        for module, fields in setup["custom_fields"].items()
        for field in fields
        if (lack := _field_lack(module, field, schema))
    ]
    lacks += [lack for pipeline in setup["pipelines"] for lack in _pipeline_lacks(pipeline, schema)]
    lacks += [
        Lack(kind.replace("_", " ").removesuffix("s"), "settings", name, "is missing")
        for kind in ("lifecycle_stages", "industry_types", "task_types", "lead_sources")
        for name in setup[kind]
        if name not in schema.choices(kind)
    ]
    return lacks


def _field_lack(module: str, field: dict[str, Any], schema: TenantSchema) -> Lack | None:
    name, kind = field["name"], field["type"]
    there = schema.custom_fields.get(module, {}).get(name)
    if there is None:
        return Lack("custom field", module, name, f"is missing; make it as {field['label']!r}, {kind}")
    if there.type != kind:
        return Lack("custom field", module, name, f"is a {there.type}, and a {kind} is needed")
    missing = [one for one in field["choices"] if one not in there.choices]
    if missing:
        return Lack("choices", module, name, f"lacks {len(missing)} of {len(field['choices'])} choices")
    return None


def _pipeline_lacks(pipeline: dict[str, Any], schema: TenantSchema) -> Iterator[Lack]:
    there = schema.pipelines.get(pipeline["name"])
    if there is None:
        yield Lack("pipeline", "deals", pipeline["name"], f"is missing, with {len(pipeline['stages'])} stages")
        return
    for stage in pipeline["stages"]:
        found = there.get(stage["name"])
        if found is None:
            yield Lack("stage", pipeline["name"], stage["name"], "is missing")
        elif found.forecast_type != stage["forecast_type"]:
            problem = f"forecasts {found.forecast_type}, not {stage['forecast_type']}"
            yield Lack("stage", pipeline["name"], stage["name"], problem)


def require_setup(setup: Setup, schema: TenantSchema, where: str) -> None:
    """Stop before the first write when the tenant lacks something, naming all of it."""
    lacks = verify_setup(setup, schema)
    if lacks:
        lines = [f"  {one.kind} {one.where}.{one.name} {one.problem}" for one in lacks]
        raise SetupMissing(
            "\n".join(
                [
                    f"The tenant {schema.alias} lacks {len(lacks)} things that the mapping needs; nothing was written:",
                    *lines,
                ]
            )
            + f"\nAn admin makes them in Freshsales (Admin Settings) by the page 40_setup or {where}; then run again."
        )


def setup_frame(setup: Setup) -> pl.DataFrame:
    """Return one row a custom field, as an admin makes it."""
    rows = [
        (
            module,
            field["label"],
            field["name"],
            field["type"],
            len(field["choices"]),
            field["unique"],
            str(field["rank"]),
        )
        for module, fields in setup["custom_fields"].items()
        for field in fields
    ]
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "module": pl.String,
            "label": pl.String,
            "name": pl.String,
            "type": pl.String,
            "choices": pl.Int64,
            "unique": pl.Boolean,
            "rank": pl.String,
        },
    )


def lack_frame(lacks: list[Lack]) -> pl.DataFrame:
    """Return what is missing as a table."""
    return pl.DataFrame(
        [vars(one) for one in lacks],
        schema={"kind": pl.String, "where": pl.String, "name": pl.String, "problem": pl.String},
    )


def field_budget(setup: Setup, schema: TenantSchema, plan: str) -> pl.DataFrame:
    """Return needed, already used for something else, and the plan's limit, by module and type."""
    return count_budget(setup, schema, plan)


def require_budget(setup: Setup, schema: TenantSchema, plan: str) -> None:
    """Stop before the first write when the plan cannot hold the mapping, naming what to fold."""
    problems = list(budget_problems(setup, schema, plan))
    if problems:
        lines = "\n".join(f"  {one}" for one in problems)
        raise SetupMissing(f"The plan cannot hold the mapping; nothing was written:\n{lines}")
