import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import KeyProblem
from workbench.ledger.audit import append_entry, entry_hash, note, note_act, person, verify
from workbench.ledger.images import check_key, keep_image, last_image
from workbench.ledger.lease import hold_lease
from workbench.ledger.operations import Intent, Outcome, intend, record_outcomes
from workbench.ledger.store import Ledger, open_ledger
from workbench.settings import read_settings
from workbench.vocabulary import State

KEY = b"k" * 32


@pytest.fixture
def chained(ledger: Ledger) -> Ledger:
    """A ledger with ten entries."""
    for number in range(10):
        with ledger.commit() as connection:
            append_entry(
                connection,
                KEY,
                actor="rehearsal",
                act="create applied",
                object_name="contact",
                record=f"contacts/C{number}",
            )
    return ledger


def test_a_chain_is_whole_and_names_no_record(chained: Ledger) -> None:
    count, head, breaks = verify(chained)
    assert (count, len(head), breaks) == (10, 64, [])
    with chained.read() as connection:
        text = str(connection.exec_driver_sql("SELECT * FROM audit").fetchall())
    assert "C3" not in text


def swap(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE audit SET seq = -4 WHERE seq = 4")
    connection.execute("UPDATE audit SET seq = 4 WHERE seq = 5")
    connection.execute("UPDATE audit SET seq = 5 WHERE seq = -4")


def rewrite(connection: sqlite3.Connection) -> None:
    """Change an entry and give it the hash that its new content has."""
    connection.row_factory = sqlite3.Row
    entry = dict(connection.execute("SELECT * FROM audit WHERE seq = 4").fetchone())
    entry.pop("hash")
    entry["actor"] = "nobody"
    connection.execute("UPDATE audit SET actor = 'nobody', hash = ? WHERE seq = 4", (entry_hash(entry),))


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        pytest.param(lambda c: c.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 4"), "entry 4 was changed", id="changed"),
        pytest.param(lambda c: c.execute("UPDATE audit SET detail = detail || ' ' WHERE seq = 10"), "entry 10 was changed", id="last one"),
        pytest.param(lambda c: c.execute("DELETE FROM audit WHERE seq = 4"), "entry 5 does not follow entry 3", id="deleted"),
        pytest.param(lambda c: c.execute("DELETE FROM audit WHERE seq = 1"), "entry 2 does not follow entry 0", id="first one"),
        pytest.param(swap, "entry 4 was changed", id="swapped"),
        pytest.param(rewrite, "entry 5 does not follow entry 4", id="rewritten"),
        pytest.param(
            lambda c: c.execute("INSERT INTO audit SELECT 11, at, actor, act, object, token, detail, previous, hash FROM audit WHERE seq = 10"),
            "entry 11 does not follow entry 10", id="repeated",
        ),
    ],
)  # fmt: skip
def test_each_harm_to_the_chain_is_found(
    chained: Ledger, tmp_path: Path, harm: Callable[[sqlite3.Connection], object], found: str
) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        harm(connection)
    connection.close()
    assert found in verify(chained)[2]


def written(ledger: Ledger) -> str:
    with ledger.read() as connection:
        return str(connection.exec_driver_sql("SELECT * FROM audit").fetchall())


def test_destroying_the_key_leaves_the_log_verifiable_and_the_values_unreachable(
    chained: Ledger, tmp_path: Path
) -> None:
    with chained.commit() as connection:
        keep_image(connection, chained.key, 1, "sent", {"last_name": "Lund"})
    check_key(chained)
    whole = verify(chained)
    without = open_ledger(tmp_path / "ledger.sqlite", b"another key, as long as the old!")
    assert verify(without) == whole
    note(without, "log verified", "audit")  # and looking at it goes into the chain without the key
    assert verify(without)[::2] == (whole[0] + 1, [])
    with pytest.raises(KeyProblem, match="sealed with another WORKBENCH_KEY"):
        last_image(without, 1, "sent")
    with pytest.raises(KeyProblem):
        check_key(without)
    without.engine.dispose()
    assert b"Lund" not in b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


def test_an_entry_of_a_write_names_record_and_fingerprint_by_keyed_tokens_and_says_who_and_in_which_run(
    ledger: Ledger,
) -> None:
    intent = Intent(
        "patient", "contacts", "ana@x.example", "contact", "create", "upsert", "f" * 64, "c" * 64, fields={}
    )
    with hold_lease(ledger) as held:
        [number] = intend(ledger, held, "run-7", [intent])
        record_outcomes(ledger, held, "ana@desk", [Outcome(number, State.REJECTED, reason="no")])
    text = written(ledger)
    assert "ana@x.example" not in text and "c" * 64 not in text
    assert "create rejected" in text and "ana@desk" in text and '"run": "run-7"' in text


def test_an_act_without_an_actor_is_of_whoever_works_here(ledger: Ledger) -> None:
    note(ledger, "records read", "tenant")
    assert person() in written(ledger) and "@" in person()


def test_where_nothing_was_run_an_act_makes_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "migration.toml").write_text("")
    settings = read_settings(tmp_path)
    note_act(settings, "archive packed", "migration")
    assert not settings.ledger.exists()
