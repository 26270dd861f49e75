"""The setup plan lists everything the tenant lacks, and refuses what the plan tier cannot hold, with named cuts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from loads import LOCAL, InProcess
from shipped import make_shipped

from workbench.errors import SetupMissing
from workbench.freshsales.client import Freshsales
from workbench.freshsales.limits import MemoryBudget
from workbench.freshsales.records import create_record
from workbench.freshsales.schema import FieldInfo, Stage, TenantSchema, User, read_schema, write_schema
from workbench.mapping.budget import fields_to_fold
from workbench.mapping.checklist import (
    field_budget,
    item_frame,
    lack_frame,
    make_checklist,
    progress_frame,
    require_budget,
    require_setup,
    verify_setup,
)
from workbench.mapping.setup import make_setup
from workbench.pacing import Pacing
from workbench.tenant.server import make_app
from workbench.vocabulary import Edition
from workbench.warehouse import open_warehouse

PIPELINES = "pipeline_id,pipeline_name,sort_order,is_deleted\nP2,Perio,2,\nP1,Ortho,1,N\nP3,Old,3,Y\n"
STAGES = (
    "stage_id,pipeline_id,stage_name,outcome,probability_pct,sort_order\n"
    "S2,P1,Done,won,100.0,2\nS1,P1,Consult,open,,1\nS3,P2,Declined,lost,n/a,1\n"
)


def schema(**changed) -> TenantSchema:
    empty = {name: {} for name in TenantSchema.__dataclass_fields__} | {
        "alias": "acme",
        "default_pipeline": "",
        "users": [],
    }
    return TenantSchema(**(empty | changed))


def field(name: str, kind: str = "text", *, rank: str = "should", choices: int = 0, unique: bool = False) -> dict:
    made = [f"choice {one}" for one in range(choices)]
    return {
        "label": name.removeprefix("cf_").title(),
        "name": name,
        "type": kind,
        "choices": made,
        "unique": unique,
        "required": False,
        "max_length": None,
        "rank": rank,
    }


def setup(*fields: dict, **more) -> dict:
    empty = {"pipelines": [], "lifecycle_stages": [], "lead_sources": [], "industry_types": [], "task_types": []}
    return {"custom_fields": {"contacts": list(fields)}, **empty, **more}


def info(kind: str, *choices: str) -> FieldInfo:
    return FieldInfo(label="x", type=kind, choices=choices, required=False)


def test_the_plan_says_what_the_mapping_and_the_export_need(little):
    little.mapping(
        "practice",
        (little.folder / "mappings/objects/practice.toml")
        .read_text()
        .replace(
            "[fields]",
            '[fields]\nindustry_type_id = { const = "Dental", names = "industry_types" }\n'
            'cf_kind = { from = "name", values = "kind" }',
        ),
    )
    little.write(
        "mappings/custom_fields/sales_accounts.toml",
        '[cf_source_system_id]\nlabel = "Source System Id"\ntype = "text"\nunique = true\n'
        '[cf_kind]\nlabel = "Kind"\ntype = "dropdown"\nchoices_from = "kind"\n',
    )
    little.values("kind", "a,map,Big", "b,keep,", "c,blank,", "d,ask,")
    little.values("stage.ortho", "Done,map,Finished")
    little.land(
        case_pipelines=PIPELINES,
        case_stages=STAGES,
        tasks="task_id,task_type\nK1,Recall\nK2, Recall \nK3,\n",
        users="user_id,full_name,email,is_active\nU1,Dana,dana@x.com ,Y\nU2,Lee,LEE@x.com,Y\nU3,Lea,lee@x.com,N\nU4,Kim,kim@x.com,N\nU5,Pat,,Y\n",
    )
    made = make_setup(little.settings, little.mappings)
    accounts = made["custom_fields"]["sales_accounts"]
    assert [(one["name"], one["choices"], one["unique"], one["max_length"]) for one in accounts] == [
        ("cf_source_system_id", [], True, 256),
        ("cf_kind", ["Big", "b"], False, None),
    ]
    assert made["pipelines"] == [
        {
            "name": "Ortho",
            "stages": [
                {"name": "Consult", "forecast_type": "Open", "probability": 0},
                {"name": "Finished", "forecast_type": "Closed Won", "probability": 100},
            ],
        },
        {"name": "Perio", "stages": [{"name": "Declined", "forecast_type": "Closed Lost", "probability": 0}]},
    ]
    assert (made["industry_types"], made["task_types"]) == (["Dental"], ["Recall"])
    assert made["users"] == [{"name": "Dana", "email": "dana@x.com"}]
    assert json.loads(json.dumps(made)) == made


def test_every_missing_thing_is_listed_at_once():
    needed = setup(
        field("cf_gone"),
        field("cf_kind", "dropdown", choices=3),
        field("cf_date", "date"),
        field("cf_there"),
        pipelines=[
            {
                "name": "Ortho",
                "stages": [
                    {"name": "Consult", "forecast_type": "Open"},
                    {"name": "Done", "forecast_type": "Closed Won"},
                ],
            },
            {"name": "Perio", "stages": [{"name": "Consult", "forecast_type": "Open"}]},
        ],
        lifecycle_stages=["Customer"],
        industry_types=["Dental"],
        task_types=["Recall", "Call"],
    )
    have = schema(
        custom_fields={
            "contacts": {"cf_kind": info("dropdown", "choice 1"), "cf_date": info("text"), "cf_there": info("text")}
        },
        pipelines={"Ortho": {"Done": Stage(1, "Open")}},
        task_types={"Call": 1},
    )
    with pytest.raises(SetupMissing) as stopped:
        require_setup(needed, have, "setup.json")
    assert str(stopped.value).splitlines() == [
        "The tenant acme lacks 9 things that the mapping needs; nothing was written:",
        "  custom field contacts.cf_gone is missing; make it as 'Gone', text",
        "  choices contacts.cf_kind lacks 2 of 3 choices",
        "  custom field contacts.cf_date is a text, and a date is needed",
        "  stage Ortho.Consult is missing",
        "  stage Ortho.Done forecasts Open, not Closed Won",
        "  pipeline deals.Perio is missing, with 1 stages",
        "  lifecycle stage settings.Customer is missing",
        "  industry type settings.Dental is missing",
        "  task type settings.Recall is missing",
        "An admin makes them in Freshsales (Admin Settings) by the page 40_setup or setup.json; then run again.",
    ]
    assert lack_frame(verify_setup(needed, have)).height == 9


def test_a_tenant_that_has_it_all_passes():
    needed = setup(field("cf_there"))
    have = schema(custom_fields={"contacts": {"cf_there": info("text")}}, users=[User(1, "Dana", "d@x.com", True)])
    require_setup(needed, have, "setup.json")
    require_budget(needed, have, "growth")
    assert lack_frame([]).columns == ["kind", "where", "name", "problem"]


def test_growth_with_8_text_fields_used_has_room_for_12_and_names_what_to_fold():
    fields = [
        field(f"cf_{place}", rank="nice" if place in (3, 9) else "must" if place < 3 else "should")
        for place in range(15)
    ]
    have = schema(
        custom_fields={"contacts": {f"cf_old_{place}": info("text") for place in range(8)} | {"cf_1": info("text")}}
    )
    with pytest.raises(SetupMissing) as stopped:
        require_budget(setup(*fields), have, "growth")
    assert str(stopped.value).splitlines() == [
        "The plan growth cannot hold the mapping; nothing was written:",
        "  contacts: 15 text fields needed, 8 used, growth has 20. Lowest ranks first: cf_3, cf_9, cf_4",
        "They fold into one labelled text area, cf_dentalexec_more, by a decision: add to mappings/values/folded_fields.csv",
        "  contacts.cf_3,map,cf_dentalexec_more,YOUR NAME,YYYY-MM-DD,",
        "  contacts.cf_4,map,cf_dentalexec_more,YOUR NAME,YYYY-MM-DD,",
        "  contacts.cf_9,map,cf_dentalexec_more,YOUR NAME,YYYY-MM-DD,",
        'or let the workbench write these lines: workbench suggest --accept-above 0.95 --by "YOUR NAME". Then approve and'
        " run again.",
    ]
    require_budget(setup(*fields[:12]), have, "growth")
    assert field_budget(setup(*fields), have, "growth").rows() == [
        ("contacts", "text", 15, 8, 20, False),
        ("contacts", "all", 15, 8, 150, True),
    ]


def test_free_has_no_custom_fields_at_all():
    with pytest.raises(SetupMissing, match="1 custom fields needed, 0 used, free has 0"):
        require_budget(setup(field("cf_source_system_id", rank="must")), schema(), "free")


def test_the_sum_over_all_types_is_counted_too():
    used = {f"cf_{kind}_{place}": info(kind) for kind in ("number", "checkbox", "date", "multi") for place in range(37)}
    with pytest.raises(SetupMissing, match="contacts: 3 custom fields needed, 148 used, growth has 150"):
        require_budget(
            setup(field("cf_a"), field("cf_b"), field("cf_c")), schema(custom_fields={"contacts": used}), "growth"
        )


def test_more_than_300_choices_stop_with_three_ways():
    require_budget(setup(field("cf_carrier", "dropdown", choices=300)), schema(), "pro")
    with pytest.raises(SetupMissing) as stopped:
        require_budget(setup(field("cf_carrier", "dropdown", choices=301)), schema(), "pro")
    assert str(stopped.value).splitlines()[1:] == [
        "  contacts.cf_carrier: 301 choices, and Freshsales takes 300. Make it a text field, or keep the 299 most frequent and"
        " `Other` beside a text field for the spelling, or split the list by state"
    ]


def test_two_fields_of_a_module_may_be_unique():
    fields = [field(f"cf_{place}", unique=True) for place in range(3)]
    require_budget(setup(*fields[:2]), schema(), "pro")
    with pytest.raises(SetupMissing, match="contacts: 3 unique fields, and Freshsales takes 2"):
        require_budget(setup(*fields), schema(), "pro")


def test_one_pipeline_of_growth_says_what_is_lost_and_offers_prefixes():
    needed = setup(pipelines=[{"name": "Ortho", "stages": []}, {"name": "Perio", "stages": []}])
    with pytest.raises(SetupMissing) as stopped:
        require_budget(needed, schema(pipelines={"Default": {}}), "growth")
    assert "deals: 3 pipelines needed, growth has 1; to make: Ortho, Perio." in str(stopped.value)
    assert "`Ortho: Consult`" in str(stopped.value)
    require_budget(needed, schema(pipelines={"Ortho": {}, "Perio": {}}), "growth")
    require_budget(needed, schema(pipelines={"Default": {}}), "pro")


def test_growth_stages_of_treatments_without_cases_get_their_prefix_too(little):
    little.write("migration.toml", '[freshsales]\nplan = "growth"\n')
    little.values("case_pipeline", "Ortho,map,Sales")
    little.values("stage.ortho", "Done,map,Ortho: Finished")
    little.land(case_pipelines=PIPELINES, case_stages=STAGES)
    [pipeline] = make_setup(little.settings, little.mappings)["pipelines"]
    assert pipeline["name"] == "Sales"
    assert [one["name"] for one in pipeline["stages"]] == ["Ortho: Consult", "Ortho: Finished", "Perio: Declined"]


def test_the_text_area_that_takes_fields_in_needs_a_place_itself():
    areas = [field(f"cf_area_{place}", "textarea", rank="nice") for place in range(5)]
    texts = [field(f"cf_{place}", rank="nice") for place in range(21)]
    # one text too many: the new text area is the sixth, so one of the others folds into it, too
    assert fields_to_fold(setup(*texts, *areas), {}, "growth") == ["contacts.cf_0", "contacts.cf_area_0"]
    assert fields_to_fold(setup(*texts[:20], *areas), {}, "growth") == []
    musts = [field(f"cf_{place}", rank="must") for place in range(21)]
    assert fields_to_fold(setup(*musts), {}, "growth") == []
    with pytest.raises(SetupMissing) as stopped:
        require_budget(setup(*musts), schema(), "growth")
    assert str(stopped.value).splitlines()[1:] == [
        "  contacts: 21 text fields needed, 0 used, growth has 20. Lowest ranks first: none may go; 1 more have to be freed in"
        " the tenant, or a larger plan"
    ]


def test_the_admins_page_says_of_each_item_how_it_stands_and_counts_what_is_done():
    needed = setup(
        field("cf_there", unique=True),
        field("cf_gone"),
        field("cf_kind", "dropdown", choices=2),
        pipelines=[{"name": "Ortho", "stages": [{"name": "Consult", "forecast_type": "Open", "probability": 10}]}],
        industry_types=["Dental"],
        users=[{"name": "Dana", "email": "Dana@x.com"}, {"name": "Lee", "email": "lee@x.com"}],
        switch_off=["Sales sequences"],
    )
    have = schema(
        custom_fields={"contacts": {"cf_there": info("text"), "cf_kind": info("dropdown", "choice 0")}},
        users=[User(1, "Dana", "dana@x.com", True), User(2, "Lee", "lee@x.com", False)],
    )
    items = make_checklist(needed, have, {"unique contacts.cf_there": "Ana, 2026-11-26"})
    assert [(one.name, one.state) for one in items] == [
        ("Dana@x.com", "✓ there"),
        ("lee@x.com", "to make"),
        ("cf_there", "✓ there"),
        ("cf_gone", "to make"),
        ("cf_kind", "to change: lacks 1 of 2 choices"),
        ("Dental", "to make"),
        ("Ortho", "to make"),
        ("Consult", "to make"),
        ("switched off: Sales sequences", "to tick"),
        ("unique contacts.cf_there", "✓ ticked by Ana, 2026-11-26"),
    ]
    assert progress_frame(items).rows() == [
        ("1. Users", 1, 2, "1 to go"),
        ("2. Custom fields of contacts", 1, 3, "2 to go"),
        ("3. Pick-lists", 0, 1, "1 to go"),
        ("4. Pipelines and stages", 0, 2, "2 to go"),
        ("5. What no API shows", 1, 2, "1 to go"),
    ]
    assert item_frame(items, "Custom fields").row(0) == ("✓ there", "contacts", "cf_there", "There: text, unique")


@contextmanager
def asked_tenant(folder: Path) -> Iterator[tuple[Freshsales, Callable[[str, dict], None]]]:
    """A tenant in process, asked through the door out, and how its admin changes it."""
    transport = InProcess(make_app(folder))
    with (
        Freshsales(LOCAL, "rehearsal-admin", budget=MemoryBudget(Pacing(5000, 400)), transport=transport, edition=Edition.SUITE) as tenant,
        httpx.Client(base_url="http://127.0.0.1:9", transport=transport) as other,
    ):  # fmt: skip
        yield tenant, lambda path, body: other.post(f"/_tenant/{path}", json=body).raise_for_status()
    transport.end()
    transport.app.state.tenant.state.db.close()


def test_a_date_time_type_that_the_tenant_lists_is_offered_for_original_times_and_taken_by_decision(tmp_path):
    made = make_shipped(tmp_path / "migration")

    def plan() -> dict:
        return make_setup(made.settings, made.mappings)

    def keep(schema: TenantSchema) -> TenantSchema:
        with open_warehouse(made.settings.warehouse, write=True) as warehouse:
            write_schema(warehouse, schema)
        return schema

    assert plan()["offers"] == []  # nobody asked the tenant yet
    with asked_tenant(tmp_path / "tenant") as (tenant, admin):
        keep(read_schema(tenant))
        assert plan()["offers"] == []  # a Date Picker is all that is documented
        admin("switches", {"date_time_fields": True})
        shown = {"label": "Last Call", "name": "cf_last_call", "type": "date_time_split"}
        admin("setup", {"custom_fields": {"contacts": [shown]}})
        keep(read_schema(tenant))
        [offer] = plan()["offers"]
        assert offer.startswith(
            "contacts: the field list shows the type date_time_split (cf_last_call), so cf_original_create_date and"
            " cf_original_modified_date can hold times instead of days."
        )
        custom = made.folder / "mappings/custom_fields/contacts.toml"
        custom.write_text(
            custom.read_text().replace('type = "date"\nrank = "must"', 'type = "date_time_split"\nrank = "must"')
        )
        for path in (made.folder / "mappings/objects").glob("*.toml"):
            taken = 'cf_original_create_date = { from = ["created_at", "time_zone"], via = "local_time" }'
            path.write_text(path.read_text().replace(taken.replace("local_time", "local_day"), taken))
        admin("setup", plan())
        lacks = [one for one in verify_setup(plan(), keep(read_schema(tenant))) if one.where == "contacts"]
        assert lacks == []
        assert "so cf_original_modified_date can hold" in plan()["offers"][0]
        made.stage()
        ((created,),) = made.staged("patient", "cf_original_create_date")
        assert created == "2019-01-02T08:00:00-06:00"
        fields = {"last_name": "Lund", "mobile_number": "+15033635432", "cf_original_create_date": created}
        kept = create_record(tenant, "contact", fields)["custom_field"]["cf_original_create_date"]
        assert datetime.fromisoformat(kept) == datetime.fromisoformat(created)
