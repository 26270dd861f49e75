"""A delta by field: what the source changed travels, what a person changed since stays and is listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.canonical import Form, canonical
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import find_identity
from workbench.ledger.images import last_image
from workbench.ledger.plans import PlannedRow
from workbench.ledger.store import Ledger
from workbench.mapping.object_mapping import ObjectMapping
from workbench.staging.rows import form_of

UNREADABLE = {"contact"}
"""Fields that a read without side-loads does not show: sent as they are."""


def changes_to_send(
    ledger: Ledger, mapping: ObjectMapping, row: PlannedRow, wanted: Mapping[str, Any], now: Mapping[str, Any] | None
) -> tuple[dict[str, Any], list[str]]:
    """Return the fields to write and the names of those kept because a person changed them.

    L is the last read-back image, S what the source wants, N what stands there now: S = N needs nothing, N ≠ L is a
    person's edit and stays (policy `destination`), else S is written. A field that the source emptied is cleared.
    """
    identity = find_identity(ledger, row.source_object, row.source_id)
    image = last_image(ledger, identity.operation_id, "read_back") if identity else None
    if now is None:
        return dict(wanted), []
    last = flatten(mapping.destination, image) if image else {}
    current = flatten(mapping.destination, now)
    send: dict[str, Any] = {}
    kept = []
    names = set(wanted) | {name for name in mapping.fields if last.get(name) not in (None, "", [])}
    for name in sorted(names):
        form = form_of(mapping.fields[name]) if name in mapping.fields else Form.TEXT
        source = canonical(form, wanted.get(name))
        if name not in UNREADABLE and name in current and source == canonical(form, current[name]):
            continue
        if name in current and name in last and canonical(form, current[name]) != canonical(form, last[name]):
            kept.append(name)
            continue
        if name in last and source == canonical(form, last[name]) and name in current:
            continue
        send[name] = wanted.get(name)
    return send, kept
