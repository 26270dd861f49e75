"""One practice made ready for all tests of the room, and a copy of it with its tenant in process for each."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from loads import Rehearsal, rehearse, serve
from over_theirs import Written, write_over_theirs
from rooms import Practice, make_practice, make_ready_to_load
from seeds import World, make_worlds

from workbench.journey.rehearsal import start_tenant
from workbench.ledger.identities import find_identity


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """A practice of 31 patients, ready to load."""
    practice = make_practice(tmp_path_factory.mktemp("template"), patients=31)
    with serve(practice):
        make_ready_to_load(practice)
    return practice


@pytest.fixture
def rehearsal(template: Practice, tmp_path: Path) -> Iterator[Rehearsal]:
    """A copy of the ready practice."""
    with rehearse(template, tmp_path) as made:
        yield made


@pytest.fixture
def loaded(rehearsal: Rehearsal) -> tuple[Rehearsal, str, int]:
    """A loaded practice, and one patient of it by source id and id."""
    scope = rehearsal.few(2, 1)
    rehearsal.load(scope)
    source_id = sorted(key for key in scope if key.startswith("contacts/"))[0].removeprefix("contacts/")
    with rehearsal.session() as session:
        identity = find_identity(session.ledger, "contacts", source_id)
    assert identity is not None
    return rehearsal, source_id, identity.destination_id


@pytest.fixture(scope="session")
def written(template: Practice, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A few people loaded, one of them over a record of others."""
    return write_over_theirs(template, tmp_path_factory.mktemp("written"))


@pytest.fixture(scope="session")
def classic_template(tmp_path_factory: pytest.TempPathFactory) -> Practice:
    """The same practice on Classic, ready to load."""
    practice = make_practice(tmp_path_factory.mktemp("classic"), patients=31, edition="classic")
    start_tenant(practice.settings)
    make_ready_to_load(practice)
    practice.stop_tenant()
    return practice


@pytest.fixture
def classic(classic_template: Practice, tmp_path: Path) -> Iterator[Rehearsal]:
    """A copy of the ready practice on Classic."""
    with rehearse(classic_template, tmp_path) as made:
        yield made


MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of ledgers are synced to disk for nothing."""
    made = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def worlds(template: Practice, memory: Path) -> list[World]:
    """Four small practices, planned, and what an undisturbed load makes of each."""
    return make_worlds(template, memory)
