"""What a messy export holds beside the usual: records to reject, rows to hold, orphans, and spellings to survive."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from workbench.sample.care import invent_appointment, invent_case, invent_task, set_task_status, set_times
from workbench.sample.delivery import DeliveryWriter
from workbench.sample.formats import HEALTHY, Wound
from workbench.sample.papers import invent_attachment, invent_note, write_body
from workbench.sample.people import Office, Part, Person, invent_person
from workbench.sample.spellings import Numbers
from workbench.sample.truth import Draft, TruthWriter

FAR = 800_000
"""Where their numbers begin: far behind those of everybody else, so that nobody else's change."""
COUNTED = ("contacts", "cases", "appointments", "tasks", "notes", "attachments", "charts", "npi")
PHONES = 11_100
"""Where their phones begin: behind the offices', before numbers repeat."""
PURGED = "C090001"
"""A patient whom the office deleted for good; notes still name them."""

RAGGED = "{} values under a header of {}"
NEVER_CLOSED = "an opening quote is never closed"
NOT_DOUBLED = "a quote inside a quoted value is not doubled"
BLANK_KEY = "its key is blank"
DAMAGED_KEY = "its key was damaged by a spreadsheet"
SEVERAL_RECORDS = "its key names several different records"
AGAIN = "the same record again: kept once"

STRANGERS: tuple[Part, ...] = (
    Part(role="Pt", status="DNC"),
    Part(role="PATIENT ", status="active"),
    Part(role="Guarantor"),
    Part(role="Ref. Dentist", status="Ref Only", route="referring_dentist", company="P-0021"),
    Part(role="Referring DDS", route="referring_dentist", company="P-0024"),
    Part(role="Lead", status="COLD", route="prospect"),
    Part(role="Prospect", status="Cold  Prospect", route="prospect"),
    Part(role="Patient", status="Non-Patient", route="hold"),
)
"""Roles and statuses as front desks type them."""
TWICE_CODED = {"first_name": "JosÃ©", "last_name": "NuÃ±ez", "preferred_name": "ZoÃ«"}
"""Names that were read as cp1252 and written as UTF-8: kept as they are typed."""


@dataclass(frozen=True)
class Copy:
    """One record as it is written; with a reason it is rejected, and `key` is what can be read of its key."""

    changes: Mapping[str, str] = field(default_factory=dict)
    wound: Wound = HEALTHY
    reason: str = ""
    key: str | None = None
    part: int | None = None


@dataclass(frozen=True)
class Casualty:
    """A row and every record that is written of it."""

    draft: Draft
    copies: tuple[Copy, ...] = (Copy(),)


UNRESOLVED = (Copy(wound=Wound(spared=("related_id",))),)
"""A link to a record that is not there cannot be brought to the spelling of its key."""
MISREAD = {"contacts.first_name": 1, "contacts.last_name": 1, "contacts.preferred_name": 1, "notes.body": 1}
"""How many values of a column were read as cp1252 and written as UTF-8."""


def write_casualties(office: Office, seed: int, delivery: DeliveryWriter, truth: TruthWriter) -> None:
    """Write every row that meets trouble, with its fate, and a file that no row names."""
    start = dict.fromkeys(COUNTED, FAR) | {"phone": PHONES}
    rng = Random(f"{seed}:casualties")
    apart = replace(office, numbers=Numbers(Counter(start)))
    for casualty in _all(apart, rng, delivery):
        draft = casualty.draft
        if all(copy.reason for copy in casualty.copies):
            draft.rejected = casualty.copies[0].reason
        for copy in casualty.copies:
            row = draft.row | dict(copy.changes)
            place = delivery.write(draft.source_object, row, copy.wound, part=copy.part)
            if copy.reason:
                truth.reject(
                    draft.source_object, copy.key, place.file, (place.first_line, place.last_line), copy.reason
                )
        truth.write(draft)
    delivery.write_file("attachments/0000/unlisted.pdf", b"%PDF-1.4\nno row names this file\n")


def _all(office: Office, rng: Random, delivery: DeliveryWriter) -> Iterator[Casualty]:
    person = _person(office, rng, Part(busy=True))
    person.draft.put("last_name", 'O"Brien', to="last_name")
    yield Casualty(person.draft, (Copy(wound=Wound(raw={"last_name": 'O"Brien'}), part=0),))
    yield from _people(office, rng)
    for recall in delivery.plan.recalls:
        yield from _recalled(office, rng, recall["text"], recall["found"])
    yield from _appointments(office, rng, person)
    yield from _tasks(office, rng, person)
    yield from _cases(office, rng, person)
    yield from _notes(office, rng, person)
    yield from _files(office, rng, person, delivery)


def _person(office: Office, rng: Random, part: Part) -> Person:
    return invent_person(office, rng, replace(part, upcoming=False), rng.choice(office.practice.offices))


def _people(office: Office, rng: Random) -> Iterator[Casualty]:
    for part in STRANGERS:
        stranger = _person(office, rng, part)
        if part.route == "prospect" and stranger.company:
            stranger.draft.custom["cf_lead_company"] = stranger.company.row["company_name"]
        yield Casualty(stranger.draft)
    accented = _person(office, rng, Part())
    accented.draft.put("last_name", "Núñez", to="last_name")
    yield Casualty(accented.draft, (Copy(part=1),))
    for column, typed in TWICE_CODED.items():
        misread = _person(office, rng, Part())
        to, custom = ("", f"cf_{column}") if column.startswith("preferred") else (column, "")
        misread.draft.put(column, typed, to=to, custom=custom)
        misread.draft.put("phone_home", "5.03364E+09", to="phone_numbers", value="")
        yield Casualty(misread.draft, (Copy(part=2),))
    again = _person(office, rng, Part()).draft
    yield Casualty(again, (Copy(part=0), Copy(part=1, reason=AGAIN, key=again.source_id)))
    twins = _person(office, rng, Part())
    one = Copy(part=0, reason=SEVERAL_RECORDS, key=twins.draft.source_id)
    other = replace(one, part=1, changes={"first_name": "Thomasina", "cf_chart_number": "A10001"})
    yield Casualty(twins.draft, (one, other))
    yield Casualty(invent_note(office, rng, twins.draft, person=twins, kind="General"), UNRESOLVED)
    yield Casualty(invent_task(office, rng, twins, about=twins.draft), UNRESOLVED)


