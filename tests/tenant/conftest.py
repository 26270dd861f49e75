"""A rehearsal tenant in process and over HTTP, with a client that speaks to it as the API's users do."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from workbench.tenant.server import make_app

HEADERS = {"authorization": "Token token=rehearsal-admin", "accept": "application/json"}
SETUP = {
    "custom_fields": {
        "contacts": [
            {"label": "Source system ID", "name": "cf_source_system_id", "type": "text", "unique": True},
            {"label": "Carrier", "name": "cf_carrier", "type": "dropdown", "choices": ["Delta Dental", "Cigna"]},
            {"label": "Languages", "type": "multi_select_dropdown", "choices": ["English", "Spanish"]},
            {"label": "Referrer", "type": "checkbox"},
            {"label": "Recall due", "type": "date"},
            {"label": "Visits", "type": "number"},
            {"label": "Story", "type": "textarea"},
        ],
        "sales_accounts": [{"label": "NPI", "name": "cf_npi", "type": "text"}],
        "deals": [{"label": "Source system ID", "name": "cf_source_system_id", "type": "text", "unique": True}],
    },
    "pipelines": [
        {
            "name": "Ortho",
            "stages": [
                {"name": "Consult", "forecast_type": "Open", "probability": 40},
                {"name": "Done", "forecast_type": "Closed Won", "probability": 100},
                {"name": "Gone", "forecast_type": "Closed Lost", "probability": 0},
            ],
        }
    ],
    "lifecycle_stages": ["Referring Dentist"],
    "industry_types": ["Healthcare / Dental"],
    "task_types": ["Recall"],
    "users": [{"name": "Ana Lee", "email": "ana@example.com"}],
    "switch_off": ["Workflows", "Sales sequences", "Auto-assignment rules"],
}


class Client:
    """Calls a tenant in process; `at` is the time that the next call tells."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.app = make_app(folder, **options)
        self.tenant = self.app.state.tenant
        self.runner = asyncio.Runner()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://tenant", headers=HEADERS
        )
        self.at: float | None = None
        self.prefix = self.tenant.base_path

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        if self.at is not None:
            options["headers"] = {"x-rehearsal-time": str(self.at)} | options.get("headers", {})
        prefix = "" if path.startswith("/_tenant") else self.prefix
        return self.send(method, prefix + path, **options)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.runner.run(self.http.request(method, path, **options))

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, params=query).json()

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.call("POST", path, json=body)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self.call("PUT", path, json=body)

    def contact(self, **fields: Any) -> Any:
        return self.post("/contacts", {"contact": {"mobile_number": "1", **fields}}).json()["contact"]

    def account(self, name: str = "Smile", **fields: Any) -> Any:
        return self.post("/sales_accounts", {"sales_account": {"name": name, **fields}}).json()["sales_account"]

    def wait(self, seconds: float) -> None:
        self.at = max(self.get("/_tenant/time")["now"], self.at or 0.0) + seconds

    def listed(self, entity: str, view: str, **query: Any) -> Any:
        views = {one["name"]: one["id"] for one in self.get(f"/{entity}/filters")["filters"]}
        return self.get(f"/{entity}/view/{views[view]}", **query)

    def listing(self, name: str) -> dict[str, int]:
        return {one["name"]: one["id"] for one in self.get(f"/selector/{name}")[name]}

    def close(self) -> None:
        self.runner.run(self.http.aclose())
        self.runner.close()
        self.tenant.state.db.close()


class Wired(Client):
    """The same over HTTP, with the tenant in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir()
        (folder / "setup.json").write_text(json.dumps(SETUP))
        command = [sys.executable, "-m", "workbench.tenant", "--state", os.fspath(folder), *options]
        self.child = subprocess.Popen([*command, "--setup", os.fspath(folder / "setup.json"), "--idle", "120"])
        facts = folder / "tenant.json"
        until = time.monotonic() + 20
        while not facts.exists() and self.child.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        told = httpx.URL(json.loads(facts.read_text())["base_url"])
        self.http = httpx.Client(base_url=told.copy_with(path="/"), headers=HEADERS, timeout=10)
        self.at, self.prefix = None, told.path

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, path, **options)

    def close(self) -> None:
        self.http.close()
        self.child.terminate()
        self.child.wait(10)


@pytest.fixture(scope="session", params=["suite", "classic", "suite over http"])
def shared_door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One tenant for many cases: by its edition, in process and over HTTP."""
    folder, edition = tmp_path_factory.mktemp("door") / "tenant", request.param.split()[0]
    door = (
        Wired(folder, "--edition", edition) if "http" in request.param else Client(folder, edition=edition, setup=SETUP)
    )
    door.edition = edition
    door.at = door.get("/_tenant/time")["now"]
    yield door
    door.close()


@pytest.fixture
def door(shared_door: Client) -> Iterator[Client]:
    """The shared tenant an hour later, with every switch as it was."""
    shared_door.at += 3700
    usual = shared_door.get("/_tenant/switches")["switches"]
    yield shared_door
    if shared_door.get("/_tenant/switches")["switches"] != usual:
        shared_door.post("/_tenant/switches", usual)


@pytest.fixture(scope="session")
def setup() -> Any:
    """The setup of a small practice."""
    return SETUP


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Founds tenants in process that a whole module shares."""
    made: list[Client] = []

    def found(**options: Any) -> Client:
        made.append(Client(tmp_path_factory.mktemp("shared") / "tenant", **options))
        return made[-1]

    yield found
    for one in made:
        one.close()


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Client]:
    """A tenant as the vendor hands it over."""
    client = Client(tmp_path / "bare")
    yield client
    client.close()


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Client]:
    """A tenant set up for a small practice."""
    client = Client(tmp_path / "tenant", setup=SETUP)
    yield client
    client.close()


def errors(reply: httpx.Response) -> list[str]:
    """Return the messages of a refusal."""
    body = reply.json()["errors"]
    assert body["code"] == reply.status_code
    return body["message"]


@pytest.fixture
def messages() -> Any:
    """How refusals are read."""
    return errors
