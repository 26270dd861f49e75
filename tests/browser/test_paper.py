"""Pages to sign become PDF by the machine's own Chromium, without a network."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser

from workbench.audiences.paper import find_browser, print_page, print_run
from workbench.audiences.public import write_public
from workbench.journey.starter import init_migration
from workbench.ledger.runs import start_run
from workbench.ledger.store import open_ledger
from workbench.reports.index import write_sign_off
from workbench.settings import read_settings

pytestmark = pytest.mark.browser


def test_the_pages_to_sign_are_printed_each_into_its_own_file_for_their_owner_alone(
    browser: Browser, tmp_path: Path
) -> None:
    init_migration(tmp_path / "migration", None)
    settings = read_settings(tmp_path / "migration")
    ledger = open_ledger(settings.ledger, b"")
    start_run(ledger, "run-1", "rehearsal")
    ledger.engine.dispose()
    run = settings.runs / "run-1"
    write_sign_off(run, {}, {}, title="Sign-off", target="rehearsal", bound={"Snapshot": "f2"}, sign="I take it over.")
    write_public(run, {}, [], target="rehearsal", anchors={})
    told = print_run(settings, ["sign_off", "80_reconcile"], tmp_path / "paper")
    assert told["files"] == ["sign_off.pdf", "public.pdf"]
    for path in (tmp_path / "paper").iterdir():
        content = path.read_bytes()
        assert content.startswith(b"%PDF-") and b"%%EOF" in content[-32:] and len(content) > 5_000
        assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "paper").iterdir()) == ["public.pdf", "sign_off.pdf"]


def test_nothing_is_asked_of_a_network_while_a_page_is_printed(browser: Browser, tmp_path: Path) -> None:
    asked: list[str] = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listening)
    Thread(target=server.serve_forever, daemon=True).start()
    page = tmp_path / "page.html"
    page.write_text(f"<h1>Page</h1><img alt='x' src='http://127.0.0.1:{server.server_port}/picture.png'>")
    try:
        assert print_page(find_browser(), page, tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []
