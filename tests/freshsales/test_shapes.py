from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import MappingProblem
from workbench.freshsales.endpoints import SOURCE_ID, destination_of, endpoint, targetable
from workbench.freshsales.shapes import flatten, merged, shape
from workbench.vocabulary import Edition


def test_a_lead_is_a_contact_on_suite_and_a_lead_on_classic() -> None:
    suite, classic = endpoint("lead", Edition.SUITE), endpoint("lead", Edition.CLASSIC)
    assert (suite.path, suite.singular, suite.targetable_type) == ("/contacts", "contact", "Contact")
    assert (classic.path, classic.singular, classic.targetable_type) == ("/leads", "lead", "Lead")


@pytest.mark.parametrize("destination", ["account", "contact", "lead", "deal"])
def test_what_has_custom_fields_is_found_by_our_source_id_and_needs_no_marker(destination: str) -> None:
    for edition in Edition:
        where = endpoint(destination, edition)
        assert (where.has_custom_fields, where.upsert_key, where.marker_field) == (True, SOURCE_ID, None)


def test_what_has_none_carries_a_marker_in_its_text() -> None:
    kinds = ("task", "appointment", "note", "sales_activity")
    assert [endpoint(one).marker_field for one in kinds] == ["description", "description", "description", "notes"]


def test_bulk_is_keyed_by_what_was_seen_to_work() -> None:
    kinds = ("contact", "account", "deal")
    assert [endpoint(one).bulk_identifier for one in kinds] == ["emails", "name", None]


def test_an_unknown_destination_is_named() -> None:
    with pytest.raises(MappingProblem, match="There is no destination 'person'; there are account, appointment"):
        endpoint("person")


def test_targets_are_named_both_ways() -> None:
    assert [targetable(one) for one in ("account", "contact", "deal", "lead")] == [
        "SalesAccount",
        "Contact",
        "Deal",
        "Contact",
    ]
    assert targetable("lead", Edition.CLASSIC) == "Lead"
    assert targetable("SalesAccount") == "SalesAccount"
    assert destination_of("SalesAccount") == "account"
    assert destination_of("Contact") == "contact"


CONTACT = {
    "last_name": "Reyes",
    "email": "a@example.com",
    "emails_more": ["b@example.com"],
    "phone_numbers": [{"label": "Home", "value": "+15125550100"}],
    "account": 31,
    "owner_id": 9,
    "cf_referrer": False,
    "cf_source_system_id": "C1",
}
PLACES: list[Any] = [
    pytest.param(
        "contact",
        CONTACT,
        {
            "last_name": "Reyes",
            "emails": [
                {"value": "a@example.com", "is_primary": True},
                {"value": "b@example.com", "is_primary": False},
            ],
            "phone_numbers": [{"label": "Home", "value": "+15125550100"}],
            "sales_accounts": [{"id": 31, "is_primary": True}],
            "owner_id": 9,
            "custom_field": {"cf_referrer": False, "cf_source_system_id": "C1"},
        },
        id="contact",
    ),
    pytest.param("contact", {"email": "a@example.com"}, {"email": "a@example.com"}, id="one e-mail"),
    pytest.param(
        "contact",
        {"emails_more": ["b@x.org"]},
        {"emails": [{"value": "b@x.org", "is_primary": True}]},
        id="only a second",
    ),
    pytest.param("lead", {"account": 31}, {"sales_accounts": [{"id": 31, "is_primary": True}]}, id="lead on Suite"),
    pytest.param(
        "deal",
        {"name": "Crown", "amount": "1200.00", "account": 31, "contact": 77, "cf_teeth": "3"},
        {
            "name": "Crown",
            "amount": "1200.00",
            "sales_account_id": 31,
            "contacts_added_list": [77],
            "custom_field": {"cf_teeth": "3"},
        },
        id="deal",
    ),
    pytest.param(
        "account",
        {"name": "A", "parent": 1, "owner": 9},
        {"name": "A", "parent_sales_account_id": 1, "owner_id": 9},
        id="account",
    ),
    pytest.param(
        "note",
        {"description": "text", "target": ("deal", 5)},
        {"description": "text", "targetable_type": "Deal", "targetable_id": 5},
        id="note",
    ),
    pytest.param(
        "sales_activity",
        {"text": "said", "target": ["account", 5]},
        {"notes": "said", "targetable_type": "SalesAccount", "targetable_id": 5},
        id="sales activity",
    ),
]


@pytest.mark.parametrize(("destination", "fields", "record"), PLACES)
def test_flat_fields_find_their_place(destination: str, fields: dict[str, Any], record: dict[str, Any]) -> None:
    assert shape(destination, fields) == record


def test_nothing_empty_is_sent_unless_it_has_to_clear_a_field() -> None:
    fields = {"email": "", "emails_more": [], "job_title": None, "account": None, "cf_npi": "", "cf_referrer": False}
    assert shape("contact", fields) == {"custom_field": {"cf_referrer": False}}
    assert shape("contact", fields, keep_empty=True) == {
        "emails": [],
        "job_title": None,
        "sales_accounts": [],
        "custom_field": {"cf_npi": None, "cf_referrer": False},
    }
    assert shape("contact", {"email": None}, keep_empty=True) == {"email": None}
    assert shape("deal", {"account": None, "contact": None}, keep_empty=True) == {
        "sales_account_id": None,
        "contacts_added_list": [],
    }


