"""What a notebook cell shows, and what of a notebook may stand on a page: our tables, notes and pictures, its prose, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from xml.etree import ElementTree

import mistune
import nh3
import polars as pl
from markupsafe import Markup, escape

MARK = "data-workbench"
"""The attribute by which pages tell our own output from any other HTML; what lacks it is dropped."""

KINDS = {"info": "Note", "warn": "Look here", "stop": "Stop", "done": "Done"}

WIDE, WIDE_OF_TEXT = 9, 7
"""A table of more columns is printed across the sheet; of fewer where a cell holds more than words and numbers."""

LONG = 40
"""A cell of more letters needs room: beside wide columns it would be a word wide and a page tall."""

CODE = re.compile(r"`([^`]+)`")
"""What is typed stands between back ticks, as in the notebooks' prose."""

LAB_STYLE = (
    "<style>figure[data-workbench]{margin:0 0 1em}"
    "figure[data-workbench] caption,figure[data-workbench] figcaption{text-align:left;font-weight:600}"
    "figure[data-workbench] td,figure[data-workbench] th{text-align:left}"
    "figure[data-workbench] .n{text-align:right;font-variant-numeric:tabular-nums}</style>"
)
"""JupyterLab has no style sheet of ours; pages have, and drop this one."""


@dataclass(frozen=True)
class Shown:
    """One output of a cell: HTML for people, and a plain text that holds counts and no values."""

    html: str
    plain: str

    def _repr_html_(self) -> str:
        return LAB_STYLE + self.html

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": self.plain}

    def __repr__(self) -> str:
        return self.plain


def show_table(frame: pl.DataFrame, caption: str, *, limit: int = 40) -> Shown:
    """Show a frame as a table of at most `limit` rows; a last line counts the rows left out."""
    numeric = [dtype.is_numeric() or isinstance(dtype, pl.Decimal) for dtype in frame.dtypes]
    head = Markup("").join(
        _cell("th", heading(name), number, scope="col") for name, number in zip(frame.columns, numeric, strict=True)
    )
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(_cell("td", written(value), number) for value, number in zip(row, numeric, strict=True))
        )
        for row in frame.head(limit).iter_rows()
    )
    if frame.height == 0:
        body = Markup('<tr><td class="more" colspan="{}">none</td></tr>').format(max(frame.width, 1))
    more = frame.height - limit
    if more > 0:
        line = f"… and {more:,} more row{'' if more == 1 else 's'}"
        body += Markup('<tr><td class="more" colspan="{}">{}</td></tr>').format(frame.width, line)
    is_wide = frame.width > (WIDE_OF_TEXT if 'class="long"' in body else WIDE)
    html = Markup(
        '<figure data-workbench="table"{}><div class="scroll" role="region" tabindex="0" aria-label="{}"><table>'
        "<caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></figure>"
    ).format(Markup(' class="wide"') if is_wide else "", caption, caption, head, body)
    return Shown(str(html), f"{caption}: {_counted(frame.height, 'row')}")


def plain_table(frame: pl.DataFrame) -> str:
    """Write a frame as lines for the terminal, its numbers to the right."""
    numeric = [dtype.is_numeric() for dtype in frame.dtypes]
    lines = [[heading(name) for name in frame.columns], *([written(cell) for cell in row] for row in frame.iter_rows())]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = [">" if is_number else "<" for is_number in numeric]
    told = (
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True))
        for line in lines
    )
    return "\n".join(one.rstrip() for one in told)


def show_facts(facts: Mapping[str, Any], caption: str) -> Shown:
    """Show a few key figures, each with its label."""
    pairs = Markup("").join(
        Markup('<div class="fact"><dt>{}</dt><dd>{}</dd></div>').format(heading(label), written(value))
        for label, value in facts.items()
    )
    html = Markup('<figure data-workbench="facts"><figcaption>{}</figcaption><dl>{}</dl></figure>').format(
        caption, pairs
    )
    return Shown(str(html), f"{caption}: {_counted(len(facts), 'fact')}")


def show_note(text: str, kind: str = "info", word: str = "") -> Shown:
    """Show a call-out: info, warn, stop or done; under a word of its own, where one is given."""
    word = word or KINDS[kind]
    paragraphs = Markup("").join(
        Markup("<p>{}</p>").format(Markup(CODE.sub(r"<code>\1</code>", str(escape(part)))))  # noqa: S704  just escaped
        for part in text.split("\n")
        if part.strip()
    )
    html = Markup('<figure data-workbench="note" class="{}"><figcaption>{}</figcaption>{}</figure>').format(
        kind, word, paragraphs
    )
    return Shown(str(html), f"{word} (see the page)")


def show_list(items: Iterable[Any], caption: str, *, limit: int = 200) -> Shown:
    """Show a bulleted list; a last line counts the items left out."""
    listed = list(items)
    rows = Markup("").join(Markup("<li>{}</li>").format(written(item)) for item in listed[:limit])
    if not listed:
        rows = Markup('<li class="more">none</li>')
    if len(listed) > limit:
        rows += Markup('<li class="more">… and {} more</li>').format(f"{len(listed) - limit:,}")
    html = Markup('<figure data-workbench="list"><figcaption>{}</figcaption><ul>{}</ul></figure>').format(caption, rows)
    return Shown(str(html), f"{caption}: {_counted(len(listed), 'item')}")


