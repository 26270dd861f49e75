"""Each check can be red: data broken on purpose turns the checks that are about it red, with its ids, and no other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import polars as pl
import pytest
from changes import Line
from loaded import Loaded
from sqlalchemy import delete, insert, select, update

from workbench.journey.record import open_run_ledger
from workbench.ledger.images import keep_image
from workbench.ledger.tables import identities, images, operations
from workbench.reconcile.checks import (
    EVIDENCE,
    MEANING,
    Check,
    Question,
    Status,
    by_question,
    failures,
    judge,
    write_checks,
)
from workbench.reconcile.reconciliation import Reconciliation
from workbench.warehouse import open_warehouse

AT_THE_TENANT = [
    *(Question.THERE, Question.ONCE, Question.CARRIES, Question.FIELDS, Question.LINKS, Question.OWNERS),
    *(Question.OBJECT, Question.PRACTICE, Question.PIPELINE, Question.STAGE, Question.OWNER, Question.MONTH),
    *(Question.DATES, Question.MONEY, Question.STAGES, Question.SIZES),
]
AT_HOME = {
    Question.HASHES: "attachment",
    Question.AGAIN: "all mappings",
    Question.KNOWN: "all mappings",
    Question.MESSAGES: "contacts",
}
ELSEWHERE = {Question.READ}
"""Asked only where list pages alone are read (test_reconciliation)."""
LEFT_ASIDE = {Question.BYTES, Question.HELD, Question.GONE, Question.THEIRS, Question.STRANGE, Question.STAMPS}


def failed_lines(found: Reconciliation) -> dict[Line, set[str]]:
    rows = found.checks.filter(pl.col("status") == "failed").iter_rows(named=True)
    return {(row["check"], row["mapping"], row["field"]): set((row["ids"] or "").split(", ")) - {""} for row in rows}


def keys(found: Reconciliation, question: Question) -> list[tuple[str, int, str]]:
    return found.checks.filter(pl.col("check") == str(question)).select("mapping", "keys", "status").rows()


def test_every_check_is_broken_on_purpose_or_can_never_be_red():
    assert {*AT_THE_TENANT, *AT_HOME, Question.FATES, *ELSEWHERE, *LEFT_ASIDE} == set(Question)
    assert set(MEANING) == set(Question) > set(EVIDENCE)


def test_a_load_passes_every_check_and_says_what_it_did_not_check(green):
    assert failed_lines(green) == {}
    left = green.checks.filter(pl.col("status") == "not checked")["check"].to_list()
    assert left == [str(Question.BYTES), str(Question.MESSAGES), str(Question.STAMPS)]
    asked = set(green.checks.filter(pl.col("status") == "passed")["check"])
    assert asked == {str(one) for one in (*AT_THE_TENANT, *AT_HOME, Question.FATES)} - {str(Question.MESSAGES)}


@pytest.mark.parametrize("question", AT_THE_TENANT, ids=lambda one: one.name.lower())
def test_what_changed_at_the_tenant_is_red_where_it_changed_with_its_ids(changed, question):
    hand, found = changed
    expected = {line: ids for line, ids in hand.lines.items() if line[0] == question}
    assert expected
    assert {line: ids for line, ids in failed_lines(found).items() if line[0] == question} == expected


def test_no_other_check_is_red(changed):
    hand, found = changed
    assert failed_lines(found) == hand.lines
    assert found.zero_write


@contextmanager
def _warehouse_kept(loaded: Loaded) -> Iterator[None]:
    path = loaded.practice.settings.warehouse
    kept = shutil.copy(path, path.with_suffix(".kept"))
    try:
        yield
    finally:
        shutil.move(kept, path)


@contextmanager
def _lost_answer_and_adoption(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Leave one operation without an outcome, and let one patient be adopted with a city of his own."""
    ledger = open_run_ledger(loaded.practice.settings)
    with ledger.commit() as connection:
        row = connection.execute(select(operations).where(operations.c.mapping == "appointment")).mappings().first()
        assert row is not None
        again = {name: value for name, value in row.items() if name != "operation_id"} | {"state": "unknown"}
        made = connection.execute(insert(operations).values(**again)).inserted_primary_key
        patient = connection.execute(select(identities).where(identities.c.mapping == "patient")).first()
        assert made is not None and patient is not None
        whose = identities.c.operation_id == patient.operation_id
        connection.execute(update(identities).where(whose).values(origin="adopted"))
        keep_image(connection, ledger.key, patient.operation_id, "kept", ["city"])
    record = next(one for one in loaded.records("contacts") if one["id"] == patient.destination_id)
    try:
        with loaded.edited("contacts", record, city="Elsewhere"):
            yield row["source_id"], patient.source_id
    finally:
        with ledger.commit() as connection:
            connection.execute(delete(operations).where(operations.c.operation_id == made[0]))
            connection.execute(update(identities).where(whose).values(origin=patient.origin))
            kept = (images.c.operation_id == patient.operation_id) & (images.c.kind == "kept")
            connection.execute(delete(images).where(kept))
        ledger.engine.dispose()


