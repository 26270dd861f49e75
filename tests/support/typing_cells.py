"""A hand that types into a workbook: cells of an .xlsx are filled as a spreadsheet saves them, the rest stays as it is."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import fastexcel

Place = tuple[str, str, int]
"""A sheet, a column by its header, a row as a spreadsheet counts."""


def rows_of(path: Path, sheet: str) -> list[dict[str, str]]:
    """Return the rows under the header of a sheet; the first of them is row 2."""
    frame = fastexcel.read_excel(path).load_sheet(sheet, dtypes="string").to_polars()
    return [{name: value or "" for name, value in row.items()} for row in frame.iter_rows(named=True)]


def type_cells(path: Path, typed: Mapping[Place, str | int]) -> None:
    """Type texts, numbers, or formulas (a text that begins with "=") over cells."""
    names = fastexcel.read_excel(path).sheet_names
    with zipfile.ZipFile(path) as book:
        parts = {one: book.read(one) for one in book.namelist()}
    for (sheet, column, row), value in typed.items():
        place = f"xl/worksheets/sheet{names.index(sheet) + 1}.xml"
        header = fastexcel.read_excel(path).load_sheet(sheet, n_rows=0).to_polars().columns
        cell = f"{chr(65 + header.index(column))}{row}"
        xml = parts[place].decode()
        found = re.search(rf'<c r="{cell}"( s="\d+")?[^>]*?(?:/>|>.*?</c>)', xml)
        assert found, cell
        parts[place] = xml.replace(found[0], _cell(cell, found[1] or "", value), 1).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)


def _cell(cell: str, style: str, value: str | int) -> str:
    if isinstance(value, int):
        return f'<c r="{cell}"{style}><v>{value}</v></c>'
    if value.startswith("="):
        return f'<c r="{cell}"{style} t="str"><f>{escape(value[1:])}</f><v>map</v></c>'
    return f'<c r="{cell}"{style} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
