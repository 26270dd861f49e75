"""Classic: a person converts the lead of a prospect who became a patient, and the contact that came of it is the row's."""

from __future__ import annotations

from typing import Any

import pytest
from loads import Rehearsal
from rooms import stage_and_check

from workbench.freshsales.foreign import take_census
from workbench.ledger.audit import verify
from workbench.ledger.identities import find_identity, live_ids
from workbench.ledger.operations import operations_of
from workbench.ledger.plans import planned_rows
from workbench.load.rollback import roll_back
from workbench.load.survey import Case
from workbench.reconcile.reconciliation import reconcile
from workbench.vocabulary import Fate, Operation, State
from workbench.warehouse import open_warehouse

Record = dict[str, Any]
BUSY, EDITED, UNCONVERTED, DELETED = "C100017", "C100011", "C100013", "C900008"
"""Prospects whom a later export calls patients: one with notes, appointments and activities, one whose contact a person
edits, one whose lead stays, and one whose lead a person deletes."""
EARLY = ("C100012", "C900007")
"""Prospects whom a person converts, and whom the export goes on to call prospects."""


@pytest.fixture
def scope(classic: Rehearsal) -> set[str]:
    """Every account and prospect, and all that hangs on the prospects."""
    rows = classic.lookups()
    accounts = {*rows["practice"], *rows["referring_practice"]}
    keys = set(rows["prospect"])
    for _ in range(2):  # cases first, then what hangs on them
        for found in rows.values():
            keys |= {key for key, targets in found.items() if targets and targets[-1] in keys}
    return keys | accounts


class Staff:
    """People who work in the tenant, and the export that catches up with them."""

    def __init__(self, rehearsal: Rehearsal, scope: set[str]) -> None:
        self.rehearsal = rehearsal
        self.file = next(one for one in sorted(scope) if one.startswith("attachments/")).partition("/")[2]
        self.put_file()

    @property
    def leads(self) -> dict[str, Record]:
        """Return the leads by source id."""
        return {one["custom_field"]["cf_source_system_id"]: one for one in self.rehearsal.state()["leads"]}

    def put_file(self) -> None:
        """Let one of the files hang on a prospect."""
        self.put(f"UPDATE staged.attachment SET target = 'contacts/{BUSY}' WHERE source_id = '{self.file}'")

    def put(self, sql: str) -> None:
        """Let the export say something else."""
        with open_warehouse(self.rehearsal.practice.settings.warehouse, write=True) as warehouse:
            warehouse.run(sql)

    def export_patients(self) -> None:
        """Let the export call most prospects patients."""
        route = self.rehearsal.practice.folder / "mappings" / "values" / "contact_route.csv"
        route.write_text(route.read_text("utf-8").replace(",prospect,", ",patient,"), "utf-8")
        with self.rehearsal.session() as session:
            alias = session.tenant.alias
        stage_and_check(self.rehearsal.practice.settings, alias)
        self.put_file()

    def convert(self, number: str) -> Record:
        """Convert a lead as a person does."""
        with self.rehearsal.session() as session:
            path = f"/leads/{self.leads[number]['id']}/convert"
            return session.tenant.call("POST", path, json={"lead": {}}).body["contact"]

    def edit(self, contact: Record, **changes: Any) -> None:
        """Change a contact as a person does."""
        self.rehearsal.admin("edit", {"entity": "contacts", "id": contact["id"], "changes": changes})

    def census(self) -> None:
        """Read what stands in the tenant."""
        with self.rehearsal.session() as session:
            take_census(session.tenant, session.settings.warehouse, live_ids(session.ledger))


def test_the_contact_that_came_of_a_lead_is_its_rows_and_what_waited_travels(
    classic: Rehearsal, scope: set[str]
) -> None:
    staff = Staff(classic, scope)
    classic.load(scope)
    leads = staff.leads
    contacts = {number: staff.convert(number) for number in leads if number not in (UNCONVERTED, DELETED)}
    classic.admin("delete", {"entity": "leads", "id": leads[DELETED]["id"]})
    staff.edit(contacts[EDITED], city="Reno", subscription_status=1)
    staff.census()
    staff.export_patients()
    staff.put(f"UPDATE staged.patient SET subscription_status = '0' WHERE source_id = '{EDITED}'")
    loaded = classic.load(scope)
    assert {name: counts.get(Fate.REJECTED, 0) for name, counts in loaded.counts.items()} == dict.fromkeys(
        ("patient", "treatment_case", "appointment", "task", "activity", "note", "attachment"), 0
    )

    with classic.session() as session:
        history = {number: operations_of(session.ledger, "contacts", number) for number in leads}
        said = {
            number: [(one.destination, one.state, one.reason) for one in moves] for number, moves in history.items()
        }
        created = ("lead", State.APPLIED, "")
        taken = {number: f"adopted: a person converted leads/{lead['id']}" for number, lead in leads.items()}
        taken[EDITED] += "; taken back as at the source: subscription_status; kept what stood there: city"
        taken[BUSY] += "; kept what stood there: account"  # conversion made one by the name on the lead
        still = {UNCONVERTED, DELETED, *EARLY}
        assert said == {
            number: [created] if number in still else [created, ("contact", State.APPLIED, taken[number])]
            for number in leads
        }
        identity = find_identity(session.ledger, "contacts", EDITED)
        assert (identity.destination, identity.destination_id) == ("contact", contacts[EDITED]["id"])
        assert (identity.mapping, identity.origin) == ("patient", "adopted")
        there = {one["id"]: one for one in classic.state()["contacts"]}[contacts[EDITED]["id"]]
        assert (there["city"], there["subscription_status"]) == ("Reno", 0)

        proof = classic.plan(session, scope, "proof")
        waits = {one.source_id: one.reason for one in planned_rows(session.ledger, proof, operation=Operation.DEFER)}
        became = {number: f"an export that knows it became contacts/{contacts[number]['id']}" for number in EARLY}
        assert proof.writes == 0
        assert waits == became | {one: f"conversion of leads/{leads[one]['id']}" for one in (UNCONVERTED, DELETED)}
        made = reconcile(
            session.settings, session.mappings, session.tenant, session.schema, session.ledger, session.run_id
        )
        assert made.differences.rows() == []
        assert verify(session.ledger)[2] == []
        undone = roll_back(session)
    cases = {one.identity.source_id: one.case for one in undone.verdicts if one.identity.source_object == "contacts"}
    assert cases == {
        **dict.fromkeys(leads, Case.AS_BEFORE),
        **dict.fromkeys((DELETED, *EARLY), Case.GONE),
        EDITED: Case.RESTORED,
        UNCONVERTED: Case.DELETED,
    }
    state = classic.state()
    assert {one["id"] for one in state["contacts"]} == {one["id"] for one in contacts.values()}
    assert [len(state[name]) for name in ("leads", "deals", "notes", "tasks", "appointments")] == [0] * 5
    there = {one["id"]: one for one in state["contacts"]}[contacts[EDITED]["id"]]
    assert (there["city"], there["subscription_status"]) == ("Reno", 1)
