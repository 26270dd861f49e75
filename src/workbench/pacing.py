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

    def next_moment(self, now: float, last: float | None, hold_until: float = 0.0) -> float:
        """Return when the next call may go, given the last moment given out; that moment is then the last.

        A moment or hold further ahead than can be comes from a clock that was set back: it binds nobody.
        """
        moment = now
        if last is not None:
            is_possible = last - now <= max(MINUTE, 20 * self.interval)
            moment = max(now, (last if is_possible else now) + self.interval)
        return max(moment, hold_until) if hold_until - now <= LONGEST_HOLD else moment


def agreed_pacing(settings: Settings) -> Pacing:
    """Return the pacing that [freshsales] of migration.toml agrees with the tenant, never above what the plan gives."""
    return Pacing(
        requests_per_hour=min(settings["freshsales.requests_per_hour"], HOURLY[settings.plan]),
        requests_per_minute=settings["freshsales.requests_per_minute"],
        reserve=float(settings["freshsales.reserve"]),
    )
