"""Each row of the contract's summary: asked of the tenant in process and over HTTP, and read-only of a real one."""

import os
import re
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

KEY, BASE_URL = os.environ.get("FRESHSALES_API_KEY"), os.environ.get("FRESHSALES_BASE_URL")
MODELS = {"contacts": "contact", "sales_accounts": "sales_account", "deals": "deal"}
TARGET = {"targetable_type": "Contact", "targetable_id": "{contact}"}
MOMENTS = {"from_date": "2020-01-01T09:00:00Z", "end_date": "2020-01-01T10:00:00Z"}
NEW = {
    "contacts": {"first_name": "Ana", "email": "p{n}@example.com"},
    "leads": {"last_name": "Lund", "email": "l{n}@example.com", "company": {"name": "Practice {n}"}},
    "sales_accounts": {"name": "Practice {n}"},
    "deals": {"name": "Deal {n}", "amount": "5600.00"},
    "tasks": {"title": "Call", "due_date": "2020-01-01T09:00:00Z", **TARGET},
    "appointments": {"title": "Cleaning", **MOMENTS, **TARGET},
    "notes": {"description": "Seen", **TARGET},
    "sales_activities": {
        **{"title": "Phone", "start_date": MOMENTS["from_date"], "end_date": MOMENTS["end_date"], **TARGET},
        **{"sales_activity_type_id": "{activity_type}", "owner_id": "{user}"},
    },
    "lists": {"name": "List {n}"},
}
BAD = {
    "contacts": ({"email": ""}, "Email is invalid"),
    "leads": ({"email": ""}, "Email is invalid"),
    "sales_accounts": ({"city": "Austin"}, "Name can't be blank"),
    "deals": ({"name": "D"}, "Amount can't be blank"),
    "tasks": ({"title": "T"}, "Due date can't be blank"),
    "appointments": ({"title": "T", "from_date": MOMENTS["from_date"]}, "End date can't be blank"),
    "notes": ({"description": "T"}, "Targetable can't be blank"),
    "sales_activities": ({"title": "T", **TARGET}, "Start date can't be blank"),
}
SINGULAR = MODELS | {"leads": "lead", "tasks": "task", "appointments": "appointment", "notes": "note"}
SINGULAR |= {"sales_activities": "sales_activity", "lists": "list"}
ENVELOPES = {"appointments": ["appointment_attendees", "conferences", "notes", "appointment"]}
SELECTORS = (
    *("territories", "deal_stages", "currencies", "deal_reasons", "deal_types", "lead_sources", "industry_types"),
    *("business_types", "campaigns", "deal_payment_statuses", "deal_products", "deal_pipelines", "contact_statuses"),
    *("lifecycle_stages", "sales_activity_types", "sales_activity_entity_types", "sales_activity_outcomes"),
)


@dataclass(frozen=True)
class Row:
    """One call of the contract and what it answers: a status and, in their order, the keys of the reply."""

    ask: str
    status: int = 200
    keys: tuple[str, ...] | None = None
    body: Any = None
    equals: Any = ...
    message: str | None = None
    within: str = ""
    headers: Any = None
    files: Any = None
    edition: str = ""

    @property
    def reads(self) -> bool:
        """Say whether a tenant in use may be asked this: a read that needs none of our records."""
        safe = self.ask.startswith("GET ") and not re.search(r"\{(?!first_|view_|pipeline|activity_type)", self.ask)
        open_point = self.edition or "/forms" in self.ask
        return safe and self.headers is None and self.keys is not None and not open_point


