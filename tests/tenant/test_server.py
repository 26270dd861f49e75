"""The tenant as a process: one port, one owner, a state that outlives a kill."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

HEADERS = {"authorization": "Token token=rehearsal-admin", "accept": "application/json"}


class Process:
    """A tenant of its own process."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "workbench.tenant", "--state", folder.name, *options]
        self.facts_file = folder / "tenant.json"
        seen = self.facts_file.stat().st_mtime_ns if self.facts_file.exists() else 0
        self.child = subprocess.Popen(command, cwd=folder.parent, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 20
        while time.monotonic() < until and self.child.poll() is None:
            if self.facts_file.exists() and self.facts_file.stat().st_mtime_ns != seen:
                break
            time.sleep(0.02)

    @property
    def facts(self) -> dict:
        return json.loads(self.facts_file.read_text())

    def post(self, path: str, body: dict) -> httpx.Response:
        return httpx.post(self.facts["base_url"] + path, json=body, headers=HEADERS, timeout=10)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.child.send_signal(number)
        code = self.child.wait(10)
        self.child.stderr.close()
        return code


@pytest.fixture
def start(tmp_path) -> Iterator:
    running = []

    def go(*options: str) -> Process:
        running.append(Process(tmp_path / "state", *options))
        return running[-1]

    yield go
    for process in running:
        if process.child.poll() is None:
            process.end(signal.SIGKILL)


def test_a_killed_tenant_comes_back_with_its_records_on_its_port(start):
    first = start()
    facts = first.facts
    assert facts["base_url"] == f"http://127.0.0.1:{facts['port']}/crm/sales/api"
    assert (facts["pid"], facts["plan"], facts["edition"]) == (first.child.pid, "enterprise", "suite")
    reply = first.post("/sales_accounts", {"name": "Smile"})
    assert reply.status_code == 201
    first.end(signal.SIGKILL)
    second = start()
    assert (second.facts["port"], second.facts["alias"]) == (facts["port"], facts["alias"])
    assert second.post("/sales_accounts", {"name": "smile"}).status_code == 400
    assert second.end() == 0


def test_a_state_has_one_process(start, tmp_path):
    first = start()
    second = subprocess.run(
        [sys.executable, "-m", "workbench.tenant", "--state", tmp_path / "state"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr.startswith("Another process serves ")
    assert first.post("/lists", {"name": "L"}).status_code == 201


def test_a_dropped_connection_gives_no_answer_over_the_wire(start):
    process = start()
    root = process.facts["base_url"].removesuffix("/crm/sales/api")
    rule = {"match": "POST ^/sales_accounts", "kind": "drop_after"}
    assert httpx.post(f"{root}/_tenant/faults", json=rule).status_code == 200
    with pytest.raises(httpx.TransportError):
        process.post("/sales_accounts", {"name": "Smile"})
    accounts = httpx.get(f"{root}/_tenant/state").json()["sales_accounts"]
    assert [one["name"] for one in accounts] == ["Smile"]


def test_an_idle_tenant_ends_by_itself(start):
    process = start("--idle", "0.5")
    assert process.child.wait(10) == 0
    process.child.stderr.close()


def test_https_is_served_with_an_authority_of_its_own(start):
    process = start("--tls")
    trust = ssl.create_default_context(cafile=process.facts_file.with_name("ca.pem"))
    url = process.facts["base_url"].replace("127.0.0.1", "localhost")
    reply = httpx.get(f"{url}/selector/currencies", headers=HEADERS, verify=trust)
    assert (url[:8], reply.status_code) == ("https://", 200)


def test_a_setup_at_the_start_is_applied(start, tmp_path):
    setup = tmp_path / "setup.json"
    setup.write_text(json.dumps({"industry_types": ["Healthcare / Dental"]}))
    process = start("--setup", os.fspath(setup), "--plan", "pro")
    reply = httpx.get(process.facts["base_url"] + "/selector/industry_types", headers=HEADERS)
    assert "Healthcare / Dental" in [one["name"] for one in reply.json()["industry_types"]]
    assert process.facts["plan"] == "pro"
