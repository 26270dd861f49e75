"""Records that people put into the tenant before us: planted through HTTP, with what should become of each."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

Record = dict[str, Any]
PLURALS = {"account": "sales_accounts", "contact": "contacts", "deal": "deals"}
NEEDS = {"deal": "contact", **dict.fromkeys(("task", "appointment", "note", "sales_activity", "file"), "target")}
"""The link that a record cannot do without."""
THEIRS = (
    "first_name",
    "last_name",
    "job_title",
    "email",
    "mobile_number",
    "city",
    "name",
    "website",
    "address",
    "phone",
)


@dataclass
class Planted:
    """What was planted: by source key the record that should be adopted, or the one that holds its row; and strangers."""

    base_url: str
    adopted: dict[str, Record] = field(default_factory=dict)
    holding: dict[str, Record] = field(default_factory=dict)
    strangers: list[tuple[str, Record]] = field(default_factory=list)

    def add(self, destination: str, body: Record) -> Record:
        """Make a record as somebody else would."""
        headers = {"Authorization": "Token token=rehearsal-admin", "Accept": "application/json"}
        singular = PLURALS[destination].removesuffix("s")
        answer = httpx.post(
            f"{self.base_url}/{PLURALS[destination]}", json={singular: body}, headers=headers, timeout=60
        )
        assert answer.status_code == 201, answer.text
        return answer.json()[singular]

    def untouched(self) -> list[tuple[str, Record]]:
        """Return every record that nobody may change, with its destination."""
        held = [("account" if key.startswith("companies/") else "contact", one) for key, one in self.holding.items()]
        return [*held, *self.strangers]

    def expected(self, truth: Record, stages: dict[int, str]) -> Record:
        """Return the truth with these records in the tenant: theirs stays theirs, what is held holds what hangs on it."""
        made = copy.deepcopy(truth)
        gone = set(self.holding)
        records = []
        for one in made["records"]:
            key = f"{one['source_object']}/{one['source_id']}"
            need = NEEDS.get(one["destination"])
            if key in gone or (need and one["links"].get(need) in gone):
                section = "held" if key in gone else "deferred"
                made[section].append({"source_object": one["source_object"], "source_id": one["source_id"]})
                gone.add(key)
                continue
            records.append(one)
            if theirs := self.adopted.get(key):
                withdrawn = one["fields"].get("subscription_status") == 0  # never left standing as subscribed
                stays = THEIRS if withdrawn else (*THEIRS, "subscription_status")
                one["fields"] |= {name: theirs[name] for name in stays if theirs.get(name)}
                if theirs.get("lifecycle_stage_id"):
                    one["fields"]["lifecycle_stage"] = stages[theirs["lifecycle_stage_id"]]
        for one in records:
            one["links"] = {name: key for name, key in one["links"].items() if key not in gone}
        return {**made, "records": records}


def plant(truth: Record, base_url: str) -> Planted:
    """Plant five per cent of the practice, and some more: equal, edited and doubtful ones, and strangers."""
    planted = Planted(base_url)
    records = sorted(truth["records"], key=lambda one: one["source_id"])
    fields = {f"{one['source_object']}/{one['source_id']}": one["fields"] for one in records}
    emails = Counter(one.get("email") for one in fields.values())
    shared = {one["custom_field"].get("cf_shared_email") for one in records if one["destination"] == "contact"}
    phones = Counter(one.get("mobile_number") for one in fields.values())
    people = [
        key
        for key, one in fields.items()
        if key.startswith("contacts/")
        and one.get("email")
        and emails[one["email"]] == 1
        and one["email"] not in shared
        and one.get("mobile_number")
        and phones[one["mobile_number"]] == 1
    ]
    targets = Counter(key for one in records for key in one["links"].values())
    people.sort(key=lambda key: (-targets[key], key))
    same, called, doubtful = people[:3]
    names = {name: fields[same][name] for name in ("first_name", "last_name", "email")}
    # Edited since: another city and a title of their own.
    planted.adopted[same] = planted.add("contact", names | {"city": "Reno", "job_title": "Mayor"})
    names = {name: fields[called][name] for name in ("first_name", "last_name", "mobile_number")}
    planted.adopted[called] = planted.add("contact", names)
    renamed = {"first_name": "Renamed", "last_name": "Since", "email": fields[doubtful]["email"]}
    planted.holding[doubtful] = planted.add("contact", renamed)
    places = [key for key, one in fields.items() if key.startswith("companies/") and one.get("address")]
    places = [key for key in places if "(" not in fields[key]["name"]]
    places.sort(key=lambda key: (-targets[key], key))
    place = {name: fields[places[0]].get(name) for name in ("name", "address", "zipcode")}
    planted.adopted[places[0]] = planted.add("account", place | {"website": "https://theirs.example.com"})
    elsewhere = {"name": fields[places[1]]["name"], "address": "1 Elsewhere Lane", "zipcode": "99999"}
    planted.holding[places[1]] = planted.add("account", elsewhere)
    stranger = planted.add(
        "contact", {"first_name": "Some", "last_name": "Body", "email": "some.body@elsewhere.example"}
    )
    planted.strangers.append(("contact", stranger))
    planted.strangers.append(("account", planted.add("account", {"name": "A Bank"})))
    deal = {"name": "Their own deal", "amount": 5, "contacts_added_list": [stranger["id"]]}
    planted.strangers.append(("deal", planted.add("deal", deal)))
    return planted


def without_empty(record: Record) -> Record:
    """A record without custom fields that are empty: they were made after it."""
    custom = {name: value for name, value in record["custom_field"].items() if value not in (None, [])}
    return record | {"custom_field": custom}