def written(value: object) -> str:
    """Write a value for people: thousands separators, yes and no, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float | Decimal):
        return f"{value:,.0f}" if value % 1 == 0 else f"{value:,.2f}"
    return _dated_or_listed(value)


def _dated_or_listed(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, list | tuple | pl.Series):
        return ", ".join(written(one) for one in value)
    return str(value)


def clock_text(seconds: float | None) -> str:
    """Write a span of time in the unit a reader would use."""
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def heading(name: str) -> str:
    """Write a column name as a heading; names of custom fields stay as they are."""
    if name.startswith("cf_") or not name:
        return name
    return name[0].upper() + name[1:].replace("_", " ")


def _cell(tag: str, text: str, number: bool, scope: str = "") -> Markup:
    attributes = Markup(' class="n"') if number else Markup(' class="long"') if len(text) > LONG else Markup("")
    if scope:
        attributes += Markup(' scope="{}"').format(scope)
    pattern = Markup("<th{}>{}</th>") if tag == "th" else Markup("<td{}>{}</td>")
    return pattern.format(attributes, text)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _names(text: str) -> set[str]:
    return set(text.split())


PROSE_TAGS = _names("h2 h3 h4 h5 h6 p br hr strong em del code pre blockquote ul ol li table thead tbody tr th td")
SHOWN_TAGS = PROSE_TAGS | _names("figure figcaption caption div span dl dt dd")
SHOWN_ATTRIBUTES = {
    "figure": {MARK, "class"},
    "div": {"class", "role", "tabindex", "aria-label"},
    "th": {"class", "scope", "colspan"},
    "td": {"class", "colspan"},
    "li": {"class"},
    "span": {"class"},
}
PICTURE_TAGS = _names("svg title desc g path line rect circle text tspan defs clipPath")
PICTURE_ATTRIBUTES = {MARK} | _names(
    "role aria-label aria-hidden class id width height viewBox x y x1 x2 y1 y2 dx dy cx cy r rx ry d transform opacity"
    " fill fill-opacity stroke stroke-width stroke-opacity stroke-miterlimit stroke-dasharray stroke-linecap"
    " stroke-linejoin font-family font-size font-weight font-style text-anchor dominant-baseline display clip-path"
)
OURS = re.compile(rf'^\s*(?:<style>[^<]*</style>)?\s*<figure {MARK}="(?:table|facts|note|list)"')
LOCAL_URL = re.compile(r"url\((?!#[\w-]+\))", re.IGNORECASE)


class _Prose(mistune.HTMLRenderer):
    """Markdown without links, images and raw HTML; the page's title is its only first heading."""

    def heading(self, text: str, level: int, **attrs: object) -> str:
        return "" if level == 1 else f"<h{level}>{text}</h{level}>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return text

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return str(escape(text))


def render_prose(markdown: str) -> Markup:
    """Render a markdown cell; raw HTML in it is shown as text, links keep their words only."""
    # a line that starts in bold is a line of its own: **Reads**, **Writes**, **Decides**
    lined = re.sub(r"(?<!\n)\n(?=\*\*)", "  \n", markdown)
    html = str(_markdown()(lined))
    return Markup(nh3.clean(html, tags=PROSE_TAGS, attributes={}).strip())  # noqa: S704  just cleaned


def clean_shown(html: str) -> Markup | None:
    """Return HTML that our own output made, held to the tags we use; None when it is not ours."""
    if not OURS.match(html):
        return None
    return Markup(nh3.clean(html, tags=SHOWN_TAGS, attributes=SHOWN_ATTRIBUTES, link_rel=None))  # noqa: S704  just cleaned


def clean_picture(svg: str, prefix: str) -> Markup | None:
    """Return a picture that we drew, held to the shapes we use; `prefix` keeps its ids its own on the page."""
    if f'{MARK}="picture"' not in svg[:200] or "<!" in svg:
        return None
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314  no document type, so no entities
    except ElementTree.ParseError:
        return None
    if _bare(root.tag) != "svg":
        return None
    _strip(root, prefix)
    return Markup(ElementTree.tostring(root, encoding="unicode"))  # noqa: S704  only known shapes are left


def _strip(element: ElementTree.Element, prefix: str) -> None:
    element.tag = _bare(element.tag)
    for name, value in list(element.attrib.items()):
        if name not in PICTURE_ATTRIBUTES or LOCAL_URL.search(value):
            del element.attrib[name]
        elif name == "id":
            element.attrib[name] = f"{prefix}-{value}"
        elif "url(#" in value:
            element.attrib[name] = value.replace("url(#", f"url(#{prefix}-")
    for child in list(element):
        if not isinstance(child.tag, str) or _bare(child.tag) not in PICTURE_TAGS:
            element.remove(child)
        else:
            _strip(child, prefix)


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


@cache
def _markdown() -> mistune.Markdown:
    return mistune.create_markdown(renderer=_Prose(escape=True), plugins=["table", "strikethrough"])
