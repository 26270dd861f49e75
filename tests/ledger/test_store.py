import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert

from workbench.errors import KeyProblem, StoreProblem
from workbench.ledger.history import deferral_of
from workbench.ledger.identities import Identity, find_identity, keep_identity
from workbench.ledger.images import check_key
from workbench.ledger.store import Ledger, open_ledger
from workbench.ledger.tables import planned, plans

KEY = b"k" * 32


def filled(path: Path) -> Path:
    ledger = open_ledger(path, KEY)
    ledger.require_sound()
    with ledger.commit() as connection:
        for number in range(2000):
            keep_identity(
                connection,
                Identity(
                    "contacts",
                    f"C{number}",
                    "patient",
                    "contact",
                    number,
                    "d",
                    "f",
                    "created",
                    is_live=True,
                    operation_id=1,
                ),
            )
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    ledger.engine.dispose()
    return path


def refused(path: Path) -> None:
    with pytest.raises(
        StoreProblem, match=r"^The ledger is damaged\. Put back the last copy of its folder; nothing was sent\.$"
    ):
        open_ledger(path, KEY).require_sound()


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    refused(path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "ledger.sqlite")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 // 4096 * 4096])
    refused(path)


def test_a_page_that_was_overwritten_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "ledger.sqlite")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 64] = bytes(range(64))
    path.write_bytes(content)
    refused(path)


def test_another_tenant_is_refused_with_one_clear_error(ledger: Ledger) -> None:
    ledger.bind("brisk-otter")
    ledger.bind("brisk-otter")
    with pytest.raises(StoreProblem) as problem:
        ledger.bind("slow-heron")
    assert str(problem.value).startswith(
        "This ledger belongs to the tenant brisk-otter, and slow-heron answers. Nothing was sent."
    )
    assert ledger.tenant() == "brisk-otter"


def test_another_image_key_is_refused(ledger: Ledger) -> None:
    check_key(ledger)
    with pytest.raises(KeyProblem, match="sealed with another WORKBENCH_KEY"):
        check_key(Ledger(ledger.engine, b"x" * 32))


def test_commits_are_synced_in_full_and_nobody_writes_between_a_read_and_its_write(
    ledger: Ledger, tmp_path: Path
) -> None:
    with ledger.commit() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        other = sqlite3.connect(tmp_path / "ledger.sqlite", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO facts VALUES ('a', 'b')")
        other.close()


def test_a_commit_that_fails_leaves_nothing(ledger: Ledger) -> None:
    identity = Identity("contacts", "C1", "patient", "contact", 7, "d", "f", "created", is_live=True, operation_id=1)
    with pytest.raises(ZeroDivisionError), ledger.commit() as connection:
        keep_identity(connection, identity)
        raise ZeroDivisionError
    assert find_identity(ledger, "contacts", "C1") is None


def test_no_value_stands_in_the_text_of_an_error(ledger: Ledger) -> None:
    from sqlalchemy import insert
    from sqlalchemy.exc import IntegrityError

    from workbench.ledger.tables import facts

    with ledger.commit() as connection:
        connection.execute(insert(facts).values(name="canary", value="Canary Patient"))
    with pytest.raises(IntegrityError) as problem, ledger.commit() as connection:
        connection.execute(insert(facts).values(name="canary", value="Canary Patient"))
    assert "Canary Patient" not in str(problem.value)


def test_a_ledger_of_an_earlier_version_gets_the_index_of_waiting_rows_and_a_look_up_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    open_ledger(path, b"k" * 32).engine.dispose()
    with sqlite3.connect(path) as old:
        old.execute("DROP INDEX planned_deferred")
    old.close()
    ledger = open_ledger(path, b"k" * 32)
    with ledger.commit() as connection:
        rows = [{"plan_id": 1, "ordinal": n, "source_object": "contacts", "source_id": f"C{n}", "reason": "companies/P1",
                 "operation": "defer" if n % 2 else "create"} for n in range(4)]  # fmt: skip
        connection.execute(insert(planned), rows)
        connection.execute(insert(plans).values(plan_id=1, scope="load"))
        connection.execute(insert(plans).values(plan_id=2, scope="sample"))
    assert (deferral_of(ledger, "contacts", "C1"), deferral_of(ledger, "contacts", "C2")) == ("companies/P1", None)
    with ledger.read() as connection:
        steps = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT reason FROM planned WHERE source_object = ? AND source_id = ? AND operation = 'defer'",
            ("contacts", "C1"),
        ).all()
    assert ["planned_deferred" in step[-1] for step in steps] == [True]
    ledger.engine.dispose()


def test_many_who_open_a_new_ledger_at_once_all_find_it_whole(tmp_path: Path) -> None:
    for number in range(5):
        path, ready = tmp_path / f"{number}.sqlite", threading.Barrier(8)

        def open_it(path: Path = path, ready: threading.Barrier = ready) -> None:
            ready.wait()
            ledger = open_ledger(path, KEY)
            ledger.require_sound()
            ledger.engine.dispose()

        with ThreadPoolExecutor(8) as pool:
            for made in [pool.submit(open_it) for _ in range(8)]:
                made.result()


def test_one_who_opens_while_another_writes_the_new_file_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with ThreadPoolExecutor(1) as pool:
        other = sqlite3.connect(path, isolation_level=None)  # no WAL yet: SQLite refuses the switch without waiting
        other.execute("BEGIN IMMEDIATE")
        opened = pool.submit(open_ledger, path, KEY)
        with pytest.raises(TimeoutError):
            opened.result(timeout=0.3)
        other.execute("COMMIT")
        ledger = opened.result()
    other.close()
    ledger.require_sound()
    with ledger.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    ledger.engine.dispose()
