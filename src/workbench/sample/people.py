"""People of the practice: each invented whole, then typed the way a front desk types."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from workbench.sample.practices import LAST_CHANGE, Practice, workday
from workbench.sample.spellings import Carriers, Numbers, Spelling, phone
from workbench.sample.truth import Draft, written_day

STAGES = {"patient": "Customer", "prospect": "Lead", "referring_dentist": "Referring Dentist"}
FLAGS = {"Y": "Yes", "N": "No", "": "Not recorded"}
PLACES = {"city": "city", "state": "state", "zip": "zipcode", "country": "country"}
"""Columns of a place, and the fields they go to."""
MAIL_DOMAINS = ("example.com", "example.org", "example.net")


@dataclass(frozen=True)
class Part:
    """What is decided about a person before they are invented; the rest is chance."""

    role: str = "Patient"
    status: str = "Active"
    route: str = "patient"  # patient, prospect, referring_dentist or hold
    upcoming: bool | None = None  # has an appointment ahead; None: chance
    says: str | None = None  # has_scheduled_appointment as typed; None: Y, N or blank, never wrong
    owner: str | None = None  # None: someone with a seat
    company: str | None = None  # None: the household's practice
    employer: str = ""
    deleted: bool = False
    busy: bool = False  # has rows of every object hanging on them


@dataclass
class Person:
    """An invented person with what their other rows need to know."""

    part: Part
    draft: Draft
    zone: str
    company: Draft | None
    carrier: Spelling
    upcoming: bool
    children: list[Draft] = field(default_factory=list)

    @property
    def surname(self) -> str:
        """The last name."""
        return self.draft.row["last_name"]


@dataclass(frozen=True)
class Office:
    """What inventing needs at hand: the practice, words, carriers, counters, and how much has happened."""

    practice: Practice
    words: dict[str, Any]
    carriers: Carriers
    numbers: Numbers


def invent_person(
    office: Office, rng: Random, part: Part, home: Draft, *, surname: str = "", like: Draft | None = None
) -> Person:
    """Invent one person of a household; `like` shares its address."""
    practice, words, numbers = office.practice, office.words, office.numbers
    number = numbers.next("contacts")
    company = home if part.company is None else practice.companies.get(part.company)
    zone = practice.zone_of(company)
    draft = Draft("contacts", f"C{100000 + number}", zone)
    is_dentist = part.route == "referring_dentist" or part.role == "Referring Dentist"
    draft.row |= {"contact_id": draft.source_id, "lifecycle_role": part.role}
    draft.put("status", part.status, custom="cf_status")
    _name(draft, rng, words, surname, is_dentist=is_dentist)
    _reach(draft, rng, numbers, number, is_dentist=is_dentist)
    _live(draft, rng, words, company or home, like)
    _consent(draft, rng, part)
    if company:
        draft.row["company_id"] = company.source_id
        draft.links["account"] = company
    works = rng.choice(words["employers"]) if rng.random() < 0.2 else ""
    draft.put("employer", part.employer or works, custom="cf_employer")
    job = "Dentist" if is_dentist else rng.choice(words["jobs"]) if rng.random() < 0.4 else ""
    draft.put("job_title", job, to="job_title")
    draft.fields["lifecycle_stage"] = STAGES.get(part.route, "")
    draft.custom["cf_referrer"] = is_dentist
    created = workday(rng, datetime(2019, 3, 4), datetime(2025, 12, 1))
    draft.stamp(created, workday(rng, created + timedelta(days=1), LAST_CHANGE))
    upcoming = rng.random() < 0.4 if part.upcoming is None else part.upcoming
    said = rng.choice(("", "Y" if upcoming else "N")) if part.says is None else part.says
    draft.row["has_scheduled_appointment"] = "" if is_dentist else said
    practice.own(draft, practice.anyone(rng) if part.owner is None else part.owner)
    draft.row["primary_provider_user_id"] = "" if is_dentist else practice.anyone(rng, "Dentist")
    if part.route == "hold":
        draft.held = "route"
    if part.deleted:
        draft.delete(workday(rng, datetime(2026, 1, 5), LAST_CHANGE))
    carrier = Spelling("", "") if is_dentist else _insure(office, draft, rng)
    return Person(part, draft, zone, company, carrier, upcoming)


def share_email(holder: Person, others: list[Person], address: str) -> None:
    """Give a family one address: the holder keeps it, the others carry it as text and are reached by phone."""
    holder.draft.put("email", address, to="email")
    for person in others:
        person.draft.fields.pop("email", None)
        person.draft.put("email", address, custom="cf_shared_email")
        second = person.draft.fields.pop("emails_more", None)
        if second:  # Freshsales takes the first address of a contact for the main one
            person.draft.fields["email"] = second[0]


def give_carrier(
    draft: Draft, carrier: Spelling, column: str = "cf_insurance_carrier", custom: str = "cf_insurance_carrier"
) -> None:
    """Write a carrier as typed beside the payer it names; one that only people know may stay open."""
    draft.put(column, carrier.typed, custom=custom, value=carrier.value)
    draft.open.pop(custom, None)
    if carrier.is_open:
        draft.open[custom] = carrier.typed


def give_phone(draft: Draft, column: str, typed: Spelling) -> None:
    """Write a phone as typed beside the number it means."""
    to = {"phone_mobile": "mobile_number", "phone_work": "work_number"}.get(column, "phone_numbers")
    is_list = to == "phone_numbers"
    draft.put(column, typed.typed, to=to, value=[{"label": "Home", "value": typed.value}] if is_list else typed.value)


def mail_name(*names: str) -> str:
    """Spell names the way they stand in an address."""
    plain = unicodedata.normalize("NFKD", ".".join(names)).encode("ascii", "ignore").decode()
    return "".join(sign for sign in plain.lower() if sign.isalnum() or sign in ".-")


def _name(draft: Draft, rng: Random, words: dict[str, Any], surname: str, *, is_dentist: bool) -> None:
    first = rng.choice(words["first_names"])
    draft.put("first_name", first, to="first_name")
    draft.put("last_name", surname or rng.choice(words["last_names"]), to="last_name")
    draft.put("title", "Dr." if is_dentist else rng.choice(("", "", "", "Mr.", "Ms.")), custom="cf_title")
    draft.put("middle_name", rng.choice("ABEJLMRT") if rng.random() < 0.3 else "", custom="cf_middle_name")
    suffix = rng.choice(("DDS", "DMD")) if is_dentist else "Jr." if rng.random() < 0.03 else ""
    draft.put("suffix", suffix, custom="cf_suffix")
    draft.put("preferred_name", first[:3] if rng.random() < 0.1 else "", custom="cf_preferred_name")
    draft.put("gender", rng.choice(("F", "M", "F", "M", "F", "M", "Other", "Unknown")), custom="cf_gender")
    draft.put("language", "" if is_dentist else rng.choice(words["languages"]), custom="cf_language")
    born = None if is_dentist else date(1938, 1, 1) + timedelta(days=rng.randrange(31_000))
    draft.put("date_of_birth", written_day(born), custom="cf_date_of_birth")


def _reach(draft: Draft, rng: Random, numbers: Numbers, number: int, *, is_dentist: bool) -> None:
    address = f"{mail_name(draft.row['first_name'], draft.row['last_name'])}{number}@{rng.choice(MAIL_DOMAINS)}"
    draft.put("email", address if rng.random() < 0.9 else "", to="email")
    has_second = rng.random() < 0.08 and draft.row["email"]
    second = f"{mail_name(draft.row['last_name'])}.{number}@mail.example.com" if has_second else ""
    draft.put("email2", second, to="emails_more", value=[second] if second else "")
    # Someone with neither address nor mobile or work number could not be told apart in the tenant.
    mobile = not is_dentist and (not draft.row["email"] or rng.random() < 0.85)
    has = {"phone_mobile": mobile, "phone_home": rng.random() < 0.3, "phone_work": is_dentist or rng.random() < 0.15}
    if not draft.row["email"] and not mobile:
        has["phone_work"] = True
    for column, is_given in has.items():
        if is_given:
            give_phone(draft, column, phone(numbers.next("phone"), rng))


def _live(draft: Draft, rng: Random, words: dict[str, Any], near: Draft, like: Draft | None) -> None:
    columns = {"address_line1": "", "address_line2": ""} | PLACES
    if like:
        cells = {column: like.row[column] for column in columns}
    else:
        cells = {column: near.row[column] for column in columns}
        cells["address_line1"] = f"{rng.randrange(10, 4200)} {rng.choice(words['streets'])}"
        cells["address_line2"] = rng.choice(words["units"]) if rng.random() < 0.2 else ""
    for column, to in columns.items():
        draft.put(column, cells[column], to=to)
    lines = [cells["address_line1"], cells["address_line2"]]
    draft.put("address_line1", lines[0], to="address", value=", ".join(line for line in lines if line))


def _consent(draft: Draft, rng: Random, part: Part) -> None:
    silent = "Y" if part.status == "Do Not Contact" else rng.choice(("N", "N", "N", ""))
    mail = rng.choice(("Y", "Y", "Y", "N", ""))
    draft.row |= {"do_not_contact": silent, "consent_email": mail}
    refuses = silent == "Y" or mail == "N"
    draft.fields["subscription_status"] = 0 if refuses else 1 if mail == "Y" else 2
    draft.put("consent_text", rng.choice(("Y", "N", "")), custom="cf_consent_text")
    draft.put("preferred_channel", rng.choice(("Email", "Text", "Phone", "Mail", "")), custom="cf_preferred_channel")


def _insure(office: Office, draft: Draft, rng: Random) -> Spelling:
    numbers, carriers = office.numbers, office.carriers
    draft.put("cf_chart_number", f"{rng.choice('ABCM')}{numbers.next('charts') + 20_000}", custom="cf_chart_number")
    flag = rng.choice(("Y", "N", "N", ""))
    draft.put("cf_drug_interaction_flag", flag, custom="cf_drug_interaction_flag", value=FLAGS[flag])
    draft.row["cf_medical_alert"] = rng.choice(office.words["alerts"]) if rng.random() < 0.12 else ""
    source = rng.choice(office.words["referral_sources"]) if rng.random() < 0.4 else ""
    draft.put("referral_source", source, custom="cf_referral_source")
    visited = workday(rng, datetime(2024, 1, 8), LAST_CHANGE) if rng.random() < 0.7 else None
    draft.put("cf_last_visit", written_day(visited.date() if visited else None), custom="cf_last_visit")
    due = date(2026, 3, 9) + timedelta(days=rng.randrange(300)) if visited and rng.random() < 0.5 else None
    draft.put("cf_next_recall", written_day(due), custom="cf_recall_due")
    draft.put("cf_recall_interval", rng.choice(("6m", "3m", "4m", "12m")) if due else "", custom="cf_recall_interval")
    if rng.random() < 0.12:
        return Spelling("", "")
    carrier = carriers.pick(numbers.next("carriers"), rng)
    give_carrier(draft, carrier)
    if carrier.value:
        plan = rng.choice(("PPO", "PPO", "DHMO/DMO", "Indemnity", "Medicaid", ""))
        draft.put("cf_plan_type", plan, custom="cf_plan_type")
        draft.row |= {
            "cf_member_id": f"W{rng.randrange(10**8):08d}",
            "cf_group_number": f"{rng.randrange(10**5):05d}",
            "cf_subscriber_relation": rng.choice(("Self", "Spouse", "Child")),
            "cf_subscriber_dob": (date(1950, 1, 1) + timedelta(days=rng.randrange(18_000))).isoformat(),
        }
        if rng.random() < 0.08:
            second = carriers.typed_as(rng.choice(("exact", "normalised")), rng.choice(carriers.canonical), rng)
            give_carrier(draft, second, "cf_insurance_carrier_secondary", "cf_secondary_carrier")
    return carrier
