"""Measure the pacer: how much of the account's limit it attains, and how many calls are refused, in the tenant's time.

python tests/bench/pacing.py [CALLS]   (6,000 without a number); exits 1 when a figure is out of its bound.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from workbench.freshsales.client import Freshsales, connect
from workbench.keys import REHEARSAL_KEY
from workbench.ledger.account import LedgerBudget
from workbench.ledger.store import open_ledger
from workbench.pacing import HOURLY, Pacing
from workbench.vocabulary import Plan

CALLS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 6_000
LEAST_ATTAINED, MOST_REFUSED = 0.98, 0.001
ACCOUNT = Plan.ENTERPRISE


@contextmanager
def served(folder: Path, window: str):
    """Serve a tenant whose windows are of one kind, and yield its base URL."""
    command = [sys.executable, "-m", "workbench.tenant", "--state", str(folder), "--plan", ACCOUNT]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            while not (told := folder / "tenant.json").is_file():
                time.sleep(0.05)
            base_url = str(httpx.Response(200, content=told.read_bytes()).json()["base_url"])
            httpx.post(
                f"{base_url.split('/crm', maxsplit=1)[0]}/_tenant/switches", json={"limit_window": window}
            ).raise_for_status()
            yield base_url
        finally:
            process.terminate()


def work(tenant: Freshsales, calls: int) -> list[float]:
    """Make calls and return the moments of the tenant at which they were answered."""
    moments = []
    for _ in range(calls):
        tenant.call("GET", "/selector/lifecycle_stages")
        moments.append(tenant.clock.now())
    return moments


def measure(window: str, workers: int) -> tuple[float, float]:
    """Return the share of the hour's limit that was attained, and the share of calls that were refused."""
    with (
        tempfile.TemporaryDirectory() as room,
        served(Path(room) / "tenant", window) as base_url,
        ExitStack() as opened,
    ):
        ledger = open_ledger(Path(room) / "ledger.sqlite", b"k" * 32)
        pacing = Pacing(HOURLY[ACCOUNT], 400)
        tenants = [
            opened.enter_context(connect(base_url, REHEARSAL_KEY, budget=LedgerBudget(ledger, pacing)))
            for _ in range(workers)
        ]
        with ThreadPoolExecutor(workers) as pool:
            parts = list(pool.map(lambda tenant: work(tenant, CALLS // workers), tenants))
        ledger.engine.dispose()
        moments = sorted(moment for part in parts for moment in part)
        told = httpx.get(f"{base_url.split('/crm')[0]}/_tenant/calls").json()
        hours = (moments[-1] - moments[0]) / 3600
        return (len(moments) - 1) / hours / HOURLY[ACCOUNT], told["refused429"] / len(moments)


def main() -> int:
    print(f"{CALLS} calls, {ACCOUNT} ({HOURLY[ACCOUNT]} an hour)")
    wrong = 0
    for window in ("sliding", "fixed"):
        for workers in (1, 8):
            attained, refused = measure(window, workers)
            is_out = attained < LEAST_ATTAINED or attained > 1 or refused > MOST_REFUSED
            wrong += is_out
            print(
                f"{window} windows, {workers} workers: {attained:.2%} of the limit attained (bound {LEAST_ATTAINED:.0%}),"
                f" {refused:.3%} of calls refused (bound {MOST_REFUSED:.1%}){' OUT' if is_out else ''}"
            )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
