"""What the vendor's documents leave open: the tenant's default for each point, and the other reading behind its switch."""

import itertools
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import workbench.tenant

SWITCHES = tomllib.loads((Path(workbench.tenant.__file__).parent / "switches.toml").read_text())["switches"]
NUMBERS = itertools.count(1)
AGENT = {"authorization": "Token token=rehearsal-agent"}


def new(word: str = "x") -> str:
    """A text that nobody has used."""
    return f"{word}{next(NUMBERS)}"


def contact(door: Any, **fields: Any) -> Any:
    """The answer to a create of a contact that has a phone."""
    return door.post("/contacts", {"contact": {"mobile_number": "1", **fields}})


def made(door: Any, **fields: Any) -> Any:
    """A new contact."""
    return contact(door, **fields).json()["contact"]


def two(door: Any, **fields: Any) -> int:
    """The status of a second contact with equal fields."""
    contact(door, **fields)
    return contact(door, **fields).status_code


def owner(door: Any) -> int:
    return door.get("/selector/owners")["users"][0]["id"]


def bulk(door: Any, plural: str, *items: Any, wait: float = 10) -> Any:
    """A job after some seconds, its data read."""
    job = door.post(f"/{plural}/bulk_upsert", {plural: list(items)}).json()["job_status_url"].rsplit("/", 1)[1]
    door.wait(wait)
    told = door.get(f"/job_statuses/{job}")
    return told | {"data": json.loads(told["data"] or "{}")}


def item(**data: Any) -> Any:
    return {"emails": new("b") + "@x.co", "data": data}


def date_time_field(door: Any) -> str | None:
    """What a contact keeps of a time in a custom field of that type, without the offset; None where there is no such field."""
    field = {"label": "Last Call", "name": "cf_last_call", "type": "date_time_split"}
    door.post("/_tenant/setup", {"custom_fields": {"contacts": [field]}})
    kept = made(door, custom_field={"cf_last_call": "2021-03-04T14:05:00"})["custom_field"].get("cf_last_call")
    return kept and kept[:19]


def started_jobs(door: Any) -> list[int]:
    """The statuses of two bulk calls, one after the other, when no job is left."""
    door.wait(10)
    return [door.post("/contacts/bulk_upsert", {"contacts": [item()]}).status_code for _ in range(2)]


def note(door: Any, text: str) -> Any:
    target = {"targetable_type": "Contact", "targetable_id": made(door)["id"]}
    return door.post("/notes", {"note": {"description": text, **target}})


def binned(door: Any) -> int:
    """The status of a contact whose e-mail lies in the bin."""
    email = new() + "@x.co"
    door.call("DELETE", f"/contacts/{made(door, email=email)['id']}")
    return contact(door, email=email).status_code


def second_address(door: Any) -> int:
    email = new() + "@x.co"
    contact(door, email=email)
    return contact(door, emails=[{"value": new() + "@x.co", "is_primary": True}, {"value": email}]).status_code


def kept_custom(door: Any, write: Callable[[Any, Any, Any], Any]) -> Any:
    """A custom field that a later write does not name."""
    one = made(door, email=new() + "@x.co", custom_field={"cf_carrier": "Cigna", "cf_visits": 1})
    write(door, one, {"custom_field": {"cf_visits": 2}})
    return door.get(f"/contacts/{one['id']}")["contact"]["custom_field"]["cf_carrier"]


def upsert(door: Any, one: Any, fields: Any) -> Any:
    return door.post("/contacts/upsert", {"unique_identifier": {"emails": one["email"]}, "contact": fields})


def won_deal(door: Any) -> Any:
    stages = door.get("/selector/deal_pipelines")["deal_pipelines"][0]["deal_stages"]
    won = next(one["id"] for one in stages if one["forecast_type"] == "Closed Won")
    deal = {"name": new(), "amount": 1, "deal_stage_id": won, "closed_date": "2020-02-03"}
    return door.post("/deals", deal).json()["deal"]["closed_date"] == "2020-02-03"


def status_of(door: Any) -> bool:
    won = door.listing("contact_statuses")["Won"]
    one = made(door, contact_status_id=won)
    return door.get(f"/contacts/{one['id']}", include="contact_status")["contact"]["contact_status_id"] == won


