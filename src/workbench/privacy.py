"""What may be shown to whom: masks for pages, keyed tokens for logs, counts too small to print, folders of one owner and their disk."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

PERSONAL = re.compile(r"\d{4,}|\d[/.-]\d|@|\b(?:dob|ssn|born|id)\b|\d{3}-\d{2}", re.IGNORECASE)
"""What no name of a carrier, stage or status holds: numbers of members and groups, dates, addresses."""
DEVICES = Path("/sys/dev/block")
"""Where Linux tells what a disk is, by its number."""
SMALLEST_COUNT = 11
"""Counts below it are suppressed where a table breaks people down by a health-bearing column (export reference §6)."""


def mask(value: Any) -> str:
    """Return a value's shape without the value: letters a, digits 9, the rest as it is; at most 24 characters."""
    shape = "".join("a" if one.isalpha() else "9" if one.isdigit() else one for one in str(value))
    return shape if len(shape) <= 24 else f"{shape[:23]}…"


def screened(spelling: str) -> str:
    """Return a spelling as it may be shown: what may hold personal data stands as its shape alone."""
    return mask(spelling) if may_be_personal(spelling) else spelling


@lru_cache(maxsize=50_000)  # an editor screens every spelling of a map again at each act
def may_be_personal(spelling: str) -> bool:
    """Say whether a spelling fails the screen: it may hold a number, a date or an address of somebody."""
    return PERSONAL.search(spelling) is not None


def token(key: bytes, text: str) -> str:
    """Return a keyed token of a record: 16 hex digits that only the key's holder can make again."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:16]


def small(count: int) -> str:
    """Return a count for a table by a health-bearing column: 1 to 10 are not told apart."""
    return "<11" if 0 < count < SMALLEST_COUNT else f"{count:,}"


def on_encrypted_disk(folder: Path, devices: Path = DEVICES) -> bool | None:
    """Say whether a folder lies on an encrypted volume; None where the machine does not tell.

    Linux names a volume of dm-crypt, or what one lies on, by a uuid that begins with CRYPT-; other systems tell nothing here,
    and a folder that is encrypted file by file (fscrypt) is not seen.
    """
    if not hasattr(os, "major"):
        return None
    there = next(one for one in (folder.resolve(), *folder.resolve().parents) if one.exists())
    number = there.stat().st_dev
    device = devices / f"{os.major(number)}:{os.minor(number)}"
    return _is_crypt(device.resolve()) if device.exists() else None


def _is_crypt(device: Path) -> bool:
    uuid = device / "dm" / "uuid"
    if uuid.is_file() and uuid.read_text("ascii", "replace").startswith("CRYPT-"):
        return True
    below = sorted((device / "slaves").glob("*"))
    # What lies on several disks is safe only when each of them is.
    return bool(below) and all(_is_crypt(one.resolve()) for one in below)


def private_folder(folder: Path) -> Path:
    """Return a folder, made with the missing ones above it for their owner alone, whatever the umask says."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        one.chmod(0o700)
    return folder


def keep_private(path: Path) -> None:
    """Take a file or folder that holds patients' values from everybody but its owner; another owner's is left as it is."""
    with suppress(PermissionError, FileNotFoundError):
        path.chmod(0o700 if path.is_dir() else 0o600)
