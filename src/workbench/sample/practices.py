"""The fixed part of a generated practice: users, companies, pipelines, and what the office defined."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Any

from workbench.sample.spellings import Numbers, npi, phone
from workbench.sample.truth import Draft

HOME_ZONE = "America/Chicago"
"""The zone of rows whose company names none; migration.toml says the same."""
SNAPSHOT = datetime(2026, 3, 1, 6)
"""When the first delivery was exported, in the home zone."""
OFFICE_PHONES = 11_000
"""Where the numbers of offices begin in the line of phones, far behind people's."""
LAST_CHANGE = datetime(2026, 2, 27)
"""No row changed later, so that the later delivery knows its own changes."""


@dataclass(frozen=True)
class User:
    """Someone who works with Dental-Exec; `seat` says whether the tenant has one for them."""

    user_id: str
    name: str
    email: str
    role: str
    seat: bool


@dataclass(frozen=True)
class Stage:
    """One stage of a pipeline, with what it means for the case."""

    stage_id: str
    name: str
    outcome: str


def workday(rng: Random, first: datetime, last: datetime) -> datetime:
    """Return a moment in working hours between two days: no hour that occurs twice or never."""
    day = first + timedelta(days=rng.randrange(max(1, (last - first).days)))
    while day.weekday() > 4:
        day = day + timedelta(days=1) if day + timedelta(days=2) < last else day - timedelta(days=2)
    return day.replace(hour=rng.randrange(8, 18), minute=rng.randrange(0, 60, 5), second=rng.randrange(60))


