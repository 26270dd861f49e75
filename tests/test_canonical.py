"""Two values that mean the same share one canonical text; fingerprints, delta and reconciliation compare in it."""

from __future__ import annotations

import pytest

from workbench.canonical import Form, canonical, plain


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("value", [None, "", []])
def test_nothing_is_nothing_in_every_form(form, value):
    assert canonical(form, value) is None


@pytest.mark.parametrize(
    ("form", "one", "other"),
    [
        pytest.param(Form.TEXT, " Dana\n Lund ", "Dana Lund", id="blanks fold"),
        pytest.param(Form.TEXT, "Dana\u00a0Lund", "Dana Lund", id="no-break space"),
        pytest.param(Form.TEXT, 7, "7", id="a number as text"),
        pytest.param(Form.RICH, "<p>BP &lt; 120</p><br>ok", "BP < 120 ok", id="tags and entities"),
        pytest.param(Form.RICH, "one&nbsp;two", "one two", id="no-break entity"),
        pytest.param(Form.MONEY, "1200.50", 1200.5, id="money from a float"),
        pytest.param(Form.MONEY, "0.00", 0, id="zero money"),
        pytest.param(Form.MONEY, "1E+3", "1000.00", id="exponent"),
        pytest.param(Form.NUMBER, "3", 3, id="number"),
        pytest.param(Form.BOOLEAN, "true", True, id="boolean"),
        pytest.param(Form.BOOLEAN, "false", False, id="false is a value"),
        pytest.param(Form.DATE, "2021-03-04", "2021-03-04T00:00:00Z", id="day of a time"),
        pytest.param(Form.TIME, "2021-03-04T14:05:00-06:00", "2021-03-04T20:05:00Z", id="the same moment"),
        pytest.param(Form.TIME, "2021-03-04T14:05:00.000-06:00", "2021-03-04T14:05:00-06:00", id="parts of a second"),
        pytest.param(Form.LIST, '["b","a"]', ["a", "b"], id="order of a list"),
        pytest.param(
            Form.LIST, '[{"value":"1","label":"Home"}]', [{"label": "Home", "value": "1"}], id="order of keys"
        ),
    ],
)
def test_equal_values_share_a_text(form, one, other):
    assert canonical(form, one) == canonical(form, other) is not None


@pytest.mark.parametrize(
    ("form", "one", "other"),
    [
        pytest.param(Form.TEXT, "Lund", "lund", id="case counts"),
        pytest.param(Form.MONEY, "1200.50", "1200.05", id="cents"),
        pytest.param(Form.NUMBER, "0", None, id="zero is not blank"),
        pytest.param(Form.BOOLEAN, False, None, id="false is not blank"),
        pytest.param(Form.TIME, "2021-03-04T14:05:00-06:00", "2021-03-04T14:05:00-05:00", id="another offset"),
        pytest.param(Form.LIST, ["a"], ["a", "a"], id="twice"),
    ],
)
def test_different_values_differ(form, one, other):
    assert canonical(form, one) != canonical(form, other)


def test_what_cannot_be_read_stays_as_it_is():
    assert canonical(Form.MONEY, "n/a") == "n/a"
    assert canonical(Form.TIME, "soon") == "soon"


def test_plain_is_what_a_reader_sees():
    assert plain("<b>One</b><br/>two &amp; <i>three</i> ") == "One two & three"
