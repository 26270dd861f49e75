"""Three deliveries in a row, with people who edit, merge and delete between them: nothing of theirs is lost, all is listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deliveries import Export
from loads import Rehearsal, rehearse, serve
from rooms import Practice, land, make_practice, make_ready_to_load, stage_and_check

from workbench.freshsales.foreign import take_census
from workbench.journey.loading import keep_questions
from workbench.ledger.history import list_conflicts
from workbench.ledger.identities import live_ids
from workbench.ledger.operations import operations_of
from workbench.ledger.plans import Plan
from workbench.load.loader import run_load
from workbench.load.plan import hand_over_identities
from workbench.mapping.value_map import CONFLICTS, decide, read_value_map, save_value_map
from workbench.reconcile.reconciliation import Reconciliation, reconcile
from workbench.staging.removals import find_removals, keep_vanished, removal_table
from workbench.suggest.proposals import accept
from workbench.vocabulary import Decision, Kind
from workbench.warehouse import open_warehouse

Record = dict[str, Any]
KINDS = (Kind.RECORD, Kind.FILE)
OUR_ID = "cf_source_system_id"
PLAIN = {"first_name": "first_name", "city": "city", "state": "state", "zipcode": "zip", "job_title": "job_title"}
"""Fields that the mapping carries over as they are typed: the tenant's name, the export's."""
PEOPLE = 13
TAG = "Removed in Dental-Exec"
NEW = "C900001"


class Story:
    """A practice of a few people, its deliveries, and the people who work in the tenant."""

    def __init__(self, rehearsal: Rehearsal, export: Export) -> None:
        self.rehearsal, self.export = rehearsal, export
        self.settings = rehearsal.practice.settings
        self.taken = 0

    def people(self) -> dict[str, Record]:
        """Return the contacts of the tenant by source id."""
        return {one["custom_field"][OUR_ID]: one for one in self.rehearsal.state()["contacts"]}

    def edit(self, person: str, **changes: Any) -> None:
        """Change a contact as a person does."""
        number = self.people()[person]["id"]
        self.rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": changes})

    def arrive(self) -> Plan:
        """Deliver the export as it is now, and plan it as the notebooks do."""
        self.taken += 1
        self.export.deliver(self.settings.exports / f"2026-03-0{self.taken}")
        land(self.rehearsal.practice)
        with self.rehearsal.session() as session:
            live = live_ids(session.ledger)
            take_census(session.tenant, self.settings.warehouse, live)
            keep_vanished(session.tenant, self.settings.warehouse, session.mappings, live)
            accept(self.settings, session.mappings, above=0.95, by="rehearsal", on="2026-11-24", own=True)
            alias = session.tenant.alias
        stage_and_check(self.settings, alias)
        with self.rehearsal.session() as session:
            return self.rehearsal.plan(session, name="delta" if self.taken > 1 else "load")

    def load(self, plan: Plan) -> None:
        """Load a plan and ask what it leaves for a person."""
        with self.rehearsal.session() as session:
            run_load(session, plan, kinds=KINDS)
            keep_questions(session, plan)

    def conflicts(self, plan: Plan) -> set[tuple[Any, ...]]:
        """Return what a plan's load listed: id, field, what was done, last delivered, source now, there now."""
        with self.rehearsal.session() as session:
            found = list_conflicts(session.ledger, plan_id=plan.plan_id)
        made = [(one.source_id, one.found.name, one.found.act, *self._values(one.found)) for one in found]
        assert len(set(made)) == len(made)
        return set(made)

    @staticmethod
    def _values(found: Any) -> tuple[Any, ...]:
        return found.last, found.source, found.there

    def reconciled(self) -> Reconciliation:
        """Compare both sides."""
        with self.rehearsal.session() as session:
            return reconcile(
                self.settings, session.mappings, session.tenant, session.schema, session.ledger, session.run_id
            )

    def removed(self) -> dict[tuple[str, str], str]:
        """Return what becomes of every row that is gone, by mapping and id."""
        with self.rehearsal.session() as session, open_warehouse(self.settings.warehouse) as warehouse:
            hand_over_identities(warehouse, session.ledger)
            frame = removal_table(find_removals(warehouse, session.mappings))
        return {(row["mapping"], row["source_id"]): row["what is done"] for row in frame.iter_rows(named=True)}


