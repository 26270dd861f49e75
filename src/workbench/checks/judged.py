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
    """One table, what is expected of it, and the mappings whose rows it may hold."""

    title: str
    table: str
    key: str
    expectations: tuple[Expectation, ...]
    holds: tuple[CheckedMapping, ...]


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
        stated = [one for one in written.get(mapping.name, ()) if not {*one.columns} & {*mapping.folded}]
        expectations = (*stated, *derive_expectations(mapping))
        judged.append(Judged(f"staged/{mapping.name}", mapping.table, "source_id", expectations, (mapping,)))
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
