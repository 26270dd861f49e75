"""What happened between two deliveries: about one row in a hundred changed, some are new, none went away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from random import Random

from workbench.sample.care import (
    OVER,
    invent_appointment,
    invent_case,
    invent_task,
    place_in_stage,
    set_status,
    set_task_status,
)
from workbench.sample.households import Cast, Household
from workbench.sample.papers import ACTIVITIES, Attachment, invent_attachment, invent_note
from workbench.sample.people import Office, Person, give_carrier, give_phone
from workbench.sample.practices import SNAPSHOT
from workbench.sample.spellings import Numbers, phone
from workbench.sample.truth import Draft, export_time, folded

LATER_SNAPSHOT = datetime(2026, 3, 2, 6)
"""When the later delivery was exported, in the home zone."""
SHARE = 0.01
"""How many people have news."""
SHARES = {"contacts": 0.01, "cases": 0.02, "appointments": 0.1, "tasks": 0.03, "notes": 0.02}
"""How many of the rows that can change do: an appointment only while it is ahead, a task until it is done."""


class Later:
    """Changes the households of a first delivery into those of the next; new rows take numbers after the old ones."""

    def __init__(self, office: Office, seed: int, numbers: Numbers) -> None:
        self.office = replace(office, numbers=Numbers(numbers.last))
        self.seed = seed
        self._changed: set[str] = set()
        self._has_news = False
        self._is_heard = False

    def change(self, person: Person, drafts: list[Draft]) -> None:
        """Change one row in a hundred of a person, and the first of every object that can."""
        for draft in (person.draft, *drafts):
            rng = Random(f"{self.seed}:later:{draft.name}")
            is_first = draft.source_object not in self._changed or (
                draft is person.draft and self._is_unheard_by(person)
            )
            is_due = rng.random() < SHARES[draft.source_object] or is_first
            if is_due and draft.moves and self._edit(draft, person, rng):
                self._changed.add(draft.source_object)
                draft.stamp(draft.created, SNAPSHOT.replace(hour=rng.randrange(10, 17), minute=rng.randrange(60)))

    def change_practice(self) -> None:
        """Give the last practice another phone."""
        office = self.office.practice.offices[-1]
        typed = phone(self.office.numbers.next("phone"), Random(self.seed))
        office.put("phone", typed.typed, to="phone", value=typed.value)
        office.stamp(office.created, SNAPSHOT.replace(hour=11))

    def news(self, person: Person) -> Iterator[Draft | Attachment]:
        """Yield new rows for one patient in a hundred, and for the first."""
        rng = Random(f"{self.seed}:news:{person.draft.name}")
        is_patient = person.part.role == "Patient" and person.draft.moves and person.part.route == "patient"
        if not is_patient or (self._has_news and rng.random() >= SHARE):
            return
        self._has_news = True
        case = invent_case(self.office, rng, person)
        rows = [
            case,
            invent_appointment(self.office, rng, person, ahead=True) if person.upcoming else None,
            invent_task(self.office, rng, person, about=case),
            invent_note(self.office, rng, person.draft, person=person),
            invent_note(self.office, rng, case, person=person),
        ]
        for row in filter(None, rows):
            row.stamp(*[SNAPSHOT.replace(hour=rng.randrange(10, 17), minute=rng.randrange(60))] * 2)
            yield row
        yield invent_attachment(self.office, rng, person.draft, person)

    def newcomers(self, cast: Cast) -> Iterator[Household]:
        """Yield new households: one patient in two hundred, two at least."""
        later = Cast(self.office, self.seed, cast.patients + max(2, cast.patients // 200))
        later.referrers = cast.referrers
        number = cast.last
        while self.office.numbers.last["patients"] < later.patients:
            number += 1
            household = later.another(number)
            for person in household.people:  # from an office that joined: older than their first delivery
                person.draft.stamp(person.draft.created, SNAPSHOT.replace(hour=12))
            yield household

    def _edit(self, draft: Draft, person: Person, rng: Random) -> bool:
        """Change one row if its kind and state allow; say whether it did."""
        edits = {
            "contacts": self._edit_contact,
            "cases": self._edit_case,
            "appointments": self._edit_appointment,
            "tasks": self._edit_task,
            "notes": self._edit_note,
        }
        edit = edits.get(draft.source_object)
        return bool(edit and edit(draft, person, rng))

    def _edit_contact(self, draft: Draft, person: Person, rng: Random) -> bool:
        if self._is_unheard_by(person):
            self._is_heard = True
            give_carrier(draft, self.office.carriers.unheard())
        elif person.carrier.value and rng.random() < 0.5:
            give_carrier(draft, self.office.carriers.typed_as("exact", rng.choice(self.office.carriers.canonical), rng))
        else:
            give_phone(draft, "phone_mobile", phone(self.office.numbers.next("phone"), rng))
        return True

    def _is_unheard_by(self, person: Person) -> bool:
        return bool(person.carrier.value) and not self._is_heard

    def _edit_case(self, draft: Draft, person: Person, rng: Random) -> bool:
        del person
        stages = self.office.practice.stages[draft.row["pipeline_id"]]
        names = [stage.name for stage in stages]
        old = stages[names.index(draft.row["stage_name"])]
        if old.outcome != "open":
            return False
        new = stages[names.index(old.name) + 1]
        place_in_stage(draft, new, rng)
        closed = f"{SNAPSHOT:%Y-%m-%d}" if new.outcome == "won" else ""
        draft.put("closed_date", closed, to="closed_date")
        return True

    def _edit_appointment(self, draft: Draft, person: Person, rng: Random) -> bool:
        del person, rng
        if draft.row["status"] != "Scheduled" or draft.row["starts_at"] < export_time(LATER_SNAPSHOT):
            return False
        set_status(draft, "Confirmed", "text")
        return True

    def _edit_task(self, draft: Draft, person: Person, rng: Random) -> bool:
        del person
        if draft.row["status"] in OVER:
            return False
        set_task_status(draft, "Done", SNAPSHOT.replace(hour=rng.randrange(10, 17)))
        return True

    def _edit_note(self, draft: Draft, person: Person, rng: Random) -> bool:
        del person
        if draft.row["body_format"] != "plain" or draft.row["note_type"] in ACTIVITIES:
            return False
        draft.row["body"] += "\n" + rng.choice(self.office.words["notes"]["more"])
        draft.fields["text"] = folded(draft.row["body"])
        return True