def set_policy(practice: Practice, line: str, policy: str) -> None:
    """Give a field of the patients' mapping a policy of its own."""
    path = practice.folder / "mappings" / "objects" / "patient.toml"
    text = path.read_text("utf-8")
    assert f"{line} }}" in text
    path.write_text(text.replace(f"{line} }}", f'{line}, conflict = "{policy}" }}'), "utf-8")


@pytest.fixture
def story(tmp_path: Path) -> Any:
    """A practice of thirteen people, each with a few rows, ready for its first load."""
    made = make_practice(tmp_path / "made", patients=31, dialect="clean")
    [first] = made.settings.exports.iterdir()
    export = Export(first)
    busy = {one["related_id"] for one in export.tables["tasks"]} | {
        one["contact_id"] for one in export.tables["appointments"]
    }
    fit = [
        one["contact_id"]
        for one in export.tables["contacts"]
        if one["lifecycle_role"] == "Patient"
        and one["is_deleted"] != "Y"
        and one["status"] == "Active"
        and one["contact_id"] in busy
        and one["email"]
    ]
    prospects = [
        one["contact_id"]
        for one in export.tables["contacts"]
        if one["lifecycle_role"] == "Prospect" and one["has_scheduled_appointment"] == "N" and one["is_deleted"] != "Y"
    ]
    [dentist, *_] = [
        one["contact_id"] for one in export.tables["contacts"] if one["lifecycle_role"] == "Referring Dentist"
    ]
    export.keep_people([*fit[: PEOPLE - 1], *prospects[:2], dentist])
    owner = export.row("contacts", dentist)["owner_user_id"]
    for one in export.tables["contacts"]:  # nobody shares an e-mail, and nobody names who is cut
        one |= {"email": f"{one['contact_id'].lower()}@example.org", "email2": "", "guarantor_contact_id": ""}
        one |= {"referred_by_contact_id": "", "city": "Akron", "state": "OH", "owner_user_id": owner}
    toml = made.folder / "migration.toml"
    lines = toml.read_text("utf-8").splitlines()
    there = tmp_path / "deliveries"
    toml.write_text("\n".join(f'exports = "{there}"' if one.startswith("exports") else one for one in lines) + "\n")
    set_policy(made, 'job_title = { from = "job_title"', "source")
    set_policy(made, 'state = { from = "state"', "ask")
    export.deliver(there / "2026-03-01")
    with serve(made):
        make_ready_to_load(made)
    with rehearse(made, tmp_path) as rehearsal:
        made_story = Story(rehearsal, export)
        made_story.prospect = prospects[0]
        made_story.patients = fit[: PEOPLE - 1]
        yield made_story


