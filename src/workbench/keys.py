"""The secrets: the keys of the tenant, of images, of tokens for spellings and of a language model; none is ever printed."""

from __future__ import annotations

import getpass
import hashlib
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from workbench.errors import KeyProblem
from workbench.privacy import private_folder
from workbench.settings import Settings

REHEARSAL_KEY = "rehearsal-admin"
"""The embedded tenant's admin key: no secret, it opens nothing but a rehearsal on this machine."""
SHORTEST_PASSPHRASE = 20


def api_key(settings: Settings) -> str:
    """Return the API key of the target, from FRESHSALES_API_KEY or the OS keychain."""
    if settings.is_rehearsal:
        return REHEARSAL_KEY
    key = os.environ.get("FRESHSALES_API_KEY") or _from_keychain("FRESHSALES_API_KEY")
    if not key:
        raise KeyProblem(
            "FRESHSALES_API_KEY is not set. Copy the key from Freshsales (Profile > API Settings) and"
            " export FRESHSALES_API_KEY=… in the shell that runs the workbench."
        )
    return key


def model_key() -> str:
    """Return the key of the language model, from WORKBENCH_MODEL_KEY or the OS keychain; empty where there is none."""
    return (os.environ.get("WORKBENCH_MODEL_KEY") or _from_keychain("WORKBENCH_MODEL_KEY") or "").strip()


def image_key(settings: Settings) -> bytes:
    """Return 32 bytes for AES-GCM: from WORKBENCH_KEY or the keychain; a rehearsal mints its own beside its ledger."""
    if settings.is_rehearsal:
        return _minted(settings.target_folder / "key")
    given = os.environ.get("WORKBENCH_KEY") or _from_keychain("WORKBENCH_KEY")
    if not given:
        raise KeyProblem(
            "WORKBENCH_KEY is not set: it encrypts the images that rollback and delta need. Make one with"
            " python -c 'import secrets; print(secrets.token_hex(32))', keep it safe, and export WORKBENCH_KEY=…"
        )
    return hashlib.sha256(given.encode()).digest()


def spelling_key(settings: Settings) -> bytes:
    """Return the key of the tokens that stand for spellings in value maps: minted once a migration, for all its targets.

    A decision made in a rehearsal has to hold for the real target, so no target has a key of its own.
    """
    return _minted(settings.spelling_key)


def archive_passphrase(*, is_new: bool, ask: Callable[[str], str] | None = None) -> str:
    """Return the passphrase of an archive: from WORKBENCH_ARCHIVE_PASSPHRASE or the keychain, else typed, a new one twice.

    It must be what a practice still has in ten years, so it is words on paper and no file of this machine.
    """
    name = "WORKBENCH_ARCHIVE_PASSPHRASE"
    found = os.environ.get(name) or _from_keychain(name) or ""
    if not found:
        if ask is None and not sys.stdin.isatty():
            raise KeyProblem(
                f"{name} is not set, and nobody can be asked. Export it in the shell that runs the workbench, or type it"
                " in a terminal. Nothing was changed."
            )
        typed = ask or getpass.getpass
        found = typed("Passphrase of the archive: ")
        if is_new and typed("The same again: ") != found:
            raise KeyProblem("The two passphrases differ. Nothing was changed.")
    if is_new and len(found.strip()) < SHORTEST_PASSPHRASE:
        raise KeyProblem(
            f"The passphrase of an archive has {SHORTEST_PASSPHRASE} characters or more, such as six words drawn by lot:"
            " it has to withstand guessing for years. Nothing was changed."
        )
    return found


def _minted(path: Path) -> bytes:
    if not path.exists():
        private_folder(path.parent)
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()


def _from_keychain(name: str) -> str | None:
    try:
        import keyring  # noqa: PLC0415 - optional
    except ImportError:
        return None
    backend = keyring.get_keyring()
    # A plain-text file backend is worse than none: only the operating systems' own are taken.
    if not type(backend).__module__.startswith("keyring.backends."):
        return None
    try:
        found: str | None = keyring.get_password("dental-exec-freshsales-workbench", name)
    except keyring.errors.KeyringError:
        return None
    return found
