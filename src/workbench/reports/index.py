"""The first page of a run, with its verdict and every link, and the short one to sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.reports.page import write_page
from workbench.reports.shown import Shown, clock_text
from workbench.vocabulary import Fate

FILES = {
    "summary.json": "every figure of this page, for machines",
    "public.html": "the result for anybody: nobody is named, small counts are hidden",
    "setup.json": "what the tenant needs: fields, pick-lists, pipelines, stages",
    "log.jsonl": "the run's log: ids and counts, no values",
}
BOOKS = (".xlsx", ".csv")
STATES = {"green": "done", "red": "stopped", "started": "running", "open": "not run"}
"""How a step's state in the ledger is told to people; a state of another name stands as it is."""
MESSAGES = "Messages to patients"
WOULD = "Each of these would have reached a patient: switch off what sent it (page Setup) before a real load."


@dataclass(frozen=True)
class StepLine:
    """One notebook of a run: where it stands, the page that tells what it did, and why people read it, where they do."""

    step: str
    notebook: str
    title: str
    state: str
    page: str | None = None
    seconds: float | None = None
    summary: str = ""
    read_for: str = ""


@dataclass(frozen=True)
class MappingLine:
    """One mapping's rows by fate."""

    name: str
    source: int
    fates: tuple[int, ...]

    @property
    def adds_up(self) -> bool:
        """Say whether every source row has one fate."""
        return self.source == sum(self.fates)


def write_index(
    run_folder: Path,
    steps: Sequence[StepLine],
    summary: Mapping[str, Any],
    *,
    title: str,
    target: str,
    practice: str = "",
    bound: Mapping[str, str] | None = None,
) -> Path:
    """Write index.html of a run folder; `bound` are the hashes that say which state it shows."""
    return write_page(
        run_folder / "index.html",
        "index.html.j2",
        title=title,
        run=run_folder.name,
        target=target,
        practice=practice,
        **_told(summary),
        journey=[line for place, line in enumerate(steps) if place == 0 or line.step != steps[place - 1].step],
        steps=steps,
        read=[line for line in steps if line.read_for],
        states=STATES,
        files=_files(run_folder),
        bound=bound or {},
    )


def write_sign_off(
    run_folder: Path,
    summary: Mapping[str, Any],
    tables: Mapping[str, Sequence[Shown]],
    *,
    title: str,
    target: str,
    practice: str = "",
    bound: Mapping[str, str],
    sign: str,
    kept: Sequence[str] = (),
) -> Path:
    """Write sign_off.html: verdict, the tables under their headings, rows by fate, what is kept until when, the signature."""
    return write_page(
        run_folder / "sign_off.html",
        "sign_off.html.j2",
        title=title,
        run=run_folder.name,
        target=target,
        practice=practice,
        **_told(summary),
        tables=tables,
        kept=kept,
        index="index.html",
        bound=bound,
        sign=sign,
    )


