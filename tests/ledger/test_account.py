import subprocess
import sys
from pathlib import Path

import pytest

from workbench.clock import RehearsalClock
from workbench.ledger.account import LedgerBudget
from workbench.ledger.store import Ledger
from workbench.pacing import Pacing

START = 1_800_000_000.0
CLAIM = """
import sys
from pathlib import Path
from workbench.clock import WallClock
from workbench.ledger.account import LedgerBudget
from workbench.ledger.store import open_ledger
from workbench.pacing import Pacing
budget = LedgerBudget(open_ledger(Path(sys.argv[1]), b"k" * 32), Pacing(float(sys.argv[2]), float(sys.argv[3]), 0.1))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(100):
    budget.claim(WallClock())
    print(WallClock().now())
"""


@pytest.mark.parametrize(
    ("an_hour", "a_minute"), [pytest.param(360_000, 10**9, id="hour"), pytest.param(10**9, 6_000, id="minute")]
)
def test_two_processes_together_keep_both_windows(ledger: Ledger, tmp_path: Path, an_hour: int, a_minute: int) -> None:
    command = [sys.executable, "-c", CLAIM, str(tmp_path / "ledger.sqlite"), str(an_hour), str(a_minute)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    moments = sorted(float(line) for process in processes for line in process.communicate("go\n")[0].split())
    interval = Pacing(an_hour, a_minute, 0.1).interval
    # The n-th call of both comes no earlier than its slot: no window, however placed, can hold more than agreed.
    assert min(one - moments[0] - place * interval for place, one in enumerate(moments)) > -2 * interval
    assert moments[-1] - moments[0] < 2 * 199 * interval, "what is not reserved is used"


def test_a_hold_of_one_process_holds_the_other(ledger: Ledger) -> None:
    one, other = (LedgerBudget(ledger, Pacing(5000, 400)) for _ in range(2))
    one.hold(START + 300)
    clock = RehearsalClock(START)
    other.claim(clock)
    assert clock.now() >= START + 300


def test_a_worker_who_heard_nothing_for_long_gets_no_slot_that_another_had(ledger: Ledger) -> None:
    pacing = Pacing(5000, 400)
    budget = LedgerBudget(ledger, pacing)
    ahead, behind = RehearsalClock(START), RehearsalClock(START)
    for _ in range(100):
        budget.claim(ahead)
    assert ahead.now() - behind.now() > 60
    budget.claim(behind)
    assert behind.now() - ahead.now() == pytest.approx(pacing.interval)