def children(door: Any) -> tuple[int, int]:
    """Notes of a deleted contact: live without a target, in the bin."""
    text = new()
    state = door.get("/_tenant/state")
    parent = note(door, text).json()["note"]["targetables"][0]["id"]
    door.call("DELETE", f"/contacts/{parent}")
    state = door.get("/_tenant/state")
    found = [[one for one in held["notes"] if one["description"] == text] for held in (state, state["bin"])]
    assert [one["targetables"] for one in found[0]] == [[]] * len(found[0])
    return len(found[0]), len(found[1])


def linked_deal(door: Any) -> int:
    """Contacts of a deal that a bulk call made."""
    name = new()
    bulk(door, "deals", {"name": name, "data": {"amount": 1, "contacts_added_list": [made(door)["id"]]}})
    (deal,) = [one for one in door.get("/_tenant/state")["deals"] if one["name"] == name]
    return len(door.get(f"/deals/{deal['id']}", include="contacts")["contacts"])


def found_after(door: Any, seconds: float) -> int:
    """Records that a lookup shows some seconds after a create."""
    email = new() + "@x.co"
    contact(door, email=email)
    door.wait(seconds)
    return len(door.get("/lookup", q=email, f="email", entities="contact")["contacts"]["contacts"])


def keyed_by_unique_field(door: Any) -> int:
    told = bulk(door, "contacts", {"cf_source_system_id": new(), "data": {"mobile_number": "1"}})
    return told["data"]["record_status"]["succeeded"]


def upload(door: Any, size: int) -> int:
    target = {"targetable_type": "Contact", "targetable_id": str(made(door)["id"])}
    return door.call("POST", "/documents", data=target, files={"file": ("x", b"x" * size)}).status_code


def refused(door: Any) -> Any:
    """The answer to a call above a minute's limit."""
    return door.call("GET", "/selector/currencies")


def room_taken(door: Any) -> int:
    """By how many calls the hour's room shrinks with a refused one."""
    before, after = (int(refused(door).headers["x-ratelimit-remaining"]) for _ in range(2))
    return before - after


def counted(door: Any, path: str) -> int:
    """By how many calls the hour's room shrinks when a path is asked once."""
    before = int(door.call("GET", "/selector/currencies").headers["x-ratelimit-remaining"])
    return before - int(door.call("GET", path).headers["x-ratelimit-remaining"])


def reset_is_epoch(door: Any) -> bool:
    return int(door.call("GET", "/lists").headers["x-ratelimit-reset"]) > 1_000_000_000


def lead_tasks(door: Any) -> int:
    return door.get(f"/contacts/{made(door)['id']}/tasks")["meta"]["total"]


def appointment_owner(door: Any) -> bool:
    body = {
        "title": "T",
        "from_date": "2020-01-01T09:00:00Z",
        "end_date": "2020-01-01T09:00:00Z",
        "owner_id": owner(door),
    }
    return door.post("/appointments", {"appointment": body}).json()["appointment"]["owner_id"] is not None


def unique_flag(door: Any) -> bool:
    fields = {one["name"]: one for one in door.get("/settings/contacts/fields")["fields"]}
    return "unique" in fields["cf_source_system_id"]


@dataclass(frozen=True)
class Point:
    """One open point: what is asked, what the default answers, and what the other reading of the switch answers."""

    name: str
    switch: str
    other: Any
    ask: Callable[[Any], Any]
    default: Any
    then: Any
    alone: bool = False  # it needs a tenant without a setup
    above: bool = False  # it is asked where the minute's limit is reached


