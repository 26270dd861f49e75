from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.clock import RehearsalClock
from workbench.freshsales.limits import MemoryBudget
from workbench.pacing import LONGEST_HOLD, Pacing

START = 1_800_000_000.0


def fullest(moments: list[float], window: float) -> int:
    """The most calls that any sliding window of this length ever saw."""
    return max(index + 1 - bisect_right(moments, moment - window) for index, moment in enumerate(moments))


def claimed(pacing: Pacing, calls: int, pauses: list[float] | None = None) -> list[float]:
    clock, budget, moments = RehearsalClock(START), MemoryBudget(pacing), []
    for index in range(calls):
        clock.wait_until(clock.now() + (pauses[index % len(pauses)] if pauses else 0.0))
        budget.claim(clock)
        moments.append(clock.now())
    return moments


@pytest.mark.parametrize(
    ("hour", "minute", "reserve"),
    [
        pytest.param(1000, 400, 0.0, id="growth, nothing left to others"),
        pytest.param(5000, 400, 0.1, id="enterprise"),
        pytest.param(50_000, 400, 0.0, id="the minute binds"),
        pytest.param(10, 400, 0.0, id="a tiny account"),
        pytest.param(1, 1, 0.0, id="one call an hour"),
    ],
)
def test_no_sliding_window_is_ever_exceeded(hour: int, minute: int, reserve: float) -> None:
    moments = claimed(Pacing(hour, minute, reserve), min(2 * hour + 5, 12_000))
    assert fullest(moments, 3600) <= hour * (1 - reserve)
    assert fullest(moments, 60) <= ceil(minute * (1 - reserve))


@settings(max_examples=40, deadline=None)
@given(
    hour=st.integers(1, 400),
    minute=st.integers(1, 60),
    reserve=st.sampled_from([0.0, 0.1, 0.5]),
    pauses=st.lists(st.floats(0, 900), min_size=1, max_size=20),
)
def test_no_pause_of_the_caller_makes_a_burst(hour: int, minute: int, reserve: float, pauses: list[float]) -> None:
    moments = claimed(Pacing(hour, minute, reserve), 500, pauses)
    assert fullest(moments, 3600) <= ceil(hour * (1 - reserve))
    assert fullest(moments, 60) <= ceil(minute * (1 - reserve))


def test_ninety_nine_percent_of_what_is_ours_is_used() -> None:
    moments = claimed(Pacing(5000, 400, 0.1), 4456)
    assert 3590 < moments[-1] - moments[0] <= 3601


def test_nobody_calls_before_a_hold_is_over() -> None:
    clock, budget = RehearsalClock(START), MemoryBudget(Pacing(5000, 400))
    budget.hold(START + 61)
    budget.claim(clock)
    assert clock.now() == START + 61
    budget.hold(START + 10)
    budget.claim(clock)
    assert clock.now() == START + 61 + budget.pacing.interval


def test_a_hold_that_begins_while_a_call_waits_for_its_slot_is_obeyed() -> None:
    budget = MemoryBudget(Pacing(5000, 400))

    class Interrupted(RehearsalClock):
        def wait_until(self, moment: float) -> None:
            budget.hold(START + 61)
            super().wait_until(moment)

    clock = Interrupted(START)
    budget.claim(clock)
    assert clock.now() == START + 61


@pytest.mark.parametrize("back", [pytest.param(3600.0, id="an hour back"), pytest.param(86_400.0, id="a day back")])
def test_a_clock_that_was_set_back_does_not_stop_the_run(back: float) -> None:
    pacing = Pacing(1000, 400)
    moment = pacing.next_moment(START - back, last=START, hold_until=START - back + LONGEST_HOLD + back)
    assert moment == START - back + pacing.interval


def test_a_clock_that_jumped_a_day_forward_gives_no_slots_for_the_time_it_skipped() -> None:
    budget, clock, moments = MemoryBudget(Pacing(1000, 400)), RehearsalClock(START), []
    for number in range(100):
        if number == 50:
            clock.wait_until(clock.now() + 86_400)
        budget.claim(clock)
        moments.append(clock.now())
    steps = [after - before for before, after in pairwise(moments)]
    assert steps.pop(49) == pytest.approx(86_400)
    assert steps == pytest.approx([budget.pacing.interval] * 98)


def late_claims(pacing: Pacing, lag: float) -> list[float]:
    """Two callers on one tenant: the second hears nothing until the first is `lag` seconds ahead, then both go on."""
    budget, moments = MemoryBudget(pacing), []
    ahead, behind = RehearsalClock(START), RehearsalClock(START)
    while ahead.now() < START + lag:
        budget.claim(ahead)
        moments.append(ahead.now())
    for index in range(200):
        clock = behind if index % 2 == 0 else ahead
        budget.claim(clock)
        moments.append(clock.now())
    return moments


@pytest.mark.parametrize("lag", [pytest.param(30.0, id="a little"), pytest.param(600.0, id="ten minutes")])
def test_a_caller_who_heard_nothing_for_long_gets_no_slot_that_another_had(lag: float) -> None:
    pacing = Pacing(5000, 400)
    moments = late_claims(pacing, lag)
    steps = [after - before for before, after in pairwise(moments)]
    assert steps == pytest.approx([pacing.interval] * len(steps))


def test_callers_who_wait_for_one_hold_leave_it_one_by_one() -> None:
    pacing, budget = Pacing(5000, 400), MemoryBudget(Pacing(5000, 400))
    budget.hold(START + 1800)
    clocks = [RehearsalClock(START) for _ in range(8)]
    for clock in clocks:
        budget.claim(clock)
    assert [clock.now() for clock in clocks] == pytest.approx(
        [START + 1800 + place * pacing.interval for place in range(8)]
    )
    assert pacing.next_moment(START, START + 1800, START + 1800) == START + 1800 + pacing.interval


def test_what_must_be_remembered_is_one_moment_and_one_hold() -> None:
    pacing = Pacing(3600, 400)
    assert pacing.next_moment(START, None) == START
    assert pacing.next_moment(START, START) == pytest.approx(START + 1 / 0.99)
    assert pacing.next_moment(START, START, START + 61) == START + 61
