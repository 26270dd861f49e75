"""Value maps: one CSV row a spelling, with what a person decided; sorted, and byte-stable when saved twice."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from types import SimpleNamespace

from workbench.errors import MappingProblem, gather
from workbench.privacy import mask, may_be_personal, shown_id, token
from workbench.vocabulary import Decision

SAFE_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}$")
"""A name may come from a value of the export (`stage.{pipeline}`); whatever else it says is no file."""
EXISTING = "existing"
"""The map of records that stood in the tenant before us: `map` adopts the id, `blank` creates beside it, `ask` holds."""
CONFLICTS = "conflicts"
"""The map of fields that both sides changed, `contacts/C1042/city`: `map` takes the source's value, `keep` theirs, `ask` waits."""
HMAC = "hmac:"
"""How a spelling begins that may hold personal data and is not written down: its keyed token follows."""
CRLF = "\r\n"
DECISIONS = {str(one): one for one in Decision}
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
    """Every decision of one map, by spelling.

    `key` gives the key of tokens, for a map of what people typed; a map of ids has none and writes every id as it is.
    """

    name: str
    rows: dict[str, Decided]
    key: Callable[[], bytes] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def _tokens(self) -> bytes | None:
        """The key, where any row needs it."""
        return self.key() if self.key and any(one.startswith(HMAC) for one in self.rows) else None

    def hides(self, spelling: str) -> bool:
        """Say whether a spelling may hold personal data, so that it is written as a token and never accepted unseen."""
        return self.key is not None and not spelling.startswith(HMAC) and may_be_personal(spelling)

    def find(self, spelling: str) -> Decided | None:
        """Return what is decided for a spelling as typed: under itself, or under the token that stands for it."""
        found = self.rows.get(spelling)
        if found is None and self._tokens and self.hides(spelling):
            found = self.rows.get(HMAC + token(self._tokens, spelling))
        return found

    def written(self) -> dict[str, Decided]:
        """Return the rows as they may be written: a token for what may hold personal data, its shape leading the note.

        A spelling that a person keeps as it is stays: that it may be shown is what the person decided.
        """
        hidden = [row for row in self.rows.values() if self._is_hidden(row)]
        if not self.key or not hidden:
            return dict(self.rows)
        made = {name: row for name, row in self.rows.items() if not self._is_hidden(row)}
        for row in hidden:
            name, shape = HMAC + token(self.key(), row.source_value), mask(row.source_value)
            made[name] = replace(row, source_value=name, note=f"{shape}; {row.note}" if row.note else shape)
        return made

    def _is_hidden(self, row: Decided) -> bool:
        return row.decision is not Decision.KEEP and self.hides(row.source_value)

    def destination_values(self) -> list[str]:
        """Return the distinct answers, sorted."""
        return sorted({answer for row in self.rows.values() if (answer := row.answer)})

    def missing(self, spellings: Iterable[str]) -> list[str]:
        """Return the spellings that no row speaks of, sorted."""
        return sorted(one for one in set(spellings) if self.find(one) is None)


def bare(row: Decided, spelling: str) -> Decided:
    """Return a row under its spelling; where a token stood for it, without the shape that leads its note when written."""
    if not row.source_value.startswith(HMAC):
        return row
    return replace(row, source_value=spelling, note=row.note.removeprefix(mask(spelling)).removeprefix("; "))


def read_value_map(name: str, folders: Iterable[Path], key: Callable[[], bytes] | None = None) -> ValueMap:
    """Read one map from every folder that has it, the later folder over the earlier; `ask` never covers an answer."""
    rows: dict[str, Decided] = {}
    for folder in folders if SAFE_NAME.match(name) else ():
        path = folder / f"{name}.csv"
        if path.is_file():
            found = _read(path)
            rows |= {key: row for key, row in found.items() if not (row.is_open and key in rows)} if rows else found
    return ValueMap(name, rows, key)