def rows_of_records(plural: str, one: str, edition: str = "") -> list[Row]:
    """What contacts, accounts, deals and Classic's leads share."""
    found = []
    bad, why = BAD[plural]
    new, keyed = NEW[plural], {"cf_source_system_id": "K-{n}"}
    custom = plural in ("contacts", "deals")
    key = keyed if custom else {"name": "Keyed {n}"}
    if plural == "leads":
        key = {"emails": "k{n}@example.com"}
    known = {"id": f"{{{one}}}"}
    found += [
        Row(f"POST /{plural}", 201, (one,), {one: new}),
        Row(f"POST /{plural}", 201, (one,), new),
        Row(f"POST /{plural}", 400, ("errors",), {one: bad}, message=why),
        Row(f"POST /{plural}", 400, ("errors",), {one: [5]}, message=f"The type for {one} is invalid."),
        Row(f"GET /{plural}/{{{one}}}", 200, (one, "meta")),
        Row(f"GET /{plural}/{{first_{one}}}", 200, (one, "meta")),
        Row(f"GET /{plural}/{{{one}}}?include=owner", 200, ("users", one, "meta")),
        Row(f"GET /{plural}/12", 404, ("errors",)),
        Row(f"GET /{plural}/a-word", 404, equals=b""),
        Row(f"PUT /{plural}/{{{one}}}", 200, (one,), {one: {"city": "Austin", "probability": 50}}),
        Row(f"PUT /{plural}/{{{one}}}", 400, ("errors",), {one: {"owner_id": 5}}, message="Owner is invalid"),
        Row(f"PUT /{plural}/12", 404, ("errors",), {one: {}}),
        Row(f"DELETE /{plural}/{{new_{one}}}", 200, equals=b"true"),
        Row(f"DELETE /{plural}/12", 404, ("errors",)),
        Row(f"DELETE /{plural}/{{new_{one}}}/forget", 200, equals=b"true"),
        Row(f"DELETE /{plural}/12/forget", 404, ("errors",)),
        Row(f"POST /{plural}/{{{one}}}/clone", 201, (one,), {one: new}),
        Row(f"POST /{plural}/12/clone", 404, ("errors",), {one: new}),
        Row(f"POST /{plural}/upsert", 201, (one,), {"unique_identifier": key, one: new if custom else {}}),
        Row(f"POST /{plural}/upsert", 200, (one,), {"unique_identifier": known, one: {"tags": ["a"]}}),
        Row(f"POST /{plural}/upsert", 400, ("errors",), {one: new}, message="unique_identifier is invalid"),
        Row(f"POST /{plural}/upsert", 400, ("errors",), {"unique_identifier": {"city": "X"}, one: {}}),
        Row(
            f"POST /{plural}/bulk_upsert",
            200,
            ("message", "job_status_url"),
            {plural: [known | {"data": {"tags": ["b"]}}]},
        ),
        Row(f"POST /{plural}/bulk_upsert", 400, ("errors",), {plural: [known | {"data": {}}] * 101}),
        Row(f"POST /{plural}/bulk_upsert", 400, ("errors",), {plural: []}),
        Row(f"POST /{plural}/bulk_destroy", 200, ("message",), {"selected_ids": [f"{{new_{one}}}"]}),
        Row(f"GET /{plural}/filters", 200, ("filters", "meta")),
        Row(f"GET /{plural}/view/{{view_{plural}}}", 200, (plural, "meta")),
        Row(f"GET /{plural}/view/{{view_{plural}}}", 200, ("total_pages", "total", "avatar_data"), within="meta"),
        Row(
            f"GET /{plural}/view/{{view_{plural}}}?page=1&per_page=500&sort=id&sort_type=asc&include=owner",
            200,
            ("users", plural, "meta"),
        ),
        Row(f"GET /{plural}/view/{{view_{plural}}}?page=9999", 200, (plural, "meta")),
        Row(f"GET /{plural}/view/12", 404, ("errors",)),
        *(
            Row(f"GET /{plural}/{{first_{one}}}/{name}", 200, (name, "meta"))
            for name in ("notes", "tasks", "appointments", "document_associations")
        ),
        Row(f"GET /settings/{plural}/fields", 200, ("fields",)),
        Row(f"GET /settings/{plural}/fields?include=field_group", 200, ("fields",)),
        Row(f"GET /settings/{plural}/forms", 403, ("errors",)),
        Row(f"POST /settings/{plural}/forms/1/fields", 403, ("errors",), {"label": "X", "field_type": 1}),
        Row(
            f"POST /filtered_search/{one}",
            200,
            (plural, "meta"),
            {"filter_rule": [{"attribute": "name", "operator": "contains", "value": "a"}], "page": 1},
        ),
        Row(f"POST /filtered_search/{one}", 400, ("errors",), {"filter_rule": []}),
        Row(f"GET /lookup?q=nobody@example.com&f=email&entities={one}", 200, (plural,)),
        Row(f"GET /lookup?q=nobody&f=name&entities={one}", 200, (plural,), within=plural),
    ]
    return [replace(row, edition=edition) for row in found]


