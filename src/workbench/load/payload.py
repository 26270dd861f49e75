"""A frozen row becomes typed fields with destination ids, filled in just before the intent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from workbench.canonical import Form
from workbench.errors import SetupMissing, StoreProblem
from workbench.freshsales.endpoints import REMOVED, endpoint
from workbench.freshsales.foreign import read_converted
from workbench.freshsales.schema import TenantSchema
from workbench.ledger.identities import find_identity, live_ids
from workbench.ledger.images import last_image
from workbench.ledger.plans import Plan, PlannedRow
from workbench.ledger.store import Ledger
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import FieldMapping, ObjectMapping
from workbench.mapping.value_map import CONFLICTS, EXISTING, adoptions, decided_conflicts
from workbench.settings import Settings
from workbench.staging.removals import LAST_SENT, MARKED, read_vanished
from workbench.staging.rows import NOT_SENT, form_of
from workbench.vocabulary import Decision
from workbench.warehouse import Warehouse, open_warehouse

Row = Mapping[str, Any]
StagedRows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Payload:
    """Flat typed fields, the completed fingerprint, and required lookups that have no record yet."""

    fields: dict[str, Any]
    completed: str
    missing: tuple[str, ...]


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
        self.columns: dict[tuple[str, int], list[tuple[str, FieldMapping | None]]] = {}
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

    def resolve(self, mapping: ObjectMapping, row: Row) -> Payload:
        """Return the payload of one staged row."""
        if LAST_SENT in row:  # its source row is gone: what we sent last stands, and the mark comes beside it
            return Payload({**row[LAST_SENT], REMOVED: True}, str(row["fingerprint"]), ())
        fields: dict[str, Any] = {}
        for name, field in self._written(mapping, row):
            value = row[name]
            if value is not None:
                fields[name] = self._typed(field, value, row) if field else value
        missing, ids = [], []
        for name, lookup in mapping.lookups.items():
            key = row.get(name)
            if not key:
                continue
            found = self.find(key)
            if found is None or not self.may_link(name, found[0]):
                if lookup.required:
                    missing.append(key)
                continue
            ids.append(f"{name}={found[1]}")
            fields[name] = found if name == "target" else found[1]
        completed = hashlib.sha256("\x1e".join([str(row["fingerprint"]), *sorted(ids)]).encode()).hexdigest()
        return Payload(fields, completed, tuple(missing))

    def _written(self, mapping: ObjectMapping, row: Row) -> list[tuple[str, FieldMapping | None]]:
        """Return the columns of a mapping's rows that are sent, each with its field where its text is not sent as it is."""
        known = self.columns.get((mapping.name, len(row)))
        if known is None:
            known = []
            for name in row:
                field = mapping.fields.get(name)
                if name not in mapping.lookups and name not in NOT_SENT:
                    is_text = field is None or not (
                        field.names or form_of(field) in (Form.NUMBER, Form.BOOLEAN, Form.LIST)
                    )
                    known.append((name, None if is_text else field))
            self.columns[mapping.name, len(row)] = known
        return known

    def _typed(self, field: FieldMapping, value: str, row: Row) -> Any:
        if field.names:
            choices = self.schema.choices(field.names, row.get(field.within) if field.within else None)
            if value not in choices:
                raise SetupMissing(
                    f"The tenant has no {field.names.replace('_', ' ')} entry {value!r}. Run notebooks/40_setup.ipynb:"
                    " it lists what an admin has to add."
                )
            return choices[value]
        match form_of(field):
            case Form.NUMBER:
                return int(value)
            case Form.BOOLEAN:
                return value == "true"
            case Form.LIST:
                return orjson.loads(value)
        return value


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


def frozen_rows(
    settings: Settings, ledger: Ledger, plan: Plan, mapping: ObjectMapping, batch: Sequence[PlannedRow]
) -> StagedRows:
    """Return the frozen rows of a batch; rows staged again since the plan was made are refused.

    For a row that is gone from the export stands what was sent of it last.
    """
    wanted = [row.source_id for row in batch if row.fingerprint != MARKED]
    with open_warehouse(settings.warehouse) as warehouse:
        stamp = str(warehouse.run("SELECT stamp FROM staged.stamp")[0][0])
        frame = warehouse.frame(
            f"SELECT s.* FROM staged.{mapping.name} s WHERE s.source_id IN (SELECT unnest(?))", [wanted]
        )
    if stamp != plan.stamp:
        raise StoreProblem(
            "The rows were staged again after this plan was made. Finish or give up this load, then plan anew:"
            " workbench run --from validate"
        )
    rows = {str(row["source_id"]): row for row in frame.iter_rows(named=True)}
    for row in batch:
        if row.fingerprint == MARKED:
            identity = find_identity(ledger, row.source_object, row.source_id)
            sent = last_image(ledger, identity.operation_id, "sent") if identity else None
            rows[row.source_id] = {"source_id": row.source_id, "fingerprint": MARKED, LAST_SENT: sent or {}}
    return rows
