"""One JSON line an event in data/runs/<run id>/log.jsonl: ids and counts, never a value of a patient."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO


def note_event(folder: Path, event: str, **facts: Any) -> None:
    """Append one event to the run's log; one that cannot be kept is told on stderr, and the run goes on."""
    line = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **facts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")
    except OSError as problem:
        # The ledger holds what counts; a full disk must not end a load between an answer and its outcome.
        sys.stderr.write(f"log.jsonl cannot be written ({problem.strerror}): {event}\n")


def tell_wait(why: str, seconds: float, *, stream: TextIO | None = None) -> None:
    """Say on stderr that all work waits, why, and for how long: a silent hour looks like a hang."""
    told = f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"
    print(f"{why} All calls wait {told}; nothing is lost.", file=stream or sys.stderr, flush=True)


class Progress:
    """Says on stderr how far long work is and how much time it honestly has left."""

    def __init__(self, what: str, total: int, *, stream: TextIO | None = None, every: float = 5.0) -> None:
        self.what = what
        self.total = total
        self.done = 0
        self.stream = stream or sys.stderr
        self.every = every
        self.started = self.told = time.monotonic()

    def step(self, count: int = 1, *, wait: str = "") -> None:
        """Count work as done; a line is written every few seconds."""
        self.done += count
        now = time.monotonic()
        if now - self.told >= self.every:
            self.told = now
            self._tell(now, wait)

    def _tell(self, now: float, wait: str) -> None:
        passed = now - self.started
        left = passed / max(self.done, 1) * max(self.total - self.done, 0)
        remaining = f"about {left / 60:.0f} min left" if left > 90 else f"about {left:.0f} s left"
        line = f"{self.what}: {self.done:,} of {self.total:,}, {remaining}{', ' + wait if wait else ''}"
        print(line, file=self.stream, flush=True)
