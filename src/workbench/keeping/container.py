"""The container of an archive: plain lines that say how it is read, then chunks of AES-GCM that bind each other's order."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from workbench.keeping.restore_archive import MAGIC, MANIFEST, PIECE, derive

KDF = {"name": "scrypt", "n": 1 << 17, "r": 8, "p": 1}
"""128 MiB and about half a second a guess."""
HOW = (
    "Passphrase: Unicode NFC, without blanks at both ends, as UTF-8.",
    "64 bytes = scrypt(passphrase, salt = bytes of kdf.salt (hex), n, r, p). Bytes 0-31 are the key; key_check is the"
    " SHA-256 of bytes 32-63, in hex. (Python: hashlib.scrypt with maxmem = 2**30, dklen = 64.)",
    "After the empty line that ends these lines come chunks, each chunk_bytes + 16 bytes long, the last one shorter or as long.",
    "Chunk number i (from 0) is AES-256-GCM: nonce = i as 12 bytes, big-endian; associated data = SHA-256 of all bytes up to"
    " and with the empty line, then one byte: 1 for the last chunk, else 0.",
    f"The chunks in order are a gzipped tar. Its last member, {MANIFEST}, lists every other one with bytes, SHA-256 and kind.",
)
READ_WITH = (
    "workbench archive --restore FILE --out DIR",
    "python restore_archive.py FILE DIR (it lies beside the archive; Python 3.11 or newer with the package cryptography)",
)


class Sealed(io.RawIOBase):
    """A file that takes bytes and writes them as chunks of AES-GCM; closing it seals the last one."""

    def __init__(self, file: IO[bytes], key: bytes, header: bytes) -> None:
        self._file, self._cipher, self._bound = file, AESGCM(key), hashlib.sha256(header).digest()
        self._left, self._number = bytearray(), 0

    def writable(self) -> bool:
        """It is written from start to end."""
        return True

    def write(self, piece: Any) -> int:
        """Take bytes, and seal every chunk after which more are sure to come."""
        self._left += piece
        while len(self._left) > PIECE:
            self._seal(PIECE, is_last=False)
        return len(piece)

    def finish(self) -> None:
        """Seal what is left as the last chunk."""
        self._seal(len(self._left), is_last=True)

    def _seal(self, size: int, *, is_last: bool) -> None:
        nonce, bound = self._number.to_bytes(12, "big"), self._bound + bytes([is_last])
        self._file.write(self._cipher.encrypt(nonce, bytes(self._left[:size]), bound))
        del self._left[:size]
        self._number += 1


@contextmanager
def sealed_file(
    file: IO[bytes], passphrase: str, told: Mapping[str, Any], kdf: Mapping[str, Any] = KDF
) -> Iterator[gzip.GzipFile]:
    """Write the plain lines, and yield a file whose bytes are gzipped and sealed under a key of this archive alone.

    A new salt makes a new key each time, so that the numbers of chunks can be their nonces.
    """
    salted = {**kdf, "salt": secrets.token_hex(32)}
    key, check = derive(passphrase, salted)
    lines = {**told, "read_with": READ_WITH, "how": HOW, "kdf": salted, "key_check": check, "chunk_bytes": PIECE}
    header = MAGIC + json.dumps(lines, indent=1).encode() + b"\n\n"
    file.write(header)
    sealed = Sealed(file, key, header)
    with gzip.GzipFile(fileobj=sealed, mode="wb", compresslevel=6, mtime=0) as packed:
        yield packed
    sealed.finish()
