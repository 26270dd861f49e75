"""Fixtures that many rooms share: one whole journey a session, made by the commands that people type."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from commands import Journey, newest_run, workbench
from loaded import Loaded, load
from rooms import Practice, make_practice

from workbench.journey.rehearsal import rehearsal_state
from workbench.journey.run import prepare_rehearsal
from workbench.journey.starter import init_migration
from workbench.sample.generation import FEWEST_PATIENTS

PATIENTS = 150


@pytest.fixture(scope="session")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """The whole journey, as `make rehearse` runs it: 150 patients, and a part of them in the embedded tenant already.

    Two people are named who may read values.
    """
    folder = tmp_path_factory.mktemp("journey") / "migration"
    init_migration(folder, None)
    toml = folder / "migration.toml"
    toml.write_text(toml.read_text("utf-8").replace("reviewers = []", 'reviewers = ["Ann Lee", "Bob Ray"]'), "utf-8")
    practice = Practice(folder, folder / "data" / "sample" / "truth.json")
    try:
        prepare_rehearsal(practice.settings, patients=PATIENTS)
        before = rehearsal_state(practice.settings)
        ran = workbench("rehearse", "--migration", str(folder), "--patients", str(PATIENTS))
        assert ran.returncode == 0, ran.stderr + ran.stdout
        yield Journey(practice, newest_run(folder), before)
    finally:
        practice.stop_tenant()


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """The smallest practice loaded by the rooms, without notebooks; whoever changes its tenant puts it back."""
    practice = make_practice(tmp_path_factory.mktemp("loaded"), patients=FEWEST_PATIENTS)
    try:
        yield load(practice)
    finally:
        practice.stop_tenant()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what belongs to the campaign to it, and run what needs the whole journey last: a broken room shows at once."""
    if not os.environ.get("WORKBENCH_CAMPAIGN"):
        later = [item for item in items if item.get_closest_marker("campaign")]
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if item not in later]
    items.sort(key=lambda item: "journey" in getattr(item, "fixturenames", ()))
