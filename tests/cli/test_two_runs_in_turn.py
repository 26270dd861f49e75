"""Two `workbench run` take turns on one account and are killed in turn: exactly one works, and each row comes once."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from loads import assert_each_row_delivered_once, serve
from middleman import MOMENTS, Death, Middleman
from rooms import Practice, make_practice, make_ready_to_load
from slices import slice_of

WRITES, APART = 320, 4
"""Of so many writes of the load, some are drawn to be the last of a process."""


def draw_deaths(kills: int, seed: int) -> list[Death]:
    chance = random.Random(seed)
    # Not side by side: the kernel of a run that was killed may send on for a moment before it goes, too.
    places = sorted(APART * place for place in chance.sample(range(1, WRITES // APART), kills))
    return [Death("^(POST|PUT) ", nth, chance.choice(MOMENTS), chance.uniform(0, 0.006)) for nth in places]


def start(practice: Practice) -> subprocess.Popen[str]:
    """Start `workbench run` from the sample to the files."""
    words = ["run", "--from", "sample", "--to", "attachments", "--migration", str(practice.folder)]
    return subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


@dataclass(frozen=True)
class Contenders:
    """Two processes of which one works: that one is killed."""

    first: subprocess.Popen[str]
    second: subprocess.Popen[str]

    def poll(self) -> int | None:
        """Return nothing while one of them lives."""
        return self.first.poll() if self.first.poll() is None else self.second.poll()

    def kill(self) -> None:
        """Kill the first one, or the second where that has taken its place, and wait until it is gone."""
        one = self.first if self.first.poll() is None else self.second
        one.kill()
        one.wait()

    def wait(self) -> int:
        """Return at once: whoever was killed was waited for."""
        return 0


def wait_until_it_runs(practice: Practice, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with closing(sqlite3.connect(practice.settings.ledger)) as connection:
            holder = connection.execute("SELECT holder FROM lease WHERE name = 'runner' AND expires > 0").fetchone()
        if holder and holder[0].split(":")[1] == str(process.pid):
            return
        time.sleep(0.05)


@pytest.mark.parametrize("kills", slice_of([2, 20], every=2))
def test_kills_of_each_of_two_runs_in_turn_leave_one_record_a_row(tmp_path: Path, kills: int, record_property) -> None:
    practice = make_practice(tmp_path, patients=40, seed=7)
    with serve(practice) as tenant_url:
        make_ready_to_load(practice)
        deaths = draw_deaths(2 * kills + kills // 2, seed=kills)  # a few may find nobody alive any more
        middleman = Middleman(tenant_url, practice.settings.ledger, deaths)
        practice.use_tenant(middleman.base_url)
        ended: list[int] = []
        refused = 0
        while not ended or ended[-1] < 0:
            first = start(practice)
            wait_until_it_runs(practice, first)
            second = start(practice)
            middleman.process = Contenders(first, second)
            _, told = second.communicate(timeout=120)
            if second.returncode == 1:
                assert f"Process {first.pid} on " in told
                refused += 1
            _, said = first.communicate(timeout=300)
            ended += [one.returncode for one in (first, second) if one.returncode != 1]
            assert first.returncode in (0, -9), said[-2000:]
            assert second.returncode in (0, 1, -9), told[-2000:]
        assert middleman.waiting == [] and ended[-1] == 0
        assert ended.count(-9) == len(ended) - 1 >= 2 * kills
        record_property("kills", ended.count(-9))
        assert refused >= kills, "the two did not meet"
        assert_each_row_delivered_once(practice, tenant_url, f"{kills} kills of each")
        middleman.close()
