"""The door out against the rehearsal tenant over real HTTP: two readings of one contract meet."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from workbench.clock import RehearsalClock
from workbench.errors import TenantRefusesKey
from workbench.freshsales.census import list_records, read_documents, read_pages, read_parent_notes
from workbench.freshsales.client import Freshsales, connect
from workbench.freshsales.documents import upload
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.jobs import BulkRow, poll_job, send_bulk
from workbench.freshsales.limits import MemoryBudget
from workbench.freshsales.records import (
    create_record,
    delete_record,
    find_by_source_id,
    read_record,
    update_record,
    upsert_record,
)
from workbench.freshsales.refusals import OutcomeUnknown, Reason, Refused
from workbench.freshsales.schema import read_schema
from workbench.freshsales.shapes import flatten
from workbench.pacing import Pacing

KEYED = {"label": "Source System Id", "name": "cf_source_system_id", "type": "text", "unique": True}
SETUP = {
    "custom_fields": {
        "contacts": [KEYED, {"label": "Plan Type", "name": "cf_plan_type", "type": "dropdown", "choices": ["PPO"]}],
        "sales_accounts": [KEYED, {"label": "NPI", "name": "cf_npi", "type": "text"}],
        "deals": [KEYED],
    },
    "pipelines": [{"name": "Ortho", "stages": [{"name": "Consult", "forecast_type": "Open", "probability": 10}]}],
    "users": [{"name": "M. Reyes", "email": "mreyes@example.com"}],
    "task_types": ["Recall"],
}
Admin = Callable[..., Any]


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("tenant"), SETUP) as made:
        yield made


@contextmanager
def served(folder: Path, setup: dict[str, Any]) -> Iterator[str]:
    (folder / "setup.json").write_text(json.dumps(setup))
    command = [sys.executable, "-m", "workbench.tenant", "--state", str(folder), "--port", "0", "--idle", "120"]
    with subprocess.Popen([*command, "--setup", str(folder / "setup.json")]) as process:
        facts = folder / "tenant.json"
        deadline = time.monotonic() + 20
        while not facts.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        yield json.loads(facts.read_text())["base_url"]
        process.terminate()


@pytest.fixture
def tenant(base_url: str) -> Iterator[Freshsales]:
    with connect(base_url, "rehearsal-admin", budget=MemoryBudget(Pacing(5000, 400, 0.1)), wait_seconds=5) as made:
        yield made


@pytest.fixture
def admin(base_url: str) -> Iterator[Admin]:
    root = base_url.removesuffix("/crm/sales/api")
    with httpx.Client() as http:
        yield lambda path, body=None: http.request(
            "POST" if body else "GET", f"{root}/_tenant/{path}", json=body
        ).json()
        http.delete(f"{root}/_tenant/faults")


def test_the_tenants_clock_and_alias_are_taken(tenant: Freshsales, base_url: str) -> None:
    assert isinstance(tenant.clock, RehearsalClock)
    assert tenant.alias not in base_url


def test_a_wait_of_an_hour_is_over_at_once(tenant: Freshsales, admin: Admin) -> None:
    moment = tenant.clock.now() + 3600
    tenant.clock.wait_until(moment)
    tenant.call("GET", "/selector/lead_sources")
    assert admin("time")["now"] >= moment


def test_the_schema_holds_what_the_setup_made(tenant: Freshsales) -> None:
    schema = read_schema(tenant)
    assert schema.custom_fields["contacts"]["cf_plan_type"].choices == ("PPO",)
    assert list(schema.choices("deal_stages", within="Ortho")) == ["Consult"]
    assert "mreyes@example.com" in schema.choices("users")
    assert "Recall" in schema.task_types
    assert {"Lead", "Customer"} <= set(schema.lifecycle_stages)
    assert {"Phone", "Email", "SMS Outgoing"} <= set(schema.sales_activity_types)


def test_a_tenant_seeded_from_what_another_offers_offers_the_same(tenant: Freshsales, tmp_path: Path) -> None:
    theirs = read_schema(tenant)
    with (
        served(tmp_path, theirs.as_setup()) as copy,
        connect(copy, "rehearsal-admin", budget=MemoryBudget(Pacing(5000, 400))) as other,
    ):
        ours = read_schema(other)
    assert ours.alias != theirs.alias
    assert ours.as_setup() == theirs.as_setup()
    assert replace(ours, alias="", users=[]).standard_fields == theirs.standard_fields


def test_a_key_of_the_plain_role_may_not_read_the_owners(base_url: str) -> None:
    budget = MemoryBudget(Pacing(5000, 400))
    with (
        connect(base_url, "rehearsal-agent", budget=budget) as plain,
        pytest.raises(TenantRefusesKey, match="administrator"),
    ):
        read_schema(plain)
    with pytest.raises(TenantRefusesKey, match="FRESHSALES_API_KEY"):
        connect(base_url, "wrong", budget=budget)


def test_a_person_and_all_that_hangs_on_them_come_back_as_they_were_sent(tenant: Freshsales, tmp_path: Path) -> None:
    schema = read_schema(tenant)
    owner = schema.choices("users")["mreyes@example.com"]
    practice, created = upsert_record(
        tenant,
        "account",
        {"name": "Bright Smiles", "owner_id": owner, "cf_source_system_id": "P1", "cf_npi": "1234567893"},
    )
    assert created
    fields: dict[str, Any] = {
        "first_name": "Ana",
        "last_name": "Reyes",
        "email": "ana@example.com",
        "emails_more": ["ana.second@example.com"],
        "phone_numbers": [{"label": "Home", "value": "+15125550100"}],
        "account": practice["id"],
        "owner_id": owner,
        "lifecycle_stage_id": schema.lifecycle_stages["Customer"],
        "subscription_status": 0,
        "cf_source_system_id": "C1",
        "cf_plan_type": "PPO",
    }
    made, created = upsert_record(tenant, "contact", fields)
    again, twice = upsert_record(tenant, "contact", fields)
    assert (created, twice, again["id"]) == (True, False, made["id"])
    person = read_record(tenant, "contact", made["id"])
    assert person is not None
    flat = flatten("contact", person)
    assert {name: flat[name] for name in fields} == fields

    deal_fields: dict[str, Any] = {
        "name": "Ortho case",
        "amount": "5600.00",
        "deal_pipeline_id": schema.pipeline_ids["Ortho"],
        "deal_stage_id": schema.choices("deal_stages", within="Ortho")["Consult"],
        "account": practice["id"],
        "contact": made["id"],
        "owner_id": owner,
        "cf_source_system_id": "D1",
    }
    deal, _ = upsert_record(tenant, "deal", deal_fields)
    read = read_record(tenant, "deal", deal["id"])
    assert read is not None
    flat = flatten("deal", read)
    assert {name: flat[name] for name in deal_fields} == {**deal_fields, "amount": "5600.0"}

    target = ("contact", made["id"])
    task = {
        "title": "Recall",
        "due_date": "2024-05-01T09:00:00-05:00",
        "owner_id": owner,
        "target": target,
        "status": 1,
    }
    visit = {
        "title": "Cleaning",
        "from_date": "2024-05-01T09:00:00-05:00",
        "end_date": "2024-05-01T10:00:00-05:00",
        "time_zone": "Central Time (US & Canada)",
        "target": target,
        "owner_id": owner,
    }
    call = {
        "title": "Phone: asked",
        "start_date": "2024-05-01T09:00:00-05:00",
        "end_date": "2024-05-01T09:00:00-05:00",
        "sales_activity_type_id": schema.sales_activity_types["Phone"],
        "notes": "said hello",
        "target": target,
        "owner_id": owner,
    }
    for destination, sent in (("task", task), ("appointment", visit), ("sales_activity", call)):
        stored = create_record(tenant, destination, sent)
        [listed] = [one for one in list_records(tenant, destination) if one["id"] == stored["id"]]
        assert flatten(destination, listed)["target"] == target
        assert flatten(destination, listed)["title"] == sent["title"]
    note = create_record(tenant, "note", {"description": "<p>hello</p>", "target": ("deal", deal["id"])})
    assert [one["id"] for one in read_parent_notes(tenant, "deals", deal["id"])] == [note["id"]]
    (tmp_path / "x.txt").write_bytes(b"film")
    file = upload(tenant, tmp_path / "x.txt", "x.txt", "contact", made["id"])
    assert [one["id"] for one in read_documents(tenant, "contacts", made["id"])] == [file]

    update_record(tenant, "contact", made["id"], {"email": "new@example.com", "emails_more": [], "phone_numbers": []})
    changed = read_record(tenant, "contact", made["id"])
    assert changed is not None
    flat = flatten("contact", changed)
    assert (flat["email"], flat["emails_more"], flat["phone_numbers"]) == ("new@example.com", [], [])
    assert (flat["cf_plan_type"], flat["account"]) == ("PPO", practice["id"])


def test_a_source_id_finds_its_record_once_the_index_has_seen_it(tenant: Freshsales) -> None:
    made, _ = upsert_record(tenant, "account", {"name": "Late Index", "cf_source_system_id": "P9"})
    tenant.clock.wait_until(tenant.clock.now() + 60)
    found = find_by_source_id(tenant, "account", "P9")
    assert found is not None
    assert found["id"] == made["id"]
    assert delete_record(tenant, "account", made["id"])
    assert not delete_record(tenant, "account", made["id"])
    assert read_record(tenant, "account", made["id"]) is None


def test_a_bulk_job_tells_which_rows_failed_and_the_pages_tell_the_ids(tenant: Freshsales) -> None:
    create_record(tenant, "contact", {"last_name": "Holder", "email": "h@example.com", "cf_source_system_id": "C99"})
    rows = [
        BulkRow(
            f"b{n}@example.com", {"last_name": f"B{n}", "email": f"b{n}@example.com", "cf_source_system_id": f"C{n}"}
        )
        for n in range(30, 100)
    ]
    result = poll_job(tenant, send_bulk(tenant, endpoint("contact"), rows))
    assert (result.succeeded, result.unnamed) == (69, 0)
    assert [(key, refused.reason) for key, refused in result.failed] == [("b99@example.com", Reason.NOT_UNIQUE)]
    tenant.clock.wait_until(tenant.clock.now() + 60)
    seen = [
        flatten("contact", one).get("cf_source_system_id")
        for page in read_pages(tenant, endpoint("contact"))
        for one in page
    ]
    assert {f"C{n}" for n in range(30, 100)} <= set(seen)


def test_deals_are_read_from_all_their_views(tenant: Freshsales) -> None:
    schema = read_schema(tenant)
    ids = set()
    for forecast in ("Open", "Closed Won", "Closed Lost"):
        stages = schema.pipelines[schema.default_pipeline].values()
        stage = next(one.id for one in stages if one.forecast_type == forecast)
        made = create_record(
            tenant,
            "deal",
            {"name": forecast, "amount": "1.00", "deal_stage_id": stage, "cf_source_system_id": forecast},
        )
        ids.add(made["id"])
    assert ids <= {one["id"] for page in read_pages(tenant, endpoint("deal")) for one in page}


def test_the_tenants_refusals_have_reasons(tenant: Freshsales) -> None:
    create_record(tenant, "account", {"name": "Twice"})
    cases: list[tuple[str, dict[str, Any], Reason]] = [
        ("account", {"name": "twice"}, Reason.NOT_UNIQUE),
        ("account", {"name": "x" * 300}, Reason.TOO_LONG),
        ("account", {"name": "O", "owner_id": 1}, Reason.OWNER_INVALID),
        ("account", {"phone": "1"}, Reason.REQUIRED),
        ("task", {"title": "no due date"}, Reason.REQUIRED),
        ("note", {"description": "x", "target": ("contact", 1)}, Reason.INVALID),
    ]
    for destination, fields, reason in cases:
        with pytest.raises(Refused) as caught:
            create_record(tenant, destination, fields)
        assert caught.value.reason is reason, caught.value.messages


def test_an_answer_that_was_lost_leaves_the_write_unknown_and_the_record_there(
    tenant: Freshsales, admin: Admin
) -> None:
    admin("faults", {"match": "POST ^/sales_accounts/upsert", "kind": "drop_after"})
    with pytest.raises(OutcomeUnknown):
        upsert_record(tenant, "account", {"name": "Lost answer", "cf_source_system_id": "P7"})
    tenant.clock.wait_until(tenant.clock.now() + 60)
    assert find_by_source_id(tenant, "account", "P7") is not None


@pytest.mark.parametrize("kind", ["drop_before", "status", "html"])
def test_reads_live_through_faults(tenant: Freshsales, admin: Admin, kind: str) -> None:
    admin("faults", {"match": "GET ^/selector/lead_sources", "kind": kind, "times": 2, "status": 502})
    assert tenant.call("GET", "/selector/lead_sources").body["lead_sources"]


def test_a_slow_answer_to_a_write_is_unknown(base_url: str, admin: Admin) -> None:
    admin("faults", {"match": "POST ^/notes", "kind": "slow", "seconds": 1})
    budget = MemoryBudget(Pacing(5000, 400))
    with connect(base_url, "rehearsal-admin", budget=budget, wait_seconds=0.3) as tenant, pytest.raises(OutcomeUnknown):
        create_record(tenant, "note", {"description": "x", "target": ("contact", 1)})


def test_paced_calls_are_never_refused(base_url: str, admin: Admin) -> None:
    before = admin("calls")["refused429"]
    with connect(base_url, "rehearsal-admin", budget=MemoryBudget(Pacing(5000, 400))) as tenant:
        for _ in range(900):
            tenant.call("GET", "/selector/lead_sources")
        assert tenant.holds == 0
    assert admin("calls")["refused429"] == before


def test_unpaced_calls_are_refused_and_held_until_there_is_room(base_url: str) -> None:
    with connect(base_url, "rehearsal-admin", budget=MemoryBudget(Pacing(1e9, 1e9))) as tenant:
        for _ in range(450):
            tenant.call("GET", "/selector/lead_sources")
        assert tenant.holds >= 1
