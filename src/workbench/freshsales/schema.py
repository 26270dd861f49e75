"""What a tenant offers: custom fields, pipelines, users and pick-lists, read in about a dozen calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from workbench.errors import TenantRefusesKey
from workbench.freshsales.answers import items
from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import SOURCE_ID
from workbench.freshsales.refusals import PermissionMissing, Reason, Refused, plain_label
from workbench.vocabulary import Edition
from workbench.warehouse import Warehouse

MODULES = ("contacts", "sales_accounts", "deals", "sales_activities")


@dataclass(frozen=True)
class FieldInfo:
    """One field of a module. Whether it is unique cannot be read."""

    label: str
    type: str
    choices: tuple[str, ...] = ()
    required: bool = False


class Stage(NamedTuple):
    """One stage of a pipeline."""

    id: int
    forecast_type: str


class User(NamedTuple):
    """One user of the tenant."""

    id: int
    name: str
    email: str
    is_active: bool


@dataclass(frozen=True)
class TenantSchema:
    """What the tenant offers, by name; ids differ from tenant to tenant."""

    alias: str
    custom_fields: dict[str, dict[str, FieldInfo]]
    standard_fields: dict[str, dict[str, FieldInfo]]
    pipelines: dict[str, dict[str, Stage]]
    pipeline_ids: dict[str, int]
    default_pipeline: str
    users: list[User]
    lifecycle_stages: dict[str, int]
    contact_statuses: dict[str, int]
    industry_types: dict[str, int]
    lead_sources: dict[str, int]
    task_types: dict[str, int]
    sales_activity_types: dict[str, int]

    @property
    def edition(self) -> Edition:
        """The product it belongs to: Classic alone has leads."""
        return Edition.CLASSIC if "leads" in self.custom_fields else Edition.SUITE

    def choices(self, kind: str, within: str | None = None) -> dict[str, int]:
        """Return name → id of a pick-list by its mapping-file name; `deal_stages` needs the pipeline `within`."""
        if kind == "deal_pipelines":
            return self.pipeline_ids
        if kind == "deal_stages":
            return {name: stage.id for name, stage in self.pipelines.get(within or self.default_pipeline, {}).items()}
        if kind == "users":
            return {user.email: user.id for user in self.users if user.is_active}
        found: dict[str, int] = getattr(self, kind)
        return found

    def as_setup(self) -> dict[str, Any]:
        """Return it as a setup.json, from which a rehearsal tenant offers the same; ids it gives by itself.

        Which fields are unique cannot be read: our own is taken for unique, as its setup asks.
        """
        return {
            "custom_fields": {
                module: [
                    {
                        "label": one.label,
                        "name": name,
                        "type": one.type,
                        "choices": list(one.choices),
                        "required": one.required,
                        "unique": name == SOURCE_ID,
                    }
                    for name, one in fields.items()
                ]
                for module, fields in self.custom_fields.items()
            },
            "pipelines": [
                {
                    "name": name,
                    "stages": [{"name": one, "forecast_type": it.forecast_type} for one, it in stages.items()],
                }
                for name, stages in self.pipelines.items()
            ],
            **{
                kind: list(self.choices(kind))
                for kind in ("lifecycle_stages", "industry_types", "lead_sources", "task_types")
            },
            "users": [{"name": user.name, "email": user.email, "is_active": user.is_active} for user in self.users],
        }

    def name_of(self, kind: str, number: object) -> str | None:
        """Return the name behind an id of a pick-list, whichever pipeline a stage is in; None for an unknown one."""
        lists = [self.choices(kind, one) for one in self.pipelines] if kind == "deal_stages" else [self.choices(kind)]
        return next((name for names in lists for name, known in names.items() if str(known) == str(number)), None)


def read_schema(tenant: Freshsales) -> TenantSchema:
    """Read what the tenant offers; the key must be an admin's, since nobody else may list the users."""
    users = _users(tenant)
    pipelines, ids, default = _pipelines(tenant)
    modules = (*MODULES, "leads") if tenant.edition is Edition.CLASSIC else MODULES
    fields = {plural: _fields(tenant, plural) for plural in modules}
    labels = {plain_label(one["label"]) for listed in fields.values() for one in listed if one.get("label")}
    tenant.labels |= labels
    return TenantSchema(
        alias=tenant.alias,
        custom_fields={plural: _infos(listed, default=False) for plural, listed in fields.items()},
        standard_fields={plural: _infos(listed, default=True) for plural, listed in fields.items()},
        pipelines=pipelines,
        pipeline_ids=ids,
        default_pipeline=default,
        users=users,
        **{
            kind: {one["name"]: int(one["id"]) for one in _selector(tenant, kind)}
            for kind in (
                "lifecycle_stages",
                "contact_statuses",
                "industry_types",
                "lead_sources",
                "task_types",
                "sales_activity_types",
            )
        },
    )


