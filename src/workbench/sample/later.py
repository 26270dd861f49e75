"""What happened between two deliveries: rows changed, with and without a new stamp, some are new, some went away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
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
from workbench.sample.people import Office, Part, Person, give_carrier, give_phone
from workbench.sample.practices import SNAPSHOT
from workbench.sample.spellings import Numbers, phone
from workbench.sample.truth import KEPT_TIMES, Draft, export_time, folded

LATER_SNAPSHOT = datetime(2026, 3, 2, 6)
"""When the later delivery was exported, in the home zone."""
SHARES = {"changed": 0.075, "removed": 0.018, "stamped": 0.012, "news": 0.02}
"""How many of the rows seen so far changed, went away, or got a new stamp alone; and how many patients have news."""
UNSTAMPED = 5
"""One change in so many leaves modified_at as it was."""
NEWCOMERS = 60
"""One more patient for so many."""


class Later:
    """Changes the households of a first delivery into those of the next; new rows take numbers after the old ones."""

    def __init__(self, office: Office, seed: int, numbers: Numbers) -> None:
        self.office = replace(office, numbers=Numbers(numbers.last))
        self.seed = seed
        self._seen: Counter[str] = Counter()
        self._done: dict[str, Counter[str]] = {what: Counter() for what in SHARES}
        self._is_heard = False

    def remove(self, household: Household, drafts: list[Draft]) -> None:
        """Let a patient go with everything that hangs on them, and rows on which nothing hangs."""
        people = [person.draft for person in household.people]
        self._seen.update(draft.source_object for draft in (*people, *drafts))
        if len(people) == 1 and _may_leave(household.people[0].part) and self._is_due("removed", people[0]):
            self._take_away(draft for draft in (*people, *drafts) if draft is people[0] or hangs_on(draft, people[0]))
            return
        named = {name for draft in drafts for name in _named_by(draft)}
        for draft in drafts:
            if draft.removed or not self._is_due("removed", draft) or not _is_past(draft):
                continue
            if draft.source_id not in named:
                self._take_away(one for one in drafts if one is draft or hangs_on(one, draft))

    def change(self, person: Person, drafts: list[Draft]) -> None:
        """Change some rows of a person; most say when."""
        for draft in (person.draft, *drafts):
            rng = Random(f"{self.seed}:later:{draft.name}")
            is_due = self._is_due("changed", draft) or (draft is person.draft and self._is_unheard_by(person))
            moment = SNAPSHOT.replace(hour=rng.randrange(10, 17), minute=rng.randrange(60))
            if draft.removed or not draft.moves:
                continue
            if is_due and self._edit(draft, person, rng):
                self._done["changed"][draft.source_object] += 1
                if self._done["changed"][draft.source_object] % UNSTAMPED != 2:
                    draft.stamp(draft.created, moment)
            elif draft.source_object not in KEPT_TIMES and self._is_due("stamped", draft):
                self._done["stamped"][draft.source_object] += 1
                draft.stamp(draft.created, moment)

    def change_practice(self) -> None:
        """Give the last practice another phone."""
        office = self.office.practice.offices[-1]
        typed = phone(self.office.numbers.next("phone"), Random(self.seed))
        office.put("phone", typed.typed, to="phone", value=typed.value)
        office.stamp(office.created, SNAPSHOT.replace(hour=11))

    def news(self, person: Person) -> Iterator[Draft | Attachment]:
        """Yield new rows for a few patients, and for the first."""
        rng = Random(f"{self.seed}:news:{person.draft.name}")
        is_patient = person.part.role == "Patient" and person.draft.moves and person.part.route == "patient"
        if not is_patient or person.draft.removed or not self._is_due("news", person.draft):
            return
        self._done["news"][person.draft.source_object] += 1
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
        """Yield new households: one patient for so many, two at least."""
        later = Cast(self.office, self.seed, cast.patients + max(2, cast.patients // NEWCOMERS))
        later.referrers = cast.referrers
        number = cast.last
        while self.office.numbers.last["patients"] < later.patients:
            number += 1
            household = later.another(number)
            for person in household.people:  # from an office that joined: older than their first delivery
                person.draft.stamp(person.draft.created, SNAPSHOT.replace(hour=12))
            yield household

    def _is_due(self, what: str, draft: Draft) -> bool:
        """Say whether too few rows of its kind met this so far."""
        return draft.moves and self._done[what][draft.source_object] < SHARES[what] * self._seen[draft.source_object]

    def _take_away(self, drafts: Iterable[Draft]) -> None:
        for draft in drafts:
            self._done["removed"][draft.source_object] += not draft.removed
            draft.removed = True

    def _edit(self, draft: Draft, person: Person, rng: Random) -> bool:
        """Change one row if its kind and state allow; say whether it did."""
        edits = {
            "contacts": self._edit_contact,
            "cases": self._edit_case,
            "appointments": self._edit_appointment,
            "tasks": self._edit_task,
            "notes": self._edit_note,
            "attachments": self._edit_attachment,
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
        del person
        if draft.row["status"] == "Scheduled" and draft.row["starts_at"] >= export_time(LATER_SNAPSHOT):
            set_status(draft, "Confirmed", "text")
            return True
        remarks: list[str] = self.office.words["appointments"]["remarks"]
        draft.row["notes"] = rng.choice([one for one in remarks if one and one != draft.row["notes"]])
        set_status(draft, draft.row["status"], draft.row["confirmed_by"])
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

    def _edit_attachment(self, draft: Draft, person: Person, rng: Random) -> bool:
        del person, rng
        draft.row["description"] = "front and back"  # no field of the destination holds it
        return True


def hangs_on(draft: Draft, person: Draft) -> bool:
    """Say whether a row cannot be without a person."""
    return any(need is person or hangs_on(need, person) for need in draft.needs)


def _named_by(draft: Draft) -> set[str]:
    """Return rows that a row names without hanging on them: the case of an appointment, the appointment of a note."""
    about = draft.row.get("related_id", "") if draft.row.get("related_object") == "appointment" else ""
    case = draft.row.get("case_id", "") if draft.source_object == "appointments" else ""
    return {name for name in (about, case) if name}


def _may_leave(part: Part) -> bool:
    return (part.role, part.status, part.route, part.owner) == ("Patient", "Active", "patient", None)


def _is_past(draft: Draft) -> bool:
    """Say whether nothing else is decided by a row: no appointment ahead, no recall."""
    is_ahead = draft.row.get("starts_at", "") >= export_time(SNAPSHOT)
    return not is_ahead and draft.row.get("task_type") != "Recall"
