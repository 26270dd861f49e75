"""How the text of cells is read: column by column, from evidence, and never per row."""

from __future__ import annotations

import pytest

from workbench.errors import MappingProblem
from workbench.profile.readings import read_columns, unreadable_cells
from workbench.warehouse import open_warehouse


def as_read(warehouse, table, column):
    with open_warehouse(warehouse) as store:
        return [row[0] for row in store.run(f'SELECT "{column}" FROM profile.read_{table} ORDER BY source_row')]


def reading(warehouse, title, decided=None):
    frame = read_columns(warehouse, decided)
    table, column = title.split(".")
    return frame.filter((frame["object"] == table) & (frame["column"] == column)).to_dicts()[0]


def table(key, column, *cells):
    rows = [f'{place},"{cell.replace(chr(34), chr(34) * 2)}"' for place, cell in enumerate(cells, start=1)]
    return f"{key},{column}\n" + "".join(f"K{row}\n" for row in rows)


DAYS = {
    "ISO day": ("2021-03-04", "2021-03-04"),
    "ISO time with T": ("2021-03-04T08:05:00", "2021-03-04 08:05:00"),
    "time without seconds": ("2021-03-04 08:05", "2021-03-04 08:05:00"),
    "a time with an offset keeps it": ("2021-03-04T08:00:00Z", "2021-03-04T08:00:00Z"),
    "year first with slashes": ("2021/3/4", "2021-03-04"),
    "year first without marks": ("20210304", "2021-03-04"),
    "month first": ("3/4/2021", "2021-03-04"),
    "two digits of a year": ("03-04-21", "2021-03-04"),
    "afternoon": ("3/4/2021 2:30 PM", "2021-03-04 14:30:00"),
    "midnight": ("3/4/2021 12:00 am", "2021-03-04 00:00:00"),
    "month by name": ("Mar 4 2021", "2021-03-04"),
    "month in full": ("March 4, 2021", "2021-03-04"),
    "day, month by name": ("4-Mar-21", "2021-03-04"),
    "serial day": ("44259", "2021-03-04"),
    "serial time": ("44259.375", "2021-03-04 09:00:00"),
    "the spreadsheet's zero": ("1900-01-00", None),
    "the database's zero": ("0001-01-01", None),
    "serial zero as a day": ("12/30/1899", None),
    "the end of time": ("9999-12-31", None),
    "null word": ("N/A", None),
    "zero": ("0", None),
    "words stay as typed": ("next Tues", "next Tues"),
    "a day that never was": ("2/30/2021", "2/30/2021"),
    "serial 60": ("60", "60"),
    "no day at all": ("25:00", "25:00"),
}


def test_days_of_a_month_first_column_are_read_and_what_is_none_stays_as_typed(land):
    warehouse = land(cases=table("case_id", "expected_close_date", *(typed for typed, _ in DAYS.values()), "1/31/2021"))
    read_columns(warehouse)
    found = dict(zip(DAYS, as_read(warehouse, "cases", "expected_close_date"), strict=False))
    assert found == {name: read for name, (_, read) in DAYS.items()}


def test_the_order_of_a_column_is_decided_by_its_own_evidence_for_all_its_rows(land):
    warehouse = land(cases=table("case_id", "presented_at", "3/4/2021", "31/1/2021"))
    found = reading(warehouse, "cases.presented_at")
    assert (found["order"], found["rule"]) == (
        "day first",
        "0 values only month first, 1 only day first, 1 either; day first: 2",
    )
    assert as_read(warehouse, "cases", "presented_at") == ["2021-04-03", "2021-01-31"]


def test_a_column_that_holds_both_orders_is_read_only_where_a_part_above_twelve_says_which(land):
    warehouse = land(cases=table("case_id", "presented_at", "3/4/2021", "31/1/2021", "1/31/2021"))
    found = reading(warehouse, "cases.presented_at")
    assert (found["order"], found["unreadable"]) == ("both orders", 1)
    assert as_read(warehouse, "cases", "presented_at") == ["3/4/2021", "2021-01-31", "2021-01-31"]
    assert unreadable_cells(warehouse).rows() == [("cases", "presented_at", "K1")]


def test_a_column_without_evidence_follows_the_others_and_a_person_before_all(land):
    text = "case_id,presented_at,accepted_at\nK1,3/4/2021,31/1/2021\n"
    warehouse = land(cases=text)
    assert reading(warehouse, "cases.presented_at")["order"] == "day first"
    found = reading(warehouse, "cases.presented_at", {"cases.presented_at": "month first"})
    assert (found["order"], found["rule"]) == ("month first", "decided by a person; month first: 1")
    assert as_read(warehouse, "cases", "presented_at") == ["2021-03-04"]


def test_without_any_evidence_month_first_is_taken_and_said(land):
    warehouse = land(cases=table("case_id", "presented_at", "3/4/2021"))
    assert "please confirm" in reading(warehouse, "cases.presented_at")["rule"]


def test_a_birth_lies_in_the_past_and_another_day_may_lie_ahead(land):
    text = "contact_id,date_of_birth,cf_next_recall\nC1,12/13/62,12/13/30\nC2,12/13/19,12/13/62\n"
    warehouse = land(contacts=text)
    read_columns(warehouse)
    assert as_read(warehouse, "contacts", "date_of_birth") == ["1962-12-13", "2019-12-13"]
    assert as_read(warehouse, "contacts", "cf_next_recall") == ["2030-12-13", "1962-12-13"]


