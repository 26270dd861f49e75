"""Writes one delivery: the tables in the dialect asked for, the attachments, and the manifest that promises them."""

from __future__ import annotations

import csv
import hashlib
import shutil
import tempfile
import tomllib
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any

from workbench.sample.formats import HEALTHY, Dialect, Sheet, Tables, TextFile, Wound
from workbench.sample.papers import Attachment
from workbench.sample.practices import HOME_ZONE
from workbench.sample.spellings import Way, type_row
from workbench.sample.truth import Draft, export_time

Row = dict[str, str]
MANIFEST = "export_manifest.csv"


@dataclass(frozen=True)
class Plan:
    """What a delivery looks like: the dialect of each file, how columns are typed, and whether all of it is packed."""

    dialects: tuple[Dialect, ...]
    ways: dict[str, dict[str, Way]] = field(default_factory=dict)
    hidden: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    recalls: tuple[dict[str, Any], ...] = ()
    code: str = ""

    def readings(self) -> dict[str, str]:
        """Return how the times and amounts of each column have to be read."""
        return {
            f"{name}.{column}": self.orders[form]
            for name, columns in self.ways.items()
            for column, way in columns.items()
            if (form := way.get("time") or way.get("money")) in self.orders
        }


@dataclass(frozen=True)
class Place:
    """Where a record stands: the file inside the delivery, and its lines."""

    file: str
    first_line: int
    last_line: int


def read_plan(dialect: str) -> Plan:
    """Return the plan of a dialect: clean is one plain file an object."""
    if dialect == "clean":
        return Plan(tuple(Dialect(name, f"{name}.csv") for name in _columns()))
    facts = _facts(f"{dialect}.toml")
    dialects = tuple(Dialect(**one) for one in facts["files"])
    return Plan(
        dialects,
        ways=facts["cells"],
        hidden=facts["hidden_sheets"],
        orders=facts["orders"],
        recalls=tuple(facts["recalls"]),
        code=facts["code"],
    )


