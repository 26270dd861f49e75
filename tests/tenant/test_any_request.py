"""Random requests: the tenant never fails by itself, and what it holds stays consistent."""

import itertools
import json
import os
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

REQUESTS = 1_000 if os.environ.get("WORKBENCH_CAMPAIGN") else 200
A_LOOK = 20
RUN = settings(
    max_examples=REQUESTS // 2,
    phases=[Phase.generate],  # what a request meets depends on those before it, so no smaller one tells more
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not os.environ.get("CI_RANDOM"),
)
MODULES = {"contacts": "contact", "sales_accounts": "sales_account", "deals": "deal", "leads": "lead"}
ACTIVITIES = {"notes": "note", "tasks": "task", "appointments": "appointment", "sales_activities": "sales_activity"}
SINGULAR = MODULES | ACTIVITIES | {"lists": "list"}
NAMES = {"Contact": "contacts", "SalesAccount": "sales_accounts", "Deal": "deals", "Lead": "leads"}

words = st.sampled_from(
    [
        "",
        " ",
        "x",
        "Ana",
        "a@x.co",
        "A@X.co",
        "b@x.co",
        "é名",
        "x" * 300,
        "x" * 10_001,
        "null",
        "'; --",
        "[",
        "\\",
        "$.",
    ]
)
numbers = st.one_of(
    st.sampled_from([0, 1, -1, 7, 101, 2**31, 2**63, 2**64, 10**30]), st.floats(allow_nan=False, allow_infinity=False)
)
money = st.sampled_from(["5600.00", "1e999999", "-0", "NaN", "Infinity", "1" * 40, "0." + "1" * 40, 5, 1e300, True])
moments = st.sampled_from(
    [
        "2020-01-01",
        "2020-01-01T09:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "Mon Jun 20 2016 10:30:00 GMT+0530 (IST)",
        "Mon Foo 99 2016 99:30:00 GMT+9999",
        "soon",
        5,
        "20200101",
    ]
)
someone = st.sampled_from(["{contacts}", "{sales_accounts}", "{deals}", "{users}", "{any}", "{stages}", "{choices}"])
kinds = st.sampled_from(["Contact", "SalesAccount", "Deal", "Lead", "SalesActivity", "contact", "", None, 5])
junk = st.recursive(
    st.none() | st.booleans() | words | numbers | someone | moments,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(words | st.sampled_from(["id", "value", "type", "_destroy"]), inner, max_size=3)
    ),
    max_leaves=6,
)
groups = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": someone | junk,
            "value": words | junk,
            "is_primary": st.booleans() | junk,
            "label": words,
            "_destroy": st.booleans(),
        },
    ),
    max_size=3,
)
links = st.lists(
    st.fixed_dictionaries(
        {"id": someone | junk}, optional={"is_primary": st.booleans(), "_destroy": st.booleans(), "type": kinds}
    ),
    max_size=3,
)
custom = st.dictionaries(
    st.sampled_from(
        [
            "cf_source_system_id",
            "cf_carrier",
            "cf_languages",
            "cf_referrer",
            "cf_recall_due",
            "cf_visits",
            "cf_story",
            "cf_none",
        ]
    ),
    words | moments | money | st.sampled_from(["Cigna", "English;Spanish"]) | junk,
    max_size=4,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        [
            "first_name",
            "last_name",
            "name",
            "title",
            "description",
            "city",
            "phone",
            "mobile_number",
            "external_id",
            "location",
            "notes",
        ],
        words | junk,
    ),
    **dict.fromkeys(
        [
            "owner_id",
            "sales_account_id",
            "parent_sales_account_id",
            "deal_stage_id",
            "deal_pipeline_id",
            "lifecycle_stage_id",
        ],
        someone | junk,
    ),
    **dict.fromkeys(
        ["contact_status_id", "lead_source_id", "sales_activity_type_id", "task_type_id", "creater_id"], someone | junk
    ),
    **dict.fromkeys(
        [
            "due_date",
            "from_date",
            "end_date",
            "start_date",
            "closed_date",
            "expected_close",
            "created_at",
            "updated_at",
        ],
        moments | junk,
    ),
    **dict.fromkeys(["amount", "probability", "annual_revenue", "number_of_employees"], money | junk),
    **dict.fromkeys(["status", "is_allday", "subscription_status", "tags", "time_zone", "is_deleted", "id"], junk),
    "email": words | junk,
    "emails": words | groups | junk,
    "phone_numbers": groups | junk,
    "sales_accounts": links | junk,
    "contacts_added_list": st.lists(someone | junk, max_size=3) | junk,
    "contacts_removed_list": st.lists(someone | junk, max_size=3) | junk,
    "appointment_attendees_attributes": st.lists(
        st.fixed_dictionaries({"attendee_type": kinds | st.just("FdMultitenant::User"), "attendee_id": someone | junk}),
        max_size=2,
    )
    | junk,
    "targetable_type": kinds,
    "targetable_id": someone | junk,
    "targetable": links | junk,
    "targetables": links | junk,
    "custom_field": custom | junk,
    "company": st.fixed_dictionaries({"name": words | junk}) | junk,
    "deal": st.fixed_dictionaries({"name": words | junk}, optional={"amount": money | junk}) | junk,
}
records = st.fixed_dictionaries({}, optional=FIELDS)
sound = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["A", "B", "C"]),
        "title": st.just("T"),
        "description": st.just("D"),
        "mobile_number": st.just("1"),
        "amount": st.sampled_from([1, "5600.00"]),
        "due_date": st.just("2020-01-01"),
        **dict.fromkeys(["start_date", "from_date", "end_date"], st.just("2020-01-01T09:00:00Z")),
        "owner_id": st.just("{users}"),
        "sales_activity_type_id": st.just("{types}"),
        "targetable_type": st.just("Contact"),
        "targetable_id": st.just("{contacts}"),
    },
    optional={
        "email": st.sampled_from(["a@x.co", "b@x.co", "c@x.co"]),
        "sales_account_id": st.just("{sales_accounts}"),
        "contacts_added_list": st.lists(st.just("{contacts}"), max_size=2),
        "custom_field": st.fixed_dictionaries({"cf_source_system_id": st.sampled_from(["K1", "K2", "K3"])}),
    },
)
bodies = sound | records
ids = st.sampled_from(
    [
        "{contacts}",
        "{sales_accounts}",
        "{deals}",
        "{notes}",
        "{tasks}",
        "{appointments}",
        "{sales_activities}",
        "{lists}",
        "{views}",
        "{jobs}",
        "0",
        "12",
        "-1",
        "a-word",
        "9" * 30,
        "%00",
        "²",
    ]
)
queries = st.dictionaries(
    st.sampled_from(["page", "per_page", "sort", "sort_type", "include", "filter", "q", "f", "entities", "at"]),
    st.sampled_from(
        [
            "1",
            "2",
            "-1",
            "0",
            "9" * 30,
            "asc",
            "name",
            "id",
            "amount",
            "$.x'",
            '"',
            "]",
            "owner,contacts,notes,targetable,users,deals",
            "contact,deal",
            "open",
            "due today",
            "past",
            "a@x.co",
            "cf_carrier",
            "cf_source_system_id",
            "email",
            "",
        ]
    ),
    max_size=4,
)


