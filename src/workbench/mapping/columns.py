"""Every column that a mapping names has to come out of its source SELECT."""

from __future__ import annotations

from difflib import get_close_matches

import duckdb

from workbench.errors import MappingProblem, gather
from workbench.mapping.files import Mappings
from workbench.mapping.spellings import hand_over_value_maps
from workbench.settings import Settings
from workbench.warehouse import open_warehouse


def require_columns(settings: Settings, mappings: Mappings) -> None:
    """Stop with file and column for each column that no source SELECT yields, before anything is staged."""
    problems: list[str] = []
    with open_warehouse(settings.warehouse, locked_down=True) as warehouse:
        hand_over_value_maps(warehouse, mappings)
        for source in mappings.sources.values():
            try:
                rows = warehouse.run(f"DESCRIBE {source.sql}")
            except duckdb.Error as problem:
                problems.append(f"mappings/sources/{source.name}.sql: {str(problem).splitlines()[0]}")
                continue
            have = {row[0] for row in rows}
            for mapping in mappings.of(source.name):
                for column in sorted(mapping.used_columns - have):
                    close = get_close_matches(column, sorted(have), n=1)
                    meant = f"; did you mean {close[0]!r}?" if close else ""
                    problems.append(f"mappings/objects/{mapping.name}.toml: {source.name}.sql yields no column {column!r}{meant}")
    if problems:
        raise MappingProblem(gather("mappings/", problems))