def test_a_contact_comes_back_under_the_names_it_was_sent_with() -> None:
    record = {
        "id": 1,
        "last_name": "Reyes",
        "email": "a@example.com",
        "emails": [
            {"id": 5, "value": "a@example.com", "is_primary": True, "label": None, "_destroy": False},
            {"id": 6, "value": "b@example.com", "is_primary": False, "label": None, "_destroy": False},
        ],
        "phone_numbers": [{"id": 8, "label": "Home", "value": "+15125550100", "_destroy": False}],
        "sales_accounts": [{"id": 30, "is_primary": False}, {"id": 31, "is_primary": True}],
        "owner_id": 9,
        "custom_field": {"cf_referrer": False, "cf_source_system_id": "C1"},
        "links": {"notes": "…"},
    }
    assert flatten("contact", record) == {"id": 1, **CONTACT}


@pytest.mark.parametrize(
    ("destination", "record", "flat"),
    [
        pytest.param("contact", {"email": "a@b.c"}, {"email": "a@b.c", "emails_more": []}, id="a partial record"),
        pytest.param("contact", {"sales_accounts": []}, {"account": None}, id="no account"),
        pytest.param("contact", {"sales_accounts": [{"id": 3}]}, {"account": 3}, id="an account, none primary"),
        pytest.param(
            "deal", {"sales_account_id": 3, "contacts": [{"id": 7}]}, {"account": 3, "contact": 7}, id="links of a deal"
        ),
        pytest.param(
            "deal", {"contacts": [{"id": 9}, {"id": 7}]}, {"contact": [7, 9]}, id="more contacts than we sent"
        ),
        pytest.param("deal", {"sales_account": {"id": 3}}, {"account": 3}, id="a nested account"),
        pytest.param("task", {"targetables": [{"id": 5, "type": "Deal"}]}, {"target": ("deal", 5)}, id="task"),
        pytest.param(
            "sales_activity",
            {"targetable_id": 5, "targetable_type": "SalesAccount"},
            {"target": ("account", 5)},
            id="sales activity",
        ),
        pytest.param("account", {"parent_sales_account_id": 3}, {"parent_sales_account_id": 3}, id="parent"),
    ],
)
def test_links_come_back_flat(destination: str, record: dict[str, Any], flat: dict[str, Any]) -> None:
    assert flatten(destination, record) == flat


def test_a_put_keeps_the_custom_fields_it_does_not_name() -> None:
    record = {"custom_field": {"cf_npi": "1", "cf_fax": "2"}}
    assert merged(record, {"name": "A", "custom_field": {"cf_fax": None}}) == {
        "name": "A",
        "custom_field": {"cf_npi": "1", "cf_fax": None},
    }


def test_a_put_sends_back_known_entries_with_their_ids_and_marks_what_has_to_go() -> None:
    record = {"emails": [{"id": 5, "value": "A@x.org", "is_primary": True}, {"id": 6, "value": "old@x.org"}]}
    wanted = [{"value": "a@x.org", "is_primary": True}, {"value": "new@x.org", "is_primary": False}]
    assert merged(record, {"emails": wanted})["emails"] == [
        {"id": 5, "value": "a@x.org", "is_primary": True},
        {"value": "new@x.org", "is_primary": False},
        {"id": 6, "value": "old@x.org", "_destroy": True},
    ]
    assert merged({"phone_numbers": [{"id": 1, "value": "1"}]}, {"phone_numbers": None})["phone_numbers"] == [
        {"id": 1, "value": "1", "_destroy": True}
    ]


def test_a_deal_that_changes_its_contact_lets_the_old_one_go() -> None:
    body = merged({"contacts": [{"id": 7}, {"id": 8}]}, {"contacts_added_list": [8]})
    assert body == {"contacts_added_list": [8], "contacts_removed_list": [7]}


def test_our_tag_comes_and_goes_beside_those_of_people() -> None:
    marked = merged({"tags": ["VIP"]}, shape("contact", {"removed": True}, keep_empty=True))
    assert marked == {"tags": ["VIP", "Removed in Dental-Exec"]}
    assert merged(
        {"tags": ["Removed in Dental-Exec"]}, shape("contact", {"removed": True}, keep_empty=True)
    ) == marked | {"tags": ["Removed in Dental-Exec"]}
    assert (flatten("contact", marked)["removed"], flatten("contact", marked)["tags"]) == (True, ["VIP"])
    cleared = merged(marked, shape("contact", {"removed": None}, keep_empty=True))
    assert cleared == {"tags": ["VIP"]}
    assert flatten("contact", cleared)["removed"] is None


def test_a_classic_lead_keeps_its_company_inside() -> None:
    record = shape("lead", {"last_name": "Lund", "company_name": "Lakeside", "cf_x": "1"}, Edition.CLASSIC)
    assert record == {"last_name": "Lund", "company": {"name": "Lakeside"}, "custom_field": {"cf_x": "1"}}
    assert flatten("lead", {**record, "id": 7})["company_name"] == "Lakeside"
    there = {"id": 7, "company": {"name": "Lakeside", "city": "Erie"}}
    assert merged(there, {"company": {"name": "Seaside"}}) == {"company": {"name": "Seaside", "city": "Erie"}}
