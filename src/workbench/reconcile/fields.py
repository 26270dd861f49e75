"""Every mapped field, link, owner and date of every delivered row against what the tenant holds now."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from workbench.canonical import Form
from workbench.freshsales.endpoints import endpoint
from workbench.ledger.identities import ADOPTED, live_identities
from workbench.ledger.images import last_image
from workbench.ledger.store import Ledger
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.checks import Check, Question, judge
from workbench.reconcile.expected import (
    ORIGINAL,
    compared_fields,
    delivered_sql,
    exact_sql,
    form_of_column,
    hand_over_found,
    hand_over_lookups,
)
from workbench.settings import Settings
from workbench.warehouse import Warehouse, identifier


class Cause(StrEnum):
    """Why a line stands in reconciled.differences."""

    MISSING = "missing"
    EXTRA = "extra"
    LINK = "link"
    OWNER = "owner"
    MONEY = "money"
    DATE = "date"
    VALUE = "value"


OF_FIELDS = (Cause.VALUE, Cause.DATE, Cause.MONEY)
GROUPED = ("deal_pipelines", "deal_stages", "lifecycle_stages")
"""The pick-lists that records are counted by."""
FIELDS = {
    "mapping": pl.String,
    "field": pl.String,
    "kind": pl.String,
    "compared": pl.Int64,
    "filled": pl.Int64,
    "different": pl.Int64,
}
"""The columns of reconciled.fields: records compared, those that the source fills, those that differ."""
MEASURED = {Form.MONEY: Cause.MONEY, Form.DATE: Cause.DATE, Form.TIME: Cause.DATE}


def delivered_table(mapping: ObjectMapping) -> str:
    """Return the temporary table of what was delivered: both ids, the columns to count, add and date by, how it compares."""
    return f"delivered_{mapping.name}"


def counted_rows(mapping: ObjectMapping) -> str:
    """Return SQL for the delivered rows that are counted, dated and added up on both sides.

    An adopted record that kept a value of its own is none of them: it may stand in another group than its row, by decision.
    """
    theirs = f"reconciled.theirs t ON t.mapping = '{mapping.name}' AND t.source_id = k.source_id"
    return f"(SELECT k.* FROM {delivered_table(mapping)} k ANTI JOIN {theirs})"


def there_table(settings: Settings, mapping: ObjectMapping) -> str:
    """Return the table of what was read from the tenant."""
    return f"destination.{endpoint(mapping.destination, settings.edition).plural}"


def cause_of(mapping: ObjectMapping, name: str) -> Cause:
    """Return what a difference in a column is: an owner, a link, money, a date, or a plain value."""
    if (lookup := mapping.lookups.get(name)) is not None:
        return Cause.OWNER if lookup.is_owner else Cause.LINK
    return MEASURED.get(form_of_column(mapping, name), Cause.VALUE)


def start_differences(warehouse: Warehouse, ledger: Ledger) -> None:
    """Empty reconciled.differences and .fields; write reconciled.theirs: what adopted records held of their own.

    Such a field was not written over, so it is not compared.
    """
    warehouse.run(
        "CREATE OR REPLACE TABLE reconciled.differences (mapping VARCHAR, source_id VARCHAR, field VARCHAR, cause VARCHAR)"
    )
    warehouse.write("reconciled.fields", pl.DataFrame(schema=FIELDS))
    rows = [
        (one.mapping, one.source_id, name)
        for one in live_identities(ledger)
        if one.origin == ADOPTED
        for name in last_image(ledger, one.operation_id, "kept") or ()
    ]
    shape = dict.fromkeys(("mapping", "source_id", "field"), pl.String)
    warehouse.write("reconciled.theirs", pl.DataFrame(rows, schema=shape, orient="row"))


def compare_mapping(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping) -> int:
    """Write the mapping's table of delivered rows, append its differences, and return how many rows were delivered.

    A row delivered once that is held now, or waits, is left out: what is staged of it did not travel. One pass over what is
    staged makes a digest a row; only rows whose digest is not the one that was read are then held side by side, field by
    field. So memory holds ids and digests, not rows. Two unlike rows share a 64-bit digest once in 1.8e19.
    """
    names = compared_fields(mapping)
    kept = [name for name in names if _is_counted(mapping, name)]
    delivered = delivered_table(mapping)
    hand_over_lookups(warehouse, settings, mapping)
    hand_over_found(warehouse, mapping, there_table(settings, mapping))
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE {delivered} AS {delivered_sql(mapping, kept)}")
    warehouse.run(
        "CREATE OR REPLACE TEMP TABLE left_out AS SELECT source_id FROM checked.held WHERE source_object = $source"
        " UNION SELECT source_id FROM reconciled.waiting WHERE mapping = $mapping",
        {"source": mapping.source_object, "mapping": mapping.name},
    )
    warehouse.run(f"DELETE FROM {delivered} WHERE source_id IN (SELECT source_id FROM left_out)")
    warehouse.run(
        f"INSERT INTO reconciled.differences SELECT '{mapping.name}', source_id, NULL, '{Cause.MISSING}'"
        f" FROM {delivered} WHERE NOT is_there"
    )
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE suspects AS SELECT * FROM {delivered} WHERE is_there AND NOT is_alike")
    _append(warehouse, settings, mapping, f"({exact_sql(mapping, 'suspects')})", names)
    _append(warehouse, settings, mapping, "suspects", list(mapping.lookups))
    _count_fields(warehouse, mapping, [*names, *mapping.lookups])
    return int(warehouse.run(f"SELECT count(*) FROM {delivered}")[0][0])


def _append(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping, ours: str, names: list[str]) -> None:
    """Append a difference for each of some columns that is not the same there, but for what adopted records keep."""
    if not names:
        return
    unlike = {name: f"e.{identifier(name)} IS DISTINCT FROM d.{identifier(name)}" for name in names}
    differing = ", ".join(f"CASE WHEN {unlike[name]} THEN '{name}' END" for name in names)
    causes = ", ".join(f"('{name}', '{cause_of(mapping, name)}')" for name in names)
    warehouse.run(
        f"INSERT INTO reconciled.differences SELECT '{mapping.name}', w.source_id, w.field, c.cause FROM ("
        f"SELECT e.source_id, unnest([{differing}]) AS field FROM {ours} e"
        f" JOIN {there_table(settings, mapping)} d USING (destination_id) WHERE {' OR '.join(unlike.values())}"
        f") w JOIN (VALUES {causes}) c(field, cause) USING (field)"
        f" ANTI JOIN reconciled.theirs t ON t.mapping = '{mapping.name}' AND t.source_id = w.source_id AND t.field = w.field"
    )


def _is_counted(mapping: ObjectMapping, name: str) -> bool:
    field = mapping.fields.get(name)
    told = name in ORIGINAL or form_of_column(mapping, name) in (Form.MONEY, Form.TIME)
    return told or (field is not None and field.names in GROUPED)


def _count_fields(warehouse: Warehouse, mapping: ObjectMapping, names: list[str]) -> None:
    """Write a line a field: records compared, filled at the source, different."""
    filled = ", ".join(f"count({identifier(name)})" for name in names)
    staged, delivered = f"staged.{mapping.name}", delivered_table(mapping)
    delivered_rows = warehouse.run(f"SELECT count(*) FROM {delivered}")[0][0]
    counts = warehouse.run(f"SELECT count(*), {filled} FROM {staged} ANTI JOIN left_out USING (source_id)")[0]
    if counts[0] != delivered_rows:  # others have no record yet
        counts = warehouse.run(f"SELECT count(*), {filled} FROM {staged} SEMI JOIN {delivered} USING (source_id)")[0]
    missing = _counted(warehouse, mapping, (Cause.MISSING,))
    different = dict(
        warehouse.run(
            "SELECT field, count(*) FROM reconciled.differences WHERE mapping = ? AND field IS NOT NULL GROUP BY 1",
            [mapping.name],
        )
    )
    rows = [
        (mapping.name, name, str(cause_of(mapping, name)), counts[0] - missing, count, different.get(name, 0))
        for name, count in zip(names, counts[1:], strict=True)
    ]
    warehouse.write("reconciled.fields", pl.DataFrame(rows, schema=FIELDS, orient="row"), append=True)


def _counted(warehouse: Warehouse, mapping: ObjectMapping, causes: tuple[Cause, ...]) -> int:
    return int(
        warehouse.run(
            "SELECT count(*) FROM reconciled.differences WHERE mapping = ? AND list_contains(?, cause)",
            [mapping.name, [str(one) for one in causes]],
        )[0][0]
    )


def ids_of(warehouse: Warehouse, mapping: str, causes: tuple[Cause, ...], field: str | None = None) -> list[str]:
    """Return the source ids of a mapping's differences, each once."""
    found = warehouse.run(
        "SELECT DISTINCT source_id FROM reconciled.differences WHERE mapping = $mapping AND list_contains($causes, cause)"
        " AND ($field IS NULL OR field = $field) ORDER BY source_id",
        {"mapping": mapping, "causes": [str(one) for one in causes], "field": field},
    )
    return [str(row[0]) for row in found]


