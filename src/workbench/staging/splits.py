"""A text longer than its field becomes several, cut between words and never inside a tag; nothing of it is lost."""

from __future__ import annotations

import re

from workbench.warehouse import Warehouse

TOKEN = re.compile(r"<(?:[^<>\"]|\"[^\"]*\")*>|&#?\w+;|[^<&\s]+|\s+|[<&]")
TAG_NAME = re.compile(r"</?\s*(\w+)")
CLOSE_NO_TAG = {"br", "hr", "img"}
NUMBERING = len("(99/99) ")


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
