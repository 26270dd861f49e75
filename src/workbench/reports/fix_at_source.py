"""What a practice can put right in Dental-Exec before the next export: one row a record, by cause; ids and no values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
import xlsxwriter

from workbench.dental_exec.contract import read_contract
from workbench.errors import StoreProblem
from workbench.privacy import FORMULA, mask, shown_id
from workbench.reports.shown import Shown, show_table
from workbench.warehouse import Warehouse, open_warehouse

FRONT_DESK, ADMIN, BILLING = "front desk", "admin", "billing"
SHOWN = 200
GUARDS = re.compile(r"^[=\"'\s]+|[\"\s]+$")
"""What spreadsheets put around a key to keep it text."""
SCHEMA = dict.fromkeys(("cause", "object", "source_id", "column", "wrong", "fix", "who"), pl.String)
Row = tuple[str, str, str | None, str | None, str, str, str]


class Advice(NamedTuple):
    """What to do about one cause, and who does it."""

    cause: str
    fix: str
    who: str


ON_REJECTION = (
    (
        "values under a header",
        Advice(
            "Broken lines", "Take line breaks, tabs and delimiters out of the record's texts, and export again", ADMIN
        ),
    ),
    (
        "quote",
        Advice("Broken quotes", "Take the single quote mark out of the record's text, and export again", FRONT_DESK),
    ),
    (
        "damaged by a spreadsheet",
        Advice(
            "Damaged keys",
            "Export again, and send the file as it comes: do not open and save it in a spreadsheet",
            ADMIN,
        ),
    ),
    (
        "which may be shown nowhere",
        Advice("Keys that tell a person", "Export again, with the record's number in the key column", ADMIN),
    ),
    (
        "key is blank",
        Advice("Records without a key", "Give the record its number, or delete it if it is an empty line", ADMIN),
    ),
    (
        "several different records",
        Advice(
            "One key, several records", "Keep the right record, give the others their own number, or merge them", ADMIN
        ),
    ),
)
"""Reasons of raw.rejected by a part of their text; a record that was there twice and equal needs no repair."""
ON_TIME = {
    "in the hour that daylight saving skips": Advice("Times that do not exist", "Enter the hour at which it really was", FRONT_DESK),
    "ends before it starts": Advice("Appointments that end before they start", "Enter the right start or end", FRONT_DESK),
}  # fmt: skip
ON_PARENT = {
    "self": "the company is its own parent",
    "cycle": "the company stands in a circle of parents",
    "missing": "the parent is nowhere in the export",
}
ON_FILE = {
    "a row without its file": "Attach the document again, or delete the entry",
    "the file is empty": "Scan or attach the document again",
    "its path leaves the delivery": "Attach the document again from inside Dental-Exec",
    "the file's name differs in case": "Rename the file as the entry has it, and export again",
    "its size is not that of the index": "Export again, and copy the files whole",
    "its hash is not that of the index": "Export again, and copy the files whole",
    "its extension is not that of its content": "Save the document with the right extension and attach it again",
    "the file is over 150 MB": "Save the document smaller, or agree that it stays behind",
    "several rows name this file": "Delete the entries that are not needed",
    "a file that no row names": "Attach the document to its record, or leave it out of the export",
}
ORPHAN = Advice("Links to nothing", "Open the record and choose the right one, or clear the field", FRONT_DESK)
PARENT = Advice("Parents of companies", "Choose the right parent company, or clear the field", ADMIN)
ZONE = Advice("Time zones", "Enter the zone by its place, such as America/Chicago", ADMIN)
FILE = Advice("Files", "", FRONT_DESK)
ALIKE = Advice("Keys that look alike", "Give one of the two records another number, or merge them", ADMIN)
REUSED = "Give the record a number that no deleted record had"
USER = Advice("Users without an e-mail of their own", "Enter the person's own e-mail with the user", ADMIN)


def list_fixes(warehouse: Path) -> pl.DataFrame:
    """Return what can be put right at the source, one row a record and problem, in the order of the causes.

    What no notebook of the profile has written yet is left out.
    """
    with open_warehouse(warehouse) as store:
        if not store.has("raw.deliveries"):
            raise StoreProblem(
                "There is no snapshot. Run notebooks/10_take_snapshot.ipynb, or: workbench run --to snapshot"
            )
        rows = [row for part in PARTS for row in part(store)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def count_fixes(fixes: pl.DataFrame) -> pl.DataFrame:
    """Return one row a cause and person: how many records wait for whom, most first."""
    return (
        fixes.group_by("cause", "who")
        .agg(pl.len().cast(pl.Int64).alias("records"))
        .sort("records", "cause", "who", descending=[True, False, False])
    )


def show_fixes(fixes: pl.DataFrame) -> Shown:
    """Show one table a cause, each of at most two hundred rows."""
    tables = [
        show_table(part.drop("cause"), f"{cause}: {part.height:,}", limit=SHOWN)
        for (cause,), part in fixes.group_by("cause", maintain_order=True)
    ]
    if not tables:
        return show_table(fixes.drop("cause"), "Nothing to fix")
    return Shown("".join(one.html for one in tables), "; ".join(one.plain for one in tables))


def write_fixes(fixes: pl.DataFrame, path: Path) -> list[str]:
    """Write the fixes as a workbook, one sheet a cause, and return the causes."""
    causes = fixes["cause"].unique(maintain_order=True).to_list()
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
        for cause in causes or ["Nothing to fix"]:
            sheet = book.add_worksheet(str(cause)[:31])
            sheet.freeze_panes(1, 0)
            part = fixes.filter(pl.col("cause") == cause).drop("cause").with_columns(pl.lit("").alias("done"))
            for column, name in enumerate(part.columns):
                sheet.write_string(0, column, name, bold)
                sheet.set_column(column, column, 48 if name in ("wrong", "fix") else 18)
            for line, row in enumerate(part.iter_rows(), start=1):
                for column, value in enumerate(row):
                    text = str(value or "")
                    sheet.write_string(line, column, text, quoted if text.startswith(FORMULA) else wrapped)
    return causes


def _rejected(store: Warehouse) -> Iterator[Row]:
    key = "source_id" if "source_id" in store.columns("raw.rejected") else "NULL::VARCHAR"
    found = store.run(
        f"SELECT object, {key}, file, first_line, last_line, reason FROM raw.rejected ORDER BY object, file, first_line"
    )
    for text, advice in ON_REJECTION:
        for name, source_id, file, first, last, reason in found:
            if text in reason:
                lines = f"line {first}" if first == last else f"lines {first} to {last}"
                where = f"{file}, {lines}" if first is not None else str(file)
                bare = GUARDS.sub("", source_id) if source_id else None
                yield advice.cause, name, bare, None, f"{where}: {reason}", advice.fix, advice.who


def _orphans(store: Warehouse) -> Iterator[Row]:
    if store.has("profile.orphan_keys"):
        for name, source_id, link, target, target_id, state in store.run("FROM profile.orphan_keys ORDER BY 1, 3, 2"):
            fix = ORPHAN.fix if "nowhere" in state else "Repair the rejected record first; then this link is right"
            yield ORPHAN.cause, name, source_id, link, f"names {target} {shown_id(target_id)}: {state}", fix, ORPHAN.who


def _unreadable(store: Warehouse) -> Iterator[Row]:
    """The cells that no reading fits, as profile.unreadable lists them."""
    if store.has("profile.unreadable"):
        for name, column, source_id in store.run(
            'SELECT object, "column", source_id FROM profile.unreadable ORDER BY 1, 2, 3'
        ):
            said = read_contract().objects[name]
            is_money = column in said.numbers or "claim" in column
            kind = "number" if column in said.numbers else "date" if column in said.dates else "value"
            yield (
                "Cells that cannot be read", name, source_id, column, f"its {kind} cannot be read",
                f"Enter a plain {kind}, or clear the field", BILLING if is_money else FRONT_DESK,
            )  # fmt: skip


def _times(store: Warehouse) -> Iterator[Row]:
    if store.has("profile.clock_keys"):
        found = store.run("SELECT object, source_id, column_name, problem FROM profile.clock_keys ORDER BY 4, 1, 3, 2")
        for name, source_id, column, problem in found:
            if advice := ON_TIME.get(problem):
                yield advice.cause, name, source_id, column, problem, advice.fix, advice.who


def _zones(store: Warehouse) -> Iterator[Row]:
    if store.has("profile.zones"):
        for company, problem in store.run(
            "SELECT company_id, problem FROM profile.zones WHERE problem IS NOT NULL ORDER BY 1"
        ):
            yield ZONE.cause, "companies", company, "time_zone", f"the time zone is: {problem}", ZONE.fix, ZONE.who


def _parents(store: Warehouse) -> Iterator[Row]:
    if store.has("profile.parents"):
        found = store.run("SELECT company_id, problem FROM profile.parents WHERE problem IS NOT NULL ORDER BY 2, 1")
        for company, problem in found:
            wrong = ON_PARENT[problem]
            yield PARENT.cause, "companies", company, "parent_company_id", wrong, PARENT.fix, PARENT.who


def _files(store: Warehouse) -> Iterator[Row]:
    if store.has("profile.file_problems"):
        found = store.run("SELECT attachment_id, problem, path, bytes FROM profile.file_problems ORDER BY 2, 1, 3")
        for attachment, problem, path, size in found:
            if fix := ON_FILE.get(problem):
                # A file's name often names a patient: without an id it is shown by its shape and size.
                wrong = problem if attachment else f"{problem}: {mask(path)}, {size:,} bytes"
                yield FILE.cause, "attachments", attachment, "relative_path", wrong, fix, FILE.who


def _keys(store: Warehouse) -> Iterator[Row]:
    if store.has("profile.key_collisions"):
        found = store.run("SELECT object, source_id, collision, other_id FROM profile.key_collisions ORDER BY 1, 2, 3")
        for name, source_id, collision, other in found:
            if other is None:
                yield ALIKE.cause, name, source_id, None, "a deleted record had this number", REUSED, ALIKE.who
            else:
                wrong = f"differs from {other} only in {'case' if collision == 'case' else 'look-alike characters'}"
                yield ALIKE.cause, name, source_id, None, wrong, ALIKE.fix, ALIKE.who


def _users(store: Warehouse) -> Iterator[Row]:
    if store.has("profile.owners"):
        for user, has_email, records in store.run(
            "SELECT user_id, has_email, records FROM profile.owners"
            " WHERE is_known AND is_active AND records > 0 AND (NOT has_email OR email_shared) ORDER BY 1"
        ):
            wrong = f"{'shares an e-mail' if has_email else 'has no e-mail'}, and owns {records:,} records"
            yield USER.cause, "users", user, "email", wrong, USER.fix, USER.who


PARTS: tuple[Callable[[Warehouse], Iterator[Row]], ...] = (
    _rejected, _keys, _orphans, _unreadable, _times, _zones, _parents, _users, _files,
)  # fmt: skip
"""Where fixes come from, in the order of the page."""
