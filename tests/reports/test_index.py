"""The first page of a run gives the verdict, the table that adds up, and a link to all the rest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from workbench.reports.page import StepLine, write_index

NOTHING = dict.fromkeys(("created", "updated", "unchanged", "held", "rejected", "excluded", "deferred"), 0)
SUMMARY: dict[str, Any] = {
    "mappings": {
        "patient": NOTHING | {"source": 1240, "created": 1200, "held": 30, "deferred": 10},
        "treatment_case": NOTHING | {"source": 410, "created": 400, "excluded": 10},
    },
    "calls": 4210,
    "seconds": {"wall": 204.2, "api": 14_760},
    "messages_to_patients": 0,
    "reconciled": True,
    "differences": 0,
    "zero_write": True,
    "checks": {"evaluated": 74, "passed": 71, "held": 30},
    "reconciliation": {"passed": 153, "failed": 0, "not_checked": 3},
}
STEPS = [
    StepLine("snapshot", "10_take_snapshot", "Take the snapshot", "green", "10_take_snapshot.html", 2.3, "12 files"),
    StepLine("load", "71_load", "Load", "open"),
]


def index(folder: Path, **changes: Any) -> str:
    run = folder / "r-17"
    run.mkdir(exist_ok=True)
    (run / "setup.json").write_text("{}")
    (run / "rebuild_reference.xlsx").write_text("")
    return write_index(run, STEPS, SUMMARY | changes, title="Migration", target="rehearsal").read_text("utf-8")


def words(html: str, pattern: str) -> str:
    found = re.search(pattern, html, re.DOTALL)
    assert found
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


@pytest.mark.parametrize(
    ("changes", "word", "line"),
    [
        pytest.param({}, "Reconciled", "What was delivered equals what is in the tenant.", id="reconciled"),
        pytest.param({"reconciled": False, "differences": 3}, "Not reconciled", "3 differences", id="differences"),
        pytest.param(
            {"reconciled": False, "differences": None},
            "Not reconciled yet",
            "nothing on this page is a result to sign",
            id="not yet",
        ),
        pytest.param(
            {"zero_write": False}, "Reconciled", "Planning again still finds rows to write.", id="rows to write"
        ),
        pytest.param(
            {"mappings": {"patient": NOTHING | {"source": 2, "created": 1}}},
            "Not reconciled",
            "Rows do not add up in: patient.",
            id="a row without a fate",
        ),
    ],
)
def test_the_verdict_comes_first(tmp_path, changes, word, line):
    html = index(tmp_path, **changes)
    assert f'<p class="word">{word}</p>' in html
    assert line in html
    assert html.index("verdict") < html.index("<table")


def test_every_mapping_has_its_rows_by_fate_and_a_sum(tmp_path):
    html = index(tmp_path)
    assert words(html, "<tr><th scope=.row.>patient.*?</tr>") == "patient 1,240 1,200 0 0 30 0 0 10"
    assert words(html, "<tfoot>.*?</tfoot>") == "All rows 1,650 1,600 0 0 30 0 10 10"


def test_both_clocks_and_the_calls_are_told(tmp_path):
    facts = words(index(tmp_path), "<dl>.*?</dl>")
    assert facts == (
        "API calls 4,210 API time 4.1 h Time on this machine 3.4 min Messages to patients 0"
        " Reconciliation checks 153 of 153 passed Not checked 3 Rules met by every row 71 of 74"
    )


def test_rules_that_some_rows_break_are_explained_beside_a_green_verdict(tmp_path):
    said = words(index(tmp_path), "</dl>.*?<h2>")
    assert "3 rules are not met by every row of the export. That is no error of the run" in said
    assert "(30 rows are held, column “held” below)" in said
    assert "3 things were not checked" in said


def test_nothing_is_explained_where_every_rule_is_met_and_everything_was_checked(tmp_path):
    met = {"evaluated": 74, "passed": 74, "held": 0}
    html = index(tmp_path, checks=met, reconciliation={"passed": 153, "failed": 0, "not_checked": 0})
    assert words(html, "</dl>.*?<h2>") == ""


def test_a_red_verdict_names_every_failed_check_and_where(tmp_path):
    failed = [
        "Every mapped field is equal: not so for 3 (patient)",
        "A second plan writes nothing: not so for 1 (all mappings)",
    ]
    html = index(tmp_path, reconciled=False, differences=3, failed=failed)
    assert [f"<p>{one}.</p>" in html for one in failed] == [True, True]


def test_steps_link_to_their_pages_and_files_that_exist_are_listed(tmp_path):
    html = index(tmp_path)
    assert '<a href="10_take_snapshot.html">Take the snapshot</a>' in html
    assert "<td>Load</td>" in html
    assert re.findall(r'<span class="state (\w+)">([^<]+)<', html) == [("green", "done"), ("open", "not run")]
    assert re.findall(r'<li><a href="([^"]+)"', html) == ["setup.json", "rebuild_reference.xlsx"]


def test_a_run_that_has_just_begun_has_an_index_too(tmp_path):
    html = write_index(tmp_path, [], {}, title="Migration", target="rehearsal").read_text("utf-8")
    assert "Not reconciled yet" in html