class Practice:
    """Everything that stands before the first patient walks in."""

    def __init__(self, seed: int) -> None:
        self._facts: dict[str, Any] = tomllib.loads((files(__package__) / "practice.toml").read_text("utf-8"))
        self._rng = Random(f"{seed}:practice")
        self._numbers = Numbers()
        self.users: dict[str, User] = {}
        self.user_rows = [self._user(facts) for facts in self._facts["users"]]
        self.companies: dict[str, Draft] = {}
        for facts in self._facts["companies"]:
            self.companies[facts["id"]] = self._company(facts)
        self._name_apart()
        for facts in self._facts["companies"]:
            if facts.get("parent"):
                self.companies[facts["id"]].links["parent"] = self.companies[facts["parent"]]
        self.offices = [one for one in self.companies.values() if one.row["company_type"] == "Practice"]
        self.referring = [one for one in self.companies.values() if one.row["company_type"] == "Referring Practice"]
        self.pipelines: dict[str, str] = {one["id"]: one["name"] for one in self._facts["pipelines"]}
        self.stages = {key: self._stages(key) for key in self.pipelines}
        self.seated = [user for user in self.users.values() if user.seat]

    def own(self, draft: Draft, user_id: str, column: str = "owner_user_id") -> None:
        """Give a row its owner; without a seat in the tenant the row is held."""
        draft.row[column] = user_id
        user = self.users.get(user_id)
        if user and user.seat:
            draft.owner = user.email
        else:
            draft.held = draft.held or "owner"

    def anyone(self, rng: Random, *roles: str) -> str:
        """Return a user with a seat, of one of these roles if any are named."""
        return rng.choice([user.user_id for user in self.seated if not roles or user.role in roles])

    def zone_of(self, company: Draft | None) -> str:
        """Return the zone in which a company's rows are written."""
        return (company.row["time_zone"] if company else "") or HOME_ZONE

    def definitions(self) -> list[tuple[str, dict[str, str]]]:
        """Return the rows of pipelines, stages, custom fields and workflows, as (object, row)."""
        rows: list[tuple[str, dict[str, str]]] = []
        for place, (key, name) in enumerate(self.pipelines.items(), start=1):
            first = "Y" if place == 1 else "N"
            rows.append(
                (
                    "case_pipelines",
                    {
                        "pipeline_id": key,
                        "pipeline_name": name,
                        "case_type": name,
                        "is_active": "Y",
                        "is_default": first,
                        "sort_order": str(place),
                    },
                )
            )
        for key in self.pipelines:
            for place, (name, outcome, chance) in enumerate(self._facts["stages"][key], start=1):
                rows.append(
                    (
                        "case_stages",
                        {
                            "stage_id": f"{key}-S{place}",
                            "pipeline_id": key,
                            "stage_name": name,
                            "sort_order": str(place),
                            "outcome": outcome,
                            "probability_pct": str(chance),
                            "is_active": "Y",
                        },
                    )
                )
        usual = {"is_required": "N", "is_active": "Y"}
        rows += [("custom_field_definitions", usual | one) for one in self._facts["custom_fields"]]
        rows += [("workflows", dict(one)) for one in self._facts["workflows"]]
        begun = {"created_at": "2018-09-03 09:00:00", "modified_at": "2025-06-02 16:30:00", "is_deleted": "N"}
        return [(name, row | begun) for name, row in rows]

    def _user(self, facts: dict[str, Any]) -> dict[str, str]:
        key, active = facts["id"], facts.get("active", True)
        email = facts.get("email", f"{facts['login']}@example.com")
        self.users[key] = User(key, facts["name"], email, facts["role"], seat=bool(active and email))
        number = npi(self._numbers.next("npi")) if facts.get("npi") else ""
        return {
            "user_id": key,
            "login": facts["login"],
            "full_name": facts["name"],
            "email": email,
            "role": facts["role"],
            "npi": number,
            "practice_id": facts["practice"],
            "is_active": "Y" if active else "N",
            "created_at": "2018-09-03 08:15:00",
            "modified_at": "2025-11-10 12:00:00",
            "is_deleted": "N",
        }

    def _company(self, facts: dict[str, Any]) -> Draft:
        rng, name, zone = self._rng, facts["name"], facts.get("zone", "")
        draft = Draft("companies", facts["id"], zone or HOME_ZONE)
        draft.row |= {
            "company_id": draft.source_id,
            "tax_id": f"36{rng.randrange(10**7):07d}",
            "industry": "Healthcare / Dental",
            "parent_company_id": facts.get("parent", ""),
        }
        draft.fields["industry_type"] = "Healthcare / Dental"
        draft.put("company_name", name, to="name")
        draft.put("company_type", facts["type"], custom="cf_company_type")
        number = npi(self._numbers.next("npi")) if facts["type"].endswith("Practice") else ""
        draft.put("practice_npi", number, custom="cf_npi")
        for column, to, custom in (("phone", "phone", ""), ("fax", "", "cf_fax")):
            typed = phone(self._numbers.next("phone") + OFFICE_PHONES, rng)
            draft.put(column, typed.typed, to=to, custom=custom, value=typed.value)
        words = f"{name} {facts['city']}".lower().replace("&", "and")
        site = "-".join(words.split()) + ".example.com"
        draft.put("email", f"office@{site}", custom="cf_email")
        draft.put("website", f"https://{site}", to="website")
        lines = [facts["line1"], facts.get("line2", "")]
        draft.put("address_line1", lines[0], to="address", value=", ".join(filter(None, lines)))
        draft.row["address_line2"] = lines[1]
        for column, to in (("city", "city"), ("state", "state"), ("zip", "zipcode")):
            draft.put(column, facts[column], to=to)
        draft.put("country", "USA", to="country")
        draft.put("time_zone", zone, custom="cf_time_zone")
        draft.put("location_count", str(facts.get("locations", 1)), custom="cf_location_count")
        draft.put("operatory_count", str(facts.get("operatories", "")), custom="cf_operatory_count")
        created = workday(rng, datetime(2018, 9, 3), datetime(2019, 6, 1))
        draft.stamp(created, workday(rng, datetime(2024, 1, 1), LAST_CHANGE))
        self.own(draft, facts["owner"])
        return draft

    def _name_apart(self) -> None:
        """Accounts need names of their own: the place tells equal names apart, then the source id does."""
        plain = [one.row["company_name"] for one in self.companies.values()]
        placed = ["{company_name} ({city}, {state})".format(**one.row) for one in self.companies.values()]
        for draft, name, place in zip(self.companies.values(), plain, placed, strict=True):
            if plain.count(name) > 1:
                draft.fields["name"] = place if placed.count(place) == 1 else f"{name} ({draft.source_id})"

    def _stages(self, pipeline: str) -> list[Stage]:
        facts = self._facts["stages"][pipeline]
        return [Stage(f"{pipeline}-S{place}", name, outcome) for place, (name, outcome, _) in enumerate(facts, start=1)]
