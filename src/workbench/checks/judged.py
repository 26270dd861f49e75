"""Which table each suite judges, and whose rows it may hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.checks.derived import CheckedMapping, derive_expectations
from workbench.checks.suites import Expectation, Suite
from workbench.errors import MappingProblem, gather
from workbench.warehouse import Warehouse


@dataclass(frozen=True)
class Judged:
    """One table, what is expected of it, the mappings whose rows it may hold, and what this plan leaves unasked."""

    title: str
    table: str
    key: str
    expectations: tuple[Expectation, ...]
    holds: tuple[CheckedMapping, ...]
    unasked: tuple[Expectation, ...] = ()
    """Written of fields that fold into a text area on this plan: no column is left to judge."""


def pair_suites(suites: Sequence[Suite], mappings: Sequence[CheckedMapping]) -> list[Judged]:
    """Put the written suites of each table before what its mapping says; a suite of no table is refused."""
    written = {suite.name: suite.expectations for suite in suites if suite.schema == "staged"}
    strays = sorted(set(written) - {mapping.name for mapping in mappings})
    if strays:
        problems = [f"staged/{name}.json: there is no mapping {name!r}" for name in strays]
        raise MappingProblem(gather("expectations", problems))
    judged = []
    for suite in suites:
        if suite.schema == "raw":
            holds = tuple(mapping for mapping in mappings if mapping.source_object == suite.name)
            judged.append(Judged(suite.title, suite.table, suite.key, suite.expectations, holds))
    for mapping in mappings:
        stated = written.get(mapping.name, ())
        unasked = tuple(one for one in stated if {*one.columns} & {*mapping.folded})
        expectations = (*(one for one in stated if one not in unasked), *derive_expectations(mapping))
        judged.append(Judged(f"staged/{mapping.name}", mapping.table, "source_id", expectations, (mapping,), unasked))
    return judged


def refuse_missing_columns(warehouse: Warehouse, judged: Sequence[Judged]) -> None:
    """Raise once for every table and column that an expectation asks for and the warehouse lacks."""
    problems = []
    for one in judged:
        columns = set(warehouse.columns(one.table))
        if not columns:
            problems.append(f"{one.title}: there is no table {one.table}; stage first, or drop the suite")
            continue
        asked = {one.key} | {column for expectation in one.expectations for column in expectation.columns}
        problems += [f"{one.title}: {one.table} has no column {column!r}" for column in sorted(asked - columns)]
    if problems:
        raise MappingProblem(gather("expectations", problems))
