"""The arithmetic of Freshsales' two windows: when the next call may go."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.settings import Settings
from workbench.vocabulary import Plan

HOUR = 3600.0
MINUTE = 60.0
MARGIN = 0.99  # at exactly the limit a sliding window refuses 31 % of calls, at 99 % none (measured)
HOURLY = {Plan.FREE: 1000, Plan.GROWTH: 1000, Plan.PRO: 2000, Plan.ENTERPRISE: 5000}
"""Calls an hour of the whole account (crmsupport.freshworks.com article 50000005599)."""
LONGEST_HOLD = HOUR + 2 * MINUTE


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

    def next_moment(
        self, now: float, last: float | None, hold_until: float = 0.0, *, can_be_set_back: bool = True
    ) -> float:
        """Return when the next call may go, given the last moment given out; that moment is then the last.

        A moment or hold further ahead than can be comes from a clock that was set back: it binds nobody. What can be is
        a slot for each of many callers, after now or after the hold that all of them wait for. A clock that cannot be
        set back is merely late: its owner is one of several callers and has not heard what the others were given.
        """
        if last is not None and not can_be_set_back:
            now = max(now, last)
        held = hold_until if hold_until - now <= LONGEST_HOLD else now
        if last is None:
            return max(now, held)
        is_possible = last - max(now, held) <= max(MINUTE, 20 * self.interval)
        return max(now, (last if is_possible else now) + self.interval, held)


def agreed_pacing(settings: Settings) -> Pacing:
    """Return the pacing that [freshsales] of migration.toml agrees with the tenant, never above what the plan gives."""
    return Pacing(
        requests_per_hour=min(settings["freshsales.requests_per_hour"], HOURLY[settings.plan]),
        requests_per_minute=settings["freshsales.requests_per_minute"],
        reserve=float(settings["freshsales.reserve"]),
    )
