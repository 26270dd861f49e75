"""What one loading process holds: the tenant, the ledger, the lease, and what was decided."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import StoreProblem
from workbench.freshsales.client import Freshsales, Transport, connect
from workbench.freshsales.schema import TenantSchema, read_schema
from workbench.keys import api_key, image_key
from workbench.ledger.account import LedgerBudget
from workbench.ledger.audit import note
from workbench.ledger.images import check_key
from workbench.ledger.lease import Lease, hold_lease
from workbench.ledger.store import Ledger, open_ledger
from workbench.mapping.files import Mappings
from workbench.pacing import agreed_pacing
from workbench.settings import Settings


@dataclass(frozen=True)
class Session:
    """One writer on one tenant."""

    settings: Settings
    mappings: Mappings
    tenant: Freshsales
    schema: TenantSchema
    ledger: Ledger
    lease: Lease
    run_id: str
    actor: str

    @property
    def folder(self) -> Path:
        """The folder of this run."""
        return self.settings.runs / self.run_id


def open_tenant(
    settings: Settings, base_url: str, ledger: Ledger, transport: Transport | None = None, lease: Lease | None = None
) -> Freshsales:
    """Connect under the ledger's call budget and bind the ledger to the tenant that answers.

    With a lease, no call leaves once another process holds it.
    """
    budget = LedgerBudget(ledger, agreed_pacing(settings), lease)
    tenant = connect(base_url, api_key(settings), budget=budget, transport=transport, edition=settings.edition)
    try:
        ledger.bind(tenant.alias)
    except StoreProblem:
        tenant.close()
        raise
    return tenant


@contextmanager
def open_session(
    settings: Settings,
    mappings: Mappings,
    base_url: str,
    run_id: str,
    *,
    actor: str,
    transport: Transport | None = None,
) -> Iterator[Session]:
    """Open everything that writing needs and give it back at the end."""
    ledger = open_ledger(settings.ledger, image_key(settings))
    try:
        ledger.require_sound()
        check_key(ledger)
        with hold_lease(ledger, actor) as lease, open_tenant(settings, base_url, ledger, transport, lease) as tenant:
            note(ledger, "tenant opened to write", "tenant", actor=actor, run=run_id, fence=lease.fence)
            kept = replace(ledger, clock=tenant.clock)
            yield Session(settings, mappings, tenant, read_schema(tenant), kept, lease, run_id, actor)
    finally:
        ledger.engine.dispose()
