"""Files: one multipart upload each, streamed from disk."""

from __future__ import annotations

from pathlib import Path

from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import targetable
from workbench.freshsales.refusals import Json, OutcomeUnknown, Reason, Refused

MOST_BYTES = 150 * 1024 * 1024
"""The most one file may hold (https://crmsupport.freshworks.com/support/solutions/articles/50000002563)."""


def upload(tenant: Freshsales, path: Path, file_name: str, targetable_type: str, targetable_id: int) -> int:
    """Attach a file to a record and return its id.

    Nothing finds an uploaded file again but its parent's list, so an unknown outcome is looked up before another try.
    `targetable_type` may be a destination, such as deal, or Freshsales' own word.
    """
    if path.stat().st_size > MOST_BYTES:
        raise Refused(413, Reason.FILE_TOO_LARGE)
    with path.open("rb") as content:
        body = tenant.call(
            "POST",
            "/documents",
            files={"file": (file_name, content)},
            data={
                "file_name": file_name,
                "is_shared": "true",
                "targetable_type": targetable(targetable_type, tenant.edition),
                "targetable_id": str(targetable_id),
            },
        ).body
    return _id_of(body)


def _id_of(body: Json) -> int:
    found = body.get("id") if isinstance(body, dict) else None
    if found is None and isinstance(body, dict) and isinstance(body.get("document"), dict):
        found = body["document"].get("id")
    if not isinstance(found, int):
        raise OutcomeUnknown("POST /documents: the answer names no file.", status=200)
    return found
