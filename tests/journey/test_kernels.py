"""Kernels of a headless run are forks of one process without threads, and end with the run however that ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rooms import Practice, make_practice

from workbench.journey.jupyter import CAN_FORK

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="kernels are forked on Linux only")


def status(pid: int) -> dict[str, str]:
    """Return what the system knows of a process; nothing when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def wait_for(seen, seconds: float = 60):
    until = time.monotonic() + seconds
    while not (found := seen()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def let_wait(practice: Practice) -> Path:
    """Let the first notebook say who its kernel is, and stay."""
    path, said = practice.folder / "notebooks" / "10_take_snapshot.ipynb", practice.folder / "kernel"
    book = json.loads(path.read_text())
    code = f"import os, pathlib, time\npathlib.Path({str(said)!r}).write_text(str(os.getpid()))\ntime.sleep(300)"
    next(cell for cell in reversed(book["cells"]) if cell["cell_type"] == "code")["source"] = code
    path.write_text(json.dumps(book))
    return said


def test_kernels_come_from_a_process_without_threads_and_a_killed_run_leaves_none(tmp_path):
    practice = make_practice(tmp_path, patients=31, dialect="clean")
    said = let_wait(practice)
    command = [sys.executable, "-m", "workbench.cli", "run", "--to", "snapshot", "--migration", str(practice.folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        kernel = int(wait_for(lambda: said.is_file() and said.read_text()))
        origin = int(status(kernel)["PPid"])
        assert (origin != run.pid, status(origin)["Threads"]) == (True, "1")
        assert os.getsid(kernel) == kernel  # what a terminal sends to the run does not reach it
        run.kill()
    assert wait_for(lambda: not status(kernel) and not status(origin), 20), "a kernel outlived its run"


def test_a_kernel_is_spoken_with_over_sockets_that_are_its_owners_alone(tmp_path):
    practice = make_practice(tmp_path, patients=31, dialect="clean")
    path, said = practice.folder / "notebooks" / "10_take_snapshot.ipynb", practice.folder / "kernel"
    book = json.loads(path.read_text())
    code = (
        "import json, pathlib\nfrom ipykernel import get_connection_info\n"
        "info = json.loads(get_connection_info())\nplace = pathlib.Path(info['ip'])\n"
        "modes = [one.stat().st_mode & 0o077 for one in place.parent.glob(f'{place.name}-*')]\n"
        f"pathlib.Path({str(said)!r}).write_text(json.dumps([info['transport'], bool(info['key']), modes]))"
    )
    next(cell for cell in reversed(book["cells"]) if cell["cell_type"] == "code")["source"] = code
    path.write_text(json.dumps(book))
    command = [sys.executable, "-m", "workbench.cli", "run", "--to", "snapshot", "--migration", str(practice.folder)]
    subprocess.run(command, stderr=subprocess.DEVNULL)
    transport, has_key, modes = json.loads(said.read_text())
    assert (transport, has_key, set(modes)) == ("ipc", True, {0})
