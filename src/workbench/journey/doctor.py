"""`workbench doctor`: everything a run needs, looked at before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.dental_exec.deliveries import find_deliveries
from workbench.errors import WorkbenchError
from workbench.journey.desk import reading
from workbench.journey.starter import notebooks_folder
from workbench.journey.steps import APART, STEPS
from workbench.keys import api_key, image_key
from workbench.mapping.files import read_mappings
from workbench.settings import Settings


def examine(settings: Settings) -> dict[str, Any]:
    """Return every finding; exit 1 when one of them would stop a run."""
    findings: list[tuple[str, bool, str]] = []

    def look(name: str, ask: Callable[[], str]) -> None:
        try:
            findings.append((name, True, ask()))
        except WorkbenchError as problem:
            findings.append((name, False, str(problem)))

    look("settings", lambda: f"{settings.folder.name}, target {settings.target}")
    look("exports", lambda: f"{len(find_deliveries(settings.exports))} deliveries")
    look("mappings", lambda: f"{len(read_mappings(settings).objects)} mappings")
    look("notebooks", lambda: _notebooks(settings))
    look("API key", lambda: "there" if api_key(settings) else "")
    look("image key", lambda: "there" if image_key(settings) else "")
    look("tenant", lambda: _tenant(settings))
    lines = [f"{'ok  ' if good else 'STOP'} {name}: {text}" for name, good, text in findings]
    return {
        "findings": [{"name": name, "ok": good, "text": text} for name, good, text in findings],
        "text": "\n".join(lines),
        "exit": 0 if all(good for _, good, _ in findings) else 1,
    }


def _notebooks(settings: Settings) -> str:
    names = [name for group in {**STEPS, **APART}.values() for name in group]
    missing = [name for name in names if not (notebooks_folder(settings) / f"{name}.ipynb").is_file()]
    if missing:
        raise WorkbenchError(f"missing: {', '.join(missing)}")
    return f"{len(names)} notebooks"


def _tenant(settings: Settings) -> str:
    with reading(settings) as desk:
        return f"{desk.tenant.alias}, {len(desk.schema.users)} users"
