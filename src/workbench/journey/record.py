"""What a run leaves behind: each notebook's record, summary.json and index.html made of them, and the closing table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from workbench.audiences.public import write_public
from workbench.errors import StoreProblem
from workbench.journey.steps import AGAIN, APART, READ_FOR, SIGNATURES, STEPS, title_of
from workbench.keeping.retention import tell_retention
from workbench.keys import image_key
from workbench.ledger.account import calls_so_far
from workbench.ledger.audit import audit_head, note
from workbench.ledger.images import check_key
from workbench.ledger.runs import Run, last_run, reopen_run, start_run, step_in_progress, step_states
from workbench.ledger.store import Ledger, open_ledger
from workbench.log import note_event
from workbench.mapping.approval import standing_signatures
from workbench.mapping.files import read_mappings
from workbench.privacy import keep_private, private_folder
from workbench.reports.explain import explain_row
from workbench.reports.index import StepLine, write_index, write_sign_off
from workbench.reports.shown import Shown, show_table
from workbench.settings import Settings
from workbench.vocabulary import Fate, Lock

DELTAS = "deltas"
SIGN_OFF = "sign_off"
SHORT = 16
"""Characters of a hash that a page tells; the ledger, approvals.jsonl and reconciliation.json have it whole."""
COLUMNS = ["source", *(str(fate) for fate in Fate)]


def current_run(settings: Settings, *, fresh: bool = False) -> Run:
    """Return the last unfinished run of this target, or start one."""
    ledger = open_ledger(settings.ledger, b"")  # no image is read: whoever decides needs no key
    try:
        run = last_run(ledger)
        if run is None or run.finished_at or fresh:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            name = f"{settings['migration.id']}-{settings.target}-{stamp}"
            run = start_run(ledger, _free(settings, name), settings.target)
            folder = private_folder(settings.runs / run.run_id)
            keep_private(settings.folder / "data")  # also where git made it
            (folder / "calls_before.json").write_text(json.dumps(calls_so_far(ledger)), "utf-8")
    finally:
        ledger.engine.dispose()
    return run


def calls_before(settings: Settings, run_id: str) -> int:
    """Return how many calls the ledger had paid for when a run began."""
    path = settings.runs / run_id / "calls_before.json"
    return int(json.loads(path.read_text("utf-8"))) if path.is_file() else 0


def reopen_last_run(settings: Settings) -> None:
    """Make the last run the current one again."""
    ledger = open_run_ledger(settings)
    run = last_run(ledger)
    if run and run.finished_at:
        reopen_run(ledger, run.run_id)
    ledger.engine.dispose()


def open_run_ledger(settings: Settings) -> Ledger:
    """Open the ledger of this target; a key that its images were not sealed with is refused."""
    ledger = open_ledger(settings.ledger, image_key(settings))
    check_key(ledger)
    return ledger


def open_past_ledger(settings: Settings, looking: str, *, record: str = "") -> Ledger:
    """Open the ledger to look back, which is noted in it; where nothing was run yet, none is made."""
    if not settings.ledger.is_file():
        raise nothing_run(settings)
    ledger = open_run_ledger(settings)
    note(ledger, looking, "ledger", record=record)
    return ledger


def nothing_run(settings: Settings) -> StoreProblem:
    """Return the error of looking back where nothing was run."""
    return StoreProblem(
        f"Nothing was run for the target {settings.target} yet. Begin with: workbench run --target {settings.target}"
    )


def explain(settings: Settings, source_object: str, source_id: str) -> dict[str, Any]:
    """Return what one source row went through."""
    ledger = open_past_ledger(settings, "record explained", record=f"{source_object}/{source_id}")
    try:
        return explain_row(settings, read_mappings(settings), ledger, source_object, source_id)
    finally:
        ledger.engine.dispose()


def record_step(settings: Settings, notebook: str, facts: dict[str, Any]) -> None:
    """Write a notebook's summary record beside its executed copy."""
    folder = step_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    record = {"notebook": notebook, **facts}
    (folder / f"{notebook}.json").write_text(json.dumps(record, indent=2, default=str) + "\n", "utf-8")


def step_folder(settings: Settings) -> Path:
    """Return the folder of the current run, or within it that of the delta in progress, which keeps the first pages."""
    run = current_run(settings)
    ledger = open_ledger(settings.ledger, b"")
    delta = step_in_progress(ledger, run.run_id, "delta")
    ledger.engine.dispose()
    return settings.runs / run.run_id / (delta or "")


