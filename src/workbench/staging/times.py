"""Local wall time of a practice to times with an offset, and zone names as Freshsales spells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from workbench.staging.problems import UnreadableError
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
EMPTY_DAYS = {"0001-01-01", "1900-01-00", "1900-01-01", "1899-12-30", "9999-12-31"}
"""Days that mean nothing: Open Dental's and the spreadsheet's zero (export reference §0)."""

MINUTES_A_STEP = 5


class BadTimeError(UnreadableError):
    """A time cannot be read or does not exist; its row is held."""

    def __init__(self, rule: str, message: str, severity: Severity = Severity.HOLD) -> None:
        super().__init__(rule, message, severity)


def local_time(value: Cell, zone: Cell) -> Cell:
    """Return a local wall time with its offset. An hour that is skipped in spring is refused; the doubled one is the first."""
    return _moment(value, zone).isoformat(timespec="seconds") if value else None


def local_day(value: Cell, zone: Cell) -> Cell:
    """Return the local day of a local time."""
    return _moment(value, zone).date().isoformat() if value else None


def end_time(ends: Cell, starts: Cell, minutes: Cell, zone: Cell) -> Cell:
    """Return the end: as given, else start plus duration; never before the start.

    A duration is in minutes, or a pattern of steps such as `//XXXX//`, five minutes each (export reference §1.1).
    """
    if not starts:
        return None
    start = _moment(starts, zone)
    end = _moment(ends, zone) if ends and ends.strip() else _after(start, minutes)
    if end and end < start:
        raise BadTimeError("end_before_start", "ends before it starts")
    return end.isoformat(timespec="seconds") if end else None


def stamp(value: Cell, zone: Cell) -> Cell:
    """Return one original time in full, since Freshsales stamps its own; none for a day that means nothing."""
    return local_time(value, zone) if value and not stands_for_nothing(value) else None


def stamps(created: Cell, modified: Cell, zone: Cell) -> Cell:
    """Return both original times in full."""
    given = (("created", stamp(created, zone)), ("modified", stamp(modified, zone)))
    return "; ".join(f"{word} {made}" for word, made in given if made) or None


def rails_zone(zone: Cell) -> Cell:
    """Return Freshsales' name of an IANA zone."""
    if not zone:
        return None
    if zone not in RAILS:
        raise BadTimeError("rails_zone", "has no name in Freshsales' list of zones", Severity.WARN)
    return RAILS[zone]


def stands_for_nothing(value: str) -> bool:
    """Say whether a day or time is one of those that systems write for none."""
    return value.strip()[:10] in EMPTY_DAYS


def _after(start: datetime, minutes: Cell) -> datetime | None:
    said = (minutes or "").strip()
    if said and set(said.upper()) <= {"/", "X"}:
        said = str(MINUTES_A_STEP * len(said))
    try:
        length = timedelta(minutes=int(Decimal(said)))
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return (start.astimezone(UTC) + length).astimezone(start.tzinfo)


def _moment(value: str, zone: Cell) -> datetime:
    if stands_for_nothing(value):
        raise BadTimeError("empty_day", "stands for no time", Severity.WARN)
    try:
        naive = datetime.fromisoformat(value.strip())
        if naive.tzinfo is not None:
            return naive
        local = naive.replace(tzinfo=_zone(zone))
        there_and_back = local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise BadTimeError("time", "is no time") from None
    if there_and_back != naive:
        raise BadTimeError("skipped_hour", "falls into the hour that daylight saving skips")
    return local


def _zone(name: Cell) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # an unknown name, a path, a folder of names
        raise BadTimeError("time_zone", "has a time zone that is no IANA name") from None
