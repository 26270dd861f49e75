"""Write a table of counts for people who may not know the small ones: what is below eleven is hidden, and what would betray it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from workbench.privacy import SMALLEST_COUNT, small

HIDDEN = "hidden"
"""What stands for a count of eleven or more that would betray a smaller one."""
Cell = tuple[int, str]
"""A count by its row and column."""
End = tuple[str, int | str]
"""A line of counts that add up: a row or a column."""
OUTSIDE: End = ("outside", "")
Ways = dict[End, list[tuple[End, Cell]]]


def hide_small(
    frame: pl.DataFrame, counts: Sequence[str], *, total: str = "", last_is_total: bool = False
) -> pl.DataFrame:
    """Write counts as text: one below eleven as `<11`, and as `hidden` each other that would tell a hidden one.

    The counts of a row add up to its `total`, where such a column is named, and the rows above to the last row, where
    that is their total: both are shown, so they are hidden like the rest. A sum that the table does not show is taken
    as known from elsewhere. What no table could protect (the only count of a line whose sum is known) stays `<11`.
    """
    columns = (*counts, total) if total else (*counts,)
    values = {(row, name): int(count or 0) for name in columns for row, count in enumerate(frame[name].to_list())}
    hidden = _hidden(_Table(values, columns, total, last_is_total=last_is_total))
    return frame.with_columns(
        pl.Series(
            name, [_written(values[row, name], (row, name) in hidden) for row in range(frame.height)], dtype=pl.String
        )
        for name in columns
    )


class _Table:
    """The counts, and which of them add up."""

    def __init__(
        self, values: Mapping[Cell, int], columns: tuple[str, ...], total: str, *, last_is_total: bool
    ) -> None:
        self.values = values
        height = len(values) // len(columns)
        rows: dict[End, list[Cell]] = {("row", row): [(row, name) for name in columns] for row in range(height)}
        down: dict[End, list[Cell]] = {("column", name): [(row, name) for row in range(height)] for name in columns}
        several = [rows] * (len(columns) > 1) + [down] * (height > 1)
        self.lines = [line for lines in several for line in lines.values()]
        self.shows_sums = bool(total) or last_is_total
        # Without its sum in sight a line of one count ties nothing: nobody could hide behind another of it.
        shown = {"row": bool(total), "column": last_is_total}
        ties = {
            end
            for lines in several
            for end, line in lines.items()
            if shown[end[0]] or sum(values[cell] > 0 for cell in line) > 1
        }
        self.ends: dict[Cell, tuple[End, End]] = {}
        for row, name in values:
            ends: list[End] = [("row", row), ("column", name)]
            start, goal = (end if end in ties else OUTSIDE for end in ends)
            # A total stands on the other side of its line than what it is the total of.
            is_turned = (last_is_total and row == height - 1) != (name == total)
            self.ends[row, name] = (goal, start) if is_turned else (start, goal)

    def open(self, cells: Iterable[Cell], hidden: set[Cell]) -> list[Cell]:
        """Return what of some cells could be hidden, too, the smallest first; a nought tells nobody."""
        found = {cell for cell in cells if cell not in hidden and self.values[cell] > 0}
        return sorted(found, key=lambda cell: (self.values[cell], cell[1], cell[0]))

    def bounds(self, cell: Cell) -> tuple[int, float]:
        """Return what is known of a hidden count by how it is written."""
        return (1, SMALLEST_COUNT - 1) if self.values[cell] < SMALLEST_COUNT else (SMALLEST_COUNT, float("inf"))

    def is_kept(self, cell: Cell) -> bool:
        """Say whether nobody may compute a hidden count: a small one, and any where the sums are in sight."""
        return self.shows_sums or self.values[cell] < SMALLEST_COUNT


def _hidden(table: _Table) -> set[Cell]:
    """Return the cells to hide: the small ones, then others until none of them can be computed."""
    hidden = {cell for cell, count in table.values.items() if 0 < count < SMALLEST_COUNT}
    lost = {*_told(table, {cell for cell, count in table.values.items() if count > 0})} if hidden else set()
    while hidden:
        if alone := [line for line in table.lines if len(hidden & {*line}) == 1 and table.open(line, hidden)]:
            hidden.add(table.open(alone[0], hidden)[0])
            continue
        told = next((cell for cell in _told(table, hidden) if cell not in lost and table.is_kept(cell)), None)
        if told is None:
            break
        # Of its own lines first; what leaves it computable is of use only where no single one would do.
        beside = {cell for line in table.lines if told in line for cell in line}
        others = sorted(table.open(table.values, hidden), key=lambda cell: cell not in beside)
        hidden.add(next((one for one in others if not _is_told(table, hidden | {one}, told)), others[0]))
    return hidden


def _told(table: _Table, hidden: set[Cell]) -> Iterator[Cell]:
    """Yield the hidden counts that only one value fits, the rest of the table being as it is shown."""
    ways = _ways(table, hidden)
    yield from (cell for cell in sorted(hidden) if not _may_vary(table, ways, cell))


def _is_told(table: _Table, hidden: set[Cell], cell: Cell) -> bool:
    return not _may_vary(table, _ways(table, hidden), cell)


def _ways(table: _Table, hidden: set[Cell]) -> Ways:
    """Return where one more or one less of each hidden count may go, by the line that it comes from."""
    ways: Ways = {}
    for cell in hidden:
        (start, goal), (least, most) = table.ends[cell], table.bounds(cell)
        if table.values[cell] < most:
            ways.setdefault(start, []).append((goal, cell))
        if table.values[cell] > least:
            ways.setdefault(goal, []).append((start, cell))
    return ways


def _may_vary(table: _Table, ways: Ways, cell: Cell) -> bool:
    """Say whether another value fits: one more, or one less, if others can give way along a ring of lines back to it.

    Counts are whole, and each stands in one row and one column, so a ring is all that there can be.
    """
    (start, goal), (least, most) = table.ends[cell], table.bounds(cell)
    more = table.values[cell] < most and _reaches(ways, goal, start, cell)
    return more or (table.values[cell] > least and _reaches(ways, start, goal, cell))


def _reaches(ways: Ways, start: End, goal: End, without: Cell) -> bool:
    seen, waiting = {start}, [start]
    while waiting and goal not in seen:
        for end, cell in ways.get(waiting.pop(), ()):
            if cell != without and end not in seen:
                seen.add(end)
                waiting.append(end)
    return goal in seen


def _written(count: int, is_hidden: bool) -> str:
    return HIDDEN if is_hidden and count >= SMALLEST_COUNT else small(count)
