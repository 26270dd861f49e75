"""A migration folder of a handful of rows, written by hand: what a test of decisions or staging needs and nothing else."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from workbench.mapping.files import Mappings, read_mappings
from workbench.settings import Settings, read_settings
from workbench.staging.stage import Staging, stage
from workbench.vocabulary import Target
from workbench.warehouse import open_warehouse

SOURCES = {
    "people": "-- object: people\n-- key: person_id\nSELECT * FROM raw.people\n",
    "practices": "-- object: practices\n-- key: practice_id\nSELECT * FROM raw.practices\n",
}
OBJECTS = {
    "person": """
kind = "record"
destination = "contact"
[source]
from = "people"
[fields]
last_name = { from = "last_name", required = true }
cf_source_system_id = { from = "person_id", via = "source_id" }
[lookups]
account = { from = "practice_id", to = "practices" }
""",
    "practice": """
kind = "record"
destination = "account"
[source]
from = "practices"
[fields]
name = { from = "name" }
cf_source_system_id = { from = "practice_id", via = "source_id" }
""",
}
ID_FIELD = '[cf_source_system_id]\nlabel = "Source System Id"\ntype = "text"\nrank = "must"\nunique = true\n'
RAW = {
    "people": "person_id,last_name,practice_id\nC1,Lund,P1\nC2,Reyes,\n",
    "practices": "practice_id,name\nP1,Lakeside\n",
    "tasks": "task_id,task_type\n",
    "users": "user_id,full_name,email,is_active\n",
    "case_pipelines": "pipeline_id,pipeline_name,sort_order,is_deleted\n",
    "case_stages": "stage_id,pipeline_id,stage_name,outcome,probability_pct,sort_order\n",
}


@dataclass(frozen=True)
class Little:
    """A migration folder under a test's own folder."""

    folder: Path

    @property
    def settings(self) -> Settings:
        """Its settings, target rehearsal."""
        return read_settings(self.folder)

    @property
    def real(self) -> Settings:
        """Its settings, target freshsales."""
        return read_settings(self.folder, Target.FRESHSALES)

    @property
    def mappings(self) -> Mappings:
        """Its decision files."""
        return read_mappings(self.settings)

    def write(self, path: str, text: str) -> Path:
        """Write one file of the folder."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def source(self, name: str, sql: str) -> Path:
        """Write one source SELECT."""
        return self.write(f"mappings/sources/{name}.sql", sql)

    def mapping(self, name: str, text: str) -> Path:
        """Write one mapping file."""
        return self.write(f"mappings/objects/{name}.toml", text)

    def values(self, name: str, *rows: str) -> Path:
        """Write one value map of `spelling,decision,answer` rows."""
        lines = [
            "source_value,decision,destination_value,decided_by,decided_on,note",
            *(f"{row},Dana,2026-11-24," for row in rows),
        ]
        return self.write(f"mappings/values/{name}.csv", "\n".join(lines) + "\n")

    def custom(self, module: str, **fields: str) -> Path:
        """Write the custom fields of a module, the source id and others by label and type."""
        made = [ID_FIELD]
        for name, kind in fields.items():
            label = name.removeprefix("cf_").replace("_", " ").title()
            made.append(f'[{name}]\nlabel = "{label}"\ntype = "{kind}"\n')
        return self.write(f"mappings/custom_fields/{module}.toml", "\n".join(made))

    def land(self, **texts: str) -> None:
        """Write raw tables from CSV texts; every column is text, an empty cell is NULL."""
        with open_warehouse(self.settings.warehouse, write=True) as warehouse:
            for name, text in texts.items():
                header, *rows = csv.reader(io.StringIO(text))
                cells: list[list[Any]] = [[cell or None for cell in row] for row in rows]
                frame = pl.DataFrame(cells, schema=dict.fromkeys(header, pl.String), orient="row")
                warehouse.write(f"raw.{name}", frame)
                warehouse.run(f"CREATE OR REPLACE VIEW profile.read_{name} AS SELECT * FROM raw.{name}")

    def stage(self) -> Staging:
        """Stage everything for a tenant called `t`."""
        return stage(self.settings, self.mappings, tenant="t")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with open_warehouse(self.settings.warehouse) as warehouse:
            return warehouse.run(sql)

    def staged(self, mapping: str, *columns: str) -> list[tuple[Any, ...]]:
        """Return columns of the staged rows of a mapping, by source id."""
        return self.rows(f"SELECT {', '.join(columns)} FROM staged.{mapping} ORDER BY source_id")

    def problems(self) -> list[tuple[Any, ...]]:
        """Return what staging noticed: source id, field, rule, severity, message."""
        return self.rows("SELECT source_id, field, rule, severity, message FROM staged.problems ORDER BY ALL")


def make_little(folder: Path) -> Little:
    """Write a migration of two people and one practice, landed."""
    made = Little(folder)
    made.write("migration.toml", '[practice]\ntime_zone = "America/Chicago"\n')
    for name, sql in SOURCES.items():
        made.source(name, sql)
    for name, text in OBJECTS.items():
        made.mapping(name, text)
    made.custom("contacts")
    made.custom("sales_accounts")
    made.land(**RAW)
    return made
