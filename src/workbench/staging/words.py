"""Texts: labels cut from phones, notes of three formats as safe HTML, titles, and the marker line."""

from __future__ import annotations

import html
import re
from typing import Any

import nh3
import orjson
from striprtf.striprtf import rtf_to_text

from workbench.canonical import plain

Cell = str | None
LABEL = re.compile(r"\(?\b(?:cell|mobile|home|work|office|mom|dad|fax|main|direct)\b\)?:?", re.IGNORECASE)
TAGS = {"p", "br", "b", "strong", "i", "em", "u", "ul", "ol", "li", "h1", "h2", "h3", "table", "tr", "td", "th", "a"}
TITLE_WORDS = 60


def without_labels(value: str) -> str:
    """Cut words such as `cell` off a phone: the phone library reads letters as keypad digits."""
    return LABEL.sub(" ", value).strip()


def long_text(value: str) -> Cell:
    """Keep lines, drop what ends them."""
    return "\n".join(line.rstrip() for line in value.strip().splitlines()) or None


def rich_text(body: Cell, body_format: Cell) -> Cell:
    """Return a note as safe HTML: sanitised, or escaped with line breaks; RTF keeps its words and lines."""
    if not body or not body.strip():
        return None
    kind = (body_format or "plain").strip().lower()
    if kind == "html":
        return nh3.clean(body, tags=TAGS).strip() or None
    words = rtf_to_text(body) if kind == "rtf" else body
    return html.escape(words.strip(), quote=False).replace("\r\n", "\n").replace("\n", "<br>") or None


def activity_title(note_type: Cell, body: Cell, body_format: Cell) -> Cell:
    """Return `Phone: ` and the first sixty characters of the text, blanks folded."""
    words = plain(rich_text(body, body_format) or "")[:TITLE_WORDS].strip()
    return f"{note_type}: {words}" if words else note_type


def marker(source_object: str, source_id: str, at: Cell, by: Cell, completed: Cell) -> str:
    """Return the line that finds a text again: object/id as a whole word, original time, author."""
    parts = [f"Dental-Exec {source_object}/{source_id}", at or "no time", by or "no author"]
    if completed:
        parts.append(f"completed {completed}")
    return f"[{' · '.join(parts)}]"


def with_marker(body: Cell, line: str, *, is_html: bool) -> str:
    """Put the marker under a text as its last line."""
    if not body:
        return line
    return f"{body}<br>{html.escape(line, quote=False)}" if is_html else f"{body}\n{line}"


def as_json(value: Any) -> str:
    """Return a list as canonical JSON text."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
