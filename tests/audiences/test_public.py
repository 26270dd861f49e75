"""The page for anybody tells the result and nobody: no name, and no count that says how few there are."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from attacker import computed

from workbench.audiences.public import write_public

NOTHING = dict.fromkeys(("created", "updated", "unchanged", "held", "rejected", "excluded", "deferred"), 0)
SUMMARY: dict[str, Any] = {
    "mappings": {
        "patient": NOTHING | {"source": 1240, "created": 1183, "updated": 20, "held": 30, "deferred": 7},
        "referring_dentist": NOTHING | {"source": 12, "created": 9, "held": 3},
        "treatment_case": NOTHING | {"source": 410, "created": 400, "excluded": 10},
        "owner": NOTHING | {"source": 6, "unchanged": 6},
        "call": NOTHING,
    },
    "calls": 4217,
    "seconds": {"wall": 204.2, "api": 14_760},
    "messages_to_patients": 0,
    "reconciled": True,
    "differences": 0,
    "zero_write": True,
    "reconciliation": {"passed": 153, "failed": 0, "not_checked": 3},
    "failed": [],
    "practices": [{"practice": "Lakeside Smiles", "source": 1240, "there": 1240}],
}
UNCHECKED = [
    {"not_checked": "Every file's bytes are there", "mapping": one, "rows": 97, "why": "the API returns no bytes"}
    for one in ("attachment", "lab_file")
]
ANCHORS = {"Snapshot": "f234cc1c", "Audit chain": "0f3a9c2b71d4e856", "Signed: mapping": "2026-11-02, 8d8e"}


def public(folder: Path, **changes: Any) -> str:
    run = folder / "lakeside-smiles-rehearsal-20261127-020000"
    out = write_public(run, SUMMARY | changes, UNCHECKED, target="rehearsal", anchors=ANCHORS)
    assert out == run / "public.html"
    return out.read_text("utf-8")


def table(html: str) -> list[list[str]]:
    """The counts of the table of mappings, its sums last."""
    rows = re.findall(r"<tr>(.*?)</tr>", html.partition('<table class="moved">')[2].partition("</table>")[0], re.DOTALL)
    cells = [[unescape(one) for one in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]
    return [row for row in cells if row and row[0] != "Mapping"]


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html.partition("<body")[2])).split())


def test_verdict_moved_rows_what_was_not_checked_time_and_anchors_stand_on_one_page(tmp_path: Path) -> None:
    html = public(tmp_path)
    said = text(html)
    for one in ("Reconciled", "up to 4.1 h", "153 of 153 passed", "the API returns no bytes", *ANCHORS.values()):
        assert one in said
    assert said.count("Every file's bytes are there") == 1
    assert "Run rehearsal-20261127-020000" in said
    assert "lakeside" not in html.lower()
    assert [row[0] for row in table(html)] == ["patient", "referring dentist", "treatment case", "owner", "all rows"]


SMALL = [
    pytest.param(SUMMARY["mappings"], id="a few"),
    pytest.param({"patient": NOTHING | {"source": 5, "created": 4, "held": 1}}, id="hardly anybody"),
    pytest.param({"patient": NOTHING | {"source": 20, "created": 10, "held": 10}}, id="as many as can be hidden"),
    pytest.param(
        {f"m{n}": NOTHING | {"source": 50 + n, "created": 50, "held": n} for n in range(12)}, id="many mappings"
    ),
    pytest.param(
        {"patient": NOTHING | {"source": 900, "created": 900}, "prospect": NOTHING | {"source": 2, "held": 2}},
        id="one small one",
    ),
]


@pytest.mark.parametrize("mappings", SMALL)
def test_no_small_count_is_shown_and_no_hidden_one_can_be_computed(tmp_path: Path, mappings: dict[str, Any]) -> None:
    html = public(tmp_path, mappings=mappings)
    rows = [row[1:] for row in table(html)]
    assert [cell for row in rows for cell in row if cell.isdigit() and 0 < int(cell) < 11] == []
    assert computed(rows, total=True, last=True) == {}


def test_a_hidden_count_stands_nowhere_else_on_the_page(tmp_path: Path) -> None:
    html = public(tmp_path)
    moved = {"patient": (1203, 37, 1240), "referring dentist": (9, 3, 12), "treatment case": (400, 10, 410)}
    moved |= {"owner": (6, 0, 6), "all rows": (1618, 50, 1668)}
    shown = {row[0]: row[1:] for row in table(html)}
    hidden = {
        f"{n:,}"
        for name, counts in moved.items()
        for n, cell in zip(counts, shown[name], strict=True)
        if cell in ("<11", "hidden")
    }
    assert {"9", "3", "10", "6"} <= hidden
    said = text(html.replace(ANCHORS["Audit chain"], "")).replace("from 1 to 10", "")
    assert {one for one in hidden if re.search(rf"(?<![\w.,-]){one}(?![\w.,-])", said)} == set()
    assert "4,217" not in said  # calls follow the records


def test_nobody_and_no_practice_is_named(tmp_path: Path) -> None:
    html = public(
        tmp_path, failed=["Every mapped field is equal: not so for 3 (patient)"], reconciled=False, differences=3
    )
    assert "Lakeside" not in html
    assert "Not reconciled" in text(html)
    assert "not so for" not in html


def test_a_run_that_has_not_come_so_far_says_so(tmp_path: Path) -> None:
    out = write_public(tmp_path / "r-1", {"mappings": {}, "differences": None}, [], target="rehearsal", anchors={})
    said = text(out.read_text("utf-8"))
    assert "Not reconciled yet" in said and "Nothing was compared yet." in said


def test_messages_that_patients_would_get_are_told_without_their_number_where_they_are_few(tmp_path: Path) -> None:
    assert "Messages to patients <11" in text(public(tmp_path, messages_to_patients=3))
