"""What is done for one person: treatment cases, appointments and tasks, recall text in tasks as offices type it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from workbench.sample.people import Office, Person, give_carrier
from workbench.sample.practices import LAST_CHANGE, Stage, workday
from workbench.sample.spellings import CLAIMS, ada_codes
from workbench.sample.truth import Draft, export_time, folded, iso_time, written_day

KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[int, int]]] = {
    "PL1": (("Crown", "Bridge", "Fillings"), ("D2740", "D2950", "D2392", "D2160", "D0220", "D6240"), (400, 3800)),
    "PL2": (("Aligners", "Braces", "Retainer"), ("D8080", "D8090", "D8670", "D8680", "D0340"), (1800, 6900)),
    "PL3": (("SRP", "Perio surgery", "Gum graft"), ("D4341", "D4910", "D4260", "D4273", "D0180"), (350, 2900)),
    "PL4": (("Implant", "Extractions", "Wisdom teeth"), ("D6010", "D6057", "D7240", "D7140", "D7953"), (300, 5200)),
}
"""What each pipeline treats: names, a handful of procedure codes, and the range of prices."""
UNSENT = {"Consult", "Evaluation", "Records", "Presented", "Declined"}
"""Stages before anything is billed."""
LOST_REASONS = ("cost", "moved", "insurance", "other provider")
RAILS_ZONES = {"America/Chicago": "Central Time (US & Canada)", "America/New_York": "Eastern Time (US & Canada)"}
RECALLS = (("prophy", "Prophy"), ("PERIO MAINT", "Perio maintenance"), ("child prophy", "Child prophy"))
"""Recall types as typed, and what they mean."""
INTERVALS = (3, 4, 6, 12)
OVER = {"Done", "Cancelled"}


def invent_case(office: Office, rng: Random, person: Person, owner: str | None = None) -> Draft:
    """Invent one treatment case of a person."""
    practice, number = office.practice, office.numbers.next("cases")
    draft = Draft("cases", f"T-{20_000 + number}", person.zone)
    pipeline = list(KINDS)[number % 4] if number < 9 else rng.choices(list(KINDS), (5, 2, 2, 2))[0]
    names, codes, prices = KINDS[pipeline]
    stages = practice.stages[pipeline]
    stage = stages[number % len(stages)]
    created = workday(rng, max(person.draft.created, datetime(2023, 1, 2)), datetime(2025, 12, 19))
    draft.stamp(created, workday(rng, created + timedelta(days=1), LAST_CHANGE))
    tooth = str(rng.randrange(1, 33))
    ending = rng.choice((f" #{tooth}", f" – {person.surname}", ", upper & lower", ""))
    draft.row |= {"case_id": draft.source_id, "case_type": practice.pipelines[pipeline], "pipeline_id": pipeline}
    draft.put("case_name", rng.choice(names) + ending, to="name")
    draft.fields["deal_pipeline"] = practice.pipelines[pipeline]
    place_in_stage(draft, stage, rng, by_name_only=number % 9 == 4)
    draft.row["contact_id"] = person.draft.source_id
    draft.links["contact"] = person.draft
    draft.needs.append(person.draft)
    if person.company:
        draft.row["company_id"] = person.company.source_id
        draft.links["account"] = person.company
    _price(draft, rng, prices, insured=bool(person.carrier.typed))
    few = rng.sample(codes, rng.randrange(1, 4))
    typed = ada_codes(few, number, rng)
    draft.put("cf_ada_codes", typed.typed, custom="cf_ada_codes", value=typed.value)
    if not typed.value:
        draft.custom["cf_ada_codes_unread"] = typed.typed
    draft.put("cf_teeth", tooth if pipeline != "PL2" else "", custom="cf_teeth")
    draft.put("cf_surfaces", rng.choice(("MO", "DO", "MOD", "")) if pipeline == "PL1" else "", custom="cf_surfaces")
    draft.put("cf_quadrant", rng.choice(("UR", "UL", "LR", "LL", "")), custom="cf_quadrant")
    draft.put("source", rng.choice(("Web", "Referral", "Walk-in", "")), custom="cf_source")
    _days(draft, rng, stage, created.date())
    if person.carrier.typed:
        carrier = person.carrier
        if number % 10 == 6:  # another plan than the patient's own
            carrier = office.carriers.pick(office.numbers.next("carriers"), rng)
        give_carrier(draft, carrier)
        if carrier.value and stage.name not in UNSENT and person.draft.moves:
            _claim(office, draft, rng, created.date())
    draft.row["treating_user_id"] = practice.anyone(rng, "Dentist")
    draft.row["referred_by_contact_id"] = person.draft.row.get("referred_by_contact_id", "")
    practice.own(draft, practice.anyone(rng) if owner is None else owner)
    return draft


def place_in_stage(draft: Draft, stage: Stage, rng: Random, *, by_name_only: bool = False) -> None:
    """Put a case into a stage; some exports give only the stage's name. Lost cases say why."""
    draft.row["stage_id"] = "" if by_name_only else stage.stage_id
    draft.put("stage_name", stage.name, to="deal_stage")
    draft.put("lost_reason", rng.choice(LOST_REASONS) if stage.outcome == "lost" else "", custom="cf_lost_reason")


