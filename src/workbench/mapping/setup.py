"""The setup plan: what an admin has to make in the tenant before data lands, and what of it is still missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.errors import SetupMissing
from workbench.freshsales.schema import TenantSchema
from workbench.mapping.budget import plan_limits
from workbench.mapping.files import Mappings
from workbench.settings import Settings
from workbench.warehouse import Warehouse, open_warehouse

MOST_CHOICES = 300
UNIQUE_A_MODULE = 2
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
            "task_types": [
                row[0]
                for row in warehouse.run(
                    "SELECT DISTINCT trim(task_type) FROM raw.tasks WHERE trim(task_type) <> '' ORDER BY 1"
                )
            ],
            "switch_off": SWITCH_OFF,
            "users": [
                {"name": row[0], "email": row[1]}
                for row in warehouse.run(
                    "SELECT full_name, trim(email) FROM raw.users WHERE is_active = 'Y' AND trim(coalesce(email, '')) <> ''"
                    " AND lower(trim(email)) IN (SELECT lower(trim(email)) FROM raw.users GROUP BY 1 HAVING count(*) = 1)"
                    " ORDER BY user_id"
                )
            ],
        }


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
        " FROM raw.case_pipelines p LEFT JOIN raw.case_stages s ON s.pipeline_id = p.pipeline_id"
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
                "probability": int(probability or 0),
            },
        )
    return [{"name": name, "stages": list(stages.values())} for name, stages in pipelines.items()]


@dataclass(frozen=True)
class Lack:
    """One thing the tenant lacks."""

    kind: str
    where: str
    name: str
    problem: str


def verify_setup(setup: Setup, schema: TenantSchema) -> list[Lack]:
    """Read the plan against the tenant; whether a field is unique cannot be read and is ticked by a person."""
    lacks = []
    for module, fields in setup["custom_fields"].items():
        have = schema.custom_fields.get(module, {})
        for field in fields:
            there = have.get(field["name"])
            if there is None:
                lacks.append(
                    Lack(
                        "custom field",
                        module,
                        field["name"],
                        f"is missing; make it as {field['label']!r}, {field['type']}",
                    )
                )
            elif there.type != field["type"]:
                lacks.append(
                    Lack("custom field", module, field["name"], f"is a {there.type}, and a {field['type']} is needed")
                )
            elif missing := [one for one in field["choices"] if one not in there.choices]:
                lacks.append(
                    Lack("choices", module, field["name"], f"lacks {len(missing)} of {len(field['choices'])} choices")
                )
    for pipeline in setup["pipelines"]:
        have_stages = schema.pipelines.get(pipeline["name"])
        if have_stages is None:
            lacks.append(
                Lack("pipeline", "deals", pipeline["name"], f"is missing, with {len(pipeline['stages'])} stages")
            )
            continue
        for stage in pipeline["stages"]:
            there_stage = have_stages.get(stage["name"])
            if there_stage is None:
                lacks.append(Lack("stage", pipeline["name"], stage["name"], "is missing"))
            elif there_stage.forecast_type != stage["forecast_type"]:
                lacks.append(
                    Lack(
                        "stage",
                        pipeline["name"],
                        stage["name"],
                        f"forecasts {there_stage.forecast_type}, not {stage['forecast_type']}",
                    )
                )
    for kind in ("lifecycle_stages", "industry_types", "task_types", "lead_sources"):
        for name in setup[kind]:
            if name not in schema.choices(kind):
                lacks.append(Lack(kind.replace("_", " ").removesuffix("s"), "settings", name, "is missing"))
    return lacks


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
    limits = plan_limits(plan)
    rows = []
    for module, fields in setup["custom_fields"].items():
        ours = {field["name"] for field in fields}
        others = Counter(info.type for name, info in schema.custom_fields.get(module, {}).items() if name not in ours)
        for kind, needed in sorted(Counter(field["type"] for field in fields).items()):
            limit = limits.get(kind, limits["total"])
            rows.append((module, kind, needed, others[kind], limit, needed + others[kind] <= limit))
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "module": pl.String,
            "type": pl.String,
            "needed": pl.Int64,
            "used": pl.Int64,
            "limit": pl.Int64,
            "fits": pl.Boolean,
        },
    )


def require_budget(setup: Setup, schema: TenantSchema, plan: str) -> None:
    """Stop before the first write when the plan cannot hold the fields, naming what to fold."""
    short = field_budget(setup, schema, plan).filter(~pl.col("fits"))
    problems = [
        f"{row['module']}: {row['needed']} {row['type']} fields needed, {row['used']} used, {plan} has {row['limit']}."
        f" Lowest ranks first: {', '.join(_lowest(setup, row['module'], row['type'], row['needed'] + row['used'] - row['limit']))}"
        for row in short.iter_rows(named=True)
    ]
    problems += [
        f"{module}.{field['name']}: {len(field['choices'])} choices, and Freshsales takes {MOST_CHOICES}"
        for module, fields in setup["custom_fields"].items()
        for field in fields
        if len(field["choices"]) > MOST_CHOICES
    ]
    problems += [
        f"{module}: {count} unique fields, and Freshsales takes {UNIQUE_A_MODULE}"
        for module, fields in setup["custom_fields"].items()
        if (count := sum(field["unique"] for field in fields)) > UNIQUE_A_MODULE
    ]
    if problems:
        raise SetupMissing(
            "The plan cannot hold the mapping; nothing was written:\n" + "\n".join(f"  {one}" for one in problems)
        )


def _lowest(setup: Setup, module: str, kind: str, count: int) -> list[str]:
    order = {"nice": 0, "should": 1, "must": 2}
    fields = [one for one in setup["custom_fields"][module] if one["type"] == kind]
    return [one["name"] for one in sorted(fields, key=lambda one: order[one["rank"]])[:count]]
