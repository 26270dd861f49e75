"""Custom fields and single values: what the tenant keeps, drops without a word, or refuses."""

import pytest


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        pytest.param("cf_unknown", "x", "absent", id="unknown key"),
        pytest.param("cf_carrier", "Delta Dental", "Delta Dental", id="text of a choice"),
        pytest.param("cf_carrier", "delta dental", None, id="a choice in other letters"),
        pytest.param("cf_carrier", 31000, None, id="a number for a choice"),
        pytest.param("cf_languages", "English;Greek", "English", id="several, one unknown"),
        pytest.param("cf_referrer", "true", True, id="checkbox"),
        pytest.param("cf_referrer", "maybe", None, id="no checkbox value"),
        pytest.param("cf_recall_due", "2026-12-01", "2026-12-01", id="date"),
        pytest.param("cf_recall_due", "soon", None, id="no date"),
        pytest.param("cf_visits", "12.50", 12.5, id="number as text"),
        pytest.param("cf_visits", "many", None, id="no number"),
    ],
)
def test_what_cannot_be_kept_is_dropped_with_a_2xx(tenant, name, sent, kept):
    reply = tenant.post("/contacts", {"contact": {"mobile_number": "1", "custom_field": {name: sent}}})
    assert reply.status_code == 201
    assert reply.json()["contact"]["custom_field"].get(name, "absent") == kept


def test_a_custom_field_beside_custom_field_has_no_effect(tenant):
    contact = tenant.contact(cf_carrier="Cigna")
    assert contact["custom_field"]["cf_carrier"] is None


def test_over_long_text_is_refused_with_the_label(tenant, messages):
    body = {"mobile_number": "1", "custom_field": {"cf_source_system_id": "x" * 257}}
    assert messages(tenant.post("/contacts", body)) == ["Source system ID is too long (maximum is 256 characters)"]
    area = {"mobile_number": "1", "custom_field": {"cf_story": "x" * 10_000}}
    assert tenant.post("/contacts", area).status_code == 201


def test_put_replaces_the_whole_custom_field_object_unless_switched(tenant):
    made = tenant.contact(custom_field={"cf_carrier": "Cigna", "cf_visits": 2})
    path = f"/contacts/{made['id']}"
    after = tenant.put(path, {"contact": {"custom_field": {"cf_visits": 3}}}).json()["contact"]["custom_field"]
    assert (after["cf_carrier"], after["cf_visits"]) == (None, 3)
    tenant.post("/_tenant/switches", {"put_replaces_custom_field": False})
    after = tenant.put(path, {"contact": {"custom_field": {"cf_carrier": "Cigna"}}}).json()["contact"]["custom_field"]
    assert (after["cf_carrier"], after["cf_visits"]) == ("Cigna", 3)


def test_an_upsert_of_a_known_record_keeps_the_custom_fields_it_does_not_name(tenant):
    tenant.contact(custom_field={"cf_source_system_id": "P-1", "cf_carrier": "Cigna"})
    body = {"unique_identifier": {"cf_source_system_id": "P-1"}, "contact": {"custom_field": {"cf_visits": 3}}}
    after = tenant.post("/contacts/upsert", body).json()["contact"]["custom_field"]
    assert (after["cf_source_system_id"], after["cf_carrier"], after["cf_visits"]) == ("P-1", "Cigna", 3)


def test_a_put_without_custom_field_leaves_it_alone(tenant):
    made = tenant.contact(custom_field={"cf_visits": 2})
    after = tenant.put(f"/contacts/{made['id']}", {"contact": {"city": "Austin"}}).json()["contact"]
    assert (after["city"], after["custom_field"]["cf_visits"]) == ("Austin", 2)


def test_a_time_zone_is_a_rails_name(tenant, messages):
    assert tenant.contact(time_zone="Central Time (US & Canada)")["time_zone"] == "Central Time (US & Canada)"
    reply = tenant.post("/contacts", {"mobile_number": "1", "time_zone": "America/Chicago"})
    assert messages(reply) == ["Time zone is invalid"]


def test_a_unique_custom_field_is_enforced_without_case(tenant, messages):
    tenant.contact(custom_field={"cf_source_system_id": "P-1"})
    reply = tenant.post("/contacts", {"mobile_number": "2", "custom_field": {"cf_source_system_id": "p-1"}})
    assert messages(reply) == ["Source system ID is not unique"]


def test_standard_pick_lists_take_ids_and_drop_unknown_ones(tenant):
    dental = tenant.listing("industry_types")["Healthcare / Dental"]
    assert tenant.account("A", industry_type_id=dental)["industry_type_id"] == dental
    assert tenant.account("B", industry_type_id=5)["industry_type_id"] is None
    assert tenant.account("C", industry_type_id="Healthcare / Dental")["industry_type_id"] is None
