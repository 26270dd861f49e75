"""Compare the index of attachments with the files of the delivery: missing, unlisted, empty, other than they say."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

import polars as pl

from workbench.dental_exec.archives import attachment_path
from workbench.errors import ExportProblem
from workbench.privacy import mask
from workbench.profile.source import LIVES, as_read, open_snapshot
from workbench.warehouse import Warehouse

LARGEST = 150 * 1024 * 1024  # what Freshsales takes as one file
BY_FIRST_BYTES = (
    (b"%PDF", "pdf"), (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"PK\x03\x04", "zip"),
    (b"GIF8", "gif"), (b"II*\x00", "tiff"), (b"MM\x00*", "tiff"), (b"\xd0\xcf\x11\xe0", "ole"), (b"{\\rtf", "rtf"),
)  # fmt: skip
BY_EXTENSION = {
    "pdf": "pdf", "png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif", "tif": "tiff", "tiff": "tiff", "rtf": "rtf",
    "zip": "zip", "docx": "zip", "xlsx": "zip", "pptx": "zip", "odt": "zip", "ods": "zip", "doc": "ole", "xls": "ole",
    "txt": None, "csv": None, "htm": None, "html": None, "xml": None, "": None,
}  # fmt: skip
"""What a file of an extension begins with; None stands for text, which begins with anything but these."""
PROBLEMS = {
    "attachment_id": pl.String,
    "problem": pl.String,
    "category": pl.String,
    "bytes": pl.Int64,
    "path": pl.String,
}
COUNTS = {"category": pl.String, "rows": pl.Int64, "files": pl.Int64, "bytes": pl.Int64, "with_a_problem": pl.Int64}


class FilesProfile(NamedTuple):
    """Rows and files by category, and what is wrong with them: by problem, and record by record."""

    categories: pl.DataFrame
    problems: pl.DataFrame
    listed: pl.DataFrame


class _Row(NamedTuple):
    attachment_id: str
    category: str
    file_name: str
    relative_path: str
    size: int | None
    sha256: str | None
    is_live: bool


def profile_files(warehouse: Path, migration: Path) -> FilesProfile:
    """Check every row of the index and every file beside it; write profile.files and profile.file_problems.

    Each file is read once for its hash, where the index states one. A file's name is shown by its shape alone: it often
    names a patient; the table in the warehouse keeps the path.
    """
    with open_snapshot(warehouse) as store:
        folder = migration / store.run("SELECT folder FROM raw.deliveries")[0][0]
        rows = list(_index(store))
        on_disk = _walk(folder, rows)
        found = sorted(_check_all(folder, rows, on_disk), key=lambda one: (one[1], one[0] or "", one[4]))
        listed = pl.DataFrame(found, schema=PROBLEMS, orient="row")
        categories = _count_categories(folder, rows, listed)
        store.write("profile.files", categories)
        store.write("profile.file_problems", listed)
    problems = (
        listed.group_by("problem")
        .agg(pl.len().cast(pl.Int64).alias("files"), pl.col("bytes").sum())
        .sort("files", "problem", descending=[True, False])
    )
    return FilesProfile(
        categories, problems, listed.with_columns(pl.col("path").map_elements(mask, return_dtype=pl.String))
    )


def _index(store: Warehouse) -> Iterator[_Row]:
    sql = (
        "SELECT attachment_id, coalesce(category, 'not said'), coalesce(file_name, ''), coalesce(relative_path, ''),"
        " TRY_CAST(size_bytes AS DECIMAL(18, 0))::BIGINT, lower(trim(sha256)),"
        f" {LIVES} FROM {as_read(store, 'attachments')} ORDER BY attachment_id"
    )
    for frame in store.frames(sql):
        yield from (_Row(*row) for row in frame.iter_rows())


def _walk(folder: Path, rows: list[_Row]) -> dict[str, list[str]]:
    """Return the files below the folders that the index names, and below attachments, by their path without case."""
    tops = {"attachments", *(parts[0] for row in rows if len(parts := PureWindowsPath(row.relative_path).parts) > 1)}
    found: dict[str, list[str]] = defaultdict(list)
    if not folder.is_dir():
        return found
    for top in sorted(path for path in folder.iterdir() if path.is_dir() and path.name in tops):
        for path in sorted(top.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                inside = path.relative_to(folder).as_posix()
                found[inside.casefold()].append(inside)
    return found


def _check_all(
    folder: Path, rows: list[_Row], on_disk: dict[str, list[str]]
) -> Iterator[tuple[str | None, str, str | None, int | None, str]]:
    paths = Counter(_posix(row.relative_path) for row in rows if row.is_live and row.relative_path)
    cased = Counter(path.casefold() for path in paths)
    names = Counter(name for name in (PurePosixPath(path).name.casefold() for path in paths) if name)
    for row in (one for one in rows if one.is_live):
        path = _posix(row.relative_path)
        for problem, size in _check(folder, row, on_disk):
            yield row.attachment_id, problem, row.category, size, path
        if paths[path] > 1:
            yield row.attachment_id, "several rows name this file", row.category, row.size, path
        elif path and cased[path.casefold()] > 1:
            yield row.attachment_id, "another row's path differs only in case", row.category, row.size, path
        elif path and names[PurePosixPath(path).name.casefold()] > 1:
            yield row.attachment_id, "another file has the same name", row.category, row.size, path
    known = {_posix(row.relative_path).casefold() for row in rows}
    for without_case, inside in sorted(on_disk.items()):
        if without_case not in known:
            for one in inside:
                yield None, "a file that no row names", None, (folder / one).stat().st_size, one


def _check(folder: Path, row: _Row, on_disk: dict[str, list[str]]) -> Iterator[tuple[str, int | None]]:
    try:
        path = attachment_path(folder, row.relative_path) if row.relative_path else folder
    except ExportProblem:
        yield "its path leaves the delivery", None
        return
    if not path.is_file():
        others = on_disk.get(_posix(row.relative_path).casefold())
        yield ("the file's name differs in case" if others else "a row without its file"), None
        return
    size = path.stat().st_size
    if size == 0:
        yield "the file is empty", 0
        return
    if size > LARGEST:
        yield "the file is over 150 MB", size
    if row.size is not None and row.size != size:
        yield "its size is not that of the index", size
    elif row.sha256 and _digest(path) != row.sha256:
        yield "its hash is not that of the index", size
    if not _is_what_it_says(path):
        yield "its extension is not that of its content", size


def _is_what_it_says(path: Path) -> bool:
    extension = path.suffix.lower().removeprefix(".")
    if extension not in BY_EXTENSION:
        return True
    with path.open("rb") as file:
        head = file.read(8)
    kind = next((name for first, name in BY_FIRST_BYTES if head.startswith(first)), None)
    return kind == BY_EXTENSION[extension]


def _count_categories(folder: Path, rows: list[_Row], listed: pl.DataFrame) -> pl.DataFrame:
    wrong = dict(
        listed.drop_nulls("attachment_id").group_by("category").agg(pl.col("attachment_id").n_unique()).iter_rows()
    )
    count: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in (one for one in rows if one.is_live):
        size = _size(folder, row)
        for place, more in enumerate((1, size is not None, size or 0)):
            count[row.category][place] += more
    made = [(category, *numbers, wrong.get(category, 0)) for category, numbers in count.items()]
    return pl.DataFrame(made, schema=COUNTS, orient="row").sort("rows", "category", descending=[True, False])


def _size(folder: Path, row: _Row) -> int | None:
    try:
        path = attachment_path(folder, row.relative_path) if row.relative_path else folder
    except ExportProblem:
        return None
    return path.stat().st_size if path.is_file() else None


def _posix(relative_path: str) -> str:
    return PureWindowsPath(relative_path).as_posix() if relative_path else ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
