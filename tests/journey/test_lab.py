"""JupyterLab answers on this machine alone, to whoever has the token that it made, and saves notebooks without outputs."""

from __future__ import annotations

import json
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
            save_with_outputs(f"{place}/31_map_carriers.ipynb", {"Authorization": f"token {found[1]}"})
            path = settings.folder / "notebooks" / "31_map_carriers.ipynb"
            saved = path.read_text("utf-8")
            assert "Mary Miller" not in saved and "a changed line" in saved
            codes = [cell for cell in json.loads(saved)["cells"] if cell["cell_type"] == "code"]
            assert {(str(cell["outputs"]), cell["execution_count"]) for cell in codes} == {("[]", None)}
            assert [cell["metadata"] for cell in codes if cell["metadata"]] == [{"tags": ["parameters"]}]
            assert "widgets" not in json.loads(saved)["metadata"]
        finally:
            os.kill(server.pid, signal.SIGKILL)


def save_with_outputs(place: str, token: dict[str, str]) -> None:
    """Save a notebook as JupyterLab does after its cells ran."""
    book = httpx.get(place, headers=token, timeout=10).json()["content"]
    shown = {"output_type": "stream", "name": "stdout", "text": "Mary Miller"}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [shown], "execution_count": 7}
            cell["metadata"]["collapsed"] = True
    book["cells"][0]["source"] += "\na changed line"
    book["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": "Mary Miller"}}}
    body = {"type": "notebook", "format": "json", "content": book}
    assert httpx.put(place, headers=token, json=body, timeout=10).status_code == 200


def listening(port: int) -> set[str]:
    """Return the addresses on which somebody listens on a port, as Linux writes them: 127.0.0.1 and ::1 are loopback."""
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    places = [line.split() for line in lines]
    found = {place[1].split(":")[0] for place in places if place[3] == "0A" and int(place[1].split(":")[1], 16) == port}
    assert found
    return found
