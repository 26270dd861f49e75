"""Sample, load, attachments and rollback as notebooks 70 to 72 and 99 call them: one loader, other arguments."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from filecmp import cmpfiles
from pathlib import Path
from typing import Any

import polars as pl

from workbench.audiences.review import review_sample
from workbench.clock import WallClock, as_text
from workbench.errors import DecisionMissing, SetupMissing, StoreProblem
from workbench.freshsales.foreign import take_census
from workbench.journey.desk import count_by_practice, counting, require_read, writing
from workbench.journey.locks import snapshot_id
from workbench.journey.record import current_run, open_run_ledger
from workbench.journey.starter import starter_folder
from workbench.ledger.account import BULK, PROVEN, read_verdicts
from workbench.ledger.history import count_refusals, list_adoptions, list_conflicts
from workbench.ledger.identities import live_ids
from workbench.ledger.operations import open_operations
from workbench.ledger.plans import Plan, last_plan
from workbench.ledger.runs import pin
from workbench.load.attachments import storage_needed
from workbench.load.loader import run_load
from workbench.load.plan import draw_sample, plan_load
from workbench.load.rollback import plan_rollback, roll_back
from workbench.load.session import Session
from workbench.mapping.approval import void
from workbench.mapping.budget import plan_limits
from workbench.mapping.checklist import require_setup
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.setup import make_setup
from workbench.mapping.spellings import asked_spellings, existing_matches
from workbench.mapping.value_map import CONFLICTS, EXISTING, adoptions, read_value_map, save_value_map
from workbench.reports.decisions import ask_conflicts, conflict_table
from workbench.reports.estimate import Forecast, make_forecast
from workbench.reports.sample_diff import SampleDiff, compare_sample, sample_diff
from workbench.reports.shown import plain_table
from workbench.settings import Settings
from workbench.staging.removals import keep_vanished
from workbench.vocabulary import LOADING, Fate, Kind, Lock, PlanScope
from workbench.warehouse import open_warehouse


@dataclass(frozen=True)
class Written:
    """What one loading step did."""

    counts: dict[str, dict[str, int]]
    calls: int

    @property
    def written(self) -> int:
        """Rows created or updated."""
        return sum(fates.get(Fate.CREATED, 0) + fates.get(Fate.UPDATED, 0) for fates in self.counts.values())

    def frame(self) -> pl.DataFrame:
        """Return one row a mapping by fate."""
        fates = (Fate.CREATED, Fate.UPDATED, Fate.REJECTED)
        rows = [(name, *(one.get(fate, 0) for fate in fates)) for name, one in self.counts.items()]
        shape = {"mapping": pl.String, **{str(fate): pl.Int64 for fate in fates}}
        return pl.DataFrame(rows, orient="row", schema=shape)


@dataclass(frozen=True)
class Sample:
    """The sample as loaded and read back; `reviewed` says who may read its values, and where."""

    drawn: int
    written: int
    calls: int
    counts: pl.DataFrame
    diff: SampleDiff
    reviewed: str


def load_sample(settings: Settings, mappings: Mappings) -> Sample:
    """Draw the sample, load it, read it back and compare; called again it goes on where it stopped."""
    with writing(settings, mappings) as session:
        plan = last_plan(session.ledger, session.run_id, PlanScope.SAMPLE)
        if plan is None or plan.stamp != _stamp(settings):
            if not open_operations(session.ledger):  # what a killed run left open may be ours and is settled first
                require_existing_decided(session)
            keys = draw_sample(settings, mappings)
            plan = plan_load(
                settings, mappings, session.schema, session.ledger, session.run_id, scope=keys, name=PlanScope.SAMPLE
            )
        made = _written(session, plan, Kind.RECORD, Kind.FILE)
        drawn = sum(sum(one.values()) for one in plan.counts.values())
        compared = compare_sample(session, plan)
        reviewed = review_sample(settings, mappings, session.ledger, session.run_id, compared)
        return Sample(drawn, made.written, made.calls, made.frame(), sample_diff(compared), reviewed)


def require_existing_decided(session: Session) -> None:
    """Read before the first write what people put into the tenant meanwhile; a row that may be there waits for a decision."""
    existing = session.mappings.values(EXISTING)
    take_census(
        session.tenant,
        session.settings.warehouse,
        live_ids(session.ledger),
        prefix=str(session.settings["source.id_prefix"]),
        decided=adoptions(existing),
    )
    keep_vanished(session.tenant, session.settings.warehouse, session.mappings, live_ids(session.ledger))
    matches = existing_matches(session.settings, session.mappings)
    if new := sorted({one.source_key for one in matches} - set(existing.rows)):
        raise DecisionMissing(
            f"{len(new)} rows may stand in the tenant {session.tenant.alias} already, and nobody was asked about them yet:"
            f" {', '.join(new[:5])}{' …' if len(new) > 5 else ''}. Nothing was written. Run again from the step suggest, which"
            f" asks in mappings/values/existing.csv: workbench run --from suggest{session.settings.option}"
        )


def plan_whole(settings: Settings, mappings: Mappings) -> Plan:
    """Freeze the plan of everything the ledger does not hold yet."""
    with writing(settings, mappings) as session:
        return plan_load(settings, mappings, session.schema, session.ledger, session.run_id)


def load_records(settings: Settings, mappings: Mappings) -> Written:
    """Load the frozen plan's records, parents first."""
    return _load(settings, mappings, Kind.RECORD)


