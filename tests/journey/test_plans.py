"""Both products and every plan tier: the load ends reconciled and equal to the truth, or stops before the first write."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import newest_run, workbench
from loaded import Loaded, load
from loads import serve
from rooms import Practice, decide, land, make_migration, stage_and_check
from truth import MORE, Tenant, fates, mismatches, translated

from workbench.errors import SetupMissing, StoreProblem
from workbench.journey.desk import reading, writing
from workbench.journey.record import open_run_ledger
from workbench.journey.rehearsal import set_up_rehearsal
from workbench.ledger.identities import live_ids
from workbench.ledger.plans import planned_rows
from workbench.load.loader import run_load
from workbench.load.plan import plan_load
from workbench.mapping.checklist import require_budget
from workbench.mapping.files import read_mappings
from workbench.mapping.setup import make_setup
from workbench.sample.generation import write_sample
from workbench.settings import read_settings
from workbench.suggest.proposals import accept
from workbench.vocabulary import Operation, Target

USED = 8
"""Custom text fields of each module that somebody else uses in the tenant already."""
SHARED = "Default Pipeline"
Make = Callable[..., Practice]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """A practice of 60 patients, landed and profiled once for all."""
    folder = tmp_path_factory.mktemp("landed")
    write_sample(folder / "sample", patients=60, seed=7, dialect="messy")
    made = make_migration(folder, folder / "sample")
    land(made)
    return made


@pytest.fixture
def make(landed: Practice, tmp_path: Path) -> Iterator[Make]:
    """Copy it for a product and a plan tier; the tenants end with the test."""
    made: list[Practice] = []

    def make_one(**words: str) -> Practice:
        folder = tmp_path / str(len(made))
        shutil.copytree(landed.folder, folder)
        toml = folder / "migration.toml"
        text = toml.read_text("utf-8")
        for name, word in words.items():
            line = next(one for one in text.splitlines() if one.startswith(f"{name} ="))
            text = text.replace(line, f'{name} = "{word}"')
        toml.write_text(text, "utf-8")
        made.append(Practice(folder, landed.truth))
        return made[-1]

    yield make_one
    for one in made:
        one.stop_tenant()


def wrong(loaded: Loaded, **words: Any) -> list[str]:
    """Return how the tenant differs from the truth as this product and plan show it."""
    tenant = Tenant(loaded.practice.base_url)
    return mismatches(translated(loaded.truth, **words), tenant, loaded.practice.open_spellings())


def use_text_fields(practice: Practice, count: int) -> None:
    """Let somebody else use text fields of every module in the tenant."""
    fields = [{"label": f"Old {place}", "type": "text"} for place in range(count)]
    modules = ("contacts", "sales_accounts", "deals")
    set_up_rehearsal(practice.settings, {"custom_fields": dict.fromkeys(modules, fields)})


def writes(practice: Practice) -> list[str]:
    """Return the calls of the tenant that were no reading."""
    root = practice.base_url.split("/crm/sales")[0].removesuffix("/api")
    return [name for name in httpx.get(f"{root}/_tenant/calls").json()["calls"] if not name.startswith("GET")]


def prospects_as_patients(practice: Practice) -> set[str]:
    """Let every prospect have become a patient, and return what the rows that wait for a person wait for."""
    route = practice.folder / "mappings" / "values" / "contact_route.csv"
    route.write_text(route.read_text("utf-8").replace(",prospect,", ",patient,"), "utf-8")
    with reading(practice.settings) as desk:
        alias = desk.tenant.alias
    stage_and_check(practice.settings, alias)
    with writing(practice.settings, practice.mappings) as session:
        plan = plan_load(
            session.settings, session.mappings, session.schema, session.ledger, session.run_id, name="later"
        )
        assert plan.counts["patient"].get(Operation.UPDATE, 0) == 0
        waiting = {one.reason for one in planned_rows(session.ledger, plan, "patient", Operation.DEFER)}
    return {reason for reason in waiting if reason.startswith("conversion")}


def test_growth_with_8_text_fields_used_folds_by_decision_and_shares_one_pipeline(make):
    practice = make(plan="growth")
    use_text_fields(practice, USED)
    loaded = load(practice)
    folded = practice.folded_fields()
    assert {module: len(names) for module, names in folded.items()} == {"contacts": 10, "deals": 0, "sales_accounts": 0}
    assert loaded.pick("contacts", **{MORE: ...})["custom_field"][MORE].startswith("Plan Type: ")
    assert (loaded.reconcile().failed, wrong(loaded, pipeline=SHARED, folded=folded)) == ((), [])
    setup = make_setup(practice.settings, practice.mappings)
    [pipeline] = setup["pipelines"]
    stages = {(one["name"], one["forecast_type"]) for one in pipeline["stages"]}
    assert {("Ortho: Consult", "Open"), ("Perio: Completed", "Closed Won")} <= stages
    assert {one["name"].partition(":")[0] for one in pipeline["stages"]} == {
        "Ortho",
        "Perio",
        "Restorative",
        "Oral Surgery",
    }
    shared, folding = setup["losses"]
    assert shared.startswith(f"The plan growth has one pipeline, {SHARED}: every treatment shares it.")
    assert folding.startswith("The plan growth has no room for 10 fields of contacts: cf_")
    (practice.settings.own_decisions / "folded_fields.csv").unlink()
    with reading(practice.settings) as desk, pytest.raises(SetupMissing) as stopped:
        require_budget(make_setup(practice.settings, practice.mappings), desk.schema, "growth")
    first, cuts, advice, *lines = str(stopped.value).splitlines()
    assert first == "The plan growth cannot hold the mapping; nothing was written:"
    assert cuts.startswith(
        "  contacts: 22 text fields needed, 8 used, growth has 20. Lowest ranks first: cf_middle_name,"
    )
    assert advice.endswith("by a decision: add to mappings/values/folded_fields.csv")
    assert lines[:-1] == [f"  contacts.{name},map,{MORE},YOUR NAME,YYYY-MM-DD," for name in folded["contacts"]]


def test_free_stops_before_the_first_write_with_its_reasons(make):
    practice = make(plan="free")
    decide(practice)
    ran = workbench("run", "--from", "setup", "--to", "setup", "--migration", str(practice.folder))
    assert ran.returncode == 1
    assert "The plan free cannot hold the mapping; nothing was written:" in ran.stderr
    assert "  contacts: 32 custom fields needed, 0 used, free has 0\n" in ran.stderr
    assert "  files: free stores none\n" in ran.stderr
    assert "  growth is the least plan that a migration can go to" in ran.stderr
    assert writes(practice) == []
    page = (newest_run(practice.folder) / "40_setup.html").read_text("utf-8")
    assert "Custom-field budget of the plan free" in page


def test_pro_rehearsed_then_another_tenant_from_the_same_folder(make, tmp_path, monkeypatch):
    practice = make(plan="pro", baa="agreement of this test")
    loaded = load(practice)
    assert (loaded.reconcile().failed, wrong(loaded)) == ((), [])
    assert make_setup(practice.settings, practice.mappings)["losses"] == []
    with reading(practice.settings) as desk:
        rehearsed = live_ids(desk.ledger)

    monkeypatch.setenv("FRESHSALES_API_KEY", "rehearsal-admin")
    monkeypatch.setenv("WORKBENCH_KEY", "a key for this test")
    setup = make_setup(practice.settings, practice.mappings)
    with serve(Practice(make(plan="pro").folder, practice.truth)) as base_url:
        toml = practice.folder / "migration.toml"
        toml.write_text(toml.read_text("utf-8").replace('base_url = ""', f'base_url = "{base_url}"', 1), "utf-8")
        real = read_settings(practice.folder, Target.FRESHSALES)
        root = base_url.split("/crm/sales")[0]
        assert httpx.post(f"{root}/_tenant/setup", json=setup).json()["refused"] == []
        with reading(real) as desk:
            alias = desk.tenant.alias
        accept(real, read_mappings(real), above=0.95, by="Ana", on="2026-11-24", own=False)
        stage_and_check(real, alias)
        with writing(real, read_mappings(real)) as session:
            assert live_ids(session.ledger) == {}
            plan = plan_load(real, session.mappings, session.schema, session.ledger, session.run_id)
        made = {Operation.CREATE: len(rehearsed)}
        assert sum(counts.get(Operation.CREATE, 0) for counts in plan.counts.values()) == made[Operation.CREATE]
        assert sum(counts.get(Operation.UPDATE, 0) for counts in plan.counts.values()) == 0
        companies = {key for key in rehearsed if key.startswith("companies/")}
        with writing(real, read_mappings(real)) as session:
            some = plan_load(
                real, session.mappings, session.schema, session.ledger, session.run_id, scope=companies, name="sample"
            )
            run_load(session, some)
            ours = live_ids(session.ledger)
        there = httpx.get(f"{root}/_tenant/state", timeout=60).json()["sales_accounts"]
        assert ours.keys() == companies
        assert {number for _, number in ours.values()} == {one["id"] for one in there}
    with reading(practice.settings) as desk:
        assert (live_ids(desk.ledger), desk.ledger.tenant() != alias) == (rehearsed, True)
    # what was staged for the other tenant is not planned for this one
    with writing(practice.settings, practice.mappings) as session, pytest.raises(StoreProblem, match="another tenant"):
        plan_load(session.settings, session.mappings, session.schema, session.ledger, session.run_id)


def test_a_wiped_tenant_meets_its_old_ledger_with_one_clear_error(make):
    practice = make(plan="pro")
    with reading(practice.settings) as desk:
        before = desk.tenant.alias
    practice.stop_tenant()
    for path in practice.settings.target_folder.glob("tenant*"):
        path.unlink()
    with pytest.raises(StoreProblem), writing(practice.settings, practice.mappings):
        pass
    with pytest.raises(StoreProblem) as stopped, reading(practice.settings):
        pass
    ledger = open_run_ledger(practice.settings)
    assert ledger.tenant() == before
    ledger.engine.dispose()
    assert str(stopped.value).startswith(f"This ledger belongs to the tenant {before}, and rehearsal-")
    assert str(stopped.value).endswith(
        "Nothing was sent. A wiped rehearsal starts again with: workbench rehearse --fresh. For a real tenant check base_url"
        " in migration.toml."
    )


def test_classic_keeps_prospects_as_leads_with_their_company(make):
    loaded = load(make(edition="classic"))
    made = loaded.reconcile()
    assert (made.failed, wrong(loaded, edition="classic")) == ((), [])
    # a case needs a contact, and a lead is none before a person converts it
    everything, arrived = (
        {one["source_id"] for one in truth["records"]}
        for truth in (loaded.truth, translated(loaded.truth, edition="classic"))
    )
    deferred = set(made.deferred["source_id"])
    assert deferred - {number for _, number in fates(loaded.truth, "deferred")} == everything - arrived
    assert {"T-20002"} < everything - arrived
    lead = next(one for one in loaded.records("leads") if one["company"])
    assert set(lead["company"]) == {"name"}
    assert "cf_lead_company" not in lead["custom_field"]
    setup = make_setup(loaded.practice.settings, loaded.practice.mappings)
    assert setup["lifecycle_stages"] == []
    leads, contacts = ({one["name"] for one in setup["custom_fields"][module]} for module in ("leads", "contacts"))
    assert {"cf_specialty", "cf_npi", "cf_referral_notes"} <= contacts - leads
    assert "cf_lead_company" not in leads | contacts
    leads = {f"conversion of leads/{one['id']}" for one in loaded.records("leads")}
    waiting = prospects_as_patients(loaded.practice)
    assert waiting <= leads and len(waiting) >= len(leads) / 2  # the others are prospects by another rule
