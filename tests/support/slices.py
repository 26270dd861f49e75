"""A slice of many like cases for every run; the whole of them belongs to the campaign."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slice_of(cases: Iterable[Any], every: int) -> list[Any]:
    """Return all cases as parameters, of which only every so many-th is tried without the campaign."""
    made = []
    for place, case in enumerate(cases):
        values = case if isinstance(case, tuple) else (case,)
        marks = () if place % every == 0 else (pytest.mark.campaign,)
        made.append(pytest.param(*values, marks=marks, id="-".join(str(one) for one in values)))
    return made
