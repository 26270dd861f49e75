"""A small practice loaded into its rehearsal tenant, and a hand that changes the tenant behind the workbench's back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from rooms import Practice, make_ready_to_load
from truth import Tenant, mismatches

from workbench.journey.desk import reading, writing
from workbench.load.loader import run_load
from workbench.load.plan import plan_load
from workbench.reconcile.reconciliation import Reconciliation, reconcile
from workbench.vocabulary import Kind

Record = dict[str, Any]
KEY = "cf_source_system_id"


@dataclass(frozen=True)
class Loaded:
    """A practice whose records are all in its tenant."""

    practice: Practice

    @property
    def truth(self) -> Record:
        """What should have arrived."""
        return json.loads(self.practice.truth.read_text())

    def reconcile(self, **named: Any) -> Reconciliation:
        """Compare both sides now."""
        practice = self.practice
        with reading(practice.settings) as desk:
            return reconcile(
                practice.settings, practice.mappings, desk.tenant, desk.schema, desk.ledger, desk.run_id, **named
            )

    def mismatches(self) -> list[str]:
        """Compare the tenant with the truth, without any code of the product."""
        return mismatches(self.truth, Tenant(self.practice.base_url), self.practice.open_spellings())

    def state(self) -> dict[str, list[Record]]:
        """Return the tenant's records by kind."""
        return httpx.get(f"{self._admin}/state", timeout=60).json()

    def records(self, entity: str) -> list[Record]:
        """Return the tenant's records of one kind."""
        return self.state()[entity]

    def choices(self, kind: str) -> list[Record]:
        """Return a pick-list of the tenant; of stages those of every pipeline."""
        headers = {"Authorization": "Token token=rehearsal-admin"}

        def ask(path: str, envelope: str) -> list[Record]:
            return httpx.get(f"{self.practice.base_url}/selector/{path}", headers=headers, timeout=60).json()[envelope]

        if kind != "deal_stages":
            return ask(kind, kind)
        pipelines = ask("deal_pipelines", "deal_pipelines")
        return [one for pipeline in pipelines for one in ask(f"deal_pipelines/{pipeline['id']}/deal_stages", kind)]

    def pick(self, entity: str, **filled: Any) -> Record:
        """Return the first record with each named field filled, or equal to what is given."""
        for one in self.records(entity):
            custom = one.get("custom_field") or {}
            values = {name: one.get(name, custom.get(name)) for name in filled}
            if all(
                value is not None and wanted in (..., value)
                for value, wanted in zip(values.values(), filled.values(), strict=True)
            ):
                return one
        raise AssertionError(f"no {entity} with {filled}")

    @contextmanager
    def edited(self, entity: str, record: Record, **changes: Any) -> Iterator[None]:
        """Change a record as a user would, and put it back."""
        custom = changes.get("custom_field", {})
        before = {name: record.get(name) for name in changes if name != "custom_field"}
        if custom:
            before["custom_field"] = {name: record["custom_field"].get(name) for name in custom}
        self._post("edit", {"entity": entity, "id": record["id"], "changes": changes})
        try:
            yield
        finally:
            self._post("edit", {"entity": entity, "id": record["id"], "changes": before})

    @contextmanager
    def given_to(self, deal: Record, contact: int) -> Iterator[None]:
        """Hang a deal on another contact as a user would, and put it back."""
        before = deal["contact_ids"]
        changes = {"contacts_added_list": [contact], "contacts_removed_list": before}
        self._post("edit", {"entity": "deals", "id": deal["id"], "changes": changes})
        try:
            yield
        finally:
            back = {"contacts_added_list": before, "contacts_removed_list": [contact]}
            self._post("edit", {"entity": "deals", "id": deal["id"], "changes": back})

    @contextmanager
    def dropped(self, entity: str, record: Record) -> Iterator[None]:
        """Put a record into the bin, and take it out again."""
        self._post("delete", {"entity": entity, "id": record["id"]})
        try:
            yield
        finally:
            self._post("restore", {"entity": entity, "id": record["id"]})

    @contextmanager
    def added(self, entity: str, body: Record) -> Iterator[Record]:
        """Make a record as another integration would, and bin it again."""
        headers = {"Authorization": "Token token=rehearsal-admin"}
        singular = {"sales_activities": "sales_activity"}.get(entity, entity.removesuffix("s"))
        answer = httpx.post(f"{self.practice.base_url}/{entity}", json={singular: body}, headers=headers, timeout=60)
        assert answer.status_code < 300, answer.text
        made = answer.json()[singular]
        try:
            yield made
        finally:
            self._post("delete", {"entity": entity, "id": made["id"]})

    @property
    def _admin(self) -> str:
        return self.practice.base_url.split("/crm/sales")[0].removesuffix("/api") + "/_tenant"

    def _post(self, action: str, body: Record) -> None:
        answer = httpx.post(f"{self._admin}/{action}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text


def load(practice: Practice) -> Loaded:
    """Do everything up to the end of the load, by the rooms."""
    make_ready_to_load(practice)
    settings, mappings = practice.settings, practice.mappings
    with writing(settings, mappings) as session:
        plan = plan_load(settings, mappings, session.schema, session.ledger, session.run_id)
        run_load(session, plan, kinds=(Kind.RECORD, Kind.FILE))
    return Loaded(practice)