rows = st.lists(
    st.fixed_dictionaries(
        {"data": bodies | junk}, optional={"id": someone | junk, "emails": words | junk, "name": words | junk}
    )
    | junk,
    max_size=4,
)
rules = st.lists(
    st.fixed_dictionaries(
        {
            "attribute": words | st.sampled_from(["name", "updated_at", "contact_email.email", "cf_carrier"]) | junk,
            "operator": st.sampled_from(["is_in", "is_not_in", "contains", "is_empty", "is_after", "is_before"]) | junk,
            "value": words | moments | junk,
        }
    )
    | junk,
    max_size=2,
)
identifiers = st.sampled_from([{"emails": "a@x.co"}, {"id": "{any}"}, {"cf_source_system_id": "K1"}, {"name": "A"}])
several = st.fixed_dictionaries(
    {"selected_ids": st.lists(someone | junk, max_size=3) | junk, "owner_id": someone | junk}
)
moved = st.fixed_dictionaries(
    {
        "ids": st.lists(someone | junk, max_size=3) | junk,
        "from_list_id": st.just("{lists}") | junk,
        "all": st.booleans(),
    }
)
linked = st.fixed_dictionaries({"url": words, "name": words | junk, "targetable_type": kinds, "targetable_id": someone})
nothing = st.none()


