"""Every value map that a snapshot asks has a grid in one notebook, and in one alone."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from shipped import make_shipped

from workbench.journey.steps import STEPS
from workbench.mapping.spellings import asked_spellings
from workbench.reports.decisions import asked_maps

FOLDER = Path(__file__).parent.parent.parent / "notebooks"
UNDATED = {"task_id": "K2", "due_at": "", "recurrence_rule": "weekly"}


def calls(notebook: str) -> list[tuple[list[str], dict[str, tuple[str, ...]]]]:
    """Return what a notebook asks `asked_maps` for, each call."""
    cells = json.loads((FOLDER / f"{notebook}.ipynb").read_text("utf-8"))["cells"]
    trees = [ast.parse("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        (
            [ast.literal_eval(one) for one in call.args[2:]],
            {str(one.arg): ast.literal_eval(one.value) for one in call.keywords},
        )
        for call in found
        if isinstance(call.func, ast.Name) and call.func.id == "asked_maps"
    ]


def test_every_map_that_is_asked_has_one_grid(tmp_path: Path) -> None:
    little = make_shipped(tmp_path, tasks=[UNDATED])
    asked = [one.name for one in asked_spellings(little.settings, little.mappings)]
    assert {"task_due", "contact_route", "owner", "case_pipeline"} <= set(asked)
    shown = []
    for notebook in STEPS["map"]:
        made = calls(notebook)
        assert all(one == made[0] for one in made), f"{notebook} shows other maps than it edits"
        for names, besides in made[:1]:
            shown += [one.name for one in asked_maps(little.settings, little.mappings, *names, **besides)]
    assert sorted(shown) == sorted(asked)
