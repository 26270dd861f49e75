"""Texts: labels cut from phones, notes of three formats as safe HTML, titles, and the marker line."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import quote

import nh3
import orjson
from striprtf.striprtf import rtf_to_text

from workbench.canonical import plain
from workbench.staging.problems import UnreadableError
from workbench.vocabulary import Severity

Cell = str | None
LABEL = re.compile(
    r"\(?\b(?:cell|mobile|mob|home|work|office|business|mom|mother|dad|father|wife|husband|spouse|fax|main|direct"
    r"|phone|tel|preferred|primary)(?:['’]s)?\b\)?[:.]?|\([^()\d]*\)|(?:^|(?<=\s))\(?[chwm](?=[:.)\s]|$)[:.)]?",
    re.IGNORECASE,
)
CONTROLS = {
    **dict.fromkeys((*range(9), *range(14, 28), 127)),
    **dict.fromkeys((11, 12), "\n"),
    **dict.fromkeys(range(28, 32), " "),
}
"""Characters that no form shows and PostgreSQL or JSON may refuse: cut, or the blank that they stand for."""
WORD = re.compile(r"[^\w.:@/+\-]")
TAGS = {"p", "br", "b", "strong", "i", "em", "u", "ul", "ol", "li", "h1", "h2", "h3", "table", "tr", "td", "th", "a"}
TITLE_WORDS = 60


def printable(value: str) -> str:
    """Return a text without control characters."""
    return value if value.isprintable() else value.translate(CONTROLS)


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
    words = _words_of_rtf(body) if kind == "rtf" else body
    return html.escape(words.strip(), quote=False).replace("\r\n", "\n").replace("\n", "<br>") or None


def _words_of_rtf(body: str) -> str:
    words: str
    try:
        words = rtf_to_text(body)
    except (ValueError, LookupError):  # bytes that its own code page does not know, a code page nobody knows
        words = rtf_to_text(body, errors="replace")
    if not words.strip():
        raise UnreadableError("rtf", "holds no words that can be read", Severity.HOLD)
    return words


def activity_title(note_type: Cell, body: Cell, body_format: Cell) -> Cell:
    """Return `Phone: ` and the first sixty characters of the text, blanks folded."""
    words = plain(rich_text(body, body_format) or "")[:TITLE_WORDS].strip()
    return f"{note_type}: {words}" if words else note_type


def marker_word(source_id: str) -> str:
    """Return an id as one word that no text format changes: what may not stand in a word is written as %20."""
    return WORD.sub(lambda found: quote(found[0], safe=""), source_id)


def marker(source_object: str, source_id: str, at: Cell, by: Cell, completed: Cell) -> str:
    """Return the line that finds a text again: object/id as a whole word, original time, author."""
    parts = [f"Dental-Exec {source_object}/{marker_word(source_id)}", at or "no time", by or "no author"]
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
