"""Target freshsales against a tenant that somebody else runs: it stops at each lock, and ends reconciled."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from commands import newest_run, workbench
from rooms import Practice, make_practice
from truth import Tenant, mismatches

from workbench.sample.generation import write_sample

KEYS = {"FRESHSALES_API_KEY": "rehearsal-admin", "WORKBENCH_KEY": "a key for this test"}


@contextmanager
def served(folder: Path, port: int, *words: str) -> Iterator[str]:
    """Serve a rehearsal tenant on a port as `workbench tenant` does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", "tenant", "--port", str(port), "--state", str(folder), *words]
    )
    root = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{root}/_tenant/time", timeout=1)
                break
            except httpx.HTTPError:
                time.sleep(0.05)
        yield root
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def name_tenant(practice: Practice, port: int) -> None:
    path = practice.folder / "migration.toml"
    lines = path.read_text().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if line.startswith("base_url"))
    lines[place] = f'base_url = "http://127.0.0.1:{port}/crm/sales/api"\n'
    path.write_text("".join(lines))


def test_a_real_target_stops_at_each_lock_and_ends_reconciled(tmp_path, port):
    practice = make_practice(tmp_path, patients=31)
    name_tenant(practice, port)
    toml = practice.folder / "migration.toml"
    toml.write_text(toml.read_text().replace('baa = ""', 'baa = "agreement of this test"'))
    where = ("--migration", str(practice.folder))

    def run():
        return workbench("run", "--target", "freshsales", *where, env=KEYS)

    with served(tmp_path / "tenant", port) as root:
        first = run()
        assert (first.returncode, "spellings have no decision" in first.stderr) == (1, True)
        assert 'target = "freshsales" in the second cell' in first.stderr
        assert workbench("suggest", "--accept-above", "0.95", "--by", "Ana", *where, env=KEYS).returncode == 0
        second = run()
        assert (second.returncode, "workbench approve --by" in second.stderr) == (1, True)
        carriers = practice.folder / "mappings" / "values" / "insurance_carrier.csv"
        carriers.write_text(carriers.read_text().replace(",Ana,", ",Anna,", 1))
        page = newest_run(practice.folder) / "35_premapping.html"
        before = page.read_text("utf-8")
        signed = workbench("approve", "--by", "Ana", *where, env=KEYS)
        assert signed.returncode == 0, signed.stderr
        assert "35_premapping.html was built from the decisions as they stand" in signed.stdout
        assert page.read_text("utf-8") != before
        third = run()
        assert third.returncode == 1
        assert "contacts.cf_source_system_id is missing" in third.stderr
        assert "pipeline deals.Ortho is missing" in third.stderr
        calls = httpx.get(f"{root}/_tenant/calls").json()["calls"]
        assert [name for name in calls if not name.startswith("GET")] == []
    setup = json.loads((newest_run(practice.folder) / "setup.json").read_text())
    assert {
        "custom_fields",
        "pipelines",
        "lifecycle_stages",
        "lead_sources",
        "industry_types",
        "task_types",
        "switch_off",
    } <= set(setup)
    (tmp_path / "setup.json").write_text(json.dumps(setup))

    with served(tmp_path / "tenant", port, "--setup", str(tmp_path / "setup.json")) as root:  # as its admin leaves it
        sampled = run()
        assert (sampled.returncode, "--what load" in sampled.stderr) == (1, True)
        assert workbench("approve", "--by", "Ana", *where, env=KEYS).returncode == 0
        last = run()
        assert last.returncode == 0, last.stderr
        summary = json.loads((newest_run(practice.folder) / "summary.json").read_text())
        assert (summary["reconciled"], summary["differences"], summary["zero_write"]) == (True, 0, True)
        open_spellings = {
            spelling for spelling, row in practice.mappings.values("insurance_carrier").rows.items() if row.is_open
        }
        assert mismatches(json.loads(practice.truth.read_text()), Tenant(f"{root}/crm/sales/api"), open_spellings) == []

        later = practice.folder.parent / "later"
        write_sample(later, patients=31, seed=7, dialect="messy", later=True)
        newest = sorted((later / "exports").iterdir())[-1]

        def delta(*more):
            return workbench("run", "--target", "freshsales", "--from", "delta", *more, *where, env=KEYS)

        beyond = delta("--exports", str(newest))
        assert (beyond.returncode, "workbench approve --by" in beyond.stderr) == (1, True), beyond.stderr
        told = json.loads(next(newest_run(practice.folder).glob("deltas/01_*/95_delta.json")).read_text())["beyond"]
        assert [line for line in told if "are gone from the export" in line]
        # New spellings travel with their field left out, or are held: nobody decided them, and no signature is void.
        assert workbench("approve", "--by", "Ana", "--what", "load", *where, env=KEYS).returncode == 0
        followed = delta()
        assert followed.returncode == 0, followed.stderr
        after = json.loads((newest_run(practice.folder) / "summary.json").read_text())
        assert (after["reconciled"], after["differences"], after["zero_write"]) == (True, 0, True)
        assert after["calls"] > summary["calls"]

        toml = practice.folder / "mappings" / "values" / "insurance_carrier.csv"
        toml.write_text(toml.read_text().replace(",Ana,", ",ana,", 1))
        changed = workbench("run", "--target", "freshsales", "--from", "stage", "--to", "stage", *where, env=KEYS)
        assert changed.returncode == 1
        assert "is void" in changed.stderr and "mappings/values/insurance_carrier.csv" in changed.stderr
