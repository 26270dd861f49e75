"""Keep the evidence, drop what can be rebuilt."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

from workbench.errors import SettingsProblem
from workbench.settings import Settings

REBUILDABLE = (
    "data/warehouse.duckdb",
    "data/warehouse.duckdb.wal",
    "data/spill",
    "data/runs",
    "data/sample",
    "data/lab",
)
KEPT = (
    "migration.toml",
    "mappings",
    "expectations",
    "notebooks",
    "data/runs",
    "data/freshsales",
    "data/rehearsal/ledger.sqlite",
)


def purge(settings: Settings, *, confirm: bool) -> dict[str, Any]:
    """Delete what holds patients' values and can be rebuilt or is evidence already archived; ledgers and decisions stay."""
    there = [name for name in REBUILDABLE if (settings.folder / name).exists()]
    if confirm:
        for name in there:
            path = settings.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    verb = "Deleted" if confirm else "Would delete (add --confirm)"
    return {
        "paths": there,
        "deleted": confirm,
        "text": f"{verb}: {', '.join(there) or 'nothing'}. Ledgers and decisions stay.",
    }


def archive(settings: Settings, out: Path) -> dict[str, Any]:
    """Write decisions, notebooks, ledger and run folders into one new zip."""
    if out.exists():
        raise SettingsProblem(f"{out} exists already. Nothing was changed.")
    count = 0
    with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as bundle:
        for name in KEPT:
            root = settings.folder / name
            for path in [root] if root.is_file() else sorted(root.rglob("*")):
                if path.is_file() and path.name != "key":
                    bundle.write(path, path.relative_to(settings.folder).as_posix())
                    count += 1
    return {"file": str(out), "files": count, "text": f"Packed {count} files into {out}."}
