"""Who may read what a migration leaves under data/."""

from __future__ import annotations

from pathlib import Path

INVENTED = "data/sample"
"""The one thing below data/ that is nobody's."""


def open_to_others(folder: Path) -> list[str]:
    """Return every file and folder below data/ that somebody else may read, with its rights."""
    found = {
        path.relative_to(folder).as_posix(): path.lstat().st_mode & 0o777
        for path in (folder / "data", *(folder / "data").rglob("*"))
        if not path.is_symlink() and not path.is_relative_to(folder / INVENTED)
    }
    assert len(found) > 1
    return [f"{name}: {mode:o}" for name, mode in sorted(found.items()) if mode & 0o077]
