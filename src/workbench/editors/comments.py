"""A pre-mapping workbook that came back: each comment is an open question in a value map, for an analyst to review."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from workbench.dental_exec.workbooks import Sheet, transcribe
from workbench.editors.work_list import read_work_list
from workbench.errors import ExportProblem, MappingProblem
from workbench.ledger.audit import note_act
from workbench.mapping.files import Mappings
from workbench.mapping.value_map import Decided, read_value_map, save_value_map
from workbench.reports.premapping import COMMENT
from workbench.settings import Settings
from workbench.vocabulary import Decision

COMMENTS = "premapping_comments"
"""The map of comments, by `source.column`: `ask` waits for a review, `keep` or `blank` say that it was reviewed."""
FIELDS = "fields"
Cells = dict[str, str]


def read_back(settings: Settings, mappings: Mappings, path: Path, *, by: str, on: str) -> dict[str, Any]:
    """Take what people typed into a workbook of ours: decisions of a work list, or comments of the pre-mapping document."""
    if not path.is_file():
        raise ExportProblem(f"There is no file {path}. Write one with: workbench status --held --xlsx {path}")
    with TemporaryDirectory() as room:
        for sheet in transcribe(path, Path(room)):
            if sheet.title == FIELDS:
                return _take(settings, mappings, path.name, list(_lines(sheet)), by=by, on=on)
    return read_work_list(settings, mappings, path, by=by, on=on)


def comment_frame(settings: Settings) -> pl.DataFrame:
    """Return one row a comment: the source column, what was said, by whom, and whether it waits; those that wait first."""
    found = read_value_map(COMMENTS, [settings.own_decisions]).rows.values()
    rows = [(one.source_value, one.note, one.decided_by, str(one.decision)) for one in found]
    schema = dict.fromkeys(("source column", "comment", "by", "decision"), pl.String)
    return pl.DataFrame(sorted(rows, key=lambda row: (row[3] != Decision.ASK, row)), schema=schema, orient="row")


def tell_waiting(settings: Settings) -> str:
    """Say how many comments wait for a review."""
    many = comment_frame(settings).filter(pl.col("decision") == Decision.ASK).height
    if not many:
        return "No comment waits for a review."
    wait = "1 comment waits" if many == 1 else f"{many} comments wait"
    return f"{wait} for a review in {COMMENTS}.csv; notebook 35 lists them. An approval does not answer them."


def _lines(sheet: Sheet) -> Iterator[Cells]:
    with sheet.path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, restval="")


def _take(settings: Settings, mappings: Mappings, name: str, lines: list[Cells], *, by: str, on: str) -> dict[str, Any]:
    """Write the comments; one that stands already stays as it is, with what was decided about it.

    A row whose source no mapping knows was changed by hand: it is left out and told, and the others are taken.
    """
    if missing := sorted({"source", "column", *COMMENT} - {one for line in lines[:1] for one in line}):
        raise ExportProblem(f"{name}: the sheet {FIELDS} lacks the columns {', '.join(missing)}")
    before = read_value_map(COMMENTS, [settings.own_decisions])
    rows, left, known_places = dict(before.rows), list[str](), 0
    for number, line in enumerate(lines, start=2):
        text, place = _one_line(line["comment"]), f"{line['source']}.{line['column']}"
        if not text:
            continue
        if line["source"] not in mappings.sources:
            left.append(str(number))
            continue
        known_places += 1
        if (known := rows.get(place)) is None or text not in known.note.split("; "):
            said = "; ".join([*([known.note] if known and known.note else []), text])
            rows[place] = Decided(place, Decision.ASK, "", line["comment by"].strip() or by, on, said)
    unknown = (
        f"their source is none of the mapping's: row{'s' * (len(left) > 1)} {' and '.join(left)} of the sheet {FIELDS}"
    )
    if left and not known_places:
        raise MappingProblem(f"{name}: nothing could be taken, since {unknown}. Nothing was written.")
    new = sum(before.rows.get(key) != row for key, row in rows.items())
    if new:
        save_value_map(settings.own_decisions, replace(before, rows=rows))
    note_act(settings, "comments read back", COMMENTS, by=by, rows=new)
    told = f"{new} comment{'s' * (new != 1)} to review in {COMMENTS}.csv; notebook 35 lists them."
    text = (told if new else "Nothing new is said there.") + (f" Left out, since {unknown}." if left else "")
    return {"file": name, "comments": new, "left_out": [int(one) for one in left], "text": text}


def _one_line(text: str) -> str:
    """Return a comment as a note holds it: its lines apart by a slash, and no semicolon, which parts one comment from another."""
    lines = [" ".join(line.split()) for line in text.replace("; ", ", ").splitlines()]
    return " / ".join(line for line in lines if line)
