"""What staging noticed, row by row; it lists, and checks decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from workbench.errors import WorkbenchError
from workbench.vocabulary import Severity
from workbench.warehouse import Warehouse, open_warehouse

SCHEMA = {
    "mapping": pl.String,
    "source_object": pl.String,
    "source_id": pl.String,
    "field": pl.String,
    "rule": pl.String,
    "severity": pl.String,
    "message": pl.String,
}


class UnreadableError(WorkbenchError):
    """A value cannot become what the destination wants; the text names what is wrong, never the value.

    `kept` is what the field holds all the same.
    """

    def __init__(self, rule: str, message: str, severity: Severity = Severity.WARN, kept: str | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.severity = severity
        self.kept = kept


@dataclass
class Problems:
    """Problems of one mapping, gathered until they are written."""

    mapping: str
    source_object: str
    found: list[tuple[str, str, str, str, str, str, str]] = field(default_factory=list)

    def note(self, source_id: str, field_name: str, rule: str, severity: Severity, message: str) -> None:
        """Note one problem; the message says what is wrong and never the value."""
        self.found.append((self.mapping, self.source_object, source_id, field_name, rule, severity, message))

    def write(self, warehouse: Warehouse) -> int:
        """Append what was gathered to staged.problems and return how many."""
        count = len(self.found)
        if count:
            warehouse.write("staged.problems", pl.DataFrame(self.found, schema=SCHEMA, orient="row"), append=True)
        self.found.clear()
        return count


def start_problems(warehouse: Warehouse) -> None:
    """Empty staged.problems for a new staging."""
    warehouse.write("staged.problems", pl.DataFrame(schema=SCHEMA))


def count_problems(warehouse: Path) -> pl.DataFrame:
    """Return problems by mapping, field and rule, the gravest first: counts, no ids."""
    with open_warehouse(warehouse) as opened:
        return opened.frame(
            "SELECT severity, mapping, field, rule, count(*) AS rows FROM staged.problems GROUP BY ALL"
            " ORDER BY severity, mapping, field, rule"
        )
