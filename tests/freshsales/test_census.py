from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from workbench.errors import SetupMissing, TenantUnreachable
from workbench.freshsales.census import (
    list_records,
    read_children,
    read_documents,
    read_pages,
    read_parent_notes,
)
from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import endpoint

if TYPE_CHECKING:
    from conftest import Stub

VIEWS = {"contacts": ["My Contacts", "All Contacts", "Recycle Bin"], "deals": ["Won Deals", "Lost Deals", "Open Deals"]}


class Tables:
    """Lists of ids that are served by pages, and may change between two pages."""

    def __init__(self, envelope: str, meta: Callable[[int, int], dict[str, Any]] | None = None) -> None:
        self.envelope = envelope
        self.tables: dict[str, list[int]] = {}
        self.meta = meta or (lambda total, size: {"total": total, "total_pages": -(-total // size)})
        self.meanwhile: dict[int, Callable[[], object]] = {}
        self.pages = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        if request.url.path.endswith("/filters"):
            names = VIEWS[self.envelope]
            return httpx.Response(200, json={"filters": [{"id": 10 + n, "name": name} for n, name in enumerate(names)]})
        self.pages += 1
        self.meanwhile.pop(self.pages, lambda: None)()
        name = asked.get("filter") or request.url.path.rsplit("/", 1)[-1]
        ids, page, size = sorted(self.tables[name]), int(asked.get("page", 1)), int(asked["per_page"])
        shown = ids[(page - 1) * size : page * size]
        assert (asked["sort"], asked["sort_type"]) == ("id", "asc")
        meta = self.meta(len(ids) if shown else 0, size)
        return httpx.Response(200, json={self.envelope: [{"id": one} for one in shown], "meta": meta})


def ids_of(pages: Any) -> list[int]:
    return [one["id"] for page in pages for one in page]


def test_contacts_are_read_from_the_view_of_all_by_pages_of_a_hundred(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = served = Tables("contacts")
    served.tables["11"] = list(range(1, 251))
    assert ids_of(read_pages(tenant, endpoint("contact"))) == list(range(1, 251))
    assert stub.asked == ["GET /contacts/filters", *["GET /contacts/view/11"] * 3]


def test_deals_are_the_union_of_the_open_the_won_and_the_lost(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = served = Tables("deals")
    served.tables = {"10": [2], "11": [], "12": [1, 3]}
    assert sorted(ids_of(read_pages(tenant, endpoint("deal")))) == [1, 2, 3]


def test_a_deal_that_moves_between_the_views_meanwhile_is_met_once(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = served = Tables("deals")
    served.tables = {"10": [2, 9], "11": [], "12": [1, 3]}

    def reopen() -> None:
        served.tables["10"].remove(9)
        served.tables["12"].append(9)

    served.meanwhile[2] = reopen
    assert sorted(ids_of(read_pages(tenant, endpoint("deal")))) == [1, 2, 3, 9]


@pytest.mark.parametrize("page", [2, 3])
def test_records_that_others_add_and_delete_meanwhile_shift_none_out_of_sight(
    stub: Stub, tenant: Freshsales, page: int
) -> None:
    stub.handler = served = Tables("contacts")
    served.tables["11"] = list(range(1, 251))

    def work() -> None:
        del served.tables["11"][:5]
        served.tables["11"] += range(300, 400)

    served.meanwhile[page] = work
    found = ids_of(read_pages(tenant, endpoint("contact")))
    assert len(found) == len(set(found))
    assert set(served.tables["11"]) <= set(found)


def test_a_list_that_changes_without_end_ends(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = served = Tables("contacts")
    served.tables["11"] = list(range(1, 151))
    served.meanwhile = {number: lambda: served.tables["11"].pop(0) for number in range(1, 100)}
    assert len(ids_of(read_pages(tenant, endpoint("contact")))) == 149
    assert served.pages <= 6


def test_a_tenant_without_the_view_is_told_what_to_make(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(200, json={"filters": [{"id": 1, "name": "My Accounts"}], "meta": {}})
    with pytest.raises(SetupMissing, match="no view 'All' of sales_accounts"):
        list(read_pages(tenant, endpoint("account")))


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param(lambda total, _: {"total": total}, id="a total without pages"),
        pytest.param(lambda _total, _size: None, id="no meta"),
        pytest.param(lambda total, size: {"total": total, "total_pages": -(-total // size)}, id="both"),
    ],
)
def test_tasks_are_listed_open_and_done_whatever_the_tenant_counts(
    stub: Stub, tenant: Freshsales, meta: Callable[[int, int], dict[str, Any]]
) -> None:
    stub.handler = served = Tables("tasks", meta)
    served.tables = {"open": list(range(1, 202)), "completed": [500, 501]}
    assert [one["id"] for one in list_records(tenant, "task")] == [*range(1, 202), 500, 501]


def test_a_list_that_knows_no_pages_and_repeats_itself_ends(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(200, json={"notes": [{"id": n} for n in range(100)]})
    assert len(read_parent_notes(tenant, "contacts", 5)) == 100
    assert stub.asked == ["GET /contacts/5/notes"] * 2


def test_what_hangs_on_a_record_is_read_there(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda request: httpx.Response(
        200, json={request.url.path.rsplit("/", 1)[-1]: [{"id": 1}], "meta": {}}
    )
    assert read_documents(tenant, "deals", 5) == [{"id": 1}]
    assert read_children(tenant, "contacts", 5, "tasks") == [{"id": 1}]
    assert stub.asked == ["GET /deals/5/document_associations", "GET /contacts/5/tasks"]


def test_what_hung_on_a_record_that_is_gone_is_nothing(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(404)
    assert read_parent_notes(tenant, "contacts", 5) == []


def test_a_page_of_another_shape_is_never_taken_for_an_empty_list(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(200, json={"message": "hello"})
    with pytest.raises(TenantUnreachable, match="holds no notes"):
        read_parent_notes(tenant, "contacts", 5)
