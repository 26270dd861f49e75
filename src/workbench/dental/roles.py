"""Normalise the spellings of role and status, and give the route that the truth table says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workbench.dental.knowledge import read_facts

SEVERAL = re.compile(r"[;,/|+&]")


@dataclass(frozen=True)
class Route:
    """Which contact mapping a person takes, and why."""

    route: str
    reason: str


def read_role(text: str | None) -> str | None:
    """Return the canonical role of a spelling; None for a blank, an unknown one, or two different roles."""
    return _read("role", text)


def read_status(text: str | None) -> str | None:
    """Return the canonical status of a spelling; None for a blank or an unknown one."""
    return _read("status", text)


def route_of(role: str | None, status: str | None, *, has_appointment: bool) -> Route:
    """Return the route of a person by spellings of role and status; the first row of routes.csv that fits decides."""
    # A blank status is an ordinary one; a status nobody knows may mean anything.
    known = read_status(status) or ("" if not _fold(status) else None)
    if known is None and read_role(role) != "Referring Dentist":
        return Route("hold", "the status is not known")
    asked = (read_role(role) or "", known or "", "Y" if has_appointment else "N")
    for row in read_facts("routes.csv"):
        wanted = (row["role"], row["status"], row["has_appointment"])
        if all(want in ("*", said) for want, said in zip(wanted, asked, strict=True)):
            return Route(row["route"], row["reason"])
    raise AssertionError("routes.csv ends with a row that fits all")


def _read(kind: str, text: str | None) -> str | None:
    known = {row["spelling"]: row["canonical"] for row in read_facts("roles.csv") if row["kind"] == kind}
    found = {known.get(_fold(part)) for part in SEVERAL.split(text or "") if _fold(part)}
    return found.pop() if len(found) == 1 else None


def _fold(text: str | None) -> str:
    return re.sub(r"[^a-z]+", " ", (text or "").lower()).strip()
