"""Every adversary of docs/security.md is told what holds, what does not, and by which tests; all of them are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ADVERSARIES = (
    "A curious stakeholder",
    "A stolen laptop",
    "A hostile export",
    "A malicious mapping file",
    "Another process or user of the machine",
    "A tenant that answers nonsense",
    "A language model's server",
    "Somebody who edits the audit log",
)
ROW = re.compile(r"^\| (?!---|What holds )([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def parts() -> dict[str, str]:
    """Return what the threat model says of each adversary."""
    model = PAGE.split("\n## Threat model\n")[1].split("\n## ")[0]
    return {head: text for head, _, text in (one.partition("\n") for one in model.split("\n### ")[1:])}


def names_of(path: str) -> set[str]:
    """Return the tests of a file, which may not be there."""
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def missing(text: str) -> list[str]:
    """Return the tests that a text names and that are not there."""
    named = [one for one in re.findall(r"`([^`]+)`", text) if one.startswith("tests/")]
    return [one for one in named if one.partition("::")[2] not in names_of(one.partition("::")[0])]


def test_the_adversaries_are_these() -> None:
    assert tuple(parts()) == ADVERSARIES


@pytest.mark.parametrize("adversary", ADVERSARIES)
def test_what_holds_is_shown_by_tests_that_are_there_and_what_does_not_is_said(adversary: str) -> None:
    said = parts()[adversary]
    rows = ROW.findall(said)
    assert len(rows) > 1
    assert [claim for claim, tests in rows if "::test_" not in tests] == []
    assert missing(said) == []
    assert "\nDoes not hold: " in said


def test_a_test_that_is_not_there_is_missed() -> None:
    assert missing("`tests/test_threat_model.py::test_nothing` · `tests/nowhere.py::test_x` · `data/`") == [
        "tests/test_threat_model.py::test_nothing",
        "tests/nowhere.py::test_x",
    ]