def _users(tenant: Freshsales) -> list[User]:
    try:
        listed = _selector(tenant, "owners", envelope="users")
    except PermissionMissing:
        raise TenantRefusesKey(
            "The API key's role may not list the tenant's users (403), so no owner can be found. Use the key of an"
            " account administrator."
        ) from None
    return sorted(
        (
            User(
                int(one["id"]),
                one.get("display_name") or one.get("name") or "",
                (one.get("email") or "").strip(),
                bool(one.get("is_active", True)),
            )
            for one in listed
        ),
        key=lambda user: user.id,
    )


def _pipelines(tenant: Freshsales) -> tuple[dict[str, dict[str, Stage]], dict[str, int], str]:
    stages: dict[str, dict[str, Stage]] = {}
    ids: dict[str, int] = {}
    default = ""
    pipelines = _selector(tenant, "deal_pipelines")
    items("/selector/deal_pipelines", {"deal_pipelines": pipelines}, "deal_pipelines", "name")
    for one in sorted(pipelines, key=lambda one: one.get("position") or 0):
        # /selector/deal_stages covers the default pipeline alone.
        path = f"deal_pipelines/{one['id']}/deal_stages"
        listed = items(path, one, "deal_stages") if one.get("deal_stages") else _selector(tenant, path, "deal_stages")
        items(path, {"deal_stages": listed}, "deal_stages", "name")
        stages[one["name"]] = {
            stage["name"]: Stage(int(stage["id"]), stage.get("forecast_type") or "Open")
            for stage in sorted(listed, key=lambda stage: stage.get("position") or 0)
            if not stage.get("is_deleted")
        }
        ids[one["name"]] = int(one["id"])
        default = one["name"] if one.get("is_default") or not default else default
    return stages, ids, default


def _selector(tenant: Freshsales, name: str, envelope: str = "") -> list[dict[str, Any]]:
    """Return a selector's items; one that this tenant lacks has none."""
    return _listed(tenant, f"/selector/{name}", envelope or name, "id")


def _fields(tenant: Freshsales, plural: str) -> list[dict[str, Any]]:
    return _listed(tenant, f"/settings/{plural}/fields", "fields", "name")


def _listed(tenant: Freshsales, path: str, envelope: str, key: str) -> list[dict[str, Any]]:
    try:
        body = tenant.call("GET", path).body
    except Refused as problem:
        if problem.reason is Reason.NOT_FOUND:
            return []
        raise
    is_empty = isinstance(body, dict) and (not body or body.get(envelope, ...) is None)
    return [] if is_empty else items(path, body, envelope, key)


def _infos(listed: list[Mapping[str, Any]] | list[dict[str, Any]], *, default: bool) -> dict[str, FieldInfo]:
    return {
        one["name"]: FieldInfo(
            label=one.get("label") or one["name"],
            type=one.get("type") or "text",
            choices=tuple(str(choice.get("value")) for choice in one.get("choices") or []),
            required=bool(one.get("required")),
        )
        for one in listed
        if bool(one.get("default", not one["name"].startswith("cf_"))) is default
    }


def write_schema(warehouse: Warehouse, schema: TenantSchema) -> None:
    """Write destination.fields, custom_fields, users, pipelines and choices, each stamped with the tenant's alias."""
    text, number = pl.String, pl.Int64
    shape = {
        "module": text,
        "name": text,
        "label": text,
        "type": text,
        "choices": pl.List(text),
        "required": pl.Boolean,
    }
    for table, modules in (("custom_fields", schema.custom_fields), ("standard_fields", schema.standard_fields)):
        _write(
            warehouse,
            schema,
            table,
            shape,
            [
                (module, name, one.label, one.type, list(one.choices), one.required)
                for module, fields in modules.items()
                for name, one in fields.items()
            ],
        )
    _write(
        warehouse,
        schema,
        "users",
        {"id": number, "name": text, "email": text, "is_active": pl.Boolean},
        [(user.id, user.name, user.email, user.is_active) for user in schema.users],
    )
    _write(
        warehouse,
        schema,
        "stages",
        {"pipeline": text, "pipeline_id": number, "stage": text, "stage_id": number, "forecast_type": text},
        [
            (pipeline, schema.pipeline_ids[pipeline], name, stage.id, stage.forecast_type)
            for pipeline, stages in schema.pipelines.items()
            for name, stage in stages.items()
        ],
    )
    kinds = (
        "lifecycle_stages",
        "contact_statuses",
        "industry_types",
        "lead_sources",
        "task_types",
        "sales_activity_types",
        "deal_pipelines",
    )
    _write(
        warehouse,
        schema,
        "choices",
        {"kind": text, "name": text, "id": number},
        [(kind, name, known) for kind in kinds for name, known in schema.choices(kind).items()],
    )


def _write(
    warehouse: Warehouse, schema: TenantSchema, table: str, shape: dict[str, Any], rows: list[tuple[Any, ...]]
) -> None:
    frame = pl.DataFrame(rows, schema=shape, orient="row").with_columns(tenant=pl.lit(schema.alias))
    warehouse.write(f"destination.{table}", frame)
