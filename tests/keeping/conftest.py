"""A small migration folder with one of each: an export, decisions, a ledger, a page, a key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from workbench.journey.starter import init_migration
from workbench.keys import image_key, spelling_key
from workbench.ledger.audit import note
from workbench.ledger.images import check_key, keep_image
from workbench.ledger.lease import hold_lease
from workbench.ledger.operations import Intent, intend
from workbench.ledger.store import Ledger, open_ledger
from workbench.settings import Settings, read_settings

PATIENT = "Quillfeather, Zofia"


@dataclass(frozen=True)
class Small:
    """The folder and what a test of archives asks of it."""

    folder: Path

    @property
    def settings(self) -> Settings:
        return read_settings(self.folder)

    def ledger(self) -> Ledger:
        return open_ledger(self.settings.ledger, image_key(self.settings))

    def files(self) -> dict[str, bytes]:
        """Every file of the folder by its name."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """A folder whose exports lie outside of it, with a ledger that holds one intended contact and its sealed image."""
    delivery = tmp_path / "from the practice" / "2026-11-01"
    delivery.mkdir(parents=True)
    (delivery / "contacts.csv").write_text(f'contact_id,last_name\nC1,"{PATIENT}"\n')
    (delivery / "files").mkdir()
    (delivery / "files" / "x-ray Ü.png").write_bytes(bytes(range(256)))
    folder = tmp_path / "practice"
    init_migration(folder, delivery.parent)
    made = Small(folder)
    spelling_key(made.settings)
    ledger = made.ledger()
    ledger.bind("alias-1")
    check_key(ledger)
    with hold_lease(ledger) as lease:
        [number] = intend(
            ledger,
            lease,
            "run-1",
            [Intent("patient", "contacts", "C1", "contact", "create", "upsert", "f" * 64, "c" * 64, fields={})],
        )
    with ledger.commit() as connection:
        keep_image(connection, ledger.key, number, "sent", {"last_name": PATIENT})
    note(ledger, "tenant opened to read", "tenant")
    ledger.engine.dispose()
    run = made.settings.runs / "run-1"
    (run / "review").mkdir(parents=True)
    (run / "index.html").write_text("<a href='80_reconcile.html'>Reconcile</a><img src='review/picture.svg'>")
    (run / "80_reconcile.html").write_text("<h1>Green</h1>")
    (run / "review" / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (run / "summary.json").write_text(json.dumps({"reconciled": True}))
    return made
