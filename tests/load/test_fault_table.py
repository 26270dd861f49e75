"""Every fault of the list has its line in docs/reliability.md, and every line a test that is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FAULTS = [f"F{number}" for number in range(1, 51)]
LINE = re.compile(r"^\| (F\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def told() -> list[tuple[str, str, str]]:
    """Return fault, tests and outcome of every line."""
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    return LINE.findall(page.split("## Every fault and its test")[1].split("\n## ")[0])


def names_of(path: str) -> set[str]:
    """Return the tests of a file, which may not be there."""
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_fault_has_one_line_in_order() -> None:
    assert [fault for fault, _, _ in told()] == FAULTS


def test_every_fault_names_tests_that_are_there_or_says_not_yet() -> None:
    lost = {}
    for fault, tests, outcome in told():
        named = re.findall(r"`([^`]+)`", tests)
        missing = [one for one in named if one.partition("::")[2] not in names_of(one.partition("::")[0])]
        if missing or not (named or outcome.startswith("not yet")):
            lost[fault] = missing
    assert lost == {}


def test_an_outcome_is_one_of_three_words() -> None:
    assert {fault for fault, _, outcome in told() if not outcome.startswith(("holds", "in part: ", "not yet"))} == set()
