"""Serve a rehearsal tenant on loopback: `python -m workbench.tenant --state DIR`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import cast

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from filelock import FileLock, Timeout
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from workbench.tenant.server import Tenant, make_app
from workbench.tenant.state import State, readings


class DroppingProtocol(H11Protocol):
    """HTTP whose connection the application may close without an answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the transport's abort to the application."""
        super().connection_made(cast(asyncio.Transport, transport))
        inner: ASGIApp = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["drop"] = self.transport.abort
            await inner(scope, receive, send)

        self.app = app


class Server(uvicorn.Server):
    """A server that ends by itself after an idle time, counted from the last answer."""

    def __init__(self, config: uvicorn.Config, idle: float | None) -> None:
        super().__init__(config)
        self.idle = idle
        self.answered_at = time.monotonic()

    def note_answer(self) -> None:
        """Count idleness from now."""
        self.answered_at = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        """Say whether it is time to stop."""
        if self.idle is not None and time.monotonic() - self.answered_at > self.idle:
            return True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at once: a rehearsal has no long answers, and its state is already safe."""
        self.should_exit = True


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="workbench tenant", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the tenant's state")
    parser.add_argument("--port", type=int, default=0, help="0: a free port at the first start, then the same again")
    parser.add_argument("--edition", choices=("suite", "classic"), default="suite")
    parser.add_argument("--plan", choices=tuple(readings()["plans"]), default="enterprise")
    parser.add_argument("--users", type=int, default=1, help="seats, which the storage quota counts")
    parser.add_argument("--setup", type=Path, help="setup.json to apply at the start")
    parser.add_argument("--idle", type=float, help="end after this many seconds without an answered request")
    parser.add_argument("--tls", action="store_true", help="serve https with a certificate of its own authority")
    return parser.parse_args(argv)


def make_socket(port: int, remembered: int) -> socket.socket:
    """Return a listening socket on loopback, on the port of the last start if nothing else is said.

    Made by hand with IPPROTO_TCP: only then does asyncio switch Nagle's algorithm off, which costs 40 ms a call.
    """
    for candidate in dict.fromkeys((port or remembered, port)):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listening.bind(("127.0.0.1", candidate))
        except OSError:
            listening.close()
            if candidate == port:
                raise
            continue
        listening.listen(128)
        return listening
    raise OSError(f"port {port} is taken")


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return certificate and key for this machine, made once with an authority of its own in `ca.pem`."""
    ca_file, chain, key_file = folder / "ca.pem", folder / "tls.pem", folder / "tls.key"
    if not (chain.exists() and key_file.exists()):
        now = datetime.now(UTC)
        authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rehearsal authority")])
        bare = x509.CertificateBuilder().issuer_name(authority_name).not_valid_before(now - timedelta(days=1))
        bare = bare.not_valid_after(now + timedelta(days=3650))
        authority = (
            bare.subject_name(authority_name)
            .public_key(authority_key.public_key())
            .serial_number(x509.random_serial_number())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(authority_key, hashes.SHA256())
        )
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        own = (
            bare.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        ca_file.write_bytes(authority.public_bytes(Encoding.PEM))
        chain.write_bytes(own.public_bytes(Encoding.PEM))
        key_file.touch(mode=0o600)
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, key_file


def write_facts(folder: Path, state: State, base_url: str, port: int) -> None:
    """Tell where the tenant is, in one move so that no reader sees half a file."""
    facts = {"alias": state.alias, "port": port, "base_url": base_url, "pid": os.getpid()}
    facts |= {"edition": state.edition, "plan": state.plan}
    draft = folder / "tenant.json.new"
    draft.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    draft.replace(folder / "tenant.json")


def read_port(folder: Path) -> int:
    """Return the port of the last start, 0 when there was none."""
    try:
        return int(json.loads((folder / "tenant.json").read_text(encoding="utf-8"))["port"])
    except (OSError, ValueError, KeyError):
        return 0


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop, or until nobody asks any more; 1 when another serves this state."""
    asked = parse(argv)
    folder = asked.state.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    setup = json.loads(asked.setup.read_text(encoding="utf-8")) if asked.setup else None
    try:
        with FileLock(folder / "tenant.lock", timeout=0):
            return _serve(asked, folder, setup)
    except Timeout:
        sys.stderr.write(f"Another process serves {folder}; its address is in tenant.json there.\n")
        return 1


def _serve(asked: argparse.Namespace, folder: Path, setup: dict[str, object] | None) -> int:
    try:
        listening = make_socket(asked.port, read_port(folder))
    except OSError as problem:
        sys.stderr.write(f"Port {asked.port} of 127.0.0.1 cannot be had: {problem}.\n")
        return 1
    app = make_app(folder, edition=asked.edition, plan=asked.plan, users=asked.users, setup=setup)
    tenant: Tenant = app.state.tenant
    port = listening.getsockname()[1]
    scheme = "https" if asked.tls else "http"
    certificate, key = make_certificate(folder) if asked.tls else (None, None)
    config = uvicorn.Config(
        app,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        http=DroppingProtocol,
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = Server(config, asked.idle)
    tenant.on_answer = server.note_answer
    signal.signal(signal.SIGTERM, server.handle_exit)
    write_facts(folder, tenant.state, f"{scheme}://127.0.0.1:{port}{tenant.base_path}", port)
    sys.stderr.write(
        f"Serving {scheme}://127.0.0.1:{port}{tenant.base_path} with the API keys rehearsal-admin and rehearsal-agent."
        f" Ctrl-C ends it; its state stays in {folder}.\n"
    )
    sys.stderr.flush()
    server.run(sockets=[listening])
    tenant.state.db.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
