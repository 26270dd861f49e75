"""Setups, switches and user edits on the tenant's other side, and the schema that the API then shows."""

import pytest

from workbench.tenant.server import make_app


def test_a_bare_tenant_has_the_vendors_defaults(bare):
    assert list(bare.listing("lifecycle_stages")) == ["Lead", "Sales Qualified Lead", "Customer"]
    assert [one["name"] for one in bare.get("/selector/deal_pipelines")["deal_pipelines"]] == ["Default Pipeline"]
    types = ["Chat", "Phone", "Meeting", "Task", "Email", "SMS Outgoing", "Reminder", "SMS Incoming"]
    assert list(bare.listing("sales_activity_types")) == types
    assert "Healthcare / Dental" not in bare.listing("industry_types")
    assert [one["email"] for one in bare.get("/selector/owners")["users"]] == ["admin@rehearsal.example"]


def test_every_selector_answers(bare):
    names = [
        "owners",
        "territories",
        "deal_stages",
        "currencies",
        "deal_reasons",
        "deal_types",
        "lead_sources",
        "industry_types",
    ]
    names += [
        "business_types",
        "campaigns",
        "deal_payment_statuses",
        "deal_products",
        "deal_pipelines",
        "contact_statuses",
    ]
    names += ["lifecycle_stages", "sales_activity_types", "sales_activity_entity_types", "sales_activity_outcomes"]
    for name in [*names, "task_types"]:
        reply = bare.call("GET", f"/selector/{name}")
        assert reply.status_code == 200
        assert list(reply.json()) == ["users" if name == "owners" else name]


def test_deal_stages_cover_the_default_pipeline_only(tenant):
    assert "Consult" not in tenant.listing("deal_stages")
    ortho = tenant.listing("deal_pipelines")["Ortho"]
    stages = tenant.get(f"/selector/deal_pipelines/{ortho}/deal_stages")["deal_stages"]
    assert [(one["name"], one["forecast_type"]) for one in stages] == [
        ("Consult", "Open"),
        ("Done", "Closed Won"),
        ("Gone", "Closed Lost"),
    ]


def test_fields_are_shown_with_choices_and_without_the_unique_flag(tenant):
    fields = {one["name"]: one for one in tenant.get("/settings/contacts/fields")["fields"]}
    assert [choice["value"] for choice in fields["cf_carrier"]["choices"]] == ["Delta Dental", "Cigna"]
    assert fields["cf_source_system_id"]["default"] is False
    assert "unique" not in fields["cf_source_system_id"]
    assert len(fields["time_zone"]["choices"]) == 149
    assert "Referring Dentist" in [choice["value"] for choice in fields["lifecycle_stage_id"]["choices"]]


def test_a_setup_applied_twice_changes_nothing(tenant):
    before = tenant.get("/_tenant/setup")
    after = tenant.post("/_tenant/setup", before["setup"]).json()
    assert after == before


def test_an_empty_tenant_is_seeded_once_whole_and_without_a_side_effect(bare):
    person = {"email": "ana@x.co", "subscription_status": 1, "lifecycle_stage": "Customer"}
    records = [{"entity": "sales_accounts", "fields": {"name": "A Bank"}}, {"entity": "contacts", "fields": person}]
    nameless = {"entity": "sales_accounts", "fields": {}}
    assert bare.post("/_tenant/seed", {"records": [*records, nameless]}).status_code == 400
    assert bare.get("/_tenant/state")["sales_accounts"] == []
    assert bare.post("/_tenant/seed", {"records": records}).json() == {"seeded": 2}
    before = bare.get("/_tenant/state")
    assert bare.post("/_tenant/seed", {"records": records}).json() == {"seeded": 0}
    assert bare.get("/_tenant/state") == before
    assert before["contacts"][0]["lifecycle_stage_id"] == bare.listing("lifecycle_stages")["Customer"]
    assert [bare.get(f"/_tenant/{name}")["total"] for name in ("messages", "side_effects")] == [0, 0]


