"""Restore an archive of the workbench with nothing but Python and the package `cryptography`.

    python restore_archive.py practice.archive FOLDER      or, to read every byte and write nothing:
    python restore_archive.py practice.archive --check

The passphrase is asked for, or taken from WORKBENCH_ARCHIVE_PASSPHRASE. The first lines of an archive are plain text and
say how the rest is read: chunks of AES-256-GCM over a gzipped tar, whose last member lists all others with their size and
SHA-256. FOLDER must not be there, or be empty; it is made whole and for its owner alone, or not at all. Exit 0: done.
Exit 1: refused, and why. Exit 2: wrong usage.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import unicodedata
from pathlib import Path, PurePosixPath
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC, MANIFEST, TAG, PIECE = b"WORKBENCH-ARCHIVE-1\n", "archive_manifest.json", 16, 1 << 20
MOST_HEADER, MOST_CHUNK, MOST_MEMORY = 1 << 16, 1 << 26, 1 << 30
DAMAGED = "was changed or cut in its part {}; take another copy of it"
NO_ARCHIVE = "is no archive of the workbench, or its first lines were changed"


class Refused(Exception):
    """What is wrong with the archive, or with the place it should go to."""


class WrongPassphrase(Refused):
    """It was written with another passphrase."""


class Opened(io.RawIOBase):
    """What was sealed, chunk after chunk; one that was changed, moved, repeated or cut off is refused."""

    def __init__(self, file: IO[bytes], key: bytes, header: bytes, size: int) -> None:
        self._file, self._cipher, self._size = file, AESGCM(key), size + TAG
        self._bound = hashlib.sha256(header).digest()
        self._number, self._next, self._left, self._ended = 0, file.read(self._size), b"", False

    def readable(self) -> bool:
        """It is read from its start to its end."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; 0 when the last chunk was read."""
        while not self._left and not self._ended:
            sealed, self._next = self._next, self._file.read(self._size)
            self._ended = not self._next
            nonce, bound = self._number.to_bytes(12, "big"), self._bound + bytes([self._ended])
            self._number += 1
            try:
                self._left = self._cipher.decrypt(nonce, sealed, bound)
            except (InvalidTag, ValueError):
                raise Refused(DAMAGED.format(self._number)) from None
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def read_header(file: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Return what the plain lines say, and their bytes; an empty line ends them."""
    text = line = file.readline(len(MAGIC))
    while text.startswith(MAGIC) and line not in (b"", b"\n") and len(text) < MOST_HEADER:
        line = file.readline(MOST_HEADER)
        text += line
    try:
        return dict(json.loads(text.removeprefix(MAGIC))), text
    except (ValueError, TypeError, RecursionError):
        raise Refused(NO_ARCHIVE) from None


def derive(passphrase: str, kdf: dict[str, Any]) -> tuple[bytes, str]:
    """Return the key of the chunks and what tells a wrong passphrase, which is read as NFC without blanks at its ends."""
    text = unicodedata.normalize("NFC", passphrase.strip()).encode()
    cost = {name: int(kdf[name]) for name in ("n", "r", "p")}
    made = hashlib.scrypt(text, salt=bytes.fromhex(kdf["salt"]), **cost, maxmem=MOST_MEMORY, dklen=64)
    return made[:32], hashlib.sha256(made[32:]).hexdigest()


def open_archive(file: IO[bytes], passphrase: str) -> Opened:
    """Return the bytes of the gzipped tar."""
    header, text = read_header(file)
    try:
        (key, check), size = derive(passphrase, header["kdf"]), int(header["chunk_bytes"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refused(NO_ARCHIVE) from None
    if check != header.get("key_check") or not 0 < size <= MOST_CHUNK:
        raise WrongPassphrase("does not open with this passphrase, or its first lines were changed")
    return Opened(file, key, text, size)


def place_of(name: str, folder: Path) -> Path:
    """Return where a file goes, its folders made; a name that would not lie inside the folder is refused."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or (os.sep == "\\" and set(name) & {"\\", ":"}):
        raise Refused("names a file that would not lie inside the folder; nothing of it was taken")
    for part in parts[:-1]:
        folder /= part
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder / parts[-1]


def unpack(archive: Path, passphrase: str, into: Path | None) -> dict[str, Any]:
    """Write all files into a folder, or into none, and return the manifest, with which every one of them agrees."""
    try:
        found, text = _read_all(archive, passphrase, into)
        manifest: dict[str, Any] = json.loads(text)
        stated = {one["path"]: (one["bytes"], one["sha256"]) for one in manifest["files"]}
    except (EOFError, tarfile.TarError, ValueError, KeyError, TypeError):
        raise Refused(NO_ARCHIVE) from None
    wrong = [name for name in {*stated, *found} if stated.get(name) != found.get(name)]
    if wrong:
        raise Refused(f"disagrees with its manifest in {len(wrong)} files; nothing of it was taken")
    return manifest


def _read_all(archive: Path, passphrase: str, into: Path | None) -> tuple[dict[str, tuple[int, str]], bytes]:
    """Return size and SHA-256 of each file by its name, and the manifest."""
    found, text = dict[str, tuple[int, str]](), b""
    with archive.open("rb") as file, io.BufferedReader(open_archive(file, passphrase), PIECE) as stream:
        with tarfile.open(fileobj=stream, mode="r|gz", bufsize=PIECE) as tar:
            while member := tar.next():
                tar.members.clear()  # type: ignore[attr-defined]  # it would keep every one of them
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or member.name in found:
                    raise Refused("holds something that is no file, or one file twice; nothing of it was taken")
                place = place_of(member.name, into) if into else Path(os.devnull)
                mode = os.O_CREAT | os.O_EXCL | os.O_WRONLY if into else os.O_WRONLY
                digest, text = hashlib.sha256(), b""
                with os.fdopen(os.open(place, mode, 0o600), "wb") as out:
                    while piece := content.read(PIECE):
                        digest.update(piece)
                        out.write(piece)
                        text += piece if member.name == MANIFEST else b""
                if into:
                    os.utime(place, (member.mtime, member.mtime))
                found[member.name] = (member.size, digest.hexdigest())
        while stream.read(PIECE):  # the last chunk is what proves that none is missing
            pass
    found.pop(MANIFEST, None)
    return found, text


def restore(archive: Path, folder: Path, passphrase: str) -> dict[str, Any]:
    """Make the folder out of an archive, whole or not at all, and return the manifest."""
    beside = folder.with_name(f".{folder.name}.part")
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise Refused(f"was not restored: {folder} is there already. Name a new folder; nothing was changed")
    try:
        if beside.exists():  # what a killed one left
            shutil.rmtree(beside)
        beside.mkdir(mode=0o700)
        manifest = unpack(archive, passphrase, beside)
        if folder.is_dir():
            folder.rmdir()
        beside.rename(folder)
    except OSError as problem:
        raise Refused(f"was not restored ({problem.strerror}); nothing of it was kept") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return manifest


def main(words: list[str] | None = None) -> int:
    """Restore or check one archive and say what came of it."""
    parser = argparse.ArgumentParser(prog="restore_archive.py", description="Restore an archive of the workbench.")
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", help="a folder that is not there yet")
    parser.add_argument("--check", action="store_true", help="read every byte and write nothing")
    given = parser.parse_args(words)
    if given.check == bool(given.folder):
        parser.error("name a FOLDER to restore into, or --check")
    archive, folder = given.archive, given.folder
    passphrase = os.environ.get("WORKBENCH_ARCHIVE_PASSPHRASE") or getpass.getpass("Passphrase of the archive: ")
    try:
        manifest = restore(archive, folder, passphrase) if folder else unpack(archive, passphrase, None)
    except (Refused, OSError) as problem:
        print(f"{archive.name} {problem}.")
        return 1
    print(f"{len(manifest['files']):,} files, all as they were written.", *manifest.get("needs", ()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
