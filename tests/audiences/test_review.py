"""Named reviewers get values in clear in one closed folder; everybody else a line that says so."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from loaded import KEY, Loaded

from workbench.audiences.review import NOBODY, RECORDS_A_PAGE, review_differences, review_sample
from workbench.journey.desk import reading, writing
from workbench.ledger.plans import last_plan
from workbench.reconcile.reconciliation import Reconciliation
from workbench.reports.sample_diff import compare_sample, sample_diff
from workbench.settings import Settings
from workbench.vocabulary import LOADING

PEOPLE = ["Ann Lee", "Bob Ray"]


def naming(loaded: Loaded, *people: str) -> Settings:
    """The practice's settings with these reviewers."""
    settings = loaded.practice.settings
    return replace(settings, values=settings.values | {"privacy": settings.values["privacy"] | {"reviewers": people}})


def review(loaded: Loaded, made: Reconciliation, *people: str) -> str:
    settings = naming(loaded, *people)
    with reading(settings) as desk:
        users = desk.schema.choices("users")
        return review_differences(settings, loaded.practice.mappings, desk.ledger, made, users, "")


def acts(settings: Settings) -> list[dict[str, object]]:
    with sqlite3.connect(settings.ledger) as ledger:
        rows = ledger.execute("SELECT detail FROM audit WHERE act = 'pages with values written' ORDER BY seq")
        return [json.loads(detail) for (detail,) in rows]


def rows_of(page: Path) -> list[list[str]]:
    """The lines of a reviewer's page: field, source, sent, there, compared."""
    lines = re.findall(r"<tr[^>]*><th scope=.row.>(.*?)</tr>", page.read_text("utf-8"), re.DOTALL)
    return [[unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.split(r"</t[hd]><td[^>]*>", line)] for line in lines]


def test_where_nothing_differs_there_is_no_page_with_values(loaded: Loaded) -> None:
    made = loaded.reconcile()
    assert review(loaded, made, "Ann Lee") == "No record differs, so there is no page with values for Ann Lee."
    assert list((loaded.practice.settings.runs / made.run_id / "review").glob("80_reconcile*")) == []


def test_the_sample_is_written_out_in_clear_and_told_to_everybody_by_shape(loaded: Loaded) -> None:
    settings, mappings = naming(loaded, *PEOPLE), loaded.practice.mappings
    with writing(settings, mappings) as session:
        plan = last_plan(session.ledger, session.run_id, *LOADING)
        assert plan is not None
        compared = compare_sample(session, plan)
        told = review_sample(settings, mappings, session.ledger, session.run_id, compared)
        folder = session.folder / "review"
    records = compared.select("mapping", "source_id").unique()
    shown = sum(min(one, 250) for (one,) in records.group_by("mapping").len().select("len").rows())
    assert told.startswith(f"{shown:,} records with their real values")
    person = next(
        one for one in loaded.truth["records"] if one["destination"] == "contact" and one["fields"].get("email")
    )
    email = person["fields"]["email"]
    rows = [row for page in folder.glob("70_sample-*.html") for row in rows_of(page)]
    [found] = [row for row in rows if row[0] == "email" and row[2].lower() == email.lower()]
    assert found[1].lower().strip() == f"email: {email}".lower() and found[2:] == [found[2], found[2], "as sent"]
    stages = {row[2] for row in rows if row[0] == "deal_stage_id"}
    assert stages and not any(one.isdigit() for one in stages)
    most = max(page.read_text("utf-8").count('scope="rowgroup"') for page in folder.glob("70_sample-*.html"))
    assert 1 < most <= RECORDS_A_PAGE
    diff = sample_diff(compared)
    assert email not in diff.fields.write_csv() + diff.differences.write_csv()


@pytest.fixture(scope="module")
def edited(loaded: Loaded) -> Iterator[tuple[Loaded, Reconciliation, dict[str, object]]]:
    """A reconciliation over a tenant where somebody moved one patient to another city and another account."""
    record = next(one for one in loaded.records("contacts") if one["city"] and one["sales_accounts"])
    accounts = [one["id"] for one in loaded.records("sales_accounts")]
    other = next(one for one in accounts if one != record["sales_accounts"][0]["id"])
    linked = [{"id": other, "is_primary": True}]
    with loaded.edited("contacts", record, city="Elsewhere Falls", sales_accounts=linked):
        yield loaded, loaded.reconcile(), record


def test_a_difference_shows_the_source_what_was_sent_and_what_is_there(edited) -> None:
    loaded, made, record = edited
    told = review(loaded, made, *PEOPLE)
    folder = loaded.practice.settings.runs / made.run_id / "review"
    assert told.startswith("1 record with their real values, for Ann Lee and Bob Ray: `data/runs/")
    [page] = list(folder.glob("80_reconcile-*.html"))
    rows = {row[0]: row[1:] for row in rows_of(page)}
    typed, *others = rows["city"]
    assert typed.removeprefix("city: ").split() == record["city"].split()
    assert others == [record["city"], "Elsewhere Falls", "value"]
    source, sent, there, cause = rows["account"]
    assert source == f"practice_id: {sent.partition('/')[2]}"
    assert re.fullmatch(r"\d+ \((companies|employers)/[^)]+\)", there) and sent not in there and cause == "link"
    assert record["custom_field"][KEY] in page.read_text("utf-8")
    first = (folder / "80_reconcile.html").read_text("utf-8")
    assert f'href="{page.name}"' in first and 'href="../index.html"' in first


def test_each_page_says_whose_values_it_holds_for_whom_and_how_it_ends(edited) -> None:
    loaded, made, _ = edited
    review(loaded, made, *PEOPLE)
    folder = loaded.practice.settings.runs / made.run_id / "review"
    for page in folder.glob("80_reconcile*.html"):
        text = " ".join(re.sub(r"<[^>]+>", "", page.read_text("utf-8").partition("<main>")[2]).split())
        assert "Patients’ values in clear For Ann Lee and Bob Ray only Never mail" in text
        assert "workbench purge --confirm deletes it" in text


def test_the_folder_is_its_owners_alone_whatever_the_umask_says(edited) -> None:
    loaded, made, _ = edited
    before = os.umask(0)
    try:
        review(loaded, made, *PEOPLE)
    finally:
        os.umask(before)
    folder = loaded.practice.settings.runs / made.run_id / "review"
    modes = [path.stat().st_mode & 0o777 for path in folder.iterdir()]
    assert (folder.stat().st_mode & 0o777, set(modes), len(modes) >= 2) == (0o700, {0o600}, True)


def test_the_audit_log_says_for_whom_how_many_records_were_written(edited) -> None:
    loaded, made, _ = edited
    before = len(acts(loaded.practice.settings))
    review(loaded, made, *PEOPLE)
    assert acts(loaded.practice.settings)[before:] == [{"step": "80_reconcile", "reviewers": PEOPLE, "records": 1}]


def test_where_nobody_is_named_nothing_is_written_and_what_was_goes(edited) -> None:
    loaded, made, _ = edited
    review(loaded, made, *PEOPLE)
    before = len(acts(loaded.practice.settings))
    assert review(loaded, made) == NOBODY
    assert "[privacy] reviewers" in NOBODY
    folder = loaded.practice.settings.runs / made.run_id / "review"
    assert list(folder.glob("80_reconcile*")) == []
    assert len(acts(loaded.practice.settings)) == before
