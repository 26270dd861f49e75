"""What may stand on a page: notebook prose, our own HTML, our own pictures; everything else is taken out."""

from __future__ import annotations

import re
from functools import cache
from xml.etree import ElementTree

import mistune
import nh3
from markupsafe import Markup, escape

from workbench.reports.shown import MARK

PROSE_TAGS = {
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "br",
    "hr",
    "strong",
    "em",
    "del",
    "code",
    "pre",
    "blockquote",
    "ul",
    "ol",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
SHOWN_TAGS = PROSE_TAGS | {"figure", "figcaption", "caption", "div", "span", "dl", "dt", "dd"}
SHOWN_ATTRIBUTES = {
    "figure": {MARK, "class"},
    "div": {"class", "role", "tabindex", "aria-label"},
    "th": {"class", "scope", "colspan"},
    "td": {"class", "colspan"},
    "li": {"class"},
    "span": {"class"},
}
PICTURE_TAGS = {"svg", "title", "desc", "g", "path", "line", "rect", "circle", "text", "tspan", "defs", "clipPath"}
PICTURE_ATTRIBUTES = {
    MARK,
    "role",
    "aria-label",
    "aria-hidden",
    "class",
    "width",
    "height",
    "viewBox",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "dx",
    "dy",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "d",
    "id",
    "transform",
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-miterlimit",
    "stroke-dasharray",
    "stroke-linecap",
    "stroke-linejoin",
    "opacity",
    "font-family",
    "font-size",
    "font-weight",
    "font-style",
    "text-anchor",
    "dominant-baseline",
    "display",
    "clip-path",
}
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