def asks(plural: str) -> list[tuple[str, str, st.SearchStrategy[Any]]]:
    """What makes sense to ask of a kind of record: a method, a path, and what a body may be."""
    one, own = SINGULAR[plural], f"{{{plural}}}"
    wrapped = st.fixed_dictionaries({one: bodies})
    keyed = st.fixed_dictionaries({"unique_identifier": identifiers | junk, one: bodies})
    found = [
        *[("POST", f"/{plural}", wrapped), ("POST", f"/{plural}", bodies), ("PUT", f"/{plural}/{own}", wrapped)] * 3,
        *[
            ("GET", f"/{plural}/{own}", nothing),
            ("DELETE", f"/{plural}/{own}", nothing),
            ("GET", f"/{plural}", nothing),
        ],
        *[("PUT", f"/lists/{{lists}}/{verb}", moved) for verb in ("add_contacts", "remove_contacts", "move_contacts")],
        *[("GET", "/lookup", nothing), ("GET", "/search", nothing), ("GET", "/contacts/lists/{lists}", nothing)],
        *[("POST", "/document_links", linked), ("GET", "/job_statuses/{jobs}", nothing)],
        *[("GET", f"/settings/{plural}/fields", nothing), ("GET", "/selector/{any}", nothing)],
    ]
    if plural == "leads":
        found += [("POST", "/leads/{leads}/convert", wrapped), ("POST", "/leads/{leads}/convert", nothing)] * 2
    if plural in MODULES:
        found += [
            *[
                ("POST", f"/{plural}/upsert", keyed),
                ("POST", f"/{plural}/bulk_upsert", st.fixed_dictionaries({plural: rows})),
            ]
            * 2,
            *[("DELETE", f"/{plural}/{own}/forget", nothing), ("POST", f"/{plural}/{own}/clone", wrapped)],
            *[("POST", f"/{plural}/bulk_destroy", several), ("POST", f"/{plural}/bulk_assign_owner", several)],
            *[("GET", f"/{plural}/view/{{views}}", nothing), ("GET", f"/{plural}/filters", nothing)],
            *[("GET", f"/{plural}/{own}/{name}", nothing) for name in ("notes", "activities", "document_associations")],
            ("POST", f"/filtered_search/{one}", st.fixed_dictionaries({"filter_rule": rules | junk})),
        ]
    return found


LIKELY = [ask for plural in SINGULAR for ask in asks(plural)]


@st.composite
def requests(draw: Any) -> tuple[str, str, dict[str, str], Any]:
    """A request that may make sense, or any other."""
    method, path, body = LIKELY[draw(st.integers(0, len(LIKELY) - 1))]
    if draw(st.integers(0, 9)):
        return method, path, draw(queries), draw(body)
    strange = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]))
    return strange, re.sub(r"\{\w+\}", draw(ids), path), draw(queries), draw(body | junk)