def test_three_deliveries_keep_what_people_did_and_list_every_conflict(story: Story) -> None:
    export = story.export
    story.taken = 1
    with story.rehearsal.session() as session:
        plan = story.rehearsal.plan(session)
    story.load(plan)
    assert story.reconciled().failed == ()
    both, source, same, leaving, deleted, loser, winner, spelled, theirs, titled, asked, calm = story.patients
    export.row("contacts", calm)  # nobody touches that one
    edits: dict[str, Record] = {}

    def works(person: str, **changes: Any) -> None:
        story.edit(person, **changes)
        edits.setdefault(person, {}).update(changes)

    # People at work, and the second delivery.
    works(both, city="Reno")
    works(same, city="Salem")
    works(leaving, job_title="Mayor")
    works(theirs, last_name="Married", tags=["VIP"])
    works(asked, state="NV")
    there = story.people()
    numbers = {person: one["id"] for person, one in there.items()}
    story.rehearsal.admin("delete", {"entity": "contacts", "id": numbers[deleted]})
    story.rehearsal.admin("merge", {"entity": "contacts", "survivor": numbers[winner], "merged": [numbers[loser]]})
    blank = (name for name in PLAIN if not there[winner].get(name))
    edits[winner] = {name: there[loser].get(name) for name in blank}  # a merge fills blanks
    for person, city in ((both, "Elgin"), (source, "Gary"), (same, "Salem"), (deleted, "Gary"), (loser, "Gary")):
        export.row("contacts", person)["city"] = city
    export.row("contacts", asked)["state"] = "KY"
    export.row("contacts", spelled)["cf_insurance_carrier"] = "Zzyzx Plan of Nowhere"
    export.row("contacts", story.prospect)["has_scheduled_appointment"] = "Y"
    gone = export.remove("contacts", leaving)
    [note, *_] = export.hanging_on("notes", calm)
    export.remove("notes", note)
    newcomer = {**export.row("contacts", source), "contact_id": NEW, "first_name": "Nora", "email": "nora@example.org"}
    newcomer |= {"phone_mobile": "", "phone_home": "", "phone_work": "", "cf_chart_number": ""}
    export.tables["contacts"].append(newcomer)
    second = story.arrive()
    story.load(second)
    assert story.conflicts(second) == {
        (both, "city", "kept", "Akron", "Elgin", "Reno"),
        (asked, "state", "asked", "OH", "KY", "NV"),
        (leaving, "job_title", "removed", gone[0]["job_title"] or None, None, "Mayor"),
        (deleted, "(record)", "gone", None, None, None),
        (loser, "(record)", "merged", None, None, None),
    }
    now = story.people()
    assert (now[leaving]["tags"], now[theirs]["tags"], now[calm]["tags"]) == ([TAG], ["VIP"], [])
    removed = story.removed()
    assert removed["patient", leaving] == "marked before"
    assert [what for (_, one), what in removed.items() if one == note] == ["listed: this kind of record has no tags"]
    assert numbers[deleted] not in {one["id"] for one in now.values()}
    stages = {one["id"]: one["name"] for one in story.rehearsal.admin("setup")["lists"]["lifecycle_stages"]}
    assert stages[now[story.prospect]["lifecycle_stage_id"]] == "Customer"
    assert now[spelled]["custom_field"].get("cf_insurance_carrier") is None
    found = story.reconciled()
    assert (found.failed, found.differences.rows(), found.zero_write) == ((), [], True)
    by_people = {(row["source_id"], row["field"]): row["cause"] for row in found.by_people.iter_rows(named=True)}
    assert by_people[deleted, ""] == "deleted by a user"
    assert by_people[loser, ""] == "merged by a user"
    assert by_people[theirs, "last_name"] == by_people[both, "city"] == "edited by a user"

    # A person answers, others go on working, and the third delivery comes.
    own = story.settings.own_decisions
    questions = read_value_map(CONFLICTS, [own])
    assert {name: row.decision for name, row in questions.rows.items()} == {f"contacts/{asked}/state": Decision.ASK}
    answers = {f"contacts/{asked}/state": (Decision.MAP, "source")}
    save_value_map(own, decide(questions, answers, by="Dana", on="2026-11-25"))
    edits[asked].pop("state")
    works(source, zipcode="99501")
    works(titled, job_title="Judge")
    works(theirs, tags=["VIP", "Golf"])
    export.row("contacts", both)["city"] = "Provo"
    export.row("contacts", source)["state"] = "TN"
    export.row("contacts", titled)["job_title"] = "Baker"
    edits[titled].pop("job_title")
    export.tables["contacts"] += gone
    third = story.arrive()
    story.load(third)
    assert story.conflicts(third) == {
        (both, "city", "kept", "Elgin", "Provo", "Reno"),
        (asked, "state", "written", "KY", "KY", "NV"),
        (titled, "job_title", "written", gone_title(export, titled, story), "Baker", "Judge"),
    }
    now = story.people()
    assert now[leaving]["tags"] == []
    assert now[theirs]["tags"] == ["VIP", "Golf"]

    # The final state is the source and the edits, field by field; and nothing is left to do.
    took_away = {deleted, loser}
    assert set(now) == {one["contact_id"] for one in export.tables["contacts"]} - took_away
    for row in export.tables["contacts"]:
        person = row["contact_id"]
        if person not in took_away:
            wanted = {name: row[column] or None for name, column in PLAIN.items()} | {"last_name": row["last_name"]}
            wanted |= {name: value for name, value in edits.get(person, {}).items() if name in wanted}
            assert {name: now[person].get(name) or None for name in wanted} == wanted, person
    found = story.reconciled()
    assert (found.failed, found.differences.rows(), found.zero_write) == ((), [], True)
    with story.rehearsal.session() as session:
        assert story.rehearsal.plan(session, name="delta").writes == 0
        assert operations_of(session.ledger, "contacts", same)[-1].reason == "agreed with what a user wrote: city"
        assert [one.action for one in operations_of(session.ledger, "contacts", calm)] == ["create"]


def gone_title(export: Export, person: str, story: Story) -> str | None:
    """Return the title that was delivered first."""
    first = Export(story.settings.exports / "2026-03-01")
    del export
    return first.row("contacts", person)["job_title"] or None
