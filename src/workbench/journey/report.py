"""What a person reads on the terminal after a run: one table that adds up, the verdict, and where the pages are."""

from __future__ import annotations

import json
from typing import Any

from workbench.journey.run import Ran
from workbench.settings import Settings
from workbench.vocabulary import Fate

COLUMNS = ["source", *(str(fate) for fate in Fate)]


def run_report(settings: Settings, ran: Ran) -> dict[str, Any]:
    """Return the summary of a run with its text; exit 1 when it ran to the reconciliation and that is red."""
    path = ran.folder / "summary.json"
    summary: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    judged = "reconcile" in [*ran.done, *ran.skipped]
    text = summary_text(settings, ran.run.run_id, summary) if judged else f"Done: {', '.join(ran.done) or 'nothing'}."
    if ran.skipped and not ran.done:
        text = "Every step of this run is green already. --fresh starts another run.\n" + text
    return {**summary, "steps": ran.done, "text": text, "exit": 0 if not judged or summary.get("reconciled") else 1}


def summary_text(settings: Settings, run_id: str, summary: dict[str, Any]) -> str:
    """Return the table of all mappings, the verdict, calls, time and the page to open."""
    mappings: dict[str, dict[str, int]] = summary["mappings"]
    width = max([len(name) for name in mappings] + [9])
    lines = ["", f"{'mapping':<{width}}" + "".join(f"{name:>11}" for name in COLUMNS)]
    for name, fates in mappings.items():
        lines.append(f"{name:<{width}}" + "".join(f"{fates.get(column, 0):>11,}" for column in COLUMNS))
    total = {column: sum(fates.get(column, 0) for fates in mappings.values()) for column in COLUMNS}
    lines.append(f"{'all rows':<{width}}" + "".join(f"{total[column]:>11,}" for column in COLUMNS))
    verdict = "Reconciled" if summary["reconciled"] else "NOT reconciled"
    writes = "nothing to write" if summary["zero_write"] else "something left to write"
    lines += [
        "",
        f"{verdict}: {summary['differences']} differences; a second plan has {writes}.",
        f"{summary['calls']:,} API calls; {summary['seconds']['api'] / 3600:.1f} h of API time, in {summary['seconds']['wall']:.0f} s.",
        f"Pages: {(settings.runs / run_id / 'index.html').relative_to(settings.folder).as_posix()}",
    ]
    return "\n".join(lines)
