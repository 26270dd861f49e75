"""A column's profile says how filled it is, what it looks like, and nothing personal."""

import polars as pl
import pytest

from workbench.errors import StoreProblem
from workbench.profile.columns import profile_columns
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
