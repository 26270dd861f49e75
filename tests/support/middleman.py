"""Stands between a loading process and its tenant, and kills the process at a chosen request: before, after, or later."""

from __future__ import annotations

import re
import socket
import sqlite3
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

MOMENTS = ("before", "after", "answered", "recorded")
"""The request is not passed on · its answer is not passed on · some milliseconds after the answer · once it is in the ledger."""


@dataclass
class Death:
    """One `kill -9`: at the nth request that matches, at one of the moments."""

    match: str
    nth: int
    moment: str
    seconds: float = 0.0
    seen: int = 0


class Mortal(Protocol):
    """A process, or whoever knows which one it is."""

    def kill(self) -> None: ...
    def poll(self) -> int | None: ...
    def wait(self) -> int: ...


class Middleman:
    """A TCP server that passes HTTP on, one thread a connection; every death happens once."""

    def __init__(self, base_url: str, ledger: Path, deaths: list[Death]) -> None:
        self.tenant = urlsplit(base_url)
        self.ledger = ledger
        self.waiting = list(deaths)
        self.died: list[Death] = []
        self.process: Mortal | None = None
        self.lock = threading.Lock()
        self.listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def base_url(self) -> str:
        """Where the loading process finds the tenant."""
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}{self.tenant.path}"

    def close(self) -> None:
        """Take no further connection."""
        self.listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass_on, args=(connection,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        tenant = socket.create_connection((self.tenant.hostname or "", self.tenant.port or 80))
        tenant.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, tenant, suppress(OSError), client.makefile("rb") as asked, tenant.makefile("rb") as answered:
            while request := _message(asked):
                death = self._due(request.split(b" HTTP/", 1)[0].decode())
                if death and death.moment == "before":
                    self._kill(death)
                    return
                tenant.sendall(request)
                answer = _message(answered)
                if death and death.moment == "after":
                    self._kill(death)
                    return
                known = self._recorded() if death else 0
                client.sendall(answer)
                if death:
                    until = time.monotonic() + (death.seconds if death.moment == "answered" else 2.0)
                    while time.monotonic() < until and (death.moment == "answered" or self._recorded() == known):
                        time.sleep(0.0002)
                    self._kill(death)
                    return

    def _due(self, line: str) -> Death | None:
        with self.lock:
            for death in self.waiting:
                if re.search(death.match, line):
                    death.seen += 1
            if self.process is None or self.process.poll() is not None:
                return None  # the kernel of a run that was killed sends on for a moment: nobody is left to be killed
            due = next((one for one in self.waiting if one.seen >= one.nth), None)
            if due is not None:
                self.waiting.remove(due)
            return due

    def _recorded(self) -> int:
        with sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True) as connection:
            count = connection.execute("SELECT coalesce(max(seq), 0) FROM transitions").fetchone()[0]
        connection.close()
        return int(count)

    def _kill(self, death: Death) -> None:
        assert self.process is not None
        with self.lock:
            if self.process.poll() is not None:  # another connection's death was quicker: the next write is this one's
                self.waiting.append(death)
                return
            self.process.kill()
            self.process.wait()
            self.died.append(death)


def _message(source: BufferedReader) -> bytes:
    """Read one HTTP message whose length is told; empty at the end of the connection."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = source.readline()
        if not line:
            return b""
        head += line
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return head + (source.read(int(length[1])) if length else b"")
