"""What `rehearse` does before the first step: a practice, and records of other people in the embedded tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rooms import Practice

from workbench.errors import TenantUnreachable
from workbench.journey.rehearsal import forget_rehearsal, rehearsal_messages, rehearsal_state, seed_rehearsal
from workbench.journey.run import prepare_rehearsal
from workbench.journey.starter import init_migration
from workbench.sample.generation import FEWEST_PATIENTS

FOREIGN = [
    {"destination": "account", "fields": {"name": "A Bank"}},
    {"destination": "lead", "fields": {"email": "a@b.example", "lifecycle_stage": "Lead", "subscription_status": 1}},
    {"destination": "contact", "fields": {"email": "c@d.example", "lifecycle_stage": "Customer"}},
]


def make_folder(folder: Path, edition: str) -> Practice:
    init_migration(folder, None)
    toml = folder / "migration.toml"
    toml.write_text(toml.read_text("utf-8").replace('edition = "suite"', f'edition = "{edition}"'), "utf-8")
    return Practice(folder, folder / "data" / "sample" / "truth.json")


@pytest.fixture
def practice(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Practice]:
    made = make_folder(tmp_path / "migration", getattr(request, "param", "suite"))
    yield made
    made.stop_tenant()


def counts(practice: Practice) -> dict[str, int]:
    state = rehearsal_state(practice.settings)
    return {name: len(state[name]) for name in ("sales_accounts", "contacts", "leads", "deals") if name in state}


def test_a_rehearsal_meets_the_records_of_others_once(practice):
    prepare_rehearsal(practice.settings, patients=FEWEST_PATIENTS)
    planted = json.loads(practice.foreign.read_text())["records"]
    before = rehearsal_state(practice.settings)
    assert sum(counts(practice).values()) == len(planted)
    prepare_rehearsal(practice.settings, patients=FEWEST_PATIENTS)
    assert rehearsal_state(practice.settings) == before
    forget_rehearsal(practice.settings)
    prepare_rehearsal(practice.settings, patients=FEWEST_PATIENTS)
    assert sum(counts(practice).values()) == len(planted)


HEADER = "source_value,decision,destination_value,decided_by,decided_on,note\n"


def test_what_people_decided_in_a_rehearsal_outlives_it_but_for_its_own_records(practice, capsys):
    own = practice.settings.own_decisions
    own.mkdir(parents=True)
    mine = (
        f"{HEADER}Aetna PPO,map,Aetna,analyst,2026-11-26,seen\n"
        "CIGNA,map,Cigna,,,\nDDS,map,Guardian,rehearsal,2026-11-26,changed by hand\n"
    )
    ours = (
        "DELTA,map,Delta Dental,rehearsal,2026-11-26,suggested 0.98: equal\n"
        "zz,ask,,rehearsal,2026-11-26,no proposal sure enough\n"
    )
    numbers = f"{HEADER}contacts/C1,map,17,Dr. Lee,2026-11-26,the same\n"
    (own / "insurance_carrier.csv").write_text(mine + ours)
    (own / "claim_status.csv").write_text(f"{HEADER}Sent,map,Pending,rehearsal,2026-11-26,suggested 0.97: equal\n")
    (own / "existing.csv").write_text(numbers)
    prepare_rehearsal(practice.settings, patients=FEWEST_PATIENTS, fresh=True)
    assert {path.name: path.read_text() for path in own.glob("*.csv")} == {"insurance_carrier.csv": mine}
    assert (own / "forgotten" / "existing.csv").read_text() == numbers
    assert (
        "Keeping 3 decisions that a person made in data/rehearsal/decisions; 1 that names records of the tenant that is"
        " forgotten lies in data/rehearsal/decisions/forgotten\n"
    ) in capsys.readouterr().err
    prepare_rehearsal(practice.settings, patients=FEWEST_PATIENTS, fresh=True)
    assert {path.name: path.read_text() for path in own.glob("*.csv")} == {"insurance_carrier.csv": mine}
    assert (own / "forgotten" / "existing.csv").read_text() == numbers
    assert not [one for one in practice.settings.values_folders if "forgotten" in str(one)]


def test_a_tenant_that_holds_a_record_is_left_as_it_is(practice, tmp_path):
    (tmp_path / "one.json").write_text(json.dumps({"records": FOREIGN[:1]}))
    assert seed_rehearsal(practice.settings, tmp_path / "one.json") == 1
    prepare_rehearsal(practice.settings, patients=FEWEST_PATIENTS)
    assert sum(counts(practice).values()) == 1


@pytest.mark.parametrize("practice", ["suite", "classic"], indirect=True)
def test_a_lead_of_others_is_a_contact_in_its_stage_on_suite_and_a_lead_on_classic(practice, tmp_path):
    (tmp_path / "foreign.json").write_text(json.dumps({"records": FOREIGN}))
    assert seed_rehearsal(practice.settings, tmp_path / "foreign.json") == 3
    is_classic = practice.settings.edition == "classic"
    leads = {"leads": 1} if is_classic else {}
    assert counts(practice) == {"sales_accounts": 1, "contacts": 2 - is_classic, "deals": 0, **leads}
    # They were made long ago: nobody is welcomed, and no rule makes a task.
    assert rehearsal_messages(practice.settings) == 0
    assert rehearsal_state(practice.settings)["tasks"] == []


def test_of_records_that_the_tenant_refuses_none_is_made(practice, tmp_path):
    records = [*FOREIGN, {"destination": "account", "fields": {}}]
    (tmp_path / "foreign.json").write_text(json.dumps({"records": records}))
    with pytest.raises(TenantUnreachable, match=r"The rehearsal tenant refused the seed \(400\)\."):
        seed_rehearsal(practice.settings, tmp_path / "foreign.json")
    assert sum(counts(practice).values()) == 0


def test_a_tenant_that_somebody_else_runs_gets_no_records_of_others(practice):
    toml = practice.folder / "migration.toml"
    url = "http://127.0.0.1:9/crm/sales/api"
    toml.write_text(toml.read_text("utf-8").replace('[rehearsal]\nbase_url = ""', f'[rehearsal]\nbase_url = "{url}"'))
    assert practice.settings["rehearsal.base_url"] == url
    prepare_rehearsal(practice.settings, patients=FEWEST_PATIENTS)
    assert practice.truth.is_file()
    assert not practice.foreign.exists()
