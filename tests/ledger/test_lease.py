import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update

from workbench.clock import WallClock
from workbench.errors import LeaseLost
from workbench.ledger.account import LedgerBudget
from workbench.ledger.lease import check_fence, hold_lease
from workbench.ledger.operations import Intent, intend
from workbench.ledger.store import Ledger
from workbench.ledger.tables import lease
from workbench.pacing import Pacing

HOLD = """
import sys, time
from pathlib import Path
from workbench.ledger.lease import hold_lease
from workbench.ledger.store import open_ledger
with hold_lease(open_ledger(Path(sys.argv[1]), b"k" * 32)):
    print("holds", flush=True)
    time.sleep(60)
"""
INTENT = Intent("patient", "contacts", "C1", "contact", "create", "upsert", "f", "c", fields={})


def holder(path: Path) -> subprocess.Popen[bytes]:
    """Start a process that takes the lease, and wait until it has it."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"holds\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def pretend(ledger: Ledger, named: str, expires: float) -> None:
    """Write who holds the lease."""
    with hold_lease(ledger), ledger.commit() as connection:
        connection.execute(update(lease).values(holder=named, expires=expires, fence=lease.c.fence + 1))


def test_a_second_writer_is_told_who_writes(ledger: Ledger, tmp_path: Path) -> None:
    process = holder(tmp_path / "ledger.sqlite")
    try:
        with (
            pytest.raises(
                LeaseLost, match=rf"^Process {process.pid} on {socket.gethostname()} writes to this tenant\."
            ),
            hold_lease(ledger),
        ):
            pass
    finally:
        end(process)


def test_a_living_writer_keeps_its_lease_however_long_it_waits(ledger: Ledger, tmp_path: Path) -> None:
    process = holder(tmp_path / "ledger.sqlite")
    try:
        with ledger.commit() as connection:
            connection.execute(update(lease).values(expires=WallClock().now() - 3600))
        with pytest.raises(LeaseLost), hold_lease(ledger):
            pass
    finally:
        end(process)


@pytest.mark.parametrize("reaped", [True, False])
def test_the_lease_of_a_killed_process_is_taken_over_at_once(ledger: Ledger, tmp_path: Path, reaped: bool) -> None:
    process = holder(tmp_path / "ledger.sqlite")
    process.kill()
    if reaped:
        process.wait()
    else:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie: dead, but its number is still taken
    with hold_lease(ledger) as held:
        assert held.fence == 2
    process.communicate()


def test_a_process_that_got_the_number_of_the_dead_one_is_not_taken_for_it(ledger: Ledger) -> None:
    pretend(ledger, f"{socket.gethostname()}:{os.getppid()}:1", WallClock().now() + 100)
    with hold_lease(ledger):
        pass


def test_a_writer_on_another_machine_is_believed_until_its_lease_runs_out(ledger: Ledger) -> None:
    pretend(ledger, "elsewhere:77:1", WallClock().now() + 100)
    with pytest.raises(LeaseLost, match="Process 77 on elsewhere"), hold_lease(ledger):
        pass
    pretend_expired = WallClock().now() - 1
    with ledger.commit() as connection:
        connection.execute(update(lease).values(expires=pretend_expired))
    with hold_lease(ledger):
        pass


def test_an_older_fence_may_neither_intend_nor_call(ledger: Ledger) -> None:
    with hold_lease(ledger) as old:
        budget = LedgerBudget(ledger, Pacing(5000, 400), old)
        budget.claim(WallClock())
        with hold_lease(ledger):
            with pytest.raises(LeaseLost):
                intend(ledger, old, "run", [INTENT])
            with pytest.raises(LeaseLost):
                budget.claim(WallClock())
            with pytest.raises(LeaseLost), ledger.commit() as connection:
                check_fence(connection, old)


def test_a_lease_given_back_is_free(ledger: Ledger) -> None:
    with hold_lease(ledger) as first:
        pass
    with hold_lease(ledger) as second:
        assert second.fence == first.fence + 1
