"""One line a check, in plain words: what each side says, whether they agree, and what a red one means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from workbench.warehouse import Warehouse

MOST_IDS = 10
"""Source ids told in a check; reconciled.differences holds them all."""


class Status(StrEnum):
    """How a check ended; what cannot be checked is said, never passed over."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Question(StrEnum):
    """What is asked of both sides."""

    READ = "Every delivered record was read whole"
    THERE = "Every delivered record is there"
    ONCE = "No record of ours is there twice"
    CARRIES = "Every record carries its own source id"
    FIELDS = "Every mapped field is equal"
    LINKS = "Every link leads to the right record"
    OWNERS = "Every record has the right owner"
    OBJECT = "Counts are equal by object"
    PRACTICE = "Counts are equal by practice"
    PIPELINE = "Counts are equal by pipeline"
    STAGE = "Counts are equal by stage"
    OWNER = "Counts are equal by owner"
    MONTH = "Counts are equal by month"
    DATES = "Dates reach from the same first to the same last"
    MONEY = "Amounts add up to the cent"
    STAGES = "Amounts add up to the cent by pipeline and stage"
    SIZES = "Every file has the size that was sent"
    HASHES = "Every file was compared with its hash before it was sent"
    BYTES = "Every file's bytes are there"
    FATES = "Every source row has one fate"
    AGAIN = "A second plan writes nothing"
    KNOWN = "Every write has a known outcome"
    MESSAGES = "No patient gets a message"
    HELD = "Rows held now that were delivered before"
    GONE = "Records delivered before whose row is staged no more"
    THEIRS = "Fields that adopted records had filled themselves"
    STRANGE = "Records there with a source id that this migration does not hold"
    STAMPS = "Who made a record at Freshsales, and when"


MEANING = {
    Question.READ: "only list pages were read; read the tenant in full before anybody signs",
    Question.THERE: "a record was delivered and is gone: deleted or merged by a person, or by another tool",
    Question.ONCE: "a source row has two records: an answer was lost, or somebody copied one; merge them by hand",
    Question.CARRIES: "a record stands for another row than the ledger says, or lost its marker",
    Question.FIELDS: "somebody changed a value since, or Freshsales changed what it was given",
    Question.LINKS: "a child hangs on another parent than at the source",
    Question.OWNERS: "a record was given to another user since, or an assignment rule ran",
    Question.OBJECT: "records are missing there, or there are too many",
    Question.PRACTICE: "records hang on another practice than at the source",
    Question.PIPELINE: "deals stand in another pipeline than at the source",
    Question.STAGE: "records stand in another stage than at the source",
    Question.OWNER: "records belong to other users than decided",
    Question.MONTH: "dates moved by a month or more",
    Question.DATES: "the oldest or the newest date is another one, or dates are missing",
    Question.MONEY: "an amount was changed or rounded, or a record is missing",
    Question.STAGES: "an amount moved to another stage, was changed or rounded",
    Question.SIZES: "the file there is not the one that was sent",
    Question.HASHES: "a file was sent that is not the one in the index now",
    Question.BYTES: (
        "the API returns neither a file's bytes nor their hash: the hash was compared before a file was sent,"
        " its name, record and size after"
    ),
    Question.FATES: "a row was counted twice, or is lost",
    Question.AGAIN: "something was not delivered yet, or the source or a decision changed since",
    Question.KNOWN: "a request had no answer; the next load looks it up",
    Question.MESSAGES: "a workflow or a consent flag would write to patients; switch it off before a real load",
    Question.HELD: "what is there is the earlier version, which nothing here can be compared with",
    Question.GONE: "the row was deleted at the source, or goes by another mapping now; a person decides about the record",
    Question.THEIRS: "adopting fills blanks only, so these values may differ from the source",
    Question.STRANGE: "left by another migration, or by a row that is in no delivery now; they were left alone",
    Question.STAMPS: "Freshsales sets them itself; the original times and authors stand in our own fields and markers",
}
"""What it means when it fails or was not checked."""
EVIDENCE = {
    Question.FIELDS: "reconciled.differences, reconciled.fields",
    **dict.fromkeys((Question.THERE, Question.ONCE, Question.LINKS, Question.OWNERS), "reconciled.differences"),
    **dict.fromkeys(
        (Question.PRACTICE, Question.PIPELINE, Question.STAGE, Question.OWNER, Question.MONTH, Question.OBJECT),
        "reconciled.groups",
    ),
    Question.STAGES: "reconciled.money",
    Question.FATES: "conservation.sql",
    Question.AGAIN: "the plan `proof` of the ledger",
    Question.KNOWN: "the ledger's operations",
}
SHAPE = {
    "check": pl.String,
    "mapping": pl.String,
    "field": pl.String,
    "source": pl.String,
    "there": pl.String,
    "difference": pl.Int64,
    "status": pl.String,
    "keys": pl.Int64,
    "ids": pl.String,
    "meaning": pl.String,
    "evidence": pl.String,
}
"""The columns of reconciled.checks."""


