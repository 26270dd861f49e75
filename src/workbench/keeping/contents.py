"""What of a migration folder goes into an archive: exports, decisions, ledgers' surroundings, pages; and what does not."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from workbench.settings import Settings

LEDGERS = "data/freshsales"
PACKED = {
    "migration.toml": "decisions",
    ".gitignore": "decisions",
    "mappings": "decisions",
    "expectations": "decisions",
    "notebooks": "notebooks",
    "data/exports": "exports",
    "data/runs": "pages",
    "data/purged": "certificates of what was purged",
    "data/spellings.key": "the key of tokens in value maps",
    LEDGERS: "what the tenant answered",
    "data/rehearsal/decisions": "decisions of the rehearsal",
    "data/rehearsal/matches": "what the rehearsal tenant answered",
    "data/rehearsal/key": "the key of the rehearsal's images",
    "data/warehouse.duckdb": "warehouse",
    "data/warehouse.duckdb.wal": "warehouse",
}
"""What goes into an archive and what it is; ledgers come beside it, copied as they stand at one moment."""
NAMED = "data/named_exports"
"""Where deliveries go that migration.toml names outside of the folder."""
LEDGER_COPY = "data/.archive"
"""Where a ledger is copied to while it is packed."""
CACHES = ("__pycache__", ".ipynb_checkpoints")
LEFT_OUT = (
    "FRESHSALES_API_KEY and WORKBENCH_KEY: they are in no file",
    "the rehearsal's tenant: a throw-away; its ledger is here",
    "the git history of decisions",
    "data/unpacked, data/suggest, data/lab: made again from what is here",
)


def packed_files(settings: Settings, named: str) -> Iterator[tuple[Path, str, str]]:
    """Yield each file with its name in the archive and its kind; a link is packed as the file that it leads to."""
    roots = [(settings.folder / name, name, kind) for name, kind in PACKED.items()]
    if settings.is_sample:
        roots.append((settings.folder / "data" / "sample", "data/sample", "exports (an invented practice)"))
    if named:
        roots.append((settings.exports, named, "exports"))
    for root, name, kind in roots:
        if root.is_file():
            yield root, name, kind
        for path in _below(root):
            if not (name == LEDGERS and path.name.startswith("ledger.sqlite")):  # copied at one moment, beside this
                yield path, f"{name}/{path.relative_to(root).as_posix()}", kind


def _below(root: Path) -> Iterator[Path]:
    """Yield all that is no folder below a root, sorted; a folder that cannot be read is an error, never passed over."""

    def refuse(problem: OSError) -> None:
        raise problem

    seen: set[str] = set()
    for folder, folders, names in os.walk(root, followlinks=True, onerror=refuse if root.is_dir() else None):
        here = os.path.realpath(folder)
        if here in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(here)
        folders[:] = sorted(one for one in folders if one not in CACHES)
        yield from (Path(folder, file) for file in sorted(names))


def packed_settings(settings: Settings) -> tuple[bytes, str]:
    """Return migration.toml as it is packed, and where exports go that lie outside of data/exports.

    The restored folder finds its exports: the line that names them says where they are there. No approval binds it.
    """
    text = (settings.folder / "migration.toml").read_bytes()
    if settings.is_sample or not settings.exports.exists():
        return text, ""
    home = (settings.folder / "data" / "exports").resolve()
    if settings.exports.is_relative_to(home):
        where, named = f"data/exports/{settings.exports.relative_to(home).as_posix()}".removesuffix("/."), ""
    else:
        where = named = f"{NAMED}/{settings.exports.name}"
    line = f"exports = {json.dumps(where, ensure_ascii=False)}".encode()
    return re.sub(rb"(?m)^\s*exports\s*=.*$", lambda _: line, text), named
