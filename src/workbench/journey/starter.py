"""A migration folder: made from the starter, given deliveries, and in the end packed and purged."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from workbench.dental_exec.deliveries import find_deliveries
from workbench.errors import ExportProblem, SettingsProblem
from workbench.settings import Settings

PACKAGED = Path(__file__).parent.parent / "starter"
REPOSITORY = Path(__file__).parent.parent.parent.parent
PARTS = ("notebooks", "mappings", "expectations", "migration.toml")
SHIPPED_VALUES = ("contact_route.csv",)
"""Value maps that say what the words of an export mean; all others are a practice's own."""

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
    "data/rehearsal/ledger.sqlite-wal",  # what a killed run wrote last
    "data/rehearsal/decisions",
)


def starter_folder() -> Path:
    """Return where the starter lies: in the installed wheel, or in the repository this package runs from."""
    return PACKAGED if PACKAGED.is_dir() else REPOSITORY


def notebooks_folder(settings: Settings) -> Path:
    """Return the migration's own notebooks, else the starter's."""
    own = settings.folder / "notebooks"
    return own if own.is_dir() else starter_folder() / "notebooks"


def init_migration(folder: Path, exports: Path | None) -> list[Path]:
    """Write the starter into a folder and name its exports; nothing that is there is overwritten."""
    if (folder / "migration.toml").exists():
        raise SettingsProblem(f"{folder.name} is a migration folder already. Nothing was changed.")
    taken = [part for part in PARTS if (folder / part).exists()]
    if taken or (folder.exists() and not folder.is_dir()):
        raise SettingsProblem(
            f"{folder.name} holds {', '.join(taken) or 'a file'} already. Name a new folder. Nothing was changed."
        )
    if exports is not None:
        require_exports(exports)
    made = []
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source, target = starter_folder() / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=_not_ours, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
        made.append(target)
    (folder / "data").mkdir(exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("data/\n", "utf-8")
    _set(folder, "id", re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "migration")
    _set(folder, "name", folder.resolve().name)
    if exports is not None:
        name_exports(folder, exports)
    return made


def name_exports(folder: Path, exports: Path) -> None:
    """Write where the exports are into migration.toml, keeping everything else as it stands."""
    _set_exports(folder, exports.resolve().as_posix())


def _set_exports(folder: Path, text: str) -> None:
    _set(folder, "exports", text)


def _set(folder: Path, key: str, text: str) -> None:
    """Change the one line of migration.toml that begins with a key, and nothing else."""
    path = folder / "migration.toml"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    places = [place for place, line in enumerate(lines) if line.split("=")[0].strip() == key]
    if len(places) != 1:
        raise SettingsProblem(f'migration.toml has no single line `{key} = ""`; add it. Nothing was changed.')
    lines[places[0]] = f"{key} = {json.dumps(text, ensure_ascii=False)}\n"
    path.write_text("".join(lines), "utf-8")


def require_exports(exports: Path) -> None:
    """Refuse a path that holds no delivery."""
    if not exports.exists():
        raise ExportProblem(f"There are no exports at {exports}. Nothing was changed.")
    if exports.is_dir() and not find_deliveries(exports):
        raise ExportProblem(
            f"The folder {exports} holds no delivery: no CSV files, no folder with CSV files, and no archive."
            " Nothing was changed."
        )


def add_delivery(settings: Settings, exports: Path) -> Path:
    """Copy a delivery to data/exports, as received, and read exports from there from now on."""
    require_exports(exports)
    home = settings.folder / "data" / "exports"
    target = home / exports.name
    if target.exists():
        raise ExportProblem(f"data/exports holds a delivery {exports.name} already. Nothing was changed.")
    home.mkdir(parents=True, exist_ok=True)
    beside = home / f".{exports.name}.part"
    if exports.is_dir():
        shutil.copytree(exports, beside, dirs_exist_ok=True)
    else:
        shutil.copy(exports, beside)
    beside.rename(target)
    if settings.exports != home.resolve():
        _set_exports(settings.folder, "data/exports")
    return target


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
    if not out.parent.is_dir():
        raise SettingsProblem(f"There is no folder {out.parent} to write {out.name} into. Nothing was changed.")
    count = 0
    with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as bundle:
        for name in KEPT:
            root = settings.folder / name
            for path in [root] if root.is_file() else sorted(root.rglob("*")):
                if path.is_file() and path.name != "key":
                    bundle.write(path, path.relative_to(settings.folder).as_posix())
                    count += 1
    return {"file": str(out), "files": count, "text": f"Packed {count} files into {out}."}


def _not_ours(folder: str, names: list[str]) -> set[str]:
    """Leave out caches, and the decisions that some practice made here."""
    left = {name for name in names if name in ("__pycache__", ".ipynb_checkpoints", "approvals.jsonl")}
    if Path(folder).name == "values":
        left |= {name for name in names if name not in SHIPPED_VALUES}
    return left
