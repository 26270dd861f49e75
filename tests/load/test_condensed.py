"""Condensed history in the tenant: one note a patient and year, every row inside accounted for, a late row updates its note."""

from __future__ import annotations

from loads import NOTHING_WRONG, Rehearsal
from rooms import stage_and_check

from workbench.load.loader import run_load
from workbench.reconcile.reconciliation import Reconciliation, reconcile
from workbench.reports.explain import explain_row
from workbench.vocabulary import Kind
from workbench.warehouse import open_warehouse

LATE = "N-late"


def condense(rehearsal: Rehearsal, policy: str = "condensed:12m") -> None:
    """Choose the policy and stage by it."""
    practice = rehearsal.practice
    toml = practice.folder / "migration.toml"
    toml.write_text(toml.read_text("utf-8").replace('history = "all"', f'history = "{policy}"'), "utf-8")
    assert practice.settings["policy.history"] == policy
    with rehearsal.session() as session:
        alias = session.schema.alias
    stage_and_check(practice.settings, alias)


def summaries(rehearsal: Rehearsal) -> dict[str, str]:
    """The summary notes that stand in the tenant, by the id in their marker."""
    notes = [str(one["description"]) for one in rehearsal.state()["notes"]]
    return {
        text.split("[Dental-Exec history/")[1].split(" ")[0]: text for text in notes if "[Dental-Exec history/" in text
    }


def reconciled(rehearsal: Rehearsal) -> Reconciliation:
    """Both sides compared."""
    with rehearsal.session() as session:
        return reconcile(
            session.settings, rehearsal.mappings, session.tenant, session.schema, session.ledger, session.run_id
        )


def test_condensed_history_stands_in_the_tenant_and_a_late_row_updates_its_note(rehearsal: Rehearsal) -> None:
    condense(rehearsal)
    settings = rehearsal.practice.settings
    rehearsal.load()
    assert rehearsal.doubles_and_losses() == NOTHING_WRONG
    found = reconciled(rehearsal)
    assert (found.failed, found.differences.rows()) == ((), [])
    fates = {row["mapping"]: row for row in found.fates.iter_rows(named=True)}
    with open_warehouse(settings.warehouse) as warehouse:
        inside = warehouse.run("SELECT source_object, source_id, summary FROM staged.condensed ORDER BY ALL")
    for name in ("notes", "appointments"):
        rows = [one for one in inside if one[0] == name]
        told = fates[f"condensed_{name}"]
        assert rows and told["source"] == told["excluded"] == len(rows)
    there = summaries(rehearsal)
    assert len(there) == fates["history_summary"]["created"] > 0

    delivered = [one for one in inside if one[2].partition("/")[2] in there]
    with rehearsal.session() as session:
        told = explain_row(session.settings, rehearsal.mappings, session.ledger, *delivered[0][:2])
    assert (told["fate"], told["reasons"]) == ("excluded", [f"condensed into {delivered[0][2]}"])

    member = next(one for one in delivered if one[0] == "notes")
    with open_warehouse(settings.warehouse, write=True) as warehouse:
        warehouse.run(
            f"INSERT INTO profile.read_notes SELECT * REPLACE ('{LATE}' AS note_id, 'came late' AS body, 'plain' AS body_format)"
            f" FROM profile.read_notes WHERE trim(note_id) = '{member[1]}'"
        )
    with rehearsal.session() as session:
        stage_and_check(settings, session.schema.alias)
        loaded = run_load(session, rehearsal.plan(session), kinds=(Kind.RECORD, Kind.FILE))
    assert loaded.counts == {"history_summary": {"updated": 1}}
    after = summaries(rehearsal)
    changed = {key for key in after if after[key] != there.get(key)}
    assert changed == {member[2].partition("/")[2]} and len(after) == len(there)
    assert "came late<br>" in after[changed.pop()]
    assert rehearsal.doubles_and_losses() == NOTHING_WRONG
