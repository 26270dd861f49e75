"""Find the deliveries of an exports folder and read what their manifests promise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

from workbench.dental_exec.encodings import read_facts
from workbench.dental_exec.records import read_rows
from workbench.errors import ExportProblem

MANIFEST = "export_manifest.csv"
STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})")


@dataclass(frozen=True)
class Promise:
    """One line of a manifest: what a file should hold."""

    file: str
    object: str | None
    rows: int | None
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class Delivery:
    """One folder or archive as received; `exported_at` is local time in `source_timezone`."""

    name: str
    path: Path
    exported_at: str | None
    mode: str
    source_timezone: str | None
    promises: tuple[Promise, ...]

    @property
    def is_attested(self) -> bool:
        """Say whether a manifest came along."""
        return bool(self.promises)

    @property
    def is_full(self) -> bool:
        """Say whether the delivery holds everything, not only what changed."""
        return self.mode == "full"

    @property
    def is_archive(self) -> bool:
        """Say whether the delivery is still packed."""
        return self.path.is_file()

    def data_files(self) -> list[Path]:
        """Return the delivery's tables, sorted by name; the manifest is none of them."""
        return [path for path in _visible(self.path, ".csv") if path.name.lower() != MANIFEST]


def find_deliveries(exports: Path) -> list[Delivery]:
    """Return all deliveries below `exports`, oldest first; a folder that holds CSV files is itself one delivery."""
    if not exports.is_dir():
        raise ExportProblem(
            f"There is no folder of exports named {exports.name!r}. Name it in migration.toml, [source] exports,"
            " or make a practice to rehearse with: workbench sample --out data/sample"
        )
    if _visible(exports, ".csv", ".xlsx"):
        return [_read_delivery(exports)]
    folders = sorted(path for path in exports.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))
    found = [_read_delivery(path) for path in folders if _visible(path, ".csv", ".xlsx")]
    found += [_read_delivery(path) for path in _visible(exports, ".zip")]
    return sorted(found, key=lambda delivery: (delivery.exported_at or "", delivery.name))


def list_deliveries(deliveries: list[Delivery]) -> pl.DataFrame:
    """Return one row a delivery, for people."""
    rows = [(one.name, one.exported_at, one.mode, one.is_attested, one.is_archive) for one in deliveries]
    schema = {
        "delivery": pl.String,
        "exported_at": pl.String,
        "mode": pl.String,
        "attested": pl.Boolean,
        "packed": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _visible(folder: Path, *endings: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix.lower() in endings and not path.name.startswith((".", "~$"))
    )


def _read_delivery(path: Path) -> Delivery:
    manifest = next((file for file in _visible(path, ".csv") if file.name.lower() == MANIFEST), None)
    if manifest:
        read_facts(manifest)
    lines = read_rows(manifest) if manifest else []
    if manifest and not all(line.get("file") for line in lines):
        raise ExportProblem(f"{path.name}: {MANIFEST} has a line without a file name.")
    zone = next((line["source_timezone"].strip() for line in lines if line.get("source_timezone")), None)
    stamps = [_local(line["exported_at"], zone, path.name) for line in lines if line.get("exported_at")]
    named = STAMP.search(path.name)
    written = "{}-{}-{} {}:{}:{}".format(*named.groups()) if named else None
    partial = any((line.get("mode") or "full").strip().lower() != "full" for line in lines)
    return Delivery(
        name=path.name,
        path=path,
        exported_at=max(stamps, default=written),
        mode="delta" if partial else "full",
        source_timezone=zone,
        promises=tuple(_promise(line, path.name) for line in lines),
    )


def _promise(line: dict[str, str], delivery: str) -> Promise:
    def number(name: str) -> int | None:
        text = (line.get(name) or "").strip()
        if text and not text.isdigit():
            raise ExportProblem(
                f"{delivery}: {MANIFEST} says {name} = {text!r} for {line['file']}; a number is expected."
            )
        return int(text) if text else None

    return Promise(
        file=line["file"].strip(),
        object=(line.get("object") or "").strip().lower() or None,
        rows=number("rows"),
        size=number("bytes"),
        sha256=(line.get("sha256") or "").strip().lower() or None,
    )


def _local(text: str, zone: str | None, delivery: str) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ExportProblem(
            f"{delivery}: {MANIFEST} says exported_at = {text!r}; a time like 2026-11-20 02:00:00 is expected."
        ) from None
    if moment.tzinfo is not None and zone in available_timezones():
        moment = moment.astimezone(ZoneInfo(str(zone)))
    return moment.strftime("%Y-%m-%d %H:%M:%S")
