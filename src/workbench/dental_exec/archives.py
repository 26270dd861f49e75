"""Unpack archives below a workroom, each once and whole or not at all, and find files inside without leaving it."""

from __future__ import annotations

import errno
import filecmp
import hashlib
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import NoReturn

from filelock import FileLock

from workbench.dental_exec.contract import read_contract
from workbench.errors import ExportProblem, StoreProblem
from workbench.privacy import mask

CHUNK = 1024 * 1024
ENCRYPTED = 0x1
MANIFEST = "export_manifest.csv"
TABLES = (".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".zip")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PEEKED, MOST_PEEKED = 256 * 1024 * 1024, 20
"""So small and so few archives inside an archive are looked into for a manifest before they are unpacked."""


@dataclass(frozen=True)
class Limits:
    """Beyond these an archive is taken for a bomb; all are counted over the archive and those inside it."""

    times: int = 50
    least: int = 1024**3
    bytes: int = 64 * 1024**3
    entries: int = 200_000
    depth: int = 3

    def allowed(self, packed: int) -> int:
        """Return how many bytes may come out of an archive of `packed` bytes."""
        return min(self.bytes, max(self.times * packed, self.least))


LIMITS = Limits()


def is_archive(path: Path) -> bool:
    """Say whether a file is an archive by its name."""
    return path.suffix.lower() == ".zip" and path.is_file()


def visible(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted, without hidden files, lock files and what archivers add."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "~$", "__MACOSX")))


def is_table(path: Path) -> bool:
    """Say whether a file holds tables by its name; a .txt file only when it is named after an object."""
    suffix = path.suffix.lower()
    if not path.is_file() or path.name.lower() == MANIFEST:
        return False
    return suffix in TABLES or (suffix == ".txt" and bool(read_contract().object_of(path.name)))


def content_root(folder: Path) -> Path:
    """Return where the tables lie: the folder itself, or the one at the end of a chain of single folders."""
    here = folder
    while not any(map(is_table, visible(here))):
        inside = [path for path in visible(here) if path.is_dir() and not path.is_symlink()]
        if len(inside) != 1:
            return folder
        here = inside[0]
    return here


def count_twins(folder: Path) -> int:
    """Return how many files of a tree differ from another one only in upper and lower case."""
    names = Counter(path.relative_to(folder).as_posix().casefold() for path in folder.rglob("*") if path.is_file())
    return sum(count - 1 for count in names.values())


def peek_manifest(archive: Path) -> bytes | None:
    """Return the outermost manifest inside an archive, or inside those it holds, without unpacking."""
    with _readable(archive.name), zipfile.ZipFile(archive) as bundle:
        return _peek(bundle, LIMITS.depth)


def unpack(archive: Path, workroom: Path, limits: Limits = LIMITS) -> Path:
    """Return the folder that holds an archive's files, and those of the archives at the top of it, unpacked once.

    The folder is named after the archive's hash. It appears whole or not at all; nothing is written outside of it.
    """
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return build_once(workroom / digest[:32], archive.name, lambda room: _Unpacking(archive, limits).into(room))


def unpack_beside(folder: Path, archives: list[Path], workroom: Path, limits: Limits = LIMITS) -> Path:
    """Return a copy of a delivery's folder (links where the disk allows) with its archives unpacked into it."""
    there = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    said = [
        f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0{path.stat().st_mtime_ns}" for path in there
    ]
    digest = hashlib.sha256("\n".join(said).encode("utf-8", "surrogateescape")).hexdigest()

    def fill(room: Path) -> None:
        for path in there:
            target = room / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError:
                shutil.copyfile(path, target)
        for archive in archives:
            _Unpacking(archive, limits).beside(room)

    return build_once(workroom / digest[:32], folder.name, fill)


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


class _Unpacking:
    """One archive on its way into a room, with what has come out of it so far."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self.archive, self.limits = archive, limits
        self.allowed = limits.allowed(archive.stat().st_size)
        self.bytes = self.entries = 0

    def into(self, room: Path) -> None:
        """Unpack the archive as it is, and the archives where its tables lie."""
        self._extract(self.archive, room)
        self._open_inner(content_root(room), 1)

    def beside(self, room: Path) -> None:
        """Unpack the archive's tables into a room that holds other files already."""
        self._open_one(self.archive, room, 0)

    def _open_inner(self, root: Path, depth: int) -> None:
        for inner in [path for path in visible(root) if is_archive(path)]:
            if depth == self.limits.depth:
                self._refuse(f"archives lie in archives more than {depth} deep")
            self._open_one(inner, root, depth)

    def _open_one(self, archive: Path, root: Path, depth: int) -> None:
        apart = root / f".{archive.name}"
        self._extract(archive, apart)
        source = content_root(apart)
        self._open_inner(source, depth + 1)
        for opened in [path for path in visible(source) if is_archive(path)]:
            opened.unlink()  # what it held lies here now, and its name may be that of another one
        self._merge(source, root)
        shutil.rmtree(apart)

    def _merge(self, source: Path, target: Path) -> None:
        for path in sorted(source.iterdir()):
            there = target / path.name
            if path.is_dir() and there.is_dir():
                self._merge(path, there)
            elif not there.exists():
                path.rename(there)
            elif path.is_dir() or there.is_dir() or not filecmp.cmp(path, there, shallow=False):
                self._refuse("two of its files have one name and different content")

    def _extract(self, archive: Path, room: Path) -> None:
        room.mkdir(mode=0o700, exist_ok=True)
        with _readable(self._told(archive)), zipfile.ZipFile(archive) as bundle:
            infos = bundle.infolist()
            self.entries += len(infos)
            if self.entries > self.limits.entries:
                self._refuse(f"it holds more than {self.limits.entries:,} entries")
            if self.bytes + sum(info.file_size for info in infos) > self.allowed:
                self._refuse_bomb()
            for number, info in enumerate(infos, start=1):
                target = self._target(room, info, f"entry {number} of {len(infos)}")
                if target is not None:
                    self._write(bundle, info, target)

    def _target(self, room: Path, info: zipfile.ZipInfo, told: str) -> Path | None:
        kind = stat.S_IFMT(info.external_attr >> 16)
        written = PureWindowsPath(info.filename)  # reads both kinds of separators
        if (
            written.anchor
            or info.filename.startswith(("/", "\\"))
            or ".." in written.parts
            or "\0" in info.orig_filename
        ):
            self._refuse(f"{told} has a path that leaves the archive (rule: climbing path)")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            self._refuse(f"{told} is a link or a device, no file")
        if info.flag_bits & ENCRYPTED:
            raise ExportProblem(
                f"{self._told(self.archive)} is encrypted. Unpack it with its password and pack it without."
            )
        if info.is_dir() or info.filename.endswith("\\") or not written.parts or "__MACOSX" in written.parts:
            return None
        return room.joinpath(*written.parts)

    def _write(self, bundle: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.exists():
            self._refuse("two of its entries have one name")
        with bundle.open(info) as source, target.open("xb") as file:
            while chunk := source.read(CHUNK):
                self.bytes += len(chunk)
                if self.bytes > self.allowed:
                    self._refuse_bomb()
                file.write(chunk)

    def _told(self, archive: Path) -> str:
        # One inside may be named after the patient whose files it holds.
        inner = archive.name if read_contract().object_of(archive.name) else mask(archive.name)
        return archive.name if archive == self.archive else f"{inner} inside {self.archive.name}"

    def _refuse_bomb(self) -> NoReturn:
        self._refuse(f"more than {self.allowed:,} bytes would come out of {self.archive.stat().st_size:,}")

    def _refuse(self, reason: str) -> NoReturn:
        raise ExportProblem(f"{self.archive.name} is not unpacked: {reason}. Ask the practice for the archive again.")


def _peek(bundle: zipfile.ZipFile, depth: int) -> bytes | None:
    def places(ending: str) -> list[zipfile.ZipInfo]:
        found = [info for info in bundle.infolist() if info.filename.lower().endswith(ending)]
        apart = [info for info in found if "__MACOSX" not in info.filename and not info.flag_bits & ENCRYPTED]
        return sorted(apart, key=lambda info: (info.filename.replace("\\", "/").count("/"), info.filename))

    for info in places(MANIFEST)[:1]:
        return bundle.read(info) if info.file_size < PEEKED else None
    for info in places(".zip")[:MOST_PEEKED] if depth > 1 else []:
        if info.file_size < PEEKED:
            with bundle.open(info) as file, zipfile.ZipFile(file) as inner:
                if found := _peek(inner, depth - 1):
                    return found
    return None


@contextmanager
def _readable(told: str) -> Iterator[None]:
    """Turn what a damaged archive does to its reader into one sentence."""
    try:
        yield
    except NotImplementedError:
        raise ExportProblem(
            f"{told} is packed by a method that is not read here. Pack it again as a plain zip."
        ) from None
    except RuntimeError:  # the module's word for a password
        raise ExportProblem(f"{told} is encrypted. Unpack it with its password and pack it without.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno != errno.EINVAL:  # a place before the file's begin
            raise
        raise ExportProblem(f"{told} is damaged, or no zip: it cannot be unpacked whole. Copy it again.") from None


def build_once(target: Path, told: str, fill: Callable[[Path], None]) -> Path:
    """Return a folder that `fill` made, now or earlier; it appears whole, readable by its owner only, or not at all."""
    if target.is_dir():
        return target
    room = target.parent / f".{target.name}.part"
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(target.parent / ".lock"):
            if target.is_dir():
                return target
            shutil.rmtree(room, ignore_errors=True)  # what a killed run left
            room.mkdir(mode=0o700)
            try:
                fill(room)
                room.rename(target)
            finally:
                shutil.rmtree(room, ignore_errors=True)
    except OSError as problem:
        if problem.errno in FULL:
            raise StoreProblem(
                f"The disk is full: {told} could not be unpacked, and nothing of it was kept. Make room, then run again."
            ) from None
        raise StoreProblem(f"{told} could not be unpacked ({problem.strerror}), and nothing of it was kept.") from None
    return target
