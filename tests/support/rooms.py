"""A migration folder brought to any point of the journey by calling the rooms, without notebooks: seconds, not minutes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import tomllib
from dataclasses import dataclass
from pathlib import Path

from truth import MORE

from workbench.checks.derived import CheckedMapping
from workbench.checks.held import run_checks
from workbench.dental_exec.snapshot import take_snapshot
from workbench.journey.desk import apply_setup, invite_users, read_existing, reading
from workbench.journey.rehearsal import start_tenant
from workbench.journey.starter import init_migration
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.setup import make_setup
from workbench.profile.files import profile_files
from workbench.profile.readings import read_columns
from workbench.profile.recalls import profile_recalls
from workbench.sample.generation import write_sample
from workbench.settings import Settings, read_settings
from workbench.staging.stage import stage
from workbench.suggest.proposals import accept
from workbench.vocabulary import Kind


@dataclass(frozen=True)
class Practice:
    """A migration folder of a generated practice and its truth."""

    folder: Path
    truth: Path

    @property
    def settings(self) -> Settings:
        """Its settings, target rehearsal."""
        return read_settings(self.folder)

    @property
    def foreign(self) -> Path:
        """What people put into the tenant before."""
        return self.truth.with_name("foreign.json")

    @property
    def mappings(self) -> Mappings:
        """Its decision files."""
        return read_mappings(self.settings)

    @property
    def base_url(self) -> str:
        """The embedded tenant, started again if nobody called it for so long that it ended by itself."""
        return start_tenant(self.settings)

    def open_spellings(self) -> set[str]:
        """Carrier spellings that the workbench lists as open."""
        decided = self.mappings.values("insurance_carrier").rows
        return {spelling for spelling, row in decided.items() if row.is_open}

    def folded_fields(self) -> dict[str, dict[str, str]]:
        """Label by name of the fields that were decided to fold into one, in the order of the definitions, by module."""
        decided = {name for name, row in self.mappings.values("folded_fields").rows.items() if row.answer == MORE}
        made = {}
        for path in (self.folder / "mappings" / "custom_fields").glob("*.toml"):
            fields = tomllib.loads(path.read_text("utf-8"))
            made[path.stem] = {name: one["label"] for name, one in fields.items() if f"{path.stem}.{name}" in decided}
        return made

    def use_tenant(self, base_url: str) -> None:
        """Name the rehearsal tenant's address in migration.toml."""
        toml = self.folder / "migration.toml"
        toml.write_text(re.sub(r'(?s)(\[rehearsal\]\s*base_url = )"[^"]*"', rf'\1"{base_url}"', toml.read_text()))

    def stop_tenant(self) -> None:
        """End the embedded tenant."""
        path = self.settings.target_folder / "tenant.json"
        if path.is_file():
            with contextlib.suppress(ProcessLookupError):
                os.kill(json.loads(path.read_text())["pid"], signal.SIGTERM)


def make_practice(
    folder: Path,
    *,
    patients: int = 12,
    seed: int = 7,
    dialect: str = "messy",
    edition: str = "suite",
    plan: str = "",
    foreign: bool = False,
) -> Practice:
    """Generate a practice and a migration folder for it."""
    write_sample(folder / "sample", patients=patients, seed=seed, dialect=dialect, foreign=foreign)
    return make_migration(folder, folder / "sample", edition=edition, plan=plan)


def make_migration(folder: Path, sample: Path, *, edition: str = "suite", plan: str = "") -> Practice:
    """Make a migration folder for a practice that was generated already, for a product and a plan tier."""
    init_migration(folder / "migration", sample / "exports")
    toml = folder / "migration" / "migration.toml"
    text = toml.read_text("utf-8").replace('edition = "suite"', f'edition = "{edition}"')
    toml.write_text(text.replace('plan = "enterprise"', f'plan = "{plan or "enterprise"}"'), "utf-8")
    return Practice(folder / "migration", sample / "truth.json")


def land(practice: Practice) -> None:
    """Land the export and profile it; in a folder where that was done already it is read again in no time."""
    settings = practice.settings
    take_snapshot(settings.exports, settings.warehouse, time_zone=settings["practice.time_zone"])
    read_columns(settings.warehouse)
    profile_recalls(settings.warehouse)
    profile_files(settings.warehouse, settings.folder)


def decide(practice: Practice) -> None:
    """Read the tenant and accept what is sure, as a rehearsal does."""
    settings, mappings = practice.settings, practice.mappings
    invite_users(settings, make_setup(settings, mappings))
    read_existing(settings)
    accept(settings, mappings, above=0.95, by="rehearsal", on="2026-11-24", own=True)


def make_ready_to_load(practice: Practice) -> None:
    """Do everything before the first write: snapshot, decisions, setup, staging, checks (SQL alone)."""
    land(practice)
    decide(practice)
    settings, mappings = practice.settings, practice.mappings
    apply_setup(settings, make_setup(settings, mappings))
    with reading(settings) as desk:
        alias = desk.tenant.alias
    stage_and_check(practice.settings, alias)


def stage_and_check(settings: Settings, alias: str) -> None:
    """Stage every row for a tenant and hold what no check lets pass (SQL alone)."""
    mappings = read_mappings(settings)
    stage(settings, mappings, tenant=alias)
    checked = [
        CheckedMapping(one.name, one.source_object, f"staged.{one.name}")
        for one in mappings.objects
        if one.kind in (Kind.RECORD, Kind.FILE)
    ]
    run_checks(settings.warehouse, settings.folder / "expectations", checked, gx_rows=0)
