"""Until when the ledger, its audit log and the archive are to be kept, counted from the newest write to the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from workbench.ledger.history import newest_write
from workbench.ledger.store import open_ledger
from workbench.settings import Settings
from workbench.vocabulary import Target

RESTS_ON = (
    "It rests on 45 CFR 164.316(b)(2)(i), six years for documentation under HIPAA. Whether a log like this one is such"
    " documentation is read both ways, so it is kept as if it were. The practice's own rule wins (a state's law, charts of"
    " minors, a contract): [privacy] keep_years in migration.toml."
)
MAY_GO = (
    "May be destroyed now, once an archive lies on another disk: warehouse, runs, sample, and what else can be made again"
    " (workbench purge). Exports by the practice's own rule, by hand."
)


@dataclass(frozen=True)
class Retention:
    """One target's ledger: the day of its newest write, and the day until which it is kept; none where nothing was written."""

    target: Target
    path: str
    years: int
    newest_write: date | None
    until: date | None

    @property
    def sentence(self) -> str:
        """The two days in one sentence."""
        if self.until is None:
            return f"{self.path}: nothing was written to the tenant yet, so no time runs."
        since = f"{self.years} year{'' if self.years == 1 else 's'} after the newest write to the tenant ({self.newest_write})"
        if self.target is Target.REHEARSAL:
            return f"{self.path}: a rehearsal has to be kept for nobody. Of a real load it would be until {self.until}, {since}."
        return f"Ledger and audit log in {self.path}, and an archive of this folder: until {self.until}, {since}."


def retention(settings: Settings) -> Retention:
    """Return until when the ledger of this target is kept."""
    newest = None
    if settings.ledger.is_file():
        ledger = open_ledger(settings.ledger, b"")
        moment = newest_write(ledger)
        ledger.engine.dispose()
        newest = datetime.fromtimestamp(moment, UTC).date() if moment is not None else None
    years = int(settings["privacy.keep_years"])
    path = settings.target_folder.relative_to(settings.folder).as_posix()
    return Retention(settings.target, path, years, newest, later(newest, years) if newest else None)


def retentions(settings: Settings) -> Iterator[Retention]:
    """Yield the retention of each target that has a ledger, the real one first."""
    for target in (Target.FRESHSALES, Target.REHEARSAL):
        one = replace(settings, target=target)
        if one.ledger.is_file():
            yield retention(one)


def tell_retention(settings: Settings) -> list[str]:
    """Return what a signer is told of this target: until when, what that rests on, and what may go now."""
    return [retention(settings).sentence, RESTS_ON, MAY_GO]


def later(day: date, years: int) -> date:
    """Return the same day so many years later; of a leap day the last of its month."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