POINTS = [
    Point("201 or 200 on plain create", "create_status", 200, lambda door: contact(door).status_code, 201, 200),
    Point(
        "Retry-After",
        "retry_after",
        True,
        lambda door: "retry-after" in refused(door).headers,
        False,
        True,
        above=True,
    ),
    Point(
        "body of a 429, json or empty",
        "limit_body",
        "empty",
        lambda door: len(refused(door).content),
        55,
        0,
        above=True,
    ),
    Point(
        "body of a 429, json or html",
        "limit_body",
        "html",
        lambda door: refused(door).headers["content-type"].split(";")[0],
        "application/json",
        "text/html",
        above=True,
    ),
    Point("x-ratelimit-reset, an epoch", "limit_reset", "epoch", reset_is_epoch, ..., True),
    Point("x-ratelimit-reset, seconds", "limit_reset", "seconds", reset_is_epoch, ..., False),
    Point("the windows", "limit_window", "fixed", lambda door: refused(door).status_code, 429, 200, above=True),
    Point("failed calls count", "failed_calls_count", False, lambda door: counted(door, "/contacts/12"), 1, 0),
    Point("calls to nowhere count", "failed_calls_count", False, lambda door: counted(door, "/nowhere"), 1, 0),
    Point("refused calls count", "refused_calls_count", True, room_taken, 0, 1, above=True),
    Point(
        "bulk items over 100",
        "bulk_items",
        101,
        lambda door: door.post("/contacts/bulk_upsert", {"contacts": [item() for _ in range(101)]}).status_code,
        400,
        200,
    ),
    Point(
        "jobs at once",
        "bulk_jobs",
        0,
        started_jobs,
        [200, 200],
        [200, 405],
    ),
    Point(
        "partial failure",
        "bulk_failures_hidden",
        False,
        lambda door: bulk(door, "contacts", item(owner_id=5))["status"],
        "SUCCESS",
        "FAILED",
    ),
    Point(
        "ids of bulk-created rows",
        "bulk_tells_ids",
        True,
        lambda door: len(bulk(door, "contacts", item())["data"].get("ids", ())),
        0,
        1,
    ),
    Point(
        "a job's time",
        "bulk_seconds",
        60.0,
        lambda door: bulk(door, "contacts", item())["status"],
        "SUCCESS",
        "IN_PROGRESS",
    ),
    Point("lag of a lookup", "index_seconds", 0.0, lambda door: found_after(door, 0), 0, 1),
    Point("a longer lag", "index_seconds", 60.0, lambda door: found_after(door, 10), 1, 0),
    Point("identifier of a bulk item", "bulk_by_unique_field", True, keyed_by_unique_field, 0, 1),
    Point("the unique flag", "unique_flag_shown", True, unique_flag, False, True),
    Point("children of a deleted contact", "children_follow_parent", True, children, (1, 0), (0, 1)),
    Point("unique rules and the bin", "bin_holds_unique_values", False, binned, 400, 201),
    Point(
        "a new identifier twice in a batch",
        "bulk_repeats_refused",
        False,
        lambda door: bulk(door, "contacts", *[item()] * 2)["data"]["record_status"],
        {"succeeded": 1, "failed": 1},
        {"succeeded": 2, "failed": 0},
    ),
    Point(
        "deals in bulk without a unique field",
        "bulk_deals_need_unique_field",
        False,
        lambda door: door.post("/deals/bulk_upsert", {"deals": [{"name": "D", "data": {"amount": 1}}]}).status_code,
        400,
        200,
        alone=True,
    ),
    Point("contact links of deals in bulk", "bulk_keeps_contact_links", True, linked_deal, 0, 1),
    Point(
        "custom_field on PUT",
        "put_replaces_custom_field",
        False,
        lambda door: kept_custom(door, lambda door, one, fields: door.put(f"/contacts/{one['id']}", fields)),
        None,
        "Cigna",
    ),
    Point(
        "custom_field on upsert",
        "upsert_replaces_custom_field",
        True,
        lambda door: kept_custom(door, upsert),
        "Cigna",
        None,
    ),
    Point("contact_status_id on POST", "status_ignored_on_post", False, status_of, False, True),
    Point(
        "an unknown cf_ key",
        "unknown_field_dropped",
        False,
        lambda door: contact(door, custom_field={"cf_no": "x"}).status_code,
        201,
        400,
    ),
    Point(
        "bad dropdown text",
        "unmatched_choice_dropped",
        False,
        lambda door: contact(door, custom_field={"cf_carrier": "x"}).status_code,
        201,
        400,
    ),
    Point(
        "a bad number",
        "bad_value_dropped",
        False,
        lambda door: contact(door, custom_field={"cf_visits": "x"}).status_code,
        201,
        400,
    ),
    Point(
        "over-long text", "long_text_refused", False, lambda door: contact(door, city="x" * 300).status_code, 400, 201
    ),
    Point(
        "a unique e-mail, in other letters",
        "email_unique",
        False,
        lambda door: [
            contact(door, email=one).status_code
            for one in (("mail{0}@x.co MAIL{0}@X.co").format(next(NUMBERS)).split())
        ],
        [201, 400],
        [201, 201],
    ),
    Point("which e-mails are unique", "email_unique_scope", "any", second_address, 201, 400),
    Point(
        "something to be known by",
        "contact_identity_needed",
        False,
        lambda door: contact(door, mobile_number=None).status_code,
        400,
        201,
    ),
    Point("e-mail mandatory", "contact_email_mandatory", True, lambda door: contact(door).status_code, 201, 400),
    Point(
        "fields that a tenant requires",
        "required_fields",
        {"contacts": ["last_name"]},
        lambda door: contact(door).status_code,
        201,
        400,
    ),
    Point(
        "same phone on two contacts", "phone_unique", True, lambda door: two(door, mobile_number=new("+1")), 201, 400
    ),
    Point(
        "equal account names",
        "account_name_unique",
        False,
        lambda door: [door.post("/sales_accounts", {"name": "Twin"}).status_code for _ in range(2)][1],
        400,
        201,
    ),
    Point(
        "created_at in a body",
        "record_dates_ignored",
        False,
        lambda door: made(door, created_at="2001-01-01T00:00:00Z")["created_at"][:4] == "2001",
        False,
        True,
    ),
    Point("closed_date on a won create", "closed_date_stamped", False, won_deal, False, True),
    Point("a type for times of a day", "date_time_fields", True, date_time_field, None, "2021-03-04T14:05:00"),
    Point(
        "custom fields by API",
        "fields_by_api",
        True,
        lambda door: (
            door.post("/settings/contacts/forms/1/fields", {"label": new("F"), "field_type": "text"}).status_code
        ),
        403,
        201,
    ),
    Point(
        "the forms of a module",
        "fields_by_api",
        True,
        lambda door: door.call("GET", "/settings/deals/forms").status_code,
        403,
        200,
    ),
    Point("the largest file", "document_megabytes", 0, lambda door: upload(door, 1), 201, 413),
    Point("workflows", "lead_workflow_task", True, lead_tasks, 0, 1, alone=True),
    Point("an unknown owner", "bad_owner_refused", False, lambda door: contact(door, owner_id=5).status_code, 400, 201),
    Point("an appointment's owner", "appointment_owner_kept", True, appointment_owner, False, True),
    Point(
        "a zone that is no Rails name",
        "time_zone_checked",
        False,
        lambda door: contact(door, time_zone="America/Chicago").status_code,
        400,
        201,
    ),
    Point(
        "scripts in notes",
        "scripts_stripped",
        False,
        lambda door: note(door, "<b>a</b><script>b</script>").json()["note"]["description"],
        "<b>a</b>",
        "<b>a</b><script>b</script>",
    ),
    Point("note length", "note_length", 20_000, lambda door: note(door, "x" * 10_001).status_code, 400, 201),
    Point(
        "a new contact's subscription",
        "new_contacts_subscribed",
        2,
        lambda door: made(door)["subscription_status"],
        1,
        2,
    ),
    Point(
        "ids without include",
        "ids_need_include",
        True,
        lambda door: "owner_id" in made(door, owner_id=owner(door)),
        True,
        False,
    ),
    Point(
        "the plain role",
        "agent_sees_owners",
        True,
        lambda door: door.call("GET", "/selector/owners", headers=AGENT).status_code,
        403,
        200,
    ),
    Point(
        "a key that was revoked",
        "revoked_keys",
        ["rehearsal-agent"],
        lambda door: door.call("GET", "/lists", headers=AGENT).status_code,
        200,
        401,
    ),
    Point(
        "a right that was taken away", "forbidden", ["POST contacts"], lambda door: contact(door).status_code, 201, 403
    ),
    Point(
        "without a key and with any accept",
        "sign_in_redirect",
        False,
        lambda door: door.call("GET", "/lists", headers={"authorization": "", "accept": "*/*"}).status_code,
        302,
        401,
    ),
    Point(
        "per_page above 100",
        "per_page_clamped",
        False,
        lambda door: door.call("GET", "/lists?per_page=101").status_code,
        200,
        400,
    ),
]


