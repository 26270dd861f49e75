"""Contacts, accounts and deals: what a write keeps, refuses, drops and sets off."""

import pytest


def test_a_contact_is_created_in_its_envelope_with_the_captured_keys(tenant):
    reply = tenant.post("/contacts", {"contact": {"first_name": "Ana", "emails": "ana@x.co"}})
    contact = reply.json()["contact"]
    assert reply.status_code == 201
    assert list(contact)[:5] == ["id", "first_name", "last_name", "display_name", "avatar"]
    assert len(str(contact["id"])) == 12
    assert contact["email"] == "ana@x.co"
    assert [(one["value"], one["is_primary"]) for one in contact["emails"]] == [("ana@x.co", True)]
    assert contact["subscription_status"] == 1
    assert "contact_status_id" not in contact
    assert contact["custom_field"]["cf_carrier"] is None


def test_a_flat_body_is_taken_as_well(tenant):
    assert tenant.post("/sales_accounts", {"name": "Flat"}).json()["sales_account"]["name"] == "Flat"


def test_a_contact_needs_something_to_be_known_by(tenant, messages):
    reply = tenant.post("/contacts", {"contact": {"first_name": "Ana"}})
    assert reply.status_code == 400
    assert messages(reply) == ["One of e-mail, mobile, work number or external ID can't be blank"]


def test_an_empty_email_rejects_the_whole_contact(tenant, messages):
    assert messages(tenant.post("/contacts", {"contact": {"email": "", "mobile_number": "1"}})) == ["Email is invalid"]


def test_a_primary_email_is_unique_without_case_and_also_against_the_bin(tenant, messages):
    first = tenant.contact(email="a@x.co")
    assert messages(tenant.post("/contacts", {"email": "A@X.co"})) == ["Contact is not unique"]
    tenant.call("DELETE", f"/contacts/{first['id']}")
    assert messages(tenant.post("/contacts", {"email": "a@x.co"})) == ["Contact is not unique"]
    tenant.call("DELETE", f"/contacts/{first['id']}/forget")
    assert tenant.post("/contacts", {"email": "a@x.co"}).status_code == 201


def test_a_second_email_may_be_someone_elses_primary(tenant):
    tenant.contact(email="a@x.co")
    reply = tenant.post("/contacts", {"emails": [{"value": "b@x.co", "is_primary": True}, {"value": "a@x.co"}]})
    assert reply.status_code == 201


def test_emails_merge_by_id_and_destroy_releases(tenant):
    made = tenant.contact(emails=["a@x.co", "b@x.co"])
    gone = {"id": made["emails"][0]["id"], "_destroy": True}
    contact = tenant.put(f"/contacts/{made['id']}", {"contact": {"emails": [gone]}}).json()["contact"]
    assert contact["email"] == "b@x.co"
    assert tenant.post("/contacts", {"email": "a@x.co"}).status_code == 201


def test_phone_numbers_are_echoed_with_ids(tenant):
    contact = tenant.contact(phone_numbers=[{"value": "+13125550100", "label": "Home"}])
    (phone,) = contact["phone_numbers"]
    assert (phone["value"], phone["label"]) == ("+13125550100", "Home")
    assert isinstance(phone["id"], int)


@pytest.mark.parametrize("shape", [5, ["5"], [{"id": "5"}], [{"id": 5, "is_primary": "yes"}], {"id": 5}])
def test_account_links_have_one_shape(tenant, messages, shape):
    reply = tenant.post("/contacts", {"mobile_number": "1", "sales_accounts": shape})
    assert messages(reply) == ["The type for sales_accounts is invalid."]


def test_account_links_are_shown_only_when_included(tenant):
    account = tenant.account()
    contact = tenant.contact(sales_accounts=[{"id": account["id"], "is_primary": True}])
    assert "sales_accounts" not in contact
    shown = tenant.get(f"/contacts/{contact['id']}", include="sales_accounts,owner")
    assert list(shown) == ["users", "contact", "meta"]
    assert [(one["name"], one["is_primary"]) for one in shown["contact"]["sales_accounts"]] == [("Smile", True)]


