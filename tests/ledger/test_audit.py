import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.ledger.audit import append_entry, entry_hash, verify
from workbench.ledger.store import Ledger

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
