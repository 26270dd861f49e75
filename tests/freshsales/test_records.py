from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from workbench.errors import TenantUnreachable
from workbench.freshsales.client import Freshsales
from workbench.freshsales.documents import MOST_BYTES, upload
from workbench.freshsales.records import (
    create_record,
    delete_record,
    find_all_by_source_id,
    find_by_source_id,
    read_record,
    update_record,
    upsert_record,
)
from workbench.freshsales.refusals import OutcomeUnknown, Reason, Refused

if TYPE_CHECKING:
    from conftest import Stub


def sent(stub: Stub) -> Any:
    return json.loads(stub.requests[-1].content)


def test_a_record_is_created_in_its_envelope(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(201, json={"task": {"id": 5, "title": "Recall"}})]
    made = create_record(tenant, "task", {"title": "Recall", "target": ("contact", 7), "status": 0})
    assert made == {"id": 5, "title": "Recall"}
    assert sent(stub) == {"task": {"title": "Recall", "targetable_type": "Contact", "targetable_id": 7, "status": 0}}


def test_a_keyed_upsert_says_whether_it_created(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(status, json={"contact": {"id": 5}}) for status in (201, 200)]
    fields = {"last_name": "A", "cf_source_system_id": "C1"}
    assert [upsert_record(tenant, "contact", fields) for _ in range(2)] == [({"id": 5}, True), ({"id": 5}, False)]
    assert sent(stub) == {
        "unique_identifier": {"cf_source_system_id": "C1"},
        "contact": {"last_name": "A", "custom_field": {"cf_source_system_id": "C1"}},
    }
    assert stub.asked == ["POST /contacts/upsert"] * 2


@pytest.mark.parametrize("body", [{"message": "ok"}, {"contact": None}, {"contact": {}}, [], True])
def test_a_success_without_the_record_is_unknown(stub: Stub, tenant: Freshsales, body: object) -> None:
    stub.answers = [httpx.Response(200, json=body)]
    with pytest.raises(OutcomeUnknown, match="holds no contact"):
        create_record(tenant, "contact", {"last_name": "A"})


def test_an_update_reads_first_so_that_no_custom_field_is_lost(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [
        httpx.Response(200, json={"sales_account": {"id": 5, "custom_field": {"cf_npi": "1", "cf_fax": "2"}}}),
        httpx.Response(200, json={"sales_account": {"id": 5}}),
    ]
    update_record(tenant, "account", 5, {"phone": "", "cf_fax": "3"})
    assert stub.asked == ["GET /sales_accounts/5", "PUT /sales_accounts/5"]
    assert sent(stub) == {"sales_account": {"phone": None, "custom_field": {"cf_npi": "1", "cf_fax": "3"}}}


def test_an_update_of_plain_fields_or_of_a_record_just_read_is_one_call(stub: Stub, tenant: Freshsales) -> None:
    stub.handler = lambda _: httpx.Response(200, json={"deal": {"id": 5}})
    update_record(tenant, "deal", 5, {"closed_date": "2024-01-02"})
    update_record(tenant, "deal", 5, {"cf_teeth": "3"}, before={"custom_field": {"cf_quadrant": "UR"}})
    assert stub.asked == ["PUT /deals/5"] * 2
    assert sent(stub) == {"deal": {"custom_field": {"cf_quadrant": "UR", "cf_teeth": "3"}}}


@pytest.mark.parametrize(("further", "kept"), [(["c@x.com"], ["c@x.com"]), ([], [])])
def test_a_change_of_further_e_mails_keeps_the_first(stub: Stub, tenant: Freshsales, further, kept) -> None:
    emails = [{"id": 1, "value": "a@x.com", "is_primary": True}, {"id": 2, "value": "b@x.com", "is_primary": False}]
    before = {"id": 5, "email": "a@x.com", "emails": emails}
    stub.answers = [httpx.Response(200, json={"contact": {"id": 5}})]
    update_record(tenant, "contact", 5, {"emails_more": further}, before=before)
    assert [one["value"] for one in sent(stub)["contact"]["emails"] if not one.get("_destroy")] == ["a@x.com", *kept]
    assert [one["id"] for one in sent(stub)["contact"]["emails"] if one.get("_destroy")] == [2]


def test_an_update_of_what_is_gone_is_refused(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(404)]
    with pytest.raises(Refused) as caught:
        update_record(tenant, "deal", 5, {"cf_teeth": "3"})
    assert caught.value.reason is Reason.NOT_FOUND


def test_deleting_twice_says_so(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(200, json=True), httpx.Response(404)]
    assert [delete_record(tenant, "deal", 5) for _ in range(2)] == [True, False]


def test_a_deal_is_read_with_the_links_that_stand_beside_it(stub: Stub, tenant: Freshsales) -> None:
    beside = {"users": [], "deal": {"id": 5}, "contacts": [{"id": 7}], "sales_accounts": [{"id": 3}]}
    stub.answers = [httpx.Response(200, json=beside), httpx.Response(404)]
    assert read_record(tenant, "deal", 5) == {"id": 5, "contacts": [{"id": 7}], "sales_account_id": 3}
    assert "include=owner%2Csales_account%2Ccontacts" in str(stub.requests[-1].url)
    assert read_record(tenant, "deal", 5) is None


def test_a_read_of_another_shape_is_not_a_missing_record(stub: Stub, tenant: Freshsales) -> None:
    stub.answers = [httpx.Response(200, json={})]
    with pytest.raises(TenantUnreachable, match="holds no deal"):
        read_record(tenant, "deal", 5)


def test_a_source_id_finds_exact_matches_alone_the_oldest_first(stub: Stub, tenant: Freshsales) -> None:
    hits = [{"id": 9, "custom_field": {"cf_source_system_id": "C1"}}, {"id": 4, "partial": True}]
    hits.append({"id": 1, "custom_field": {"cf_source_system_id": "c1"}})
    stub.handler = lambda _: httpx.Response(200, json={"contacts": {"contacts": hits}})
    assert [one["id"] for one in find_all_by_source_id(tenant, "contact", "C1")] == [4, 9]
    found = find_by_source_id(tenant, "lead", "C1")
    assert found is not None
    assert found["id"] == 4
    assert dict(stub.requests[-1].url.params) == {"q": "C1", "f": "cf_source_system_id", "entities": "contact"}
    stub.handler = lambda _: httpx.Response(200, json={"contacts": {"contacts": []}})
    assert find_by_source_id(tenant, "contact", "C1") is None


def test_a_file_travels_with_its_name_and_target(stub: Stub, tenant: Freshsales, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"pixels")
    stub.answers = [httpx.Response(201, json={"id": 5, "msg": "success", "url": "/x"})]
    assert upload(tenant, tmp_path / "x", 'pano "a".png', "deal", 7) == 5
    content = stub.requests[-1].content
    for part in (b"pixels", b'name="file_name"\r\n\r\npano "a".png', b"\r\n\r\nDeal\r\n", b"\r\n\r\n7\r\n"):
        assert part in content


def test_a_file_above_the_limit_is_refused_before_the_call(stub: Stub, tenant: Freshsales, tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(Refused, match="150 MB"):
        upload(tenant, tmp_path / "x", "x", "contact", 7)
    assert stub.asked == []


def test_an_upload_whose_answer_names_no_file_is_unknown(stub: Stub, tenant: Freshsales, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    stub.answers = [httpx.Response(200, json={"msg": "success"})]
    with pytest.raises(OutcomeUnknown):
        upload(tenant, tmp_path / "x", "x", "contact", 7)
