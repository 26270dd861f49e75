"""When a request reaches the tenant, the ledger's file already says what it is about."""

import sqlite3

import httpx
import orjson
import pytest
from loads import NOTHING_WRONG, Rehearsal

from workbench.errors import KeyProblem, LeaseLost, StoreProblem
from workbench.journey.record import open_run_ledger
from workbench.ledger.images import unseal
from workbench.ledger.lease import hold_lease
from workbench.ledger.tables import facts


def test_every_write_finds_its_intent_on_disk_with_all_it_sends(rehearsal: Rehearsal) -> None:
    ledger = rehearsal.practice.settings.ledger
    key = (rehearsal.practice.settings.target_folder / "key").read_bytes()
    checked: list[str] = []

    def look(request: httpx.Request) -> None:
        if request.method == "GET" or "/_tenant" in request.url.path:
            return
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
            rows = connection.execute(
                "SELECT o.destination, i.sealed FROM operations o JOIN images i ON i.operation_id = o.operation_id"
                " AND i.kind = 'sent' WHERE o.state IN ('intended', 'sent')"
            ).fetchall()
        connection.close()
        intended = [(destination, unseal(key, sealed)) for destination, sealed in rows]
        body = request.content
        if request.url.path.endswith("/bulk_upsert"):
            wanted = [
                one["data"]["custom_field"]["cf_source_system_id"] for one in next(iter(orjson.loads(body).values()))
            ]
        elif request.url.path.endswith("/upsert"):
            wanted = [orjson.loads(body)["unique_identifier"]["cf_source_system_id"]]
        else:
            wanted = []
            assert len(intended) == 1
        assert {one.get("cf_source_system_id") for _, one in intended} >= set(wanted)
        assert intended
        checked.append(request.url.path)

    rehearsal.transport.before.append(look)
    rehearsal.load(rehearsal.few(12, 1))
    assert len(checked) > 50
    assert any(path.endswith("contacts/bulk_upsert") for path in checked)


def test_a_full_disk_stops_before_the_request_and_a_resume_loses_nothing(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(6, 1)
    with pytest.raises(StoreProblem, match="The disk that holds the ledger is full"), rehearsal.session() as session:
        plan = rehearsal.plan(session, scope)
        with session.ledger.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 30}")
        from loads import KINDS

        from workbench.load.loader import run_load

        run_load(session, plan, kinds=KINDS)
    ledger = open_run_ledger(rehearsal.practice.settings)
    with ledger.read() as connection:
        intended = connection.exec_driver_sql("SELECT count(*) FROM operations").scalar()
    ledger.engine.dispose()
    made = sum(len(records) for name, records in rehearsal.state().items() if name not in ("users", "bin"))
    assert 0 < made <= intended
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_another_tenant_is_refused_before_anything_is_sent(rehearsal: Rehearsal) -> None:
    ledger = open_run_ledger(rehearsal.practice.settings)
    with ledger.commit() as connection:
        connection.execute(facts.update().where(facts.c.name == "tenant").values(value="brisk-otter"))
    ledger.engine.dispose()
    with pytest.raises(
        StoreProblem, match=r"belongs to the tenant brisk-otter, and rehearsal-\w+ answers\. Nothing was sent\."
    ):
        rehearsal.load()
    assert [one for one in rehearsal.transport.asked if one.startswith("POST")] == []


def test_a_writer_whose_lease_was_taken_sends_nothing_more(rehearsal: Rehearsal) -> None:
    scope = rehearsal.few(3, 1)
    other = open_run_ledger(rehearsal.practice.settings)
    seen: list[str] = []

    def take(request: httpx.Request) -> None:
        if request.url.path.endswith("/notes"):
            seen.append(request.url.path)
            if len(seen) == 2:
                with hold_lease(other):
                    pass

    rehearsal.transport.before.append(take)
    with pytest.raises(LeaseLost, match="Another process writes to this tenant now"):
        rehearsal.load(scope)
    other.engine.dispose()
    assert len(seen) == 2
    rehearsal.transport.before.clear()
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


def test_a_call_that_waited_for_the_limit_asks_again_whether_it_may_write(rehearsal: Rehearsal) -> None:
    """A writer that slept through the loss of its lease must not send the call that it had held back."""
    scope = rehearsal.few(3, 1)
    other = open_run_ledger(rehearsal.practice.settings)
    rehearsal.order("status", "POST /notes$", status=429, nth=2)
    seen: list[str] = []

    def take(request: httpx.Request, answer: httpx.Response) -> None:
        if request.url.path.endswith("/notes"):
            seen.append(request.url.path)
        if answer.status_code == 429:
            with hold_lease(other):
                pass

    rehearsal.transport.after.append(take)
    with pytest.raises(LeaseLost):
        rehearsal.load(scope)
    other.engine.dispose()
    assert len(seen) == 2


def test_a_load_with_another_image_key_is_refused(rehearsal: Rehearsal) -> None:
    rehearsal.load(rehearsal.few(1, 0))
    (rehearsal.practice.settings.target_folder / "key").write_bytes(b"x" * 32)
    with pytest.raises(KeyProblem, match="sealed with another WORKBENCH_KEY"):
        rehearsal.load()