AMOUNTS = {
    "dollars": ("$1,234.50", "1234.50"),
    "currency": ("USD 45", "45"),
    "brackets": ("(45.00)", "-45.00"),
    "minus behind": ("45.00-", "-45.00"),
    "plain": ("1234.5", "1234.5"),
    "no charge is not zero": ("N/C", None),
    "unknown yet": ("TBD", None),
    "zero is zero": ("0", "0"),
    "scientific notation is lost": ("1.2E+03", "1.2E+03"),
    "no grouping of this country": ("12,34,56", "12,34,56"),
    "error cell": ("#N/A", None),
}


def test_amounts_are_read_exactly_and_what_is_none_stays_as_typed(land):
    warehouse = land(cases=table("case_id", "case_value", *(typed for typed, _ in AMOUNTS.values())))
    read_columns(warehouse)
    found = dict(zip(AMOUNTS, as_read(warehouse, "cases", "case_value"), strict=True))
    assert found == {name: read for name, (_, read) in AMOUNTS.items()}


def test_a_column_of_decimal_commas_is_read_as_one(land):
    warehouse = land(cases=table("case_id", "amount_paid", "1.234,50", "45,00", "1.234", "7"))
    assert reading(warehouse, "cases.amount_paid")["order"] == "decimal comma"
    assert as_read(warehouse, "cases", "amount_paid") == ["1234.50", "45.00", "1234", "7"]


FLAGS = {
    "yes": "Y",
    "T": "Y",
    "1": "Y",
    "X": "Y",
    "checked": "Y",
    "-1": "Y",
    "no": "N",
    "FALSE": "N",
    "0": "N",
    "n/a": None,
    "maybe": "maybe",
}


def test_yes_and_no_are_read_in_every_spelling_and_blank_stays_unknown(land):
    rows = "".join(f"C{place},{typed}\n" for place, typed in enumerate(FLAGS))
    warehouse = land(contacts=f"contact_id,do_not_contact\n{rows}C99,\n")
    read_columns(warehouse)
    assert as_read(warehouse, "contacts", "do_not_contact") == [*FLAGS.values(), None]


ZIPS = [
    ("2139", "MA", "02139"), ("2139", "TX", "2139"), ('="02139"', "MA", "02139"), ("'02139", "MA", "02139"), ("602", "PR", "00602"),
    ("60201-1234", "IL", "60201-1234"), ("7042.0", "NJ", "07042"), ("K1A 0B1", "", "K1A 0B1"), ("501", "NY", "00501"), ("501", "MA", "501"),
]  # fmt: skip


def test_a_lost_zero_of_a_zip_comes_back_only_where_the_state_says_so(land):
    rows = "".join(
        'C{},{},"{}"\n'.format(place, state, typed.replace('"', '""')) for place, (typed, state, _) in enumerate(ZIPS)
    )
    warehouse = land(contacts=f"contact_id,state,zip\n{rows}")
    read_columns(warehouse)
    assert as_read(warehouse, "contacts", "zip") == [read for _, _, read in ZIPS]


def test_links_take_the_spelling_of_the_key_they_name(land):
    warehouse = land(
        contacts="contact_id,company_id,guarantor_contact_id\nC1, p1 ,c2\nC2,0,NULL\nC3,P9,C3\n",
        tasks="task_id,related_object,related_id\nK1,Contact,c1\nK2,case,c1\nK3,none,\n",
    )
    read_columns(warehouse)
    assert as_read(warehouse, "contacts", "company_id") == ["P1", None, "P9"]
    assert as_read(warehouse, "contacts", "guarantor_contact_id") == ["C2", None, "C3"]
    assert as_read(warehouse, "tasks", "related_id") == ["C1", "c1", None]


def test_links_find_a_key_that_a_spreadsheet_guarded(land):
    warehouse = land(
        users='user_id,email,is_active\n"=""U1""",a@example.com,Y\n',
        contacts="contact_id,owner_user_id\nC1,u1\nC2,U1 \n",
    )
    read_columns(warehouse)
    assert as_read(warehouse, "contacts", "owner_user_id") == ["U1", "U1"]
    assert as_read(warehouse, "users", "user_id") == ["U1"]


def test_text_loses_what_a_spreadsheet_put_around_it_and_nothing_else(land):
    warehouse = land(
        notes=table("note_id", "body", '="00123"', "'123", "'tis none", "none", "NULL", "#REF!", "a_x000D_\nb", " x ")
    )
    read_columns(warehouse)
    assert as_read(warehouse, "notes", "body") == ["00123", "123", "'tis none", "none", None, None, "a\r\nb", " x "]


def test_reading_again_changes_nothing_and_a_decision_for_no_column_is_refused(land):
    warehouse = land(cases=table("case_id", "presented_at", "3/4/2021"))
    assert read_columns(warehouse).equals(read_columns(warehouse))
    with pytest.raises(MappingProblem) as stopped:
        read_columns(
            warehouse,
            {"cases.presentd_at": "day first", "cases.presented_at": "year first", "cases.case_name": "day first"},
        )
    assert str(stopped.value) == (
        "mappings/values/column_reading.csv has 3 problems:\n"
        "  cases.case_name: 'day first' is no reading of a text; there are none\n"
        "  cases.presentd_at: this snapshot has no such column\n"
        "  cases.presented_at: 'year first' is no reading of a date; there are month first, day first, serial days of 1904"
    )
