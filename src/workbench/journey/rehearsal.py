"""The embedded rehearsal tenant: started as a child where nobody named another, and set up as its admin would."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from workbench.errors import SettingsProblem, SetupMissing, TenantUnreachable, gather
from workbench.settings import Settings

IDLE_SECONDS = 600
START_SECONDS = 30.0


def tenant_url(settings: Settings) -> str:
    """Return the base URL of the target; the embedded tenant is started when it does not run."""
    if not settings.is_rehearsal:
        url = str(settings["freshsales.base_url"])
        if not url:
            raise SettingsProblem(
                "[freshsales] base_url is empty in migration.toml. It is https://<alias>.myfreshworks.com/crm/sales/api"
                " (Profile > API Settings)."
            )
        return url
    return str(settings["rehearsal.base_url"]) or start_tenant(settings)


def start_tenant(settings: Settings) -> str:
    """Return the URL of the embedded tenant, running."""
    state = settings.target_folder.resolve()
    known = _known(state)
    if known and _answers(known["base_url"]):
        return str(known["base_url"])
    state.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "workbench.tenant",
        "--state",
        str(state),
        "--edition",
        settings.edition,
        "--plan",
        settings.plan,
        "--users",
        str(settings["freshsales.users"]),
        "--idle",
        str(IDLE_SECONDS),
    ]
    with (state / "tenant.log").open("ab") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        known = _known(state)
        if known and _answers(known["base_url"]):
            return str(known["base_url"])
        time.sleep(0.05)
    raise TenantUnreachable(
        f"The rehearsal tenant did not start within {START_SECONDS:.0f} s; data/rehearsal/tenant.log says why."
    )


def set_up_rehearsal(settings: Settings, setup: dict[str, Any]) -> None:
    """Do in the rehearsal tenant what the setup plan asks its admin to do."""
    url = f"{_root(tenant_url(settings))}/_tenant/setup"
    answer = httpx.post(url, json=setup, timeout=30)
    if answer.status_code != 200:
        raise TenantUnreachable(f"The rehearsal tenant refused the setup plan ({answer.status_code}).")
    refused = answer.json().get("refused") or []
    if refused:
        raise SetupMissing(gather("The setup plan for this tenant", [str(one) for one in refused], noun="refusal"))


def rehearsal_state(settings: Settings) -> dict[str, Any]:
    """Return every record of the rehearsal tenant, as its admin side shows them."""
    state: dict[str, Any] = httpx.get(f"{_root(tenant_url(settings))}/_tenant/state", timeout=120).json()
    return state


def rehearsal_messages(settings: Settings) -> int:
    """Return how many messages patients would have got."""
    found = httpx.get(f"{_root(tenant_url(settings))}/_tenant/messages", timeout=30).json()
    return len(found.get("messages", found) if isinstance(found, dict) else found)


def _root(base_url: str) -> str:
    return base_url.split("/crm/sales", maxsplit=1)[0].removesuffix("/api")


def _known(state: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((state / "tenant.json").read_text("utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return found if found.get("base_url") else None


def _answers(base_url: str) -> bool:
    try:
        return "x-rehearsal-alias" in httpx.get(f"{_root(base_url)}/_tenant/time", timeout=5).headers
    except httpx.HTTPError:
        return False
