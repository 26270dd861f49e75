"""The process ends just before or just after every write to the ledger and every request of a load, and loads again."""

from itertools import product
from pathlib import Path

import pytest
from seeds import WORLDS, World, die_at, points
from slices import slice_of

PARTS = 60


@pytest.mark.parametrize(("world", "part"), slice_of(product(range(len(WORLDS)), range(PARTS)), every=PARTS + 1))
def test_a_load_that_ends_at_any_point_goes_on_to_the_same_end(
    worlds: list[World], memory: Path, world: int, part: int, record_property
) -> None:
    tried = points(worlds[world])[part::PARTS]
    found = {
        one: die_at(worlds[world], memory / f"point-{world}-{part}-{place}", *one) for place, one in enumerate(tried)
    }
    record_property("points", len(tried))
    assert {one: wrong for one, wrong in found.items() if wrong} == {}