class DeliveryWriter:
    """Streams rows into their files, so that a large practice needs no memory; the manifest comes last."""

    def __init__(self, exports: Path, exported_at: datetime, plan: Plan, *, patients: int = 0) -> None:
        self.exports = exports
        self.plan = plan
        self.counts: dict[str, int] = dict.fromkeys(_columns(), 0)
        self.zip_zeros = 0
        self._exported_at = exported_at
        self._contacts_a_part = max(1, patients * 2 // 5)
        self._columns = _columns()

    def __enter__(self) -> DeliveryWriter:
        self.exports.mkdir(parents=True, exist_ok=True)
        self._archive: zipfile.ZipFile | None = None
        self._folder = self.exports / f"{self._exported_at:%Y-%m-%d}"
        if self.plan.code:
            name = f"dental-exec-export_{self.plan.code}_{self._exported_at:%Y%m%dT%H%M%S}.zip"
            self._archive = zipfile.ZipFile(self.exports / name, "w", zipfile.ZIP_DEFLATED)
            self._folder = Path(tempfile.mkdtemp(dir=self.exports.parent))
        else:
            (self._folder / "attachments").mkdir(parents=True)
        self._tables = Tables(self._folder, self._columns, self.plan.dialects, self.plan.hidden)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tables.close()
        if kind is None:
            self._promise()
        if self._archive:
            with self._archive as archive:
                if kind is None:
                    self._pack(archive)
            shutil.rmtree(self._folder)

    def write(self, source_object: str, row: Row, wound: Wound = HEALTHY, *, part: int | None = None) -> Place:
        """Write one row of an object and return where it stands."""
        parts = self._tables.parts[source_object]
        place = min(self.counts[source_object] // self._contacts_a_part, len(parts) - 1) if part is None else part
        key = row.get(self._columns[source_object][0], "")
        ways = self.plan.ways.get(source_object, {})
        typed = type_row({name: way for name, way in ways.items() if name not in wound.spared}, row, key)
        self.zip_zeros += len(str(typed.get("zip", ""))) == 4
        self.counts[source_object] += 1
        return Place(parts[place].dialect.name, *parts[place].write(typed, wound))

    def write_draft(self, draft: Draft) -> None:
        """Write an invented row; accounts made of an employer's text have none."""
        if draft.source_object in self._columns:
            self.write(draft.source_object, draft.row)

    def write_attachment(self, attachment: Attachment) -> None:
        """Write a file and its row in the index."""
        self.write_file(attachment.draft.row["relative_path"], attachment.content)
        self.write_draft(attachment.draft)

    def write_file(self, path: str, content: bytes) -> None:
        """Write a file beside the tables."""
        if self._archive:
            self._archive.writestr(self._entry(path), content)
        else:
            target = self._folder / path
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)

    def facts(self, misread: dict[str, int]) -> dict[str, Any]:
        """Return what a reader has to find out about the files: how columns are read, and what stands around tables."""
        around = {one.name: (len(one.above), len(one.below)) for one in self.plan.dialects if one.above or one.below}
        return {
            "readings": self.plan.readings(),
            "profile": {
                "zip_zeros_restored": self.zip_zeros,
                "mojibake": misread,
                "hidden_sheets": sorted(name for sheets in self.plan.hidden.values() for name in sheets),
                "title_lines": {name: above for name, (above, _) in around.items() if above},
                "totals_lines": {name: below for name, (_, below) in around.items() if below},
                "repeated_headers": sorted(one.name for one in self.plan.dialects if one.repeats_header),
            },
        }

    def _promise(self) -> None:
        seen: Counter[str] = Counter()
        with (self._folder / MANIFEST).open("w", encoding="utf-8", newline="") as lines:
            manifest = csv.DictWriter(lines, _facts("columns.toml")["manifest"], lineterminator="\n")
            manifest.writeheader()
            for name in self._columns:
                for table in self._tables.parts.get(name, []):
                    seen[name] += 1
                    manifest.writerow({"part": str(seen[name])} | self._promised(table))

    def _promised(self, table: TextFile | Sheet) -> dict[str, str]:
        dialect = table.dialect
        path = self._folder / dialect.file
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return {
            "file": dialect.file,
            "object": dialect.object,
            "rows": str(table.rows),
            "bytes": str(path.stat().st_size),
            "sha256": digest,
            "encoding": "" if dialect.is_sheet else dialect.encoding,
            "delimiter": "" if dialect.is_sheet else dialect.delimiter,
            "exported_at": export_time(self._exported_at),
            "source_timezone": HOME_ZONE,
            "mode": "full",
            "since": "",
        }

    def _pack(self, archive: zipfile.ZipFile) -> None:
        """Put the tables into the archive, some of them inside another one."""
        inside = {one.file: one.inside for one in self.plan.dialects if one.inside}
        for name in dict.fromkeys(inside.values()):
            packed = [self._folder / file for file, where in inside.items() if where == name]
            with zipfile.ZipFile(self._folder / name, "w", zipfile.ZIP_DEFLATED) as inner:
                self._add(inner, packed)
            for path in packed:
                path.unlink()
        self._add(archive, sorted(self._folder.iterdir()))

    def _add(self, archive: zipfile.ZipFile, paths: list[Path]) -> None:
        for path in paths:
            with path.open("rb") as content, archive.open(self._entry(path.name), "w") as entry:
                shutil.copyfileobj(content, entry)

    def _entry(self, name: str) -> zipfile.ZipInfo:
        """Return an entry dated like the delivery: the same arguments give the same bytes."""
        entry = zipfile.ZipInfo(name, self._exported_at.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        return entry


def _facts(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / name).read_text("utf-8"))


def _columns() -> dict[str, list[str]]:
    facts = _facts("columns.toml")
    return {name: [*columns, *facts["common"]] for name, columns in facts["objects"].items()}
