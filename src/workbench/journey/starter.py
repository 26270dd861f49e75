"""A migration folder: made from the starter, and given deliveries."""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import sys
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from workbench.dental_exec.archives import is_archive
from workbench.dental_exec.deliveries import Delivery, find_deliveries
from workbench.dental_exec.pull import is_url, pull
from workbench.dental_exec.workbooks import BOOKS, is_workbook
from workbench.errors import ExportProblem, SettingsProblem, StoreProblem
from workbench.mapping.approval import APPROVED
from workbench.privacy import keep_private, private_folder
from workbench.settings import Settings
from workbench.suggest.value_files import draft_mappings

PACKAGED = Path(__file__).parent.parent / "starter"
REPOSITORY = Path(__file__).parent.parent.parent.parent
PARTS = ("notebooks", "mappings", "expectations", "migration.toml")
DRAFTS = "mappings/drafts"
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
    private_folder(folder / "data")
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("data/\n.ipynb_checkpoints/\n", "utf-8")
    _set(folder, "id", re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "migration")
    _set(folder, "name", folder.resolve().name)
    if exports is not None:
        name_exports(folder, exports)
        made += _write_drafts(folder, exports)
    return made


def _write_drafts(folder: Path, exports: Path) -> list[Path]:
    """Write a draft mapping for each table of an export that holds nothing of Dental-Exec's, and return the files."""
    with TemporaryDirectory() as room:
        drafts = draft_mappings(exports, Path(room))
    for name, text in drafts.items():
        (folder / DRAFTS).mkdir(parents=True, exist_ok=True)
        (folder / DRAFTS / name).write_text(text, "utf-8")
    return [folder / DRAFTS / name for name in drafts]


def tell_made(folder: Path, made: list[Path]) -> dict[str, Any]:
    """Return what `workbench init` says of the folder it made, and which drafts are to be read."""
    drafts = [path.relative_to(folder).as_posix() for path in made if path.is_relative_to(folder / DRAFTS)]
    if not drafts:
        return {"migration": str(folder), "text": f"Made {folder}. Next: workbench run --migration {folder}"}
    text = f"Made {folder}. No table of the export is named after one of Dental-Exec's: see the drafts in {DRAFTS} ({len(drafts)})."
    return {"migration": str(folder), "drafts": drafts, "text": text}


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


def require_exports(exports: Path) -> list[Delivery]:
    """Return the deliveries that a path holds, or refuse it."""
    if is_url(str(exports)) or str(exports).startswith(("http:/", "https:/", "sftp:/")):  # Path() eats a slash
        raise ExportProblem(
            "Exports are named where they lie on a disk. Make the folder first, then pull a URL into it with:"
            " workbench run --exports URL. Nothing was changed."
        )
    if not exports.exists():
        raise ExportProblem(f"There are no exports at {exports}. Nothing was changed.")
    if not (is_archive(exports) or is_workbook(exports) or exports.is_dir()):
        raise ExportProblem(f"{exports.name} is no folder, no zip and no workbook (.xlsx). Nothing was changed.")
    found = find_deliveries(exports)
    if not found:
        raise ExportProblem(
            f"The folder {exports} holds no delivery: no CSV files, no workbook, no zip and no folder with them."
            " Nothing was changed."
        )
    return found


def add_delivery(settings: Settings, exports: str) -> list[Path]:
    """Bring what a path or URL holds to data/exports, as received, and read exports from there from now on.

    A delivery that is there already with the same bytes stays; other bytes under its name are an error. Deliveries
    that migration.toml named elsewhere come along, since a partial one builds upon them.
    """
    home = settings.folder / "data" / "exports"
    if is_url(exports) and not exports.lower().startswith("file:"):
        # A workbook gets a folder of its own: beside others it could be taken for a part of one delivery.
        name = PurePosixPath(unquote(urlsplit(exports).path))
        into = home / name.stem if name.suffix.lower() in BOOKS else home
        added = [pull(exports, into, progress=_tell_bytes if sys.stderr.isatty() else None)]
        _keep_all_private(added[0])
        found = []
    else:
        added = []
        found = require_exports(Path(unquote(urlsplit(exports).path)) if is_url(exports) else Path(exports))
    is_elsewhere = settings.exports != home.resolve()
    if is_elsewhere and not settings.is_sample and settings.exports.exists():
        for one in find_deliveries(settings.exports):
            _bring(one, home)
    added += [_bring(one, home) for one in found]
    if is_elsewhere:
        _set_exports(settings.folder, "data/exports")
    return added


def _tell_bytes(done: int, size: int | None) -> None:
    whole = f" of {size:,}" if size else ""
    sys.stderr.write(f"\rpulled {done:,}{whole} bytes" + ("\n" if done == size else ""))


def _bring(delivery: Delivery, home: Path) -> Path:
    """Copy one delivery to data/exports, whole or not at all; what is there already is left alone."""
    source = delivery.path.resolve()
    if source.is_relative_to(home.resolve()):
        return delivery.path
    target = home / source.name
    if is_workbook(source):
        target = home / source.stem / source.name
    if target.exists():
        if _same(source, target):
            return target
        raise ExportProblem(
            f"data/exports holds a delivery {source.name} with other bytes already. Rename one of them."
            " Nothing was changed."
        )
    beside = target.with_name(f".{target.name}.part")
    try:
        private_folder(target.parent)
        _clear(beside)
        if source.is_dir():
            shutil.copytree(source, beside, symlinks=True)
        else:
            shutil.copy(source, beside)
        _keep_all_private(beside)
        beside.rename(target)
    except OSError as problem:
        raise StoreProblem(
            f"The delivery {source.name} could not be copied to data/exports ({problem.strerror or 'some files'})."
            " Nothing of it was kept. Make room, then run again."
        ) from None
    finally:
        if beside.exists():
            _clear(beside)
    return target


def _keep_all_private(root: Path) -> None:
    """Take what was copied from everybody but its owner; what a link leads to is not ours."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            keep_private(path)


def _same(one: Path, other: Path) -> bool:
    if one.is_file() and other.is_file():
        return filecmp.cmp(one, other, shallow=False)
    files = [{path.relative_to(root) for path in root.rglob("*") if path.is_file()} for root in (one, other)]
    return files[0] == files[1] and all(filecmp.cmp(one / name, other / name, shallow=False) for name in files[0])


def _clear(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _not_ours(folder: str, names: list[str]) -> set[str]:
    """Leave out caches, and the decisions that some practice made here."""
    left = {name for name in names if name in ("__pycache__", ".ipynb_checkpoints", "approvals.jsonl", APPROVED)}
    if Path(folder).name == "values":
        left |= {name for name in names if name not in SHIPPED_VALUES}
    return left