def save_value_map(folder: Path, value_map: ValueMap) -> Path:
    """Write a map sorted by spelling, whole or not at all; what may hold personal data as its token."""
    if not SAFE_NAME.match(value_map.name):
        raise MappingProblem("A value map is named with letters, digits, dots and underscores.")
    lines: list[str] = []
    # Its own line end has a lone CR inside of a spelling quoted, too; it is cut again below.
    writer = csv.writer(SimpleNamespace(write=lines.append))
    writer.writerow(HEADER)
    writer.writerows(
        (row.source_value, row.decision, row.destination_value, row.decided_by, row.decided_on, row.note)
        for _, row in sorted(value_map.written().items())
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{value_map.name}.csv"
    beside = path.with_suffix(".csv.part")
    text = "".join(line.removesuffix(CRLF) + "\n" for line in lines)
    beside.write_text(text, "utf-8")
    beside.replace(path)
    return path


def adoptions(existing: ValueMap) -> dict[str, int]:
    """Return, by source key, the id of the foreign record that a person decided to adopt."""
    problems: list[str] = []
    taken: dict[tuple[str, str], str] = {}
    found: dict[str, int] = {}
    for key, row in existing.rows.items():
        if row.decision is Decision.KEEP:
            problems.append(f"{shown_id(key)}: keep means nothing here; map adopts the id, blank creates, ask holds")
        elif row.answer is not None:
            place = (key.partition("/")[0], row.answer)
            if not re.fullmatch(r"[0-9]{1,18}", row.answer):
                problems.append(f"{shown_id(key)}: map needs the number of one record of the tenant")
            elif place in taken:
                problems.append(f"{shown_id(key)}: adopts the record that {shown_id(taken[place])} adopts")
            else:
                taken[place] = key
                found[key] = int(row.answer)
    if problems:
        raise MappingProblem(gather(f"mappings/values/{existing.name}.csv", problems))
    return found


def decided_conflicts(conflicts: ValueMap) -> dict[str, dict[str, Decision]]:
    """Return, by source key and field, what a person decided about fields that both sides changed."""
    problems: list[str] = []
    found: dict[str, dict[str, Decision]] = {}
    for name, row in conflicts.rows.items():
        key, _, field = name.rpartition("/")
        if "/" not in key or not field:
            problems.append(f"{shown_id(name)}: is no object/id/field, such as contacts/C1042/city")
        elif row.decision is Decision.BLANK:
            problems.append(
                f"{shown_id(name)}: blank means nothing here; map takes the source's value, keep theirs, ask waits"
            )
        elif not row.is_open:
            found.setdefault(key, {})[field] = row.decision
    if problems:
        raise MappingProblem(gather(f"mappings/values/{conflicts.name}.csv", problems))
    return found


def decide(
    value_map: ValueMap, decisions: Mapping[str, tuple[Decision, str]], *, by: str, on: str, note: str = ""
) -> ValueMap:
    """Return the map with decisions added or changed, signed with a name and a day."""
    rows = dict(value_map.rows)
    for spelling, (decision, answer) in decisions.items():
        rows[spelling] = Decided(spelling, decision, answer, by, on, note)
    return replace(value_map, rows=rows)


def _read(path: Path) -> dict[str, Decided]:
    where = f"mappings/values/{path.name}" if path.parent.name == "values" else f"{path.parent.name}/{path.name}"
    return _parse(path.read_bytes(), where)


@lru_cache(maxsize=16)  # an editor reads its files again before each act, and nearly always they hold the same bytes
def _parse(written: bytes, where: str) -> dict[str, Decided]:
    """Return the rows of one file's bytes; nobody may change the dictionary, which is kept."""
    problems = []
    rows: dict[str, Decided] = {}
    try:
        reader = csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""), strict=True)
        header = tuple(next(reader, ()))
        if header != HEADER:
            raise MappingProblem(f"{where}: the header has to be {','.join(HEADER)}")
        for cells in reader:
            problem = _row_problem(cells, rows)
            if problem:
                problems.append(f"line {reader.line_num}: {problem}")
            else:
                rows[cells[0]] = Decided(cells[0], DECISIONS[cells[1]], *cells[2:])
    except UnicodeDecodeError:
        raise MappingProblem(f"{where}: is not UTF-8; save it as CSV UTF-8") from None
    except csv.Error as problem:
        raise MappingProblem(f"{where}: line {reader.line_num}: {problem}") from None
    if problems:
        raise MappingProblem(gather(where, problems))
    return rows


def _row_problem(cells: list[str], rows: Mapping[str, Decided]) -> str:
    if len(cells) != len(HEADER):
        return f"{len(cells)} cells where {len(HEADER)} belong"
    spelling, decision, answer = cells[:3]
    if decision not in DECISIONS:
        return f"decision is one of {', '.join(Decision)}"
    if decision == Decision.MAP and not answer:
        return "map needs a destination_value"
    if decision == Decision.KEEP and spelling.startswith(HMAC):
        return "keep means nothing for a token; map it to the name that is meant"
    if not spelling.strip():
        return "the spelling is empty; a blank value asks no map"
    return "the spelling stands twice" if spelling in rows else ""
