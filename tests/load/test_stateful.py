"""Any order of edits, loads, deaths and rollbacks against a model of two dictionaries: what the source says, what people wrote."""

import os
import random
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from loads import PowerCutError
from seeds import World, load_once, open_world, play_ground
from weather import MOMENTS, Death

from workbench.journey.record import open_run_ledger
from workbench.ledger.audit import verify
from workbench.ledger.identities import live_identities
from workbench.load.rollback import roll_back
from workbench.warehouse import open_warehouse

CAMPAIGN = bool(os.environ.get("WORKBENCH_CAMPAIGN"))


class Cutover(RuleBasedStateMachine):
    """People of one practice, of whom source and users change the city."""

    def __init__(self, world: World, folder: Path) -> None:
        super().__init__()
        self.world, self.stack = world, ExitStack()
        shutil.rmtree(folder, ignore_errors=True)
        self.rehearsal, self.weather = self.stack.enter_context(play_ground(world, folder, random.Random(0)))
        self.source: dict[str, str | None] = {}
        self.people: dict[str, str] = {}
        self.is_there = False
        self.is_due = True
        self.number = 0
        with open_warehouse(self.rehearsal.practice.settings.warehouse) as warehouse:
            self.source = dict(warehouse.run("SELECT source_id, city FROM staged.patient ORDER BY source_id"))

    def teardown(self) -> None:
        """Give the folder back."""
        self.stack.close()

    def known(self) -> dict[str, int]:
        """Return the contacts that the ledger knows, by source id."""
        ledger = open_run_ledger(self.rehearsal.practice.settings)
        found = {one.source_id: one.destination_id for one in live_identities(ledger) if one.mapping == "patient"}
        ledger.engine.dispose()
        return found

    @rule(place=st.integers(0, 50))
    def edit_source(self, place: int) -> None:
        """A later delivery names another city."""
        key = sorted(self.source)[place % len(self.source)]
        self.number += 1
        self.source[key] = f"Source {self.number}"
        with open_warehouse(self.rehearsal.practice.settings.warehouse, write=True) as warehouse:
            warehouse.run(
                "UPDATE staged.patient SET city = ?, fingerprint = sha256(fingerprint) WHERE source_id = ?",
                [self.source[key], key],
            )
        self.is_due = True

    @precondition(lambda self: self.is_there)
    @rule(place=st.integers(0, 50))
    def edit_destination(self, place: int) -> None:
        """A user of the tenant writes another city."""
        known = self.known()
        if known:
            key = sorted(known)[place % len(known)]
            self._write(key, known[key])

    def _write(self, key: str, number: int) -> None:
        self.number += 1
        self.people[key] = f"Theirs {self.number}"
        self.rehearsal.admin("edit", {"entity": "contacts", "id": number, "changes": {"city": self.people[key]}})

    @rule()
    def load(self) -> None:
        """Everything is planned and loaded: a first load, a delta, or nothing at all."""
        load_once(self.rehearsal, self.world, None, is_new=True)
        self.is_there, self.is_due = True, False

    @rule(moment=st.sampled_from(MOMENTS), nth=st.integers(1, 40), edits=st.booleans(), is_new=st.booleans())
    def load_and_die(self, moment: str, nth: int, edits: bool, is_new: bool) -> None:
        """The process dies on its way, perhaps a user edits, and another one goes on, with the old plan or a new one."""
        self.weather.death = death = Death(moment, nth)
        try:
            load_once(self.rehearsal, self.world, death, is_new=True)
        except PowerCutError:
            death.bury()
        self.weather.death = None
        known = self.known()
        if edits and known:
            key = sorted(known)[nth % len(known)]
            self._write(key, known[key])
        load_once(self.rehearsal, self.world, None, is_new=is_new)
        load_once(self.rehearsal, self.world, None, is_new=True)
        self.is_there, self.is_due = True, False

    @precondition(lambda self: self.is_there)
    @rule()
    def roll_back(self) -> None:
        """What nobody touched goes, what a person changed stays."""
        with open_world(self.rehearsal, self.world) as session:
            roll_back(session)
        contacts = {one["id"]: one for one in self.rehearsal.state()["contacts"]}
        assert {one["city"] for one in contacts.values()} == set(self.people.values())
        self.is_there = False
        self.is_due = True

    @invariant()
    def the_tenant_holds_what_the_model_says(self) -> None:
        """After a load each row is there once: with what a person wrote, else with what the source says."""
        if not self.is_there or self.is_due:
            return
        cities = {one["id"]: one.get("city") for one in self.rehearsal.state()["contacts"]}
        known = self.known()
        assert sorted(cities) == sorted(known.values())
        assert {key: cities[number] for key, number in known.items()} == self.source | self.people

    @invariant()
    def the_chain_is_whole(self) -> None:
        """The audit chain verifies at every moment."""
        ledger = open_run_ledger(self.rehearsal.practice.settings)
        broken = verify(ledger)[2]
        ledger.engine.dispose()
        assert broken == []


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_edits_loads_deaths_and_rollbacks_in_any_order_end_as_the_model_says(worlds: list[World], memory: Path) -> None:
    run_state_machine_as_test(
        lambda: Cutover(worlds[-1], memory / "stateful"),
        settings=settings(
            max_examples=25 if CAMPAIGN else 3,
            stateful_step_count=10 if CAMPAIGN else 5,
            deadline=None,
            derandomize=not CAMPAIGN,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
