"""Held rows as people work through them: by cause on the terminal, and as a workbook in which decisions are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from workbench.checks.work_list import Waiting, WorkList, closed_choices, decision_words
from workbench.mapping.value_map import EXISTING
from workbench.privacy import FORMULA, screened
from workbench.reports.fix_at_source import ON_FILE
from workbench.warehouse import open_warehouse

HELD = (
    "SELECT rule, mapping, source_object, source_id, field, message FROM checked.held"
    " ORDER BY rule, mapping, source_object, source_id"
)
COLUMNS = ("rule", "mapping", "source_object", "source_id", "field", "message")


def held_rows(warehouse: Path) -> pl.DataFrame:
    """Return every held row with its cause; none while nothing is checked."""
    if warehouse.is_file():
        with open_warehouse(warehouse) as opened:
            if opened.has("checked.held"):
                return opened.frame(HELD)
    return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))


def count_causes(held: pl.DataFrame) -> pl.DataFrame:
    """Return one row a cause with the rows it holds, most rows first."""
    cause = ("rule", "mapping", "message")
    return held.group_by(cause).len("rows").sort("rows", *cause, descending=[True, False, False, False])


def held_by_reason(held: pl.DataFrame) -> pl.DataFrame:
    """Return one row a mapping and reason: the rows it holds and the first of their source ids."""
    reason = ("mapping", "field", "message")
    ids = pl.col("source_id").sort().head(5).str.join(", ").alias("ids")
    found = held.group_by(reason).agg(pl.len().alias("rows"), ids)
    return found.sort("mapping", "rows", *reason[1:], descending=[False, True, False, False])


STANDS = ("source_object", "source_id", "mapping", "field", "file", "record", "wrong", "fix", "who", "where")
DECIDES = ("value_map", "source_value", "rows", "choices", "decision", "destination_value", "note")
TYPED = DECIDES[-3:]
"""The columns that a person fills in."""
READ_ME, CHOICES = "Read me", "Choices"
MOST_LINES = 50_000
"""Lines on one sheet: nobody works through more, and what one decision ends stands first."""
WIDE = {"wrong": 44, "fix": 44, "where": 44, "choices": 34, "source_value": 30, "destination_value": 30, "note": 30}
SHOWN_CHOICES = 8
HOW_TO = (
    "Each sheet is one cause: which source row, where it stands, what is wrong, who can end it, and where.",
    "file and record: the record's place in the delivered file, counted without the header.",
    "The yellow cells are for decisions: decision, destination_value, note. One decision ends all rows of its spelling: type it"
    " once, on the first of them. A line left blank changes nothing.",
    "map takes the destination_value, keep the spelling as it is, blank leaves the field empty, ask leaves it open.",
    "May stand there already: adopt takes the record whose number stands in destination_value, create makes another one"
    " beside it, hold leaves the row held.",
    "Change no other cell, type no formulas, and save as .xlsx. Then:",
    'workbench status --read-back FILE --by "YOUR NAME" --target {target}',
)


def write_held_workbook(work: WorkList, path: Path) -> list[str]:
    """Write the work list and return its causes: a sheet that explains, one a cause, and the answers to choose from."""
    causes = work.causes()
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
        typed = book.add_format({"bg_color": "#FFF7CC", "border": 1, "border_color": "#D9CF9F", "num_format": "@"})
        by_cause = {cause: [one for one in work.waiting if one.cause == cause] for cause in causes}
        _explain(book.add_worksheet(READ_ME), work, by_cause, bold)
        places = {name: place for place, name in enumerate(sorted(work.choices))}
        for cause, part in by_cause.items():
            sheet = book.add_worksheet(cause[:31])
            names = STANDS + (DECIDES if any(one.value_map for one in part) else ())
            sheet.freeze_panes(1, 2)
            for column, name in enumerate(names):
                sheet.write_string(0, column, name, bold)
                sheet.set_column(column, column, WIDE.get(name, 16))
            for line, one in enumerate(part[:MOST_LINES], start=1):
                _write(sheet, line, _cells(one, work, names), typed if one.rows else plain, (plain, quoted))
                if one.rows:
                    _offer(sheet, line, one, names, work, places)
        if places:
            _list_choices(book.add_worksheet(CHOICES), work, bold, quoted)
    return causes


def _explain(sheet: Any, work: WorkList, by_cause: dict[str, list[Waiting]], bold: Any) -> None:
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 3, 46)
    told = [
        ("Held rows, and who can end what holds them",),
        (),
        *work.written_for.items(),
        (),
        *((one.format(**work.written_for),) for one in HOW_TO),
        (),
    ]
    for line, cells in enumerate(told):
        for column, text in enumerate(cells):
            sheet.write_string(line, column, text, bold if line == 0 else None)
    for column, name in enumerate(("sheet", "reasons", "who", "decisions to type")):
        sheet.write_string(len(told), column, name, bold)
    for line, (cause, part) in enumerate(by_cause.items(), start=len(told) + 1):
        left = f", the first {MOST_LINES:,} of them listed" if len(part) > MOST_LINES else ""
        cells = (
            cause,
            f"{len(part):,}{left}",
            "; ".join(sorted({one.who for one in part})),
            str(sum(one.rows > 0 for one in part)),
        )
        for column, text in enumerate(cells):
            sheet.write_string(line, column, text)


def _cells(one: Waiting, work: WorkList, names: tuple[str, ...]) -> dict[str, Any]:
    allowed = closed_choices(work, one) if one.value_map else ()
    more = f" … (sheet {CHOICES})" if len(allowed or ()) > SHOWN_CHOICES else ""
    special = {
        "fix": ON_FILE.get(one.wrong, one.fix),
        # A spelling that may hold personal data stands as its shape; it is found again by its row.
        "source_value": screened(one.spelling),
        "choices": "any" if allowed is None else ", ".join(allowed[:SHOWN_CHOICES]) + more,
        "rows": one.rows or None,
    }
    return {name: special.get(name, getattr(one, name, None)) for name in names}


def _write(sheet: Any, line: int, cells: dict[str, Any], typed: Any, texts: tuple[Any, Any]) -> None:
    for column, (name, value) in enumerate(cells.items()):
        if name in TYPED:
            sheet.write_blank(line, column, None, typed)
        elif isinstance(value, int):
            sheet.write_number(line, column, value)
        elif value:
            sheet.write_string(line, column, str(value), texts[str(value).startswith(FORMULA)])


def _offer(  # noqa: PLR0917 - one line of one sheet
    sheet: Any, line: int, one: Waiting, names: tuple[str, ...], work: WorkList, places: dict[str, int]
) -> None:
    """Let a spreadsheet offer the words and answers that are taken."""
    decision, answer = names.index(TYPED[0]), names.index(TYPED[1])
    words = {"validate": "list", "source": list(decision_words(one.value_map)), "error_type": "warning"}
    sheet.data_validation(line, decision, line, decision, words)
    stem = one.value_map if one.value_map in places else one.value_map.partition(".")[0]
    if one.value_map == EXISTING and one.choices and len(",".join(one.choices)) < 250:
        sheet.data_validation(line, answer, line, answer, {**words, "source": list(one.choices)})
    elif stem in places:
        column = xl_col_to_name(places[stem], col_abs=True)
        source = f"={CHOICES}!{column}$2:{column}${len(work.choices[stem]) + 1}"
        sheet.data_validation(line, answer, line, answer, {**words, "source": source})


def _list_choices(sheet: Any, work: WorkList, bold: Any, quoted: Any) -> None:
    for column, name in enumerate(sorted(work.choices)):
        sheet.write_string(0, column, name, bold)
        sheet.set_column(column, column, 30)
        for line, text in enumerate(work.choices[name], start=1):
            sheet.write_string(line, column, text, quoted if text.startswith(FORMULA) else None)
