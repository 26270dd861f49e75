"""The settings of one migration folder, read from migration.toml; unknown keys are errors, nothing is guessed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from workbench.clock import known_zones
from workbench.errors import SettingsProblem, gather
from workbench.vocabulary import Edition, Plan, Policy, Target

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
        "rollback_hours": 48,
    },
    "suggest": {"model_url": "", "model": ""},
    "privacy": {"baa": "", "reviewers": [], "encrypt": False, "keep_years": 6},
    "rehearsal": {"base_url": ""},
}
"""Every section and key that migration.toml may hold, with the value that stands when it is left out."""
DELTA_LIMIT = re.compile(r"(\d+(?:\.\d+)?) ?% or (\d+)")
WRITTEN = {
    "policy.fallback_owner": (re.compile(r"|[^@\s]+@[^@\s]+"), "an e-mail, or empty"),
    "policy.delta_limit": (DELTA_LIMIT, "a share or a number of rows, whichever is more, as '2% or 50'"),
    "policy.history": (
        re.compile(r"all|recent:[1-9]\d{0,2}m|condensed(?::[1-9]\d{0,2}m)?"),
        "all, recent:24m for the last 24 months, or condensed (condensed:36m) for one note a patient and year of what is older",
    ),
    "policy.conflicts": (re.compile("|".join(Policy)), f"one of {', '.join(Policy)}"),
    "policy.shared_email": (re.compile(r"guarantor|off"), "guarantor or off"),
    "suggest.model": (re.compile(r"[\w.:/@+-]{0,120}"), "the name of a model, without blanks, or empty"),
    "freshsales.edition": (re.compile("|".join(Edition)), f"one of {', '.join(Edition)}"),
    "freshsales.plan": (re.compile("|".join(Plan)), f"one of {', '.join(Plan)}"),
}
"""How closed values are written: a slip would mean the default without a word."""
NEWEST = "newest"
NO_NEWEST = "Freshsales stamps records, not fields, so nobody can tell which side changed a field last; take destination, source or ask"
NO_ENCRYPTION = (
    "true is refused: this DuckDB writes an encrypted warehouse only with random numbers that its makers call unsafe, and"
    " none is better known than a weak one. Keep the folder on an encrypted disk (workbench doctor looks) and write false;"
    " images in the ledger and archives are encrypted anyway"
)
"""DuckDB 2.0 refuses to write an encrypted file without the extension httpfs, unless `force_mbedtls_unsafe` is set."""
JUDGED: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(
        (
            *("freshsales.users", "freshsales.requests_per_hour", "freshsales.requests_per_minute"),
            "policy.rollback_hours",
        ),
        (lambda number: number >= 1, "1 or more"),
    ),
    "freshsales.reserve": (lambda share: 0 <= share < 1, "a share from 0 to below 1"),
    "privacy.reviewers": (
        lambda names: all(isinstance(one, str) and one.strip() for one in names),
        'names of people, as ["Ann Lee"]',
    ),
    "privacy.encrypt": (lambda is_asked: not is_asked, NO_ENCRYPTION),
    "privacy.keep_years": (lambda years: 1 <= years <= 100, "1 to 100 years"),
}
"""Which values of the right kind stand, and what is said of the others."""
NOT_YET = (("policy", "existing"),)
"""Keys that a later version gives other values to; until then another value is refused, never passed over."""


@dataclass(frozen=True)
class DeltaLimit:
    """A share of a mapping's rows, or a number of rows, whichever is more."""

    share: float
    rows: int

    def of(self, rows: int) -> float:
        """Return the limit for so many rows."""
        return max(self.rows, self.share * rows)

    def __str__(self) -> str:
        return f"{100 * self.share:g} % of them or {self.rows} rows"


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
    def option(self) -> str:
        """How a command that is printed names this target: not at all for the rehearsal, which is the default."""
        return "" if self.is_rehearsal else f" --target {self.target}"

    @property
    def edition(self) -> Edition:
        """The Freshsales product this migration loads."""
        return Edition(self["freshsales.edition"])

    @property
    def plan(self) -> Plan:
        """The tenant's plan tier."""
        return Plan(self["freshsales.plan"])

    @property
    def delta_limit(self) -> DeltaLimit:
        """How many rows of a mapping a delta may send under the load approval."""
        found = DELTA_LIMIT.fullmatch(self["policy.delta_limit"])
        assert found  # read_settings refuses what is written otherwise
        return DeltaLimit(float(found[1]) / 100, int(found[2]))

    @property
    def conflict_policy(self) -> Policy:
        """Who wins where both sides changed a field, unless a mapping or a decision says otherwise."""
        return Policy(self["policy.conflicts"])

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
    def model_answers(self) -> Path:
        """What the language model answered, by the hash of what it was asked: nothing is asked twice."""
        return self.folder / "data" / "suggest" / "answers.jsonl"

    @property
    def spelling_key(self) -> Path:
        """The key of the tokens in value maps; it goes with the migration and never into git."""
        return self.folder / "data" / "spellings.key"

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


def _problems(found: dict[str, Any]) -> Iterator[str]:
    for section, keys in found.items():
        if section not in DEFAULTS:
            yield f"[{section}]: no such section{_meant(section, DEFAULTS)}"
        elif not isinstance(keys, dict):
            yield f"{section}: is a section, not a value"
        else:
            for key, value in keys.items():
                problem = _value_problem(section, key, value)
                if problem:
                    yield f"[{section}] {key}: {problem}"


def _value_problem(section: str, key: str, value: Any) -> str:
    name, known = f"{section}.{key}", DEFAULTS[section]
    if key not in known:
        return f"no such key{_meant(key, known)}"
    if not _same_kind(value, known[key]):
        return f"{type(known[key]).__name__} expected"
    if (section, key) in NOT_YET and value != known[key]:
        return f"only {known[key]!r} works in this version"
    if name in WRITTEN and not WRITTEN[name][0].fullmatch(value):
        return NO_NEWEST if name == "policy.conflicts" and value == NEWEST else WRITTEN[name][1]
    if name in JUDGED and not JUDGED[name][0](value):
        return JUDGED[name][1]
    if name == "practice.time_zone" and value not in known_zones():
        return f"{value!r} is no IANA time zone"
    return ""


def _same_kind(value: Any, default: Any) -> bool:
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is type(default)


def _meant(word: str, known: Any) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
