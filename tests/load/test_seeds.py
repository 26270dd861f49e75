"""Stories drawn by a seed: faults, users and deaths by chance, in the tenant's time; every invariant holds at the end."""

import os
from pathlib import Path

import pytest
from seeds import World, play

FEW, MANY = 8, 2_000
ASKED = os.environ.get("SEED", "")
COUNT = int(os.environ.get("SEEDS") or (MANY if os.environ.get("WORKBENCH_CAMPAIGN") else FEW))
PART, PARTS = (int(one) for one in os.environ.get("PART", "0/1").split("/"))
DRAWN = [int(ASKED)] if ASKED else range(PART, COUNT, PARTS)


@pytest.mark.parametrize("seed", DRAWN)
def test_whatever_happens_every_row_arrives_once_and_people_keep_what_they_wrote(
    worlds: list[World], memory: Path, seed: int, record_property
) -> None:
    story = play(worlds[seed % len(worlds)], memory / f"seed-{seed}", seed)
    for name, count in story.told.items():
        record_property(name, count)
    assert story.wrong == [], f"again with: SEED={seed} python -m pytest tests/load/test_seeds.py\n{dict(story.told)}"
