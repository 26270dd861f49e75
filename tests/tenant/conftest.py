"""A rehearsal tenant in process, with a client that speaks to it as the API's users do."""

import asyncio
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

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        if self.at is not None:
            options["headers"] = {"x-rehearsal-time": str(self.at)} | options.get("headers", {})
        prefix = "" if path.startswith("/_tenant") else "/crm/sales/api"
        return self.runner.run(self.http.request(method, prefix + path, **options))

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
        now = self.get("/_tenant/time")["now"]
        self.at = now + seconds

    def listed(self, entity: str, view: str, **query: Any) -> Any:
        views = {one["name"]: one["id"] for one in self.get(f"/{entity}/filters")["filters"]}
        return self.get(f"/{entity}/view/{views[view]}", **query)

    def listing(self, name: str) -> dict[str, int]:
        return {one["name"]: one["id"] for one in self.get(f"/selector/{name}")[name]}

    def close(self) -> None:
        self.runner.run(self.http.aclose())
        self.runner.close()
        self.tenant.state.db.close()


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
