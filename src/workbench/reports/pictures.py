"""Pictures of a few counted rows: drawn to SVG with no browser and no network, the same bytes each time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any, Literal

import polars as pl

from workbench.reports.shown import MARK, heading

INK, QUIET, RULE = "#1d2a35", "#5b6b78", "#e3e8ec"
COLOURS = ["#0f6e78", "#d08a3e", "#5b7fb4", "#9a5d86", "#7b8f45", "#b5493f", "#4c5b66", "#d3b13c"]
SHADES = ["#e3e8ec", "#a9cfd2", "#5aa5ac", "#0f6e78"]
FONT = "Helvetica, Arial, sans-serif"
WIDTH = 600
Mark = Literal["bar", "line"]
CONFIG = {
    "aria": False,  # the picture as a whole is named; a name for each bar would be read out one by one
    "font": FONT,
    "background": "transparent",
    "title": {"anchor": "start", "color": INK, "fontSize": 15, "fontWeight": 600, "offset": 12, "frame": "bounds"},
    "axis": {
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": 260,
        "titleColor": QUIET,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": RULE,
        "domainColor": QUIET,
        "tickColor": QUIET,
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "titleColor": QUIET,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "bottom",
        "columns": 5,
        "labelLimit": 200,
    },
    "view": {"stroke": None},
    "bar": {"color": COLOURS[0]},
    "line": {"color": COLOURS[0], "strokeWidth": 2},
    "point": {"color": COLOURS[0], "filled": True, "size": 40},
    "range": {"category": COLOURS},
}


@dataclass(frozen=True)
class Picture:
    """One drawn chart: SVG for people, and a plain text that holds no values."""

    svg: str
    title: str

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"picture: {self.title}"


def bars(frame: pl.DataFrame, x: str, y: str, title: str, *, color: str | None = None) -> Picture:
    """Draw one bar a row in the frame's order; the bars lie down when `y` holds the names."""
    return _draw(frame, x, y, title, color, mark="bar", beside=True)


def stacked(frame: pl.DataFrame, x: str, y: str, title: str, *, color: str) -> Picture:
    """Draw bars whose parts, told apart by `color`, add up."""
    return _draw(frame, x, y, title, color, mark="bar")


def lines(frame: pl.DataFrame, x: str, y: str, title: str, *, color: str | None = None) -> Picture:
    """Draw `y` over `x`, one line a value of `color`."""
    return _draw(frame, x, y, title, color, mark="line")


def tiles(frame: pl.DataFrame, x: str, y: str, shade: str, title: str, *, kinds: Sequence[str]) -> Picture:
    """Draw one tile a row, at most four `kinds` from light to dark; `x` is a place in its line, `y` names the line."""
    named = {name: f"c{number}" for number, name in enumerate(frame.columns)}
    line = {"field": named[y], "type": "nominal", "sort": None, "title": None, "axis": {"grid": False}}
    colour = {
        "field": named[shade],
        "type": "nominal",
        "title": heading(shade),
        "scale": {"domain": list(kinds), "range": SHADES[-len(kinds) :]},
    }
    spec = {
        "data": {"values": [_dated(row) for row in frame.rename(named).iter_rows(named=True)]},
        "mark": {"type": "rect", "stroke": "white", "strokeWidth": 1},
        "encoding": {"x": {"field": named[x], "type": "ordinal", "axis": None}, "y": line, "color": colour},
        "title": title,
        "width": WIDTH,
        "height": {"step": 18},
        "config": CONFIG,
    }
    return _picture(spec, title)


def _draw(
    frame: pl.DataFrame, x: str, y: str, title: str, color: str | None, *, mark: Mark, beside: bool = False
) -> Picture:
    named = {name: f"c{number}" for number, name in enumerate(frame.columns)}  # a dot in a name would be a path
    lying = mark == "bar" and frame.schema[x].is_numeric() and not frame.schema[y].is_numeric()
    encoding: dict[str, Any] = {
        "x": _channel(frame, x, named, is_name=mark == "bar" and not lying),
        "y": _channel(frame, y, named, is_name=lying),
    }
    if color is not None:
        kinds = frame.get_column(color).unique(maintain_order=True).to_list()
        encoding["color"] = {"field": named[color], "type": "nominal", "title": heading(color), "sort": kinds}
        if beside:
            encoding["yOffset" if lying else "xOffset"] = {"field": named[color], "type": "nominal", "sort": kinds}
    spec = {
        "data": {"values": [_dated(row) for row in frame.rename(named).iter_rows(named=True)]},
        "mark": {"type": mark, "point": True} if mark == "line" else {"type": mark},
        "encoding": encoding,
        "title": title,
        "width": WIDTH,
        "height": {"step": 14 if color and beside else 24} if lying else 260,
        "config": CONFIG,
    }
    return _picture(spec, title)


def _picture(spec: dict[str, Any], title: str) -> Picture:
    import altair as alt  # noqa: PLC0415  a second to import, and only notebooks draw
    import vl_convert  # noqa: PLC0415  the same

    checked = alt.Chart.from_dict(spec).to_dict()
    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    return Picture(_labelled(vl_convert.vegalite_to_svg(checked, vl_version=version), title), title)


def _channel(frame: pl.DataFrame, name: str, named: dict[str, str], *, is_name: bool) -> dict[str, Any]:
    """Describe one axis: names in the frame's order, or numbers, or days."""
    dtype = frame.schema[name]
    if is_name or not (dtype.is_numeric() or dtype.is_temporal()):
        return {"field": named[name], "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": 0}}
    if dtype.is_temporal():
        return {
            "field": named[name],
            "type": "temporal",
            "title": None,
            "scale": {"type": "utc"},
            "axis": {"grid": False},
        }
    axis = {"tickCount": 6} | ({"tickMinStep": 1} if dtype.is_integer() else {})
    return {"field": named[name], "type": "quantitative", "title": heading(name), "axis": axis}


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    """Write days and times as text, which is what JSON can hold."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


ROLES = re.compile(r' (?:role="graphics-[a-z]+"|aria-roledescription="[^"]*")')


def _labelled(svg: str, title: str) -> str:
    """Give the drawing the role and the name that a screen reader announces, and the mark that pages look for.

    Its parts name themselves too, axis by axis and bar by bar, but for the marks as a whole; inside one image they say nothing.
    """
    svg = ROLES.sub("", svg)
    label = escape(title, quote=True)
    opening = f'<svg {MARK}="picture" role="img" aria-label="{label}" '
    start, end = svg.index("<svg ") + len("<svg "), svg.index(">")
    return f"{opening}{svg[start:end]}><title>{label}</title>{svg[end + 1 :]}"
