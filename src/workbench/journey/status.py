"""Where a run stands, what is held and why, what the rest will cost, and whether everything a run needs is there."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from workbench.checks.work_list import work_list
from workbench.dental_exec.deliveries import find_deliveries
from workbench.errors import SettingsProblem, WorkbenchError
from workbench.freshsales.census import Vitals, read_vitals
from workbench.freshsales.refusals import PermissionMissing
from workbench.freshsales.schema import TenantSchema
from workbench.journey.desk import count_by_practice, is_staged, reading
from workbench.journey.loading import require_storage
from workbench.journey.record import nothing_run, open_past_ledger
from workbench.journey.starter import notebooks_folder
from workbench.journey.steps import APART, STEPS
from workbench.keys import api_key, image_key
from workbench.ledger.audit import export_log, note, note_act, verify
from workbench.ledger.history import current_writer
from workbench.ledger.operations import open_operations
from workbench.ledger.runs import last_run, step_states
from workbench.ledger.store import open_ledger
from workbench.ledger.verify_log import read_anchor
from workbench.load.requests import SKEW
from workbench.mapping.budget import plan_limits
from workbench.mapping.files import TICKS, read_mappings
from workbench.mapping.setup import SWITCH_OFF
from workbench.privacy import on_encrypted_disk
from workbench.reports.decisions import agreement_note
from workbench.reports.held import count_causes, held_rows, write_held_workbook
from workbench.reports.shown import plain_table
from workbench.settings import Settings

GOOD, NOTE, STOP = "ok", "note", "STOP"
SLACK = 60.0
WORN = 0.5
"""Below this share of the agreed calls others are using the account."""
Line = tuple[str, str]
"""How grave a finding is, and what it says."""


@dataclass(frozen=True)
class Patient:
    """The tenant that the doctor looks at: what it offers, what its answers tell, and why it told nothing."""

    schema: TenantSchema
    vitals: Vitals | None
    refused: str = ""


def status(settings: Settings, *, held: bool) -> dict[str, Any]:
    """Return the last run's steps, open operations, the writer, and held rows by cause."""
    ledger = open_past_ledger(settings, "status looked at")
    try:
        run = last_run(ledger)
        if run is None:
            raise nothing_run(settings)
        states = step_states(ledger, run.run_id)
        writer = current_writer(ledger) or "no writer"
        waiting = len(open_operations(ledger))
    finally:
        ledger.engine.dispose()
    rows = held_rows(settings.warehouse)
    causes = count_causes(rows).to_dicts()
    practices = count_by_practice(settings)
    lines = [f"{run.run_id}: {'finished' if run.finished_at else 'unfinished'}, {writer}"]
    lines += [f"  {step:<12} {states.get(step, 'open')}" for step in STEPS]
    lines += [f"{waiting} operations without a known outcome", f"{rows.height} reasons hold rows"]
    if practices.height:
        wide = practices.pivot("told", index="practice", values="rows", aggregate_function="first").fill_null(0)
        lines.append(plain_table(wide))
    if held:
        lines += [f"  {one['rows']:>5}  {one['mapping']}: {one['message']} ({one['rule']})" for one in causes]
    return {
        "run": run.run_id,
        "finished": bool(run.finished_at),
        "steps": states,
        "writer": writer,
        "open_operations": waiting,
        "held": causes,
        "practices": practices.to_dicts(),
        "text": "\n".join(lines),
    }


def verify_log(settings: Settings, *, anchor: str | None = None, out: str | None = None) -> dict[str, Any]:
    """Walk the audit chain, against what a report was signed over, and export it; exit 1 when it is broken.

    No key is needed, and that somebody looked is the chain's next entry.
    """
    if not settings.ledger.is_file():
        raise nothing_run(settings)
    try:
        anchors = [read_anchor(anchor)] if anchor else []
    except ValueError as problem:
        raise SettingsProblem(f"{problem}.") from None
    ledger = open_ledger(settings.ledger, b"")
    try:
        count, head, breaks = verify(ledger, anchors)
        if out:
            export_log(ledger, Path(out))
        note(ledger, "log exported" if out else "log verified", "audit", entries=count, breaks=len(breaks))
    finally:
        ledger.engine.dispose()
    text = "\n".join([*breaks, f"{count:,} entries, head {head}: {'broken' if breaks else 'unbroken'}"])
    return {"entries": count, "head": head, "breaks": breaks, "text": text, "exit": 1 if breaks else 0}


