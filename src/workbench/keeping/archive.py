"""A migration folder as one encrypted file for the years that records must be kept, and back into a folder."""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import platform
import shutil
import tarfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from workbench import __version__
from workbench.clock import WallClock, as_text
from workbench.errors import KeyProblem, SettingsProblem, StoreProblem, WorkbenchError
from workbench.keeping import restore_archive
from workbench.keeping.container import sealed_file
from workbench.keeping.contents import LEDGER_COPY, LEFT_OUT, packed_files, packed_settings
from workbench.keeping.restore_archive import MAGIC, MANIFEST, PIECE, Refused, WrongPassphrase, unpack
from workbench.keys import archive_passphrase
from workbench.ledger.audit import note_act, person, write_log
from workbench.ledger.store import copy_ledger, open_ledger
from workbench.ledger.verify_log import read_ledger, walk
from workbench.privacy import private_folder
from workbench.settings import Settings, read_settings
from workbench.vocabulary import Target
from workbench.warehouse import open_warehouse


class _Told:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        piece = self._file.read(size)
        self.digest.update(piece)
        return piece


def archive(settings: Settings, out: Path, passphrase: str = "") -> dict[str, Any]:
    """Write one new encrypted file, read it back whole, and put beside it the program that restores it alone.

    Without a passphrase it is taken from the environment, the keychain or the terminal.
    """
    if os.path.lexists(out):
        raise SettingsProblem(f"{out} exists already. Nothing was changed.")
    if not out.parent.is_dir():
        raise SettingsProblem(f"There is no folder {out.parent} to write {out.name} into. Nothing was changed.")
    if any(out.resolve().is_relative_to(one.resolve()) for one in (settings.folder, settings.exports)):
        raise SettingsProblem(
            f"{out.name} would lie inside of what it keeps. Name a place outside of the migration folder, best on"
            " another disk. Nothing was changed."
        )
    passphrase = passphrase or archive_passphrase(is_new=True)
    note_everywhere(settings, "archive begun")
    beside = out.with_name(f".{out.name}.part")
    try:
        beside.unlink(missing_ok=True)  # what a killed one left
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            _write(settings, file, passphrase)
            file.flush()
            os.fsync(file.fileno())
        manifest = unpack(beside, passphrase, None)
        digest, size = _digest(beside), beside.stat().st_size
        note_everywhere(settings, "archive packed", bytes=size, sha256=digest, files=len(manifest["files"]))
        beside.rename(out)
    except (OSError, Refused) as problem:
        told = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
        raise StoreProblem(
            f"The archive was not written ({told}). Nothing of it was kept. Make room, let runs end, then archive again."
        ) from None
    finally:
        beside.unlink(missing_ok=True)
    program = out.with_name("restore_archive.py")
    if not program.exists():
        program.write_text(inspect.getsource(restore_archive), "utf-8")
    count = len(manifest["files"])
    text = (
        f"Packed {count:,} files into {out} ({size:,} bytes, sha256 {digest}) and read them back. {program.name} beside it"
        " restores it without the workbench. Keep the passphrase on paper, apart from it: nobody can open it without."
    )
    return {"file": str(out), "files": count, "bytes": size, "sha256": digest, "needs": manifest["needs"], "text": text}


def restore(file: Path, folder: Path, passphrase: str = "") -> dict[str, Any]:
    """Make a folder out of an archive, whole or not at all; each file is held against the manifest."""
    if not file.is_file():
        raise SettingsProblem(f"There is no archive {file}. Nothing was changed.")
    if not folder.parent.is_dir():
        raise SettingsProblem(f"There is no folder {folder.parent} to restore {folder.name} into. Nothing was changed.")
    try:
        manifest = restore_archive.restore(file, folder, passphrase or archive_passphrase(is_new=False))
    except WrongPassphrase as problem:
        raise KeyProblem(f"{file.name} {problem}. Nothing was changed.") from None
    except (Refused, OSError) as problem:
        raise StoreProblem(f"{file.name} {problem}.") from None
    with suppress(WorkbenchError):  # settings of another version are no reason to keep nothing
        note_everywhere(read_settings(folder), "archive restored", written_at=manifest["written_at"])
    text = "\n".join(
        (
            f"Restored {len(manifest['files']):,} files into {folder}, each as it was written at {manifest['written_at']}.",
            "It is for looking back. Never load into a tenant from here: its ledger does not know what came later.",
            *manifest["needs"],
        )
    )
    return {"folder": str(folder), "files": len(manifest["files"]), "needs": manifest["needs"], "text": text}


