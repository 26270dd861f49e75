from __future__ import annotations

import json
import shutil

from commands import run_journey, workbench
from loading import load
from rooms import Practice, make_ready_to_load
from truth import Tenant, mismatches

from workbench.journey.desk import tenant_alias
from workbench.journey.rehearsal import seed_rehearsal
from workbench.journey.starter import init_migration
from workbench.mapping.approval import sign
from workbench.sample.generation import write_sample
from workbench.vocabulary import Lock


def test_a_later_delivery_moves_only_what_changed_and_equals_its_truth(tmp_path):
    write_sample(tmp_path / "sample", patients=40, later=True, foreign=True)
    exports, deliveries = tmp_path / "sample" / "exports", tmp_path / "deliveries"
    first, later = sorted(exports.iterdir())
    shutil.copytree(first, deliveries / first.name)
    init_migration(tmp_path / "migration", deliveries)
    practice = Practice(tmp_path / "migration", tmp_path / "sample" / "truth_later.json")
    try:
        seed_rehearsal(practice.settings, practice.foreign)
        make_ready_to_load(practice)
        load(practice.folder)
        settings = practice.settings
        alias = tenant_alias(settings)
        sign(settings, Lock.LOAD, by="rehearsal", at="2026-11-24T08:00:00+00:00", tenant=alias, binds={})
        before = Tenant(practice.base_url).state
        assert len(before["contacts"]) > 40
        run_journey(practice, "--from", "delta")
        assert Tenant(practice.base_url).state == before
        shutil.copytree(later, deliveries / later.name)
        ran = workbench("run", "--migration", str(practice.folder), "--from", "delta")
        assert ran.returncode == 0, ran.stderr
        assert (
            mismatches(json.loads(practice.truth.read_text()), Tenant(practice.base_url), practice.open_spellings())
            == []
        )
    finally:
        practice.stop_tenant()
