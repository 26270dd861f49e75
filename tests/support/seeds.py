"""One seed, one story: a few rows are loaded in bad weather by processes that die, until all is there; then it is judged."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
from loads import ENTITIES, KINDS, LOCAL, PowerCutError, Record, Rehearsal, Shared, rehearse
from rooms import Practice
from sqlalchemy import select
from weather import EDITABLE, MOMENTS, Chances, Death, Weather

from workbench.errors import WorkbenchError
from workbench.freshsales.schema import TenantSchema, read_schema
from workbench.journey.record import current_run, open_run_ledger
from workbench.keys import image_key
from workbench.ledger.audit import verify
from workbench.ledger.identities import live_identities
from workbench.ledger.lease import hold_lease
from workbench.ledger.operations import FINAL, OPEN
from workbench.ledger.plans import Plan, last_plan
from workbench.ledger.store import Ledger, open_ledger
from workbench.ledger.tables import audit, operations, planned
from workbench.load.loader import run_load
from workbench.load.plan import plan_load
from workbench.load.session import Session, open_tenant
from workbench.mapping.files import Mappings
from workbench.tenant.server import make_app
from workbench.vocabulary import Operation, PlanScope
from workbench.warehouse import open_warehouse

KEYED = {"contacts", "sales_accounts", "deals"}
NEEDED = ("staged.stamp", "checked.held", "raw.deliveries")
MOST_SESSIONS = 12
MOST_REQUESTS = 1_500
MOST_SECONDS = 4 * 86400.0
OF_THE_TENANT = {
    "id",
    "created_at",
    "updated_at",
    "updater_id",
    "links",
    "mcr_id",
    "stage_updated_time",
    "completed_date",
}
OF_THE_TENANT |= {"appointment_attendee_ids", "last_assigned_at", "url"}


@dataclass
class World:
    """What every story begins with: a small practice, its decisions, and what an undisturbed load makes of it."""

    practice: Practice
    mappings: Mappings
    plan: Plan
    keys: set[str]
    content: dict[str, dict[str, Any]] = field(default_factory=dict)
    schema: TenantSchema | None = None
    commits: int = 0
    requests: int = 0


@dataclass
class Story:
    """What happened in one story, and what must not have."""

    told: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    sessions: int = 0


WORLDS = (
    (2, 1, ("practice", "patient", "treatment_case", "note")),
    (2, 1, ("practice", "patient", "task", "attachment")),
    (2, 1, ("practice", "patient", "appointment", "activity")),
    (9, 0, ("practice", "patient")),  # enough for bulk calls
)
"""People, children of a kind, and the mappings: fewer of these make a story quicker, and a query each is what it costs."""


def make_worlds(template: Practice, folder: Path) -> list[World]:
    """Copy a ready practice down to four small ones."""
    return [make_world(template, folder / str(place), *one) for place, one in enumerate(WORLDS)]


def make_world(template: Practice, folder: Path, people: int, children: int, kinds: tuple[str, ...]) -> World:
    """Copy a ready practice down to a few people with what hangs on them, and plan it."""
    with rehearse(template, folder / "whole") as whole:
        lookups = whole.lookups()
        taken = {f for name in kinds for f in lookups[name]}
        keys = {key for key in whole.few(people, children, all_accounts=people > 2) if key in taken}
        assert all(any(key in lookups[name] for key in keys) for name in kinds)
        mappings = whole.mappings
    mappings = replace(mappings, objects=type(mappings.objects)(one for one in mappings.objects if one.name in kinds))
    small = folder / "small"
    shutil.copytree(template.folder, small, ignore=shutil.ignore_patterns("warehouse.duckdb*", "notebooks", "runs"))
    (small / "data" / "runs").mkdir()
    _shrink(template.settings.warehouse, small / "data" / "warehouse.duckdb", mappings, keys, list(kinds))
    practice = Practice(small, template.truth)
    world = World(practice, mappings, Plan(0, "", "", "", {}), keys)
    with play_ground(world, folder / "first", random.Random(0)) as (rehearsal, weather):
        with open_world(rehearsal, world) as session:
            world.plan = plan_load(
                session.settings, mappings, session.schema, session.ledger, session.run_id, name=PlanScope.LOAD
            )
        for place in ("ledger.sqlite", "ledger.sqlite-wal", "tenant.sqlite", "tenant.sqlite-wal"):
            made = rehearsal.practice.settings.target_folder / place
            if made.exists():
                shutil.copy(made, practice.settings.target_folder / place)
        shutil.copytree(rehearsal.practice.settings.runs, practice.settings.runs, dirs_exist_ok=True)
    with play_ground(world, folder / "fair", random.Random(0)) as (rehearsal, weather):
        death = Death("before a write", 10**9)
        other = Death("before a request", 10**9)
        weather.death = other
        with open_world(rehearsal, world) as session:
            death.watch(session.ledger.engine)
            run_load(session, world.plan, kinds=KINDS)
        world.commits, world.requests = death.seen, other.seen
        world.content = content(rehearsal)
    return world


def _shrink(whole: Path, small: Path, mappings: Mappings, keys: set[str], names: list[str]) -> None:
    """Write a warehouse that holds what a load reads of some rows, and nothing else: it opens in no time."""
    sources = {one.name: one.source_object for one in mappings.objects}
    with duckdb.connect(str(small)) as warehouse:
        warehouse.execute(f"ATTACH '{whole}' AS whole (READ_ONLY)")
        tables = [*NEEDED, *(f"staged.{name}" for name in names)]
        for table in tables:
            schema, _, name = table.partition(".")
            warehouse.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            where = ""
            if name in sources:
                ids = [key.partition("/")[2] for key in sorted(keys) if key.startswith(f"{sources[name]}/")]
                where = " WHERE source_id IN (SELECT unnest(?))"
            warehouse.execute(f"CREATE TABLE {table} AS SELECT * FROM whole.{table}{where}", [ids] if where else None)
        warehouse.execute("DELETE FROM checked.held")


@contextmanager
def play_ground(world: World, folder: Path, chance: random.Random) -> Iterator[tuple[Rehearsal, Weather]]:
    """Copy the small practice and run its tenant in process, in fair weather."""
    folder.mkdir(parents=True)
    made = folder / "migration"
    shutil.copytree(world.practice.folder, made)
    practice = Practice(made, world.practice.truth)
    app = make_app(practice.settings.target_folder)
    weather = Weather(app, chance)
    weather.ledger = practice.settings.ledger
    rehearsal = Rehearsal(practice, weather)
    rehearsal.__dict__["mappings"] = world.mappings
    try:
        yield rehearsal, weather
    finally:
        weather.end()
        app.state.tenant.state.db.close()
        shutil.rmtree(folder, ignore_errors=True)


def held_open(rehearsal: Rehearsal) -> AbstractContextManager[object]:
    """Hold the warehouse open: each opening by a load then costs a millisecond and not thirty."""
    return open_warehouse(rehearsal.practice.settings.warehouse)


@contextmanager
def open_world(rehearsal: Rehearsal, world: World) -> Iterator[Session]:
    """Open a session that writes; what the tenant offers is asked once a world, since its copies are equal."""
    settings = rehearsal.practice.settings
    run = current_run(settings).run_id
    ledger = open_ledger(settings.ledger, image_key(settings))
    try:
        ledger.require_sound()
        with (
            hold_lease(ledger) as lease,
            open_tenant(settings, LOCAL, ledger, Shared(rehearsal.transport), lease) as tenant,
        ):
            world.schema = world.schema or read_schema(tenant)
            rehearsal.schema = world.schema
            kept = replace(ledger, clock=tenant.clock)
            yield Session(settings, world.mappings, tenant, world.schema, kept, lease, run, "rehearsal")
    finally:
        ledger.engine.dispose()


def draw_weather(chance: random.Random) -> Chances:
    """Draw how bad it gets: most stories know a few kinds of fault, each on one request in ten to thirty."""

    def some(most: float) -> float:
        return chance.uniform(0.02, most) if chance.random() < 0.5 else 0.0

    return Chances(
        lost_before=some(0.1),
        lost_after=some(0.1),
        broken_after=some(0.1),
        refused_429=some(0.1),
        late=some(0.06),
        latest=chance.choice([60.0, 500.0, 1500.0]),
        job_lost=some(0.8),
        row_dropped=some(0.8),
        edit=some(0.15),
    )


def play(world: World, folder: Path, seed: int) -> Story:
    """Tell one story to its end and judge it."""
    chance = random.Random(seed)
    story = Story()
    with play_ground(world, folder, chance) as (rehearsal, weather), held_open(rehearsal):
        tenant = weather.app.state.tenant
        tenant.state.switches["index_seconds"] = chance.choice([0.0, 5.0, 25.0, 120.0, 400.0])
        started = tenant.state.now()
        weather.chances = draw_weather(chance)
        deaths = [
            Death(chance.choice(MOMENTS), chance.randint(1, max(world.commits, 2) // (2 if place else 1)))
            for place in range(chance.randint(0, 3))
        ]
        while True:
            story.sessions += 1
            weather.death = death = deaths.pop() if deaths else None
            try:
                load_once(rehearsal, world, death, is_new=chance.random() < 0.2)
                break
            except PowerCutError:
                death.bury()
                story.told[f"killed {death.moment}"] += 1
            except WorkbenchError as problem:
                story.told[f"stopped: {type(problem).__name__}"] += 1
            if story.sessions == MOST_SESSIONS or weather.requests > MOST_REQUESTS:
                weather.chances, deaths = Chances(), []  # a story must end; in fair weather it does
            if story.sessions > MOST_SESSIONS + 2:
                story.wrong.append("I10: in fair weather the load still does not end")
                break
            ledger = open_run_ledger(rehearsal.practice.settings)
            if verify(ledger)[2]:
                story.wrong.append("I9: the audit chain is broken after a death")
            ledger.engine.dispose()
        weather.chances, weather.death = Chances(), None
        if tenant.state.now() - started > MOST_SECONDS:
            story.wrong.append(f"I10: it took {(tenant.state.now() - started) / 3600:.0f} hours")
        # The last look at what was in doubt comes hours later, with the next load: a delta, or the files.
        tenant.state.hear(tenant.state.now() + 3 * 3600)
        load_once(rehearsal, world, None, is_new=False)
        story.told |= +weather.told
        story.wrong += judge(rehearsal, world, weather)
    return story


def points(world: World) -> list[tuple[str, int]]:
    """Return every moment at which a process can end: just before and just after each write to the ledger and each request."""
    return [
        (moment, nth + 1) for moment in MOMENTS for nth in range(world.commits if "write" in moment else world.requests)
    ]


def die_at(world: World, folder: Path, moment: str, nth: int) -> list[str]:
    """End a load at one moment, load again, and judge."""
    with play_ground(world, folder, random.Random(0)) as (rehearsal, weather), held_open(rehearsal):
        weather.death = death = Death(moment, nth)
        try:
            load_once(rehearsal, world, death, is_new=False)
            if not death.is_dead:  # the last write of all may have nothing after it that would notice
                return [f"the process did not end {moment} {nth}"]
            death.bury()
        except PowerCutError:
            death.bury()
        weather.death = None
        ledger = open_run_ledger(rehearsal.practice.settings)
        broken = verify(ledger)[2]
        ledger.engine.dispose()
        # As after a kill, every second time somebody plans anew while the ledger does not know what came of the last write.
        load_once(rehearsal, world, None, is_new=nth % 2 == 0)
        return [*broken, *judge(rehearsal, world, weather)]


def load_once(rehearsal: Rehearsal, world: World, death: Death | None, *, is_new: bool) -> None:
    """Load in a process of its own: go on with the plan, or plan anew."""
    with open_world(rehearsal, world) as session:
        if death is not None:
            death.watch(session.ledger.engine)
        plan = last_plan(session.ledger, session.run_id, PlanScope.LOAD) or world.plan
        if is_new:
            plan = plan_load(
                session.settings, world.mappings, session.schema, session.ledger, session.run_id, name=PlanScope.LOAD
            )
        run_load(session, plan, kinds=KINDS)


def judge(rehearsal: Rehearsal, world: World, weather: Weather) -> list[str]:
    """Return what is wrong at the end of a story, by invariant."""
    ledger, state = open_run_ledger(rehearsal.practice.settings), rehearsal.state()
    try:
        wrong = [*_once(ledger, state, weather), *_ended(ledger, state, world)]
        assert rehearsal.schema is not None
        fresh = plan_load(
            rehearsal.practice.settings, world.mappings, rehearsal.schema, ledger, "run", name=PlanScope.PROOF
        )
        if fresh.writes:
            wrong.append(f"I4: a fresh plan still writes {fresh.counts}")
        known = {(ENTITIES[one.destination], one.destination_id): one for one in live_identities(ledger)}
    finally:
        ledger.engine.dispose()
    if refused := rehearsal.admin("calls")["refused429"]:
        wrong.append(f"I8: the tenant refused {refused} calls")
    records = {(name, one["id"]): one for name in EDITABLE for one in state[name]}
    wrong += [
        f"I6: what a user wrote into {name} {number} {column} is gone"
        for (name, number, column), value in weather.edits.items()
        if (name, number) in records and records[name, number].get(column) != value
    ]
    edited = {(name, number) for name, number, _ in weather.edits} | weather.early
    theirs = {f"{one.source_object}/{one.source_id}" for place, one in known.items() if place in edited}
    return wrong + _as_undisturbed(world.content, content(rehearsal), theirs)


def _once(ledger: Ledger, state: dict[str, list[Record]], weather: Weather) -> Iterator[str]:
    """Yield records that nobody knows of: doubles are an incident only where the tenant enforces no key, and told."""
    ours = {(ENTITIES[one.destination], one.destination_id) for one in live_identities(ledger)}
    there = {(name, one["id"]) for name in ENTITIES.values() for one in state[name]}
    with ledger.read() as connection:
        found = [row.detail for row in connection.execute(select(audit).where(audit.c.act == "double found"))]
    told = {number for text in found for number in json.loads(text)["ids"]}
    beyond = sorted(there - ours)
    weather.told["doubles told"] = len(beyond)
    if silent := [one for one in beyond if one[1] not in told]:
        yield f"I1: records beyond the ledger that no sweep told of: {silent}"
    if doubled := [one for one in beyond if one[0] in KEYED]:
        yield f"I1: a second record where the tenant enforces the key: {doubled}"
    if lost := sorted(ours - there):
        yield f"I4: identities without a record: {lost}"


def _ended(ledger: Ledger, state: dict[str, list[Record]], world: World) -> Iterator[str]:
    """Yield rows without one final state, records without an intent, and breaks of the audit chain."""
    with ledger.read() as connection:
        made = list(connection.execute(select(operations)))
        rows = list(connection.execute(select(planned).where(planned.c.plan_id == world.plan.plan_id)))
    states: dict[str, list[str]] = defaultdict(list)
    for one in made:
        states[f"{one.source_object}/{one.source_id}"].append(one.state)
    if still := [one.operation_id for one in made if one.state in OPEN]:
        yield f"I4: open operations: {still}"
    for row in rows:
        key = f"{row.source_object}/{row.source_id}"
        if (row.operation == Operation.DEFER) is any(one in FINAL for one in states[key]):
            yield f"I2: {key} ends as {states[key]}"
    if unasked := set(states) - world.keys:
        yield f"I3: operations for {unasked}"
    creates = sum(one.action == Operation.CREATE for one in made)
    if (count := sum(len(state[name]) for name in set(ENTITIES.values()))) > creates:
        yield f"I3: {count} records, {creates} intents to create one"
    if chain := verify(ledger)[2]:
        yield f"I9: {chain}"


def _as_undisturbed(wanted: dict[str, Record], made: dict[str, Record], theirs: set[str]) -> list[str]:
    """Return the rows whose record is not what a load without any fault makes, users' edits aside."""
    return [
        f"I4: {key} differs from an undisturbed load in"
        f" {sorted(one for one in {*record, *made[key]} if record.get(one) != made[key].get(one))}"
        for key, record in wanted.items()
        if key in made and key not in theirs and made[key] != record
    ]


def content(rehearsal: Rehearsal) -> dict[str, dict[str, Any]]:
    """Return each record of ours by its source key, without what differs from load to load: ids, and the tenant's times."""
    ledger = open_run_ledger(rehearsal.practice.settings)
    known = live_identities(ledger)
    ledger.engine.dispose()
    state = rehearsal.state()
    names = {one.destination_id: f"{one.source_object}/{one.source_id}" for one in known}
    records = {one["id"]: one for name in ENTITIES.values() for one in state[name]}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items() if name not in OF_THE_TENANT}
        if isinstance(value, list):
            return [plain(one) for one in value]
        return names.get(value, value) if isinstance(value, int) else value

    return {names[number]: plain(records[number]) for number in names if number in records}
