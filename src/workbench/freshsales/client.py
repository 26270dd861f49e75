"""One connection to one tenant: every call is paced, sent once, and ends in an answer or in a named outcome."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator, Mapping
from typing import IO, Any, Self

import httpx
import orjson

from workbench.clock import Clock, RehearsalClock, WallClock
from workbench.errors import KeyProblem, SettingsProblem, TenantUnreachable, Transient
from workbench.freshsales.answers import Answer, judge, remaining
from workbench.freshsales.limits import Budget
from workbench.freshsales.refusals import (
    STANDARD_LABELS,
    Json,
    NotSent,
    OutcomeUnknown,
    Refused,
    Throttled,
)
from workbench.log import tell_wait
from workbench.vocabulary import Edition

TIME_HEADER = "x-rehearsal-time"
ALIAS_HEADER = "x-rehearsal-alias"
# 429: x-ratelimit-reset means an epoch in one tenant and seconds in another, and Retry-After is absent, so neither is
# obeyed. A minute frees the minute window; what is still refused then waits for the hour.
HOLDS = (61.0, 61.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
LARGEST = 64 * 1024 * 1024
"""Bytes of an answer: a page of a hundred records has about one million."""
READ_WAITS = (2.0, 10.0, 30.0, 60.0)
CONNECT_WAITS = (1.0, 5.0, 15.0, 30.0)
LOCAL_WAITS = (0.2, 0.5, 1.0)  # a tenant on this machine restarts in real seconds, whatever its clock says
Files = Mapping[str, tuple[str, IO[bytes]]]
Transport = httpx.BaseTransport


class Freshsales:
    """One tenant, one key, one pooled client; a context manager."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        budget: Budget,
        transport: Transport | None = None,
        wait_seconds: float = 60,
        edition: Edition | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        host, self.is_local = _checked(self.base_url)
        if not key.strip() or not key.isascii():
            raise KeyProblem("There is no usable API key. Put it into FRESHSALES_API_KEY (Profile > API Settings).")
        self.budget = budget
        self.alias = host
        self.edition = edition or _edition(self.base_url)
        self.labels = STANDARD_LABELS
        self.views: dict[str, list[int]] = {}
        self.calls = 0
        self.holds = 0
        self._remaining: int | None = None
        self._clock: Clock | None = None if self.is_local else WallClock()
        # httpx writes full URLs, queries included, at INFO.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._http = httpx.Client(
            base_url=self.base_url,
            headers={
                # Without this Accept an unknown key is redirected to the sign-in page instead of being refused.
                "Accept": "application/json",
                "Authorization": f"Token token={key.strip()}",
                "User-Agent": "dental-exec-freshsales-workbench",
            },
            timeout=httpx.Timeout(wait_seconds, connect=min(10.0, wait_seconds), pool=10.0),
            # Shorter than servers keep idle connections: one that the server just closed makes a write's fate unknown.
            limits=httpx.Limits(max_connections=16, keepalive_expiry=2.0),
            follow_redirects=False,
            transport=transport,
            mounts={f"all://{name}": None for name in ("localhost", "127.0.0.1", "[::1]")},
        )

    @property
    def clock(self) -> Clock:
        """The clock that this tenant's limits are counted with: the wall's, or the rehearsal tenant's own."""
        return self._clock or WallClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Freshsales({self.alias!r})"

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Json = None,
        params: Mapping[str, Any] | None = None,
        files: Files | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send one call when its slot has come, and return its answer.

        What was refused by the rate limit, or provably never left, is sent again; a read also after a broken answer.
        A write without a usable answer raises OutcomeUnknown at once. TenantUnreachable out of a write: never sent.
        """
        waits: dict[type[Exception], Iterator[float]] = {
            Throttled: iter(HOLDS),
            NotSent: iter(LOCAL_WAITS if self.is_local else CONNECT_WAITS),
            OutcomeUnknown: iter(LOCAL_WAITS if self._clock is None else READ_WAITS),
        }
        assert path.startswith("/"), "a call goes below base_url, nowhere else"
        content = None if json is None else orjson.dumps(json, default=str)
        while True:
            try:
                return self._once(method, path, content=content, params=params, files=files, data=data)
            except (Throttled, NotSent, OutcomeUnknown) as problem:
                if isinstance(problem, OutcomeUnknown) and method != "GET":
                    raise
                wait = next(waits[type(problem)], None)
                if wait is None:
                    raise TenantUnreachable(f"{problem} It was tried several times; run again later.") from None
                self._pause(problem, wait)

    def _pause(self, problem: Transient, seconds: float) -> None:
        if isinstance(problem, Throttled):
            self._hold(seconds)
        else:
            clock = WallClock() if self.is_local and isinstance(problem, NotSent) else self.clock
            clock.wait_until(clock.now() + seconds)

    def _hold(self, seconds: float) -> None:
        self.holds += 1
        tell_wait(f"{self.alias}: the account's calls are used up, by this run or another integration.", seconds)
        self.budget.hold(self.clock.now() + seconds)

    def _once(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None,
        params: Mapping[str, Any] | None,
        files: Files | None,
        data: Mapping[str, Any] | None,
    ) -> Answer:
        what = f"{method} {path}"
        headers = {"Content-Type": "application/json"} if content is not None else {}
        if self._clock is not None:
            self.budget.claim(self._clock)
            if isinstance(self._clock, RehearsalClock):
                headers[TIME_HEADER] = f"{self._clock.now():.3f}"
        for _, file in (files or {}).values():
            file.seek(0)
        try:
            self.calls += 1
            with self._http.stream(
                method, path, content=content, params=params, files=files, data=data, headers=headers
            ) as response:
                found = _whole(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as problem:
            raise NotSent(f"{what}: {self.alias} cannot be reached ({type(problem).__name__}).") from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL) as problem:
            raise SettingsProblem(f"{what} cannot be sent ({type(problem).__name__}); check base_url.") from None
        except httpx.HTTPError as problem:
            raise OutcomeUnknown(f"{what}: {self.alias} gave no answer ({type(problem).__name__}).") from None
        self._hear(response)
        if found is None:
            raise OutcomeUnknown(f"{what}: {self.alias} gave an answer without end.", status=response.status_code)
        return judge(what, self.alias, response, found, self.labels)

    def _hear(self, response: httpx.Response) -> None:
        """Take the time from the rehearsal tenant; the first answer decides whose time it is."""
        moment = response.headers.get(TIME_HEADER)
        if moment is not None and not self.is_local:
            raise TenantUnreachable(
                f"{self.alias} answers with a rehearsal clock, but is not on this machine: that is no Freshsales"
                " tenant. Check base_url in migration.toml."
            )
        if self._clock is None:
            self._clock = RehearsalClock(float(moment)) if moment is not None else WallClock()
            self.alias = response.headers.get(ALIAS_HEADER, self.alias) if moment is not None else self.alias
            # Who is not yet known cannot be paced: the first call pays for its slot afterwards.
            self.budget.claim(self._clock)
        elif moment is not None and isinstance(self._clock, RehearsalClock):
            self._clock.hear(float(moment))
        left, before = remaining(response), self._remaining
        self._remaining = left if left is not None else before
        if left == 0 and before and response.status_code != 429:
            # Another integration ate the account's calls: wait before we are refused.
            self._hold(HOLDS[0])


def _whole(response: httpx.Response) -> bytes | None:
    """Read an answer; nothing comes of one that is larger than any of Freshsales', packed or not."""
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) > LARGEST:
            return None
    return bytes(content)


