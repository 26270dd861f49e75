"""What one loading process holds: the tenant, the ledger, the lease, what was decided, and whose record has which id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import SetupMissing, StoreProblem
from workbench.freshsales.client import Freshsales, Transport, connect
from workbench.freshsales.endpoints import endpoint
from workbench.freshsales.foreign import read_converted
from workbench.freshsales.schema import TenantSchema, read_schema
from workbench.keys import api_key, image_key
from workbench.ledger.account import LedgerBudget
from workbench.ledger.audit import note
from workbench.ledger.identities import find_identity, live_ids
from workbench.ledger.images import check_key, last_image
from workbench.ledger.lease import Lease, hold_lease
from workbench.ledger.store import Ledger, open_ledger
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import FieldMapping
from workbench.mapping.value_map import CONFLICTS, EXISTING, adoptions, decided_conflicts
from workbench.pacing import agreed_pacing
from workbench.settings import Settings
from workbench.staging.removals import read_vanished
from workbench.vocabulary import Decision
from workbench.warehouse import Warehouse


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


class Resolver:
    """Turns source keys and names into the tenant's ids; knows each record that the ledger knows."""

    def __init__(
        self,
        schema: TenantSchema,
        live: dict[str, tuple[str, int]],
        adopted: Mapping[str, int] | None = None,
        converted: Mapping[str, tuple[str, int]] | None = None,
        *,
        vanished: Mapping[str, tuple[str, int] | None] | None = None,
        decided: Mapping[str, Mapping[str, Decision]] | None = None,
    ) -> None:
        self.schema = schema
        self.vanished = dict(vanished or {})
        """Records of ours that a person deleted (None), or merged into another one, which stands for both from then on."""
        self.decided = decided or {}
        """What a person decided about fields that both sides changed, by source key."""
        self.answered: set[str] = set()
        """Rows for a field of which a person decided for the source, and that still is a person's."""
        self.gone = {key: live[key] for key in self.vanished if key in live}
        """Where those stood."""
        self.live = {key: place for key, place in live.items() if key not in self.vanished} | dict(converted or {})
        self.live |= {key: place for key, place in self.vanished.items() if place}
        self.adopted = {key: number for key, number in (adopted or {}).items() if key not in live}
        """Foreign records that stand for a source row by decision, or that came of one of ours by a person's
        conversion, and that the ledger does not know yet."""
        self.adopted |= {key: number for key, (_, number) in (converted or {}).items()}
        self.owners = {email.strip().lower(): number for email, number in schema.choices("users").items()}

    def learn(self, source_key: str, destination: str, number: int) -> None:
        """Remember a record that was just made."""
        self.live[source_key] = (destination, number)
        self.adopted.pop(source_key, None)

    def find(self, source_key: str) -> tuple[str, int] | None:
        """Return (destination, id) of what a source key stands for, if it is there."""
        if source_key.startswith("owners/"):
            number = self.owners.get(source_key.removeprefix("owners/"))
            return ("user", number) if number else None
        return self.live.get(source_key)

    def may_link(self, name: str, destination: str) -> bool:
        """Say whether a field takes the id of such a record: a deal's contact is never a Classic lead."""
        return name != "contact" or endpoint(destination, self.schema.edition).singular == name

    def choice(self, field: FieldMapping, name: str, within: str | None) -> int:
        """Return the id of an entry that the tenant offers; SetupMissing when it offers none of that name."""
        assert field.names
        choices = self.schema.choices(field.names, within)
        if name not in choices:
            raise SetupMissing(
                f"The tenant has no {field.names.replace('_', ' ')} entry {name!r}. Run notebooks/40_setup.ipynb:"
                " it lists what an admin has to add."
            )
        return choices[name]


def knowing(warehouse: Warehouse, schema: TenantSchema, ledger: Ledger, mappings: Mappings) -> Resolver:
    """Return a resolver of what the ledger holds, what was decided, and what the last census saw of conversions and losses."""
    live = live_ids(ledger)
    converted = read_converted(warehouse, ledger.tenant(), live)
    vanished = read_vanished(warehouse, ledger.tenant(), live)
    decided = decided_conflicts(mappings.values(CONFLICTS))
    made = Resolver(schema, live, adoptions(mappings.values(EXISTING)), converted, vanished=vanished, decided=decided)
    made.answered = {key for key, fields in decided.items() if _waits_for(ledger, key, fields)}
    return made


def _waits_for(ledger: Ledger, key: str, fields: Mapping[str, Decision]) -> bool:
    """Say whether a field that was decided for the source was last left as a person's."""
    source_object, _, source_id = key.partition("/")
    identity = find_identity(ledger, source_object, source_id)
    kept = last_image(ledger, identity.operation_id, "kept") if identity else None
    return any(decision is Decision.MAP and name in (kept or ()) for name, decision in fields.items())
