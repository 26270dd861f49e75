"""The first page of a run gives the verdict, the table that adds up, and a link to all the rest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from workbench.reports.index import StepLine, write_index, write_sign_off
from workbench.reports.shown import show_table

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
    asked = {"passed": 153, "failed": 0, "not_checked": 0}
    html = index(tmp_path, checks=met, reconciliation=asked, messages_to_patients=None)
    assert words(html, "</dl>.*?<h2>") == ""


@pytest.mark.parametrize(
    ("count", "told"),
    [
        pytest.param(0, "0 means: no patient would have noticed the load.", id="none"),
        pytest.param(2, "Each of these would have reached a patient: switch off what sent it", id="some"),
    ],
)
def test_a_count_of_messages_says_what_it_counts(tmp_path, count, told):
    said = words(index(tmp_path, messages_to_patients=count), "</dl>.*?<h2>")
    assert said.startswith("Messages to patients: the rehearsal tenant sends none; it counts what its workflows")
    assert told in said


def test_a_mapping_without_rows_is_named_and_has_no_line_of_noughts(tmp_path):
    html = index(tmp_path, mappings=SUMMARY["mappings"] | {"claim_history": NOTHING | {"source": 0}, "deleted": {}})
    assert "No rows in this export for 2 mappings: claim history, deleted." in html
    assert re.findall("<th scope=.row.>(.*?)<", html) == ["patient", "treatment case", "All rows"]
    assert "No rows in this export" not in index(tmp_path)


def test_a_row_whose_source_was_never_counted_is_not_hidden(tmp_path):
    html = index(tmp_path, mappings={"astray": NOTHING | {"source": 0, "created": 1}})
    assert words(html, "<tr><th scope=.row.>astray.*?</tr>") == "astray 0 1 0 0 0 0 0 0"
    assert "Rows do not add up in: astray." in html


def test_the_journey_stands_as_steps_with_their_state(tmp_path):
    journey = words(index(tmp_path), "<ol class=.journey.*?</ol>")
    assert journey == "snapshot done load not run"


def test_pages_to_sign_say_what_to_read_them_for(tmp_path):
    run = tmp_path / "r-17"
    run.mkdir()
    steps = [
        StepLine("map", "35_premapping", "Pre-mapping", "green", "35_premapping.html", read_for="what becomes of rows"),
        StepLine("rollback", "99_roll_back", "Roll back", "open", read_for="what would be taken back"),
        StepLine("load", "71_load", "Load", "green", "71_load.html"),
    ]
    html = write_index(run, steps, SUMMARY, title="Migration", target="rehearsal").read_text("utf-8")
    read = words(html, "<ul class=.pages.*?</ul>")
    assert read == "Pre-mapping : what becomes of rows Roll back (not there yet): what would be taken back"


def test_the_run_links_to_its_files_and_names_what_it_is_bound_to(tmp_path):
    run = tmp_path / "r-17"
    run.mkdir()
    (run / "summary.json").write_text("{}")
    bound = {"Snapshot": "f234cc1c"}
    html = write_index(run, STEPS, SUMMARY, title="Migration", target="rehearsal", bound=bound).read_text("utf-8")
    assert '<a href="#files">Run r-17: its files</a>' in html
    assert '<h2 id="files">Files</h2>' in html
    assert '<th scope="row">Snapshot</th><td>f234cc1c</td>' in html


def test_the_page_to_sign_holds_verdict_open_ends_fates_hashes_and_a_place_to_sign_in_this_order(tmp_path):
    run = tmp_path / "r-17"
    tables = {
        "What was not checked": [show_table(pl.DataFrame({"what": ["bytes <b>"]}), "Not in the verdict")],
        "What is held": [],
    }
    out = write_sign_off(
        run,
        SUMMARY,
        tables,
        title="Sign-off",
        target="rehearsal",
        bound={"Snapshot": "f234cc1c"},
        sign="I take it over.",
        kept=["Until 2032-11-27."],
    )
    html = out.read_text("utf-8")
    places = [
        '<p class="word">Reconciled</p>',
        "bytes &lt;b&gt;",
        "<h2>What is held</h2>\n<p>None.</p>",
        "<h2>Every row has one fate</h2>",
        "<h2>What is kept, and until when</h2>\n<p>Until 2032-11-27.</p>",
        "f234cc1c",
        "<p>I take it over.</p>",
        "</main>",
    ]
    assert [html.count(one) for one in places] == [1] * len(places)
    assert sorted(places, key=html.index) == places


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
    table = html.partition('<table class="steps">')[2]
    assert re.findall(r'<span class="state (\w+)">([^<]+)<', table) == [("green", "done"), ("open", "not run")]
    assert re.findall(r'<li><a href="([^"]+)"', html) == ["setup.json", "rebuild_reference.xlsx"]


def test_a_run_that_has_just_begun_has_an_index_too(tmp_path):
    html = write_index(tmp_path, [], {}, title="Migration", target="rehearsal").read_text("utf-8")
    assert "Not reconciled yet" in html
