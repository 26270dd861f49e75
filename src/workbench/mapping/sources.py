"""Reviewed SELECTs: one file an object over raw.* and profile.*, keyed, and unable to write or to reach out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

HEAD = re.compile(r"^--\s*(object|key):\s*(\w+)\s*$", re.MULTILINE)
ASKS = re.compile(r"^--\s*asks:\s*(\w+)\s+of\s+(\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """One source object: its name, the column that names a row, and the SELECT that yields it.

    `asks` names value maps that the SELECT itself joins as `map_<name>`, each with the column that holds its spelling.
    """

    name: str
    key: str
    sql: str
    asks: tuple[tuple[str, str], ...] = ()

    @property
    def table(self) -> str:
        """Where staging keeps the rows that the SELECT yields."""
        return f"staged.source_{self.name}"


def read_source(path: Path) -> tuple[Source | None, list[str]]:
    """Read one SQL file; its first lines say `-- object: contacts` and `-- key: contact_id`."""
    sql = path.read_text("utf-8")
    head = dict(HEAD.findall(sql))
    problems = [f"the line '-- {word}: …' is missing" for word in ("object", "key") if word not in head]
    if head.get("object", path.stem) != path.stem:
        problems.append(f"is named {path.stem} and says object: {head['object']}")
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as problem:
        return None, [*problems, f"cannot be parsed: {str(problem).splitlines()[0]}"]
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        problems.append("holds exactly one SELECT and nothing else")
    if problems:
        return None, problems
    return Source(path.stem, head["key"], sql.strip().rstrip(";"), tuple(ASKS.findall(sql))), []
