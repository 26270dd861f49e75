"""The page of a notebook, without code, foreign HTML or widgets: what it found first, how it was made last."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from workbench.reports.shown import (
    Shown,
    clean_picture,
    clean_shown,
    clock_text,
    render_prose,
    show_facts,
    show_list,
    show_note,
    show_table,
    written,
)

__all__ = ["Shown", "render_page", "show_facts", "show_list", "show_note", "show_table", "write_page"]

HIDDEN = {"parameters", "injected-parameters", "papermill-error-cell-tag", "hide"}
TEXT = "show-text"
"""The tag of a cell whose plain text may stand on a page."""
LEAD = "lead"
"""The tag of a cell that stands first on its page: the verdict, and what was not checked."""
NOTE = '<figure data-workbench="note"'
GLOSSARIES = [
    Path(__file__).parents[1] / "starter" / "docs" / "glossary.md",
    Path(__file__).parents[3] / "docs" / "glossary.md",
]
"""Where the glossary lies: in the installed wheel, or in the repository this package runs from."""
ABSENT: dict[str, object] = {
    **dict.fromkeys(("headline", "index", "sign"), ""),
    **dict.fromkeys(("lead", "blocks", "about", "files"), ()),
    "bound": {},
}
"""What a page has none of, where nobody gives it."""
ENTRY = re.compile(r"^\| ([^|`]+) \| ([^|]+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One piece of a page: prose, shown, picture, text or stop; some lead the page, some tell how it was made."""

    kind: str
    html: Markup
    place: str = "body"


def render_page(
    executed: Path,
    out: Path,
    *,
    title: str,
    run: str,
    target: str,
    practice: str = "",
    index: str = "index.html",
    headline: str = "",
    bound: Mapping[str, str] | None = None,
    sign: str = "",
) -> Path:
    """Write the page of an executed notebook; code, tracebacks, widgets and foreign HTML never reach it.

    What leads comes first: `headline` where no cell gives a verdict. `bound` are the hashes that say which state it
    shows; `sign` is what a signature under it would say. What the notebook reads, writes and decides comes last.
    """
    cells = json.loads(executed.read_text("utf-8")).get("cells", [])
    blocks = [block for number, cell in enumerate(cells) for block in _blocks(cell, f"p{number}")]
    is_told = any(one.place == LEAD and NOTE in one.html for one in blocks)
    return write_page(
        out,
        "page.html.j2",
        title=title,
        run=run,
        target=target,
        practice=practice,
        headline="" if is_told else headline,
        lead=sorted((one for one in blocks if one.place == LEAD), key=_rank),
        blocks=[one for one in blocks if one.place == "body"],
        about=[one for one in blocks if one.place == "about"],
        index=index,
        bound=bound or {},
        sign="" if any(one.kind == "stop" for one in blocks) else sign,
    )


def write_page(out: Path, template: str, **values: object) -> Path:
    """Fill a template of this room and write it; the style travels inside the page and is named by its hash.

    Words of the glossary that stand on the page are explained at its end.
    """
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    values = ABSENT | values
    values |= {"style": Markup(style), "style_hash": digest}  # noqa: S704  our own file
    filled = _environment().get_template(template)
    words = words_in(filled.render(words={}, **values).partition("<main>")[2].partition("</main>")[0])
    html = filled.render(words=words, **values)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    try:
        part.write_text(html, "utf-8")
        part.replace(out)  # whole or not at all: half a page could still show a green head
    finally:
        part.unlink(missing_ok=True)
    return out


def words_in(html: str) -> dict[str, str]:
    """Return the words of the glossary that stand on a page, each with what it means."""
    text = re.sub(r"<[^>]+>", " ", html)
    return {
        entry: meaning
        for entry, meaning in _glossary().items()
        if any(re.search(rf"\b{re.escape(word)}s?\b", text, re.IGNORECASE) for word in re.split(" / |, ", entry))
    }


def _blocks(cell: dict[str, Any], prefix: str) -> list[Block]:
    tags = set(cell.get("metadata", {}).get("tags", []))
    if tags & HIDDEN:
        return []
    place = LEAD if LEAD in tags else "body"
    if cell["cell_type"] == "markdown":
        text = _text(cell.get("source", ""))
        html = render_prose(text)
        return [Block("prose", html, "about" if text.startswith("# ") else place)] if html else []
    if cell["cell_type"] != "code":
        return []
    made = [_output(one, f"{prefix}o{number}", TEXT in tags) for number, one in enumerate(cell.get("outputs", []))]
    return [replace(one, place=LEAD if one.kind == "stop" else place) for one in made if one is not None]


def _rank(block: Block) -> int:
    """Put what stopped first, then a verdict, then what else leads."""
    return 0 if block.kind == "stop" else 1 if NOTE in block.html else 2


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
def _glossary() -> dict[str, str]:
    text = next(path for path in GLOSSARIES if path.is_file()).read_text("utf-8").partition("\n## ")[0]
    return {word: meaning.replace("`", "") for word, meaning in ENTRY.findall(text) if word not in {"Word", "---"}}


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