class Known:
    """The ids that a tenant holds, by their kind."""

    def __init__(self, door: Any) -> None:
        self.door, self.turn = door, 0
        lists = door.tenant.state.schema["lists"]
        self.fixed = {
            "users": [one["id"] for one in door.tenant.state.schema["users"]],
            "stages": [one["id"] for line in lists["deal_pipelines"] for one in line["deal_stages"]],
            "types": [one["id"] for one in lists["sales_activity_types"]],
            "choices": [
                one["id"] for name in ("lifecycle_stages", "contact_statuses", "lead_sources") for one in lists[name]
            ],
            "views": [one["id"] for views in door.tenant.state.schema["views"].values() for one in views],
        }

    def __getitem__(self, name: str) -> int:
        """One id of a kind, another at each asking, 12 when there is none."""
        self.turn += 1
        if name in self.fixed:
            held = self.fixed[name]
        elif name == "jobs":
            held = [row[0] for row in self.door.tenant.state.db.execute("SELECT id FROM jobs")]
        else:
            where = "" if name == "any" else f" WHERE entity = '{name}'"
            held = [row[0] for row in self.door.tenant.state.db.execute(f"SELECT id FROM records{where} ORDER BY id")]
        return held[self.turn * 7 % len(held)] if held else 12

    def fill(self, value: Any) -> Any:
        """Put ids where braces stand."""
        if isinstance(value, dict):
            return {name: self.fill(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if isinstance(value, str) and value[:1] == "{" and value[-1:] == "}":
            return self[value[1:-1]]
        return value

    def path(self, text: str) -> str:
        """Put ids into a path."""
        return "/".join(str(self.fill(part)) for part in text.split("/"))


def check_consistency(door: Any) -> None:
    """What the tenant holds agrees with itself, by every way it can be read."""
    state = door.tenant.state
    assert state.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not state.db.in_transaction
    rows = state.db.execute("SELECT id, entity, is_deleted, body FROM records").fetchall()
    held = {row[0]: row for row in rows}
    bodies = {row[0]: json.loads(row[3]) for row in rows}
    assert all(body["id"] == record for record, body in bodies.items())
    orphans = "SELECT count(*) FROM {} WHERE id NOT IN (SELECT id FROM records)"
    assert [state.db.execute(orphans.format(table)).fetchone()[0] for table in ("keys", "targets")] == [0, 0]
    primaries = Counter((held[one][1], body["email"].casefold()) for one, body in bodies.items() if body.get("email"))
    names = Counter(body["name"].strip().casefold() for one, body in bodies.items() if held[one][1] == "sales_accounts")
    keys = Counter(
        (held[one][1], str(body["custom_field"]["cf_source_system_id"]).strip().casefold())
        for one, body in bodies.items()
        if held[one][1] in ("contacts", "deals") and body.get("custom_field", {}).get("cf_source_system_id") is not None
    )
    assert [one for counter in (primaries, names, keys) for one, many in counter.items() if many > 1] == []
    linked = set(state.db.execute("SELECT type, target, entity, id FROM targets"))
    for one, body in bodies.items():
        if held[one][1] in ACTIVITIES or held[one][1] == "documents":
            told = {(target["type"], target["id"], held[one][1], one) for target in body.get("targetables", [])}
            assert told == {row for row in linked if row[3] == one}
            live = [target for target in body.get("targetables", []) if held[one][2] == 0]
            assert all(target["id"] in held and held[target["id"]][1] == NAMES[target["type"]] for target in live)
    door.at += 100
    for plural, every in (("contacts", "All Contacts"), ("sales_accounts", "All Accounts")):
        for view, deleted in ((every, 0), ("Recycle Bin", 1)):
            wanted = sorted(one for one, row in held.items() if row[1] == plural and row[2] == deleted)
            shown: list[int] = []
            for number in range(1, 2 + len(wanted) // 100):
                page = door.listed(plural, view, per_page=100, page=number, sort="id", sort_type="asc")
                shown += [one["id"] for one in page[plural]]
            assert shown == wanted
    assert door.get("/_tenant/state").keys() >= SINGULAR.keys() - {"lists", "leads"}


def ask(door: Any, known: Known, request: tuple[str, str, dict[str, str], Any]) -> None:
    """Ask the tenant; it may refuse, and never fails."""
    method, path, query, body = request
    content = json.dumps(known.fill(body)).encode() if body is not None else b""
    named = known.path(path)
    reply = door.call(method, named, params=query, content=content, headers={"content-type": "application/json"})
    event(f"{reply.status_code // 100}xx")
    assert reply.status_code < 500, (method, named, query, content, reply.text)
    if reply.status_code >= 400 and reply.content:
        assert reply.json().keys() & {"errors", "login"}


@pytest.mark.parametrize("edition", ["suite", "classic"])
def test_no_request_makes_the_tenant_fail(tenants, setup, edition):
    door = tenants(setup=setup, edition=edition)
    door.at = door.get("/_tenant/time")["now"]
    known, asked = Known(door), itertools.count(1)

    @RUN
    @given(requests())
    def tried(request):
        door.at += 10
        ask(door, known, request)
        if next(asked) % A_LOOK == 0:
            check_consistency(door)

    tried()
    check_consistency(door)
