"""Two locks: a signature binds the hash of what was read; one byte changed voids it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from workbench.clock import as_text
from workbench.errors import ApprovalMissing
from workbench.ledger.audit import note_act
from workbench.mapping.files import decision_files, hash_decision, hash_decisions
from workbench.mapping.value_map import ValueMap, read_value_map
from workbench.settings import Settings
from workbench.vocabulary import Lock

COVERS = 14 * 86_400
"""So many seconds a load approval covers deltas of the same source."""
APPROVED = "approved"
"""The folder beside the signatures that keeps the value maps as they were signed last: what changed since is told by row."""
OPENS = {Lock.MAPPING: "setup, stage, validate and sample", Lock.LOAD: "load, attachments and delta"}


@dataclass(frozen=True)
class Signature:
    """One line of approvals.jsonl."""

    lock: Lock
    by: str
    at: str
    target: str
    tenant: str
    binds: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)
    voided: bool = False
    covers_until: str = ""

    @property
    def digest(self) -> str:
        """The hash by which a later signature binds this one."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class ApprovedMap:
    """One value map at the last mapping approval; no `values` where what was signed is not kept here."""

    by: str
    at: str
    values: ValueMap | None


def read_signatures(settings: Settings) -> list[Signature]:
    """Return every signature of this target, oldest first."""
    if not settings.approvals.is_file():
        return []
    made = []
    for place, line in enumerate(settings.approvals.read_text("utf-8").splitlines(), 1):
        if line.strip():
            try:
                found = json.loads(line)
                made.append(Signature(**{**found, "lock": Lock(found["lock"])}))
            except (ValueError, TypeError, KeyError):
                raise ApprovalMissing(
                    f"Line {place} of {settings.approvals.name} is no signature, so none of them counts."
                    " Restore the file (git checkout), or remove the line and sign again."
                ) from None
    return made


def sign(settings: Settings, lock: Lock, *, by: str, at: str, tenant: str, binds: dict[str, str]) -> Signature:
    """Append a signature for what `binds` names; the mapping lock also keeps each file's hash, to show differences.

    The value maps themselves are kept beside it, until the mapping is signed again.
    """
    files = hash_decisions(settings)[1] if lock is Lock.MAPPING else {}
    if lock is Lock.MAPPING:
        _keep_values(settings, set(files))
    until = as_text(datetime.fromisoformat(at).timestamp() + COVERS) if lock is Lock.LOAD else ""
    made = Signature(lock, by, at, settings.target, tenant, binds, files, covers_until=until)
    _append(settings, made)
    return made


def covering(settings: Settings, *, at: str, tenant: str) -> Signature | None:
    """Return the mapping approval that a delta may run under, or nothing.

    It stands while the load approval over it was not taken back and has not run out, and no decision file changed since;
    the snapshot is another one, and what came with it is judged by the limit of deltas.
    """
    mapping, load = last_signature(settings, Lock.MAPPING), last_signature(settings, Lock.LOAD)
    if mapping is None or load is None or load.voided or mapping.voided:
        return None
    same = {(one.target, one.tenant) for one in (mapping, load)} == {(str(settings.target), tenant)}
    is_over = load.binds.get("mapping") == mapping.digest and mapping.binds["decisions"] == hash_decisions(settings)[0]
    return mapping if same and is_over and at <= load.covers_until else None


def void(settings: Settings, lock: Lock, *, by: str, at: str) -> None:
    """Append a line that takes the last signature of a lock back."""
    last = last_signature(settings, lock)
    if last and not last.voided:
        _append(settings, Signature(lock, by, at, last.target, last.tenant, last.binds, voided=True))


def last_signature(settings: Settings, lock: Lock) -> Signature | None:
    """Return the newest signature of a lock."""
    return next((one for one in reversed(read_signatures(settings)) if one.lock is lock), None)


def standing_signatures(settings: Settings) -> dict[Lock, Signature]:
    """Return the newest signature of each lock, but for those that were taken back."""
    newest = {one.lock: one for one in read_signatures(settings)}
    return {lock: one for lock, one in newest.items() if not one.voided}


