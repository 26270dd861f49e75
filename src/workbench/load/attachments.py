"""Files: each once, its size and hash checked before it is sent, its quota before the first one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.dental_exec.archives import attachment_path
from workbench.errors import ExportProblem, SetupMissing, TenantRefusesKey, TenantUnreachable
from workbench.freshsales.census import read_documents
from workbench.freshsales.documents import upload
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.refusals import OutcomeUnknown, Reason, Refused
from workbench.ledger.identities import find_identity
from workbench.ledger.images import last_image
from workbench.ledger.operations import Outcome
from workbench.ledger.plans import PlannedRow
from workbench.ledger.store import Ledger
from workbench.load.payload import Payload
from workbench.load.requests import UPLOAD, Lost, Sending
from workbench.mapping.object_mapping import ObjectMapping
from workbench.vocabulary import Operation, State
from workbench.warehouse import open_warehouse


def send_file(sending: Sending, mapping: ObjectMapping, row: PlannedRow, payload: Payload) -> Outcome | None:
    """Upload one file to the record it belongs to; None when its outcome is unknown."""
    [operation_id] = sending.intend(mapping, [(row, payload)], UPLOAD)

    def rejected(reason: str) -> Outcome:
        return sending.record(row, mapping.destination, Outcome(operation_id, State.REJECTED, reason=reason))

    if row.operation is Operation.UPDATE:
        image, target = _last_image(sending.session.ledger, row), payload.fields.get("target")
        is_same = image and image.get("sha256") and image["sha256"] == payload.fields.get("sha256")
        if image and is_same and target and _hangs_on(sending, image, target):
            # The same bytes hang on the same record: only how the row is staged has changed.
            image = {**image, "target": list(target)}
            return sending.record(
                row, mapping.destination, Outcome(operation_id, State.APPLIED, int(image["id"]), read_back=image)
            )
        return rejected("the file changed at the source; Freshsales cannot replace one, a person decides")
    if payload.missing:
        return rejected(f"waits for {payload.missing[0]}, which was not created")
    problem, path = checked_file(_folder(sending), payload.fields)
    if path is None:
        return rejected(problem)
    lost = Lost(row, mapping.destination, operation_id, UPLOAD, payload.fields, plan_id=sending.plan.plan_id)
    target, number = payload.fields["target"]
    kind = endpoint(target, sending.session.settings.edition).targetable_type or "Contact"
    try:
        made = upload(sending.session.tenant, path, str(payload.fields["file_name"]), kind, int(number))
    except Refused as refusal:
        outcome = rejected(refusal.public)
        if refusal.reason is Reason.QUOTA:
            raise SetupMissing(
                "The tenant's file storage is full; no further file was sent. Make room or raise the plan, then run again."
            ) from None
        return outcome
    except OutcomeUnknown as problem_:
        sending.lose(lost, problem_)
        return None
    except (TenantRefusesKey, TenantUnreachable):
        sending.withdraw([operation_id], "never reached the tenant")
        raise
    image = {
        "id": made,
        "file_name": payload.fields["file_name"],
        "size": payload.fields.get("size"),
        "sha256": payload.fields.get("sha256"),
        "target": [target, number],
    }
    return sending.record(row, mapping.destination, Outcome(operation_id, State.APPLIED, made, read_back=image))


def checked_file(folder: Path, fields: Mapping[str, Any]) -> tuple[str, Path | None]:
    """Return the file's path, or the rule it breaks: climbing path, no file, zero bytes, other size, other hash."""
    try:
        path = attachment_path(folder, str(fields["relative_path"]))
    except ExportProblem:
        return "the path leaves the delivery's folder", None
    if not path.is_file():
        return "the file is not in the delivery", None
    size = path.stat().st_size
    if size == 0:
        return "the file is empty", None
    if fields.get("size") is not None and size != int(fields["size"]):
        return "the file has another size than the index says", None
    if fields.get("sha256"):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != fields["sha256"]:
            return "the file has another hash than the index says", None
    return "", path


def storage_needed(sending_bytes: int, users: int, gigabytes_a_user: int) -> tuple[int, int]:
    """Return (bytes needed, bytes the plan has): storage is pooled over active users (article 50000002563)."""
    return sending_bytes, users * gigabytes_a_user * 1024**3


def _folder(sending: Sending) -> Path:
    if sending.folder is None:
        with open_warehouse(sending.session.settings.warehouse) as warehouse:
            rows = warehouse.run("SELECT folder FROM raw.deliveries ORDER BY exported_at DESC LIMIT 1")
        sending.folder = (sending.session.settings.folder / str(rows[0][0])).resolve()
    return sending.folder


def _hangs_on(sending: Sending, image: Mapping[str, Any], target: tuple[str, int]) -> bool:
    """Say whether a file hangs on a record: it was sent there, or a conversion took it along."""
    if tuple(image["target"]) == tuple(target):
        return True
    plural = endpoint(target[0], sending.session.settings.edition).plural
    listed = read_documents(sending.session.tenant, plural, int(target[1]))
    return any(int(one["id"]) == int(image["id"]) for one in listed)


def _last_image(ledger: Ledger, row: PlannedRow) -> Mapping[str, Any] | None:
    identity = find_identity(ledger, row.source_object, row.source_id)
    return last_image(ledger, identity.operation_id, "read_back") if identity else None