def rows_of_activities() -> list[Row]:
    """What tasks, appointments, notes and sales activities share."""
    found = []
    for plural in ("tasks", "appointments", "notes", "sales_activities"):
        one, (bad, why) = SINGULAR[plural], BAD[plural]
        keys = tuple(ENVELOPES.get(plural, [one]))
        found += [
            Row(f"POST /{plural}", 201, keys, {one: NEW[plural]}),
            Row(f"POST /{plural}", 201, keys, NEW[plural]),
            Row(f"POST /{plural}", 400, ("errors",), {one: bad}, message=why),
            Row(f"PUT /{plural}/{{{one}}}", 200, keys, {one: {"title": "Changed", "description": "Changed"}}),
            Row(
                f"PUT /{plural}/{{{one}}}", 400, ("errors",), {one: {"targetable_type": "Contact", "targetable_id": 5}}
            ),
            Row(f"PUT /{plural}/12", 404, ("errors",), {one: {}}),
            Row(f"DELETE /{plural}/{{new_{one}}}", 200, equals=b'{"success":"200"}'),
            Row(f"DELETE /{plural}/12", 404, ("errors",)),
            Row(f"GET /{plural}/12", 404, ("errors",)),
            Row(
                f"GET /{plural}/{{{one}}}",
                404 if plural == "notes" else 200,
                ("errors",) if plural == "notes" else keys,
            ),
        ]
    filters = {
        "tasks": ("open", "due today", "due tomorrow", "overdue", "completed"),
        "appointments": ("past", "upcoming"),
    }
    for plural, names in filters.items():
        found += [Row(f"GET /{plural}?filter={name}", 200, (plural, "meta")) for name in names]
        found += [Row(f"GET /{plural}?filter={names[0]}", 200, ("total",), within="meta")]
    return found


