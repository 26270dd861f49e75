"""Transcribe a workbook: every visible sheet becomes a CSV with each row in its place, and what to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.errors import ExportProblem


@dataclass(frozen=True)
class Sheet:
    """One visible sheet: record n of its CSV is row n of the sheet."""

    title: str
    path: Path
    findings: tuple[str, ...]


def is_workbook(path: Path) -> bool:
    """Say whether a file is a workbook by its name."""
    return path.suffix.lower() in (".xlsx", ".xlsm") and path.is_file()


def transcribe(workbook: Path, workroom: Path) -> list[Sheet]:
    """Return the visible sheets of a workbook as CSV files below `workroom`, written once."""
    raise ExportProblem(f"{workbook.name}: workbooks are not read yet.")
