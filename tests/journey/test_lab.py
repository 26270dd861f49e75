"""JupyterLab answers on this machine alone, and only to whoever has the token that it made."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
from rooms import make_practice

from workbench.journey.jupyter import lab_command, lab_environment


def test_lab_asks_for_a_token_and_listens_on_loopback(tmp_path: Path) -> None:
    settings = make_practice(tmp_path).settings
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = lab_command(settings, "--no-browser", "--allow-root", f"--ServerApp.port={port}")
    log = tmp_path / "lab.log"
    environment = {name: value for name, value in lab_environment(settings).items() if name != "JUPYTER_TOKEN"}
    with log.open("wb") as told, subprocess.Popen(command, env=environment, stdout=told, stderr=told) as server:
        try:
            until = time.monotonic() + 60
            while not (found := re.search(r"/lab\?token=([0-9a-f]+)", log.read_text())) and time.monotonic() < until:
                time.sleep(0.1)
            assert found, log.read_text()
            place = f"http://localhost:{port}/api/contents"
            assert httpx.get(place, timeout=10).status_code == 403
            assert httpx.get(place, headers={"Authorization": f"token {found[1]}"}, timeout=10).status_code == 200
            assert len(found[1]) >= 48
            assert listening(port) <= {"0100007F", "00000000000000000000000001000000"}
        finally:
            os.kill(server.pid, signal.SIGKILL)


def listening(port: int) -> set[str]:
    """Return the addresses on which somebody listens on a port, as Linux writes them: 127.0.0.1 and ::1 are loopback."""
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    places = [line.split() for line in lines]
    found = {place[1].split(":")[0] for place in places if place[3] == "0A" and int(place[1].split(":")[1], 16) == port}
    assert found
    return found
