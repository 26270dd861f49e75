"""SQL passes by what is canonical already, and asks `canonical` for all else: the two are one definition."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.canonical import Form, canonical
from workbench.reconcile.expected import asking_canonical, canonical_sql
from workbench.warehouse import Warehouse, open_warehouse

TEXTS = [
    "",
    " ",
    "a",
    "a b",
    "a  b",
    " a",
    "a ",
    "a\tb",
    "a\nb",
    "é",
    "a\u00a0b",
    "'",
    "%_",
    "a&amp;b",
    "<b>a</b>",
    "a<b",
]
NUMBERS = [
    "0",
    "-0",
    "00",
    "1",
    "-1",
    "01",
    "1.0",
    "1.50",
    "-0.05",
    "0.0",
    "1e3",
    "12345678901234567890.25",
    "x",
    "1.",
    ".5",
]
DAYS = ["2021-02-03", "2021-02-03T04:05:06Z", "", "2021", "nonsense and more"]
TIMES = [
    *("2021-03-04T14:05:00-06:00", "2021-03-04T14:05:00+00:00", "2021-03-04T14:05:00Z", "2021-03-04T14:05:00"),
    *(
        "2021-02-30T14:05:00-06:00",
        "2021-03-04T24:00:00-06:00",
        "2021-12-31T23:59:59-14:00",
        "1850-01-01T00:00:00+00:00",
    ),
    *("2021-03-04T14:05:00.25-06:00", "2021-03-04T14:05:00+23:59", "later", ""),
]
LISTS = [
    *('["a@example.com"]', '["a","b"]', '["b","a"]', "[]", '["a,b"]', '["a\\"b"]', '["\\u00e9"]', '["é"]'),
    *('[{"label":"Home","value":"+1"}]', '[{"value":"+1","label":"Home"}]', '[{"label":null,"value":"+1"}]'),
    '[{"label":"Home","value":"+1"},{"label":"Fax","value":"+2"}]',
]
HARD = {
    Form.TEXT: TEXTS,
    Form.RICH: TEXTS,
    Form.MONEY: NUMBERS,
    Form.NUMBER: NUMBERS,
    Form.BOOLEAN: ["true", "false", "True", "1", "0", "yes", "no", ""],
    Form.DATE: DAYS,
    Form.TIME: TIMES,
    Form.LIST: LISTS,
}
FREE = [Form.TEXT, Form.RICH, Form.MONEY, Form.NUMBER, Form.BOOLEAN, Form.DATE]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with (
        open_warehouse(tmp_path_factory.mktemp("expected") / "warehouse.duckdb", write=True) as opened,
        asking_canonical(opened),
    ):
        yield opened


def by_sql(warehouse: Warehouse, form: Form, values: list[str | None]) -> list[str | None]:
    query = f"SELECT {canonical_sql(form, 'v')} FROM (SELECT unnest($values::VARCHAR[]) AS v, generate_subscripts($values, 1) AS n) ORDER BY n"
    return [row[0] for row in warehouse.run(query, {"values": values})]


@pytest.mark.parametrize("form", Form)
def test_hard_values_stand_in_the_same_text_by_sql(warehouse, form):
    values = [*HARD[form], None]
    assert by_sql(warehouse, form, values) == [canonical(form, value) for value in values]


@pytest.mark.parametrize("form", FREE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), min_size=1))
def test_any_text_stands_in_the_same_text_by_sql(warehouse, form, values):
    assert by_sql(warehouse, form, values) == [canonical(form, value) for value in values]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9), min_size=1
    )
)
def test_any_amount_stands_in_the_same_text_by_sql(warehouse, values):
    texts = [str(value) for value in values]
    assert by_sql(warehouse, Form.MONEY, texts) == [canonical(Form.MONEY, value) for value in texts]
