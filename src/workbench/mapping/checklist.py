"""The admin's checklist: the setup plan read against the tenant, item by item, from top to bottom, with progress."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.errors import SetupMissing
from workbench.freshsales.schema import TenantSchema
from workbench.mapping.budget import budget_problems, count_budget, fold_advice
from workbench.mapping.files import TICKS
from workbench.mapping.setup import Setup
from workbench.settings import Settings

PICK_LISTS = ("lifecycle_stages", "industry_types", "task_types", "lead_sources", "sales_activity_types")
DONE, TO_MAKE, TO_CHANGE, TO_TICK = "✓ there", "to make", "to change", "to tick"
"""How an item stands: read back from the tenant, or, where no API shows it, ticked by name."""


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
        for kind in PICK_LISTS
        if kind not in setup.get("may_lack", {})
        for name in setup.get(kind, ())
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


@dataclass(frozen=True)
class Item:
    """One line of the admin's page."""

    section: str
    where: str
    name: str
    make: str
    state: str

    @property
    def is_done(self) -> bool:
        """Say whether nothing is left to do."""
        return self.state.startswith("✓")


def make_checklist(setup: Setup, schema: TenantSchema, ticks: dict[str, str]) -> list[Item]:
    """Return everything an admin makes, in the order to make it, each with how it stands now.

    `ticks` gives who ticked what no API shows, as `name, day` by item.
    """
    lacks = {(one.kind, one.where, one.name): one for one in verify_setup(setup, schema)}
    return [
        *_user_items(setup, schema),
        *_field_items(setup, lacks),
        *_list_items(setup, schema),
        *_pipeline_items(setup, schema, lacks),
        *(
            Item(
                "What no API shows",
                "",
                item,
                "tick by name",
                f"✓ ticked by {ticks[item]}" if item in ticks else TO_TICK,
            )
            for item in unseen(setup)
        ),
    ]


def unseen(setup: Setup) -> list[str]:
    """Return what a tenant does not tell of itself and a person ticks: unique fields, and what is switched off."""
    unique = [
        f"unique {module}.{field['name']}"
        for module, fields in setup["custom_fields"].items()
        for field in fields
        if field["unique"]
    ]
    return sorted([*unique, *(f"switched off: {name}" for name in setup["switch_off"])])


def _user_items(setup: Setup, schema: TenantSchema) -> Iterator[Item]:
    active = {user.email.lower() for user in schema.users if user.is_active}
    for user in setup["users"]:
        state = DONE if user["email"].strip().lower() in active else TO_MAKE
        yield Item("Users", "", user["email"], f"invite {user['name']}; without, what this person owns is held", state)


def _field_items(setup: Setup, lacks: dict[tuple[str, str, str], Lack]) -> Iterator[Item]:
    for module, fields in setup["custom_fields"].items():
        for field in fields:
            choices = f", {len(field['choices'])} choices" if field["choices"] else ""
            unique = ", unique" if field["unique"] else ""
            state = _state([lacks.get((kind, module, field["name"])) for kind in ("custom field", "choices")])
            make = f"{field['label']}: {field['type']}{choices}{unique}"
            yield Item(f"Custom fields of {module}", module, field["name"], make, state)


def _list_items(setup: Setup, schema: TenantSchema) -> Iterator[Item]:
    for kind in PICK_LISTS:
        title, without = kind.replace("_", " "), setup.get("may_lack", {}).get(kind)
        for name in setup.get(kind, ()):
            make = f"an entry of {title}" + (f"; without, {without}" if without else "")
            yield Item("Pick-lists", title, name, make, DONE if name in schema.choices(kind) else TO_MAKE)


def _pipeline_items(setup: Setup, schema: TenantSchema, lacks: dict[tuple[str, str, str], Lack]) -> Iterator[Item]:
    for pipeline in setup["pipelines"]:
        name, is_there = pipeline["name"], pipeline["name"] in schema.pipelines
        made = f"a pipeline of {len(pipeline['stages'])} stages"
        yield Item("Pipelines and stages", name, name, made, DONE if is_there else TO_MAKE)
        for place, stage in enumerate(pipeline["stages"], 1):
            state = _state([lacks.get(("stage", name, stage["name"]))]) if is_there else TO_MAKE
            make = f"stage {place}, {stage['forecast_type']}, {stage['probability']} %"
            yield Item("Pipelines and stages", name, stage["name"], make, state)


def _state(found: list[Lack | None]) -> str:
    problems = [one.problem for one in found if one]
    if not problems:
        return DONE
    return TO_MAKE if problems[0].startswith("is missing") else f"{TO_CHANGE}: {problems[0]}"


def read_ticks(settings: Settings) -> dict[str, str]:
    """Return what was ticked for this target, with who did and when."""
    path = settings.own_decisions / TICKS
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["item"]: f"{row['ticked_by']}, {row['ticked_on']}" for row in csv.DictReader(file)}


def progress_frame(items: list[Item]) -> pl.DataFrame:
    """Return one row a section, in the order to work in: how much of it is done."""
    sections = list(dict.fromkeys(one.section for one in items))
    rows = []
    for step, section in enumerate(sections, 1):
        some = [one for one in items if one.section == section]
        done = sum(one.is_done for one in some)
        left = "done" if done == len(some) else f"{len(some) - done} to go"
        rows.append((f"{step}. {section}", done, len(some), left))
    schema = {"section": pl.String, "done": pl.Int64, "of": pl.Int64, "left": pl.String}
    return pl.DataFrame(rows, orient="row", schema=schema)


def item_frame(items: list[Item], section: str) -> pl.DataFrame:
    """Return the items of the sections that begin with a word, in the order to make them."""
    rows = [(one.state, one.where, one.name, one.make) for one in items if one.section.startswith(section)]
    names = ("state", "where", "name", "what to make")
    return pl.DataFrame(rows, orient="row", schema=dict.fromkeys(names, pl.String))


def choice_frame(setup: Setup) -> pl.DataFrame:
    """Return one row a choice of every pick-list field, in the order of the field."""
    rows = [
        (module, field["label"], place, choice)
        for module, fields in setup["custom_fields"].items()
        for field in fields
        for place, choice in enumerate(field["choices"], 1)
    ]
    schema = {"module": pl.String, "field": pl.String, "place": pl.Int64, "choice": pl.String}
    return pl.DataFrame(rows, orient="row", schema=schema)


def lack_frame(lacks: list[Lack]) -> pl.DataFrame:
    """Return what is missing as a table."""
    return pl.DataFrame(
        [vars(one) for one in lacks],
        schema={"kind": pl.String, "where": pl.String, "name": pl.String, "problem": pl.String},
    )


def field_budget(setup: Setup, schema: TenantSchema, plan: str) -> pl.DataFrame:
    """Return needed, already used for something else, and the plan's limit, by module and type."""
    return count_budget(setup, schema.custom_fields, plan)


def require_budget(setup: Setup, schema: TenantSchema, plan: str) -> None:
    """Stop before the first write when the plan cannot hold the mapping, naming what to fold."""
    problems = list(budget_problems(setup, schema, plan))
    if problems:
        lines = "\n".join(f"  {one}" for one in problems)
        advice = fold_advice(setup, schema, plan)
        raise SetupMissing(f"The plan {plan} cannot hold the mapping; nothing was written:\n{lines}{advice}")
