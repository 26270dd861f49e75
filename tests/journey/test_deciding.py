"""What a person meets between the profile and the signature: no key is asked, stops are plain, and a stale page is not signed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import papermill
import pytest
from commands import newest_run
from papermill.exceptions import PapermillExecutionError
from rooms import Practice, decide, land, make_practice

from workbench.errors import ApprovalMissing
from workbench.journey.locks import sign_mapping
from workbench.journey.run import execute
from workbench.mapping.approval import read_signatures
from workbench.mapping.files import hash_decisions
from workbench.settings import read_settings
from workbench.vocabulary import Target


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    made = make_practice(tmp_path_factory.mktemp("deciding"))
    land(made)
    decide(made)
    yield made
    made.stop_tenant()


@pytest.fixture(autouse=True)
def without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKBENCH_KEY", "FRESHSALES_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def by_hand(practice: Practice, notebook: str, out: Path) -> list[dict[str, Any]]:
    """Run a notebook as a person does for a real target, and return its cells."""
    given = {"migration": str(practice.folder), "target": "freshsales", "interactive": True}
    source = practice.folder / "notebooks" / f"{notebook}.ipynb"
    with suppress(PapermillExecutionError):
        papermill.execute_notebook(source, out, parameters=given, progress_bar=False, kernel_name="python3")
    return [cell for cell in json.loads(out.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def errors(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for cell in cells for one in cell["outputs"] if one["output_type"] == "error"]


@pytest.mark.parametrize("notebook", ["31_map_carriers", "34_map_stages"])
def test_a_notebook_that_decides_for_a_real_target_needs_no_key(
    practice: Practice, tmp_path: Path, notebook: str
) -> None:
    assert errors(by_hand(practice, notebook, tmp_path / "ran.ipynb")) == []
    record = json.loads((newest_run(practice.folder) / f"{notebook}.json").read_text())
    assert record["open"] > 0


def test_before_anybody_signs_notebook_36_shows_what_is_new_and_stops_in_plain_words(
    practice: Practice, tmp_path: Path
) -> None:
    cells = by_hand(practice, "36_approve", tmp_path / "ran.ipynb")
    [stop] = errors(cells)
    assert stop["ename"] == "DecisionMissing"
    place = next(number for number, cell in enumerate(cells) if stop in cell["outputs"])
    before = json.dumps([cell["outputs"] for cell in cells[:place]])
    assert "application/vnd.jupyter.widget-view+json" in before and "No comment waits for a review." in before
    lines = "\n".join(stop["traceback"]).strip().splitlines()
    assert lines[0].startswith("Stopped: ") and lines[0].endswith("spellings have no decision:")
    assert 'target = "freshsales" in the second cell of each' in lines[-3]
    assert lines[-3].endswith('workbench suggest --accept-above 0.95 --by "YOUR NAME" --target freshsales')
    assert re.fullmatch(r"Cell In\[\d+\], line 1", lines[-1])
    assert not [line for line in lines if "File " in line or "Traceback" in line]


def test_only_a_page_of_the_decisions_as_they_stand_is_signed(practice: Practice) -> None:
    settings = practice.settings
    assert settings.target is Target.REHEARSAL
    [folder] = settings.runs.glob("*-rehearsal-*")
    page = folder / "35_premapping.html"
    with pytest.raises(ApprovalMissing, match=r"35_premapping\.html of this run is not there"):
        sign_mapping(settings, "Ana")
    execute(settings, "35_premapping", folder)
    assert hash_decisions(settings)[0][:16] in page.read_text("utf-8")
    carriers = settings.own_decisions / "insurance_carrier.csv"
    before = carriers.read_bytes()
    carriers.write_bytes(before.replace(b",rehearsal,", b",Ana,", 1))
    with pytest.raises(ApprovalMissing, match="shows what stood before") as stopped:
        sign_mapping(settings, "Ana")
    assert "workbench run --from approve --to approve --target rehearsal" in str(stopped.value)
    assert read_signatures(settings) == []
    execute(settings, "35_premapping", folder)
    ended = page.with_suffix(".json").read_bytes()
    page.with_suffix(
        ".json"
    ).unlink()  # as after a notebook that failed: its page names the state, and shows nothing of it
    with pytest.raises(ApprovalMissing, match="shows what stood before"):
        sign_mapping(settings, "Ana")
    page.with_suffix(".json").write_bytes(ended)
    assert sign_mapping(read_settings(practice.folder), "Ana").by == "Ana"
