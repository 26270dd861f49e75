"""Counts: every source row with its one fate, and records by practice, pipeline, stage, owner and month on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import polars as pl

from workbench.canonical import Form
from workbench.ledger.history import fates_of_run
from workbench.ledger.plans import Plan, planned_rows
from workbench.ledger.store import Ledger
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.reconcile.checks import Check, Question, judge
from workbench.reconcile.expected import ORIGINAL, form_of_column, kind_sql
from workbench.reconcile.fields import counted_rows, there_table
from workbench.settings import Settings
from workbench.vocabulary import Fate, Operation
from workbench.warehouse import Warehouse, identifier

COLUMNS = ["source", *(str(fate) for fate in Fate)]
BY_PICK_LIST = {
    "deal_pipelines": Question.PIPELINE,
    "deal_stages": Question.STAGE,
    "lifecycle_stages": Question.STAGE,
}
GROUPING = {
    Question.PRACTICE: "practice",
    Question.PIPELINE: "pipeline",
    Question.STAGE: "stage",
    Question.OWNER: "owner",
    Question.MONTH: "month",
}


def conservation_sql() -> str:
    """Return the statement behind the table of fates, which anybody can run over the warehouse alone."""
    return files("workbench.reconcile").joinpath("conservation.sql").read_text("utf-8")


def write_waiting(warehouse: Warehouse, ledger: Ledger, plan: Plan) -> None:
    """Write reconciled.waiting: (mapping, source id) of the rows that a plan defers."""
    waiting = [(row.mapping, row.source_id) for row in planned_rows(ledger, plan, operation=Operation.DEFER)]
    _write(warehouse, "waiting", waiting, ("mapping", "source_id"))


def count_fates(warehouse: Warehouse, mappings: Mappings, ledger: Ledger, run_id: str) -> pl.DataFrame:
    """Return one row a mapping: source, then each fate; and write it as reconciled.conservation.

    What a plan defers stands in reconciled.waiting (`write_waiting`).

    A row is held by the checks, else excluded by its mapping, else deferred by the plan, else what this run's operations
    say, else unchanged where a record stands for it. A row with none of these has no fate, and its line does not add up.
    """
    _write(warehouse, "run_fates", fates_of_run(ledger, run_id), ("mapping", "source_id", "fate"))
    kinds = [(one.name, str(one.kind), place) for place, one in enumerate(mappings.objects)]
    _write(warehouse, "mappings", kinds, ("mapping", "kind", "place"))
    frame = warehouse.frame(conservation_sql().rstrip().rstrip(";"))
    warehouse.write("reconciled.conservation", frame)
    return frame


def _write(warehouse: Warehouse, table: str, rows: Sequence[tuple[str | int, ...]], names: tuple[str, ...]) -> None:
    shape = {name: pl.Int64 if name == "place" else pl.String for name in names}
    warehouse.write(f"reconciled.{table}", pl.DataFrame(rows, schema=shape, orient="row"))


def unbalanced(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the mappings whose fates do not add up to their source rows."""
    return frame.filter(pl.col("source") != pl.sum_horizontal(COLUMNS[1:]))


def check_fates(frame: pl.DataFrame) -> list[Check]:
    """Judge each mapping's line of the conservation table."""
    return [
        judge(Question.FATES, row["mapping"], row["source"], sum(row[name] for name in COLUMNS[1:]))
        for row in frame.iter_rows(named=True)
    ]