def test_contact_status_is_ignored_on_post_and_honoured_on_put(tenant):
    won = tenant.listing("contact_statuses")["Won"]
    made = tenant.contact(contact_status_id=won)
    path = f"/contacts/{made['id']}"
    assert tenant.get(path, include="contact_status")["contact"]["contact_status_id"] != won
    tenant.put(path, {"contact": {"contact_status_id": won}})
    shown = tenant.get(path, include="contact_status")
    assert shown["contact"]["contact_status_id"] == won
    assert [one["name"] for one in shown["contact_status"]] == ["Won"]


def test_created_at_in_a_body_is_ignored_and_shown_in_the_tenants_offset(tenant):
    contact = tenant.contact(created_at="2001-01-01T00:00:00Z")
    assert contact["created_at"][:4] != "2001"
    assert contact["created_at"][-6:] in ("-05:00", "-04:00")


def test_an_unknown_or_inactive_owner_is_refused(tenant, messages):
    (ana,) = [one["id"] for one in tenant.get("/selector/owners")["users"] if one["email"] == "ana@example.com"]
    assert tenant.contact(owner_id=ana)["owner_id"] == ana
    assert messages(tenant.post("/contacts", {"mobile_number": "1", "owner_id": 7})) == ["Owner is invalid"]
    tenant.post("/_tenant/setup", {"users": [{"email": "ana@example.com", "is_active": False}]})
    assert messages(tenant.post("/contacts", {"mobile_number": "1", "owner_id": ana})) == ["Owner is invalid"]


def test_an_account_name_is_unique_without_case_and_also_against_the_bin(tenant):
    account = tenant.account("Smile")
    refusal = {"errors": {"code": 400, "message": ["Company is not unique"]}}
    assert tenant.post("/sales_accounts", {"name": "SMILE "}).json() == refusal
    assert tenant.call("DELETE", f"/sales_accounts/{account['id']}").json() is True
    assert tenant.post("/sales_accounts", {"name": "smile"}).json() == refusal


def test_deleting_an_account_drops_its_deal_and_child_links_for_good(tenant):
    account = tenant.account()
    child = tenant.account("Child", parent_sales_account_id=account["id"])
    deal = tenant.post("/deals", {"name": "D", "amount": 1, "sales_account_id": account["id"]}).json()["deal"]
    tenant.call("DELETE", f"/sales_accounts/{account['id']}")
    tenant.post("/_tenant/restore", {"entity": "sales_accounts", "id": account["id"]})
    assert tenant.get(f"/deals/{deal['id']}")["deal"]["sales_account_id"] is None
    assert tenant.get(f"/sales_accounts/{child['id']}")["sales_account"]["parent_sales_account_id"] is None


def test_a_deal_needs_name_and_amount(tenant, messages):
    assert messages(tenant.post("/deals", {"deal": {}})) == ["Name can't be blank", "Amount can't be blank"]


@pytest.mark.parametrize(("sent", "shown"), [(5600, "5600.0"), ("1250.50", "1250.5"), ("0", "0.0"), (1e3, "1000.0")])
def test_money_is_decimal_text(tenant, sent, shown):
    assert tenant.post("/deals", {"name": "D", "amount": sent}).json()["deal"]["amount"] == shown


def test_a_deal_without_a_stage_takes_the_first_of_the_default_pipeline(tenant):
    deal = tenant.post("/deals", {"name": "D", "amount": 1}).json()["deal"]
    assert deal["deal_stage_id"] == tenant.listing("deal_stages")["New"]
    assert deal["closed_date"] is None


def test_a_won_deal_is_closed_today_whatever_its_body_says_and_a_put_corrects_it(tenant):
    tenant.at = 2_000_000_000  # 18 May 2033, 03:33 UTC: still the 17th in the tenant's zone
    ortho = tenant.get("/selector/deal_pipelines")["deal_pipelines"][1]
    won = next(one["id"] for one in ortho["deal_stages"] if one["name"] == "Done")
    made = tenant.post("/deals", {"name": "D", "amount": 1, "deal_stage_id": won, "closed_date": "2020-02-03"})
    deal = made.json()["deal"]
    assert (deal["closed_date"], deal["deal_pipeline_id"]) == ("2033-05-17", ortho["id"])
    fixed = tenant.put(f"/deals/{deal['id']}", {"closed_date": "2020-02-03"}).json()["deal"]
    assert fixed["closed_date"] == "2020-02-03"


