"""What each plan tier allows, and where the setup plan asks for more: custom fields, choices, pipelines, storage."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from workbench.freshsales.schema import FieldInfo, TenantSchema
from workbench.mapping.custom_fields import FOLDED, MORE
from workbench.vocabulary import Plan

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
Needed = Mapping[str, Any]
"""One custom field as the setup plan has it."""
Used = Mapping[str, Mapping[str, FieldInfo]]
"""The custom fields that a tenant has, by module and name."""


@cache
def plan_limits(plan: str) -> dict[str, int]:
    """Return the limits of a plan tier (crmsupport.freshworks.com articles 50000002390 and 50000002563)."""
    limits: dict[str, int] = tomllib.loads((Path(__file__).parent / "plan_limits.toml").read_text("utf-8"))[plan]
    return limits


def has_one_pipeline(plan: str) -> bool:
    """Say whether all treatments have to share the tenant's one pipeline."""
    return plan_limits(plan)["pipelines"] == 1


def count_budget(setup: Mapping[str, Any], used: Used, plan: str) -> pl.DataFrame:
    """Return needed, already used for something else, and the plan's limit, by module and type, and over all types."""
    limits = plan_limits(plan)
    rows = []
    for module, fields in setup["custom_fields"].items():
        others = _others(module, fields, used)
        for kind, needed in sorted(Counter(field["type"] for field in fields).items()):
            limit = limits.get(kind, limits["total"])
            rows.append((module, kind, needed, others[kind], limit, needed + others[kind] <= limit))
        both = len(fields) + others.total()
        rows.append((module, "all", len(fields), others.total(), limits["total"], both <= limits["total"]))
    return pl.DataFrame(rows, orient="row", schema=BUDGET)


def _others(module: str, fields: Sequence[Needed], used: Used) -> Counter[str]:
    """Count, by type, what a module holds for somebody else."""
    ours = {field["name"] for field in fields} | {MORE}
    return Counter(info.type for name, info in used.get(module, {}).items() if name not in ours)


def fields_to_fold(setup: Mapping[str, Any], used: Used, plan: str) -> list[str]:
    """Return the fewest fields, as `module.field`, that have to fold for the plan to hold the rest; lowest ranks first.

    Nothing where nothing is over a limit, and nothing of a module that folding cannot bring under it.
    """
    limits = plan_limits(plan)
    found = []
    for module, fields in setup["custom_fields"].items():
        others = _others(module, fields, used)
        cut: list[Needed] = []
        for kind in ("text", "dropdown", "number", "checkbox", "date", "textarea", "all"):
            left = [one for one in fields if one not in cut]
            more = bool(cut) and all(one["name"] != MORE for one in left) and kind in ("textarea", "all")
            needed = sum(kind in ("all", one["type"]) for one in left) + more
            there = others.total() if kind == "all" else others[kind]
            over = needed + there - limits.get("total" if kind == "all" else kind, limits["total"])
            # The text area that takes the first one in needs a place itself.
            over += over > 0 and not cut and kind in ("textarea", "all")
            cut += _lowest([one for one in left if _may_fold(one)], kind, over)
        if cut and _fits_without(fields, cut, others, limits):
            found += [f"{module}.{one['name']}" for one in fields if one in cut]
    return found


def _may_fold(field: Needed) -> bool:
    return GIVEN_UP_FIRST[field["rank"]] < GIVEN_UP_FIRST["must"] and not field["unique"]


def _fits_without(
    fields: Sequence[Needed], cut: Sequence[Needed], others: Counter[str], limits: Mapping[str, int]
) -> bool:
    kinds = Counter(one["type"] for one in fields if one not in cut and one["name"] != MORE) + Counter(["textarea"])
    kinds += others
    return kinds.total() <= limits["total"] and all(
        count <= limits.get(kind, limits["total"]) for kind, count in kinds.items()
    )


def budget_problems(setup: Mapping[str, Any], schema: TenantSchema, plan: str) -> Iterator[str]:
    """Yield everything the plan cannot hold, each with what to fold or another way."""
    budget = count_budget(setup, schema.custom_fields, plan)
    if not plan_limits(plan)["total"]:
        yield from _nothing_at_all(budget, plan)
        return
    for row in budget.filter(~pl.col("fits")).iter_rows(named=True):
        kind = "custom" if row["type"] == "all" else row["type"]
        over = row["needed"] + row["used"] - row["limit"]
        some = [one for one in setup["custom_fields"][row["module"]] if _may_fold(one)]
        cuts = [one["name"] for one in _lowest(some, row["type"], over)]
        yield (
            f"{row['module']}: {row['needed']} {kind} fields needed, {row['used']} used, {plan} has {row['limit']}."
            f" Lowest ranks first: {', '.join(cuts) or 'none may go'}"
            + (
                f"; {over - len(cuts)} more have to be freed in the tenant, or a larger plan"
                if len(cuts) < over
                else ""
            )
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


def _nothing_at_all(budget: pl.DataFrame, plan: str) -> Iterator[str]:
    """Yield why a plan without custom fields cannot take a migration at all."""
    for row in budget.filter(pl.col("type") == "all").iter_rows(named=True):
        yield f"{row['module']}: {row['needed']} custom fields needed, {row['used']} used, {plan} has 0"
    yield (
        "without cf_source_system_id no record of ours is found again: no resume, no delta, no rollback; and the original"
        " dates would have no place"
    )
    if not plan_limits(plan)["gigabytes"]:
        yield f"files: {plan} stores none"
    least = next(one for one in Plan if plan_limits(one)["total"])
    yield f"{least} is the least plan that a migration can go to"


def fold_advice(setup: Mapping[str, Any], schema: TenantSchema, plan: str) -> str:
    """Return how to fold what the plan has no room for, as lines to write into the decision file."""
    names = fields_to_fold(setup, schema.custom_fields, plan)
    if not names:
        return ""
    lines = "\n".join(f"  {name},map,{MORE},YOUR NAME,YYYY-MM-DD," for name in names)
    return (
        f"\nThey fold into one labelled text area, {MORE}, by a decision: add to mappings/values/{FOLDED}.csv\n{lines}\n"
        'or let the workbench write these lines: workbench suggest --accept-above 0.95 --by "YOUR NAME". Then approve and'
        " run again."
    )


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


def _lowest(fields: Sequence[Needed], kind: str, count: int) -> list[Needed]:
    some = [one for one in fields if kind in ("all", one["type"]) and one["name"] != MORE]
    return sorted(some, key=lambda one: GIVEN_UP_FIRST[one["rank"]])[: max(count, 0)]
