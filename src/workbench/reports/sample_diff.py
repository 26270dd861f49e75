"""The sample's field diff: what was sent beside what Freshsales holds, for the person who signs the load."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import polars as pl

from workbench.canonical import Form, canonical
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.records import read_record
from workbench.freshsales.shapes import flatten
from workbench.ledger.identities import find_identity
from workbench.ledger.images import last_image
from workbench.ledger.plans import Plan, planned_rows
from workbench.load.session import Session
from workbench.mapping.object_mapping import ObjectMapping
from workbench.privacy import mask
from workbench.staging.rows import form_of
from workbench.vocabulary import Kind
from workbench.warehouse import open_warehouse

WHOLE = "(record)"
"""Stands for a field where the record itself is not there."""
COMPARED = {
    **dict.fromkeys(("mapping", "source_id", "field", "sent", "there"), pl.String),
    "equal": pl.Boolean,
}
Compared = tuple[str, str, str, str, str, bool]


@dataclass(frozen=True)
class SampleDiff:
    """Fields compared by mapping and field, the ones that differ, and the hash that the load approval binds."""

    fields: pl.DataFrame
    differences: pl.DataFrame
    digest: str


def compare_sample(session: Session, plan: Plan) -> pl.DataFrame:
    """Compare every sampled record field by field with what the tenant holds; values stand in clear, one row a field.

    Records with an address are read again; notes and files, which have none, are compared by the answer to their write.
    """
    rows: list[Compared] = []
    with open_warehouse(session.settings.warehouse) as warehouse:
        for mapping in session.mappings.objects:
            if mapping.kind is not Kind.RECORD:
                continue
            wanted = [row.source_id for row in planned_rows(session.ledger, plan, mapping.name)]
            frame = warehouse.frame(
                f"SELECT * FROM staged.{mapping.name} WHERE source_id IN (SELECT unnest(?)) ORDER BY source_id",
                [wanted],
            )
            for staged in frame.iter_rows(named=True):
                rows.extend(_compared(session, mapping, staged))
    return pl.DataFrame(rows, orient="row", schema=COMPARED)


def sample_diff(compared: pl.DataFrame) -> SampleDiff:
    """Return what was compared as everybody may see it: values as their shapes."""
    shapes = [
        pl.when(pl.col("field") == WHOLE)
        .then(side)
        .otherwise(pl.col(side).map_elements(mask, return_dtype=pl.String))
        .alias(side)
        for side in ("sent", "there")
    ]
    every = compared.with_columns(shapes)
    digest = hashlib.sha256(every.write_csv().encode()).hexdigest()
    fields = (
        every.group_by("mapping", "field", maintain_order=True)
        .agg(
            pl.len().alias("records"),
            pl.col("equal").sum().alias("equal"),
            (~pl.col("equal")).sum().alias("different"),
        )
        .sort("mapping", "field")
    )
    return SampleDiff(fields, every.filter(~pl.col("equal")).drop("equal"), digest)


def _compared(session: Session, mapping: ObjectMapping, staged: dict[str, Any]) -> list[Compared]:
    identity = find_identity(session.ledger, mapping.source_object, staged["source_id"])
    if identity is None:
        return [(mapping.name, staged["source_id"], WHOLE, "sent", "not there", False)]
    has_address = endpoint(mapping.destination, session.settings.edition).children != "notes"
    record = (
        read_record(session.tenant, mapping.destination, identity.destination_id)
        if has_address
        else last_image(session.ledger, identity.operation_id, "read_back")
    )
    if record is None:
        return [(mapping.name, staged["source_id"], WHOLE, "sent", "gone", False)]
    flat = flatten(mapping.destination, record)
    rows = []
    for name, value in staged.items():
        field = mapping.fields.get(name)
        if field is None:
            continue
        form = form_of(field)
        sent = canonical(form, value)
        there = flat.get(name)
        there = (
            canonical(Form.TEXT, session.schema.name_of(field.names, there)) if field.names else canonical(form, there)
        )
        if sent is not None or there is not None:
            rows.append((mapping.name, staged["source_id"], name, sent or "", there or "", sent == there))
    return rows
