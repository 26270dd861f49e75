"""Keys: what was wrong with them at the door, which collide, and what they look like."""

import polars as pl

from workbench.profile.keys import profile_keys
from workbench.warehouse import open_warehouse

CONTACTS = """contact_id,is_deleted
C1001,N
c1001,N
C1002 ,N
AB 7,N
AB\u00a07,N
C1003,N
C1004,Y
"""
DELETIONS = (
    "object,record_id,deleted_at\ncontacts,C1003,2024-01-01\ncontacts,C1004,2024-01-01\ncontacts,C9,2024-01-01\n"
)


def keys_of(frame: pl.DataFrame, name: str) -> dict:
    return frame.row(by_predicate=pl.col("object") == name, named=True)


def test_keys_that_differ_only_in_case_or_look_alike_or_were_deleted_are_listed(land):
    warehouse = land(contacts=CONTACTS, record_deletions=DELETIONS)
    found = keys_of(profile_keys(warehouse), "contacts")
    wanted = {"differ_in_case": 2, "differ_in_unicode": 2, "reused_after_deletion": 1, "untrimmed": 1, "rows": 7}
    assert {name: found[name] for name in wanted} == wanted
    with open_warehouse(warehouse) as store:
        assert store.run("SELECT source_id, collision, other_id FROM profile.key_collisions ORDER BY 2, 1") == [
            ("C1001", "case", "c1001"),
            ("c1001", "case", "C1001"),
            ("C1003", "reused", None),
            ("AB 7", "unicode", "AB\u00a07"),
            ("AB\u00a07", "unicode", "AB 7"),
        ]


def test_the_main_shape_says_how_many_keys_have_it(land):
    found = keys_of(profile_keys(land(contacts="contact_id\nC1\nC1002\nX-7\n")), "contacts")
    assert (found["main_shape"], found["fit_main_shape"], found["shapes"]) == ("A9", 2, 2)
    assert (found["shortest"], found["longest"]) == (2, 5)


def test_what_the_door_rejected_is_counted_by_its_reason(land):
    warehouse = land()
    reasons = (
        "the same record again: kept once",
        "its key names several different records",
        "its key names several different records",
        "its key is blank",
        "its key was damaged by a spreadsheet",
        "3 values under a header of 4",
    )
    with open_warehouse(warehouse, write=True) as store:
        store.run("ALTER TABLE raw.rejected ADD COLUMN IF NOT EXISTS source_id VARCHAR")
        for reason in reasons:
            store.run("INSERT INTO raw.rejected (object, reason) VALUES ('cases', ?)", [reason])
    found = keys_of(profile_keys(warehouse), "cases")
    assert [found[name] for name in ("repeated_equal", "repeated_different", "blank", "damaged")] == [1, 2, 1, 1]


def test_objects_without_records_have_no_row(land):
    assert profile_keys(land())["object"].to_list() == ["users", "companies", "contacts", "cases"]
