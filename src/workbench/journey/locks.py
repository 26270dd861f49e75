"""The two locks at their place in the journey: a rehearsal signs for itself, a real target waits for a person."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from workbench.clock import WallClock, as_text
from workbench.errors import ApprovalMissing, DecisionMissing, PageStale
from workbench.journey.desk import tenant_alias
from workbench.journey.record import SHORT, current_run, read_record
from workbench.ledger.audit import note_act
from workbench.ledger.plans import Plan, last_plan
from workbench.ledger.runs import last_run
from workbench.ledger.store import open_ledger
from workbench.mapping.approval import (
    Signature,
    covering,
    last_signature,
    load_binds,
    mapping_binds,
    require,
    sign,
)
from workbench.mapping.checklist import unseen
from workbench.mapping.files import TICKS, Mappings, hash_decisions, read_mappings
from workbench.mapping.setup import make_setup
from workbench.mapping.spellings import asked_spellings
from workbench.settings import Settings, read_settings
from workbench.suggest.acceptance import ACCEPTING
from workbench.vocabulary import LOADING, Lock, PlanScope, Target
from workbench.warehouse import open_warehouse

REHEARSAL = "rehearsal"
DOCUMENT = "35_premapping"
"""The page that a mapping approval signs."""


def snapshot_id(settings: Settings) -> str:
    """Return the id of the landed snapshot."""
    with open_warehouse(settings.warehouse) as warehouse:
        return str(warehouse.run("SELECT snapshot FROM raw.deliveries")[0][0])


def shown_state(settings: Settings) -> dict[str, str]:
    """Return the state that the pre-mapping document shows: its page names it, and only a page of this state is signed."""
    return {"Snapshot": snapshot_id(settings), "Decision files": hash_decisions(settings)[0]}


def require_decisions(settings: Settings, mappings: Mappings) -> str:
    """Stop when a spelling has no row at all: at approval each needs one, if only `ask`; else say how many are open."""
    maps = asked_spellings(settings, mappings)
    missing = [
        (one.name, len(one.missing), sum(one.records[spelling] for spelling in one.missing))
        for one in maps
        if one.missing
    ]
    if missing:
        lines = [
            f"  mappings/values/{name}.csv: {count} spellings ({records} records)" for name, count, records in missing
        ]
        raise DecisionMissing(
            "\n".join([f"{sum(one[1] for one in missing)} spellings have no decision:", *lines])
            + f"\nDecide them in {_deciding(settings)}, or accept what is sure and leave the rest open:"
            f" {ACCEPTING} --target {settings.target}"
        )
    asked = sum(len(one.open) for one in maps)
    left = (
        f"; {asked:,} are asked and have no answer yet: their rows are held, or move without that field"
        if asked
        else ""
    )
    return f"Every spelling has a row{left}."


def _deciding(settings: Settings) -> str:
    """Name the notebooks that decide, and what a real target needs in them: they come with the rehearsal's."""
    if settings.is_rehearsal:
        return "notebooks 31–34"
    return f'notebooks 31–34, with target = "{settings.target}" in the second cell of each (they come with "rehearsal")'


def mapping_lock(settings: Settings) -> Signature:
    """Return the mapping lock's valid signature; a rehearsal signs when there is none."""
    binds, now = mapping_binds(settings, snapshot_id(settings), tenant_alias(settings)), as_text(WallClock().now())
    covered = covering(settings, at=now, tenant=binds["tenant"])
    return covered or _passed(settings, Lock.MAPPING, binds)


def load_lock(settings: Settings) -> Signature:
    """Return the load lock's valid signature over the plan and the sample's diff; a rehearsal signs when there is none.

    A delta needs no new one while the last one covers it and its plan goes beyond nothing that was signed.
    """
    tenant, now = tenant_alias(settings), as_text(WallClock().now())
    plan = _due_plan(settings)
    if plan and plan.scope == PlanScope.DELTA and covering(settings, at=now, tenant=tenant):
        signed, beyond = last_signature(settings, Lock.LOAD), beyond_approval(settings, plan)
        if signed and beyond == []:
            return signed
    return _passed(settings, Lock.LOAD, due_load_binds(settings))


def beyond_approval(settings: Settings, plan: Plan) -> list[str] | None:
    """Return in what the delta of this plan goes beyond the load approval; nothing where that was not recorded."""
    found = read_record(settings, current_run(settings).run_id, "95_delta")
    return list(found["beyond"]) if found.get("plan") == plan.digest else None


def _due_plan(settings: Settings) -> Plan | None:
    run = current_run(settings)
    ledger = open_ledger(settings.ledger, b"")
    plan = last_plan(ledger, run.run_id, *LOADING)
    ledger.engine.dispose()
    return plan


