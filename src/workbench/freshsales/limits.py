"""When the next call may go: even spacing under both of Freshsales' windows, and one hold shared by everybody."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from workbench.clock import Clock

HOUR = 3600.0
MINUTE = 60.0
MARGIN = 0.99  # at exactly the limit a sliding window refuses 31 % of calls, at 99 % none (measured)
LONGEST_HOLD = HOUR + 2 * MINUTE


class Budget(Protocol):
    """The account's calls, shared by all who call: one slot a call, one hold for all."""

    def claim(self, clock: Clock) -> None:
        """Take the next slot and return when it has come."""

    def hold(self, until: float) -> None:
        """Let nobody call before `until`."""


@dataclass(frozen=True)
class Pacing:
    """The arithmetic of the limits; all it must remember is the last moment given out and the hold.

    `reserve` is the share of both windows that is left to people and other integrations.
    """

    requests_per_hour: float
    requests_per_minute: float
    reserve: float = 0.0

    @property
    def interval(self) -> float:
        """Seconds from one call to the next, by the window that binds."""
        share = MARGIN * (1 - self.reserve)
        return max(HOUR / (share * self.requests_per_hour), MINUTE / (share * self.requests_per_minute))

    def next_moment(self, now: float, last: float | None, hold_until: float = 0.0) -> float:
        """Return when the next call may go, given the last moment given out; that moment is then the last.

        A moment or hold further ahead than can be comes from a clock that was set back: it binds nobody.
        """
        moment = now
        if last is not None:
            is_possible = last - now <= max(MINUTE, 20 * self.interval)
            moment = max(now, (last if is_possible else now) + self.interval)
        return max(moment, hold_until) if hold_until - now <= LONGEST_HOLD else moment


class MemoryBudget:
    """A budget that lives as long as its process: for tests and for reading."""

    def __init__(self, pacing: Pacing) -> None:
        self.pacing = pacing
        self.last: float | None = None
        self.hold_until = 0.0
        self._lock = threading.Lock()

    def claim(self, clock: Clock) -> None:
        """Take the next slot and return when it has come; a hold that began meanwhile is waited for, too."""
        with self._lock:
            moment = self.last = self.pacing.next_moment(clock.now(), self.last, self.hold_until)
        clock.wait_until(moment)
        while 0 < self.hold_until - clock.now() <= LONGEST_HOLD:
            clock.wait_until(self.hold_until)

    def hold(self, until: float) -> None:
        """Let nobody call before `until`."""
        with self._lock:
            self.hold_until = max(self.hold_until, until)