def _recalled(office: Office, rng: Random, text: str, found: Mapping[str, str]) -> Iterator[Casualty]:
    person = _person(office, rng, Part())
    person.draft.custom |= found
    yield Casualty(person.draft)
    task = invent_task(office, rng, person, about=person.draft)
    task.put("subject", "Recall", to="title")
    task.put("task_type", "Recall", to="task_type")
    task.row["description"] = text
    over = task.row["completed_at"]
    set_task_status(task, task.row["status"], datetime.fromisoformat(over) if over else None)
    yield Casualty(task)


def _appointments(office: Office, rng: Random, person: Person) -> Iterator[Casualty]:
    yield _rejected(invent_appointment(office, rng, person), RAGGED.format(21, 22), Wound(lost="operatory"))
    blank = invent_appointment(office, rng, person)
    yield Casualty(blank, (Copy({"appointment_id": ""}, reason=BLANK_KEY),))
    someday = invent_appointment(office, rng, person)
    someday.row |= {"starts_at": "next Tues", "ends_at": "", "duration_minutes": "30"}
    someday.held = "time"
    yield Casualty(someday)
    backwards = invent_appointment(office, rng, person)
    set_times(backwards, datetime(2025, 3, 18, 10), -60, by_duration=False)
    backwards.held = "end_before_start"
    yield Casualty(backwards)


def _tasks(office: Office, rng: Random, person: Person) -> Iterator[Casualty]:
    torn, again, quoted, sound, number = [invent_task(office, rng, person, about=person.draft) for _ in range(5)]
    for draft in (torn, quoted):
        draft.row["description"] = "One line that says it all."
    number.row["description"] = "This one\nstands on two lines."
    yield _rejected(torn, RAGGED.format(19, 18), Wound(torn="description"))
    yield Casualty(again, (Copy(), Copy(reason=AGAIN, key=again.source_id)))
    yield _rejected(quoted, NOT_DOUBLED, Wound(raw={"subject": '"Call "Bob" back"'}))
    yield Casualty(sound)
    yield _rejected(number, DAMAGED_KEY, Wound(raw={"task_id": '"3.00123E+05"'}), key=None)


def _cases(office: Office, rng: Random, person: Person) -> Iterator[Casualty]:
    gone, undecided, refund, minus, computed = [invent_case(office, rng, person) for _ in range(5)]
    yield _rejected(gone, DAMAGED_KEY, Wound(formulas={"case_id": ("=#REF!", "#REF!")}), key=None)
    undecided.row["case_value"] = "TBD"
    undecided.held = "amount"
    yield Casualty(undecided)
    yield Casualty(invent_note(office, rng, undecided, person=person, kind="Financial"))
    for draft, typed in ((refund, "(45.00)"), (minus, "45.00-")):
        draft.put("amount_paid", typed, custom="cf_amount_paid", value="-45.00")
        yield Casualty(draft)
    computed.put("insurance_estimate", "500.00", custom="cf_insurance_estimate")
    formulas: dict[str, tuple[str, float | str]] = {
        "insurance_estimate": ("=250+250", 500),
        "treating_user_id": ("=NA()", "#N/A"),
    }
    yield Casualty(computed, (Copy(wound=Wound(formulas=formulas)),))


def _notes(office: Office, rng: Random, person: Person) -> Iterator[Casualty]:
    def note(*lines: str, about: Draft = person.draft) -> Draft:
        draft = invent_note(office, rng, about, person=person, kind="General")
        write_body(draft, list(lines), 0)
        return draft

    open_ended = Wound(raw={"body": '"Called about the crown; will call again'})
    yield _rejected(note("Called about the crown; will call again"), NEVER_CLOSED, open_ended)
    yield Casualty(note("This one stands right behind a quote that nobody closed."))
    yield Casualty(note("First page of the letter.\fSecond page of the letter."))
    yield Casualty(note("TrÃ¨s gentille, a little nervous."))
    purged = Draft("contacts", PURGED, person.zone, rejected="purged")
    for line in ("Wants to come back.", "Moved away."):
        yield Casualty(note(line, about=purged), UNRESOLVED)


def _files(office: Office, rng: Random, person: Person, delivery: DeliveryWriter) -> Iterator[Casualty]:
    missing, empty, climbing = [invent_attachment(office, rng, person.draft, person).draft for _ in range(3)]
    missing.held = "no_file"
    yield Casualty(missing)
    empty.row |= {"size_bytes": "0", "sha256": hashlib.sha256(b"").hexdigest()}
    empty.held = "empty_file"
    delivery.write_file(empty.row["relative_path"], b"")
    yield Casualty(empty)
    climbing.row["relative_path"] = f"..\\..\\front-desk\\{climbing.source_id}.pdf"
    climbing.held = "climbing_path"
    yield Casualty(climbing)


def _rejected(draft: Draft, reason: str, wound: Wound, key: str | None = "") -> Casualty:
    """Return a row whose only record is rejected; its key can be read unless that is None."""
    return Casualty(draft, (Copy(wound=wound, reason=reason, key=draft.source_id if key == "" else key),))
