from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from workbench.errors import TenantRefusesKey
from workbench.freshsales.client import Freshsales
from workbench.freshsales.refusals import plain_label
from workbench.freshsales.schema import FieldInfo, Stage, User, read_schema, write_schema
from workbench.warehouse import open_warehouse

if TYPE_CHECKING:
    from conftest import Stub

STAGES = [
    {"id": 21, "name": "New", "position": 1, "forecast_type": "Open"},
    {"id": 22, "name": "Won", "position": 2, "forecast_type": "Closed Won"},
    {"id": 23, "name": "Old", "position": 3, "is_deleted": True},
]
BODIES: dict[str, Any] = {
    "/selector/owners": {"users": [{"id": 1, "display_name": "M", "email": " M@x.org ", "is_active": True}]},
    "/selector/deal_pipelines": {
        "deal_pipelines": [
            {"id": 3, "name": "Ortho", "position": 2, "is_default": False},
            {"id": 2, "name": "Default", "position": 1, "is_default": True, "deal_stages": STAGES},
        ]
    },
    "/selector/deal_pipelines/3/deal_stages": {"deal_stages": [{"id": 31, "name": "Consult", "forecast_type": "Open"}]},
    "/selector/lifecycle_stages": {"lifecycle_stages": [{"id": 51, "name": "Lead"}, {"id": 52, "name": "Customer"}]},
    "/selector/sales_activity_types": {"sales_activity_types": [{"id": 61, "name": "Phone"}]},
    "/settings/contacts/fields": {
        "fields": [
            {"name": "email", "label": "Emails", "type": "text", "default": True, "required": False, "choices": []},
            {
                "name": "cf_plan_type",
                "label": "Plan Type",
                "type": "dropdown",
                "default": False,
                "required": True,
                "choices": [{"id": "1", "value": "PPO"}, {"id": "2", "value": "HMO"}],
            },
        ]
    },
}


def answer(request: httpx.Request) -> httpx.Response:
    body = BODIES.get(request.url.path.removeprefix("/crm/sales/api"))
    return httpx.Response(404) if body is None else httpx.Response(200, json=body)


def test_the_schema_is_read_by_name_in_about_a_dozen_calls(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = answer
    schema = read_schema(tenant)
    assert schema.alias == "brisk-otter"
    assert schema.users == [User(1, "M", "M@x.org", True)]
    assert schema.pipelines == {
        "Default": {"New": Stage(21, "Open"), "Won": Stage(22, "Closed Won")},
        "Ortho": {"Consult": Stage(31, "Open")},
    }
    assert (schema.default_pipeline, schema.pipeline_ids) == ("Default", {"Default": 2, "Ortho": 3})
    assert schema.lifecycle_stages == {"Lead": 51, "Customer": 52}
    assert schema.task_types == {}
    assert schema.custom_fields["contacts"] == {
        "cf_plan_type": FieldInfo("Plan Type", "dropdown", ("PPO", "HMO"), required=True)
    }
    assert list(schema.standard_fields["contacts"]) == ["email"]
    assert len(stub.asked) == 13
    assert plain_label("Plan Type") in tenant.labels


def test_names_and_ids_are_found_both_ways(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = answer
    schema = read_schema(tenant)
    assert schema.choices("deal_stages", within="Ortho") == {"Consult": 31}
    assert schema.choices("deal_stages") == {"New": 21, "Won": 22}
    assert schema.choices("deal_pipelines") == {"Default": 2, "Ortho": 3}
    assert schema.choices("users") == {"M@x.org": 1}
    assert [schema.name_of("deal_stages", 31), schema.name_of("lifecycle_stages", "52")] == ["Consult", "Customer"]
    assert schema.name_of("industry_types", 1) is None


def test_a_key_that_may_not_list_users_is_refused_in_plain_words(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(403, json={"errors": {"message": "You are not authorised"}})
    with pytest.raises(TenantRefusesKey, match="key of an account administrator"):
        read_schema(tenant)


def test_the_schema_lands_in_the_warehouse_stamped_with_the_tenant(
    stub: Stub, tenant: Freshsales, tmp_path: Path
) -> None:
    stub.handler = answer
    schema = read_schema(tenant)
    with open_warehouse(tmp_path / "w.duckdb", write=True) as warehouse:
        for _ in range(2):
            write_schema(warehouse, schema)
        assert warehouse.tables("destination") == ["choices", "custom_fields", "stages", "standard_fields", "users"]
        assert warehouse.run("SELECT * FROM destination.custom_fields") == [
            ("contacts", "cf_plan_type", "Plan Type", "dropdown", ["PPO", "HMO"], True, "brisk-otter")
        ]
        assert warehouse.run("SELECT name, id FROM destination.choices WHERE kind = 'lifecycle_stages'") == [
            ("Lead", 51),
            ("Customer", 52),
        ]
        assert warehouse.run("SELECT count(*) FROM destination.stages") == [(3,)]
        assert warehouse.run("SELECT email, is_active FROM destination.users") == [("M@x.org", True)]