def delta_folders(folder: Path) -> list[Path]:
    """Return the folders of a run's deltas, oldest first."""
    return sorted(path for path in (folder / DELTAS).glob("*") if path.is_dir())


def read_record(settings: Settings, run_id: str, notebook: str) -> dict[str, Any]:
    """Return what a notebook of a run recorded last, or nothing."""
    folder = settings.runs / run_id
    for path in (one / f"{notebook}.json" for one in (*reversed(delta_folders(folder)), folder)):
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return found
    return {}


def bound_to(settings: Settings, ledger: Ledger, *, is_public: bool = False) -> dict[str, str]:
    """Return what a signature under a page binds: the run's snapshot and decisions, who signed which lock, the audit head.

    For anybody nobody is named, and the entries of the log, which follow the records, are not counted.
    """
    run, (entries, head) = last_run(ledger), audit_head(ledger)
    signed = standing_signatures(settings)
    decisions = signed[Lock.MAPPING].binds.get("decisions", "") if Lock.MAPPING in signed else ""
    hashes = {"Snapshot": run.snapshot if run else "", "Decision files": (run and run.decisions) or decisions}
    hashes |= {"Audit chain" if is_public else f"Audit chain ({entries:,} entries)": head}
    bound = {name: value[:SHORT] for name, value in hashes.items() if value}
    for lock, one in signed.items():
        who = "" if is_public else f"{one.by}, "
        bound[f"Signed: {lock}"] = f"{who}{one.at[:10]}, {one.digest[:SHORT]}"
    return bound


