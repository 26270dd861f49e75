"""Every expectation that is shipped, and every one that a mapping states, can turn red: broken at known keys, both
counts find exactly those.

A new expectation needs no case here, unless its regular expression is new: then EXAMPLES lacks one and its test fails.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest

from workbench.checks.derived import IN_SET, LENGTH, NOT_NULL, UNIQUE
from workbench.checks.failing import failures_sql, find_failing
from workbench.checks.held import run_checks
from workbench.checks.judged import Judged, pair_suites
from workbench.checks.results import BY_BOTH, CheckReport
from workbench.checks.stated import stated_mappings
from workbench.checks.suites import Expectation, read_suites
from workbench.mapping.files import read_mappings
from workbench.settings import read_settings
from workbench.vocabulary import Severity
from workbench.warehouse import Warehouse, open_warehouse

REPOSITORY = Path(__file__).parents[2]
REGEX, OTHER_REGEX = "expect_column_values_to_match_regex", "expect_column_values_to_not_match_regex"
ORDER = "expect_column_pair_values_a_to_be_greater_than_b"
YEAR, EARLY = "2021", "2001"
EXAMPLES = {  # a value of the form, and one that only looks like it
    "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$": ("2021-03-04 14:05:00", "2021-03-04T14:05:00"),
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": ("2021-03-04", "03/04/2021"),
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([+-][0-9]{2}:[0-9]{2}|Z)$": (
        "2021-03-04T14:05:00-06:00",
        "2021-03-04T14:05:00",
    ),
    "^[^@ ,;]+@[^@ ,;]+[.][A-Za-z]{2,}$": ("desk@example.com", "desk@example.com, lab@example.com"),
    "^[+][1-9][0-9]{7,14}$": ("+15035550142", "(503) 555-0142"),
    "^[A-Z]{2}$": ("OR", "Oregon"),
    "^[0-9]{5}(-[0-9]{4})?$": ("97301-1234", "7301"),
    "^[0-9]{10}$": ("1234567893", "123456789"),
    "^[0-9A-Fa-f]{64}$": ("0f" * 32, "0f" * 31),
    "^[$]?[0-9][0-9,]*([.][0-9]{1,2})?$": ("$1,250.00", "-12.00"),
    "^[0-9]+[.][0-9]{2}$": ("1250.00", "1250"),
    "^D[0-9]{4}(;D[0-9]{4})*$": ("D1110;D0120", "D1110,D0120"),
    "^https?://[^ ]+$": ("https://p1.example.com", "p1.example.com"),
    "^[1-9][0-9]*$": ("2048", "0"),
    "^0+$": ("2048", "00"),
    "[/\\\\]": ("scan.pdf", "2021\\scan.pdf"),
    "(^|[/\\\\])[.][.]([/\\\\]|$)|^[/\\\\]|^[A-Za-z]:": ("2021/scan..pdf", "../scan.pdf"),
    **{
        f"\\[Dental-Exec {one}/[^ ]+ · ": (f"Seen.\n[Dental-Exec {one}/N-1 · 2021-03-04 · a@example.com]", "Seen.")
        for one in ("notes", "tasks", "appointments")
    },
}
LONG = {
    "^D[0-9]{4}(;D[0-9]{4})*$": ";".join(["D1110"] * 43),
    "^[^@ ,;]+@[^@ ,;]+[.][A-Za-z]{2,}$": f"{'x' * 256}@example.com",
}
"""Texts that are too long and of their form all the same."""
Row = dict[str, str | None]


def judged_tables() -> list[Judged]:
    """The shipped suites beside what the shipped mappings state; carriers as decided, since no decision is shipped."""
    stated = stated_mappings(read_mappings(read_settings(REPOSITORY, "freshsales")))
    decided = [
        replace(one, choices={**one.choices, "cf_insurance_carrier": ["Aetna", "DentaQuest"]})
        if one.name in ("patient", "treatment_case")
        else one
        for one in stated
    ]
    return pair_suites(read_suites(REPOSITORY / "expectations"), decided)


JUDGED = {one.title: one for one in judged_tables()}
EVERY = [
    pytest.param(title, place, id=f"{title} {place}: {one.field} {one.type.removeprefix('expect_column_')}")
    for title, judged in JUDGED.items()
    for place, one in enumerate(judged.expectations)
]


class Planted:
    """A table in which each row breaks one expectation of its suite or none, and the keys that break each."""

    def __init__(self, judged: Judged) -> None:
        self.judged = judged
        self.rows: list[Row] = []
        self.keys: dict[int, list[str | None]] = defaultdict(list)
        for _ in range(3):
            self.rows.append(self._row())
        self.whole = len(self.rows)
        for place, one in enumerate(judged.expectations):
            for _ in range(1 + place % 3):  # so that no two neighbours have equal counts
                for row in self._broken(one):
                    self.rows.append(row)
                    self.keys[place].append(row[judged.key])
        self._share()

    @property
    def frame(self) -> pl.DataFrame:
        return pl.DataFrame(self.rows, schema=dict.fromkeys(self.rows[0], pl.String))

    def _share(self) -> None:
        """What is outside of one set is outside of the column's other set; what is too early is so for every date before.

        What is too long may have no form either.
        """
        by_question = defaultdict(list)
        for place, one in enumerate(self.judged.expectations):
            if one.type in (IN_SET, NOT_NULL, UNIQUE, ORDER):
                by_question[one.type, one.columns[0] if one.type == ORDER else one.columns].append(place)
        for places in by_question.values():
            together = [key for place in places for key in self.keys[place]]
            self.keys |= dict.fromkeys(places, together)
        for place, one in enumerate(self.judged.expectations):
            if one.type == REGEX and one.kwargs["regex"].startswith("^") and one.kwargs["regex"] not in LONG:
                too_long = [
                    at
                    for at, other in enumerate(self.judged.expectations)
                    if (other.type, other.columns) == (LENGTH, one.columns)
                ]
                self.keys[place] += [key for at in too_long for key in self.keys[at]]

    def _row(self) -> Row:
        columns = {self.judged.key, *(column for one in self.judged.expectations for column in one.columns)}
        return {column: self._good(column) for column in sorted(columns)}

    def _broken(self, one: Expectation) -> Iterator[Row]:
        row, column = self._row(), one.columns[0]
        if one.type == UNIQUE:
            yield row
            row = self._row() | {column: row[column]}
        elif one.type == NOT_NULL:
            row[column] = None
        elif one.type == IN_SET:
            row[column] = "perhaps"
        elif one.type == LENGTH:
            row[column] = self._long(column, one.kwargs["max_value"])
        elif one.type == ORDER:
            row[column] = str(row[column]).replace(str(int(YEAR) + self._depth(column)), EARLY)
        elif one.kwargs["regex"] in EXAMPLES:
            row[column] = self._later(column, EXAMPLES[one.kwargs["regex"]][1])
        else:
            return
        yield row

    def _good(self, column: str) -> str:
        asked = [one for one in self.judged.expectations if column in one.columns]
        sets = [set(one.kwargs["value_set"]) for one in asked if one.type == IN_SET]
        regexes = [one.kwargs["regex"] for one in asked if "regex" in one.kwargs]
        if sets:
            return min(set.intersection(*sets))
        value = EXAMPLES.get(regexes[0], ("", ""))[0] if regexes else f"{YEAR}-03-04 14:05:00"
        if column == self.judged.key or any(one.type == UNIQUE for one in asked):
            return f"{len(self.rows)}{self.judged.title[:1]}{value if regexes else ''}"
        return self._later(column, value)

    def _later(self, column: str, value: str) -> str:
        return value.replace(YEAR, str(int(YEAR) + self._depth(column)))

    def _long(self, column: str, most: int) -> str:
        regexes = [
            one.kwargs["regex"] for one in self.judged.expectations if "regex" in one.kwargs and column in one.columns
        ]
        value = LONG.get(regexes[0]) if regexes else None
        return value or "x" * most + self._good(column)

    def _depth(self, column: str) -> int:
        """Later than how many others a column has to be."""
        below = [one.columns[1] for one in self.judged.expectations if one.type == ORDER and one.columns[0] == column]
        return 1 + max(map(self._depth, below)) if below else 0


PLANTED = {title: Planted(judged) for title, judged in JUDGED.items()}


@dataclass(frozen=True)
class Broken:
    """What came out where everything is broken."""

    report: CheckReport
    keys: dict[tuple[str, int], list[str | None]]
    held: dict[tuple[str, str], set[str]]


def found_keys(warehouse: Warehouse, judged: Judged) -> Iterator[tuple[tuple[str, int], list[str | None]]]:
    find_failing(warehouse, judged)
    for place in range(len(judged.expectations)):
        yield (
            (judged.title, place),
            [key for (key,) in warehouse.run(f"SELECT key FROM ({failures_sql([place])}) WHERE place IS NOT NULL")],
        )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    path = tmp_path_factory.mktemp("broken") / "warehouse.duckdb"
    columns = ["mapping", "source_object", "source_id", "field", "rule", "severity", "message"]
    keys = {}
    with open_warehouse(path, write=True) as warehouse:
        warehouse.write("staged.problems", pl.DataFrame(schema=dict.fromkeys(columns, pl.String)))
        for planted in PLANTED.values():
            warehouse.write(planted.judged.table, planted.frame)
            keys |= dict(found_keys(warehouse, planted.judged))
    mappings = [mapping for judged in JUDGED.values() if judged.title.startswith("staged/") for mapping in judged.holds]
    report = run_checks(path, REPOSITORY / "expectations", mappings, stop=False)
    held = defaultdict(set)
    with open_warehouse(path) as warehouse:
        for mapping, field, source_id in warehouse.run("SELECT mapping, field, source_id FROM checked.held"):
            held[mapping, field].add(source_id)
    return Broken(report, keys, held)


@pytest.mark.parametrize(("title", "place"), EVERY)
def test_an_expectation_finds_exactly_the_rows_that_break_it_both_ways(broken, title, place):
    one, planted = JUDGED[title].expectations[place], PLANTED[title].keys[place]
    assert planted, f"no row breaks it: add an example of {one.kwargs.get('regex')} to EXAMPLES"
    line = broken.report.results.filter(pl.col("suite") == title).row(place, named=True)
    assert (line["type"], line["column_name"], line["ran"], line["passed"]) == (one.type, one.field, BY_BOTH, False)
    assert (line["evaluated"], line["failed"], line["gx_failed"]) == (
        len(PLANTED[title].rows),
        len(planted),
        len(planted),
    )
    assert sorted(broken.keys[title, place], key=str) == sorted(planted, key=str)


@pytest.mark.parametrize("title", [title for title in JUDGED if title.startswith("staged/")])
def test_exactly_the_rows_that_break_a_check_of_severity_hold_are_held(broken, title):
    expected = defaultdict(set)
    for place, one in enumerate(JUDGED[title].expectations):
        if one.severity is Severity.HOLD:
            expected[title.removeprefix("staged/"), one.field] |= set(PLANTED[title].keys[place])
    assert {key: ids for key, ids in broken.held.items() if key[0] == title.removeprefix("staged/")} == expected


def test_rows_that_break_nothing_pass_every_check(tmp_path):
    with open_warehouse(tmp_path / "warehouse.duckdb", write=True) as warehouse:
        for planted in PLANTED.values():
            warehouse.write(planted.judged.table, planted.frame.head(planted.whole))
        counts = {title: find_failing(warehouse, one) for title, one in JUDGED.items()}
    assert counts == {
        title: (planted.whole, [0] * len(planted.judged.expectations)) for title, planted in PLANTED.items()
    }


def test_every_written_expectation_is_among_them():
    written = {suite.title: len(suite.expectations) for suite in read_suites(REPOSITORY / "expectations")}
    asked = {title: sum(one.source == "written" for one in judged.expectations) for title, judged in JUDGED.items()}
    assert {title: count for title, count in asked.items() if count} == written