def check_fields(warehouse: Warehouse, mapping: ObjectMapping, delivered: int) -> list[Check]:
    """Judge one mapping's records, fields, links and owners by the differences that were found."""
    missing = ids_of(warehouse, mapping.name, (Cause.MISSING,))
    there = delivered - len(missing)
    checks = [judge(Question.THERE, mapping.name, delivered, there, ids=missing)]
    fields = len(compared_fields(mapping))
    found = _counted(warehouse, mapping, OF_FIELDS)
    ids = ids_of(warehouse, mapping.name, OF_FIELDS)
    checks.append(judge(Question.FIELDS, mapping.name, there * fields, there * fields - found, ids=ids))
    for name, lookup in mapping.lookups.items():
        cause = Cause.OWNER if lookup.is_owner else Cause.LINK
        ids = ids_of(warehouse, mapping.name, (cause,), name)
        question = Question.OWNERS if lookup.is_owner else Question.LINKS
        checks.append(judge(question, mapping.name, there, there - len(ids), field=name, ids=ids))
    return checks


def check_dates(warehouse: Warehouse, settings: Settings, mapping: ObjectMapping) -> list[Check]:
    """Judge how many there are of each original day and each time of an activity, the first and the last; times in UTC."""
    names = [name for name in mapping.fields if name in ORIGINAL or form_of_column(mapping, name) is Form.TIME]
    if not names:
        return []
    spans = ", ".join(
        f"count({column}), min({column}), max({column})" for column in (f"r.{identifier(name)}" for name in names)
    )
    delivered = counted_rows(mapping)
    source = warehouse.run(f"SELECT {spans} FROM {delivered} r")[0]
    there = warehouse.run(
        f"SELECT {spans} FROM {there_table(settings, mapping)} r SEMI JOIN {delivered} e USING (destination_id)"
    )[0]
    checks = []
    for place, name in enumerate(names):
        both = [side[3 * place : 3 * place + 3] for side in (source, there)]
        if any(span[0] for span in both):
            ids = ids_of(warehouse, mapping.name, (Cause.DATE,), name)
            told = [_span_told(*span) for span in both]
            checks.append(judge(Question.DATES, mapping.name, *told, field=name, ids=ids if told[0] != told[1] else ()))
    return checks


def _span_told(count: int, first: str | None, last: str | None) -> str:
    if not count:
        return "none"
    return f"{count:,}: {first} … {last}".replace("+00:00", "").replace("T", " ")
