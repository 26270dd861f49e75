"""Run steps through papermill: pinned, resumable, stopped at the first red one, a page for each notebook."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import PageStale, RunFailed, SettingsProblem, WorkbenchError
from workbench.journey.delta import delta_folder, newer_deliveries, tell_newer
from workbench.journey.jupyter import WarmKernels, warm_kernels
from workbench.journey.locks import DOCUMENT, page_folder, sign_due, tell_signed
from workbench.journey.record import (
    SHORT,
    bound_to,
    current_run,
    open_run_ledger,
    reopen_last_run,
    summary_text,
    write_summary,
)
from workbench.journey.rehearsal import forget_rehearsal, seed_rehearsal
from workbench.journey.starter import notebooks_folder
from workbench.journey.steps import AGAIN, APART, SIGNATURES, STEPS, steps_between, title_of
from workbench.keys import api_key
from workbench.ledger.lease import RUNNER, hold_lease
from workbench.ledger.runs import Run, finish_run, note_step, step_states
from workbench.log import note_event
from workbench.reports.page import render_page
from workbench.sample.generation import write_sample
from workbench.settings import Settings

TOLD_OF_CALLS = ("Refused", "OutcomeUnknown", "UnreadableError")
"""Errors of rooms whose text was written for people, too."""
PLACE = re.compile(r"^(?:File|Cell) [^\s,]+(?:, line |:)\d+", re.MULTILINE)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Ran:
    """What one call of `run` did."""

    run: Run
    folder: Path
    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def run_steps(settings: Settings, *, first: str | None = None, last: str | None = None, fresh: bool = False) -> Ran:
    """Run the steps from `first` to `last`; without `first` the last unfinished run goes on where it is not green.

    While it runs, another process that would run the same target is told so and does nothing.
    """
    wanted = steps_between(first, last)
    api_key(settings)
    ledger = open_run_ledger(settings)
    try:
        with hold_lease(ledger, name=RUNNER):
            return _run_alone(settings, wanted, skip=first is None, fresh=fresh)
    finally:
        ledger.engine.dispose()


def _run_alone(settings: Settings, wanted: list[str], *, skip: bool, fresh: bool) -> Ran:
    if wanted[0] in APART:
        # A delta or a rollback belongs to the run that loaded, although that is finished.
        reopen_last_run(settings)
    warm_kernels()
    run = current_run(settings, fresh=fresh)
    ran = Ran(run, settings.runs / run.run_id)
    ledger = open_run_ledger(settings)
    states = step_states(ledger, run.run_id)
    started = time.monotonic()
    try:
        for place, step in enumerate(wanted):
            if skip and states.get(step) == "green":
                ran.skipped.append(step)
                if step == "snapshot" and (newer := tell_newer(settings)):
                    _tell(newer)
                continue
            _tell(f"[{place + 1}/{len(wanted)}] {step}")
            note_step(ledger, run.run_id, step, "started")
            try:
                _run_step(settings, ran, step)
            except WorkbenchError as problem:
                note_step(ledger, run.run_id, step, "red", type(problem).__name__)
                raise
            except BaseException as problem:
                note_step(ledger, run.run_id, step, "red", type(problem).__name__)
                raise
            note_step(ledger, run.run_id, step, "green")
            ran.done.append(step)
        if wanted[-1] == list(STEPS)[-1] or wanted[0] in APART:
            finish_run(ledger, run.run_id)
    finally:
        ledger.engine.dispose()
        _add_seconds(ran.folder, time.monotonic() - started)
        write_summary(settings, run.run_id)
    return ran


def rehearse(settings: Settings, *, patients: int, fresh: bool) -> dict[str, Any]:
    """Run every step on the rehearsal tenant; the generated practice stands in where no exports are named."""
    prepare_rehearsal(settings, patients=patients, fresh=fresh)
    ran = run_steps(settings)
    # A preview, which writes nothing: how what was loaded would be taken back belongs to what people read.
    run_steps(settings, first="rollback")
    summary = write_summary(settings, ran.run.run_id)
    return {**summary, "text": summary_text(settings, ran.run.run_id, summary)}


def prepare_rehearsal(settings: Settings, *, patients: int, fresh: bool = False) -> None:
    """Generate the practice where no exports are named, and let a part of it stand in the embedded tenant already."""
    if fresh and (kept := forget_rehearsal(settings)):
        _tell(kept)
    if not settings.is_sample:
        return
    sample, is_embedded = settings.exports.parent, not settings["rehearsal.base_url"]
    marker, wanted = sample / "made_for", f"{patients} messy{' foreign' if is_embedded else ''}"
    if not marker.is_file() or marker.read_text("utf-8") != wanted:
        _tell(f"Generating a practice of {patients} patients in data/sample")
        shutil.rmtree(sample, ignore_errors=True)
        write_sample(sample, patients=patients, dialect="messy", foreign=is_embedded)
        marker.write_text(wanted, "utf-8")
    if is_embedded and (planted := seed_rehearsal(settings, sample / "foreign.json")):
        _tell(f"Putting {planted} records of other people into the rehearsal tenant")


def sign_built(settings: Settings, *, by: str, what: str | None) -> dict[str, Any]:
    """Sign the lock that is due; where its page is not there or shows other decisions than stand now, it is built first."""
    try:
        return tell_signed(settings, sign_due(settings, by=by, what=what))
    except PageStale:
        _tell(f"Building {DOCUMENT} from the decisions as they stand")
        page = execute(settings, DOCUMENT, page_folder(settings)).with_suffix(".html")
        built = (
            f"{page.relative_to(settings.folder)} was built from the decisions as they stand: this is what is signed, and"
            " nobody has read it yet. Read it before you go on.\n"
        )
        return tell_signed(settings, sign_due(settings, by=by, what=what), built)


def _run_step(settings: Settings, ran: Ran, step: str) -> None:
    newer = newer_deliveries(settings) if step == "delta" else []
    for place, delivery in enumerate(newer, 1):
        within = delta_folder(ran.folder, delivery)
        _tell(f"      delivery {place} of {len(newer)}: {delivery}")
        ledger = open_run_ledger(settings)
        note_step(ledger, ran.run.run_id, step, "started", within.relative_to(ran.folder).as_posix())
        ledger.engine.dispose()
        for notebook in AGAIN:
            more = {"snapshot": delivery} if notebook == "10_take_snapshot" else {}
            _timed(settings, ran, step, notebook, within, more)
    if not newer:
        for notebook in {**STEPS, **APART}[step]:
            _timed(settings, ran, step, notebook, ran.folder, {})


def _timed(settings: Settings, ran: Ran, step: str, notebook: str, folder: Path, more: dict[str, str]) -> None:  # noqa: PLR0917
    began = time.monotonic()
    execute(settings, notebook, folder, more)
    note_event(ran.folder, "notebook", step=step, notebook=notebook, seconds=round(time.monotonic() - began, 1))


def execute(settings: Settings, notebook: str, folder: Path, more: Mapping[str, str] | None = None) -> Path:
    """Execute one notebook headless into a folder and render its page; its error comes back as our own.

    `more` are parameters beside those that every notebook has.
    """
    import papermill  # noqa: PLC0415 - slow to import, and only a run needs it
    from papermill.exceptions import PapermillExecutionError  # noqa: PLC0415

    source = notebooks_folder(settings) / f"{notebook}.ipynb"
    if not source.is_file():
        raise SettingsProblem(f"notebooks/{notebook}.ipynb is missing. workbench init writes the starter's notebooks.")
    folder.mkdir(parents=True, exist_ok=True)
    executed = folder / f"{notebook}.ipynb"
    if notebook == DOCUMENT:  # its record says which decisions the page shows: of a page that fails, none
        (folder / f"{notebook}.json").unlink(missing_ok=True)
    parameters = _checked(
        papermill,
        source,
        {
            "migration": str(settings.folder),
            "target": str(settings.target),
            "interactive": False,
            **(more or {}),
        },
    )
    try:
        papermill.execute_notebook(
            source,
            executed,
            parameters=parameters,
            cwd=str(settings.folder),
            progress_bar=False,
            log_output=False,
            store_widget_state=False,
            kernel_name="python3",
            start_timeout=120,
            config=_ipc(),
            kernel_manager_class=WarmKernels,
            extra_arguments=["--IPKernelApp.log_level=50"],  # a kernel that ends says so as an error
            request_save_on_cell_execute=True,
            on_cell_error=_tell_no_value,
            stderr_file=sys.stderr,
        )
    except PapermillExecutionError as problem:
        raise _as_ours(notebook, problem) from None
    finally:
        if executed.is_file():
            _render(settings, executed, folder, notebook)
    return executed


def _checked(papermill: Any, source: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """Give a notebook the parameters it declares; papermill itself would take an unknown one with a warning."""
    known = set(papermill.inspect_notebook(str(source)))
    missing = set(wanted) - known
    if missing:
        raise SettingsProblem(f"{source.name} declares no parameter {', '.join(sorted(missing))}.")
    return wanted


def _ipc() -> Any:
    """Speak with kernels over a socket file: other users of the machine cannot listen."""
    from traitlets.config import Config  # noqa: PLC0415

    return Config({"KernelManager": {"transport": "ipc"}})


def _tell_no_value(cell: Any, **_: Any) -> None:
    """Keep of an error in an executed notebook what carries no value: kind and places, the text of our own errors alone.

    A traceback tells the errors behind an error, too, and theirs may quote a record.
    """
    for output in cell.outputs:
        if output.output_type == "error":
            lines = PLACE.findall(COLOURS.sub("", "\n".join(output.traceback)))
            output.evalue = output.evalue if _own(output.ename) or output.ename in TOLD_OF_CALLS else ""
            output.traceback = [f"{output.ename}: {output.evalue}".removesuffix(": "), *lines]


def _own(name: str) -> type[WorkbenchError] | None:
    import workbench.errors  # noqa: PLC0415

    found = getattr(workbench.errors, name, None)
    return found if isinstance(found, type) and issubclass(found, WorkbenchError) else None


def _as_ours(notebook: str, problem: Any) -> WorkbenchError:
    """Return a notebook's error under its own name where it is ours: the text was written for people."""
    if found := _own(str(problem.ename)):
        return found(f"{problem.evalue}")
    if str(problem.ename) in TOLD_OF_CALLS:
        return RunFailed(f"{notebook}: {problem.evalue}")
    # A stranger's text may carry values: only its kind and place are told.
    return RunFailed(
        f"{notebook}.ipynb failed in cell {problem.exec_count} with {problem.ename}. Open it in JupyterLab to see where:"
        " workbench lab"
    )


def _render(settings: Settings, executed: Path, folder: Path, notebook: str) -> None:
    path = folder / f"{notebook}.json"
    record = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    ledger = open_run_ledger(settings)
    bound = bound_to(settings, ledger)
    ledger.engine.dispose()
    bound |= {name: value[:SHORT] for name, value in record.get("shows", {}).items()}
    run, *within = folder.relative_to(settings.runs).parts
    render_page(
        executed,
        folder / f"{notebook}.html",
        title=title_of(notebook),
        run=run,
        target=str(settings.target),
        practice=str(settings["practice.name"]),
        index="../" * len(within) + "index.html",
        headline=str(record.get("headline", "")),
        bound=bound,
        sign=SIGNATURES.get(notebook, ""),
    )


def _add_seconds(folder: Path, seconds: float) -> None:
    path = folder / "seconds.json"
    before = json.loads(path.read_text("utf-8")) if path.is_file() else 0.0
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(round(before + seconds, 1)), "utf-8")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress is what stderr is for
