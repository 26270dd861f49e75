import pytest

from workbench.errors import KeyProblem
from workbench.ledger.history import count_by_mapping, moves_of
from workbench.ledger.identities import find_identity, live_ids
from workbench.ledger.images import last_image
from workbench.ledger.lease import hold_lease
from workbench.ledger.operations import (
    DELETE,
    Intent,
    Outcome,
    done_ordinals,
    intend,
    keep_before,
    open_operations,
    record_outcomes,
)
from workbench.ledger.store import Ledger
from workbench.vocabulary import State


def intent(action: str = "create", **more: object) -> Intent:
    values = {"fields": {"last_name": "Ruiz"}, "plan_id": 1, "ordinal": 3} | more
    return Intent("patient", "contacts", "C1", "contact", action, "upsert", "print", "complete", **values)  # type: ignore[arg-type]


def done(ledger: Ledger, action: str, outcome: dict[str, object]) -> int:
    with hold_lease(ledger) as lease:
        [number] = intend(ledger, lease, "run", [intent(action)])
        record_outcomes(ledger, lease, "rehearsal", [Outcome(number, **outcome)])  # type: ignore[arg-type]
    return number


def test_an_intent_is_open_with_all_that_will_be_sent_until_its_outcome(ledger: Ledger) -> None:
    with hold_lease(ledger) as lease:
        [number] = intend(ledger, lease, "run", [intent()])
        assert [(one.operation_id, one.state) for one in open_operations(ledger)] == [(number, State.INTENDED)]
        assert last_image(ledger, number, "sent") == {"last_name": "Ruiz"}
        record_outcomes(ledger, lease, "rehearsal", [Outcome(number, State.APPLIED, 77, read_back={"id": 77})])
    assert open_operations(ledger) == []
    assert live_ids(ledger) == {"contacts/C1": ("contact", 77)}
    assert [move.state for move in moves_of(ledger, "contacts", "C1")] == ["intended", "applied"]


def test_an_image_cannot_be_read_with_another_key_and_holds_no_plain_text(ledger: Ledger) -> None:
    number = done(ledger, "create", {"state": State.APPLIED, "destination_id": 7, "read_back": {"last_name": "Ruiz"}})
    with ledger.read() as connection:
        assert b"Ruiz" not in b"".join(connection.exec_driver_sql("SELECT sealed FROM images").scalars())
    with pytest.raises(KeyProblem, match="sealed with another WORKBENCH_KEY"):
        last_image(Ledger(ledger.engine, b"x" * 32), number, "read_back")


def test_a_rejected_row_is_not_done_and_an_applied_one_is(ledger: Ledger) -> None:
    done(ledger, "create", {"state": State.REJECTED})
    assert done_ordinals(ledger, 1, "patient") == set()
    done(ledger, "create", {"state": State.APPLIED, "destination_id": 7})
    assert done_ordinals(ledger, 1, "patient") == {3}


def test_a_record_that_is_there_but_not_complete_is_known_and_not_delivered(ledger: Ledger) -> None:
    done(ledger, "create", {"state": State.REJECTED, "destination_id": 7})
    identity = find_identity(ledger, "contacts", "C1")
    assert identity is not None
    assert (identity.destination_id, identity.delivered, identity.origin) == (7, "", "created")


def test_a_record_made_by_us_stays_ours_when_it_is_updated_and_a_found_one_never_becomes_ours(ledger: Ledger) -> None:
    done(ledger, "create", {"state": State.APPLIED, "destination_id": 7, "was_created": False})
    assert find_identity(ledger, "contacts", "C1").origin == "updated"  # type: ignore[union-attr]
    done(ledger, "delete", {"state": State.APPLIED, "destination_id": 7})
    done(ledger, "create", {"state": State.APPLIED, "destination_id": 8})
    done(ledger, "update", {"state": State.APPLIED, "destination_id": 8})
    assert find_identity(ledger, "contacts", "C1").origin == "created"  # type: ignore[union-attr]


def test_what_stood_there_is_durable_before_the_change(ledger: Ledger) -> None:
    with hold_lease(ledger) as lease:
        [number] = intend(ledger, lease, "run", [intent("update")])
        keep_before(ledger, lease, number, {"city": "Reno"})
    assert last_image(ledger, number, "before") == {"city": "Reno"}
    assert [one.state for one in open_operations(ledger)] == [State.SENT]


def test_a_run_counts_each_row_once_by_how_it_ended(ledger: Ledger) -> None:
    done(ledger, "create", {"state": State.ABSENT})
    assert count_by_mapping(ledger, "run") == {}
    done(ledger, "create", {"state": State.REJECTED})
    assert count_by_mapping(ledger, "run") == {"patient": {"rejected": 1}}
    done(ledger, "create", {"state": State.APPLIED, "destination_id": 7})
    done(ledger, "update", {"state": State.ABSENT})
    assert count_by_mapping(ledger, "run") == {"patient": {"created": 1}}
    done(ledger, DELETE, {"state": State.REJECTED})
    assert count_by_mapping(ledger, "run") == {"patient": {"created": 1}}
    done(ledger, DELETE, {"state": State.APPLIED, "destination_id": 7})
    assert (count_by_mapping(ledger, "run"), live_ids(ledger)) == ({}, {})
