"""The signature of notebook 36: what is signed stands above it, and what changed since it was read cannot be signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import polars as pl

from workbench.editors.lines import same_answer
from workbench.errors import WorkbenchError
from workbench.mapping.approval import Signature, approved_map, changed_files, last_signature, read_signatures
from workbench.mapping.files import hash_decisions
from workbench.mapping.spellings import Asked
from workbench.settings import Settings
from workbench.vocabulary import Lock

SHORT = 12
"""So many letters of a hash tell two apart for a reader."""
SHOWN = 8
HEADS = (
    *("value map", "spellings", "decided", "open questions", "without a row", "records that wait"),
    "new or changed since the last approval",
)
Sign = Callable[[str], Signature]


def approve_mapping(settings: Settings, maps: Sequence[Asked], sign: Sign, *, snapshot: str) -> Any:
    """Return what a mapping approval binds, a field for the name, and the button that calls `sign` with it.

    `maps` are the value maps that the snapshot asks. A decision file that changed after this was drawn voids the page, not
    the file: it says so, and the cell is run again.
    """
    import ipywidgets  # noqa: PLC0415 - only a person's kernel needs it

    digest, files = hash_decisions(settings)
    signed = ipywidgets.Text(placeholder="your name", description="Approved by", style={"description_width": "initial"})
    button = ipywidgets.Button(
        description=f"Approve the mapping for {settings.target}",
        button_style="primary",
        disabled=True,
        layout={"width": "auto", "align_self": "flex-start"},
    )
    facts = ipywidgets.HTML(_facts(settings, maps, snapshot, digest, len(files)))
    past, told = ipywidgets.HTML(_past(settings)), ipywidgets.HTML()

    def name(_change: Any) -> None:
        button.disabled = not signed.value.strip()

    def press(_button: Any) -> None:
        if hash_decisions(settings)[0] != digest:
            told.value = "A decision file changed since this was drawn. Run the cell again, and read what is new."
            return
        try:
            made = sign(signed.value.strip())
        except WorkbenchError as problem:
            told.value = f"<pre>{escape(str(problem))}</pre>"
            return
        button.disabled = signed.disabled = True
        told.value = (
            f"<p role='status'>Approved by {escape(made.by)} at {made.at[:16].replace('T', ' ')}."
            " One changed byte voids it.</p>"
        )
        past.value = _past(settings)

    signed.observe(name, names="value")
    button.on_click(press)
    return ipywidgets.VBox([facts, past, signed, button, told]).add_class("wb-approve")


def _facts(settings: Settings, maps: Sequence[Asked], snapshot: str, digest: str, files: int) -> str:
    rows = [
        "".join(f"<td>{escape(cell) if isinstance(cell, str) else f'{cell:,}'}</td>" for cell in line)
        for line in _lines(settings, maps)
    ]
    table = "".join(f"<th scope='col'>{one}</th>" for one in HEADS)
    told = (
        f"all {files} decision files as they stand now (the hash over them begins <code>{digest[:SHORT]}</code>), the"
        f" snapshot that was landed (<code>{escape(snapshot[:SHORT])}</code>), and the target"
        f" <code>{settings.target}</code>. The page of notebook 35 names the same two at its end"
    )
    last = last_signature(settings, Lock.MAPPING)
    changed = changed_files(settings, last) if last and not last.voided else []
    new = ""
    if changed:
        named = ", ".join(changed[:SHOWN]) + (f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else "")
        new = f"<p>Changed since the last signature: {escape(named)}.</p>"
    return (
        f"<table><thead><tr>{table}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"
        f"<p>The approval binds: {told}.</p>{new}"
    )


def approval_frame(settings: Settings, maps: Sequence[Asked]) -> pl.DataFrame:
    """Return one row a value map as a page shows it: what is decided, what is open, what is new since the last approval."""
    rows = [(*line[:-2], str(line[-1])) for line in _lines(settings, maps)]
    schema = dict.fromkeys((*HEADS[:-2], HEADS[-1]), pl.Int64) | {HEADS[0]: pl.String, HEADS[-1]: pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _lines(settings: Settings, maps: Sequence[Asked]) -> list[tuple[str | int, ...]]:
    lines: list[tuple[str | int, ...]] = []
    for one in maps:
        asked = [spelling for spelling in one.open if one.decided.find(spelling)]
        records = sum(one.records[spelling] for spelling in one.open)
        decided = len(one.records) - len(one.open)
        since = _since(settings, one)
        lines.append((one.name, len(one.records), decided, len(asked), len(one.missing), records, since))
    return lines


def _since(settings: Settings, one: Asked) -> int | str:
    """Return how many spellings are new or decided otherwise than at the last approval; a dash where nobody can tell."""
    approved = approved_map(settings, one.name, one.decided.key)
    if approved is None or approved.values is None:
        return "–"
    return sum(not same_answer(one.decided.find(each), approved.values.find(each)) for each in one.records)


def _past(settings: Settings) -> str:
    made = [one for one in read_signatures(settings) if one.lock is Lock.MAPPING][-SHOWN:]
    if not made:
        return "<p>Nobody has approved it yet.</p>"
    lines = "".join(
        f"<li>{'taken back by' if one.voided else 'approved by'} {escape(one.by)}, {one.at[:16].replace('T', ' ')},"
        f" decisions <code>{one.binds.get('decisions', '')[:SHORT]}</code></li>"
        for one in made
    )
    return f"<p>Approvals so far:</p><ul>{lines}</ul>"
