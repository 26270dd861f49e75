"""One generated practice of sixty patients with a later delivery, read back with nothing but the standard library."""

from __future__ import annotations

from pathlib import Path

import pytest
from written import Written, read_back

from workbench.sample import SampleSummary, write_sample
from workbench.sample.generation import FEWEST_PATIENTS


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="session")
def summary(out: Path) -> SampleSummary:
    return write_sample(out, patients=60, seed=7, later=True)


@pytest.fixture(scope="session")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Written:
    out = tmp_path_factory.mktemp("smallest")
    write_sample(out, patients=FEWEST_PATIENTS)
    return read_back(out, "2026-03-01", "truth.json")


@pytest.fixture(scope="session")
def first(out: Path, summary: SampleSummary) -> Written:
    return read_back(out, "2026-03-01", "truth.json")


@pytest.fixture(scope="session")
def later(out: Path, summary: SampleSummary) -> Written:
    return read_back(out, "2026-03-02", "truth_later.json")
