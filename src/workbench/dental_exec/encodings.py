"""Read a file's bytes once: its size and hash, and proof that it is UTF-8 from end to end."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import ExportProblem

CHUNK = 4 * 1024 * 1024
MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))


@dataclass(frozen=True)
class FileFacts:
    """What the bytes of a file say."""

    size: int
    sha256: str


def read_facts(path: Path) -> FileFacts:
    """Return size and hash of a text file, or say at which byte it stops being UTF-8; nothing is ever replaced."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    digest, size, pending = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            if size == 0:
                _refuse_marks(path, chunk)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as problem:
                raise ExportProblem(
                    f"{path.name} is not UTF-8: byte {size - pending + problem.start} cannot be decoded."
                    " Export it again as UTF-8 (Excel: CSV UTF-8)."
                ) from None
            if not chunk:
                return FileFacts(size, digest.hexdigest())
            digest.update(chunk)
            size += len(chunk)
            pending = len(decoder.getstate()[0])


def hash_file(path: Path) -> FileFacts:
    """Return size and hash of a file of any kind."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileFacts(path.stat().st_size, digest)


def _refuse_marks(path: Path, head: bytes) -> None:
    for mark, name in MARKS:
        if head.startswith(mark):
            raise ExportProblem(
                f"{path.name} is {name}: byte 0 is its mark. Export it again as UTF-8 (Excel: CSV UTF-8)."
            )