def held_workbook(settings: Settings, path: Path) -> dict[str, Any]:
    """Write the work list of held rows as a workbook, one sheet a cause."""
    if not path.parent.is_dir():
        raise SettingsProblem(f"There is no folder {path.parent} to write {path.name} into. Nothing was changed.")
    note_act(settings, "held rows exported", "work list")
    work = work_list(settings, read_mappings(settings))
    causes = write_held_workbook(work, path)
    decisions = sum(one.rows > 0 for one in work.waiting)
    text = (
        f"Wrote {work.held} reasons on {len(causes)} sheets to {path}; {decisions} decisions can be typed into it. Then:"
        f' workbench status --read-back {path} --by "YOUR NAME"{settings.option}'
    )
    return {"file": str(path), "causes": causes, "rows": work.held, "decisions": decisions, "text": text}


def examine(settings: Settings) -> dict[str, Any]:
    """Return every finding, each with what to do; exit 1 when one of them would stop a run."""
    findings: list[tuple[str, str, str]] = []

    def look(name: str, ask: Callable[[], str | Line]) -> None:
        try:
            found = ask()
            findings.append((name, *(found if isinstance(found, tuple) else (GOOD, found))))
        except WorkbenchError as problem:
            findings.append((name, STOP, str(problem)))

    look("settings", lambda: f"{settings.folder.name}, target {settings.target}")
    look("exports", lambda: f"{len(find_deliveries(settings.exports))} deliveries")
    look("mappings", lambda: f"{len(read_mappings(settings).objects)} mappings")
    look("notebooks", lambda: _notebooks(settings))
    look("disk", lambda: _disk(settings))
    look("agreement", lambda: _agreement(settings))
    look("API key", lambda: "there" if api_key(settings) else "")
    look("image key", lambda: "there" if image_key(settings) else "")
    patient: list[Patient] = []
    look("tenant", lambda: _tenant(settings, patient))
    for name, ask in LOOKS.items() if patient else ():
        look(name, partial(ask, settings, patient[0]))
    return {
        "findings": [
            {"name": name, "ok": level != STOP, "note": level == NOTE, "text": text} for name, level, text in findings
        ],
        "text": "\n".join(f"{level:<4} {name}: {text}" for name, level, text in findings),
        "exit": 1 if any(level == STOP for _, level, _ in findings) else 0,
    }


def _agreement(settings: Settings) -> str | Line:
    told = agreement_note(settings, read_mappings(settings))
    return told if settings.is_rehearsal or settings["privacy.baa"] else (NOTE, told)


def _disk(settings: Settings) -> str | Line:
    found = {on_encrypted_disk(settings.folder / "data"), on_encrypted_disk(settings.exports)}
    if found == {True}:
        return "data/ and the exports lie on encrypted volumes"
    told = "at least one is on none" if False in found else "this machine does not tell whether they are"
    return NOTE, f"data/ and the exports are in clear and belong on an encrypted volume; {told}"


def _notebooks(settings: Settings) -> str:
    names = [name for group in {**STEPS, **APART}.values() for name in group]
    missing = [name for name in names if not (notebooks_folder(settings) / f"{name}.ipynb").is_file()]
    if missing:
        raise SettingsProblem(f"missing: {', '.join(missing)}")
    return f"{len(names)} notebooks"


def _tenant(settings: Settings, patient: list[Patient]) -> str:
    with reading(settings) as desk:
        told = f"{desk.tenant.alias}, {len(desk.schema.users)} users"
        try:
            patient.append(Patient(desk.schema, read_vitals(desk.tenant)))
        except PermissionMissing as problem:
            patient.append(Patient(desk.schema, None, str(problem)))
        return told


def _role(_: Settings, patient: Patient) -> str | Line:
    if patient.refused:
        return STOP, patient.refused
    return "the key lists users, fields and views, as an administrator's does"


