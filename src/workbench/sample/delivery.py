"""Writes one delivery: a CSV file an object, the attachments, and the manifest that promises them."""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any

from workbench.sample.papers import Attachment
from workbench.sample.practices import HOME_ZONE
from workbench.sample.truth import Draft, export_time

Row = dict[str, str]
Dirt = Callable[[str, Row], Row]
"""What a dialect does to a row of an object just before it is written; truth never sees it."""


def clean(source_object: str, row: Row) -> Row:
    """Return the row as it is."""
    del source_object
    return row


class DeliveryWriter:
    """Streams rows into their files, so that a large practice needs no memory; the manifest comes last."""

    def __init__(self, folder: Path, exported_at: datetime, dirt: Dirt = clean) -> None:
        facts: dict[str, Any] = tomllib.loads((files(__package__) / "columns.toml").read_text("utf-8"))
        self.folder = folder
        self.counts = dict.fromkeys(facts["objects"], 0)
        self._columns = {name: [*columns, *facts["common"]] for name, columns in facts["objects"].items()}
        self._manifest: list[str] = facts["manifest"]
        self._exported_at = export_time(exported_at)
        self._dirt = dirt
        self._files = ExitStack()
        self._writers: dict[str, csv.DictWriter[str]] = {}

    def __enter__(self) -> DeliveryWriter:
        (self.folder / "attachments").mkdir(parents=True)
        for name, columns in self._columns.items():
            path = self.folder / f"{name}.csv"
            lines = self._files.enter_context(path.open("w", encoding="utf-8", newline=""))
            self._writers[name] = csv.DictWriter(lines, columns, restval="", lineterminator="\n")
            self._writers[name].writeheader()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()
        if kind is None:
            self._promise()

    def write(self, source_object: str, row: Row) -> None:
        """Write one row of an object."""
        self._writers[source_object].writerow(self._dirt(source_object, row))
        self.counts[source_object] += 1

    def write_draft(self, draft: Draft) -> None:
        """Write an invented row; accounts made of an employer's text have none."""
        if draft.source_object in self._writers:
            self.write(draft.source_object, draft.row)

    def write_attachment(self, attachment: Attachment) -> None:
        """Write a file and its row in the index."""
        path = self.folder / attachment.draft.row["relative_path"]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(attachment.content)
        self.write_draft(attachment.draft)

    def _promise(self) -> None:
        with (self.folder / "export_manifest.csv").open("w", encoding="utf-8", newline="") as lines:
            manifest = csv.DictWriter(lines, self._manifest, lineterminator="\n")
            manifest.writeheader()
            for name, rows in self.counts.items():
                path = self.folder / f"{name}.csv"
                with path.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                manifest.writerow(
                    {
                        "file": path.name,
                        "object": name,
                        "part": "1",
                        "rows": str(rows),
                        "bytes": str(path.stat().st_size),
                        "sha256": digest,
                        "encoding": "utf-8",
                        "delimiter": ",",
                        "exported_at": self._exported_at,
                        "source_timezone": HOME_ZONE,
                        "mode": "full",
                        "since": "",
                    }
                )