def mapping_binds(settings: Settings, snapshot: str, tenant: str) -> dict[str, str]:
    """Return what the mapping lock binds: every decision file, the snapshot and the tenant."""
    return {"decisions": hash_decisions(settings)[0], "snapshot": snapshot, "tenant": tenant}


def load_binds(mapping: Signature, plan: str, diff: str) -> dict[str, str]:
    """Return what the load lock binds: the mapping's signature, the plan and the sample's field diff."""
    return {"mapping": mapping.digest, "plan": plan, "diff": diff}


def require(settings: Settings, lock: Lock, binds: dict[str, str]) -> Signature:
    """Return the valid signature of a lock, or raise with what to type."""
    last = last_signature(settings, lock)
    if last and not last.voided and last.binds == binds and last.target == settings.target:
        return last
    raise ApprovalMissing(
        f"{_why(settings, lock, last, binds)} It opens {OPENS[lock]}.\n"
        f'Read {_page(lock)}, then sign it: workbench approve --by "YOUR NAME" --what {lock}'
        f"{settings.option}"
    )


def changed_files(settings: Settings, last: Signature) -> list[str]:
    """Return the decision files that differ from what a signature saw."""
    now = hash_decisions(settings)[1]
    names = set(now) | set(last.files)
    return sorted(name for name in names if now.get(name) != last.files.get(name))


def approved_map(settings: Settings, name: str, key: Callable[[], bytes] | None = None) -> ApprovedMap | None:
    """Return a value map as it stood when the mapping was approved last; None where nobody approved it yet.

    A copy counts only with the hash that was signed. What the tenant itself answers is not signed, and read as it is now.
    """
    signed = [one for one in read_signatures(settings) if one.lock is Lock.MAPPING and not one.voided]
    if not signed:
        return None
    last, names = signed[-1], (f"mappings/values/{name}.csv", f"decisions/{name}.csv")
    copies = {_copy_of(settings, one): last.files[one] for one in names if one in last.files}
    if not all(path.is_file() and hash_decision(path) == digest for path, digest in copies.items()):
        return ApprovedMap(last.by, last.at, None)
    folders = [settings.matches, *(path.parent for path in copies)]
    return ApprovedMap(last.by, last.at, read_value_map(name, folders, key))


def _copy_of(settings: Settings, name: str) -> Path:
    return settings.approvals.parent / APPROVED / name.removeprefix("mappings/")


def _keep_values(settings: Settings, signed: set[str]) -> None:
    """Copy the signed value maps beside the signatures, byte for byte; an earlier copy that is signed no more goes."""
    maps = {
        _copy_of(settings, name): path
        for name, path in decision_files(settings)
        if name in signed and path.suffix == ".csv"
    }
    for old in (settings.approvals.parent / APPROVED).glob("*/*.csv"):
        if old not in maps:
            old.unlink()
    for copy, path in maps.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def _why(settings: Settings, lock: Lock, last: Signature | None, binds: dict[str, str]) -> str:
    if last is None:
        return f"The {lock} approval is not signed yet."
    if last.voided:
        return f"The {lock} approval was taken back by {last.by}."
    if last.target != settings.target:
        return f"The {lock} approval of {last.by} was signed for the target {last.target}."
    differ = [key for key, value in binds.items() if last.binds.get(key) != value]
    if lock is Lock.MAPPING and "decisions" in differ:
        files = changed_files(settings, last)
        named = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
        many = "1 decision file" if len(files) == 1 else f"{len(files)} decision files"
        return f"The mapping approval of {last.by} is void: {many} changed since ({named})."
    return f"The {lock} approval of {last.by} is void: another {' and '.join(differ)} than it was signed for."


def _page(lock: Lock) -> str:
    """Name the page to read: both lie in the newest folder of data/runs."""
    page = "35_premapping.html" if lock is Lock.MAPPING else "70_sample.html, the sample's field diff"
    return f"this run's page {page} (newest folder of data/runs)"


def _append(settings: Settings, made: Signature) -> None:
    line: dict[str, Any] = asdict(made)
    settings.approvals.parent.mkdir(parents=True, exist_ok=True)
    with settings.approvals.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, sort_keys=True) + "\n")
    act = f"{made.lock} approval {'taken back' if made.voided else 'signed'}"
    note_act(settings, act, "approvals", by=made.by, signature=made.digest, **made.binds)
