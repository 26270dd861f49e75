"""The commands that people type, and the run they leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rooms import Practice


@dataclass(frozen=True)
class Journey:
    """A practice whose steps all ran, the folder of the run, and what stood in the tenant before it."""

    practice: Practice
    folder: Path
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json of the run."""
        return json.loads((self.folder / "summary.json").read_text())


def workbench(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Type a workbench command."""
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", *words],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=900,
    )


def run_journey(practice: Practice, *words: str) -> Journey:
    """Run the steps and return the run."""
    ran = workbench("run", "--migration", str(practice.folder), *words)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return Journey(practice, newest_run(practice.folder))


def newest_run(migration: Path) -> Path:
    """Return the folder of the newest run."""
    return max((migration / "data" / "runs").iterdir(), key=lambda folder: folder.stat().st_mtime)
