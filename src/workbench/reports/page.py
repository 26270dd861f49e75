"""An executed notebook becomes a page without code: markdown, our own tables and our own pictures, nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from workbench.reports.prose import clean_picture, clean_shown, render_prose
from workbench.reports.shown import Shown, clock_text, show_facts, show_list, show_note, show_table, written

__all__ = ["Shown", "render_page", "show_facts", "show_list", "show_note", "show_table", "write_page"]

HIDDEN = {"parameters", "injected-parameters", "papermill-error-cell-tag", "hide"}
TEXT = "show-text"
"""The tag of a cell whose plain text may stand on a page."""


@dataclass(frozen=True)
class Block:
    """One piece of a page: prose, shown, picture, text or stop."""

    kind: str
    html: Markup


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
    out.write_text(html, "utf-8")
    return out


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