def count_groups(warehouse: Warehouse, settings: Settings, records: Sequence[ObjectMapping]) -> list[Check]:
    """Write reconciled.groups, one row a group with its records on both sides, and judge each way of grouping.

    Every mapping's table of delivered rows must be there. Only records of ours count, so that those of others may stand
    beside them.
    """
    warehouse.run(
        "CREATE OR REPLACE TABLE reconciled.groups"
        " (mapping VARCHAR, grouping VARCHAR, value VARCHAR, source BIGINT, there BIGINT)"
    )
    _write_practices(warehouse, settings, records)
    for mapping in records:
        for question, (source, there) in _groupings(mapping).items():
            ours = f"(SELECT d.* FROM {there_table(settings, mapping)} d SEMI JOIN {counted_rows(mapping)} e USING (destination_id))"
            warehouse.run(
                "INSERT INTO reconciled.groups SELECT ?, ?, coalesce(s.value, t.value), coalesce(s.rows, 0), coalesce(t.rows, 0)"
                f" FROM ({_counted(source, counted_rows(mapping), 'practice_source')}) s"
                f" FULL JOIN ({_counted(there, ours, 'practice_there')}) t ON t.value IS NOT DISTINCT FROM s.value",
                [mapping.name, GROUPING[question]],
            )
    _name_groups(warehouse)
    found = warehouse.run(
        "SELECT mapping, grouping, count(*), count(*) FILTER (source = there) FROM reconciled.groups GROUP BY ALL ORDER BY ALL"
    )
    questions = {grouping: question for question, grouping in GROUPING.items()}
    return [judge(questions[grouping], mapping, groups, equal) for mapping, grouping, groups, equal in found]


def _groupings(mapping: ObjectMapping) -> dict[Question, tuple[str, str]]:
    """Return the ways to count a mapping's records, each as the SQL for its value on either side.

    Months are those of the original day, where the records keep it, else of the first time that they have.
    """
    found: dict[Question, str] = {}
    for name in mapping.lookups:
        if name == "account":
            found[Question.PRACTICE] = f"r.{identifier(name)}"
        elif name == "target":
            found[Question.PRACTICE] = "p.account"
        elif mapping.lookups[name].is_owner:
            found[Question.OWNER] = f"r.{identifier(name)}"
    for name, field in mapping.fields.items():
        if field.names in BY_PICK_LIST:
            found[BY_PICK_LIST[field.names]] = f"r.{identifier(name)}"
    dated = [name for name in mapping.fields if name in ORIGINAL or form_of_column(mapping, name) is Form.TIME]
    if dated:
        found[Question.MONTH] = f"left(r.{identifier(dated[0])}, 7)"
    return {question: (sql, sql) for question, sql in found.items()}


def _counted(value: str, table: str, practices: str) -> str:
    joined = f" LEFT JOIN {practices} p ON p.target = r.target" if value.startswith("p.") else ""
    return f"SELECT {value} AS value, count(*) AS rows FROM {table} r{joined} GROUP BY 1"


def _write_practices(warehouse: Warehouse, settings: Settings, records: Sequence[ObjectMapping]) -> None:
    """Write which practice each record belongs to on either side, so that what hangs on it counts there, too."""
    for table in ("practice_source", "practice_there"):
        warehouse.run(f"CREATE OR REPLACE TEMP TABLE {table} (target VARCHAR, account VARCHAR)")
        for mapping in records:
            account = "account" if "account" in mapping.lookups else "NULL"
            if mapping.destination == "account":
                account = "destination_id::VARCHAR"
            elif "target" in mapping.lookups:
                continue
            rows = f"SELECT destination_id, {account} AS account FROM {counted_rows(mapping)}"
            if table == "practice_there":
                rows = (
                    f"SELECT d.destination_id, d.{account} AS account FROM {there_table(settings, mapping)} d"
                    f" SEMI JOIN {counted_rows(mapping)} e USING (destination_id)"
                ).replace("d.NULL", "NULL")
            kind = kind_sql(settings, f"'{mapping.destination}'")
            warehouse.run(f"INSERT INTO {table} SELECT {kind} || ':' || destination_id, account FROM ({rows})")


def _name_groups(warehouse: Warehouse) -> None:
    """Put in the place of ids the practice's source id and the owner's e-mail, which people know."""
    warehouse.run(
        "UPDATE reconciled.groups SET value = i.source_object || '/' || i.source_id FROM destination.identities i"
        " WHERE grouping = 'practice' AND i.destination = 'account' AND i.destination_id::VARCHAR = value"
    )
    warehouse.run(
        "UPDATE reconciled.groups SET value = o.email FROM owners o WHERE grouping = 'owner' AND o.id = value"
    )
