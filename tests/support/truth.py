"""Compare every record of a tenant with truth.json, through plain HTTP and without any code of the product."""

from __future__ import annotations

import html
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

Record = dict[str, Any]
KINDS = {
    "account": "sales_accounts",
    "contact": "contacts",
    "lead": "leads",
    "deal": "deals",
    "task": "tasks",
    "appointment": "appointments",
    "note": "notes",
    "sales_activity": "sales_activities",
    "file": "documents",
}
MODELS = {"contacts": "Contact", "leads": "Lead", "sales_accounts": "SalesAccount", "deals": "Deal"}
MARKER = re.compile(r"\[Dental-Exec ([a-z_]+)/(\S+) · .*\]$")
NAMED = {
    "industry_type": ("industry_type_id", "industry_types"),
    "lifecycle_stage": ("lifecycle_stage_id", "lifecycle_stages"),
    "task_type": ("task_type_id", "task_types"),
    "sales_activity_type": ("sales_activity_type_id", "sales_activity_types"),
}
TIMES = {"from_date", "end_date", "due_date", "start_date"}
SOURCES = {"account": "companies", "contact": "contacts", "lead": "contacts", "deal": "cases"}
"""The source object whose rows such a record may be."""
FILLED_IN = {"deal_pipeline", "deal_stage"}
"""What a tenant gives a record that says nothing of it."""
MORE = "cf_dentalexec_more"


class Reader:
    """Reads a tenant at the pace its limits allow, in the tenant's own time: four seconds a call, at no wait."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.headers: dict[str, str] = {}

    def __call__(self, path: str, **params: Any) -> Record:
        answer = self.client.get(path, params=params, headers=self.headers)
        answer.raise_for_status()
        if "x-rehearsal-time" in answer.headers:
            self.headers = {"x-rehearsal-time": str(float(answer.headers["x-rehearsal-time"]) + 4)}
        return answer.json()

    def listed(self, path: str, name: str) -> list[Record]:
        """Return a selector's items; Classic lacks some selectors."""
        try:
            return self(path)[name]
        except httpx.HTTPStatusError as problem:
            if problem.response.status_code != 404:
                raise
            return []


class Tenant:
    """A tenant's records and pick-lists, read once."""

    def __init__(self, base_url: str, key: str = "rehearsal-admin") -> None:
        root = base_url.split("/crm/sales", maxsplit=1)[0].removesuffix("/api")
        self.state: Record = httpx.get(f"{root}/_tenant/state", timeout=120).json()
        headers = {"Authorization": f"Token token={key}", "Accept": "application/json"}
        self.names: dict[str, dict[int, str]] = {}
        with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
            get = Reader(client)
            for name in ("industry_types", "lifecycle_stages", "task_types", "sales_activity_types"):
                listed = get.listed(f"/selector/{name}", name)
                self.names[name] = {int(one["id"]): one["name"] for one in listed}
            pipelines = get("/selector/deal_pipelines")["deal_pipelines"]
            self.users = {int(one["id"]): one["email"] for one in get("/selector/owners")["users"]}
            self.attending: dict[int, int] = {}
            for view in ("past", "upcoming"):
                for page in range(1, 1000):
                    body = get("/appointments", filter=view, include="appointment_attendees", page=page, per_page=100)
                    listed = body["appointments"]
                    people = {one["id"]: one["attendee_id"] for one in body.get("appointment_attendees", [])}
                    for one in listed:
                        for attendee in one["appointment_attendee_ids"]:
                            self.attending[one["id"]] = people[attendee]
                    if len(listed) < 100:
                        break
            self.deal_contacts = {
                one["id"]: [
                    person["id"] for person in get(f"/deals/{one['id']}", include="contacts").get("contacts", [])
                ]
                for one in self.state["deals"]
            }
        self.pipelines = {int(one["id"]): one["name"] for one in pipelines}
        self.stages = {int(stage["id"]): stage["name"] for one in pipelines for stage in one["deal_stages"]}


def translated(
    truth: Record, *, edition: str = "suite", pipeline: str = "", folded: dict[str, dict[str, str]] | None = None
) -> Record:
    """Return the truth as another product or plan shows it: truth.json speaks of Suite with room for everything.

    `pipeline` is the one that all treatments share; `folded` gives, by module, name and label of the fields that fold.
    On Classic a case of a prospect waits, with what hangs on it, until a person converts the lead.
    """
    records = [_translated(one, edition, pipeline, folded or {}) for one in truth["records"]]
    waiting = cases_of_leads(records)
    left = [one for one in records if not {_named(one), one["links"].get("target")} & waiting]
    others = [_translated({"links": {}} | one, edition, "", {}) for one in truth.get("untouched", [])]
    return truth | {"records": left, "untouched": others}


