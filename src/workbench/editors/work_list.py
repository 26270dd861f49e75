"""A work list that came back: decisions typed into its workbook become rows of value maps, all of them or none."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workbench.checks.work_list import Waiting, WorkList, closed_choices, decision_words, work_list
from workbench.dental_exec.workbooks import Sheet, transcribe
from workbench.errors import ExportProblem, MappingProblem, WorkbenchError, gather
from workbench.ledger.audit import note_act
from workbench.mapping.files import Mappings
from workbench.mapping.value_map import EXISTING, Decided, ValueMap, adoptions, read_value_map, save_value_map
from workbench.privacy import screened
from workbench.reports.held import DECIDES, STANDS, TYPED
from workbench.settings import Settings
from workbench.vocabulary import Decision

KEY = ("source_object", "source_id", "mapping", "field", "value_map")
NOTE = "typed into the work list"
NO_KEEP = "a spelling that may hold personal data cannot be kept as it is; map it to the name that is meant"
Cells = dict[str, str]


@dataclass
class Reading:
    """What was read so far: problems, and decisions by value map and spelling, each with the place where it stands."""

    work: WorkList
    by: str
    on: str
    problems: list[str] = field(default_factory=list)
    decided: dict[tuple[str, str], tuple[Decided, str]] = field(default_factory=dict)


def read_work_list(settings: Settings, mappings: Mappings, path: Path, *, by: str, on: str) -> dict[str, Any]:
    """Write the decisions of a work list into this target's value maps, signed with a name and a day; say what was written.

    Blank cells change nothing. Every problem of the file is told at once, and then nothing is written.
    """
    if not path.is_file():
        raise ExportProblem(f"There is no file {path}. Write one with: workbench status --held --xlsx {path}")
    reading = Reading(work_list(settings, mappings), by, on)
    with TemporaryDirectory() as room:
        sheets = transcribe(path, Path(room))
        _compare_origin(reading, path, sheets)
        for sheet in sheets[1:] if not reading.problems else ():
            _read_sheet(reading, sheet)
    maps = _merged(settings, mappings, reading)
    if reading.problems:
        raise MappingProblem(
            gather(path.name, reading.problems) + "\nNothing was written. Correct these cells and read it back again."
        )
    rows = []
    for before, after in maps:
        new = sum(before.rows.get(key) != row for key, row in after.rows.items())
        if new:
            save_value_map(settings.own_decisions, after)
        rows.append((after.name, new))
    written = sum(new for _, new in rows)
    note_act(settings, "decisions read back", "value maps", by=by, rows=written)
    lines = [*sheets[0].findings, *(f"{name}: {new} decision{'s' * (new != 1)}" for name, new in rows if new)]
    way = f"Next: workbench approve{settings.option}, then workbench run --from stage{settings.option}."
    last = way if written else "Nothing new is decided there."
    return {"file": str(path), "decisions": written, "value_maps": dict(rows), "text": "\n".join([*lines, last])}


def _compare_origin(reading: Reading, path: Path, sheets: list[Sheet]) -> None:
    """Refuse a workbook that is no work list, or one of another migration, target, run or snapshot: its ids mean others."""
    told = {cells[0]: cells[1] for cells in _records(sheets[0]) if len(cells) > 1}
    now = reading.work.written_for
    if not set(now) <= set(told):
        raise ExportProblem(f"{path.name} is no work list. Write one with: workbench status --held --xlsx {path}")
    reading.problems += [
        f"was written for the {name} {told[name]}, and this is {value}; write the list again and decide there"
        for name, value in now.items()
        if told[name] != value
    ]


def _records(sheet: Sheet) -> Iterator[list[str]]:
    with sheet.path.open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file)


def _read_sheet(reading: Reading, sheet: Sheet) -> None:
    rows = _records(sheet)
    names = [cell.strip() for cell in next(rows, [])]
    if not set(TYPED) & set(names):
        return
    if missing := sorted({*STANDS[:4], *DECIDES} - set(names)):
        reading.problems.append(f"sheet {sheet.title}: the column {', '.join(missing)} is missing")
        return
    if sheet.formulas:
        many = "1 cell holds a formula" if sheet.formulas == 1 else f"{sheet.formulas} cells hold formulas"
        comes = "it comes" if sheet.formulas == 1 else "they come"
        reading.problems.append(f"sheet {sheet.title}: {many}; type what {comes} to, or paste values")
    waiting: dict[tuple[str, ...], Waiting] = {
        (*one.key, one.value_map): one for one in reading.work.waiting if one.value_map
    }
    for number, cells in enumerate(rows, start=2):
        line = {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
        if any(line.get(name) for name in TYPED):
            place = f"sheet {sheet.title}, row {number}"
            found, problem = _judge(reading.work, line, waiting)
            if found is None:
                reading.problems.append(f"{place}: {problem}")
            else:
                _keep(reading, *found, line["note"], place)


def _judge(
    work: WorkList, line: Cells, waiting: Mapping[tuple[str, ...], Waiting]
) -> tuple[tuple[Waiting, Decision, str] | None, str]:
    """Return what one line decides, or what is wrong with it."""
    one = waiting.get(tuple(line.get(name, "") for name in KEY))
    if one is None:
        return None, "no decision is asked for these ids: they were changed, or the row is not held for this any more"
    if line["source_value"] != screened(one.spelling):
        return None, "the source_value was changed"
    word, answer = line["decision"].lower(), line["destination_value"]
    words, allowed = decision_words(one.value_map), closed_choices(work, one)
    if word not in words:
        typed = "decision is empty" if not word else "decision is not known"
        return None, f"{typed}; it is one of {', '.join(words)}"
    decision = words[word]
    takes = decision is Decision.MAP
    if takes and not answer:
        return None, f"{word} needs a destination_value"
    if not takes and answer:
        return None, f"{word} takes no destination_value"
    given = answer if takes else one.spelling if decision is Decision.KEEP else None
    if given is not None and allowed is not None and given not in allowed:
        same = next((choice for choice in allowed if choice.casefold() == given.casefold()), None)
        if same is None:
            return (
                None,
                f"destination_value is none of the {len(allowed)} choices" if takes else "the spelling is no choice",
            )
        answer = same if takes else answer
    return (one, decision, answer), ""


def _keep(reading: Reading, one: Waiting, decision: Decision, answer: str, note: str, place: str) -> None:  # noqa: PLR0917
    made = Decided(one.spelling, decision, answer, reading.by, reading.on, note or NOTE)
    key = (one.value_map, one.spelling)
    known, where = reading.decided.setdefault(key, (made, place))
    if (known.decision, known.destination_value) != (decision, answer):
        reading.problems.append(f"{place}: decides otherwise than {where} for the same spelling")


def _merged(settings: Settings, mappings: Mappings, reading: Reading) -> list[tuple[ValueMap, ValueMap]]:
    """Return each map as it stands and as it becomes; what says the same already stays as it was signed."""
    made = []
    for name in sorted({value_map for value_map, _ in reading.decided}):
        before = read_value_map(name, [settings.own_decisions], mappings.values(name).key)
        rows = dict(before.rows)
        for (value_map, spelling), (row, place) in reading.decided.items():
            if value_map != name:
                continue
            known = before.find(spelling)
            same = known and (known.decision, known.destination_value) == (row.decision, row.destination_value)
            if not same:
                rows[spelling] = row
            if row.decision is Decision.KEEP and before.hides(spelling):
                reading.problems.append(f"{place}: {NO_KEEP}")
        after = replace(before, rows=rows)
        after = replace(after, rows=after.written())
        if name == EXISTING:
            try:
                adoptions(after)
            except WorkbenchError as problem:
                reading.problems.append(str(problem).partition("\n")[2].strip())
        made.append((before, after))
    return made
