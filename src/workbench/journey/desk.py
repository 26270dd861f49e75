"""What a notebook opens: the deliveries as decided, the tenant to read, or a session to write with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl

from workbench.dental_exec.snapshot import Snapshot, take_snapshot
from workbench.errors import MappingProblem, StoreProblem, gather
from workbench.freshsales.client import Freshsales
from workbench.freshsales.foreign import has_foreign, keep_loaded, take_census
from workbench.freshsales.schema import TenantSchema, read_schema, write_schema
from workbench.journey.record import current_run, open_run_ledger
from workbench.journey.rehearsal import set_up_rehearsal, tenant_url
from workbench.ledger.audit import note, person
from workbench.ledger.identities import live_ids
from workbench.ledger.operations import open_operations
from workbench.ledger.store import Ledger, open_ledger
from workbench.load.forecast import keep_coming
from workbench.load.plan import hand_over_identities
from workbench.load.session import Session, open_session, open_tenant
from workbench.mapping.files import Mappings, read_mappings
from workbench.mapping.setup import Setup, make_setup
from workbench.mapping.value_map import EXISTING, Decided, ValueMap, adoptions, read_value_map, save_value_map
from workbench.privacy import mask, shown_id
from workbench.profile.people import match_owners
from workbench.profile.readings import read_columns
from workbench.settings import Settings
from workbench.staging.removals import keep_vanished
from workbench.staging.scope import leave_for_later
from workbench.staging.stage import answer_filters, read_sources
from workbench.vocabulary import Decision
from workbench.warehouse import Warehouse, open_warehouse

MATCHED = "same e-mail"
READING, EXPECTED, ACCEPTED = "column_reading", "expected_counts", "mass_change"
"""The value maps: how a column is read, how many records a file without a manifest holds, which mass changes are right."""


@dataclass(frozen=True)
class Desk:
    """A tenant to read, its schema, and the ledger."""

    settings: Settings
    tenant: Freshsales
    schema: TenantSchema
    ledger: Ledger
    run_id: str


@contextmanager
def reading(settings: Settings) -> Iterator[Desk]:
    """Open the tenant to read; its users and pick-lists are written to destination.*."""
    run = current_run(settings)
    ledger = open_run_ledger(settings)
    try:
        with open_tenant(settings, tenant_url(settings), ledger) as tenant:
            note(ledger, "tenant opened to read", "tenant", run=run.run_id)
            schema = read_schema(tenant)
            if not settings.is_rehearsal:
                _keep_schema(settings, schema)
            if settings.warehouse.exists():
                with open_warehouse(settings.warehouse, write=True) as warehouse:
                    write_schema(warehouse, schema)
                    if has_foreign(warehouse):
                        keep_loaded(warehouse, live_ids(ledger))
                _keep_matches(settings)
            yield Desk(settings, tenant, schema, ledger, run.run_id)
    finally:
        ledger.engine.dispose()


def is_staged(settings: Settings) -> bool:
    """Say whether rows are staged."""
    if not settings.warehouse.exists():
        return False
    with open_warehouse(settings.warehouse) as warehouse:
        return warehouse.has("staged.stamp")


def require_read(settings: Settings) -> None:
    """Refuse to count rows where none is landed and read."""
    with open_warehouse(settings.warehouse) as warehouse:
        if not warehouse.has("profile.read_contacts"):
            raise StoreProblem("Rows are counted, and none is landed and read yet: workbench run --to profile")


@contextmanager
def counting(settings: Settings, mappings: Mappings) -> Iterator[tuple[Warehouse, str]]:
    """Open the warehouse with every row that may move in the table `coming`, and yield it and what was counted.

    Before anything is staged the sources are read for the count alone: nothing of it stays.
    """
    with open_warehouse(settings.warehouse) as warehouse:
        staged = warehouse.has("staged.stamp")
        if staged:
            keep_coming(warehouse, settings, mappings)
            yield warehouse, "checked rows" if warehouse.has("checked.held") else "staged rows"
    if not staged:
        with open_warehouse(settings.warehouse, write=True, locked_down=True) as warehouse:
            try:
                answer_filters(warehouse, settings)
                read_sources(warehouse, mappings)
                leave_for_later(warehouse, settings, mappings)
                keep_coming(warehouse, settings, mappings, is_staged=False)
                yield warehouse, "source rows"
            finally:
                for name in warehouse.tables("staged"):
                    warehouse.drop(f"staged.{name}")


def count_by_practice(settings: Settings, told: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return rows by practice and what is told of them, out of a frame of (key, told).

    Without one it is told of every staged row whether it moves, is held, waits, or was delivered already. Where nothing
    is staged, as after a purge, nobody knows a practice.
    """
    if not is_staged(settings):
        whole = pl.DataFrame(schema={"told": pl.String}) if told is None else told
        counts = whole.group_by("told").agg(pl.len().cast(pl.Int64).alias("rows")).sort("told")
        return counts.select(pl.lit("not staged").alias("practice"), "told", "rows")
    with counting(settings, read_mappings(settings)) as (warehouse, _):
        if told is None:
            ledger = open_run_ledger(settings)
            hand_over_identities(warehouse, ledger)
            ledger.engine.dispose()
            telling = (
                "SELECT key, CASE WHEN i.source_id IS NULL THEN state ELSE 'delivered' END AS told FROM coming c"
                " LEFT JOIN identities i ON i.source_object || '/' || i.source_id = c.key"
            )
        else:
            warehouse.connection.register("telling", told.to_arrow())
            telling = "SELECT key, told FROM telling"
        return warehouse.frame(
            f"SELECT coalesce(c.practice, 'none') AS practice, told, count(*) AS rows FROM ({telling}) t"
            " LEFT JOIN coming c USING (key) GROUP BY ALL ORDER BY ALL"
        )