def test_every_switch_has_both_its_sides_in_the_table():
    assert {one.switch for one in POINTS} == set(SWITCHES)
    assert [one.name for one in POINTS if one.other == SWITCHES[one.switch]["default"]] == []


def both_sides(door, point):
    """Ask under the default and under the other reading."""
    if point.default is not ...:
        assert point.ask(door) == point.default
    assert door.post("/_tenant/switches", {point.switch: point.other}).status_code == 200
    assert point.ask(door) == point.then


@pytest.mark.parametrize("point", [pytest.param(one, id=one.name) for one in POINTS if not (one.alone or one.above)])
def test_an_open_point_has_a_default_and_another_reading(door, point):
    both_sides(door, point)


@pytest.mark.parametrize("point", [pytest.param(one, id=one.name) for one in POINTS if one.alone])
def test_an_open_point_of_a_tenant_of_its_own(bare, point):
    both_sides(bare, point)


@pytest.fixture(scope="module")
def full_minute(tenants: Any) -> Any:
    """A tenant that took its 400 calls in the last ten seconds of a minute, twenty seconds later."""
    full = tenants()
    full.at = 2_000_000_040.0 - 10
    for _ in range(400):
        full.call("GET", "/selector/currencies")
    full.at += 20
    return full


@pytest.mark.parametrize("point", [pytest.param(one, id=one.name) for one in POINTS if one.above])
def test_an_open_point_above_the_limit(full_minute, point):
    both_sides(full_minute, point)
    full_minute.post("/_tenant/switches", {point.switch: SWITCHES[point.switch]["default"]})


