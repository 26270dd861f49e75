"""Both products and every plan tier: the load ends reconciled and equal to the truth, or stops before the first write."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from loaded import Loaded, load
from rooms import Practice, make_migration, make_ready_to_load
from truth import MORE, Tenant, mismatches, translated

from workbench.errors import SetupMissing, StoreProblem
from workbench.journey.desk import keep_setup, reading
from workbench.journey.rehearsal import set_up_rehearsal
from workbench.mapping.checklist import item_frame, make_checklist, progress_frame, require_budget
from workbench.mapping.setup import make_setup
from workbench.sample.generation import write_sample

USED = 8
"""Custom text fields that somebody else uses in the tenant already."""
Make = Callable[..., Practice]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A practice of 31 patients, generated once for all."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, patients=31, seed=7, dialect="messy")
    return folder


@pytest.fixture
def make(sample: Path, tmp_path: Path) -> Iterator[Make]:
    """Make migration folders for it; their tenants end with the test."""
    made: list[Practice] = []

    def make_one(**words: str) -> Practice:
        made.append(make_migration(tmp_path / str(len(made)), sample, **words))
        return made[-1]

    yield make_one
    for one in made:
        one.stop_tenant()


def wrong(loaded: Loaded, **words: Any) -> list[str]:
    """Return how the tenant differs from the truth as this product and plan show it."""
    tenant = Tenant(loaded.practice.base_url)
    return mismatches(translated(loaded.truth, **words), tenant, loaded.practice.open_spellings())


def writes(practice: Practice) -> list[str]:
    """Return the calls that were no reading."""
    root = practice.base_url.split("/crm/sales")[0].removesuffix("/api")
    return [name for name in httpx.get(f"{root}/_tenant/calls").json()["calls"] if not name.startswith("GET")]


@pytest.mark.parametrize("plan", ["pro"])
def test_a_plan_with_room_loads_every_treatment_into_a_pipeline_of_its_own(make, plan):
    loaded = load(make(plan=plan))
    assert (loaded.reconcile().failed, wrong(loaded)) == ((), [])
    assert make_setup(loaded.practice.settings, loaded.practice.mappings)["losses"] == []


def folds(practice: Practice) -> dict[str, dict[str, str]]:
    """Return label by name of the fields that were decided to fold, in the order of the definitions, by module."""
    decided = {name for name, row in practice.mappings.values("folded_fields").rows.items() if row.answer == MORE}
    made = {}
    for path in (practice.folder / "mappings" / "custom_fields").glob("*.toml"):
        fields = tomllib.loads(path.read_text("utf-8"))
        made[path.stem] = {name: one["label"] for name, one in fields.items() if f"{path.stem}.{name}" in decided}
    return made


def test_growth_shares_one_pipeline_and_says_what_is_lost(make):
    loaded = load(make(plan="growth"))
    practice = loaded.practice
    folded = folds(practice)
    assert (loaded.reconcile().failed, wrong(loaded, pipeline="Default Pipeline", folded=folded)) == ((), [])
    setup = make_setup(practice.settings, practice.mappings)
    [pipeline] = setup["pipelines"]
    assert pipeline["name"] == "Default Pipeline"
    assert ("Ortho: Consult", "Open") in {(one["name"], one["forecast_type"]) for one in pipeline["stages"]}
    deal = loaded.pick("deals", cf_treatment_pipeline="Ortho")
    assert deal["custom_field"]["cf_treatment_pipeline"] == "Ortho"
    shared, folding = setup["losses"]
    assert shared.startswith("The plan growth has one pipeline, Default Pipeline: every treatment shares it.")
    assert folding.startswith("The plan growth has no room for 2 fields of contacts: ")
