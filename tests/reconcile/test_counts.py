"""Rows that a wave or the history leaves are excluded, each under a name of its own."""

from __future__ import annotations

from shipped import make_shipped

from workbench.ledger.plans import keep_plan
from workbench.ledger.runs import start_run
from workbench.ledger.store import open_ledger
from workbench.reconcile.counts import count_fates, write_waiting
from workbench.warehouse import open_warehouse


def test_rows_of_another_wave_and_old_history_count_as_excluded(tmp_path):
    made = make_shipped(
        tmp_path,
        '[scope]\ncompanies = ["P1"]\n[policy]\nhistory = "recent:12m"\n',
        companies=[{"company_id": "P2", "company_name": "Bend Dental"}],
        contacts=[{"contact_id": "C2", "company_id": "P2"}],
        notes=[{"note_id": "N1", "written_at": "2020-05-01 09:00:00"}, {"note_id": "N2", "related_id": "C2"}],
    )
    made.stage()
    ledger = open_ledger(tmp_path / "ledger.sqlite", bytes(32))
    run = start_run(ledger, "R1", "rehearsal")
    plan = keep_plan(ledger, run.run_id, stamp="s", scope="load", rows=[], unchanged={})
    with open_warehouse(made.settings.warehouse, write=True) as warehouse:
        warehouse.run("CREATE TABLE checked.held (mapping VARCHAR, source_id VARCHAR)")
        warehouse.run("CREATE TABLE destination.identities (mapping VARCHAR, source_id VARCHAR, is_live BOOLEAN)")
        write_waiting(warehouse, ledger, plan)
        fates = count_fates(warehouse, made.mappings, ledger, run.run_id)
    ledger.engine.dispose()
    left = {row[0]: row[1:3] for row in fates.select("mapping", "source", "excluded").iter_rows() if "_" in row[0]}
    assert {name: counts for name, counts in left.items() if name.startswith(("later", "older"))} == {
        "later_wave_companies": (1, 1),
        "later_wave_contacts": (1, 1),
        "later_wave_notes": (1, 1),
        "older_notes": (1, 1),
    }
