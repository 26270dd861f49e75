"""Each distinct value of a source, converted once: tables of answers that the staging SELECT joins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.sources import Source, claimed_rows
from workbench.staging.problems import Problems, UnreadableError
from workbench.vocabulary import Severity
from workbench.warehouse import Warehouse, identifier

VALUES_AT_ONCE = 20_000
TEXTS_AT_ONCE = 2_000
"""Rows with whole documents in them, as notes have."""
Cell = str | None
Texts = tuple[Cell, ...]
Convert = Callable[[Texts], Cell]
"""Texts in, one text out; what cannot be read is raised as UnreadableError."""
ByRow = Callable[[str, Texts], Sequence[Cell]]
"""A row's id and texts in, one text or several parts out; it notes what is wrong by itself."""


@dataclass(frozen=True)
class Answers:
    """One table of answers: what it is joined by, and what a row gets from it."""

    table: str
    inputs: tuple[str, ...]
    is_empty: bool = False
    as_is: bool = False
    has_parts: bool = False

    @property
    def join(self) -> str:
        """The join of a row `s` with its answer; rows of which nothing was asked find none."""
        if self.is_empty:
            return ""
        by = " AND ".join(
            f"{self.table}.k{place} IS NOT DISTINCT FROM {text}" for place, text in enumerate(self.inputs)
        )
        return f" LEFT JOIN {self.table} ON {by}"

    @property
    def value(self) -> str:
        """What stands for the row's value."""
        if self.is_empty:
            return self.inputs[0] if self.as_is else "NULL::VARCHAR"
        made = f"{self.table}.made"
        return f"CASE WHEN {self.table}.k0 IS NULL THEN {self.inputs[0]} ELSE {made} END" if self.as_is else made


@dataclass
class Conversions:
    """The answers to everything that one mapping asks, each question asked once."""

    warehouse: Warehouse
    mapping: ObjectMapping
    source: Source
    problems: Problems
    asked: dict[tuple[str, tuple[str, ...]], Answers] = field(default_factory=dict)

    @property
    def rows(self) -> str:
        """The rows that the mapping claims, as a table expression."""
        return claimed_rows(self.source, self.mapping.name)

    @property
    def key(self) -> str:
        """The source's key, as SQL over a row `s`."""
        return f"s.{identifier(self.source.key)}"

    @property
    def joins(self) -> str:
        """Every join that the answers asked so far need."""
        return "".join(one.join for one in self.asked.values())

    def ask(
        self, what: str, inputs: Sequence[str], convert: Convert, *, as_is: str | None = None, blank_too: bool = False
    ) -> Answers:
        """Convert the distinct texts of some SQL inputs. Texts in the shape `as_is` stand for themselves, unasked."""
        known = self.asked.get((what, tuple(inputs)))
        if known:
            return known
        table = f"answers_{len(self.asked)}"
        self._start(table, len(inputs), "rule VARCHAR, severity VARCHAR, message VARCHAR")
        only_odd = as_is is not None and len(inputs) == 1
        condition = "true" if blank_too else f"coalesce({', '.join(inputs)}, NULL) IS NOT NULL"
        if only_odd:
            condition = f"NOT regexp_full_match({inputs[0]}, '{as_is}')"
        named = ", ".join(f"{text} AS k{place}" for place, text in enumerate(inputs))
        count = 0
        for frame in self.warehouse.frames(
            f"SELECT DISTINCT {named} FROM {self.rows} s WHERE {condition}", VALUES_AT_ONCE
        ):
            columns = [frame[f"k{place}"].to_list() for place in range(len(inputs))]
            answers = [_answer(convert, texts) for texts in zip(*columns, strict=True)]
            made = pl.DataFrame(answers, schema=dict.fromkeys(ANSWER, pl.String), orient="row")
            self._append(table, frame.hstack(made))
            count += frame.height
        self.asked[what, tuple(inputs)] = Answers(table, tuple(inputs), count == 0, only_odd)
        return self.asked[what, tuple(inputs)]

    def ask_rows(self, what: str, inputs: Sequence[str], convert: ByRow) -> Answers:
        """Convert row by row what no two rows share, such as a text that ends in its own marker; in one or several parts."""
        table = f"answers_{len(self.asked)}"
        self._start(table, 1, "part INTEGER")
        named = ", ".join([f"{self.key} AS k0", *(f"{text} AS i{place}" for place, text in enumerate(inputs))])
        schema = {"k0": pl.String, "made": pl.String, "part": pl.Int32}
        for frame in self.warehouse.frames(f"SELECT {named} FROM {self.rows} s", TEXTS_AT_ONCE):
            columns = [frame[f"i{place}"].to_list() for place in range(len(inputs))]
            made = [
                (one, text, part)
                for one, texts in zip(frame["k0"].to_list(), zip(*columns, strict=True), strict=True)
                for part, text in enumerate(convert(one, texts), 1)
            ]
            self._append(table, pl.DataFrame(made, schema=schema, orient="row"))
        answers = Answers(table, (self.key,), has_parts=True)
        self.asked[f"{what} by row", tuple(inputs)] = answers
        return answers

    def note(self, name: str, answers: Answers) -> None:
        """List the rows whose value could not be read, under the field that it is for."""
        if answers.is_empty or answers.has_parts:
            return
        self.warehouse.run(
            f"INSERT INTO staged.problems SELECT '{self.mapping.name}', '{self.source.name}', {self.key}, '{name}',"
            f" {answers.table}.rule, {answers.table}.severity, {answers.table}.message FROM {self.rows} s"
            f"{answers.join.replace('LEFT JOIN', 'JOIN', 1)} WHERE {answers.table}.rule IS NOT NULL"
        )

    def note_where(self, table: str, key: str, checks: Sequence[tuple[str, str, str, Severity, str]]) -> None:
        """List the rows of a table for which (field, rule, condition, severity, message as SQL) holds, in one scan."""
        if not checks:
            return
        counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for _, _, condition, _, _ in checks)
        found = self.warehouse.run(f"SELECT {counts} FROM {table} s")[0]
        for (name, rule, condition, severity, message), count in zip(checks, found, strict=True):
            if count:
                self.warehouse.run(
                    f"INSERT INTO staged.problems SELECT '{self.mapping.name}', '{self.source.name}', {key}, '{name}',"
                    f" '{rule}', '{severity}', {message} FROM {table} s WHERE {condition}"
                )

    def drop(self) -> None:
        """Forget the answers; the next mapping asks its own."""
        for one in self.asked.values():
            self.warehouse.run(f"DROP TABLE IF EXISTS {one.table}")
        self.asked.clear()

    def _start(self, table: str, keys: int, more: str) -> None:
        columns = ", ".join([*(f"k{place} VARCHAR" for place in range(keys)), "made VARCHAR", more])
        self.warehouse.run(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")

    def _append(self, table: str, frame: pl.DataFrame) -> None:
        self.warehouse.connection.register("incoming_answers", frame.to_arrow())
        self.warehouse.run(f"INSERT INTO {table} BY NAME SELECT * FROM incoming_answers")
        self.warehouse.connection.unregister("incoming_answers")


ANSWER = ("made", "rule", "severity", "message")


def _answer(convert: Convert, texts: Texts) -> tuple[Cell, Cell, Cell, Cell]:
    try:
        return convert(texts), None, None, None
    except UnreadableError as problem:
        return problem.kept, problem.rule, str(problem.severity), str(problem)