ROWS = [
    Row("GET /lists", 401, ("login", "message"), headers={"authorization": ""}),
    Row("GET /lists", 401, ("login", "message"), headers={"authorization": "Token token=wrong"}),
    Row("GET /lists", 302, equals=b"", headers={"authorization": "", "accept": "*/*"}),
    Row("GET /nowhere", 404, ("errors",)),
    Row("PUT /contacts", 404, ("errors",)),
    *(row for plural, one in MODELS.items() for row in rows_of_records(plural, one)),
    Row("POST /contacts/bulk_assign_owner", 200, ("message",), {"selected_ids": ["{contact}"], "owner_id": "{user}"}),
    Row("POST /contacts/bulk_assign_owner", 400, ("errors",), {"selected_ids": ["{contact}"], "owner_id": 5}),
    Row("POST /contacts/bulk_destroy", 400, ("errors",), {}),
    Row(
        "GET /job_statuses/{job}",
        200,
        ("id", "created_at", "job_type_name", "progress", "status", "status_updated_at", "data"),
    ),
    Row("GET /job_statuses/12", 404, ("errors",)),
    Row("GET /contacts/{first_contact}/activities", 200, ("activities", "meta")),
    Row("GET /contacts/{contact}?include=sales_accounts", 200, ("contact", "meta")),
    Row("GET /deals/{deal}?include=contacts,owner", 200, ("users", "deal", "contacts", "meta")),
    *rows_of_activities(),
    Row("GET /tasks?filter=open&include=owner,targetable", 200, ("users", "contacts", "tasks", "meta")),
    Row("GET /sales_activities", 200, ("sales_activities", "meta")),
    Row("GET /sales_activities", 200, ("total_pages", "total"), within="meta"),
    Row("GET /settings/sales_activities/fields", 200, ("fields",)),
    Row("GET /settings/nothing/fields", 404, ("errors",)),
    Row("GET /settings/nothing/forms", 404, ("errors",)),
    Row("POST /documents", 201, ("id", "msg", "url"), TARGET, files={"file": ("x.png", b"xray")}),
    Row("POST /documents", 400, ("errors",), TARGET | {"targetable_id": 5}, files={"file": ("x.png", b"xray")}),
    Row("POST /documents", 400, ("errors",), TARGET, message="File can't be blank"),
    Row("POST /document_links", 201, ("id", "msg", "url"), TARGET | {"url": "https://x.example", "name": "X"}),
    Row("POST /document_links", 400, ("errors",), TARGET | {"name": "X"}, message="Url can't be blank"),
    *(Row(f"GET /selector/{name}", 200, (name,)) for name in SELECTORS),
    Row("GET /selector/owners", 200, ("users",)),
    Row("GET /selector/owners", 403, ("errors",), headers={"authorization": "Token token=rehearsal-agent"}),
    Row("GET /selector/nothing", 404, ("errors",)),
    Row("GET /selector/deal_pipelines/{pipeline}/deal_stages", 200, ("deal_stages",)),
    Row(
        "GET /selector/sales_activity_types/{activity_type}/sales_activity_outcomes", 200, ("sales_activity_outcomes",)
    ),
    Row("GET /search?q=nobody-of-that-name&include=contact,sales_account,deal,user", 200, equals=b"[]"),
    Row("GET /lookup?q=x&f=email&entities=nothing", 400, ("errors",)),
    Row("POST /filtered_search/nothing", 404, ("errors",), {"filter_rule": [{}]}),
    Row("POST /lists", 201, ("list",), NEW["lists"]),
    Row("GET /lists", 200, ("lists", "meta")),
    Row("PUT /lists/{list}", 200, ("list",), {"name": "Renamed {n}"}),
    *(
        Row(f"PUT /lists/{{list}}/{verb}", 200, ("message",), {"ids": ["{contact}"]})
        for verb in ("add_contacts", "move_contacts", "remove_contacts")
    ),
    Row("GET /contacts/lists/{list}", 200, ("contacts", "meta")),
    Row("GET /contacts/lists/12", 404, ("errors",)),
    Row("DELETE /lists/{new_list}", 200, equals=b"true"),
    Row("GET /leads/filters", 404, ("errors",), edition="suite"),
    Row("GET /leads/12", 404, ("errors",), edition="suite"),
    Row("POST /leads", 404, ("errors",), {"lead": {"last_name": "L"}}, edition="suite"),
    *rows_of_records("leads", "lead", edition="classic"),
    Row("POST /leads/{new_lead}/convert", 200, ("contact",), {"lead": {"deal": NEW["deals"]}}, edition="classic"),
    Row("POST /leads/12/convert", 404, ("errors",), {}, edition="classic"),
]


def told(row: Row) -> str:
    """The name of a case."""
    extra = f" {sorted(row.body)[0]}" if isinstance(row.body, dict) and row.body else ""
    return f"{row.ask}{extra} -> {row.status}{' ' + row.within if row.within else ''}"


