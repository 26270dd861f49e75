"""Read the small tables of facts that ship with this room."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def read_facts(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of one CSV file of this room."""
    text = files(__package__).joinpath(name).read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))
