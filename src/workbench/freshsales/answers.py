"""An HTTP response to a usable answer, or to the named outcome that it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from workbench.errors import TenantRefusesKey, TenantUnreachable
from workbench.freshsales.refusals import Json, OutcomeUnknown, PermissionMissing, Throttled, refusal


@dataclass(frozen=True)
class Answer:
    """A usable success of the tenant."""

    status: int
    body: Json
    headers: Mapping[str, str]


def judge(what: str, alias: str, response: httpx.Response, content: bytes, labels: frozenset[str]) -> Answer:
    """Return a success that holds JSON; anything else raises what it means.

    A redirect is the sign-in page, and a page with 200 a proxy's or a captive network's: neither is a success.
    """
    status = response.status_code
    body, is_json = _parsed(content)
    if response.is_success and is_json:
        return Answer(status, body, dict(response.headers))
    if status == 429:
        raise Throttled(f"{what}: the call limit of {alias} is used up (429).")
    if status == 401:
        raise TenantRefusesKey(
            f"{alias} does not accept the API key (401). Put a current one into FRESHSALES_API_KEY and run again;"
            " nothing else is needed."
        )
    if status == 403:
        raise PermissionMissing(
            f"The API key's role may not do this: {what} (403). Use an admin's key, or give its role the right.",
            resource=what.split("/", 2)[1],
        )
    if 400 <= status < 500 and status != 408:
        raise refusal(status, body, labels)
    kind = "a page or nothing instead of data" if response.is_success else "no usable answer"
    raise OutcomeUnknown(f"{what}: {alias} gave {kind} ({status}).", status=status)


def is_number(written: Json) -> bool:
    """Say whether what stands in the place of an id can be one; anything else may be what was sent, echoed."""
    return re.fullmatch(r"[0-9]{1,18}", str(written)) is not None


def items(path: str, body: Json, envelope: str, key: str = "id") -> list[dict[str, Any]]:
    """Return the items of a list, each with its key; an answer without a list, or with anything else in it, is none."""
    found = body.get(envelope) if isinstance(body, dict) else None
    named = (one.get(key) if isinstance(one, dict) else None for one in found or [])
    if not isinstance(found, list) or not all(is_number(one) if key == "id" else isinstance(one, str) for one in named):
        raise TenantUnreachable(f"GET {path}: the answer holds no {envelope}.")
    return found


def remaining(response: httpx.Response) -> int | None:
    """Return how many calls the tenant says are left, where it says so."""
    try:
        return int(response.headers.get("x-ratelimit-remaining", ""))
    except ValueError:
        return None


def _parsed(content: bytes) -> tuple[Json, bool]:
    try:
        return orjson.loads(content), True
    except orjson.JSONDecodeError:
        return None, False
