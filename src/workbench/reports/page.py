"""The pages of a run: a notebook's, without code, foreign HTML or widgets, and the first one with the verdict and every link."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from workbench.reports.prose import clean_picture, clean_shown, render_prose
from workbench.reports.shown import Shown, clock_text, show_facts, show_list, show_note, show_table, written
from workbench.vocabulary import Fate

__all__ = [
    "Shown",
    "StepLine",
    "render_page",
    "show_facts",
    "show_list",
    "show_note",
    "show_table",
    "write_index",
    "write_page",
]

HIDDEN = {"parameters", "injected-parameters", "papermill-error-cell-tag", "hide"}
TEXT = "show-text"
"""The tag of a cell whose plain text may stand on a page."""


FILES = {
    "summary.json": "every figure of this page, for machines",
    "setup.json": "what the tenant needs: fields, pick-lists, pipelines, stages",
    "log.jsonl": "the run's log: ids and counts, no values",
}
BOOKS = (".xlsx", ".csv")
STATES = {"green": "done", "red": "stopped", "started": "running", "open": "not run"}
"""How a step's state in the ledger is told to people; a state of another name stands as it is."""


@dataclass(frozen=True)
class Block:
    """One piece of a page: prose, shown, picture, text or stop."""

    kind: str
    html: Markup


@dataclass(frozen=True)
class StepLine:
    """One notebook of a run: where it stands, and the page that tells what it did."""

    step: str
    notebook: str
    title: str
    state: str
    page: str | None = None
    seconds: float | None = None
    summary: str = ""


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


def render_page(
    executed: Path, out: Path, *, title: str, run: str, target: str, practice: str = "", index: str = "index.html"
) -> Path:
    """Write the page of an executed notebook; code, tracebacks, widgets and foreign HTML never reach it."""
    cells = json.loads(executed.read_text("utf-8")).get("cells", [])
    blocks = [block for number, cell in enumerate(cells) for block in _blocks(cell, f"p{number}")]
    return write_page(
        out, "page.html.j2", title=title, run=run, target=target, practice=practice, blocks=blocks, index=index
    )


def write_page(out: Path, template: str, **values: object) -> Path:
    """Fill a template of this room and write it; the style travels inside the page and is named by its hash."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    html = _environment().get_template(template).render(style=Markup(style), style_hash=digest, **values)  # noqa: S704  our own file
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    try:
        part.write_text(html, "utf-8")
        part.replace(out)  # whole or not at all: half a page could still show a green head
    finally:
        part.unlink(missing_ok=True)
    return out


def write_index(
    run_folder: Path,
    steps: Sequence[StepLine],
    summary: Mapping[str, Any],
    *,
    title: str,
    target: str,
    practice: str = "",
) -> Path:
    """Write index.html of a run folder."""
    mappings = mapping_lines(summary)
    total = MappingLine(
        "All rows",
        sum(line.source for line in mappings),
        tuple(sum(line.fates[place] for line in mappings) for place in range(len(Fate))),
    )
    return write_page(
        run_folder / "index.html",
        "index.html.j2",
        title=title,
        run=run_folder.name,
        target=target,
        practice=practice,
        verdict=_verdict(summary, [line.name for line in mappings if not line.adds_up]),
        facts=_facts(summary),
        remarks=_remarks(summary),
        fates=[str(fate) for fate in Fate],
        mappings=mappings,
        total=total,
        steps=steps,
        states=STATES,
        files=_files(run_folder),
    )


def mapping_lines(summary: Mapping[str, Any]) -> list[MappingLine]:
    """Read the mappings of a summary, in its order."""
    return [
        MappingLine(name, int(counts.get("source", 0)), tuple(int(counts.get(fate, 0)) for fate in Fate))
        for name, counts in summary.get("mappings", {}).items()
    ]


def _verdict(summary: Mapping[str, Any], astray: list[str]) -> dict[str, Any]:
    """Say in one word, and a few sentences, whether both sides agree."""
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
        facts["Messages to patients"] = f"{int(messages):,}"
    if asked := _counts(summary.get("reconciliation")):
        facts["Reconciliation checks"] = f"{asked['passed']:,} of {asked['passed'] + asked['failed']:,} passed"
        facts["Not checked"] = f"{asked['not_checked']:,}"
    if rules := _counts(summary.get("checks")):
        facts["Rules met by every row"] = f"{rules['passed']:,} of {rules['evaluated']:,}"
    return facts


def _remarks(summary: Mapping[str, Any]) -> list[str]:
    """Say what a figure that is not full does not mean, before somebody asks."""
    remarks = []
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


def _blocks(cell: dict[str, Any], prefix: str) -> list[Block]:
    tags = set(cell.get("metadata", {}).get("tags", []))
    if tags & HIDDEN:
        return []
    if cell["cell_type"] == "markdown":
        html = render_prose(_text(cell.get("source", "")))
        return [Block("prose", html)] if html else []
    if cell["cell_type"] != "code":
        return []
    made = [_output(one, f"{prefix}o{number}", TEXT in tags) for number, one in enumerate(cell.get("outputs", []))]
    return [block for block in made if block is not None]


def _output(output: dict[str, Any], prefix: str, may_show_text: bool) -> Block | None:
    kind = output.get("output_type")
    if kind == "error":
        # the name of an error holds no value; its text might
        note = show_note(
            f"This step stopped here: {output.get('ename', 'error')}. Its message is in the run’s log.", "stop"
        )
        return Block("stop", clean_shown(note.html) or Markup(""))
    if kind == "stream":
        shown = may_show_text and output.get("name") == "stdout"
        return Block("text", escape(_text(output.get("text", "")))) if shown else None
    data = output.get("data", {})
    if (html := clean_shown(_text(data.get("text/html", "")))) is not None:
        return Block("shown", html)
    if (svg := clean_picture(_text(data.get("image/svg+xml", "")), prefix)) is not None:
        return Block("picture", svg)
    if may_show_text and "text/plain" in data:
        return Block("text", escape(_text(data["text/plain"])))
    return None


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


@cache
def _style() -> str:
    return files("workbench.reports").joinpath("style.css").read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("workbench.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["written"] = written
    environment.filters["clock"] = clock_text
    return environment
