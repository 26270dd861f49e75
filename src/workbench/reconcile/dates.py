"""The first and the last of every date, on both sides."""

from __future__ import annotations

from workbench.canonical import Form
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.checks import Check, Question, judge
from workbench.reconcile.expected import ORIGINAL, form_of_column
from workbench.reconcile.fields import Cause, counted_rows, ids_of, there_table
from workbench.settings import Settings
from workbench.warehouse import Warehouse, identifier


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
            told = [_told(*span) for span in both]
            checks.append(judge(Question.DATES, mapping.name, *told, field=name, ids=ids if told[0] != told[1] else ()))
    return checks


def _told(count: int, first: str | None, last: str | None) -> str:
    if not count:
        return "none"
    return f"{count:,}: {first} … {last}".replace("+00:00", "").replace("T", " ")
