"""Where the source and people disagreed: the conflicts of a load as a table without values, and as open questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from workbench.ledger.history import Conflict
from workbench.mapping.value_map import CONFLICTS, Decided, ValueMap
from workbench.privacy import mask
from workbench.vocabulary import Act, Decision

SHAPE: dict[str, Any] = {
    "mapping": pl.String,
    "source_id": pl.String,
    "destination_id": pl.Int64,
    "field": pl.String,
    "policy": pl.String,
    "what was done": pl.String,
    "last delivered": pl.String,
    "source now": pl.String,
    "there now": pl.String,
}


def conflict_table(conflicts: Sequence[Conflict]) -> pl.DataFrame:
    """Return one row a conflict: ids, field, policy, what was done, and the shapes of the three values."""
    rows = [
        (one.mapping, one.source_id, one.destination_id, found.name, found.policy, found.act, *_shapes(one))
        for one in conflicts
        for found in (one.found,)
    ]
    return pl.DataFrame(rows, schema=SHAPE, orient="row")


def ask_conflicts(conflicts: Sequence[Conflict], known: ValueMap) -> ValueMap:
    """Return the value map `conflicts` with a question for each field that waits for a person; answers stay."""
    rows = dict(known.rows)
    for one in conflicts:
        if one.found.act == Act.ASKED and one.name not in rows:
            last, source, there = _shapes(one)
            note = f"was {last or 'blank'}, source now {source or 'blank'}, there now {there or 'blank'}"
            rows[one.name] = Decided(one.name, Decision.ASK, note=note)
    return ValueMap(CONFLICTS, rows)


def _shapes(one: Conflict) -> tuple[str, str, str]:
    last, source, there = (
        mask("" if value is None else value) for value in (one.found.last, one.found.source, one.found.there)
    )
    return last, source, there
