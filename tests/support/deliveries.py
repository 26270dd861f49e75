"""Deliveries that a test writes itself: an export cut down to a few people, then changed row by row."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass, field
from pathlib import Path

Row = dict[str, str]
KEYS = {
    "contacts": "contact_id",
    "companies": "company_id",
    "cases": "case_id",
    "appointments": "appointment_id",
    "tasks": "task_id",
    "notes": "note_id",
    "attachments": "attachment_id",
}
A_PERSON = {"cases": 1, "appointments": 1, "tasks": 1, "notes": 2, "attachments": 1}
"""So many rows of each kind hang on one person, at most."""


@dataclass
class Export:
    """The tables of one export in memory."""

    template: Path
    tables: dict[str, list[Row]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.template.glob("*.csv")):
            if path.stem != "export_manifest":
                with path.open(encoding="utf-8-sig", newline="") as file:
                    self.tables[path.stem] = list(csv.DictReader(file))

    def row(self, table: str, source_id: str) -> Row:
        """Return one row, to be changed."""
        return next(one for one in self.tables[table] if one[KEYS[table]] == source_id)

    def remove(self, table: str, *source_ids: str) -> list[Row]:
        """Take rows out and return them."""
        gone = [one for one in self.tables[table] if one[KEYS[table]] in source_ids]
        self.tables[table] = [one for one in self.tables[table] if one[KEYS[table]] not in source_ids]
        return gone

    def keep_people(self, people: list[str]) -> None:
        """Cut the export down to some people and a few rows that hang on each."""
        self.tables["contacts"] = [one for one in self.tables["contacts"] if one["contact_id"] in people]
        for table, most in A_PERSON.items():
            taken: dict[str, int] = {}
            kept = []
            for one in self.tables[table]:
                person = person_of(one)
                if person in people and taken.get(person, 0) < most:
                    taken[person] = taken.get(person, 0) + 1
                    kept.append(one)
            self.tables[table] = kept

    def hanging_on(self, table: str, person: str) -> list[str]:
        """Return the ids of the rows of a table that hang on a person."""
        return [one[KEYS[table]] for one in self.tables[table] if person_of(one) == person]

    def deliver(self, folder: Path) -> None:
        """Write the export as a delivery."""
        folder.mkdir(parents=True)
        if (self.template / "attachments").is_dir():
            shutil.copytree(self.template / "attachments", folder / "attachments")
        for name, rows in self.tables.items():
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)


def person_of(row: Row) -> str:
    """Return the person that a row hangs on directly, or nothing."""
    if row.get("related_object", "").lower() == "contact":
        return row["related_id"]
    return row.get("contact_id", "")