def due_load_binds(settings: Settings) -> dict[str, str]:
    """Return what the load lock has to bind now: the mapping's signature, the plan, and the field diff that was read."""
    plan = _due_plan(settings)
    is_delta = plan is not None and plan.scope == PlanScope.DELTA
    sampled = read_record(settings, current_run(settings).run_id, "70_sample")
    diff = str(PlanScope.DELTA) if is_delta else str(sampled.get("diff", ""))
    if plan is None or not diff:
        raise ApprovalMissing(
            f"There is no sample to read yet. Run notebooks/70_sample.ipynb, or: workbench run --to sample{settings.option}"
        )
    return load_binds(mapping_signature(settings), plan.digest, diff)


def mapping_signature(settings: Settings) -> Signature:
    """Return the mapping approval that stands, also one under which a delta may run; nobody signs here."""
    binds, now = mapping_binds(settings, snapshot_id(settings), tenant_alias(settings)), as_text(WallClock().now())
    return covering(settings, at=now, tenant=binds["tenant"]) or require(settings, Lock.MAPPING, binds)


def target_that_waits(start: str) -> str:
    """Return the target of the newest unfinished run: the one that may wait for a signature."""
    newest, waits = "", str(Target.REHEARSAL)
    for target in Target:
        settings = read_settings(start, target)
        if settings.ledger.is_file():
            ledger = open_ledger(settings.ledger, b"")
            run = last_run(ledger)
            ledger.engine.dispose()
            if run and not run.finished_at and run.run_id.rpartition("-20")[2] >= newest:
                newest, waits = run.run_id.rpartition("-20")[2], str(target)
    return waits


def sign_due(settings: Settings, *, by: str, what: str | None) -> Signature:
    """Sign the lock that is due, or the one named; what it binds is what stands there now."""
    mapping_due = mapping_binds(settings, snapshot_id(settings), tenant_alias(settings))
    lock = Lock(what) if what else Lock.MAPPING
    if lock is Lock.SETUP:
        return sign_setup(settings, by=by)
    if not what:
        try:
            require(settings, Lock.MAPPING, mapping_due)
            lock = Lock.LOAD
        except ApprovalMissing:
            lock = Lock.MAPPING
    if lock is Lock.MAPPING:
        require_decisions(settings, read_mappings(settings))
        _require_page(settings)
        binds = mapping_due
    else:
        binds = due_load_binds(settings)
    return sign(settings, lock, by=by, at=as_text(WallClock().now()), tenant=tenant_alias(settings), binds=binds)


def page_folder(settings: Settings) -> Path:
    """Return the folder of the newest run, where the page lies that is signed; a run that ended is no reason for another."""
    ledger = open_ledger(settings.ledger, b"")  # no image is read
    run = last_run(ledger) or current_run(settings)
    ledger.engine.dispose()
    return settings.runs / run.run_id


def _require_page(settings: Settings) -> None:
    """Refuse to sign while the page of the pre-mapping document shows another state than stands now, or is not there."""
    path = page_folder(settings) / f"{DOCUMENT}.html"
    page = path.read_text("utf-8") if path.is_file() else ""
    record = path.with_suffix(".json")
    ended = json.loads(record.read_text("utf-8")).get("shows", {}) if record.is_file() else {}
    shown = shown_state(settings)
    if ended != shown or not all(value[:SHORT] in page for value in shown.values()):
        why = "shows what stood before: a decision file or the snapshot changed since" if page else "is not there"
        raise PageStale(
            f"What would be signed cannot be read: the page {DOCUMENT}.html of this run {why}. Build it, read it, and sign"
            f" then: workbench run --from approve --to approve --target {settings.target}"
        )


def tell_signed(settings: Settings, made: Signature, built: str = "") -> dict[str, Any]:
    """Return which lock was signed and by whom, and how to go on; `built` tells of a page that was built for it."""
    text = (
        f"{built}Signed the {made.lock} approval for {settings.target}. Go on: workbench run --target {settings.target}"
    )
    return {"signed": made.lock, "by": made.by, "text": text}


def sign_mapping(settings: Settings, by: str) -> Signature:
    """Sign the mapping lock with a person's name, over what stands there now."""
    return sign_due(settings, by=by, what=str(Lock.MAPPING))


def sign_setup(settings: Settings, *, by: str) -> Signature:
    """Tick by name what no API can show: unique fields, and what has to be switched off."""
    setup = make_setup(settings, read_mappings(settings))
    items = unseen(setup)
    now = as_text(WallClock().now())
    path = settings.own_decisions / TICKS
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["item", "ticked_by", "ticked_on"])
        writer.writerows([item, by, now[:10]] for item in items)
    return sign(settings, Lock.SETUP, by=by, at=now, tenant=tenant_alias(settings), binds={"items": str(len(items))})


def _passed(settings: Settings, lock: Lock, binds: dict[str, str]) -> Signature:
    try:
        return require(settings, lock, binds)
    except ApprovalMissing:
        if not settings.is_rehearsal:
            note_act(settings, f"{lock} approval missing: refused", "approvals", **binds)
            raise
    return sign(settings, lock, by=REHEARSAL, at=as_text(WallClock().now()), tenant=tenant_alias(settings), binds=binds)
