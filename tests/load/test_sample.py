"""The sample is drawn by hash: the same rows whatever their order, with everything that has to go before them."""

from __future__ import annotations

from pathlib import Path

import pytest
from little import Little
from shipped import make_shipped

from workbench.load.plan import draw_sample
from workbench.warehouse import open_warehouse

COMPANIES = [
    {"company_id": f"P{n:03}", "company_name": f"Practice {n}", "parent_company_id": f"P{n - 1:03}" if n % 4 else ""}
    for n in range(200, 360)
]
PEOPLE = [
    *({"contact_id": f"C{n}"} for n in range(100, 300)),
    *({"contact_id": f"L{n}", "status": "Cold Prospect"} for n in range(100, 130)),
    *({"contact_id": f"D{n}", "lifecycle_role": "Referring Dentist"} for n in range(3)),
]
NOTES = [{"note_id": f"N{row['contact_id']}", "related_id": row["contact_id"]} for row in PEOPLE]


def drawn(folder: Path, *, backwards: bool = False) -> tuple[set[str], Little]:
    """The sample of one delivery, its rows in one order or the other."""
    step = -1 if backwards else 1
    made = make_shipped(folder, companies=COMPANIES[::step], contacts=PEOPLE[::step], notes=NOTES[::step])
    made.stage()
    with open_warehouse(made.settings.warehouse, write=True) as warehouse:
        warehouse.run("CREATE TABLE checked.held (source_object VARCHAR, source_id VARCHAR)")
    return draw_sample(made.settings, made.mappings), made


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], Little]:
    return drawn(tmp_path_factory.mktemp("sample"))


def test_the_same_rows_are_drawn_whatever_order_they_come_in(sample, tmp_path):
    assert drawn(tmp_path, backwards=True)[0] == sample[0]


def test_accounts_come_with_their_ancestors(sample):
    keys, made = sample
    parents = dict(made.staged("practice", "'companies/' || source_id", "parent_sales_account_id"))
    accounts = {key for key in keys if key.startswith("companies/")}
    assert 100 <= len(accounts) < len(parents)
    assert {parents[key] for key in accounts} - {None} <= accounts


def test_fifty_to_a_hundred_people_are_drawn_and_some_of_every_route(sample):
    people = [key.partition("/")[2] for key in sample[0] if key.startswith("contacts/")]
    assert 50 <= len(people) <= 100
    assert {
        route: sum(one.startswith(route) for one in people) >= least for route, least in (("C", 40), ("L", 5), ("D", 3))
    } == {
        "C": True,
        "L": True,
        "D": True,
    }


def test_what_hangs_on_the_drawn_comes_along_and_nothing_else(sample):
    keys = sample[0]
    people = {key.partition("/")[2] for key in keys if key.startswith("contacts/")}
    assert {key.partition("/")[2].removeprefix("N") for key in keys if key.startswith("notes/")} == people