def note_everywhere(settings: Settings, act: str, **detail: Any) -> None:
    """Note in the ledger of each target what concerns the whole folder."""
    for target in Target:
        note_act(replace(settings, target=target), act, "migration", **detail)


def _write(settings: Settings, file: IO[bytes], passphrase: str) -> None:
    told = {
        "what": "Encrypted archive of a migration from Dental-Exec to Freshsales: exports, decisions, ledgers, pages."
        " It holds patients' records.",
        "migration": settings["migration.id"],
        "written_at": as_text(WallClock().now()),
        "written_by": f"dental-exec-freshsales-workbench {__version__}",
    }
    with (
        sealed_file(file, passphrase, told) as sealed,
        tarfile.open(fileobj=sealed, mode="w|", bufsize=PIECE, format=tarfile.PAX_FORMAT) as tar,
    ):
        _pack(settings, tar)


def _pack(settings: Settings, tar: tarfile.TarFile) -> None:
    """Write every file into the tar, hashed as it is read, and the manifest last."""
    files: list[dict[str, Any]] = []
    ledgers: dict[str, dict[str, Any]] = {}
    passed_over: list[str] = []

    def add(path: Path, name: str, kind: str) -> None:
        with path.open("rb") as file:
            status, told = os.fstat(file.fileno()), _Told(file)
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = status.st_size, int(status.st_mtime), 0o600
            tar.addfile(member, told)
            tar.members.clear()  # type: ignore[attr-defined]  # it would keep every one of them
        files.append({"path": name, "bytes": member.size, "sha256": told.digest.hexdigest(), "kind": kind})

    toml, named = packed_settings(settings)
    room = settings.folder / LEDGER_COPY
    shutil.rmtree(room, ignore_errors=True)
    try:
        private_folder(room)
        (room / "migration.toml").write_bytes(toml)
        with ExitStack() as held:
            if settings.warehouse.is_file():
                held.enter_context(open_warehouse(settings.warehouse))  # nobody writes it meanwhile
            for path, name, kind in packed_files(settings, named):
                if path.is_file():
                    add(room / name if name == "migration.toml" else path, name, kind)
                else:
                    passed_over.append(name)
        for one in (replace(settings, target=target) for target in Target):
            if one.ledger.is_file():
                copy = room / "ledger.sqlite"
                copy_ledger(one.ledger, copy)
                add(copy, one.ledger.relative_to(settings.folder).as_posix(), "ledger")
                for path in write_log(read_ledger(copy), room):
                    add(path, f"audit/{one.target}/{path.name}", "audit log and the program that checks it")
                ledgers[str(one.target)] = _ledger_facts(copy)
                copy.unlink()
    finally:
        shutil.rmtree(room, ignore_errors=True)
    text = json.dumps(
        {**_about(settings, ledgers, named), "passed_over": passed_over, "files": files}, indent=1
    ).encode()
    member = tarfile.TarInfo(MANIFEST)
    member.size, member.mode = len(text), 0o600
    tar.addfile(member, io.BytesIO(text))


def _ledger_facts(copy: Path) -> dict[str, Any]:
    count, head, breaks = walk(read_ledger(copy))
    ledger = open_ledger(copy, b"")
    tenant = ledger.tenant()
    ledger.engine.dispose()
    return {"tenant": tenant, "audit_entries": count, "audit_head": head, "audit_breaks": len(breaks)}


def _about(settings: Settings, ledgers: dict[str, dict[str, Any]], named: str) -> dict[str, Any]:
    """Return what the manifest says beside the list of files."""
    needs = ["verify-log, the pages and audit/*/verify_log.py need nothing more."]
    if str(Target.FRESHSALES) in ledgers:
        needs.append("explain --target freshsales needs the WORKBENCH_KEY of that time: it opens the ledger's images.")
    if not settings.exports.exists():
        needs.append("The exports were not there when this was written; they are not in it.")
    versions = {name: version(name) for name in ("cryptography", "duckdb")}
    return {
        "format": MAGIC.decode().strip(),
        "migration": settings["migration.id"],
        "practice": settings["practice.name"],
        "written_at": as_text(WallClock().now()),
        "written_by": person(),
        "versions": {"workbench": __version__, "python": platform.python_version(), **versions},
        "ledgers": ledgers,
        "exports": {"were": str(settings["source.exports"]), "are": named or "where migration.toml says"},
        "left_out": LEFT_OUT,
        "needs": needs,
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
