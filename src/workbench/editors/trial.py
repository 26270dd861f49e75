"""Decision files with a change that is not written yet: read like the real ones, and one row staged with them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from workbench.errors import MappingProblem, WorkbenchError, gather
from workbench.mapping.columns import missing_columns
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.sources import reason_of
from workbench.mapping.spellings import hand_over_value_maps
from workbench.privacy import mask
from workbench.settings import Settings
from workbench.staging.problems import start_problems
from workbench.staging.rows import stage_mapping
from workbench.staging.stage import answer_filters
from workbench.warehouse import identifier, open_warehouse

Texts = Mapping[str, str]
"""Changed decision files: path below the migration folder, whole text."""
READ = 200
"""So many rows of a source are looked at, one of which is staged."""
OURS = {"source_id", "depth", "fingerprint"}


@dataclass(frozen=True)
class Payload:
    """What one row would send: each filled field by the shape of its value, and what staging could not read."""

    fields: dict[str, str]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class SampleRows:
    """Some rows that a mapping claims, as its source SELECT yields them; `why` says what stood in the way of any."""

    rows: pl.DataFrame
    columns: frozenset[str]
    why: str = ""

    def with_filled(self, column: str) -> pl.DataFrame:
        """Return one row, one in which the column is filled if there is any."""
        if column not in self.rows.columns:
            return self.rows.head(1)
        filled = self.rows.filter(pl.col(column).cast(pl.String).fill_null("").str.strip_chars() != "")
        return (filled if filled.height else self.rows).head(1)


def read_trial(settings: Settings, texts: Texts) -> Mappings:
    """Read all mapping files as they would be with some of them changed; raises every problem of every file."""
    with TemporaryDirectory() as folder:
        room = Path(folder)
        shutil.copytree(settings.mappings, room / "mappings", ignore=shutil.ignore_patterns("values", "drafts"))
        for name, text in texts.items():
            (room / name).write_text(text, "utf-8")
        # Value maps are read where they are: later, and under the migration's own key.
        return replace(read_mappings(replace(settings, folder=room)), settings=settings)


def require_yielded(mapping: ObjectMapping, columns: frozenset[str]) -> None:
    """Stop with each column that a mapping names and its source SELECT does not yield."""
    if columns and (missing := missing_columns(mapping, set(columns))):
        raise MappingProblem(gather("mappings/", missing))


def read_rows(settings: Settings, mappings: Mappings, mapping: ObjectMapping) -> SampleRows:
    """Return some rows that a mapping claims; the SELECT runs locked down, and nothing is written."""
    source = mappings.sources[mapping.source_object]
    with open_warehouse(settings.warehouse, locked_down=True) as warehouse:
        hand_over_value_maps(warehouse, mappings)
        try:
            answer_filters(warehouse, settings)
            rows = warehouse.frame(
                f"SELECT * REPLACE (trim({identifier(source.key)}::VARCHAR) AS {identifier(source.key)})"
                f" FROM (\n{source.sql}\n) WHERE (\n{mapping.where}\n) LIMIT {READ}"
            )
        except duckdb.Error as problem:
            return SampleRows(pl.DataFrame(), frozenset(), f"mappings/sources/{source.name}.sql: {reason_of(problem)}")
    return SampleRows(rows, frozenset(rows.columns), "" if rows.height else "The snapshot has no such row.")


def stage_row(settings: Settings, mappings: Mappings, mapping: ObjectMapping, row: pl.DataFrame) -> Payload:
    """Stage one row in a warehouse of its own, as the real step does, and return what it would send, masked."""
    source = mappings.sources[mapping.source_object]
    with TemporaryDirectory() as folder, open_warehouse(Path(folder) / "trial.duckdb", write=True) as warehouse:
        start_problems(warehouse)
        claimed = row.with_columns(pl.lit(mapping.name).alias("claimed_by"), pl.lit(1).alias("claims"))
        warehouse.write(source.table, claimed)
        stage_mapping(warehouse, settings, mappings, mapping)
        staged = warehouse.frame(f"SELECT * FROM staged.{identifier(mapping.name)} LIMIT 1")
        found = warehouse.run("SELECT field, message FROM staged.problems ORDER BY ALL")
    values = staged.row(0, named=True) if staged.height else {}
    fields = {name: _shown(mapping, name, str(one)) for name, one in values.items() if name not in OURS and one}
    return Payload(fields, tuple(f"{field}: {message}" for field, message in found))


def try_payload(settings: Settings, rows: SampleRows, mapping: str, texts: Texts, column: str) -> Payload | str:
    """Return what a row would send with changed files, or why there is none."""
    if rows.why:
        return rows.why
    try:
        mappings = read_trial(settings, texts)
        require_yielded(mappings[mapping], rows.columns)
        return stage_row(settings, mappings, mappings[mapping], rows.with_filled(column))
    except WorkbenchError as problem:
        return str(problem)


def _shown(mapping: ObjectMapping, name: str, value: str) -> str:
    field = mapping.fields.get(name)
    return value if field and field.const is not None else mask(value)
