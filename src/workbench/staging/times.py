"""Local wall time of a practice to times with an offset, and zone names as Freshsales spells them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from workbench.errors import WorkbenchError
from workbench.vocabulary import Severity

Cell = str | None
RAILS = {
    "America/New_York": "Eastern Time (US & Canada)",
    "America/Detroit": "Eastern Time (US & Canada)",
    "America/Indiana/Indianapolis": "Indiana (East)",
    "America/Chicago": "Central Time (US & Canada)",
    "America/Denver": "Mountain Time (US & Canada)",
    "America/Boise": "Mountain Time (US & Canada)",
    "America/Phoenix": "Arizona",
    "America/Los_Angeles": "Pacific Time (US & Canada)",
    "America/Anchorage": "Alaska",
    "Pacific/Honolulu": "Hawaii",
    "America/Puerto_Rico": "Puerto Rico",
    "America/Halifax": "Atlantic Time (Canada)",
    "UTC": "UTC",
}
"""IANA to Rails zone names, as ActiveSupport maps them; Freshsales takes only the latter."""


class BadTimeError(WorkbenchError):
    """A time cannot be read or does not exist."""

    def __init__(self, rule: str, message: str, severity: Severity = Severity.HOLD) -> None:
        super().__init__(message)
        self.rule = rule
        self.severity = severity
        self.kept: Cell = None


def local_time(value: Cell, zone: Cell) -> Cell:
    """Return a local wall time with its offset. An hour that is skipped in spring is refused; the doubled one is the first."""
    if not value:
        return None
    return _moment(value, zone).isoformat(timespec="seconds")


def local_day(value: Cell, zone: Cell) -> Cell:
    """Return the local day of a local time."""
    return _moment(value, zone).date().isoformat() if value else None


def end_time(ends: Cell, starts: Cell, minutes: Cell, zone: Cell) -> Cell:
    """Return the end: as given, else start plus duration; never before the start."""
    if not starts:
        return None
    start = _moment(starts, zone)
    if ends:
        end = _moment(ends, zone)
    elif minutes and minutes.strip().isdigit():
        end = (start.astimezone(ZoneInfo("UTC")) + timedelta(minutes=int(minutes))).astimezone(start.tzinfo)
    else:
        return None
    if end < start:
        raise BadTimeError("end_before_start", "ends before it starts")
    return end.isoformat(timespec="seconds")


def stamps(created: Cell, modified: Cell, zone: Cell) -> Cell:
    """Return both original times in full, since Freshsales stamps its own."""
    parts = [f"{word} {local_time(value, zone)}" for word, value in (("created", created), ("modified", modified)) if value]
    return "; ".join(parts) or None


def rails_zone(zone: Cell) -> Cell:
    """Return Freshsales' name of an IANA zone."""
    if not zone:
        return None
    if zone not in RAILS:
        raise BadTimeError("rails_zone", "has no name in Freshsales' list of zones", Severity.WARN)
    return RAILS[zone]


def _moment(value: str, zone: Cell) -> datetime:
    try:
        naive = datetime.fromisoformat(value.strip())
    except ValueError:
        raise BadTimeError("time", "is no time") from None
    if naive.tzinfo is not None:
        return naive
    local = naive.replace(tzinfo=ZoneInfo(zone or "UTC"))
    there_and_back = local.astimezone(ZoneInfo("UTC")).astimezone(local.tzinfo).replace(tzinfo=None)
    if there_and_back != naive:
        raise BadTimeError("skipped_hour", "falls into the hour that daylight saving skips")
    return local