def test_a_deals_contacts_stand_beside_it_when_included(tenant):
    contact = tenant.contact(first_name="Ana")
    deal = tenant.post("/deals", {"name": "D", "amount": 1, "contacts_added_list": [contact["id"]]}).json()["deal"]
    shown = tenant.get(f"/deals/{deal['id']}", include="contacts")
    assert [one["id"] for one in shown["contacts"]] == [contact["id"]]


def test_upsert_creates_once_by_a_unique_custom_field(tenant):
    body = {"unique_identifier": {"cf_source_system_id": "P-1"}, "contact": {"mobile_number": "1"}}
    first, second = tenant.post("/contacts/upsert", body), tenant.post("/contacts/upsert", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["contact"]["id"] == second.json()["contact"]["id"]
    assert first.json()["contact"]["custom_field"]["cf_source_system_id"] == "P-1"


def test_upsert_matches_live_records_only_while_unique_rules_see_the_bin(tenant, messages):
    body = {"unique_identifier": {"cf_source_system_id": "P-1"}, "contact": {"mobile_number": "1"}}
    made = tenant.post("/contacts/upsert", body).json()["contact"]
    tenant.call("DELETE", f"/contacts/{made['id']}")
    assert messages(tenant.post("/contacts/upsert", body)) == ["Source system ID is not unique"]


def test_upsert_by_email_overwrites_whoever_holds_it(tenant):
    made = tenant.contact(first_name="Ana", email="family@x.co")
    body = {"unique_identifier": {"emails": "family@x.co"}, "contact": {"first_name": "Ben"}}
    reply = tenant.post("/contacts/upsert", body)
    assert (reply.status_code, reply.json()["contact"]["id"]) == (200, made["id"])
    assert reply.json()["contact"]["first_name"] == "Ben"


def test_upsert_by_a_field_that_is_not_unique_is_refused(tenant, messages):
    body = {"unique_identifier": {"cf_npi": "1"}, "sales_account": {"name": "A"}}
    assert messages(tenant.post("/sales_accounts/upsert", body)) == ["cf_npi is not a unique identifier"]


def test_clone_copies_and_overrides(tenant):
    account = tenant.account("One", city="Austin")
    clone = tenant.post(f"/sales_accounts/{account['id']}/clone", {"sales_account": {"name": "Two"}}).json()
    assert (clone["sales_account"]["name"], clone["sales_account"]["city"]) == ("Two", "Austin")


def test_an_unknown_id_is_404_and_a_word_for_an_id_has_no_body(tenant):
    assert tenant.call("GET", "/contacts/12").json()["errors"]["code"] == 404
    reply = tenant.call("GET", "/contacts/abc")
    assert (reply.status_code, reply.content) == (404, b"")


def test_a_new_subscribed_contact_gets_messages_until_the_automations_are_off(bare):
    bare.contact(email="a@x.co")
    assert [one["name"] for one in bare.get("/_tenant/messages")["messages"]] == [
        "Welcome e-mail",
        "First sequence e-mail",
    ]
    bare.post("/_tenant/setup", {"switch_off": ["workflows", "sequences", "assignment rules"]})
    before = bare.get("/_tenant/side_effects")["total"]
    bare.contact(email="b@x.co")
    assert bare.get("/_tenant/messages")["total"] == 2
    assert bare.get("/_tenant/side_effects")["total"] == before


def test_nobody_unsubscribed_gets_a_message(bare):
    bare.contact(email="a@x.co", subscription_status=0)
    assert bare.get("/_tenant/messages")["total"] == 0


def test_a_merge_moves_the_children_to_the_survivor(tenant):
    one, two = tenant.contact(first_name="A"), tenant.contact(last_name="B")
    tenant.post("/notes", {"note": {"description": "n", "targetable_type": "Contact", "targetable_id": two["id"]}})
    tenant.post("/_tenant/merge", {"entity": "contacts", "survivor": one["id"], "merged": [two["id"]]})
    assert tenant.call("GET", f"/contacts/{two['id']}").status_code == 404
    assert [note["description"] for note in tenant.get(f"/contacts/{one['id']}/notes")["notes"]] == ["n"]
    assert tenant.get(f"/contacts/{one['id']}")["contact"]["last_name"] == "B"
