"""The starter: notebooks, mappings, expectations and settings that every migration folder begins with."""

from __future__ import annotations

import shutil
from pathlib import Path

from workbench.errors import ExportProblem, SettingsProblem
from workbench.settings import Settings

PACKAGED = Path(__file__).parent.parent / "starter"
REPOSITORY = Path(__file__).parent.parent.parent.parent
PARTS = ("notebooks", "mappings", "expectations", "migration.toml")
SHIPPED_VALUES = ("contact_route.csv",)
"""Value maps that say what the words of an export mean; all others are a practice's own."""


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
    if exports is not None and not exports.exists():
        raise ExportProblem(f"There are no exports at {exports}. Nothing was changed.")
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
    (folder / ".gitignore").write_text("data/\n", "utf-8")
    if exports is not None:
        name_exports(folder, exports)
    return made


def name_exports(folder: Path, exports: Path) -> None:
    """Write where the exports are into migration.toml, keeping everything else as it stands."""
    _set_exports(folder, exports.resolve().as_posix())


def _set_exports(folder: Path, text: str) -> None:
    path = folder / "migration.toml"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    for place, line in enumerate(lines):
        if line.split("=")[0].strip() == "exports":
            lines[place] = f'exports = "{text}"\n'
    path.write_text("".join(lines), "utf-8")


def add_delivery(settings: Settings, exports: Path) -> Path:
    """Copy a delivery to data/exports, as received, and read exports from there from now on."""
    if not exports.exists():
        raise ExportProblem(f"There are no exports at {exports}. Nothing was changed.")
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


def _not_ours(folder: str, names: list[str]) -> set[str]:
    """Leave out caches, and the decisions that some practice made here."""
    left = {name for name in names if name in ("__pycache__", ".ipynb_checkpoints", "approvals.jsonl")}
    if Path(folder).name == "values":
        left |= {name for name in names if name not in SHIPPED_VALUES}
    return left