@pytest.fixture(scope="module")
def broken(loaded: Loaded, green: Reconciliation) -> tuple[str, Reconciliation]:
    """One reconciliation over a warehouse and a ledger that were tampered with; a file's id with it."""
    with ExitStack() as stack:
        stack.enter_context(_warehouse_kept(loaded))
        stack.enter_context(_lost_answer_and_adoption(loaded))
        with open_warehouse(loaded.practice.settings.warehouse, write=True) as warehouse:
            file, task, note, activity = (
                warehouse.run(
                    f"SELECT min(source_id) FROM staged.{name} SEMI JOIN destination.identities i"
                    f" ON i.mapping = '{name}' AND i.source_id = {name}.source_id"
                    " ANTI JOIN checked.held h USING (source_id)"
                )[0][0]
                for name in ("attachment", "task", "note", "activity")
            )
            warehouse.run(f"UPDATE staged.attachment SET sha256 = '{'0' * 64}' WHERE source_id = ?", [file])
            warehouse.run("UPDATE staged.task SET fingerprint = 'another' WHERE source_id = ?", [task])
            warehouse.run("INSERT INTO staged.claims VALUES ('contacts', 'nobody', 'patient')")
            warehouse.run(
                "INSERT INTO checked.held BY NAME SELECT 'note' AS mapping, 'notes' AS source_object, ? AS source_id",
                [note],
            )
            warehouse.run("DELETE FROM staged.activity WHERE source_id = ?", [activity])
        return file, loaded.reconcile(messages=2)


@pytest.mark.parametrize("question", AT_HOME, ids=lambda one: one.name.lower())
def test_what_is_wrong_with_our_own_side_is_red(broken, question):
    file, found = broken
    lines = {line: ids for line, ids in failed_lines(found).items() if line[0] == question}
    assert lines == {(question, AT_HOME[question], None): {file} if question is Question.HASHES else set()}


def test_a_row_without_a_fate_and_one_without_an_outcome_do_not_add_up(broken):
    lines = {line[1] for line in failed_lines(broken[1]) if line[0] == Question.FATES}
    assert lines == {"patient", "appointment"}


def test_nothing_else_of_our_own_side_is_red(broken):
    assert {line[0] for line in failed_lines(broken[1])} == {str(one) for one in (*AT_HOME, Question.FATES)}
    assert broken[1].differences.is_empty()
    assert not broken[1].zero_write


@pytest.mark.parametrize(
    ("question", "mapping"), [(Question.HELD, "note"), (Question.GONE, "activity"), (Question.THEIRS, "patient")]
)
def test_what_is_left_aside_is_counted_and_said(broken, question, mapping):
    assert keys(broken[1], question) == [(mapping, 1, "not checked")]


def test_the_reasons_name_the_question_how_many_and_where(tmp_path):
    checks = [
        judge(Question.FIELDS, "patient", 1200, 1197, ids=["A-3", "A-1"]),
        judge(Question.FIELDS, "task", 10, 9),
        judge(Question.OWNERS, "patient", 30, 30, field="owner_id"),
        Check(Question.BYTES, "attachment", "4", "", 0, Status.NOT_CHECKED, keys=4),
    ]
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True) as warehouse:
        found = write_checks(warehouse, checks)
        assert warehouse.frame("SELECT * FROM reconciled.checks").equals(found)
    assert found.select("check", "status", "ids").rows()[0] == (str(Question.FIELDS), "failed", "A-3, A-1")
    assert failures(found) == ("Every mapped field is equal: not so for 4 (patient, task)",)
    assert by_question(found).drop("red_means").rows() == [
        (str(Question.FIELDS), 0, 2, 4),
        (str(Question.OWNERS), 1, 0, 0),
    ]
