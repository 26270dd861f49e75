"""Every notebook on its defaults, by nbmake, in a folder made by init: the journey a second time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from commands import Journey, workbench
from rooms import Practice
from truth import Tenant, normal_view

from workbench.journey.rehearsal import seed_rehearsal


def test_notebooks_run_in_number_order_on_their_defaults_and_give_the_same_tenant(journey: Journey, tmp_path: Path):
    first = journey.practice
    second = Practice(tmp_path / "migration", first.truth)
    made = workbench("init", str(second.folder), "--exports", str(first.settings.exports))
    assert made.returncode == 0, made.stderr
    try:
        seed_rehearsal(second.settings, first.foreign)
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
                str(second.folder),
                str(second.folder / "notebooks"),
            ],
            capture_output=True,
            text=True,
            timeout=900,
            cwd=second.folder,
        )
        assert ran.returncode == 0, ran.stdout[-3000:]
        assert normal_view(Tenant(second.base_url)) == normal_view(Tenant(first.base_url))
    finally:
        second.stop_tenant()