def cases_of_leads(records: list[Record]) -> set[str]:
    """Return the cases whose person is a lead, as truth names them."""
    leads = {_named(one) for one in records if one["destination"] == "lead"}
    return {_named(one) for one in records if one["destination"] == "deal" and one["links"].get("contact") in leads}


def _named(record: Record) -> str:
    return f"{record['source_object']}/{record['source_id']}"


def _translated(record: Record, edition: str, pipeline: str, folded: dict[str, dict[str, str]]) -> Record:
    fields, custom, links = dict(record["fields"]), dict(record.get("custom_field") or {}), dict(record["links"])
    made = record | {"fields": fields, "custom_field": custom, "links": links}
    if record["destination"] == "contact" and edition == "classic" and fields.pop("lifecycle_stage") == "Lead":
        made["destination"] = "lead"
        fields["company_name"] = custom.pop("cf_lead_company", None)
        links.pop("account", None)
    if record["destination"] == "deal" and pipeline:
        custom["cf_treatment_pipeline"] = fields["deal_pipeline"]
        fields["deal_stage"] = f"{fields['deal_pipeline']}: {fields['deal_stage']}"
        fields["deal_pipeline"] = pipeline
    lines = [
        f"{label}: {custom.pop(name)}"
        for name, label in folded.get(KINDS[record["destination"]], {}).items()
        if custom.get(name) not in (None, "")
    ]
    if lines:
        custom[MORE] = "\n".join(lines)
    return made


def fates(truth: Record, section: str) -> set[tuple[str, str]]:
    """Return (source object, source id) of a section, without rows that are no longer in the delivery."""
    return {(one["source_object"], one["source_id"]) for one in truth[section] if not one.get("removed")}


def rejected_records(truth: Record) -> list[tuple[str, str, int, int, str, str]]:
    """Return what raw.rejected should hold, sorted: object, file, first and last line, reason, id (blank: none read)."""
    names = ("source_object", "file", "first_line", "last_line", "reason", "source_id")
    return sorted(tuple(one[name] or "" for name in names) for one in truth["rejected"])


def mismatches(truth: Record, tenant: Tenant, open_spellings: set[str] = frozenset()) -> list[str]:
    """Return every way in which the tenant is not what the truth says; empty when they are equal.

    Records without a source id are right where the truth says that people put them there, and nothing in them changed.
    """
    found: list[str] = []
    keys = _keys(tenant)
    by_key: dict[tuple[str, str], list[Record]] = {}
    for destination, plural in KINDS.items():
        for record in tenant.state.get(plural, []):
            by_key.setdefault((destination, keys.get((plural, record["id"]), "?")), []).append(record)
    expected_files: dict[str, list[Record]] = {}
    for one in truth["records"]:
        source = f"{one['source_object']}/{one['source_id']}"
        if one["destination"] == "file":
            expected_files.setdefault(one["links"]["target"], []).append(one)
            continue
        records = by_key.pop((one["destination"], source), [])
        if len(records) != 1:
            found.append(f"{one['destination']} {source}: {len(records)} records")
            continue
        seen = _seen(tenant, one["destination"], records[0], keys)
        found.extend(f"{one['destination']} {source}: {problem}" for problem in _compare(one, seen, open_spellings))
    for one in truth.get("untouched", []):
        alike = by_key.get((one["destination"], f"{SOURCES[one['destination']]}/"), [])
        same = [record for record in alike if _is_untouched(one, _seen(tenant, one["destination"], record, keys))]
        if len(same) == 1:
            alike.remove(same[0])
        else:
            found.append(f"{one['destination']} of others for {one.get('source')}: {len(same)} records")
    found.extend(_file_mismatches(expected_files, tenant, keys))
    extra = [key for key, records in by_key.items() if records and key[0] != "file"]
    found.extend(f"extra {destination} {source}" for destination, source in extra)
    return found


def _is_untouched(truth: Record, seen: Record) -> bool:
    """Say whether a record of others holds what they wrote, no link and none of our fields."""
    written = {
        name: value for name, value in seen["fields"].items() if name in truth["fields"] or name not in FILLED_IN
    }
    return _compare(truth, seen | {"fields": written}, set()) == []


def _file_mismatches(expected: dict[str, list[Record]], tenant: Tenant, keys: dict[tuple[str, int], str]) -> list[str]:
    there: dict[str, list[tuple[str, int, str]]] = {}
    for record in tenant.state["documents"]:
        target = _target(record, keys)
        there.setdefault(str(target), []).append((record["file_name"], record["size"], record["sha256"]))
    wanted = {
        target: [(one["fields"]["file_name"], one["fields"]["size"], one["fields"]["sha256"]) for one in files]
        for target, files in expected.items()
    }
    return [
        f"files of {target} differ"
        for target in sorted(set(there) | set(wanted))
        if sorted(there.get(target, [])) != sorted(wanted.get(target, []))
    ]


