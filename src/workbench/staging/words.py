"""Texts: labels cut from phones, notes of three formats as safe HTML, long ones in parts, titles, and the marker line."""

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
from workbench.warehouse import Warehouse

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
TOKEN = re.compile(r"<(?:[^<>\"]|\"[^\"]*\")*>|&#?\w+;|[^<&\s]+|\s+|[<&]")
TAG_NAME = re.compile(r"</?\s*(\w+)")
CLOSE_NO_TAG = {"br", "hr", "img"}
NUMBERING = len("(99/99) ")


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


def typed_text(note_type: Cell, body: Cell, body_format: Cell) -> Cell:
    """Return a note as safe HTML under its kind, for one whose kind has no field to stand in."""
    text = rich_text(body, body_format)
    return f"<b>{html.escape(note_type or 'Note', quote=False)}</b><br>{text}" if text else None


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


def in_parts(text: str, limit: int) -> list[str]:
    """Return a text of safe HTML as it is, or as `(1/2) …`, `(2/2) …`, each within a limit of characters."""
    if len(text) <= limit:
        return [text]
    parts = split_html(text, limit - NUMBERING)
    return [f"({place}/{len(parts)}) {part}" for place, part in enumerate(parts, 1)]


def split_html(text: str, room: int) -> list[str]:
    """Cut HTML into pieces of at most `room` characters; tags that are open at a cut are closed there and opened again."""
    parts: list[str] = []
    begun = part = ""
    tags: list[str] = []
    for token in _tokens(text, max(room // 4, 1)):
        left = _after(tags, token)
        if len(part) + len(token) + len(_closing(left)) > room and part != begun:
            parts.append(part + _closing(tags))
            begun = part = "".join(tags)
        part += token
        tags = left
    return [*parts, part + _closing(tags)]


def _tokens(text: str, longest: int) -> list[str]:
    """Return tags, entities, words and blanks; a word longer than a piece may be is cut."""
    found = []
    for token in TOKEN.findall(text):
        if len(token) <= longest or token[0] in "<&":
            found.append(token)
        else:
            found += [token[start : start + longest] for start in range(0, len(token), longest)]
    return found


def _after(tags: list[str], token: str) -> list[str]:
    named = TAG_NAME.match(token) if token.startswith("<") and token.endswith(">") else None
    if named is None or named[1].lower() in CLOSE_NO_TAG:
        return tags
    if not token.startswith("</"):
        return [*tags, token]
    return tags[:-1]


def _closing(tags: list[str]) -> str:
    return "".join(f"</{found[1]}>" for tag in reversed(tags) if (found := TAG_NAME.match(tag)))


def claim_parts(warehouse: Warehouse, mapping: str, source: str) -> None:
    """Let each further part of a text be a row of its mapping, held for the same reasons as the first."""
    parts = f"SELECT source_id FROM staged.{mapping} WHERE source_id LIKE '%:part-%'"
    if not warehouse.run(f"{parts} LIMIT 1"):
        return
    more = f"({parts} EXCEPT SELECT source_id FROM staged.claims WHERE source_object = '{source}')"
    warehouse.run(
        f"INSERT INTO staged.problems SELECT p.* REPLACE (m.source_id AS source_id) FROM {more} m JOIN staged.problems p"
        f" ON p.mapping = '{mapping}' AND p.source_id = regexp_replace(m.source_id, ':part-[0-9]+$', '')"
    )
    warehouse.run(f"INSERT INTO staged.claims SELECT '{source}', source_id, '{mapping}' FROM {more}")