class World:
    """The records that paths and bodies name in braces, made or found when first named."""

    def __init__(self, door: Any) -> None:
        self.door, self.known, self.count = door, {}, 0

    def __getitem__(self, name: str) -> Any:
        if name == "n":
            self.count += 1
            return self.count
        if name.startswith("new_"):
            return self.make(name.removeprefix("new_"))
        if name not in self.known:
            self.known[name] = self.find(name)
        return self.known[name]

    def find(self, name: str) -> Any:
        """Read an id that every tenant has, or make a record of our own."""
        door = self.door
        if name.startswith("view_"):
            views = door.get(f"/{name.removeprefix('view_')}/filters")["filters"]
            return next(one["id"] for one in views if one["name"].startswith(("All ", "Open ")))
        if name == "user":
            return door.get("/selector/owners")["users"][0]["id"]
        if name == "pipeline":
            return door.get("/selector/deal_pipelines")["deal_pipelines"][0]["id"]
        if name == "activity_type":
            types = door.get("/selector/sales_activity_types")["sales_activity_types"]
            return next(one["id"] for one in types if one["name"] == "Phone")
        if name == "job":
            url = (
                door.post("/contacts/bulk_destroy", {"selected_ids": [1]})
                and door.post("/contacts/bulk_upsert", {"contacts": [{"emails": "j@example.com", "data": {}}]}).json()[
                    "job_status_url"
                ]
            )
            return url.rsplit("/", 1)[1]
        if name.startswith("first_"):
            plural = next(plural for plural, one in SINGULAR.items() if one == name.removeprefix("first_"))
            self.may_make(name.removeprefix("first_"))
            page = door.get(f"/{plural}/view/{self['view_' + plural]}?per_page=1")[plural]
            return page[0]["id"] if page else pytest.skip(f"the tenant holds no {plural}")
        return self.make(name)

    def may_make(self, one: str) -> None:
        """Make a record where there may be none to read."""
        if self.door.edition != "real":
            self[one]

    def make(self, one: str) -> int:
        """Make a record and return its id."""
        plural = next(plural for plural, singular in SINGULAR.items() if singular == one)
        made = self.door.post(
            f"/{plural}",
            self.fill({one: NEW[plural] | ({"owner_id": "{user}"} if plural in (*MODELS, "leads") else {})}),
        )
        assert made.status_code == 201, made.text
        return made.json()[one]["id"]

    def fill(self, value: Any) -> Any:
        """Put ids where braces stand."""
        if isinstance(value, dict):
            return {name: self.fill(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one) for one in value]
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\{(\w+)\}", value)
        return self[whole[1]] if whole else re.sub(r"\{(\w+)\}", lambda hit: str(self[hit[1]]), value)


def check(door: Any, world: World, row: Row, *, exactly: bool = True) -> None:
    """Ask one row and compare what is answered."""
    method, path = world.fill(row.ask).split(" ", 1)
    options = {"headers": row.headers} if row.headers else {}
    body = world.fill(row.body)
    if row.files:
        options |= {"data": {name: str(one) for name, one in body.items()}, "files": row.files}
    elif body is not None:
        options |= {"json": body}
    reply = door.call(method, path, **options)
    assert reply.status_code == row.status, reply.text
    if row.equals is not ...:
        assert reply.content == row.equals
    if row.keys is not None:
        shown = reply.json()[row.within] if row.within else reply.json()
        loads = set() if exactly else {"users", "contacts", "deals", "sales_accounts"} - set(row.keys[-2:])
        wanted = [name for name in row.keys if name in shown or name not in loads]
        assert [name for name in shown if exactly or name in row.keys] == wanted
    if row.message is not None:
        assert row.message in reply.json()["errors"]["message"]


@pytest.fixture(scope="module")
def world(shared_door: Any) -> World:
    return World(shared_door)


@pytest.mark.parametrize("row", [pytest.param(row, id=told(row)) for row in ROWS if not row.edition])
def test_a_row_of_the_contract(door, world, row):
    check(door, world, row)


OF_ONE_EDITION = [
    pytest.param(where, row, id=f"{where}-{told(row)}")
    for where in ("suite", "classic")
    for row in ROWS
    if row.edition == where
]


@pytest.mark.parametrize(("shared_door", "row"), OF_ONE_EDITION, indirect=["shared_door"])
def test_a_row_of_one_edition(door, world, row):
    check(door, world, row)


class Real:
    """A real tenant that is only read."""

    edition = "real"

    def __init__(self) -> None:
        headers = {"authorization": f"Token token={KEY}", "accept": "application/json"}
        self.http = httpx.Client(base_url=str(BASE_URL).rstrip("/"), headers=headers, timeout=60)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        assert method == "GET", "a real tenant is only read"
        return self.http.request(method, path, **options)

    def get(self, path: str) -> Any:
        return self.call("GET", path).json()


@pytest.fixture(scope="module")
def real() -> Any:
    door = Real()
    yield door, World(door)
    door.http.close()


@pytest.mark.skipif(not (KEY and BASE_URL), reason="FRESHSALES_API_KEY and FRESHSALES_BASE_URL name no real tenant")
def test_a_real_tenant_answers_reads_as_the_contract_says(real, subtests):
    for row in (one for one in ROWS if one.reads):
        with subtests.test(told(row)):
            check(*real, row, exactly=False)
