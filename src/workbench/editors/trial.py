"""A change of mapping files before it is written: its text, all files read with it, and one row staged with them."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import duckdb
import polars as pl
import tomlkit
from tomlkit.items import Item

from workbench.errors import MappingProblem, WorkbenchError, gather
from workbench.mapping.columns import missing_columns
from workbench.mapping.custom_fields import FOLDED, slug
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.grammar import listed, written
from workbench.mapping.object_mapping import ObjectMapping
from workbench.mapping.sources import reason_of
from workbench.mapping.spellings import hand_over_value_maps
from workbench.mapping.value_map import read_value_map, save_value_map
from workbench.privacy import mask
from workbench.settings import Settings
from workbench.staging.problems import start_problems
from workbench.staging.rows import stage_mapping
from workbench.staging.stage import answer_filters
from workbench.warehouse import identifier, open_warehouse

Texts = Mapping[str, str]
"""Changed decision files: path below the migration folder, whole text."""
Spec = Mapping[str, Any]
"""What fills one field, as a mapping file says it: `{"from": "city", "via": "text"}`."""
Table = MutableMapping[str, Any]
FIELD_TYPES = {"day": "date", "local_day": "date", "checkbox": "checkbox", "money": "number", "integer": "number"}
"""The type of a new custom field by the transform that fills it; any other is a text."""
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


def fill_field(text: str, section: str, name: str, spec: Spec) -> str:
    """Return the text with a field or lookup filled by `spec`; a comment beside it stays."""
    document = tomlkit.parse(text)
    table = _section(document, section)
    made = tomlkit.parse(f"made = {written(spec)}\n")["made"]
    if name in table:
        old, new = cast(Item, table[name]).trivia, cast(Item, made).trivia
        new.comment_ws, new.comment = old.comment_ws, old.comment
    table[name] = made
    return tomlkit.dumps(document)


def say_of_column(text: str, section: str, column: str, said: str) -> str:
    """Return the text with what a section says of a source column: why it is ignored, or how sensitive it is."""
    document = tomlkit.parse(text)
    _section(document, section)[column] = said
    return tomlkit.dumps(document)


def take_out(text: str, column: str, *, keep: Collection[str] = ()) -> tuple[str, list[str]]:
    """Return the text in which no field, lookup or reason speaks of a column any more, and the fields that are gone.

    A field that has other columns keeps them, and one that is kept the column.
    """
    document = tomlkit.parse(text)
    gone = []
    for section in ("fields", "lookups"):
        table = _section(document, section) if section in document else {}
        for name, spec in list(table.items()):
            columns = listed(spec.get("from", ())) if isinstance(spec, Mapping) else ()
            if column not in columns or name in keep:
                continue
            left = [one for one in columns if one != column]
            if left:
                spec["from"] = left[0] if len(left) == 1 else left
            else:
                del table[name]
                gone.append(name)
    if "ignored" in document:
        _section(document, "ignored").pop(column, None)
    return tomlkit.dumps(document), gone


def define_field(text: str, name: str, label: str, type_: str) -> str:
    """Return a file of custom fields with one more at its end, the first to be given up when the plan is short."""
    body = f"[{name}]\nlabel = {written(label)}\ntype = {written(type_)}\nrank = {written('nice')}\n"
    return f"{text.rstrip()}\n\n{body}"


def new_field(text: str, path: str, name: str, via: str) -> str:
    """Return a file of custom fields with the definition that a new field needs, of the type that a transform makes."""
    label = " ".join(one.capitalize() for one in name.removeprefix("cf_").split("_"))
    if slug(label) != name:
        raise MappingProblem(f"{name}: Freshsales would name a field {label!r} {slug(label)!r}; define it in {path}.")
    return define_field(text, name, label, FIELD_TYPES.get(via, "text"))


def undefine_field(text: str, name: str) -> str:
    """Return a file of custom fields without one of them."""
    document = tomlkit.parse(text)
    document.pop(name, None)
    return tomlkit.dumps(document).rstrip() + "\n"


def _section(document: tomlkit.TOMLDocument, name: str) -> Table:
    if name not in document:
        document[name] = tomlkit.table()
    return cast(Table, document[name])


def read_trial(settings: Settings, texts: Texts) -> Mappings:
    """Read all mapping files as they would be with some of them changed; raises every problem of every file."""
    with TemporaryDirectory() as folder:
        room = Path(folder)
        shutil.copytree(settings.mappings, room / "mappings", ignore=shutil.ignore_patterns("values", "drafts"))
        for name, text in texts.items():
            (room / name).write_text(text, "utf-8")
        save_value_map(room / "mappings" / "values", read_value_map(FOLDED, settings.values_folders))
        # Other value maps are read where they are: later, and under the migration's own key.
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


def changed_fields(now: Payload, then: Payload) -> list[tuple[str, str, str]]:
    """Return every field of two payloads with its shape in both, in the order of the later one."""
    names = [*then.fields, *(one for one in now.fields if one not in then.fields)]
    return [(one, now.fields.get(one, ""), then.fields.get(one, "")) for one in names]
