"""Finding records again: views, lookup, search, filtered search, lists, and their lag."""


def test_a_view_pages_with_its_list_first_and_meta_last(tenant):
    for n in range(3):
        tenant.account(f"A{n}")
    page = tenant.listed("sales_accounts", "All Accounts", per_page=2, page=2, sort="id", sort_type="asc")
    assert list(page) == ["sales_accounts", "meta"]
    assert [one["name"] for one in page["sales_accounts"]] == ["A2"]
    assert (page["meta"]["total_pages"], page["meta"]["total"]) == (2, 3)


def test_a_page_past_the_end_is_empty_with_totals_of_zero(tenant):
    tenant.account()
    page = tenant.listed("sales_accounts", "All Accounts", page=9)
    assert (page["sales_accounts"], page["meta"]["total_pages"], page["meta"]["total"]) == ([], 0, 0)


def test_per_page_above_a_hundred_is_clamped(tenant):
    for n in range(101):
        tenant.account(f"A{n}")
    assert len(tenant.listed("sales_accounts", "All Accounts", per_page=500)["sales_accounts"]) == 100


def test_users_stand_first_when_the_owner_is_side_loaded(tenant):
    me = tenant.get("/selector/owners")["users"][0]["id"]
    tenant.account(owner_id=me)
    page = tenant.listed("sales_accounts", "All Accounts", include="owner")
    assert list(page) == ["users", "sales_accounts", "meta"]
    assert [one["id"] for one in page["users"]] == [me]


def test_the_bin_is_a_view_and_deals_have_no_view_of_all(tenant):
    made = tenant.account()
    tenant.call("DELETE", f"/sales_accounts/{made['id']}")
    assert [one["is_deleted"] for one in tenant.listed("sales_accounts", "Recycle Bin")["sales_accounts"]] == [True]
    names = [one["name"] for one in tenant.get("/deals/filters")["filters"]]
    assert not any(name.startswith("All") for name in names)


def test_open_won_and_lost_deals_are_apart(tenant):
    stages = {
        one["name"]: one["id"] for one in tenant.get("/selector/deal_pipelines")["deal_pipelines"][1]["deal_stages"]
    }
    for name, stage in stages.items():
        tenant.post("/deals", {"name": name, "amount": 1, "deal_stage_id": stage})
    views = ("Open Deals", "Won Deals", "Lost Deals")
    assert [tenant.listed("deals", view)["deals"][0]["name"] for view in views] == ["Consult", "Done", "Gone"]


def test_every_view_answers(tenant):
    tenant.contact()
    for entity in ("contacts", "sales_accounts", "deals"):
        for one in tenant.get(f"/{entity}/filters")["filters"]:
            assert tenant.call("GET", f"/{entity}/view/{one['id']}").status_code == 200


def test_lookup_is_exact_nested_twice_and_lags_behind_a_create(tenant):
    tenant.at = 2_000_000_000.0
    made = tenant.contact(email="Ana@x.co", custom_field={"cf_source_system_id": "P-1"})
    query = {"q": "P-1", "f": "cf_source_system_id", "entities": "contact"}
    assert tenant.get("/lookup", **query) == {"contacts": {"contacts": []}}
    assert tenant.call("GET", f"/contacts/{made['id']}").status_code == 200
    tenant.at += 3
    assert [one["id"] for one in tenant.get("/lookup", **query)["contacts"]["contacts"]] == [made["id"]]
    both = tenant.get("/lookup", q="ana@X.co", f="email", entities="contact,sales_account")
    assert [one["id"] for one in both["contacts"]["contacts"]] == [made["id"]]
    assert both["sales_accounts"] == {"sales_accounts": []}


def test_lookup_finds_a_custom_field_that_is_not_unique(tenant):
    made = tenant.account("A", custom_field={"cf_npi": "1234567893"})
    tenant.wait(5)
    found = tenant.get("/lookup", q="1234567893", f="cf_npi", entities="sales_account")
    assert [one["id"] for one in found["sales_accounts"]["sales_accounts"]] == [made["id"]]


def test_after_an_update_the_new_value_lags_and_the_old_one_is_gone(tenant):
    made = tenant.contact(email="a@x.co")
    tenant.wait(5)
    tenant.put(f"/contacts/{made['id']}", {"contact": {"emails": [{"id": made["emails"][0]["id"], "value": "b@x.co"}]}})

    def found(value):
        return len(tenant.get("/lookup", q=value, f="email", entities="contact")["contacts"]["contacts"])

    assert (found("a@x.co"), found("b@x.co")) == (0, 0)
    tenant.at += 5
    assert found("b@x.co") == 1


def test_search_is_an_array_with_ids_as_text(tenant):
    made = tenant.contact(first_name="Josephine")
    tenant.wait(5)
    (hit,) = tenant.get("/search", q="josephine", include="contact,deal")
    assert (hit["id"], hit["type"], hit["name"]) == (str(made["id"]), "contact", "Josephine")


def test_filtered_search_gives_partial_records_and_a_total_without_pages(tenant):
    made = tenant.contact(email="a@x.co")
    tenant.contact(email="b@x.co")
    rule = {"attribute": "contact_email.email", "operator": "is_in", "value": "A@x.co"}
    tenant.wait(5)
    reply = tenant.post("/filtered_search/contact", {"filter_rule": [rule]}).json()
    assert reply["meta"] == {"total": 1}
    assert (reply["contacts"][0]["id"], reply["contacts"][0]["partial"]) == (made["id"], True)
    assert "custom_field" not in reply["contacts"][0]
    later = {"attribute": "updated_at", "operator": "is_after", "value": "2001-01-01T00:00:00Z"}
    assert tenant.post("/filtered_search/contact", {"filter_rule": [later]}).json()["meta"] == {"total": 2}


def test_lists_hold_contacts(tenant):
    made = tenant.contact()
    lists = [tenant.post("/lists", {"name": name}).json()["list"]["id"] for name in ("One", "Two")]
    body = {"ids": [made["id"]]}
    assert tenant.put(f"/lists/{lists[0]}/add_contacts", body).json() == {"message": "1 contact updated."}
    tenant.put(f"/lists/{lists[1]}/move_contacts", body | {"from_list_id": lists[0]})
    assert [len(tenant.get(f"/contacts/lists/{one}")["contacts"]) for one in lists] == [0, 1]
    assert tenant.get("/lists")["meta"] == {"total_pages": 1, "total": 2}