def load_files(settings: Settings, mappings: Mappings) -> Written:
    """Upload the frozen plan's files."""
    return _load(settings, mappings, Kind.FILE)


def _load(settings: Settings, mappings: Mappings, kind: Kind) -> Written:
    with writing(settings, mappings) as session:
        plan = last_plan(session.ledger, session.run_id, *LOADING)
        if plan is None:
            raise StoreProblem(f"There is no plan yet: workbench run --from sample{settings.option}")
        # Choices may have gone since setup; text without its choice would be dropped with a 2xx.
        require_setup(make_setup(settings, mappings), session.schema, "setup.json in this run's folder")
        written = _written(session, plan, kind)
        keep_questions(session, plan)
        if kind is Kind.FILE:  # the last to travel: a run that was killed before has still to load this snapshot
            pin(session.ledger, session.run_id, snapshot=snapshot_id(settings))
        return written


def keep_questions(session: Session, plan: Plan) -> int:
    """Put what this load left for a person to decide into the value map `conflicts`; return how many are open there."""
    settings, found = session.settings, list_conflicts(session.ledger, plan_id=plan.plan_id)
    own = read_value_map(CONFLICTS, [settings.own_decisions])
    asked = ask_conflicts(found, read_value_map(CONFLICTS, settings.values_folders))
    new = {name: row for name, row in asked.rows.items() if row.is_open and name not in own.rows}
    if new:
        save_value_map(settings.own_decisions, replace(own, rows=own.rows | new))
    return sum(row.is_open for row in asked.rows.values())


def _written(session: Session, plan: Plan, *kinds: Kind) -> Written:
    """Load, and add the calls by mapping to the run's folder; where the tenant was changed, what was signed is void."""
    try:
        loaded = run_load(session, plan, kinds=kinds)
    except SetupMissing:
        void(session.settings, Lock.LOAD, by="load", at=as_text(WallClock().now()))
        raise
    path = session.folder / "calls.json"
    before: dict[str, int] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    after = {name: before.get(name, 0) + loaded.calls.get(name, 0) for name in sorted({*before, *loaded.calls})}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(after, indent=2) + "\n", "utf-8")
    return Written(loaded.counts, sum(loaded.calls.values()))


def rejected_frame(settings: Settings) -> pl.DataFrame:
    """Return this run's rejected rows by mapping and reason: counts, no ids."""
    run = current_run(settings)
    ledger = open_run_ledger(settings)
    rows = count_refusals(ledger, run.run_id)
    ledger.engine.dispose()
    return pl.DataFrame(rows, orient="row", schema={"mapping": pl.String, "reason": pl.String, "rows": pl.Int64})


def conflict_frame(settings: Settings) -> pl.DataFrame:
    """Return every field that the source and people changed, of the newest plan: what was done, and shapes of the values."""
    run = current_run(settings)
    ledger = open_run_ledger(settings)
    plan = last_plan(ledger, run.run_id, *LOADING)
    found = list_conflicts(ledger, plan_id=plan.plan_id) if plan else []
    ledger.engine.dispose()
    return conflict_table(found)


def adopted_frame(settings: Settings) -> pl.DataFrame:
    """Return every record that this run adopted, with the names of fields that were taken back or kept; ids, no values."""
    run = current_run(settings)
    ledger = open_run_ledger(settings)
    rows = list_adoptions(ledger, run.run_id)
    ledger.engine.dispose()
    shape = {"mapping": pl.String, "source_id": pl.String, "destination_id": pl.Int64, "what was done": pl.String}
    return pl.DataFrame(rows, orient="row", schema=shape)


