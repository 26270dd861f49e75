"""A column's profile says how filled it is, what it looks like, and nothing personal."""

import polars as pl
import pytest

from workbench.errors import StoreProblem
from workbench.profile.columns import list_null_words, profile_columns, share_filled
from workbench.warehouse import open_warehouse

CONTACTS = """contact_id,first_name,email,date_of_birth,cf_last_visit,cf_shoe
AB-1001,Ann,ann@example.com,1980-01-02,2024-03-01,42
AB-1002,Zoé,bob@example.com,1990-01-02,2025-03-01,43
AB-1003,,,,soon,44
"""


def column(frame: pl.DataFrame, name: str) -> dict:
    return frame.row(by_predicate=(pl.col("object") == "contacts") & (pl.col("column") == name), named=True)


def test_a_column_is_counted_shaped_and_typed(land):
    frame = profile_columns(land(contacts=CONTACTS))
    key = column(frame, "contact_id")
    assert (key["rows"], key["filled"], key["distinct"], key["shape"], key["likely_type"]) == (
        3,
        3,
        3,
        "AA-9999",
        "text",
    )
    name = column(frame, "first_name")
    assert (name["filled"], name["shortest"], name["longest"], name["shape"]) == (2, 3, 3, "Aaa")
    assert column(frame, "email")["likely_type"] == "e-mail"
    assert column(frame, "status")["likely_type"] == "empty"
    assert (column(frame, "cf_shoe")["in_contract"], column(frame, "cf_shoe")["likely_type"]) == (False, "integer")


def test_least_and_greatest_are_given_for_dates_of_the_practice_and_never_for_a_persons(land):
    frame = profile_columns(land(contacts=CONTACTS))
    visit = column(frame, "cf_last_visit")
    assert (visit["least"], visit["greatest"], visit["unreadable"]) == ("2024-03-01", "2025-03-01", 1)
    for name in ("date_of_birth", "email", "cf_shoe", "contact_id"):
        assert column(frame, name)["least"] is None


def test_blanks_around_words_for_nothing_and_broken_letters_are_counted(land):
    contacts = """contact_id,first_name,cf_plan_type,company_id,cf_last_visit
C1, Ann,N/A,0,1900-01-00
C2,JosÃ©,n/a ,P1,2024-01-02
C3, Zoé,PPO,,9999-12-31
C4,Renée’s,0,P1,
"""
    warehouse = land(contacts=contacts)
    frame = profile_columns(warehouse)
    assert [
        (column(frame, name)["untrimmed"], column(frame, name)["mojibake"]) for name in ("first_name", "cf_plan_type")
    ] == [
        (2, 1),
        (1, 0),
    ]
    assert list_null_words(warehouse).rows() == [
        ("contacts", "cf_plan_type", "n/a", 2),
        ("contacts", "cf_last_visit", "1900-01-00", 1),
        ("contacts", "cf_last_visit", "9999-12-31", 1),
        ("contacts", "company_id", "0", 1),
    ]


def test_the_most_used_shapes_are_told_with_their_counts(land):
    contacts = "contact_id,zip\nC1,60601\nC2,60602\nC3,60601-1234\nC4,6060\nC5,ABC\n"
    shown = column(profile_columns(land(contacts=contacts)), "zip")
    assert (shown["shape"], shown["shapes"]) == ("99999", "99999 (2) · 9999 (1) · 99999-9999 (1)")


def test_least_and_greatest_are_those_of_the_cells_as_read(land):
    warehouse = land(contacts="contact_id,cf_last_visit\nC1,3/4/24\nC2,3/14/24\n")
    visit = column(profile_columns(warehouse), "cf_last_visit")
    assert (visit["least"], visit["unreadable"]) == (None, 2)
    with open_warehouse(warehouse, write=True) as store:
        store.run(
            "CREATE TABLE profile.read_contacts AS SELECT * REPLACE"
            " (strftime(strptime(cf_last_visit, '%m/%d/%y'), '%Y-%m-%d') AS cf_last_visit) FROM raw.contacts"
        )
    visit = column(profile_columns(warehouse), "cf_last_visit")
    assert (visit["shape"], visit["least"], visit["greatest"], visit["unreadable"]) == (
        "9/9/99", "2024-03-04", "2024-03-14", 0,
    )  # fmt: skip


def test_the_share_of_filled_cells_is_given_by_place(land):
    contacts = "contact_id,status,title,email\nC1,New,,a@x.org\nC2,New,Dr,b@x.org\nC3,,,\n"
    frame = share_filled(profile_columns(land(contacts=contacts))).filter(pl.col("object") == "contacts")
    named = {row[0]: row[1:] for row in frame.select("column", "place", "percent", "filled").iter_rows()}
    assert [named[name] for name in ("contact_id", "lifecycle_role", "status", "title")] == [
        (1, 100.0, "full"),
        (2, 0.0, "empty"),
        (3, 66.7, "half or more"),
        (5, 33.3, "under half"),
    ]


def test_no_value_of_a_person_is_in_the_frame_or_the_table(land):
    warehouse = land(contacts=CONTACTS)
    shown = str(profile_columns(warehouse).to_dicts())
    with open_warehouse(warehouse) as store:
        shown += str(store.run("SELECT * FROM profile.columns"))
    assert not any(value in shown for value in ("Ann", "Zoé", "ann@", "1980", "AB-1001"))


def test_a_missing_snapshot_names_the_notebook_that_takes_it(tmp_path):
    with pytest.raises(StoreProblem, match=r"10_take_snapshot\.ipynb"):
        profile_columns(tmp_path / "warehouse.duckdb")
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True):
        pass
    with pytest.raises(StoreProblem, match=r"no snapshot to profile.*10_take_snapshot\.ipynb"):
        profile_columns(tmp_path / "warehouse.duckdb")
