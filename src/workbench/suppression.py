"""Write a table of counts for people who may not know the small ones: what is below eleven is hidden, and what would betray it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from workbench.privacy import SMALLEST_COUNT, small

HIDDEN = "hidden"
"""What stands for a count of eleven or more that would betray a smaller one."""
Cell = tuple[int, str]
"""A count by its row and column."""
End = tuple[str, int | str]
"""A line of counts that add up: a row or a column."""
OUTSIDE: End = ("outside", "")


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
    lost = {*_Ways(table, {cell for cell, count in table.values.items() if count > 0}).told()} if hidden else set()
    while hidden:
        before = len(hidden)
        for line in table.lines:
            if len(hidden.intersection(line)) == 1 and (beside := table.open(line, hidden)):
                hidden.add(beside[0])
        if len(hidden) > before:
            continue
        ways = _Ways(table, hidden)
        for told in [cell for cell in ways.told() if cell not in lost and table.is_kept(cell)]:
            if not ways.may_vary(told):
                hidden.add(chosen := ways.best_beside(told, hidden))
                ways.add(chosen)
        if len(hidden) == before:
            break
    return hidden


class _Ways:
    """Where one more or one less of each hidden count may go, from line to line.

    Another value of a count fits if others can give way along a ring of lines back to it. Counts are whole, and each stands in one
    row and one column, so a ring is all that there can be.
    """

    def __init__(self, table: _Table, hidden: Iterable[Cell]) -> None:
        self.table = table
        self.cells: set[Cell] = set()
        self.forth: dict[End, dict[Cell, End]] = defaultdict(dict)
        self.back: dict[End, dict[Cell, End]] = defaultdict(dict)
        self.beside: Counter[tuple[End, End]] = Counter()
        for cell in hidden:
            self.add(cell)

    def add(self, cell: Cell) -> None:
        """Let one more count give way."""
        self.cells.add(cell)
        for start, goal in self._own(cell):
            self.forth[start][cell] = goal
            self.back[goal][cell] = start
            self.beside[start, goal] += 1

    def _own(self, cell: Cell) -> list[tuple[End, End]]:
        """Return the ways of one cell: one more from start to goal, one less from goal to start."""
        (start, goal), (least, most) = self.table.ends[cell], self.table.bounds(cell)
        value = self.table.values[cell]
        return [(start, goal)] * (value < most) + [(goal, start)] * (value > least)

    def told(self) -> list[Cell]:
        """Return the hidden counts that only one value fits, the rest of the table being as it is shown."""
        varying = self._on_rings()
        return [cell for cell in sorted(self.cells) if cell not in varying and not self.may_vary(cell)]

    def may_vary(self, cell: Cell) -> bool:
        """Say whether another value of a count fits."""
        start, goal = self.table.ends[cell]
        own = self._own(cell)
        if start == goal and own:
            return True
        for begin, end in own:
            others = self.beside[end, begin] - ((end, begin) in own)
            if others or begin in self._reached(end, self.forth, cell):
                return True
        return False

    def best_beside(self, told: Cell, hidden: set[Cell]) -> Cell:
        """Return what to hide, too, so that a count may vary: of its own lines first, the smallest first."""
        lines = {cell for line in self.table.lines if told in line for cell in line}
        others = sorted(self.table.open(self.table.values, hidden), key=lambda cell: cell not in lines)
        from_end = [
            (self._reached(end, self.forth, told), self._reached(begin, self.back, told))
            for begin, end in self._own(told)
        ]
        for one in others:
            if any(start in there and goal in here for start, goal in self._own(one) for there, here in from_end):
                return one
        return others[0]

    def _reached(self, start: End, ways: Mapping[End, Mapping[Cell, End]], without: Cell) -> set[End]:
        seen, waiting = {start}, [start]
        while waiting:
            for cell, end in ways.get(waiting.pop(), {}).items():
                if end not in seen and cell != without:
                    seen.add(end)
                    waiting.append(end)
        return seen

    def _on_rings(self) -> set[Cell]:
        """Return counts that surely vary: on a ring of counts that can give way in both directions, found in one walk."""
        both: dict[End, list[tuple[End, Cell]]] = defaultdict(list)
        for cell in sorted(self.cells):
            if len(own := self._own(cell)) > 1:
                for start, goal in own:
                    both[start].append((goal, cell))
        above: dict[End, tuple[End, Cell]] = {}
        depth: dict[End, int] = {}
        for root in both:
            waiting = [] if root in depth else [root]
            depth.setdefault(root, 0)
            while waiting:
                here = waiting.pop()
                for there, cell in both[here]:
                    if there not in depth:
                        depth[there], above[there] = depth[here] + 1, (here, cell)
                        waiting.append(there)
        tree = {cell for _, cell in above.values()}
        top = {end: end for end in depth}

        def highest(end: End) -> End:
            while top[end] != end:
                top[end] = top[top[end]]
                end = top[end]
            return end

        found: set[Cell] = set()
        for start, ways in both.items():
            for goal, cell in ways:
                if cell in tree:
                    continue
                found.add(cell)
                one, other = highest(start), highest(goal)
                while one != other:
                    lower, rest = (one, other) if depth[one] >= depth[other] else (other, one)
                    upper, between = above[lower]
                    found.add(between)
                    top[lower] = upper
                    one, other = highest(lower), rest
        return found


def _written(count: int, is_hidden: bool) -> str:
    return HIDDEN if is_hidden and count >= SMALLEST_COUNT else small(count)