def require_storage(settings: Settings, mappings: Mappings) -> dict[str, str]:
    """Return what the files need and what the plan stores; more than it stores stops before the first upload."""
    needed = 0
    with open_warehouse(settings.warehouse) as warehouse:
        for mapping in mappings.objects:
            if mapping.kind is Kind.FILE:
                query = f"SELECT coalesce(sum(TRY_CAST(size AS BIGINT)), 0) FROM staged.{mapping.name}"
                needed += int(warehouse.run(query)[0][0])
    limit = plan_limits(settings.plan)["gigabytes"]
    needed, there = storage_needed(needed, settings["freshsales.users"], limit)
    if needed > there:
        raise SetupMissing(
            f"The files need {needed / 1024**3:.1f} GB, and the plan {settings.plan} stores {there / 1024**3:.0f} GB for"
            f" {settings['freshsales.users']} users. Leave files out in mappings/objects, or raise the plan; none was sent."
        )
    return {"Needed": f"{needed / 1024**2:,.1f} MB", "In the plan": f"{there / 1024**3:,.0f} GB"}


def rollback(settings: Settings, *, confirm: bool, release: bool = True) -> dict[str, Any]:
    """Return the counts by case and mapping; with `confirm`, take back what can be taken back (`release`: `roll_back`)."""
    with writing(settings, read_mappings(settings)) as session:
        made = roll_back(session, release=release) if confirm else plan_rollback(session)
    practices = count_by_practice(settings, made.told)
    if confirm:
        void(settings, Lock.LOAD, by="rollback", at=as_text(WallClock().now()))
    lines = [f"{row['rows']:>7,}  {row['mapping']}: {row['case']}" for row in made.counts.iter_rows(named=True)]
    lines += [*made.advice, *made.caution, plain_table(practices.rename({"told": "case"}))]
    lines += ["Rolled back." if confirm else f"Preview only. Do it with: workbench rollback --confirm{settings.option}"]
    return {
        "counts": made.counts.to_dicts(),
        "practices": practices.rename({"told": "case"}).to_dicts(),
        "kept": made.kept.to_dicts(),
        "confirmed": confirm,
        "text": "\n".join(lines),
    }


def _stamp(settings: Settings) -> str:
    with open_warehouse(settings.warehouse) as warehouse:
        return str(warehouse.run("SELECT stamp FROM staged.stamp")[0][0])


def forecast(settings: Settings, mappings: Mappings) -> Forecast:
    """Return what it takes to move what is staged, or else what the mappings claim, at this plan's limits."""
    require_read(settings)
    asked, verdicts = asked_spellings(settings, mappings), dict[str, str]()
    if settings.ledger.is_file():
        ledger = open_run_ledger(settings)
        verdicts = read_verdicts(ledger, BULK)
        ledger.engine.dispose()
    files = [f"{one.name}.toml" for one in mappings.objects]
    ours, theirs = (one / "objects" for one in (settings.mappings, starter_folder() / "mappings"))
    as_shipped = cmpfiles(ours, theirs, files, shallow=False)[0]
    with counting(settings, mappings) as (warehouse, counted):
        return make_forecast(
            warehouse,
            settings,
            mappings,
            counted=counted,
            asked=asked,
            proven={name for name, verdict in verdicts.items() if verdict == PROVEN},
            as_shipped={Path(one).stem for one in as_shipped},
        )


def tell_forecast(settings: Settings) -> dict[str, Any]:
    """Return the forecast as one document with its text; exit 1 when it cannot be done in time."""
    made = forecast(settings, read_mappings(settings))
    tables = {
        "Records and calls": made.calls,
        "By practice": made.practices,
        "By plan": made.plans,
        "Grade": made.grades,
    }
    parts = [f"{title}\n{plain_table(one)}" for title, one in tables.items()]
    parts.append(f"[policy] history: {made.history['proposed']!r} is proposed, a person decides. {made.history['why']}")
    parts += ["\n".join(f"- {one}" for one in made.readings), refusal(made) if made.reasons else made.headline]
    return {**made.record(), "text": "\n\n".join(parts), "exit": 1 if made.reasons else 0}


def refusal(made: Forecast) -> str:
    """Say why it cannot be done, and what each cut leaves."""
    lines = [f"This cannot be done on {made.tier.plan}: {'; '.join(made.reasons)}."]
    for row in made.cut_frame.iter_rows(named=True):
        enough = "enough" if row["is_enough"] else "not enough alone"
        lines.append(
            f"  {row['cut']} ({row['how']}): {row['load_and_verify_h']:,.1f} h to load and read back, {row['rollback_h']:,.1f} h"
            f" to roll back, {row['gigabytes']:,.1f} GB of files: {enough}."
        )
    return "\n".join(lines)


def require_in_time(settings: Settings, made: Forecast) -> str:
    """Return what the forecast comes to; a real target is not begun with what cannot be done, or undone, in time."""
    if made.reasons and not settings.is_rehearsal:
        raise SetupMissing(f"{refusal(made)}\nNothing was written. All figures: workbench forecast --target freshsales")
    return refusal(made) if made.reasons else made.headline
