"""The embedded rehearsal tenant: started as a child where nobody named another, and set up as its admin would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from workbench.errors import SettingsProblem, SetupMissing, TenantUnreachable, WorkbenchError, gather
from workbench.freshsales.endpoints import endpoint
from workbench.mapping.files import TICKS
from workbench.mapping.value_map import CONFLICTS, EXISTING, Decided, ValueMap, read_value_map, save_value_map
from workbench.privacy import keep_private, private_folder
from workbench.settings import Settings
from workbench.suggest.suggestion import is_by_machine
from workbench.vocabulary import Target

IDLE_SECONDS = 600
START_SECONDS = 30.0
ADMIN_SECONDS = 120.0
FORGOTTEN = "forgotten"
"""The folder of answers about records of a rehearsal tenant that is gone."""
OF_RECORDS = (EXISTING, CONFLICTS)
"""The value maps whose answers name records of one tenant, or fields of them."""


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
    private_folder(state)
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
        keep_private(state / "tenant.log")  # a notebook's kernel starts it, too, without the command's umask
        child = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, umask=0o077
        )
    child.returncode = 0  # nobody waits for it: it outlives this process, and ends by itself when it is idle
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
    refused = _administer(settings, "setup", setup).get("refused")
    if refused:
        raise SetupMissing(gather("The setup plan for this tenant", [str(one) for one in refused], noun="refusal"))


def seed_rehearsal(settings: Settings, foreign: Path) -> int:
    """Put the records of a sample's foreign.json into the embedded tenant as people made them before us; return how many.

    A tenant that holds any record is left as it is: seeding again, after a kill or in the next run, does nothing.
    """
    records = [
        {"entity": endpoint(one["destination"], settings.edition).plural, "fields": one["fields"]}
        for one in json.loads(foreign.read_text("utf-8"))["records"]
    ]
    return int(_administer(settings, "seed", {"records": records})["seeded"])


def forget_rehearsal(settings: Settings) -> str:
    """Delete the throw-away pair of tenant and ledger together, after ending the tenant; say what people decided there.

    That stays, but for answers about records of the forgotten tenant: those are laid aside, where nothing reads them.
    """
    folder, own = settings.target_folder, settings.own_decisions
    if not settings.is_rehearsal or not folder.is_dir():
        return ""
    kept = _by_people(own)
    path = folder / "tenant.json"
    if path.is_file():
        try:
            os.kill(int(json.loads(path.read_text("utf-8"))["pid"]), signal.SIGTERM)
            time.sleep(0.5)
        except (ProcessLookupError, KeyError, ValueError):
            pass
    aside = own / FORGOTTEN
    for one in (one for one in kept if one.name in OF_RECORDS):
        save_value_map(aside, replace(one, rows=read_value_map(one.name, [aside]).rows | one.rows))
    for one in (one for one in kept if one.name not in OF_RECORDS):
        save_value_map(own, one)
    staying = {aside, *(own / f"{one.name}.csv" for one in kept if one.name not in OF_RECORDS)}
    try:
        for path in (*folder.glob("*"), *own.glob("*")):
            if path.is_dir() and path not in {own, aside}:
                shutil.rmtree(path)
            elif path.is_file() and path not in staying:
                path.unlink()
    except OSError as problem:
        raise WorkbenchError(f"data/rehearsal cannot be deleted ({problem.strerror}); end what uses it.") from None
    return _tell_kept(kept)


def _by_people(folder: Path) -> list[ValueMap]:
    """Return what a rehearsal's own value maps hold that it did not decide itself."""
    maps = [read_value_map(path.stem, [folder]) for path in sorted(folder.glob("*.csv")) if path.name != TICKS]
    found = []
    for one in maps:
        rows = {key: row for key, row in one.rows.items() if not _is_its_own(row)}
        found += [replace(one, rows=rows)] if rows else []
    return found


def _is_its_own(row: Decided) -> bool:
    """Say whether a rehearsal wrote a row and nobody changed it since: its name, and a note as accepting writes it."""
    by_machine = row.note.startswith("suggested ") or is_by_machine(row.note)
    return row.decided_by == Target.REHEARSAL and by_machine


def _tell_kept(kept: list[ValueMap]) -> str:
    stay = sum(len(one.rows) for one in kept if one.name not in OF_RECORDS)
    aside = sum(len(one.rows) for one in kept if one.name in OF_RECORDS)
    told = f"Keeping {stay} decision{'s' * (stay != 1)} that a person made in data/rehearsal/decisions" if kept else ""
    if aside:
        names, lies = ("names", "lies") if aside == 1 else ("name", "lie")
        told += f"; {aside} that {names} records of the tenant that is forgotten {lies} in data/rehearsal/decisions/{FORGOTTEN}"
    return told


def rehearsal_state(settings: Settings) -> dict[str, Any]:
    """Return every record of the rehearsal tenant, as its admin side shows them."""
    return _administer(settings, "state")


def rehearsal_messages(settings: Settings) -> int:
    """Return how many messages patients would have got."""
    return len(_administer(settings, "messages")["messages"])


def _administer(settings: Settings, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call the rehearsal tenant's admin side, which Freshsales does not have; never through a proxy."""
    url = f"{_root(tenant_url(settings))}/_tenant/{what}"
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - our own child's address
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=ADMIN_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
    except HTTPError as problem:
        raise TenantUnreachable(f"The rehearsal tenant refused the {what} ({problem.code}).") from None
    except OSError as problem:
        raise TenantUnreachable(f"The rehearsal tenant did not answer ({type(problem).__name__}).") from None
    return found


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
        with build_opener(ProxyHandler({})).open(f"{_root(base_url)}/_tenant/time", timeout=5) as answer:
            return "x-rehearsal-alias" in answer.headers
    except (OSError, HTTPException):
        return False
