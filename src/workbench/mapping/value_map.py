"""Value maps: one CSV row a spelling, with what a person decided; sorted, and byte-stable when saved twice."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import MappingProblem, gather
from workbench.vocabulary import Decision

HEADER = ("source_value", "decision", "destination_value", "decided_by", "decided_on", "note")


@dataclass(frozen=True)
class Decided:
    """One row: what stands for one spelling, who said so and when."""

    source_value: str
    decision: Decision
    destination_value: str = ""
    decided_by: str = ""
    decided_on: str = ""
    note: str = ""

    @property
    def answer(self) -> str | None:
        """What the destination gets; None when it stays empty or is still open."""
        if self.decision is Decision.MAP:
            return self.destination_value
        return self.source_value if self.decision is Decision.KEEP else None

    @property
    def is_open(self) -> bool:
        """Say whether a person still has to answer."""
        return self.decision is Decision.ASK


@dataclass(frozen=True)
class ValueMap:
    """Every decision of one map, by spelling."""

    name: str
    rows: dict[str, Decided]

    def destination_values(self) -> list[str]:
        """Return the distinct answers, sorted."""
        return sorted({answer for row in self.rows.values() if (answer := row.answer)})

    def missing(self, spellings: Iterable[str]) -> list[str]:
        """Return the spellings that no row speaks of, sorted."""
        return sorted(set(spellings) - set(self.rows))


def read_value_map(name: str, folders: Iterable[Path]) -> ValueMap:
    """Read one map from every folder that has it, the later folder over the earlier."""
    rows: dict[str, Decided] = {}
    for folder in folders:
        path = folder / f"{name}.csv"
        if path.is_file():
            rows |= _read(path)
    return ValueMap(name, rows)


def save_value_map(folder: Path, value_map: ValueMap) -> Path:
    """Write a map sorted by spelling, whole or not at all."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    for key in sorted(value_map.rows):
        row = value_map.rows[key]
        writer.writerow(
            [row.source_value, row.decision, row.destination_value, row.decided_by, row.decided_on, row.note]
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{value_map.name}.csv"
    beside = path.with_suffix(".csv.part")
    beside.write_text(buffer.getvalue(), "utf-8")
    os.replace(beside, path)
    return path


def decide(
    value_map: ValueMap, decisions: Mapping[str, tuple[Decision, str]], *, by: str, on: str, note: str = ""
) -> ValueMap:
    """Return the map with decisions added or changed, signed with a name and a day."""
    rows = dict(value_map.rows)
    for spelling, (decision, answer) in decisions.items():
        rows[spelling] = Decided(spelling, decision, answer, by, on, note)
    return replace(value_map, rows=rows)


def _read(path: Path) -> dict[str, Decided]:
    problems = []
    rows: dict[str, Decided] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = tuple(next(reader, ()))
        if header != HEADER:
            raise MappingProblem(f"mappings/values/{path.name}: the header has to be {','.join(HEADER)}")
        for cells in reader:
            line = reader.line_num
            if len(cells) != len(HEADER):
                problems.append(f"line {line}: {len(cells)} cells where {len(HEADER)} belong")
                continue
            source_value, decision, *rest = cells
            if decision not in list(Decision):
                problems.append(f"line {line}: decision is one of {', '.join(Decision)}")
            elif decision == Decision.MAP and not rest[0]:
                problems.append(f"line {line}: map needs a destination_value")
            elif source_value in rows:
                problems.append(f"line {line}: the spelling stands twice")
            else:
                rows[source_value] = Decided(source_value, Decision(decision), *rest)
    if problems:
        raise MappingProblem(gather(f"mappings/values/{path.name}", problems))
    return rows
