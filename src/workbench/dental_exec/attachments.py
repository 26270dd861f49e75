"""Find the file of an attachment inside its delivery, and never outside it."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from workbench.errors import ExportProblem


def attachment_path(folder: Path | str, relative_path: str) -> Path:
    """Return where an attachment lies in a delivery's folder; Windows separators are read too.

    A path that is absolute, climbs, or leaves the folder by a link is refused.
    """
    written = PureWindowsPath(relative_path)  # reads both kinds of separators
    if not written.parts or written.anchor or ".." in written.parts or "\0" in relative_path:
        raise ExportProblem("An attachment's path leaves its delivery (rule: climbing path). The file is not read.")
    root = Path(folder).resolve()
    found = root.joinpath(*written.parts).resolve()
    if not found.is_relative_to(root):
        raise ExportProblem("An attachment's path leaves its delivery by a link (rule: climbing path). It is not read.")
    return found
