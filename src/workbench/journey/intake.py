"""Land and read the deliveries as decided: expected counts, accepted mass changes and the reading of columns are value maps."""

from __future__ import annotations

import polars as pl

from workbench.dental_exec.snapshot import Snapshot, take_snapshot
from workbench.errors import MappingProblem, gather
from workbench.mapping.value_map import read_value_map
from workbench.profile.readings import read_columns
from workbench.settings import Settings

READING, EXPECTED, ACCEPTED = "column_reading", "expected_counts", "mass_change"
"""The value maps: how a column is read, how many records a file without a manifest holds, which mass changes are right."""


def land(settings: Settings, *, delivery: str = "latest") -> Snapshot:
    """Land a delivery in raw.*, held against the counts that a person expects and the mass changes that one accepted."""
    counts = _answers(settings, EXPECTED)
    if wrong := [f"{name}: {text!r} is no count" for name, text in sorted(counts.items()) if not text.isdigit()]:
        raise MappingProblem(gather(f"mappings/values/{EXPECTED}.csv", wrong))
    return take_snapshot(
        settings.exports,
        settings.warehouse,
        time_zone=settings["practice.time_zone"],
        delivery=delivery,
        expected={name: int(text) for name, text in counts.items()},
        accepted=_answers(settings, ACCEPTED).keys(),
    )


def read_landed(settings: Settings) -> pl.DataFrame:
    """Read the landed columns into profile.read_* as their values and people decide; nothing to do when they are read."""
    return read_columns(settings.warehouse, _answers(settings, READING))


def _answers(settings: Settings, name: str) -> dict[str, str]:
    rows = read_value_map(name, settings.values_folders).rows
    return {key: answer for key, row in rows.items() if (answer := row.answer)}
