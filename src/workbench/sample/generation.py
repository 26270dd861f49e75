"""Writes a whole practice: its export, the truth beside it, and on request a later delivery."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from random import Random

from workbench.errors import ExportProblem
from workbench.sample.care import invent_appointment, invent_case, invent_recall, invent_task
from workbench.sample.casualties import MISREAD, write_casualties
from workbench.sample.delivery import DeliveryWriter, read_plan
from workbench.sample.households import FAMILIES, SINGLES, Cast, Household
from workbench.sample.later import LATER_SNAPSHOT, Later, hangs_on
from workbench.sample.papers import Attachment, invent_attachment, invent_note
from workbench.sample.people import Office, Person
from workbench.sample.practices import SNAPSHOT, Practice
from workbench.sample.spellings import Carriers, Numbers
from workbench.sample.truth import AlreadyThere, Draft, TruthWriter

DIALECTS = ("clean", "messy")
FEWEST_PATIENTS = sum(part.role == "Patient" for part in SINGLES) + 3 * len(FAMILIES)
"""Below this the people who meet every rule do not fit in."""
LAB = "P-0031"
UNSEATED = ("U012", "U013", "", "U012", "U013")
"""Owners without a seat: no e-mail, left the practice, nobody."""
ROW_PLACES = (7, 14, 16, 21, 25)
"""Which case, appointment and task they own."""
ACTIVITY_PLACES = (46, 52, 55, 58, 64)
"""Which note they wrote: places of the turn where calls, e-mails and texts stand."""


@dataclass(frozen=True)
class SampleSummary:
    """What was written where; `fates` counts the entries of truth.json by section."""

    folder: Path
    deliveries: tuple[str, ...]
    rows: dict[str, int]
    fates: dict[str, int]


@dataclass(frozen=True)
class Asked:
    """What was asked for."""

    out: Path
    seed: int
    patients: int
    dialect: str
    foreign: bool


@dataclass
class Lives:
    """What happened in one household: every row but the people and the accounts."""

    drafts: list[Draft] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)


def write_sample(
    out: Path,
    *,
    patients: int = 400,
    seed: int = 7,
    dialect: str = "clean",
    later: bool = False,
    foreign: bool = False,
) -> SampleSummary:
    """Write `out/exports/…` and `out/truth.json`; the same arguments give the same bytes.

    `foreign` adds `foreign.json`, what stands in the tenant before; the truth is then that of such a tenant, else of an
    empty one. Earlier deliveries and truth in `out` are replaced.
    """
    if dialect not in DIALECTS:
        raise ExportProblem(f"There is no dialect {dialect!r}; there are {' and '.join(DIALECTS)}.")
    if patients < 1:
        raise ExportProblem(f"A practice of {patients} patients cannot be generated; ask for 1 or more.")
    shutil.rmtree(out / "exports", ignore_errors=True)
    for name in ("truth.json", "truth_later.json", "foreign.json"):
        (out / name).unlink(missing_ok=True)
    asked = Asked(out, seed, patients, dialect, foreign)
    summary, numbers = _deliver(asked, SNAPSHOT, "truth.json")
    if later:
        summary, _ = _deliver(asked, LATER_SNAPSHOT, "truth_later.json", before=numbers)
    return summary


def _deliver(
    asked: Asked, exported_at: datetime, truth_name: str, *, before: Numbers | None = None
) -> tuple[SampleSummary, Numbers]:
    """Write one delivery; with the numbers of the one before, the same practice a day later."""
    words = tomllib.loads((files(__package__) / "wording.toml").read_text("utf-8"))
    office = Office(Practice(asked.seed), words, Carriers(), Numbers())
    later = Later(office, asked.seed, before) if before else None
    there = AlreadyThere(office.practice.companies.values()) if asked.foreign else None
    emails = {key: user.email for key, user in office.practice.users.items()}
    out, seed, patients, is_messy = asked.out, asked.seed, asked.patients, asked.dialect == "messy"
    more = (*(("rejected",) if is_messy else ()), *(("removed",) if later else ()))
    with (
        DeliveryWriter(out / "exports", exported_at, read_plan(asked.dialect), patients=patients) as delivery,
        TruthWriter(out / truth_name, seed=seed, patients=patients, emails=emails, more=more) as truth,
    ):
        if later:
            later.change_practice()
        write_practice(office, delivery, truth)
        if is_messy:
            write_casualties(office, seed, delivery, truth)
        cast = Cast(office, seed, patients)
        for household in cast.households():
            lives = live(office, household, seed)
            if there:
                there.meet(*(person.draft for person in household.people))
            if later:
                _go_on(later, household, lives)
            write_household(household, lives, delivery, truth)
        if later:
            for household in later.newcomers(cast):
                write_household(household, live(later.office, household, seed), delivery, truth)
        if is_messy:
            truth.facts = delivery.facts(MISREAD)
        if there:
            truth.facts["untouched"] = there.untouched()
    if there and not later:
        text = json.dumps({"version": 1, "records": there.records}, indent=1, ensure_ascii=False)
        (out / "foreign.json").write_text(text + "\n", "utf-8")
    deliveries = tuple(sorted(folder.name for folder in (out / "exports").iterdir()))
    return SampleSummary(out, deliveries, delivery.counts, truth.counts), office.numbers


def _go_on(later: Later, household: Household, lives: Lives) -> None:
    rows = [*lives.drafts, *(attachment.draft for attachment in lives.attachments)]
    later.remove(household, rows)
    for person in household.people:
        later.change(person, [draft for draft in rows if hangs_on(draft, person.draft)])
        for new in later.news(person):
            if isinstance(new, Attachment):
                lives.attachments.append(new)
            else:
                lives.drafts.append(new)


def write_practice(office: Office, delivery: DeliveryWriter, truth: TruthWriter) -> None:
    """Write what stands before the first patient, with notes and tasks about companies."""
    for row in office.practice.user_rows:
        delivery.write("users", row)
    for company in office.practice.companies.values():
        delivery.write_draft(company)
        truth.write(company)
    for name, row in office.practice.definitions():
        delivery.write(name, row)
    rng = Random("companies")
    for company in (*office.practice.referring, office.practice.companies[LAB]):
        note = invent_note(office, rng, company, kind=rng.choice(("General", "Phone")), author="U001")
        for draft in (note, invent_task(office, rng, None, about=company)):
            delivery.write_draft(draft)
            truth.write(draft)


def live(office: Office, household: Household, seed: int) -> Lives:
    """Invent what happened with the people of a household."""
    rng = Random(f"{seed}:lives:{household.number}")
    lives = Lives()
    for person in household.people:
        _live(office, rng, person, lives)
    return lives


def write_household(household: Household, lives: Lives, delivery: DeliveryWriter, truth: TruthWriter) -> None:
    """Write people, then what hangs on them; of what went away only truth tells."""
    for draft in (*household.accounts, *(person.draft for person in household.people), *lives.drafts):
        if not draft.removed:
            delivery.write_draft(draft)
        truth.write(draft)
    for attachment in lives.attachments:
        if not attachment.draft.removed:
            delivery.write_attachment(attachment)
        truth.write(attachment.draft)


def _live(office: Office, rng: Random, person: Person, lives: Lives) -> None:
    role, busy = person.part.role, person.part.busy
    if role == "Referring Dentist":
        lives.drafts += [invent_note(office, rng, person.draft, person=person) for _ in range(rng.randrange(3))]
        return
    if role != "Patient" and not busy:
        lives.drafts += list(_of_a_prospect(office, rng, person))
        return
    cases = [invent_case(office, rng, person, _owner(office, "cases")) for _ in range(_cases(rng, busy))]
    appointments = [
        invent_appointment(office, rng, person, owner=_owner(office, "appointments"), case=rng.choice([None, *cases]))
        for _ in range(rng.randrange(1, 5))
    ]
    if person.upcoming:
        appointments += [invent_appointment(office, rng, person, ahead=True) for _ in range(rng.randrange(1, 3))]
    lives.drafts += [*cases, *appointments]
    lives.drafts += list(_tasks(office, rng, person, cases, appointments))
    lives.drafts += list(_notes(office, rng, person, cases, appointments))
    for _ in range(rng.choice((0, 1, 1, 2)) or busy):
        about = rng.choice(cases) if cases and rng.random() < 0.4 else person.draft
        lives.attachments.append(invent_attachment(office, rng, about, person))


def _cases(rng: Random, busy: bool) -> int:
    return 2 if busy else rng.choice((0, 0, 1, 1, 1, 0, 1, 0, 2, 0))


def _of_a_prospect(office: Office, rng: Random, person: Person) -> Iterator[Draft]:
    if person.upcoming:
        yield invent_appointment(office, rng, person, ahead=True)
    for _ in range(rng.randrange(1, 4)):
        yield invent_note(office, rng, person.draft, person=person)
    yield invent_task(office, rng, person, about=person.draft)


def _tasks(
    office: Office, rng: Random, person: Person, cases: list[Draft], appointments: list[Draft]
) -> Iterator[Draft]:
    if rng.random() < 0.5:
        yield invent_recall(office, rng, person, readable=rng.random() < 0.8)
    for _ in range(rng.randrange(1, 4)):
        about = rng.choice((person.draft, rng.choice(cases or [person.draft]), rng.choice(appointments), None))
        number = office.numbers.last["tasks"] + 1
        task = invent_task(office, rng, person, about=about, owner=_owner(office, "tasks"), recurring=number % 60 == 9)
        if number % 70 == 11:
            task.delete(task.created)
        yield task


def _notes(
    office: Office, rng: Random, person: Person, cases: list[Draft], appointments: list[Draft]
) -> Iterator[Draft]:
    for _ in range(rng.randrange(4, 10)):
        about = rng.choice(cases) if cases and rng.random() < 0.3 else person.draft
        number = office.numbers.last["notes"] + 1
        about = rng.choice(appointments) if number % 40 == 15 else about
        note = invent_note(office, rng, about, person=person, author=_owner(office, "notes"))
        if number % 90 == 33:
            note.delete(note.created)
        yield note


def _owner(office: Office, what: str) -> str | None:
    """Give a handful of rows of each object, early on, to someone without a seat; None leaves it to chance."""
    places = ACTIVITY_PLACES if what == "notes" else ROW_PLACES
    number = office.numbers.last[what] + 1
    return UNSEATED[places.index(number)] if number in places else None