def _price(draft: Draft, rng: Random, prices: tuple[int, int], *, insured: bool) -> None:
    value = rng.randrange(prices[0] * 100, prices[1] * 100, 50)
    estimate = value * rng.choice((30, 50, 60, 80)) // 100 if insured else 0
    paid = rng.choice((0, 0, value - estimate, (value - estimate) // 2))
    draft.put("case_value", _money(value), to="amount")
    draft.put("insurance_estimate", _money(estimate) if insured else "", custom="cf_insurance_estimate")
    draft.put("patient_portion", _money(value - estimate), custom="cf_patient_portion")
    draft.put("amount_paid", _money(paid) if paid else "", custom="cf_amount_paid")


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _days(draft: Draft, rng: Random, stage: Stage, begun: date) -> None:
    presented = begun + timedelta(days=rng.randrange(1, 15))
    accepted = presented + timedelta(days=rng.randrange(0, 20))
    is_over, is_early = stage.outcome in ("won", "lost"), stage.name in UNSENT
    closed = min(accepted + timedelta(days=rng.randrange(5, 120)), LAST_CHANGE.date()) if is_over else None
    # Dental-Exec keeps the day on which a case was closed before someone opened it again.
    stale = presented if not is_over and rng.random() < 0.05 else None
    draft.put("presented_at", written_day(presented), custom="cf_presented_at")
    draft.put("accepted_at", "" if is_early else written_day(accepted), custom="cf_accepted_at")
    draft.put("closed_date", written_day(closed or stale), to="closed_date", value=written_day(closed))
    expected = accepted + timedelta(days=rng.randrange(20, 160)) if rng.random() < 0.85 else None
    draft.put("expected_close_date", written_day(expected), to="expected_close")
    asked = f"PA{rng.randrange(10**6):06d}" if "auth" in stage.name else ""
    draft.put("cf_preauth_number", asked, custom="cf_preauth_number")


def _claim(office: Office, draft: Draft, rng: Random, begun: date) -> None:
    """Write the claim's status, and the days it went through in their order."""
    typed, status = CLAIMS[(office.numbers.next("claims") - 1) % len(CLAIMS)]
    draft.put("cf_claim_status", typed, custom="cf_claim_status", value=status)
    if not status:
        return
    draft.put("cf_claim_number", f"CL{rng.randrange(10**8):08d}", custom="cf_claim_number")
    path = {
        "Submitted": ("submitted",),
        "Pending": ("submitted", "pending"),
        "Paid": ("submitted", "pending", "paid"),
        "Denied": ("submitted", "pending", "denied"),
        "Appeal": ("submitted", "pending", "denied", "appealed"),
    }[status]
    day = begun
    for step in path:
        day += timedelta(days=rng.randrange(2, 15))
        draft.put(f"cf_claim_{step}_on", written_day(day), custom=f"cf_claim_{step}_on")
    if status == "Paid":
        estimate = draft.row.get("insurance_estimate") or draft.row["case_value"]
        draft.put("cf_claim_paid_amount", estimate, custom="cf_claim_paid_amount")


def invent_appointment(
    office: Office,
    rng: Random,
    person: Person,
    *,
    ahead: bool = False,
    owner: str | None = None,
    case: Draft | None = None,
) -> Draft:
    """Invent one appointment, past or ahead; a few are at a sister practice in its own zone."""
    practice, words, number = office.practice, office.words["appointments"], office.numbers.next("appointments")
    company = rng.choice(practice.offices) if number % 23 == 7 else person.company
    draft = Draft("appointments", f"A-{500_000 + number}", practice.zone_of(company))
    if ahead:
        starts = workday(rng, datetime(2026, 3, 4), datetime(2026, 8, 28))
        status = rng.choice(("Scheduled", "Confirmed"))
    else:
        starts = workday(rng, datetime(2022, 1, 10), datetime(2026, 2, 26))
        status = rng.choice(("Completed",) * 7 + ("Broken", "No Show", "Cancelled"))
        status = "Scheduled" if number % 37 == 20 else status  # nobody closed it: it is not ahead
    starts = starts.replace(second=0)
    created = workday(rng, starts - timedelta(days=90), min(starts - timedelta(days=1), LAST_CHANGE))
    draft.stamp(created, min(workday(rng, created, created + timedelta(days=20)), LAST_CHANGE))
    draft.row |= {"appointment_id": draft.source_id, "contact_id": person.draft.source_id}
    draft.row |= {"company_id": company.source_id if company else "", "case_id": case.source_id if case else ""}
    draft.aim(person.draft)
    kind = rng.choice(words["types"])
    draft.put("appointment_type", kind, to="title")
    draft.put("operatory", rng.choice(words["operatories"]), to="location")
    draft.fields["time_zone"] = RAILS_ZONES[draft.zone]
    set_times(draft, starts, rng.choice((30, 40, 60, 90)), by_duration=number % 5 == 3)
    confirmed = rng.choice(("text", "phone", "e-mail")) if status == "Confirmed" else ""
    draft.row |= {
        "provider_user_id": practice.anyone(rng, "Dentist"),
        "hygienist_user_id": "U003" if "Hyg" in kind else "",
        "is_hygiene": "Y" if kind == "Hygiene recall" else "",
        "procedures_text": rng.choice(words["procedures"]),
        "notes": rng.choice(words["remarks"]),
        "is_new_patient": "Y" if number % 12 == 1 else rng.choice(("N", "")),
    }
    set_status(draft, status, confirmed)
    practice.own(draft, practice.anyone(rng) if owner is None else owner)
    if not ahead and office.numbers.next("past") % 400 == 30:  # planned, with no time yet
        draft.row |= {"starts_at": "", "ends_at": "", "duration_minutes": "", "status": "Planned"}
        draft.held = draft.held or "time"
    return draft


def set_times(draft: Draft, starts: datetime, minutes: int, *, by_duration: bool) -> None:
    """Give an appointment its start, and its end as a time or as a length."""
    ends = starts + timedelta(minutes=minutes)
    draft.put("starts_at", export_time(starts), to="from_date", value=iso_time(starts, draft.zone))
    draft.put("ends_at", "" if by_duration else export_time(ends), to="end_date", value=iso_time(ends, draft.zone))
    draft.row["duration_minutes"] = str(minutes) if by_duration else ""


def set_status(draft: Draft, status: str, confirmed: str) -> None:
    """Give an appointment its status; status and remarks arrive as text."""
    draft.row |= {"status": status, "confirmed_by": confirmed}
    lines = [
        draft.row["procedures_text"],
        draft.row["notes"],
        f"Status: {status}",
        f"Confirmed by: {confirmed}" if confirmed else "",
        "New patient: Y" if draft.row["is_new_patient"] == "Y" else "",
    ]
    draft.fields["text"] = folded("\n".join(lines))


def invent_task(
    office: Office,
    rng: Random,
    person: Person | None,
    *,
    about: Draft | None,
    owner: str | None = None,
    recurring: bool = False,
) -> Draft:
    """Invent one task about a case, an appointment, the person, a company, or nothing at all."""
    number = office.numbers.next("tasks")
    kinds: dict[str, list[str]] = office.words["tasks"]
    kind = list(kinds)[number % len(kinds)]
    subject, _, description = rng.choice(kinds[kind]).partition("|")
    carrier = (person and person.carrier.value) or "the payer"
    tooth = rng.randrange(1, 33)
    draft = _task(office, rng, person, about, number)
    draft.put("subject", subject.format(carrier=carrier, tooth=tooth), to="title")
    draft.row["description"] = description.format(carrier=carrier, tooth=tooth)
    _schedule(office, draft, rng, kind, recurring=recurring, owner=owner)
    return draft


def invent_recall(office: Office, rng: Random, person: Person, *, readable: bool) -> Draft:
    """Invent a recall task; a readable one decides the recall fields of its person, columns or not."""
    number, words = office.numbers.next("tasks"), office.words["recalls"]
    draft = _task(office, rng, person, person.draft, number)
    draft.put("subject", rng.choice(("Recall", "Hygiene recall", "Continuing care")), to="title")
    if readable:
        typed, kind = RECALLS[number % len(RECALLS)]
        months = rng.choice(INTERVALS)
        due = workday(rng, datetime(2026, 3, 9), datetime(2027, 2, 26))
        shape = words["readable"][number % len(words["readable"])]
        draft.row["description"] = shape.format(
            t=typed,
            i=f"{months}m",
            i_q=f"q{months}m",
            i_mo=f"{months} mo",
            i_mrc=f"{months}MRC",
            us=f"{due.month}/{due.day}/{due:%y}",
            iso=f"{due:%Y-%m-%d}",
        )
        found = {"cf_recall_type": kind, "cf_recall_interval": f"{months}m", "cf_recall_due": f"{due:%Y-%m-%d}"}
        person.draft.custom |= found
    else:
        draft.row["description"] = rng.choice(words["unreadable"])
    _schedule(office, draft, rng, "Recall")
    return draft


def _task(office: Office, rng: Random, person: Person | None, about: Draft | None, number: int) -> Draft:
    zone = about.zone if about else office.practice.zone_of(None)
    draft = Draft("tasks", f"K-{300_000 + number}", zone)
    begun = datetime(2023, 1, 2)
    created = workday(rng, max(person.draft.created, begun) if person else begun, LAST_CHANGE)
    draft.stamp(created, created)
    kinds = {"contacts": "contact", "cases": "case", "companies": "company", "appointments": "appointment"}
    draft.row |= {"task_id": draft.source_id, "related_object": "none", "related_id": ""}
    if about:
        draft.row |= {"related_object": kinds[about.source_object], "related_id": about.source_id}
        draft.aim(about.links["target"] if about.source_object == "appointments" else about)
    return draft


def _schedule(
    office: Office, draft: Draft, rng: Random, kind: str, *, recurring: bool = False, owner: str | None = None
) -> None:
    practice = office.practice
    status = rng.choice(("New", "Viewed", "Done", "Done", "Done", "Cancelled"))
    due = workday(rng, draft.created, draft.created + timedelta(days=60)).replace(second=0)
    draft.put("task_type", kind, to="task_type")
    if recurring:
        draft.put("due_at", "", to="due_date")
        draft.held = "due_date"
    else:
        draft.put("due_at", export_time(due), to="due_date", value=iso_time(due, draft.zone))
    every = rng.choice(("weekly", "monthly", "yearly"))
    draft.row |= {"recurrence": every if recurring else "none", "priority": rng.choice(("High", "Normal", "", ""))}
    finished = min(due, LAST_CHANGE) if status == "Done" else None
    set_task_status(draft, "New" if recurring else status, None if recurring else finished)
    practice.own(draft, practice.anyone(rng) if owner is None else owner)
    draft.row["created_by_user_id"] = rng.choice(list(practice.users))


def set_task_status(draft: Draft, status: str, finished: datetime | None) -> None:
    """Give a task its status; the text that arrives says it too, after the description kept whole."""
    draft.row |= {"status": status, "completed_at": export_time(finished) if finished else ""}
    draft.fields["status"] = 1 if status in OVER else 0
    priority = draft.row["priority"]
    lines = [draft.row["description"], f"Status: {status}", f"Priority: {priority}" if priority else ""]
    draft.fields["text"] = folded("\n".join(lines))