# -- points without a choice: nobody has seen them otherwise
def test_what_nobody_can_do_by_api_has_no_endpoint(door):
    paths = ("deal_pipelines", "deal_stages", "lifecycle_stages", "contact_statuses", "lead_sources", "owners", "users")
    assert {door.post(f"/{path}", {"name": "x"}).status_code for path in paths} == {404}
    assert {door.post(f"/selector/{path}", {"name": "x"}).status_code for path in paths} == {404}


@pytest.mark.parametrize("plural", ["notes", "tasks", "appointments"])
def test_nothing_keeps_a_repeated_post_from_making_a_second_record(door, plural):
    target = {"targetable_type": "Contact", "targetable_id": made(door)["id"]}
    body = {"title": "T", "description": "D", "due_date": "2020-01-01", **target}
    body |= {"from_date": "2020-01-01T09:00:00Z", "end_date": "2020-01-01T09:00:00Z"}
    key = {"idempotency-key": "1"}
    assert [door.call("POST", f"/{plural}", json=body, headers=key).status_code for _ in range(2)] == [201, 201]
    assert door.get(f"/contacts/{target['targetable_id']}/{plural}")["meta"]["total"] == 2


def test_a_call_takes_one_file(door):
    target = {"targetable_type": "Contact", "targetable_id": str(made(door)["id"])}
    files = [("file", ("a.txt", b"a")), ("file", ("b.txt", b"b"))]
    assert door.call("POST", "/documents", data=target, files=files).status_code == 400


def test_an_owner_that_is_not_named_is_nobody(door):
    assert made(door)["owner_id"] is None


def test_text_of_any_script_is_kept(door):
    name = "Zoë Ørsted 名 \U0001f9b7"
    assert door.get(f"/contacts/{made(door, last_name=name)['id']}")["contact"]["last_name"] == name


def test_account_links_in_bulk_are_kept_in_their_one_shape(door):
    account = door.account(new("Practice "))["id"]
    shapes = [[{"id": account, "is_primary": True}], [str(account)], [{"id": str(account)}]]
    rows = [item(sales_accounts=shape) for shape in shapes]
    bulk(door, "contacts", *rows)
    people = {one["email"]: one for one in door.get("/_tenant/state")["contacts"]}
    assert [len(people[row["emails"]].get("sales_accounts", [])) for row in rows] == [1, 0, 0]


def test_the_tenants_reset_is_drawn_once(door):
    assert len({reset_is_epoch(door) for _ in range(3)}) == 1
