"""The census of what is not ours: by pages, and cut off it goes on where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import SOURCE_ID
from workbench.freshsales.foreign import FOREIGN, has_foreign, read_converted, take_census, taken_keys
from workbench.freshsales.limits import MemoryBudget
from workbench.pacing import Pacing
from workbench.vocabulary import Edition
from workbench.warehouse import open_warehouse

if TYPE_CHECKING:
    from conftest import Stub

VIEWS = {
    "sales_accounts": ["All Accounts"],
    "contacts": ["All Contacts"],
    "deals": ["Open Deals", "Won Deals", "Lost Deals"],
}


class PowerCutError(BaseException):
    """Ends a census where a kill would."""


class Served:
    """Contacts by number, no accounts, no deals; the power fails at one page."""

    def __init__(self, contacts: list[int]) -> None:
        self.contacts = contacts
        self.cut_at = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        plural = request.url.path.removeprefix("/crm/sales/api/").split("/")[0]
        if request.url.path.endswith("/filters"):
            listed = [{"id": n, "name": name} for n, name in enumerate(VIEWS[plural], 1)]
            return httpx.Response(200, json={"filters": listed})
        page = int(request.url.params.get("page", 1))
        if plural == "contacts" and page == self.cut_at:
            raise PowerCutError
        ids = self.contacts if plural == "contacts" else []
        shown = ids[(page - 1) * 100 : page * 100]
        records: list[dict[str, Any]] = [{"id": one, "email": f"P{one}@x.com"} for one in shown]
        total = len(ids) if shown else 0
        return httpx.Response(200, json={plural: records, "meta": {"total": total, "total_pages": -(-total // 100)}})


def numbers(path) -> list[int]:
    with open_warehouse(path) as warehouse:
        return [row[0] for row in warehouse.run(f"SELECT destination_id FROM {FOREIGN} ORDER BY 1")]


def test_what_the_ledger_knows_is_not_foreign(stub: Stub, tenant: Freshsales, tmp_path) -> None:
    stub.handler = Served([1, 2, 3])
    live = {"contacts/C1": ("contact", 1), "contacts/C2": ("lead", 2), "companies/P1": ("account", 3)}
    assert take_census(tenant, tmp_path / "w", live) == {"sales_accounts": 0, "contacts": 1, "deals": 0}
    assert numbers(tmp_path / "w") == [3]
    with open_warehouse(tmp_path / "w") as warehouse:
        assert taken_keys(warehouse) == {("contacts", "p3@x.com")}


def test_an_empty_tenant_has_nothing_foreign(stub: Stub, tenant: Freshsales, tmp_path) -> None:
    stub.handler = Served([])
    take_census(tenant, tmp_path / "w", {})
    with open_warehouse(tmp_path / "w") as warehouse:
        assert (has_foreign(warehouse), taken_keys(warehouse)) == (False, set())


@pytest.mark.parametrize(
    ("meanwhile", "pages"),
    [
        pytest.param(lambda ids: ids, [2, 3, 4, 5], id="nothing"),
        pytest.param(lambda ids: [*ids, 9001], [2, 3, 4, 5], id="one was added"),
        pytest.param(lambda ids: ids[120:], [2, 1, 2, 3, 4], id="many were deleted"),
    ],
)
def test_a_census_that_was_cut_off_goes_on_at_its_page(
    stub: Stub, tenant: Freshsales, tmp_path, meanwhile, pages: list[int]
) -> None:
    stub.handler = served = Served(list(range(1, 451)))
    served.cut_at = 3
    with pytest.raises(PowerCutError):
        take_census(tenant, tmp_path / "w", {})
    with open_warehouse(tmp_path / "w") as warehouse:
        assert not has_foreign(warehouse)  # the old one stands until the new one is whole
    served.cut_at, served.contacts = 0, meanwhile(served.contacts)
    before = len(stub.requests)
    take_census(tenant, tmp_path / "w", {})
    asked = [one for one in stub.requests[before:] if "/contacts/view/" in one.url.path]
    assert [int(one.url.params["page"]) for one in asked] == pages
    found = numbers(tmp_path / "w")
    assert len(found) == len(set(found))
    assert set(served.contacts) <= set(found)


class Classic:
    """One account of nobody's, contacts by number with the source id each carries, and the leads that are still there."""

    def __init__(self, contacts: dict[int, str | None], leads: list[int]) -> None:
        self.contacts, self.leads = contacts, leads

    def __call__(self, request: httpx.Request) -> httpx.Response:
        plural, *rest = request.url.path.removeprefix("/crm/sales/api/").split("/")
        if rest == ["filters"]:
            names = VIEWS.get(plural, ["All Leads"])
            return httpx.Response(200, json={"filters": [{"id": n, "name": name} for n, name in enumerate(names, 1)]})
        if rest[0] != "view":
            there = int(rest[0]) in self.leads
            return httpx.Response(200, json={"lead": {"id": int(rest[0])}}) if there else httpx.Response(404)
        ids = {"contacts": list(self.contacts), "leads": self.leads}.get(plural, [])
        records = [{"id": one, "custom_field": {SOURCE_ID: self.contacts.get(one)}} for one in ids]
        meta = {"total": len(ids), "total_pages": 1}
        return httpx.Response(200, json={plural: records, "meta": meta})


@pytest.mark.parametrize(
    ("contacts", "leads", "decided", "came"),
    [
        pytest.param({9: "n-C1"}, [], {}, 9, id="it carries our id"),
        pytest.param({9: "n-C1"}, [5], {}, None, id="the lead is still there"),
        pytest.param({8: "n-C1", 9: "n-C1"}, [], {}, None, id="two carry it"),
        pytest.param({9: "C1"}, [], {}, None, id="it carries another practice's id"),
        pytest.param({9: None}, [], {"contacts/C1": 9}, 9, id="a person says which"),
        pytest.param({9: None}, [], {"contacts/C1": 7}, None, id="what a person says is not there"),
    ],
)
def test_the_contact_that_came_of_our_lead_is_found(stub: Stub, tmp_path, *, contacts, leads, decided, came) -> None:
    stub.handler = Classic(contacts, leads)
    live = {"contacts/C1": ("lead", 5)}
    with Freshsales(
        "http://127.0.0.1:1/crm/sales/api",
        "canary-key",
        budget=MemoryBudget(Pacing(5000, 400, 0.1)),
        transport=httpx.MockTransport(stub),
        edition=Edition.CLASSIC,
    ) as tenant:
        take_census(tenant, tmp_path / "w", live, prefix="n-", decided=decided)
    with open_warehouse(tmp_path / "w") as warehouse:
        found = read_converted(warehouse, "brisk-otter", live)
        assert found == ({} if came is None else {"contacts/C1": ("contact", came)})
        assert read_converted(warehouse, "brisk-otter", {"contacts/C1": ("contact", 9)}) == {}  # taken over since
        assert read_converted(warehouse, "other", live) == {}
