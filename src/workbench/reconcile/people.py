"""Differences that others made: what a rule of the tenant rewrote, and what people did, is named as that, and is no defect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import polars as pl

from workbench.freshsales.client import Freshsales
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import find_identity, find_record
from workbench.ledger.images import keep_image, last_image
from workbench.ledger.operations import SETTLED
from workbench.ledger.plans import last_plan
from workbench.ledger.runs import went_live_at
from workbench.ledger.store import Ledger
from workbench.load.conflicts import read_now
from workbench.load.session import Resolver
from workbench.load.survey import edited_fields, recall
from workbench.mapping.files import Mappings
from workbench.reconcile.fields import delivered_table
from workbench.vocabulary import LOADING, PlanScope
from workbench.warehouse import Warehouse

MOST_ASKED = 500
"""So many records that differ are read again; more of them at once are no people at work, and stay differences."""
SETTLING = 600
"""Seconds after our write in which a rule of the tenant, a workflow or an assignment, has run."""
SHAPE: dict[str, Any] = dict.fromkeys(("mapping", "source_id", "field", "cause"), pl.String)
Row = tuple[str, str, str, str]


class Cause(StrEnum):
    """What others did to a record since it was delivered."""

    REWRITTEN = "rewritten by a rule of the tenant, within minutes of our write"
    EDITED = "edited by a user"
    DELETED = "deleted by a user"
    MERGED = "merged by a user"
    WENT_ALONG = "went along with the record that it hung on"


@dataclass
class Rewritten:
    """What rules of the tenant rewrote within minutes of our write, noticed while the tenant is read.

    Only until a reconciliation was green or a delta came: nobody works there before. Later the same may be a person's,
    who comes first. A mapped field stays a difference all the same, since whether the rule is right is for a person to say.
    """

    ledger: Ledger
    run_id: str
    fields: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Names of fields by mapping and source id."""

    def __post_init__(self) -> None:
        self.is_live = went_live_at(self.ledger) is not None or _is_delta(self.ledger, self.run_id)

    def see(self, destination: str, record: Mapping[str, Any]) -> None:
        """Keep the image of a record that was rewritten, so that a rollback takes it for ours still."""
        if self.is_live or record.get("updated_at") == record.get("created_at"):
            return
        identity = find_record(self.ledger, destination, int(record["id"]))
        if identity is None or not (was := last_image(self.ledger, identity.operation_id, "read_back")):
            return
        if 0 < _seconds(was.get("updated_at"), record.get("updated_at")) <= SETTLING:
            with self.ledger.commit() as connection:
                keep_image(connection, self.ledger.key, identity.operation_id, SETTLED, record)
            found = edited_fields(None, recall(self.ledger, identity), flatten(destination, record))
            self.fields[identity.mapping, identity.source_id] = frozenset(found)

    @property
    def frame(self) -> pl.DataFrame:
        """One row a field."""
        rows = [
            (mapping, source_id, name)
            for (mapping, source_id), fields in sorted(self.fields.items())
            for name in sorted(fields)
        ]
        return pl.DataFrame(rows, schema=dict.fromkeys(("mapping", "source_id", "field"), pl.String), orient="row")


def _is_delta(ledger: Ledger, run_id: str) -> bool:
    plan = last_plan(ledger, run_id, *LOADING)
    return plan is not None and plan.scope == PlanScope.DELTA


def _seconds(earlier: Any, later: Any) -> float:
    """Return the time between two stamps of the tenant; none where it told one of them only."""
    if not earlier or not later:
        return 0.0
    return (datetime.fromisoformat(str(later)) - datetime.fromisoformat(str(earlier))).total_seconds()


def explain_differences(  # noqa: PLR0917 - both sides and what joins them
    warehouse: Warehouse,
    mappings: Mappings,
    tenant: Freshsales,
    ledger: Ledger,
    resolver: Resolver,
    run_id: str,
) -> pl.DataFrame:
    """Move what others did from reconciled.differences to reconciled.people, and return it.

    Up to the end of the first load nobody works there, and every difference is one. A field is a person's where it is
    neither as we read it back, or was kept as theirs; what still is as we left it and is wrong stays a difference.
    """
    rows: list[Row] = []
    if _is_delta(ledger, run_id):
        found = warehouse.run("SELECT mapping, source_id, field FROM reconciled.differences ORDER BY ALL")
        named = {one.name for one in mappings.objects}
        by_record: dict[tuple[str, str], set[str | None]] = {}
        for mapping, source_id, field in found:
            if mapping in named:
                by_record.setdefault((mapping, source_id), set()).add(field)
        if len(by_record) <= MOST_ASKED:
            for (mapping, source_id), fields in by_record.items():
                rows.extend(_explained(mappings, tenant, ledger, resolver, mapping, source_id, fields))
    frame = pl.DataFrame(rows, schema=SHAPE, orient="row")
    warehouse.write("reconciled.people", frame)
    warehouse.run(
        "DELETE FROM reconciled.differences d USING reconciled.people p"
        " WHERE d.mapping = p.mapping AND d.source_id = p.source_id AND coalesce(d.field, '') = p.field"
    )
    for mapping in sorted({name for name, _, field, _ in rows if not field}):
        # A whole record that people took away is expected on neither side.
        warehouse.run(
            f"DELETE FROM {delivered_table(mappings[mapping])} WHERE source_id IN"
            " (SELECT source_id FROM reconciled.people WHERE mapping = ? AND field = '')",
            [mapping],
        )
    warehouse.run("INSERT INTO reconciled.theirs SELECT mapping, source_id, field FROM reconciled.people")
    return frame


def _explained(  # noqa: PLR0917
    mappings: Mappings,
    tenant: Freshsales,
    ledger: Ledger,
    resolver: Resolver,
    name: str,
    source_id: str,
    fields: set[str | None],
) -> Iterator[Row]:
    mapping = mappings[name]
    key = f"{mapping.source_object}/{source_id}"
    identity = find_identity(ledger, mapping.source_object, source_id)
    if identity is None:
        return
    known = recall(ledger, identity)
    target = known.sent.get("target")
    now = read_now(tenant, identity.destination, identity.destination_id, target)
    if now is None:
        if not known.read_back:
            return  # nobody ever saw it there: that is ours to explain
        hung_on = {place: above for above, place in resolver.gone.items()}.get(tuple(target)) if target else None
        cause = Cause.WENT_ALONG if hung_on else Cause.MERGED if resolver.vanished.get(key) else Cause.DELETED
        yield from ((name, source_id, field or "", cause) for field in fields)
        return
    numbers = {number for _, number in (*resolver.gone.values(), *filter(None, resolver.vanished.values()))}
    for one in sorted(set(mapping.lookups) & fields):
        link = known.sent.get(one)
        if (link[1] if isinstance(link, list) else link) in numbers:
            yield name, source_id, one, Cause.WENT_ALONG
            fields.discard(one)
    there = flatten(identity.destination, now)
    changed = set(edited_fields(mapping, known, there))
    by_people = {*known.kept, *edited_fields(mapping, recall(ledger, identity, settled=True), there)}
    for one in sorted(by_people | changed):
        if one in fields:
            yield name, source_id, one, Cause.EDITED if one in by_people else Cause.REWRITTEN