def _plan(settings: Settings, patient: Patient) -> str | Line:
    limits, schema = plan_limits(settings.plan), patient.schema
    if not limits["total"]:
        return (
            STOP,
            f"{settings.plan} has no custom fields, so nothing can be found again. Raise the plan to growth or above.",
        )
    beyond = [
        f"{len(fields)} custom fields of {module}, and {settings.plan} has {limits['total']}"
        for module, fields in schema.custom_fields.items()
        if len(fields) > limits["total"]
    ]
    if len(schema.pipelines) > limits["pipelines"]:
        beyond.append(f"{len(schema.pipelines)} pipelines, and {settings.plan} has {limits['pipelines']}")
    if beyond:
        return NOTE, f"the tenant has {'; '.join(beyond)}. Name its plan in migration.toml: [freshsales] plan."
    return (
        f"{settings.plan}: nothing in the tenant is beyond it. It cannot be read; compare it with Admin Settings > Plan"
    )


def _clock(_: Settings, patient: Patient) -> str | Line:
    ahead = patient.vitals.seconds_ahead if patient.vitals else None
    if ahead is None:
        return NOTE, "the tenant does not tell its time. See that this machine takes its own from a time server."
    told = f"the tenant is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine"
    if abs(ahead) > SKEW:
        return (
            STOP,
            f"{told}; beyond {SKEW:.0f} s a record of ours is taken for another's. Set this machine's clock first.",
        )
    return (NOTE, f"{told}. Let this machine take its time from a time server.") if abs(ahead) > SLACK else told


def _zone(settings: Settings, patient: Patient) -> str | Line:
    name, moment = settings["practice.time_zone"], patient.vitals.moment if patient.vitals else None
    if moment is None:
        return NOTE, f"the tenant tells no time of its own zone. Compare {name} with Admin Settings > Company."
    if moment.astimezone(ZoneInfo(name)).utcoffset() == moment.utcoffset():
        return f"{name}, as in the tenant"
    return NOTE, (
        f"the tenant is at UTC{moment:%z}, and {name} is not. Times arrive right and are shown in the tenant's zone:"
        " set it in Admin Settings > Company, or [practice] time_zone in migration.toml."
    )


def _limits(settings: Settings, patient: Patient) -> str | Line:
    left, agreed = patient.vitals.calls_left if patient.vitals else None, settings["freshsales.requests_per_hour"]
    if left is None:
        return NOTE, f"the tenant does not tell its calls left; {agreed:,} an hour are agreed. Compare with your plan."
    told = f"{left:,} calls left this hour, {agreed:,} an hour agreed less a reserve of {settings['freshsales.reserve']:.0%}"
    if left > agreed:
        return NOTE, f"{told}. The account has more: raise [freshsales] requests_per_hour."
    if left < agreed * (1 - settings["freshsales.reserve"]) * WORN:
        return NOTE, (
            f"{told}. Others use the account now, or its plan allows fewer: wait an hour, or lower"
            " [freshsales] requests_per_hour."
        )
    return told


def _switches(settings: Settings, _: Patient) -> str | Line:
    if settings.is_rehearsal:
        return "a rehearsal switches off what the setup plan names"
    open_ones = _unticked(settings)
    if not open_ones:
        return "ticked: unique fields, and what has to be off during the load"
    return NOTE, (
        f"{len(open_ones)} things that no API shows are not ticked: {'; '.join(open_ones)}. See to them in Admin Settings,"
        " then: workbench approve --what setup --by NAME --target freshsales"
    )


def _unticked(settings: Settings) -> list[str]:
    fields = sorted(read_mappings(settings).custom_fields.items())
    asked = [f"unique {module}.{field.name}" for module, known in fields for field in known if field.unique]
    path, ticked = settings.own_decisions / TICKS, set[str]()
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            ticked = {str(row.get("item")) for row in csv.DictReader(file) if row.get("ticked_by")}
    return [one for one in [*asked, *(f"switched off: {name}" for name in SWITCH_OFF)] if one not in ticked]


def _storage(settings: Settings, _: Patient) -> str | Line:
    there = f"{plan_limits(settings.plan)['gigabytes'] * settings['freshsales.users']:,} GB for {settings['freshsales.users']} users"
    if not is_staged(settings):
        return NOTE, f"{there} by the plan; what the files need is known after: workbench run --to stage"
    found = require_storage(settings, read_mappings(settings))
    return f"{found['Needed']} needed, {there} by the plan; what is used already stands in Admin Settings > Plan"


LOOKS: dict[str, Callable[[Settings, Patient], str | Line]] = {
    "role": _role,
    "plan": _plan,
    "clock": _clock,
    "time zone": _zone,
    "limits": _limits,
    "switches": _switches,
    "storage": _storage,
}