def _keys(tenant: Tenant) -> dict[tuple[str, int], str]:
    keys = {}
    for plural, source in ((KINDS[destination], source) for destination, source in SOURCES.items()):
        for record in tenant.state.get(plural, []):
            number = str((record.get("custom_field") or {}).get("cf_source_system_id") or "")
            keys[plural, record["id"]] = f"{'employers' if number.startswith('employer:') else source}/{number}"
    for plural in ("tasks", "appointments", "notes", "sales_activities"):
        for record in tenant.state[plural]:
            found = MARKER.search(_plain(record.get("description") or record.get("notes") or ""))
            if found:
                keys[plural, record["id"]] = f"{found[1]}/{found[2]}"
    return keys


def _target(record: Record, keys: dict[tuple[str, int], str]) -> str | None:
    plurals = {model: plural for plural, model in MODELS.items()}
    targets = record.get("targetables") or []
    return keys.get((plurals[targets[0]["type"]], targets[0]["id"])) if targets else None


def _seen(tenant: Tenant, destination: str, record: Record, keys: dict[tuple[str, int], str]) -> Record:
    """Return a record in the words of truth.json."""
    fields: Record = {}
    links: Record = {}
    for name, (number, selector) in NAMED.items():
        if record.get(number) is not None:
            fields[name] = tenant.names[selector].get(int(record[number]), record[number])
    for name in (
        "name",
        "phone",
        "website",
        "address",
        "city",
        "state",
        "zipcode",
        "country",
        "first_name",
        "last_name",
        "job_title",
        "email",
        "mobile_number",
        "work_number",
        "subscription_status",
        "amount",
        "expected_close",
        "closed_date",
        "title",
        "location",
        "time_zone",
        "status",
        "file_name",
        "size",
        "sha256",
        *TIMES,
    ):
        fields[name] = record.get(name)
    if destination not in ("contact", "lead"):
        fields.pop("email")
        fields.pop("subscription_status")
    else:
        fields["time_zone"] = None
        fields["phone_numbers"] = [
            {"label": one["label"], "value": one["value"]} for one in record.get("phone_numbers") or []
        ]
        fields["emails_more"] = [
            one["value"] for one in record.get("emails") or [] if one["value"] != record.get("email")
        ]
        if destination == "lead":
            fields["company_name"] = (record.get("company") or {}).get("name")
        accounts = record.get("sales_accounts") or []
        links["account"] = keys.get(("sales_accounts", accounts[0]["id"])) if accounts else None
    if destination not in ("task",):
        fields["status"] = None
    if destination == "account":
        links["parent"] = keys.get(("sales_accounts", record.get("parent_sales_account_id") or 0))
    if destination == "deal":
        fields["deal_pipeline"] = tenant.pipelines.get(record["deal_pipeline_id"])
        fields["deal_stage"] = tenant.stages.get(record["deal_stage_id"])
        links["account"] = keys.get(("sales_accounts", record.get("sales_account_id") or 0))
        people = tenant.deal_contacts[record["id"]]
        links["contact"] = keys.get(("contacts", people[0])) if people else None
    text = _plain(record.get("description") or record.get("notes") or "")
    if destination in ("task", "appointment", "note", "sales_activity"):
        links["target"] = _target(record, keys)
        body, _, marker = text.rpartition("[Dental-Exec ")
        fields["text"], fields["marker"] = body.strip(), f"[Dental-Exec {marker}"
    owner = record.get("owner_id") or tenant.attending.get(record["id"])
    return {
        "fields": _filled(fields),
        "custom_field": _filled(record.get("custom_field") or {}),
        "links": _filled(links),
        "owner": tenant.users.get(owner) if owner and destination not in ("note", "file") else None,
    }


def _compare(truth: Record, seen: Record, open_spellings: set[str]) -> list[str]:
    problems = []
    for part in ("fields", "custom_field", "links"):
        wanted, there = _filled(truth.get(part) or {}), seen[part]
        for name in sorted(set(wanted) | set(there)):
            left, right = _same(name, wanted.get(name)), _same(name, there.get(name))
            if left == right:
                continue
            spelling = (truth.get("open") or {}).get(name)
            if right is None and spelling is not None and spelling in open_spellings:
                continue
            problems.append(f"{part}.{name} should be {left!r} and is {right!r}")
    if (truth.get("owner") or None) != seen["owner"]:
        problems.append(f"owner should be {truth.get('owner')} and is {seen['owner']}")
    return problems


def _same(name: str, value: Any) -> Any:
    if value in (None, "", []):
        return None
    if name in TIMES:
        return datetime.fromisoformat(str(value)).timestamp()
    if name in ("text", "marker", "title", MORE):
        return _plain(str(value))
    if isinstance(value, bool | list | dict):
        return value
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return str(value)[:10] if re.match(r"^\d{4}-\d\d-\d\dT", str(value)) else value


def _filled(fields: Record) -> Record:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _plain(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())