def write_summary(settings: Settings, run_id: str) -> dict[str, Any]:
    """Write the run's summary and index page from the records that its notebooks left."""
    folder = settings.runs / run_id
    reconciled = read_record(settings, run_id, "80_reconcile")
    checks = read_record(settings, run_id, "60_validate")
    summary: dict[str, Any] = {
        "run": run_id,
        "target": str(settings.target),
        "mappings": reconciled.get("mappings", {}),
        "calls": reconciled.get("calls", 0),
        "seconds": {"wall": _seconds(settings, run_id), "api": reconciled.get("api_seconds", 0)},
        "reconciled": bool(reconciled.get("reconciled", False)),
        "differences": reconciled.get("differences"),
        "zero_write": bool(reconciled.get("zero_write", False)),
        "checks": checks.get("checks", {}),
        "reconciliation": reconciled.get("reconciliation", {}),
        "failed": reconciled.get("failed", []),
        "practices": reconciled.get("practices", []),
        "messages_to_patients": reconciled.get("messages_to_patients"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(json.dumps(summary, indent=2, default=str) + "\n", "utf-8")
    _write_index(settings, run_id, summary)
    note_event(folder, "summary", reconciled=summary["reconciled"], differences=summary["differences"])
    return summary


def run_report(settings: Settings, run_id: str, done: Sequence[str], skipped: Sequence[str]) -> dict[str, Any]:
    """Return the summary of a run with its text; exit 1 when it ran to the reconciliation and that is red."""
    path = settings.runs / run_id / "summary.json"
    summary: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    judged = bool({"reconcile", "delta"} & {*done, *skipped}) and bool(summary.get("mappings"))
    text = summary_text(settings, run_id, summary) if judged else f"Done: {', '.join(done) or 'nothing'}."
    if skipped and not done:
        text = "Every step of this run is green already. --fresh starts another run.\n" + text
    return {**summary, "steps": list(done), "text": text, "exit": 0 if not judged or summary.get("reconciled") else 1}


def summary_text(settings: Settings, run_id: str, summary: dict[str, Any]) -> str:
    """Return the table of mappings with rows, the verdict, calls, time and the page to open."""
    mappings: dict[str, dict[str, int]] = summary["mappings"]
    width = max([len(name) for name in mappings] + [9])
    lines = ["", f"{'mapping':<{width}}" + "".join(f"{name:>11}" for name in COLUMNS)]
    seen = {name: fates for name, fates in mappings.items() if any(fates.values())}
    for name, fates in seen.items():
        lines.append(f"{name:<{width}}" + "".join(f"{fates.get(column, 0):>11,}" for column in COLUMNS))
    total = {column: sum(fates.get(column, 0) for fates in mappings.values()) for column in COLUMNS}
    lines.append(f"{'all rows':<{width}}" + "".join(f"{total[column]:>11,}" for column in COLUMNS))
    lines += [f"no rows: {', '.join(one for one in mappings if one not in seen)}"] if len(seen) < len(mappings) else []
    verdict = "Reconciled" if summary["reconciled"] else "NOT reconciled"
    writes = "nothing to write" if summary["zero_write"] else "something left to write"
    lines += [
        "",
        f"{verdict}: {summary['differences']} differences; a second plan has {writes}.",
        f"{summary['calls']:,} API calls; {summary['seconds']['api'] / 3600:.1f} h of API time, in {summary['seconds']['wall']:.0f} s.",
        f"Pages: {(settings.runs / run_id / 'index.html').relative_to(settings.folder).as_posix()}",
    ]
    return "\n".join(lines)


def _write_index(settings: Settings, run_id: str, summary: dict[str, Any]) -> None:
    folder = settings.runs / run_id
    ledger = open_run_ledger(settings)
    states, bound, anchors = (
        step_states(ledger, run_id),
        bound_to(settings, ledger),
        bound_to(settings, ledger, is_public=True),
    )
    ledger.engine.dispose()
    seconds = _notebook_seconds(settings, run_id)
    deltas = delta_folders(folder)
    lines = []
    for step, notebooks in {**STEPS, **APART}.items():
        if step in STEPS or (step in states and not (step == "delta" and deltas)):
            lines += [
                _step_line(step, notebook, states.get(step, "open"), folder, seconds.get(notebook))
                for notebook in notebooks
            ]
        if step == "delta":
            for delta in deltas:
                state = states.get(step, "open") if delta is deltas[-1] else "green"
                lines += [
                    _step_line(f"delta {delta.name}", notebook, state, folder, None, within=delta)
                    for notebook in AGAIN
                    if (delta / f"{notebook}.html").is_file()
                ]
    named = {"target": str(settings.target), "practice": str(settings["practice.name"])}
    if reconciled := read_record(settings, run_id, "80_reconcile"):
        checked = read_record(settings, run_id, "60_validate")
        tables = {
            "What was not checked": _tables(reconciled, "unchecked", "Not in the verdict"),
            "What is held": _tables(checked, "reasons", "Held rows by mapping and reason"),
            "Money": _tables(reconciled, "money", "Amounts by pipeline, on both sides"),
        }
        sign, kept = SIGNATURES[SIGN_OFF], tell_retention(settings)
        write_sign_off(folder, summary, tables, title=title_of(SIGN_OFF), bound=bound, sign=sign, kept=kept, **named)
        place = max((place for place, line in enumerate(lines) if line.step == "reconcile"), default=0) + 1
        lines.insert(place, _step_line("reconcile", SIGN_OFF, states.get("reconcile", "open"), folder, None))
    write_public(folder, summary, reconciled.get("unchecked", []), target=named["target"], anchors=anchors)
    write_index(folder, lines, summary, title=named["practice"], target=named["target"], bound=bound)


def _tables(record: dict[str, Any], name: str, caption: str) -> list[Shown]:
    rows = record.get(name)
    return [show_table(pl.DataFrame(rows, infer_schema_length=None), caption, limit=100)] if rows else []


def _step_line(
    step: str, notebook: str, state: str, folder: Path, seconds: float | None, *, within: Path | None = None
) -> StepLine:
    place = within or folder
    page, kept = place / f"{notebook}.html", place / f"{notebook}.json"
    record = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    return StepLine(
        step=step,
        notebook=notebook,
        title=title_of(notebook),
        state=state,
        page=page.relative_to(folder).as_posix() if page.is_file() else None,
        seconds=seconds,
        summary=str(record.get("headline", "")),
        read_for="" if within else READ_FOR.get(notebook, ""),
    )


def _seconds(settings: Settings, run_id: str) -> float:
    path = settings.runs / run_id / "seconds.json"
    return float(json.loads(path.read_text("utf-8"))) if path.is_file() else 0.0


def _notebook_seconds(settings: Settings, run_id: str) -> dict[str, float]:
    path = settings.runs / run_id / "log.jsonl"
    if not path.is_file():
        return {}
    events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {one["notebook"]: one["seconds"] for one in events if one["event"] == "notebook"}


def _free(settings: Settings, name: str) -> str:
    taken = {path.name for path in settings.runs.glob(f"{name}*")} if settings.runs.is_dir() else set()
    number = 1
    chosen = name
    while chosen in taken:
        number += 1
        chosen = f"{name}-{number}"
    return chosen
