"""The starter's notebooks are thin, harmless by default, and say what they read, write and decide."""

from __future__ import annotations

import ast
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from workbench.journey.steps import APART, STEPS

FOLDER = Path(__file__).parent.parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PARAMETERS = {"migration": ".", "target": "rehearsal", "interactive": True}
MOST_LINES = 12
MOST_CODE_CELLS = 14
BELONGS_IN_SRC = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.Try,
    ast.While,
)

every_notebook = pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in NOTEBOOKS])


def cells_of(path: Path, kind: str | None = None) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [cell for cell in cells if kind in (None, cell["cell_type"])]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_every_step_has_its_notebooks_and_every_notebook_its_step() -> None:
    named = {name for group in {**STEPS, **APART}.values() for name in group}
    assert {path.stem for path in NOTEBOOKS} == {*named, "00_tour"}


@every_notebook
def test_a_notebook_is_kept_as_written(path: Path) -> None:
    ran = [
        cell["id"]
        for cell in cells_of(path, "code")
        if cell["outputs"] or cell["execution_count"] is not None or set(cell["metadata"]) - {"tags"}
    ]
    assert ran == []


@every_notebook
def test_cell_ids_are_words(path: Path) -> None:
    ids = [cell["id"] for cell in cells_of(path)]
    assert [one for one in ids if not re.fullmatch(r"[a-z]+(-[a-z]+)*", one)] == []
    assert len(set(ids)) == len(ids)


@every_notebook
def test_the_first_cell_says_what_is_read_written_and_decided(path: Path) -> None:
    title = cells_of(path)[0]
    assert title["cell_type"] == "markdown"
    first, _, rest = source(title).partition("\n")
    assert re.fullmatch(r"# \S.*", first)
    assert re.findall(r"^\*\*(\w+)\*\*", rest, re.MULTILINE) == ["Reads", "Writes", "Decides"]


@every_notebook
def test_the_second_cell_holds_harmless_parameters_with_a_remark_each(path: Path) -> None:
    cell = cells_of(path)[1]
    assert (cell["cell_type"], cell["metadata"].get("tags")) == ("code", ["parameters"])
    lines = source(cell).splitlines()
    assert all(re.fullmatch(r"\w+: \w+ = .+  # \S.*", line) for line in lines)
    values = {
        node.target.id: ast.literal_eval(node.value)
        for node in ast.parse(source(cell)).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value
    }
    assert {name: values.get(name) for name in PARAMETERS} == PARAMETERS


@every_notebook
def test_a_cell_is_short_and_a_notebook_too(path: Path) -> None:
    code = cells_of(path, "code")
    long = {cell["id"]: lines for cell in code if (lines := len(source(cell).splitlines())) > MOST_LINES}
    assert long == {}
    assert len(code) <= MOST_CODE_CELLS


@every_notebook
def test_no_cell_holds_what_belongs_in_src(path: Path) -> None:
    wrong = {
        cell["id"]: type(node).__name__
        for cell in cells_of(path, "code")
        for node in ast.walk(ast.parse(source(cell)))
        if isinstance(node, BELONGS_IN_SRC)
    }
    assert wrong == {}


@every_notebook
def test_what_a_cell_shows_is_its_last_line(path: Path) -> None:
    lost = {
        cell["id"]: ast.unparse(node)
        for cell in cells_of(path, "code")
        for node in ast.parse(source(cell)).body[:-1]
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith("show_")
    }
    assert lost == {}, "a notebook shows the last line of a cell, and nothing else"


@every_notebook
def test_every_import_is_used(path: Path) -> None:
    trees = [ast.parse(source(cell)) for cell in cells_of(path, "code")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {
        (name.asname or name.name)
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported - {node.id for node in nodes if isinstance(node, ast.Name)} == set()


@every_notebook
def test_headings_never_skip_a_level(path: Path) -> None:
    depths = [
        len(mark) for cell in cells_of(path, "markdown") for mark in re.findall(r"^(#+) ", source(cell), re.MULTILINE)
    ]
    assert depths[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(depths))


@every_notebook
def test_the_last_cell_leaves_the_one_record(path: Path) -> None:
    recording = [
        cell["id"] for cell in cells_of(path, "code") if re.search(r"^record_step\(", source(cell), re.MULTILINE)
    ]
    last = cells_of(path)[-1]
    assert recording == [last["id"]]
    call = ast.parse(source(last)).body[-1]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert ast.literal_eval(call.value.args[1]) == path.stem
