"""The page that may be handed to anybody: verdict, what moved, what was not checked, time and hashes; nobody is told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import polars as pl

from workbench.privacy import small
from workbench.reports.index import MESSAGES, mapping_lines, verdict_of
from workbench.reports.page import write_page
from workbench.suppression import hide_small
from workbench.vocabulary import Fate

NAME = "public.html"
MOVED = (Fate.CREATED, Fate.UPDATED, Fate.UNCHANGED)
COUNTS = ("moved", "did not move")
DELIVERED = "rows of the export"
ALL = "all rows"


def write_public(
    run_folder: Path,
    summary: Mapping[str, Any],
    unchecked: Sequence[Mapping[str, Any]],
    *,
    target: str,
    anchors: Mapping[str, str],
) -> Path:
    """Write public.html of a run folder.

    `unchecked` is what the reconciliation did not check, `anchors` the hashes by which the page can be held against
    the ones that are signed.
    """
    verdict = verdict_of(summary)
    return write_page(
        run_folder / NAME,
        "public.html.j2",
        title="What was moved",
        run=run_folder.name[
            run_folder.name.rfind(f"{target}-") :
        ],  # before it stands the migration's id, often the practice's name
        target=target,
        practice="",
        verdict={**verdict, "lines": [_told(verdict["kind"], summary)]},
        facts=_facts(summary),
        moved=moved(summary),
        unchecked=dict.fromkeys((str(one["not_checked"]), str(one["why"])) for one in unchecked),
        bound=anchors,
    )


def moved(summary: Mapping[str, Any]) -> pl.DataFrame:
    """Return one row a mapping and their sum: rows that moved, that did not, and both; small counts are hidden."""
    lines = [one for one in mapping_lines(summary) if one.source or any(one.fates)]
    rows: list[tuple[Any, ...]] = []
    for line in lines:
        fates = dict(zip(Fate, line.fates, strict=True))
        count = sum(fates[fate] for fate in MOVED)
        rows.append((line.name.replace("_", " "), count, sum(line.fates) - count, sum(line.fates)))
    if rows:
        rows.append((ALL, *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    shape = {"mapping": pl.String, **dict.fromkeys((*COUNTS, DELIVERED), pl.Int64)}
    return hide_small(pl.DataFrame(rows, schema=shape, orient="row"), COUNTS, total=DELIVERED, last_is_total=True)


def _told(kind: str, summary: Mapping[str, Any]) -> str:
    """Say what the word of the verdict means, without a count of records."""
    if kind == "open":
        return "The run has not come to its reconciliation; nothing on this page is a result."
    if kind == "yes":
        return "What was delivered equals what is in the tenant."
    asked = summary.get("reconciliation") or {}
    failed = int(asked.get("failed", 0))
    return f"{failed:,} of {failed + int(asked.get('passed', 0)):,} checks that compare both sides failed."


def _facts(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return the figures that tell of nobody. Times are rounded up: seconds of calls would count records."""
    facts = {}
    seconds = summary.get("seconds")
    clocks: Mapping[str, float | None] = seconds if isinstance(seconds, Mapping) else {}
    for name, label in (("api", "API time"), ("wall", "Time on the machine that ran it")):
        if span := clocks.get(name):
            facts[label] = f"up to {ceil(span / 360) / 10:.1f} h"
    if asked := summary.get("reconciliation"):
        facts["Checks of both sides"] = (
            f"{int(asked['passed']):,} of {int(asked['passed']) + int(asked['failed']):,} passed"
        )
    if (messages := summary.get("messages_to_patients")) is not None:
        facts[MESSAGES] = small(int(messages))
    return facts
