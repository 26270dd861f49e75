"""The settings of one migration folder, read from migration.toml; unknown keys are errors, nothing is guessed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from workbench.errors import SettingsProblem, gather
from workbench.vocabulary import Edition, Plan, Target

DEFAULTS: dict[str, dict[str, Any]] = {
    "migration": {"id": "migration", "version": 1},
    "practice": {"name": "Practice", "time_zone": "America/Chicago"},
    "source": {"exports": "", "id_prefix": ""},
    "freshsales": {
        "base_url": "",
        "edition": "suite",
        "plan": "enterprise",
        "users": 1,
        "requests_per_hour": 5000,
        "requests_per_minute": 400,
        "reserve": 0.1,
    },
    "scope": {"companies": []},
    "policy": {
        "fallback_owner": "",
        "shared_email": "guarantor",
        "existing": "hold",
        "conflicts": "destination",
        "delta_limit": "2% or 50",
        "history": "all",
    },
    "privacy": {"baa": "", "reviewers": [], "encrypt": True},
    "rehearsal": {"base_url": ""},
}
"""Every section and key that migration.toml may hold, with the value that stands when it is left out."""


@dataclass(frozen=True)
class Settings:
    """One migration folder and the target of this run."""

    folder: Path
    target: Target
    values: dict[str, dict[str, Any]]

    def __getitem__(self, key: str) -> Any:
        """Return one value by `section.key`."""
        section, _, name = key.partition(".")
        return self.values[section][name]

    @property
    def is_rehearsal(self) -> bool:
        """Say whether this run writes to the rehearsal tenant."""
        return self.target is Target.REHEARSAL

    @property
    def edition(self) -> Edition:
        """The Freshsales product this migration loads."""
        return Edition(self["freshsales.edition"])

    @property
    def plan(self) -> Plan:
        """The tenant's plan tier."""
        return Plan(self["freshsales.plan"])

    @property
    def exports(self) -> Path:
        """The deliveries: what `[source] exports` names, or the generated practice."""
        named = self["source.exports"]
        if not named:
            return self.folder / "data" / "sample" / "exports"
        return self.folder.joinpath(str(named)).resolve()

    @property
    def is_sample(self) -> bool:
        """Say whether the generated practice stands in for exports."""
        return not self["source.exports"]

    @property
    def warehouse(self) -> Path:
        """The rebuildable DuckDB file."""
        return self.folder / "data" / "warehouse.duckdb"

    @property
    def target_folder(self) -> Path:
        """Where the ledger of this target lies."""
        return self.folder / "data" / ("rehearsal" if self.is_rehearsal else "freshsales")

    @property
    def ledger(self) -> Path:
        """The append-only SQLite file; only it knows what we did."""
        return self.target_folder / "ledger.sqlite"

    @property
    def runs(self) -> Path:
        """One folder a run: executed notebooks, pages, summary."""
        return self.folder / "data" / "runs"

    @property
    def mappings(self) -> Path:
        """The reviewed decision files."""
        return self.folder / "mappings"

    @property
    def values_folders(self) -> list[Path]:
        """Where value maps are read, the later over the earlier; only a rehearsal reads its own decisions."""
        shared = self.mappings / "values"
        return [self.matches, shared, self.own_decisions] if self.is_rehearsal else [self.matches, shared]

    @property
    def matches(self) -> Path:
        """What the tenant itself answers, such as owners by e-mail; below every decision."""
        return self.target_folder / "matches"

    @property
    def own_decisions(self) -> Path:
        """Where this target's decisions are written."""
        return self.target_folder / "decisions" if self.is_rehearsal else self.mappings / "values"

    @property
    def approvals(self) -> Path:
        """The signatures of this target."""
        folder = self.target_folder / "decisions" if self.is_rehearsal else self.mappings
        return folder / "approvals.jsonl"


def find_migration(start: Path | str = ".") -> Path:
    """Walk up from `start` to the folder that holds migration.toml."""
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / "migration.toml").is_file():
            return folder
    raise SettingsProblem(
        f"No migration.toml in {here.name or here} or any folder above it. Make a migration folder with:"
        " workbench init DIR --exports PATH"
    )


def read_settings(start: Path | str = ".", target: Target | str = Target.REHEARSAL) -> Settings:
    """Read migration.toml found from `start` upwards; every problem in it is named at once."""
    folder = find_migration(start)
    try:
        found = tomllib.loads((folder / "migration.toml").read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsProblem(f"migration.toml cannot be read: {problem}") from None
    try:
        aimed = Target(target)
    except ValueError:
        raise SettingsProblem(f"There is no target {str(target)!r}; there are rehearsal and freshsales.") from None
    problems = list(_problems(found))
    if problems:
        raise SettingsProblem(gather("migration.toml", problems))
    values = {section: {**known, **found.get(section, {})} for section, known in DEFAULTS.items()}
    return Settings(folder=folder, target=aimed, values=values)


def _problems(found: dict[str, Any]) -> list[str]:
    problems = []
    for section, keys in found.items():
        if section not in DEFAULTS:
            problems.append(f"[{section}]: no such section{_meant(section, DEFAULTS)}")
            continue
        if not isinstance(keys, dict):
            problems.append(f"{section}: is a section, not a value")
            continue
        for key, value in keys.items():
            if key not in DEFAULTS[section]:
                problems.append(f"[{section}] {key}: no such key{_meant(key, DEFAULTS[section])}")
            elif not _same_kind(value, DEFAULTS[section][key]):
                problems.append(f"[{section}] {key}: {type(DEFAULTS[section][key]).__name__} expected")
    practice = found.get("practice", {})
    zone = practice.get("time_zone", "UTC") if isinstance(practice, dict) else "UTC"
    if isinstance(zone, str) and zone not in available_timezones():
        problems.append(f"[practice] time_zone: {zone!r} is no IANA time zone")
    freshsales = found.get("freshsales", {})
    if isinstance(freshsales, dict):
        for key, known in (("edition", Edition), ("plan", Plan)):
            if freshsales.get(key, DEFAULTS["freshsales"][key]) not in list(known):
                problems.append(f"[freshsales] {key}: one of {', '.join(known)}")
        reserve = freshsales.get("reserve", 0.1)
        if isinstance(reserve, int | float) and not 0 <= reserve < 1:
            problems.append("[freshsales] reserve: a share from 0 to below 1")
    return problems


def _same_kind(value: Any, default: Any) -> bool:
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default)


def _meant(word: str, known: Any) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
