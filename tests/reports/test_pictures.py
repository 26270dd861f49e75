"""Pictures are drawn without a browser, the same each time, with a name for those who cannot see them."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

import polars as pl
import pytest

from workbench.reports.pictures import Picture, bars, lines, stacked, tiles
from workbench.reports.shown import clean_picture

CARRIERS = pl.DataFrame({"carrier": ["Delta <b>", "Cigna"], "records": [31, 4]})
FATES = pl.DataFrame(
    {"mapping": ["patient", "patient", "case"], "fate": ["created", "held", "created"], "records.n": [300, 12, 90]}
)
MONTHS = pl.DataFrame({"month": [date(2026, month, 1) for month in (1, 2, 3)], "cases": [4, 9, 1]})
FILLED = pl.DataFrame({"object": ["users", "users", "cases"], "place": [1, 2, 1], "filled": ["full", "empty", "half"]})

DRAWN = {
    "standing bars": lambda: bars(CARRIERS, "carrier", "records", "Records by carrier"),
    "lying bars": lambda: bars(CARRIERS, "records", "carrier", "Records by carrier"),
    "bars side by side": lambda: bars(FATES, "mapping", "records.n", "Rows by fate", color="fate"),
    "stacked bars": lambda: stacked(FATES, "records.n", "mapping", "Rows by fate", color="fate"),
    "lines": lambda: lines(MONTHS, "month", "cases", "Cases a month"),
    "tiles": lambda: tiles(FILLED, "place", "object", "filled", "How full", kinds=("empty", "half", "full")),
    "no rows": lambda: bars(CARRIERS.clear(), "records", "carrier", "Nothing"),
}
drawings = pytest.mark.parametrize("draw", [pytest.param(draw, id=name) for name, draw in DRAWN.items()])


@drawings
def test_a_picture_is_drawn_the_same_each_time(draw):
    assert draw() == draw()


@drawings
def test_a_picture_has_a_role_a_name_and_nothing_that_loads(draw):
    picture = draw()
    root = ElementTree.fromstring(picture.svg)
    assert (root.get("role"), root.get("aria-label"), root[0].text) == ("img", picture.title, picture.title)
    cleaned = clean_picture(picture.svg, "p")
    assert cleaned is not None
    assert "http" not in cleaned
    assert len(list(ElementTree.fromstring(cleaned).iter())) == len(list(root.iter()))


def test_the_bars_are_named_and_the_names_escaped():
    svg = bars(CARRIERS, "records", "carrier", "Records & carriers").svg
    assert "Delta &lt;b&gt;" in svg
    assert 'aria-label="Records &amp; carriers"' in svg


def test_the_plain_text_of_a_picture_holds_no_values():
    bundle = Picture("<svg/>", "Records by carrier")._repr_mimebundle_()
    assert bundle == {"image/svg+xml": "<svg/>", "text/plain": "picture: Records by carrier"}