def connect(
    base_url: str,
    key: str,
    *,
    budget: Budget,
    transport: Transport | None = None,
    wait_seconds: float = 60,
    edition: Edition | None = None,
) -> Freshsales:
    """Connect to a tenant with one cheap call, which proves URL and key and tells whose clock counts.

    `wait_seconds` is how long one answer is waited for. The edition is read from the URL when it is not given.
    """
    tenant = Freshsales(base_url, key, budget=budget, transport=transport, wait_seconds=wait_seconds, edition=edition)
    cheap = "/selector/lifecycle_stages" if tenant.edition is Edition.SUITE else "/selector/lead_sources"
    try:
        tenant.call("GET", cheap)
    except Refused as problem:
        tenant.close()
        raise SettingsProblem(
            f"{tenant.alias} is there, but not as Freshsales ({problem.status}). [freshsales] base_url ends with"
            " /crm/sales/api (Suite) or /api (Classic)."
        ) from None
    except BaseException:
        tenant.close()
        raise
    return tenant


def _checked(base_url: str) -> tuple[str, bool]:
    """Return the host and whether it is this machine; refuse what must not carry a key."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        raise SettingsProblem("[freshsales] base_url is no URL.") from None
    host = url.host
    try:
        is_local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = False
    if not host or url.scheme not in ("http", "https") or url.userinfo or url.query:
        raise SettingsProblem("[freshsales] base_url looks like https://<alias>.myfreshworks.com/crm/sales/api")
    if url.scheme == "http" and not is_local:
        raise SettingsProblem(f"{host} is not on this machine, so its base_url must start with https://.")
    return host, is_local


def _edition(base_url: str) -> Edition:
    return Edition.SUITE if "/crm/sales" in base_url else Edition.CLASSIC
