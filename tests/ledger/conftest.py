from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.ledger.store import Ledger, open_ledger

KEY = b"k" * 32


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    made = open_ledger(tmp_path / "ledger.sqlite", KEY)
    yield made
    made.engine.dispose()
