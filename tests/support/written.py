"""A clean delivery and its truth, read back with nothing but the standard library."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OBJECTS = ("companies", "contacts", "cases", "appointments", "tasks", "notes", "attachments")


@dataclass(frozen=True)
class Written:
    """A delivery and its truth, as read back from disk."""

    folder: Path
    rows: dict[str, dict[str, dict[str, str]]]
    truth: dict[str, Any]

    def record(self, name: str) -> dict[str, Any]:
        source_object, _, source_id = name.partition("/")
        found = [r for r in self.truth["records"] if (r["source_object"], r["source_id"]) == (source_object, source_id)]
        assert len(found) == 1, name
        return found[0]

    def records(self, source_object: str, destination: str | None = None) -> list[dict[str, Any]]:
        """Records whose rows are in the delivery; what was removed at the source stays at the destination."""
        return [
            record
            for record in self.truth["records"]
            if record["source_object"] == source_object
            and destination in (None, record["destination"])
            and not record.get("removed")
        ]

    def fates(self, section: str, **like: str) -> list[dict[str, str]]:
        return [entry for entry in self.truth[section] if like.items() <= entry.items()]


def read_back(out: Path, delivery: str, truth: str) -> Written:
    folder = out / "exports" / delivery
    rows: dict[str, dict[str, dict[str, str]]] = {}
    for name in (*OBJECTS, "users"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
            read = list(csv.DictReader(lines))
        rows[name] = {next(iter(row.values())): row for row in read}
        assert len(rows[name]) == len(read), f"{name} repeats a key"
    return Written(folder, rows, json.loads((out / truth).read_text("utf-8")))