@dataclass(frozen=True)
class Check:
    """One question put to both sides, of one mapping, perhaps of one field; `keys` counts the rows it names."""

    question: Question
    mapping: str
    source: str
    there: str
    difference: int
    status: Status
    field: str | None = None
    keys: int = 0
    ids: tuple[str, ...] = ()


def judge(
    question: Question,
    mapping: str,
    source: int | str,
    there: int | str,
    *,
    field: str | None = None,
    ids: Sequence[str] = (),
    difference: int | None = None,
) -> Check:
    """Return a check that passes when both sides say the same."""
    if difference is None:
        both_count = isinstance(source, int) and isinstance(there, int)
        difference = abs(int(source) - int(there)) if both_count else int(source != there)
    status = Status.FAILED if difference else Status.PASSED
    return Check(
        question,
        mapping,
        str(source),
        str(there),
        difference,
        status,
        field=field,
        keys=len(ids),
        ids=tuple(ids[:MOST_IDS]),
    )


def unchecked(
    question: Question, mapping: str, source: int | str = "", there: int | str = "", *, keys: int = 0
) -> Check:
    """Return a line for what was not checked."""
    return Check(question, mapping, str(source), str(there), 0, Status.NOT_CHECKED, keys=keys)


def write_checks(warehouse: Warehouse, checks: Sequence[Check]) -> pl.DataFrame:
    """Write reconciled.checks and return it: failed ones first, then what was not checked, else in the order asked."""
    order = list(Question)
    gravity = [Status.FAILED, Status.NOT_CHECKED, Status.PASSED]
    rows = [
        (
            str(one.question),
            one.mapping,
            one.field,
            one.source,
            one.there,
            one.difference,
            str(one.status),
            one.keys,
            ", ".join(one.ids) or None,
            MEANING[one.question],
            EVIDENCE.get(one.question, "reconciled.checks"),
        )
        for one in sorted(checks, key=lambda one: (gravity.index(one.status), order.index(one.question)))
    ]
    frame = pl.DataFrame(rows, schema=SHAPE, orient="row")
    warehouse.write("reconciled.checks", frame)
    return frame


def failures(checks: pl.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each question that failed, and where."""
    failed = checks.filter(pl.col("status") == str(Status.FAILED))
    said = []
    for name in failed["check"].unique(maintain_order=True):
        lines = failed.filter(pl.col("check") == name)
        where = ", ".join(lines["mapping"].unique(maintain_order=True))
        said.append(f"{name}: not so for {lines['difference'].sum():,} ({where})")
    return tuple(said)


def by_question(checks: pl.DataFrame) -> pl.DataFrame:
    """Return one row a question that was asked: how many times it passed and failed, what differs, what red means.

    Failed ones come first, then in the order they are asked.
    """
    status, order = pl.col("status"), {str(one): place for place, one in enumerate(Question)}
    return (
        checks.group_by("check", maintain_order=True)
        .agg(
            (status == str(Status.PASSED)).sum().alias("passed"),
            (status == str(Status.FAILED)).sum().alias("failed"),
            pl.col("difference").sum().alias("differ"),
            pl.col("meaning").first().alias("red_means"),
        )
        .filter(pl.col("passed") + pl.col("failed") > 0)
        .sort(pl.col("failed") == 0, pl.col("check").replace_strict(order, return_dtype=pl.Int64))
    )
