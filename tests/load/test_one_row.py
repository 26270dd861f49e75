"""One row crosses the rooms in the order of the sentence: staged, planned, batched, sent, and its outcome kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from loads import Rehearsal

from workbench.freshsales import client
from workbench.ledger import operations
from workbench.load import batches, plan
from workbench.load.loader import run_load
from workbench.staging import rows
from workbench.staging.stage import stage

STATIONS = (rows, plan, batches, client, operations)
MODULES = {str(one.__file__): one.__name__ for one in STATIONS}
MAPPING, DELIVERED = "practice", "_deliver"
"""Rows are staged by one statement a mapping; the outcome is what the ledger keeps last of a row."""


@contextmanager
def watched(source_id: str, seen: list[str]) -> Iterator[None]:
    """Note each module of the order when its code has the row at hand, the first time it does."""

    def look(frame: FrameType, event: str, _: Any) -> None:
        module = MODULES.get(frame.f_code.co_filename)
        if module is None or module in seen or event not in ("call", "return"):
            return
        if module == rows.__name__:
            found = any(getattr(one, "name", None) == MAPPING for one in frame.f_locals.values())
        elif module == operations.__name__ and frame.f_code.co_name != DELIVERED:
            found = False  # the intent comes before the request, as it has to
        else:
            found = speaks_of(frame.f_locals, source_id)
        if found:
            seen.append(module)

    profile: Callable[[FrameType, str, Any], None] = look
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)


def speaks_of(value: Any, source_id: str, depth: int = 4) -> bool:
    """Say whether a value is the source id, or holds it near its surface."""
    if isinstance(value, str):
        return value == source_id
    if isinstance(value, bytes):
        return f'"{source_id}"'.encode() in value
    if getattr(value, "source_id", None) == source_id:
        return True
    if depth and isinstance(value, Mapping):
        return any(speaks_of(one, source_id, depth - 1) for one in [*value.values()][:50])
    return (
        bool(depth)
        and isinstance(value, list | tuple)
        and any(speaks_of(one, source_id, depth - 1) for one in value[:50])
    )


def test_one_row_crosses_staging_plan_batches_client_and_operations_in_that_order(rehearsal: Rehearsal) -> None:
    scope = {key for key in rehearsal.few(6, 0) if key.startswith("companies/")}
    source_id = sorted(scope)[-1].removeprefix("companies/")
    seen: list[str] = []
    with rehearsal.session() as session, watched(source_id, seen):
        stage(rehearsal.practice.settings, rehearsal.mappings, tenant=session.tenant.alias)
        loaded = run_load(session, rehearsal.plan(session, scope))
    assert loaded.counts[MAPPING]["created"] == len(scope) >= 3
    assert seen == [one.__name__ for one in STATIONS]