def _told(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both pages tell of a summary; a mapping without rows is named, and has no line of noughts."""
    mappings = mapping_lines(summary)
    total = MappingLine(
        "All rows",
        sum(line.source for line in mappings),
        tuple(sum(line.fates[place] for line in mappings) for place in range(len(Fate))),
    )
    return {
        "verdict": verdict_of(summary),
        "facts": _facts(summary),
        "remarks": _remarks(summary),
        "fates": [str(fate) for fate in Fate],
        "mappings": [line for line in mappings if line.source or any(line.fates)],
        "without_rows": [line.name for line in mappings if not line.source and not any(line.fates)],
        "total": total,
    }


def mapping_lines(summary: Mapping[str, Any]) -> list[MappingLine]:
    """Read the mappings of a summary, in its order."""
    return [
        MappingLine(name, int(counts.get("source", 0)), tuple(int(counts.get(fate, 0)) for fate in Fate))
        for name, counts in summary.get("mappings", {}).items()
    ]


def verdict_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Say in one word, and a few sentences, whether both sides agree."""
    astray = [line.name for line in mapping_lines(summary) if not line.adds_up]
    reconciled, differences = summary.get("reconciled"), _count(summary.get("differences"))
    compared = reconciled or summary.get("differences") is not None
    lines = []
    if not compared:
        word, kind = "Not reconciled yet", "open"
        lines.append("The run has not come to its reconciliation; nothing on this page is a result to sign.")
    elif reconciled and not astray:
        word, kind = "Reconciled", "yes"
        lines.append("What was delivered equals what is in the tenant.")
    else:
        word, kind = "Not reconciled", "no"
    if compared:
        lines.append(f"{differences:,} difference{'' if differences == 1 else 's'} between the two sides.")
        lines += [f"{one}." for one in summary.get("failed") or []]
    if astray:
        lines.append(f"Rows do not add up in: {', '.join(astray)}.")
    if compared and summary.get("zero_write") is not None:
        lines.append(
            "Planning again finds nothing left to write."
            if summary["zero_write"]
            else "Planning again still finds rows to write."
        )
    return {"word": word, "kind": kind, "lines": lines}


def _facts(summary: Mapping[str, Any]) -> dict[str, str]:
    facts = {}
    if (calls := summary.get("calls")) is not None:
        facts["API calls"] = f"{int(calls):,}"
    seconds = summary.get("seconds")
    clocks: Mapping[str, float | None] = seconds if isinstance(seconds, Mapping) else {"wall": seconds}
    for name, label in (("api", "API time"), ("wall", "Time on this machine")):
        if (span := clocks.get(name)) is not None:
            facts[label] = clock_text(span)
    if (messages := summary.get("messages_to_patients")) is not None:
        facts[MESSAGES] = f"{int(messages):,}"
    if asked := _counts(summary.get("reconciliation")):
        facts["Reconciliation checks"] = f"{asked['passed']:,} of {asked['passed'] + asked['failed']:,} passed"
        facts["Not checked"] = f"{asked['not_checked']:,}"
    if rules := _counts(summary.get("checks")):
        facts["Rules met by every row"] = f"{rules['passed']:,} of {rules['evaluated']:,}"
    return facts


def _remarks(summary: Mapping[str, Any]) -> list[str]:
    """Say what a figure that is not full does not mean, before somebody asks."""
    remarks = []
    if (messages := summary.get("messages_to_patients")) is not None:
        remarks.append(
            f"{MESSAGES}: the rehearsal tenant sends none; it counts what its workflows, welcome mails and reminders would have"
            f" sent while the run wrote. {'0 means: no patient would have noticed the load.' if not messages else WOULD}"
        )
    rules = _counts(summary.get("checks"))
    if rules and (open_rules := rules["evaluated"] - rules["passed"]):
        held = rules.get("held", 0)
        remarks.append(
            f"{open_rules:,} rule{' is' if open_rules == 1 else 's are'} not met by every row of the export. That is no error"
            " of the run and nothing against the verdict: a row that breaks a rule is held back before anything is sent"
            f" ({held:,} row{' is' if held == 1 else 's are'} held, column “held” below), or noted as a finding and moved as it"
            " stands. The page Validate lists both."
        )
    asked = _counts(summary.get("reconciliation"))
    if asked and (left := asked["not_checked"]):
        remarks.append(
            f"{left:,} thing{' was' if left == 1 else 's were'} not checked, because Freshsales does not tell or because"
            " the row is another’s. The page Reconcile names each, and what stands in its place."
        )
    return remarks


def _counts(found: object) -> dict[str, int]:
    return {str(name): int(count) for name, count in found.items()} if isinstance(found, Mapping) else {}


def _count(value: object) -> int:
    if isinstance(value, list | dict):
        return len(value)
    return value if isinstance(value, int) else 0


def _files(folder: Path) -> list[tuple[str, str]]:
    found = [name for name in FILES if (folder / name).is_file()]
    books = sorted(path.name for path in folder.glob("*") if path.suffix in BOOKS and path.is_file())
    return [(name, FILES.get(name, "")) for name in [*found, *books]]