def test_a_setup_adds_choices_to_what_is_there(tenant):
    field = {"name": "cf_carrier", "label": "Carrier", "type": "dropdown", "choices": ["Aetna"]}
    tenant.post("/_tenant/setup", {"custom_fields": {"contacts": [field]}})
    assert tenant.contact(custom_field={"cf_carrier": "Aetna"})["custom_field"]["cf_carrier"] == "Aetna"
    assert tenant.contact(custom_field={"cf_carrier": "Cigna"})["custom_field"]["cf_carrier"] == "Cigna"


@pytest.mark.parametrize(
    ("plan", "setup", "refusal"),
    [
        ("free", {"label": "A"}, "contacts.cf_a: the free plan has room for 0 text fields"),
        ("pro", {"label": "A", "type": "lookup"}, "contacts.cf_a: type lookup cannot be had"),
        (
            "enterprise",
            {"label": "A", "type": "dropdown", "choices": [str(n) for n in range(301)]},
            "contacts.cf_a: 301 choices, 300 are allowed",
        ),
        (
            "enterprise",
            {"label": "A", "type": "date", "unique": True},
            "contacts.cf_a: at most 2 text or number fields of a module can be unique",
        ),
    ],
)
def test_a_setup_beyond_the_plan_is_refused_by_name(bare, plan, setup, refusal):
    bare.tenant.state.plan = plan
    assert bare.post("/_tenant/setup", {"custom_fields": {"contacts": [setup]}}).json()["refused"] == [refusal]


def test_growth_has_one_pipeline(bare):
    bare.tenant.state.plan = "growth"
    stages = [{"name": "Consult"}]
    reply = bare.post("/_tenant/setup", {"pipelines": [{"name": "Ortho", "stages": stages}]}).json()
    assert reply["refused"] == ["pipeline Ortho: the growth plan has one pipeline"]
    bare.post("/_tenant/setup", {"pipelines": [{"name": "Default Pipeline", "stages": stages}]})
    assert "Consult" in bare.listing("deal_stages")


def test_fields_of_standard_modules_cannot_be_made_by_api(tenant):
    reply = tenant.post("/settings/contacts/forms/1/fields", {"label": "X", "field_type": 1, "required": False})
    assert reply.status_code == 403


def test_an_unknown_switch_is_refused_by_name(tenant):
    reply = tenant.post("/_tenant/switches", {"lags": 1})
    assert reply.status_code == 400
    assert reply.json()["errors"]["message"][0].startswith("no switch named lags; there are ")


def test_an_edit_by_a_user_keeps_the_other_custom_fields(tenant):
    made = tenant.contact(custom_field={"cf_carrier": "Cigna", "cf_visits": 1})
    changes = {"city": "Austin", "custom_field": {"cf_visits": 2}}
    tenant.post("/_tenant/edit", {"entity": "contacts", "id": made["id"], "changes": changes})
    shown = tenant.get(f"/contacts/{made['id']}")["contact"]
    assert (shown["city"], shown["custom_field"]["cf_carrier"], shown["custom_field"]["cf_visits"]) == (
        "Austin",
        "Cigna",
        2,
    )


def test_a_user_deletes_and_restores(tenant):
    made = tenant.contact()
    named = {"entity": "contacts", "id": made["id"]}
    tenant.post("/_tenant/delete", named)
    assert tenant.call("GET", f"/contacts/{made['id']}").status_code == 404
    tenant.post("/_tenant/restore", named)
    assert tenant.call("GET", f"/contacts/{made['id']}").status_code == 200


def test_a_state_opened_again_is_the_same_tenant(tmp_path, tenant):
    made = tenant.contact(email="a@x.co")
    tenant.post("/_tenant/switches", {"create_status": 200})
    tenant.at = 2_000_000_000.0
    tenant.call("GET", "/lists")
    state = make_app(tmp_path / "tenant").state.tenant.state
    old = tenant.tenant.state
    assert (state.alias, state.now(), state.switches["create_status"]) == (old.alias, 2_000_000_000.0, 200)
    assert state.schema == old.schema
    assert len(state.recent) == len(old.recent)
    assert state.read("contacts", made["id"])["email"] == "a@x.co"
    assert state.new_id() > made["id"]
    state.db.close()
