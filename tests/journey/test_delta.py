from __future__ import annotations

import json
import shutil

from commands import run_journey, workbench
from rooms import Practice
from truth import Tenant, mismatches

from workbench.journey.starter import init_migration
from workbench.sample.generation import write_sample


def test_a_later_delivery_moves_only_what_changed_and_equals_its_truth(tmp_path):
    write_sample(tmp_path / "sample", patients=40, later=True)
    exports, deliveries = tmp_path / "sample" / "exports", tmp_path / "deliveries"
    first, later = sorted(exports.iterdir())
    shutil.copytree(first, deliveries / first.name)
    init_migration(tmp_path / "migration", deliveries)
    practice = Practice(tmp_path / "migration", tmp_path / "sample" / "truth_later.json")
    try:
        created = run_journey(practice).summary["mappings"]
        nothing = run_journey(practice, "--from", "delta").summary
        assert nothing["mappings"] == created
        shutil.copytree(later, deliveries / later.name)
        ran = workbench("run", "--migration", str(practice.folder), "--from", "delta")
        assert ran.returncode == 0, ran.stderr
        assert (
            mismatches(json.loads(practice.truth.read_text()), Tenant(practice.base_url), practice.open_spellings())
            == []
        )
    finally:
        practice.stop_tenant()
