"""Somebody who has a table with hidden counts, knows how they are hidden, and computes what each could have been."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

SPANS = {"<11": (1, 10), "hidden": (11, 100_000)}
"""What the word for a hidden count says of it."""


def sums_of(
    rows: Sequence[Sequence[str]], *, total: bool, last: bool
) -> list[tuple[list[tuple[int, int]], tuple[int, int]]]:
    """Return the places of parts and sum of each line that adds up: rows to their last column, columns to the last row."""
    height, width = len(rows), len(rows[0])
    found = []
    if total:
        found += [([(row, place) for place in range(width - 1)], (row, width - 1)) for row in range(height)]
    if last:
        found += [([(row, place) for row in range(height - 1)], (height - 1, place)) for place in range(width)]
    return found


def computed(
    rows: Sequence[Sequence[str]],
    *,
    total: bool = False,
    last: bool = False,
    known: Sequence[tuple[Sequence[tuple[int, int]], int]] = (),
) -> dict[tuple[int, int], int]:
    """Return the hidden counts, by row and column, that only one number fits.

    `known` are sums that stand elsewhere: of which places, and how many.
    """
    hidden = [(row, place) for row, line in enumerate(rows) for place, cell in enumerate(line) if cell in SPANS]
    if not hidden:
        return {}
    number = {place: at for at, place in enumerate(hidden)}
    sides, sums = [], []

    def tie(parts: Sequence[tuple[int, int]], minus: Sequence[tuple[int, int]], value: int) -> None:
        line = np.zeros(len(hidden))
        for sign, places in ((1, parts), (-1, minus)):
            for row, place in places:
                if (row, place) in number:
                    line[number[row, place]] += sign
                else:
                    value -= sign * int(rows[row][place].replace(",", ""))
        sides.append(line)
        sums.append(value)

    for parts, whole in sums_of(rows, total=total, last=last):
        tie(parts, [whole], 0)
    for parts, value in known:
        tie(parts, [], value)
    least, most = zip(*(SPANS[rows[row][place]] for row, place in hidden), strict=True)
    rules = [LinearConstraint(np.array(sides), np.array(sums), np.array(sums))] if sides else []
    found = {}
    for place, at in number.items():
        aim = np.zeros(len(hidden))
        aim[at] = 1
        ends = [
            milp(sign * aim, constraints=rules, bounds=Bounds(least, most), integrality=np.ones(len(hidden)))
            for sign in (1, -1)
        ]
        assert all(one.success for one in ends), "what is shown contradicts itself"
        low, high = (round(float(one.x[at])) for one in ends)
        if low == high:
            found[place] = low
    return found
