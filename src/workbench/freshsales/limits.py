"""The account's calls: even spacing under both of Freshsales' windows, and one hold shared by everybody."""

from __future__ import annotations

import threading
from typing import Protocol

from workbench.clock import Clock
from workbench.pacing import LONGEST_HOLD, Pacing


class Budget(Protocol):
    """The account's calls, shared by all who call: one slot a call, one hold for all."""

    def claim(self, clock: Clock) -> None:
        """Take the next slot and return when it has come."""

    def hold(self, until: float) -> None:
        """Let nobody call before `until`."""


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
            moment = self.last = self.pacing.next_moment(
                clock.now(), self.last, self.hold_until, can_be_set_back=clock.can_be_set_back
            )
        clock.wait_until(moment)
        while 0 < self.hold_until - clock.now() <= LONGEST_HOLD:
            clock.wait_until(self.hold_until)

    def hold(self, until: float) -> None:
        """Let nobody call before `until`."""
        with self._lock:
            self.hold_until = max(self.hold_until, until)
