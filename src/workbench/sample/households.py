"""Who comes to the practice: people written into the cast so that every rule is met, then as many more as asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from workbench.sample.people import Office, Part, Person, give_phone, invent_person, mail_name, share_email
from workbench.sample.spellings import npi, phone
from workbench.sample.truth import Draft, employer_key

DENTIST = Part(role="Referring Dentist", route="referring_dentist", company="", upcoming=False)
LEAD = Part(role="Prospect", status="Cold Prospect", route="prospect", upcoming=False)
PATIENT = Part()
HELD = Part(route="hold", upcoming=False)

# Alone in their household, in this order. Dentists come first: others name them as referrers.
SINGLES: tuple[Part, ...] = (
    replace(DENTIST, company="P-0021"),
    replace(DENTIST, company="P-0022", status="Inactive"),
    replace(DENTIST, employer="lund endodontics"),  # names one practice, in other letters
    replace(DENTIST, employer="Harbor Oral Surgery"),  # names no practice: becomes an account
    replace(DENTIST, employer="HARBOR ORAL SURGERY"),  # the same account
    replace(DENTIST, employer="Smile Specialists"),  # names two practices: held
    replace(DENTIST, company="P-0027"),  # its practice is held, the dentist is not
    replace(DENTIST),  # names no practice at all
    replace(DENTIST, company="P-0024", owner="U013"),
    LEAD,
    replace(LEAD, status="Referral Only", says="N"),
    replace(LEAD, company="", employer="Acme Logistics"),  # no practice, but an employer
    replace(LEAD, says=""),
    replace(LEAD, status="Referral Only", route="patient", upcoming=True, says=""),
    replace(LEAD, route="patient", upcoming=True, says="Y"),
    replace(LEAD, status="Active", route="hold", says="N"),
    replace(PATIENT, status="Cold Prospect", route="prospect", upcoming=False, says=""),
    replace(PATIENT, status="Cold Prospect", route="patient", upcoming=True, says=""),
    replace(PATIENT, status="Referral Only", route="prospect", upcoming=False, says="N"),
    replace(HELD, role="", busy=True),
    replace(HELD, role="Patient;Referring Dentist"),
    replace(HELD, status="Deceased", busy=True),
    replace(HELD, status="Archived", busy=True),
    replace(HELD, role="Vendor"),
    replace(HELD, role="Other"),
    Part(role="Responsible Party"),
    replace(PATIENT, owner="U012", busy=True),  # owner without e-mail
    replace(PATIENT, owner="U013", busy=True),  # owner who left
    replace(PATIENT, owner=""),  # nobody
    replace(PATIENT, deleted=True, busy=True),
    replace(PATIENT, deleted=True),
    replace(PATIENT, company=""),  # no practice: times in the home zone
    replace(PATIENT, status="Do Not Contact"),
    *(replace(PATIENT, busy=True),) * 4,
)
FAMILIES = ("guarantor", "nobody", "guarantor deceased", "oldest deleted", "other letters")
"""Planted families with one address: who keeps it differs."""


@dataclass
class Household:
    """People who come together, and an account that only their employer text names."""

    number: int
    people: list[Person]
    accounts: list[Draft] = field(default_factory=list)


@dataclass
class Referrers:
    """The referring dentists so far, and the accounts made of their employers."""

    known: list[tuple[Draft, str]] = field(default_factory=list)
    employers: dict[str, Draft] = field(default_factory=dict)

    ENOUGH = 200

    def remember(self, dentist: Draft, company: str) -> None:
        """Keep a dentist whom later people may name."""
        if dentist.moves and len(self.known) < self.ENOUGH:
            self.known.append((dentist, company))


class Cast:
    """Invents households one after the other until there are enough patients."""

    def __init__(self, office: Office, seed: int, patients: int) -> None:
        self.office = office
        self.seed = seed
        self.patients = patients
        self.referrers = Referrers()
        self.last = 0
        self._numbers = office.numbers

    def households(self) -> Iterator[Household]:
        """Yield the planted households, then the others; with `patients` rows of role Patient in all.

        A practice too small for all of the planted ones has the first of them.
        """
        for part in SINGLES:
            if part.role != "Patient" or self._numbers.last["patients"] < self.patients:
                self.last += 1
                yield self._single(self.last, part)
        for kind in FAMILIES:
            if self._numbers.last["patients"] + 3 <= self.patients:
                self.last += 1
                yield self._family(self.last, 3, kind)
        while self._numbers.last["patients"] < self.patients:
            self.last += 1
            yield self.another(self.last)

    def another(self, number: int) -> Household:
        """Return one more household: a dentist, a lead, a single patient or a family."""
        rng = Random(f"{self.seed}:kind:{number}")
        chance, left = rng.random(), self.patients - self._numbers.last["patients"]
        if chance < 0.09:
            offices = self.office.practice.referring[:4]
            names = self.office.words["new_practices"]
            company = rng.choice([*(one.source_id for one in offices), ""])
            employer = "" if company or rng.random() < 0.2 else rng.choice(names)
            return self._single(number, replace(DENTIST, company=company, employer=employer))
        if chance < 0.25:
            return self._single(number, replace(LEAD, status=rng.choice(("Cold Prospect", "Referral Only"))))
        if chance < 0.8 or left < 2:
            return self._single(number, self._usual(rng))
        return self._family(number, min(left, rng.randrange(2, 6)), rng.choice(("guarantor", "guarantor", "nobody")))

    def _usual(self, rng: Random) -> Part:
        return replace(PATIENT, status=rng.choice(("Active",) * 16 + ("Inactive", "Inactive", "New", "Do Not Contact")))

    def _single(self, number: int, part: Part) -> Household:
        rng = Random(f"{self.seed}:household:{number}")
        person = self._invent(rng, part, rng.choice(self.office.practice.offices))
        household = Household(number, [person])
        if part.role == "Referring Dentist":
            self._practise(household, person, rng)
        elif self.referrers.known and (part.route == "prospect" or rng.random() < 0.1):
            self._refer(person, rng)
        if part.deleted and not part.busy:  # merged at the source into the one before
            person.draft.row["merged_into_contact_id"] = f"C{int(person.draft.source_id[1:]) - 1}"
        return household

    def _family(self, number: int, size: int, kind: str) -> Household:
        rng = Random(f"{self.seed}:household:{number}")
        home = rng.choice(self.office.practice.offices)
        surname = rng.choice(self.office.words["last_names"])
        parts = [self._usual(rng) for _ in range(size)]
        if kind == "guarantor deceased":
            parts[0] = replace(HELD, status="Deceased")
        if kind == "oldest deleted":
            parts[0] = replace(PATIENT, deleted=True)
        people: list[Person] = []
        for part in parts:
            like = people[0].draft if people else None
            people.append(self._invent(rng, replace(part, company=None), home, surname, like))
        for person in people:
            person.draft.put("household_id", f"H{10_000 + number}", custom="cf_household_id")
            if not person.draft.row.get("phone_mobile"):
                give_phone(person.draft, "phone_mobile", phone(self._numbers.next("phone"), rng))
        address = f"{mail_name(surname)}.family{number}@{rng.choice(('example.com', 'example.org'))}"
        if kind == "oldest deleted":
            people[0].draft.stamp(datetime(2019, 2, 4, 9, 30), datetime(2025, 3, 3, 17))
        is_named = kind in ("guarantor", "guarantor deceased", "other letters")
        if is_named:
            for person in people[1:]:
                person.draft.row["guarantor_contact_id"] = people[0].draft.source_id
        arriving = [person for person in people if person.draft.moves]
        oldest = min(arriving, key=lambda person: (person.draft.created, person.draft.source_id))
        holder = people[0] if is_named and people[0] in arriving else oldest
        share_email(holder, [person for person in people if person is not holder], address)
        if kind == "other letters":
            local, _, domain = address.partition("@")
            people[-1].draft.put("email", f"{local.upper()}@{domain}", custom="cf_shared_email")
        return Household(number, people)

    def _invent(self, rng: Random, part: Part, home: Draft, surname: str = "", like: Draft | None = None) -> Person:
        if part.role == "Patient":
            self._numbers.next("patients")
        return invent_person(self.office, rng, part, home, surname=surname, like=like)

    def _practise(self, household: Household, person: Person, rng: Random) -> None:
        """Give a dentist what only dentists have, and the practice that their employer text names."""
        draft, words, part = person.draft, self.office.words, person.part
        draft.put("npi", npi(1000 + self._numbers.next("npi")) if rng.random() < 0.9 else "", custom="cf_npi")
        draft.put("specialty", rng.choice(words["specialties"]), custom="cf_specialty")
        note = rng.choice(words["referring_notes"]) if rng.random() < 0.7 else ""
        draft.put("referring_notes", note, custom="cf_referral_notes")
        draft.put("employer", part.employer, custom="cf_employer")
        companies = self.office.practice.companies
        named = [one for one in companies.values() if one.row["company_name"].lower() == part.employer.lower()]
        if part.employer and not person.company:
            if len(named) > 1:
                draft.held = "duplicate_employer"
            elif named:
                draft.links["account"] = named[0]
            else:
                draft.links["account"] = self._employer(household, person)
        company = person.company.row["company_name"] if person.company else part.employer
        self.referrers.remember(draft, company)

    def _employer(self, household: Household, person: Person) -> Draft:
        key = employer_key(person.part.employer)
        if key not in self.referrers.employers:
            account = Draft("employers", key, person.zone, owner=person.draft.owner)
            account.fields |= {"name": person.part.employer, "industry_type": "Healthcare / Dental"}
            account.custom |= {"cf_source_system_id": key, "cf_company_type": "Referring Practice"}
            self.referrers.employers[key] = account
            household.accounts.append(account)
        return self.referrers.employers[key]

    def _refer(self, person: Person, rng: Random) -> None:
        """Name the dentist who sent someone; a lead's company is theirs, else the own practice, else the employer."""
        draft = person.draft
        company = person.company.row["company_name"] if person.company else draft.row.get("employer", "")
        if rng.random() < 0.6:
            dentist, name = rng.choice(self.referrers.known)
            draft.row["referred_by_contact_id"] = dentist.source_id
            company = name or company
        if person.part.route == "prospect" and company:
            draft.custom["cf_lead_company"] = company