def _keep_schema(settings: Settings, schema: TenantSchema) -> None:
    """Keep what a real tenant offers: `workbench tenant --setup` makes a rehearsal tenant of it."""
    path = settings.target_folder / "tenant_schema.json"
    path.write_text(json.dumps(schema.as_setup(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def _keep_matches(settings: Settings) -> None:
    """Keep beside the ledger which users the tenant itself answers for; a decision of a person stands above it."""
    found = match_owners(settings.warehouse)
    rows = {user: Decided(user, Decision.MAP, email, MATCHED) for user, email in found.items()}
    save_value_map(settings.matches, ValueMap("owner", rows))


@contextmanager
def writing(settings: Settings, mappings: Mappings) -> Iterator[Session]:
    """Open a session that may write; a second one on the same tenant is refused."""
    run = current_run(settings)
    with open_session(settings, mappings, tenant_url(settings), run.run_id, actor=person()) as session:
        yield session


def read_tenant_schema(settings: Settings) -> TenantSchema:
    """Read what the tenant offers and keep it in destination.*."""
    with reading(settings) as desk:
        return desk.schema


def read_existing(settings: Settings) -> dict[str, int]:
    """Read what stands in the tenant and is not ours; return the counts. What a killed run left open is settled first."""
    decided = adoptions(read_value_map(EXISTING, settings.values_folders))
    with reading(settings) as desk:
        if open_operations(desk.ledger):
            return {}
        prefix = str(settings["source.id_prefix"])
        live = live_ids(desk.ledger)
        found = take_census(desk.tenant, settings.warehouse, live, prefix=prefix, decided=decided)
        if live:
            keep_vanished(desk.tenant, settings.warehouse, read_mappings(settings), live)
        return found


def invite_users(settings: Settings, setup: Setup) -> None:
    """Give the rehearsal tenant the users of the setup plan; in a real tenant people are invited by hand."""
    if settings.is_rehearsal and not settings["rehearsal.base_url"]:
        set_up_rehearsal(settings, {"users": setup["users"]})


def apply_setup(settings: Settings, setup: Setup) -> None:
    """Set up the embedded rehearsal tenant by the plan; a real tenant is set up by its admin."""
    if settings.is_rehearsal and not settings["rehearsal.base_url"]:
        set_up_rehearsal(settings, setup)


def keep_setup(settings: Settings, mappings: Mappings) -> Setup:
    """Make the setup plan and write it as setup.json into the run's folder."""
    setup = make_setup(settings, mappings)
    folder = settings.runs / current_run(settings).run_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "setup.json").write_text(json.dumps(setup, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return setup


def tenant_alias(settings: Settings) -> str:
    """Return the tenant this target's ledger is tied to."""
    ledger = open_ledger(settings.ledger, b"")  # no image is read
    try:
        alias = ledger.tenant()
    finally:
        ledger.engine.dispose()
    if alias is None:
        way = f"Run notebooks/30_suggest.ipynb, or: workbench run --to suggest{settings.option}"
        raise StoreProblem(f"The tenant was never read. {way}")
    return alias


def land(settings: Settings, *, delivery: str = "latest") -> Snapshot:
    """Land a delivery in raw.*, held against the counts that a person expects and the mass changes that one accepted."""
    counts = _answers(settings, EXPECTED)
    if wrong := [
        f"{shown_id(name)}: {mask(text)!r} is no count" for name, text in sorted(counts.items()) if not text.isdigit()
    ]:
        raise MappingProblem(gather(f"mappings/values/{EXPECTED}.csv", wrong))
    return take_snapshot(
        settings.exports,
        settings.warehouse,
        time_zone=settings["practice.time_zone"],
        delivery=delivery,
        expected={name: int(text) for name, text in counts.items()},
        accepted=_answers(settings, ACCEPTED).keys(),
    )


def read_landed(settings: Settings) -> pl.DataFrame:
    """Read the landed columns into profile.read_* as their values and people decide; nothing to do when they are read."""
    return read_columns(settings.warehouse, _answers(settings, READING))


def _answers(settings: Settings, name: str) -> dict[str, str]:
    rows = read_value_map(name, settings.values_folders).rows
    return {key: answer for key, row in rows.items() if (answer := row.answer)}
