"""What each plan tier allows, and where the setup plan asks for more: custom fields, choices, pipelines."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from workbench.freshsales.schema import TenantSchema

MOST_CHOICES = 300
UNIQUE_A_MODULE = 2
GIVEN_UP_FIRST = {"nice": 0, "should": 1, "must": 2}
BUDGET = {
    "module": pl.String,
    "type": pl.String,
    "needed": pl.Int64,
    "used": pl.Int64,
    "limit": pl.Int64,
    "fits": pl.Boolean,
}


def plan_limits(plan: str) -> dict[str, int]:
    """Return the limits of a plan tier (crmsupport.freshworks.com articles 50000002390 and 50000002563)."""
    limits: dict[str, int] = tomllib.loads((Path(__file__).parent / "plan_limits.toml").read_text("utf-8"))[plan]
    return limits


def count_budget(setup: Mapping[str, Any], schema: TenantSchema, plan: str) -> pl.DataFrame:
    """Return needed, already used for something else, and the plan's limit, by module and type, and over all types."""
    limits = plan_limits(plan)
    rows = []
    for module, fields in setup["custom_fields"].items():
        ours = {field["name"] for field in fields}
        others = Counter(info.type for name, info in schema.custom_fields.get(module, {}).items() if name not in ours)
        for kind, needed in sorted(Counter(field["type"] for field in fields).items()):
            limit = limits.get(kind, limits["total"])
            rows.append((module, kind, needed, others[kind], limit, needed + others[kind] <= limit))
        both = len(fields) + others.total()
        rows.append((module, "all", len(fields), others.total(), limits["total"], both <= limits["total"]))
    return pl.DataFrame(rows, orient="row", schema=BUDGET)


def budget_problems(setup: Mapping[str, Any], schema: TenantSchema, plan: str) -> Iterator[str]:
    """Yield everything the plan cannot hold, each with what to fold or another way."""
    for row in count_budget(setup, schema, plan).filter(~pl.col("fits")).iter_rows(named=True):
        kind = "custom" if row["type"] == "all" else row["type"]
        cuts = _lowest(setup, row["module"], row["type"], row["needed"] + row["used"] - row["limit"])
        yield (
            f"{row['module']}: {row['needed']} {kind} fields needed, {row['used']} used, {plan} has {row['limit']}."
            f" Lowest ranks first: {', '.join(cuts)}"
        )
    for module, fields in setup["custom_fields"].items():
        for field in fields:
            if len(field["choices"]) > MOST_CHOICES:
                yield (
                    f"{module}.{field['name']}: {len(field['choices'])} choices, and Freshsales takes {MOST_CHOICES}."
                    f" Make it a text field, or keep the {MOST_CHOICES - 1} most frequent and `Other` beside a text"
                    " field for the spelling, or split the list by state"
                )
        unique = sum(field["unique"] for field in fields)
        if unique > UNIQUE_A_MODULE:
            yield f"{module}: {unique} unique fields, and Freshsales takes {UNIQUE_A_MODULE}"
    yield from _pipeline_problems(setup, schema, plan)


def _pipeline_problems(setup: Mapping[str, Any], schema: TenantSchema, plan: str) -> Iterator[str]:
    limit = plan_limits(plan)["pipelines"]
    new = [one["name"] for one in setup["pipelines"] if one["name"] not in schema.pipelines]
    if new and len(schema.pipelines) + len(new) > limit:
        needed = len(schema.pipelines) + len(new)
        yield (
            f"deals: {needed} pipelines needed, {plan} has {limit}; to make: {', '.join(new)}. Map every pipeline to one in"
            " mappings/values/case_pipeline.csv and name the stages with a prefix, such as `Ortho: Consult`, in"
            " mappings/values/stage.*.csv; what is lost is a board of its own for each. Or rename a pipeline that is there"
        )


def _lowest(setup: Mapping[str, Any], module: str, kind: str, count: int) -> list[str]:
    fields = [one for one in setup["custom_fields"][module] if kind in ("all", one["type"])]
    return [one["name"] for one in sorted(fields, key=lambda one: GIVEN_UP_FIRST[one["rank"]])[:count]]
