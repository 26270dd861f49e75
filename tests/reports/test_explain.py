"""A row that was sent is explained from its file to what people changed since; what waits, by what it waits for."""

from __future__ import annotations

from loaded import KEY, Loaded

from workbench.journey.record import explain


def test_a_created_record_is_explained_to_its_read_back(loaded: Loaded) -> None:
    record = loaded.pick("contacts", city=...)
    told = explain(loaded.practice.settings, "contacts", record["custom_field"][KEY])
    assert (told["fate"], told["record"]["id"], told["record"]["origin"]) == ("created", record["id"], "created")
    assert told["source"]["file"]
    assert {"last_name", "city"} <= {one["field"] for one in told["read_back"]}
    assert [one["field"] for one in told["read_back"] if not one["equal"]] == []
    assert [one["state"] for one in told["operations"]][-1] == "applied"
    assert {one["run"] for one in told["operations"]} != {""}
    [account] = [one for one in told["links"] if one["field"] == "account"]
    assert account["record"].startswith("account ")


def test_a_waiting_row_is_explained_by_its_root(loaded: Loaded) -> None:
    deferred = loaded.reconcile().deferred
    mapping, source_id, root = deferred.filter(deferred["waits_for"].str.starts_with("contacts/")).row(0)
    told = explain(loaded.practice.settings, loaded.practice.mappings[mapping].source_object, source_id)
    assert (told["fate"], told["waits_for"], told["operations"]) == ("deferred", root, [])
    assert told["reasons"][0] == f"waits for {root}"
    assert told["reasons"][1].startswith("which is held: ")
    assert f"fate: deferred, waits for {root}" in told["text"]


def test_what_a_person_changed_since_is_told_as_a_difference(loaded: Loaded) -> None:
    record = loaded.pick("contacts", city=...)
    with loaded.edited("contacts", record, city="Elsewhere"):
        loaded.reconcile()
        told = explain(loaded.practice.settings, "contacts", record["custom_field"][KEY])
    assert [one["field"] for one in told["differences"]] == ["city"]
    assert "last reconciliation: city (" in told["text"]
    assert "Elsewhere" not in told["text"]
    loaded.reconcile()
