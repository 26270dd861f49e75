from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from commands import run_journey, workbench
from loading import load
from rooms import Practice, make_ready_to_load
from truth import Tenant, mismatches

from workbench.errors import SetupMissing
from workbench.journey.desk import tenant_alias
from workbench.journey.rehearsal import seed_rehearsal
from workbench.journey.starter import init_migration
from workbench.mapping.approval import sign, standing_signatures
from workbench.sample.generation import write_sample
from workbench.vocabulary import Lock

KEY = "cf_source_system_id"
TAGGED = {"account": "sales_accounts", "contact": "contacts", "lead": "contacts", "deal": "deals"}
"""The kinds of record that have tags."""


@contextmanager
def notes_refused(practice: Practice) -> Iterator[None]:
    """The tenant requires a field of notes that it did not require before."""
    faults = f"{httpx.URL(practice.base_url).copy_with(path='/_tenant/faults')}"
    said = {"status": 400, "times": -1, "body": {"errors": {"message": ["Referral code is required"]}}}
    httpx.post(faults, json={"kind": "status", "match": "POST /notes$", **said}).raise_for_status()
    yield
    httpx.delete(faults).raise_for_status()


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
        settings = practice.settings
        alias = tenant_alias(settings)
        sign(settings, Lock.LOAD, by="rehearsal", at="2026-11-24T08:00:00+00:00", tenant=alias, binds={})
        with (
            notes_refused(practice),
            pytest.raises(SetupMissing, match="The tenant was changed since the plan was made"),
        ):
            load(practice.folder)
        assert Lock.LOAD not in standing_signatures(settings), "what was signed is not what would be loaded"
        sign(settings, Lock.LOAD, by="rehearsal", at="2026-11-24T08:00:00+00:00", tenant=alias, binds={})
        load(practice.folder)
        before = Tenant(practice.base_url).state
        assert len(before["contacts"]) > 40
        run_journey(practice, "--from", "delta")
        assert Tenant(practice.base_url).state == before
        shutil.copytree(later, deliveries / later.name)
        ran = workbench("run", "--migration", str(practice.folder), "--from", "delta")
        assert ran.returncode == 0, ran.stderr
        truth, tenant = json.loads(practice.truth.read_text()), Tenant(practice.base_url)
        assert mismatches(truth, tenant, practice.open_spellings()) == []
        gone = {one["source_id"] for one in truth["records"] if one.get("removed") and one["destination"] in TAGGED}
        there = [one for plural in TAGGED.values() for one in tenant.state[plural]]
        assert {one["custom_field"][KEY] for one in there if "Removed in Dental-Exec" in one["tags"]} == gone
        assert len(gone) > 1
    finally:
        practice.stop_tenant()
