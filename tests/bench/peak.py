"""The peak of memory of the process that asks."""

from __future__ import annotations

from pathlib import Path

GIB = 2**20


def peak_memory() -> float:
    """Return it in GiB. `getrusage` would tell what the parent held when it started this process, if that was more."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / GIB
    raise RuntimeError("the system does not tell the peak of memory")
