"""Every notebook on its defaults, by nbmake, in a folder made by init: what a person gets who runs them one by one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from rooms import make_practice
from truth import Tenant, mismatches

from workbench.journey.rehearsal import seed_rehearsal
from workbench.sample.generation import FEWEST_PATIENTS


def test_notebooks_run_in_number_order_on_their_defaults_and_the_tenant_equals_the_truth(tmp_path: Path) -> None:
    practice = make_practice(tmp_path, patients=FEWEST_PATIENTS, foreign=True)
    try:
        seed_rehearsal(practice.settings, practice.foreign)
        ran = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "--nbmake",
                "--nbmake-timeout=600",
                "-x",
                "-q",
                "-p",
                "no:xdist",
                "-c",
                "/dev/null",
                "--rootdir",
                str(practice.folder),
                str(practice.folder / "notebooks"),
            ],
            capture_output=True,
            text=True,
            timeout=900,
            cwd=practice.folder,
        )
        assert ran.returncode == 0, ran.stdout[-3000:]
        tenant = Tenant(practice.base_url)
        assert mismatches(json.loads(practice.truth.read_text()), tenant, practice.open_spellings()) == []
    finally:
        practice.stop_tenant()
