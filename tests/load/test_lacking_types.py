"""A tenant that lacks a default sales-activity type: what would have been of it becomes notes, and nothing is lost."""

from __future__ import annotations

from loads import NOTHING_WRONG, Rehearsal
from rooms import stage_and_check

from workbench.freshsales.schema import write_schema
from workbench.mapping.checklist import make_checklist, verify_setup
from workbench.mapping.setup import make_setup
from workbench.reconcile.reconciliation import reconcile
from workbench.warehouse import open_warehouse

LACKED = "Phone"


def take_away(rehearsal: Rehearsal, name: str) -> None:
    """Let an admin have deleted a sales-activity type."""
    state = rehearsal.transport.app.state.tenant.state
    lists = state.schema["lists"]
    lists["sales_activity_types"] = [one for one in lists["sales_activity_types"] if one["name"] != name]
    state.save_schema()


def claims(rehearsal: Rehearsal) -> dict[str, str]:
    """Which mapping claims each note of the export."""
    with open_warehouse(rehearsal.practice.settings.warehouse) as warehouse:
        return dict(warehouse.run("SELECT source_id, mapping FROM staged.claims WHERE source_object = 'notes'"))


def test_calls_of_a_type_that_the_tenant_lacks_become_notes_and_none_is_lost(rehearsal: Rehearsal) -> None:
    settings, mappings = rehearsal.practice.settings, rehearsal.mappings
    before = claims(rehearsal)
    with open_warehouse(settings.warehouse) as warehouse:
        calls = {row[0] for row in warehouse.run("SELECT note_id FROM staged.source_notes WHERE note_type = 'Phone'")}
        words = dict(warehouse.run("SELECT source_id, notes FROM staged.activity WHERE title LIKE 'Phone%'"))
    assert calls and "activity_as_note" not in before.values()

    take_away(rehearsal, LACKED)
    with rehearsal.session() as session, open_warehouse(settings.warehouse, write=True) as warehouse:
        write_schema(warehouse, session.schema)
        alias = session.schema.alias
    setup = make_setup(settings, mappings)
    assert [one for one in verify_setup(setup, session.schema) if one.name == LACKED] == []  # nothing stops
    [item] = [one for one in make_checklist(setup, session.schema, {}) if one.name == LACKED]
    assert (item.state, item.make) == (
        "to make",
        "an entry of sales activity types; without, what is of this type becomes notes",
    )
    stage_and_check(settings, alias)
    after = claims(rehearsal)
    changed = {key for key in before if after[key] != before[key]}
    moved = {key for key in calls if before[key] == "activity"}
    assert changed == moved and {after[key] for key in moved} == {"activity_as_note"}

    rehearsal.load()
    assert rehearsal.doubles_and_losses() == NOTHING_WRONG
    with rehearsal.session() as session:
        found = reconcile(settings, mappings, session.tenant, session.schema, session.ledger, session.run_id)
    assert (found.failed, found.differences.rows()) == ((), [])
    listed = {row["mapping"]: row for row in found.fates.iter_rows(named=True)}["activity_as_note"]
    assert listed["source"] == len(moved) == sum(listed[fate] for fate in ("created", "held", "deferred"))
    state = rehearsal.state()
    assert not any(one["title"].startswith("Phone") for one in state["sales_activities"])
    notes = [one["description"] for one in state["notes"] if one["description"].startswith("<b>Phone</b><br>")]
    assert len(notes) == listed["created"] > 0
    assert set(notes) <= {f"<b>Phone</b><br>{text}" for text in words.values()}
