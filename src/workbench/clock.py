"""Time, injected: the wall's, or the rehearsal tenant's, where a wait costs nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from typing import Protocol
from zoneinfo import available_timezones


class Clock(Protocol):
    """What the loader needs of time."""

    @property
    def can_be_set_back(self) -> bool:
        """Say whether a moment that was given out may lie ahead for no other reason than that `now()` went back."""

    def now(self) -> float:
        """Seconds since 1970, by the clock that the tenant's limits are counted with."""

    def wait_until(self, moment: float) -> None:
        """Return when `now()` is at least `moment`."""


class WallClock:
    """Real time."""

    can_be_set_back = True

    def now(self) -> float:
        """Return the machine's time."""
        return time.time()

    def wait_until(self, moment: float) -> None:
        """Sleep until the moment has come."""
        while (left := moment - time.time()) > 0:
            time.sleep(min(left, 1.0))


class RehearsalClock:
    """The tenant's time: a wait returns at once and its moment travels with the next request."""

    can_be_set_back = False

    def __init__(self, moment: float) -> None:
        self.moment = moment

    def now(self) -> float:
        """Return the greatest moment seen or waited for."""
        return self.moment

    def wait_until(self, moment: float) -> None:
        """Jump to the moment; the next request tells the tenant."""
        self.moment = max(self.moment, moment)

    def hear(self, moment: float) -> None:
        """Follow the tenant's clock, which never goes back."""
        self.moment = max(self.moment, moment)


def as_text(moment: float) -> str:
    """Write a moment as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


@cache
def known_zones() -> frozenset[str]:
    """Return the names of all time zones; to look through them on disk takes a tenth of a second."""
    return frozenset(available_timezones())
