"""The two locks at their place in the journey: a rehearsal signs for itself, a real target waits for a person."""

from __future__ import annotations

from workbench.clock import WallClock, as_text
from workbench.errors import ApprovalMissing, DecisionMissing
from workbench.journey.record import current_run, open_run_ledger, read_record
from workbench.ledger.plans import last_plan
from workbench.mapping.approval import Signature, load_binds, mapping_binds, require, sign
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.spellings import asked_spellings
from workbench.settings import Settings
from workbench.vocabulary import Lock
from workbench.warehouse import open_warehouse

REHEARSAL = "rehearsal"


def snapshot_id(settings: Settings) -> str:
    """Return the id of the landed snapshot."""
    with open_warehouse(settings.warehouse) as warehouse:
        return str(warehouse.run("SELECT snapshot FROM raw.deliveries")[0][0])


def require_decisions(settings: Settings, mappings: Mappings) -> None:
    """Stop when a spelling has no row at all: at approval each needs one, if only `ask`."""
    missing = [(one.name, len(one.missing), sum(one.records[spelling] for spelling in one.missing))
               for one in asked_spellings(settings, mappings) if one.missing]
    if missing:
        lines = [f"  mappings/values/{name}.csv: {count} spellings ({records} records)" for name, count, records in missing]
        raise DecisionMissing(
            "\n".join([f"{sum(one[1] for one in missing)} spellings have no decision:", *lines])
            + "\nDecide them in notebooks 31–34, or accept what is sure and leave the rest open:"
            ' workbench suggest --accept-above 0.95 --by "YOUR NAME"'
        )


def mapping_lock(settings: Settings) -> Signature:
    """Return the mapping lock's valid signature; a rehearsal signs when there is none."""
    binds = mapping_binds(settings, snapshot_id(settings), _tenant(settings))
    return _passed(settings, Lock.MAPPING, binds)


def load_lock(settings: Settings) -> Signature:
    """Return the load lock's valid signature over the plan and the sample's diff; a rehearsal signs when there is none."""
    return _passed(settings, Lock.LOAD, due_load_binds(settings))


def due_load_binds(settings: Settings) -> dict[str, str]:
    """Return what the load lock has to bind now."""
    run = current_run(settings)
    ledger = open_run_ledger(settings)
    plan = last_plan(ledger, run.run_id, "load")
    ledger.engine.dispose()
    diff = str(read_record(settings, run.run_id, "70_sample").get("diff", ""))
    if plan is None or not diff:
        raise ApprovalMissing("There is no sample to read yet. Run notebooks/70_sample.ipynb, or: workbench run --to sample")
    return load_binds(settings, snapshot_id(settings), _tenant(settings), plan.digest, diff)


def sign_due(settings: Settings, *, by: str, what: str | None) -> Signature:
    """Sign the lock that is due, or the one named; what it binds is what stands there now."""
    mapping_due = mapping_binds(settings, snapshot_id(settings), _tenant(settings))
    lock = Lock(what) if what else Lock.MAPPING
    if not what:
        try:
            require(settings, Lock.MAPPING, mapping_due)
            lock = Lock.LOAD
        except ApprovalMissing:
            lock = Lock.MAPPING
    if lock is Lock.MAPPING:
        require_decisions(settings, read_mappings(settings))
        binds = mapping_due
    else:
        binds = due_load_binds(settings)
    return sign(settings, lock, by=by, at=as_text(WallClock().now()), tenant=_tenant(settings), binds=binds)


def _passed(settings: Settings, lock: Lock, binds: dict[str, str]) -> Signature:
    try:
        return require(settings, lock, binds)
    except ApprovalMissing:
        if not settings.is_rehearsal:
            raise
    return sign(settings, lock, by=REHEARSAL, at=as_text(WallClock().now()), tenant=_tenant(settings), binds=binds)


def _tenant(settings: Settings) -> str:
    ledger = open_run_ledger(settings)
    alias = ledger.tenant()
    ledger.engine.dispose()
    if alias is None:
        raise ApprovalMissing("The tenant was never read. Run notebooks/30_suggest.ipynb, or: workbench run --to suggest")
    return alias
