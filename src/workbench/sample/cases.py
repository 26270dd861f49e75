"""Treatment cases of one person: pipeline, money, procedure codes and the insurance claim."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from workbench.sample.people import Office, Person, give_carrier
from workbench.sample.practices import LAST_CHANGE, Stage, workday
from workbench.sample.spellings import CLAIMS, ada_codes
from workbench.sample.truth import Draft, written_day

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
