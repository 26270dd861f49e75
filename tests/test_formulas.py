"""No text of an export, a decision or a tenant is a formula in a file that people open in a spreadsheet."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable
from html import unescape
from pathlib import Path

import polars as pl
import pytest
from loaded import Loaded

from workbench.checks.work_list import Waiting, WorkList
from workbench.ledger.operations import Outcome
from workbench.ledger.plans import PlannedRow
from workbench.load.batches import BatchLog
from workbench.reconcile.books import write_books
from workbench.reports.fix_at_source import SCHEMA, write_fixes
from workbench.reports.held import write_held_workbook
from workbench.reports.premapping import write_premapping
from workbench.reports.rebuild_reference import write_rebuild_reference
from workbench.vocabulary import Operation, State

FORMULAS = ("=HYPERLINK(A1)", "+1+A1", "-2+A1", "@SUM(A1)", "\t=1+A1", "\r=1+A1")
FRAME = pl.DataFrame({"name": ["plain", *FORMULAS]})


def held(folder: Path) -> Path:
    def waiting(text: str) -> Waiting:
        return Waiting(
            "Other checks", text, text, text, text, text, 1, text, "Fix it", "admin", "here", "m", text, (), 1
        )

    path = folder / "held.xlsx"
    write_held_workbook(
        WorkList({"migration": "m", "target": "rehearsal"}, [waiting(one) for one in FORMULAS], {"m": FORMULAS}, 6),
        path,
    )
    return path


def fixes(folder: Path) -> Path:
    rows = [dict.fromkeys(SCHEMA, text) | {"cause": "Keys"} for text in FORMULAS]
    write_fixes(pl.DataFrame(rows, schema=SCHEMA), folder / "fix_at_source.xlsx")
    return folder / "fix_at_source.xlsx"


WORKBOOKS: dict[str, Callable[[Path], Path]] = {
    "held rows": held,
    "fix at the source": fixes,
    "pre-mapping": lambda folder: write_premapping({"fields": FRAME}, folder)[0],
    "rebuild reference": lambda folder: write_rebuild_reference({"carriers": FRAME}, folder)[0],
}


def unguarded(path: Path) -> list[str]:
    """Return the texts of a workbook that are formulas, or become one when somebody edits the cell."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name).decode() for name in book.namelist() if name.endswith(".xml")}
    shared = [
        unescape("".join(re.findall(r"<t[^>]*>(.*?)</t>", one, re.DOTALL))).replace("_x000D_", "\r")
        for one in re.findall(r"<si>(.*?)</si>", parts["xl/sharedStrings.xml"], re.DOTALL)
    ]
    formats = re.findall(r"<xf [^>]*>", parts["xl/styles.xml"].split("<cellXfs")[1].split("</cellXfs>")[0])
    found, seen = [], 0
    for name, xml in parts.items():
        if not name.startswith("xl/worksheets/"):
            continue
        found += re.findall(r"<f[ >].*?</f>", xml)
        for style, place in re.findall(r'<c r="[A-Z]+\d+"(?: s="(\d+)")? t="s"><v>(\d+)</v>', xml):
            text = shared[int(place)]
            seen += text in FORMULAS
            if text.startswith(("=", "+", "-", "@", "\t", "\r")) and 'quotePrefix="1"' not in formats[int(style or 0)]:
                found.append(text)
    assert seen >= len(FORMULAS), "the formulas are in it"
    return found


@pytest.mark.parametrize("kind", WORKBOOKS)
def test_a_workbook_keeps_it_text_also_when_somebody_edits_the_cell(kind: str, tmp_path: Path) -> None:
    assert unguarded(WORKBOOKS[kind](tmp_path)) == []


def test_the_books_of_a_reconciliation_hold_none(loaded: Loaded, tmp_path: Path) -> None:
    from dataclasses import replace

    found = loaded.reconcile()
    many = pl.concat([found.checks.head(1).with_columns(pl.lit(one).alias("ids")) for one in FORMULAS])
    write_books(replace(found, checks=many), tmp_path)
    assert unguarded(tmp_path / "reconciliation.xlsx") == []
    with (tmp_path / "reconciliation.csv").open(encoding="utf-8", newline="") as file:
        assert [row["ids"] for row in csv.DictReader(file)] == [f"'{one}" for one in FORMULAS]


def test_the_error_log_of_a_batch_holds_none(tmp_path: Path) -> None:
    log = BatchLog(tmp_path, "patient", 1)
    for place, text in enumerate(FORMULAS):
        row = PlannedRow(place, "patient", "contacts", text, Operation.CREATE, "f")
        log.note(row, Outcome(place, State.REJECTED, reason=text))
    log.close()
    with (tmp_path / "patient-0001.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source_id"], row["reason"]) for row in rows] == [
        (one, one) for one in (f"'{text}".replace("\r", " ") for text in FORMULAS)
    ]
