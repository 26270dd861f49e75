"""No kind of bad input tells a patient's value: not in what is said, not in the errors behind an error, not in a file left."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from bad_inputs import AT_THE_DOOR, BODY, NAME, TOLD, VICTIM, canaries, plant, read
from canaries import Canary, patients_of, scan, text_canary, told
from loads import serve
from middleman import Death, Middleman
from rooms import Practice

from workbench.dental_exec.snapshot import take_snapshot
from workbench.errors import MappingProblem, WorkbenchError
from workbench.journey import desk
from workbench.mapping.files import read_mappings
from workbench.mapping.value_map import adoptions, decided_conflicts
from workbench.profile.readings import read_columns
from workbench.settings import read_settings
from workbench.staging.stage import stage

if TYPE_CHECKING:
    from conftest import Said, Workbench

LOADING = Path(__file__).parents[1] / "support" / "loading.py"


@dataclass
class Watch:
    """A migration folder over a delivery of canary patients, and all that commands said."""

    folder: Path
    delivery: Path
    canaries: list[Canary]
    heard: list[Said]

    def leaks(self, problem: BaseException | None = None, folder: Path | None = None) -> list[str]:
        """Return what tells a patient: of what was said, of an error with all that stands behind it, of the files left."""
        texts = [text for said in self.heard for text in (said.out, said.err)]
        if problem is not None:
            texts.append("".join(traceback.format_exception(problem)))
        labels = {label for text in texts for label in told(text, self.canaries)}
        return [*sorted(labels), *scan(folder or self.folder, self.canaries)]


@pytest.fixture
def watch(exports: Path, migration: Path, heard: list[Said]) -> Watch:
    """The watch over a delivery with a patient whose values no chance could write."""
    [delivery] = exports.iterdir()
    plant(delivery)
    found = canaries(delivery)
    assert len(found) > 20
    return Watch(migration, delivery, found, heard)


@pytest.fixture(autouse=True)
def no_tenant_is_left(tmp_path: Path) -> Iterator[None]:
    """End the tenants that commands started in copies."""
    yield
    for known in tmp_path.rglob("tenant.json"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(json.loads(known.read_text())["pid"], signal.SIGTERM)


def stopped(act: Callable[[], object]) -> WorkbenchError:
    """Return the error that ends an act."""
    with pytest.raises(WorkbenchError) as raised:
        act()
    return raised.value


def land(folder: Path) -> None:
    settings = read_settings(folder)
    take_snapshot(settings.exports, settings.warehouse, time_zone=settings["practice.time_zone"])


@pytest.mark.parametrize("kind", AT_THE_DOOR)
def test_what_is_refused_at_the_door_tells_nobody(kind: str, watch: Watch) -> None:
    bad = AT_THE_DOOR[kind]
    bad.spoil(watch.delivery)
    problem = stopped(lambda: land(watch.folder))
    assert bad.says in str(problem)
    assert watch.leaks(problem) == []


@pytest.mark.parametrize(
    "kind",
    ["a key column that holds e-mails", "an entry that is a link", "a hidden sheet that is named after a patient"],
)
def test_the_command_tells_nobody_of_what_is_refused(kind: str, watch: Watch, workbench: Workbench) -> None:
    AT_THE_DOOR[kind].spoil(watch.delivery)
    said = workbench("run", "--to", "snapshot", "--migration", watch.folder, "--json")
    assert (said.code, AT_THE_DOOR[kind].says in said.document["reason"]) == (1, True)
    assert watch.leaks() == []


def test_what_is_refused_row_by_row_tells_nobody_up_to_the_checks(watch: Watch, workbench: Workbench) -> None:
    for spoil in TOLD.values():
        spoil(watch.delivery)
    said = workbench("run", "--to", "validate", "--migration", watch.folder, "--json")
    assert said.code == 0, said.err
    workbench("status", "--held", "--migration", watch.folder, "--json")
    workbench("status", "--held", "--xlsx", watch.folder / "held.xlsx", "--migration", watch.folder)
    workbench("explain", "contacts", NAME, "--migration", watch.folder, "--json")
    workbench("explain", "cases", "none", "--migration", watch.folder)
    pages = {path.name for path in (watch.folder / "data" / "runs").rglob("*.html")}
    assert {"10_take_snapshot.html", "20_profile_columns.html", "60_validate.html"} <= pages
    assert watch.leaks() == []


FIRST = """import csv
from pathlib import Path
first = next(csv.DictReader(next(Path({folder!r}).glob("contacts.csv")).open(encoding="utf-8")))["email"]
"""
FALLS = {
    "an error of a stranger": f"{FIRST}raise ValueError(first)",
    "an error of ours over a stranger's": (
        f"{FIRST}from workbench.errors import ExportProblem\n"
        "try:\n    int(first)\nexcept ValueError as fault:\n    raise ExportProblem('It cannot be landed.') from fault"
    ),
}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("an error of a stranger", "10_take_snapshot.ipynb failed in cell 3 with ValueError."),
        ("an error of ours over a stranger's", "It cannot be landed."),
    ],
)
def test_a_cell_that_falls_over_a_value_keeps_it_to_itself(
    kind: str, says: str, watch: Watch, workbench: Workbench
) -> None:
    path = watch.folder / "notebooks" / "10_take_snapshot.ipynb"
    book = json.loads(path.read_text("utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    code[1]["source"] = FALLS[kind].replace("{folder!r}", repr(str(watch.delivery)))
    path.write_text(json.dumps(book), "utf-8")
    said = workbench("run", "--to", "snapshot", "--migration", watch.folder)
    assert said.code == 1
    assert says in said.err
    assert watch.leaks() == []
    [executed] = (watch.folder / "data" / "runs").rglob("10_take_snapshot.ipynb")
    outputs = [one for cell in json.loads(executed.read_text("utf-8"))["cells"] for one in cell.get("outputs", [])]
    [error] = [one for one in outputs if one["output_type"] == "error"]
    assert any(line.startswith("Cell In[3], line") for line in error["traceback"]), "where it fell is kept"


HEADER = "source_value,decision,destination_value,decided_by,decided_on,note\n"
DECISIONS = {
    "a decision that is no word": f"{HEADER}{NAME},sure,{NAME},,,\n",
    "too few cells": f"{HEADER}{NAME}\n",
    "a quote that is never closed": f'{HEADER}"{NAME},map,x,,,\n',
    "a spelling that stands twice": f"{HEADER}{NAME},ask,,,,\n{NAME},ask,,,,\n",
    "a token that is kept": f"{HEADER}hmac:0123,keep,,,,{NAME}\n",
    "a table instead of a map": f"{NAME},{VICTIM['email']}\n",
    "a torn table": f"{HEADER}{NAME},map",
}


@pytest.mark.parametrize("kind", DECISIONS)
def test_a_decision_file_that_cannot_be_read_tells_nobody(kind: str, watch: Watch, workbench: Workbench) -> None:
    path = watch.folder / "mappings" / "values" / "contact_route.csv"
    path.write_text(DECISIONS[kind], "utf-8")
    problem = stopped(lambda: read_mappings(read_settings(watch.folder)).values("contact_route"))
    assert "contact_route.csv" in str(problem)
    said = workbench("suggest", "--accept-above", "0.95", "--by", "Ada", "--migration", watch.folder, "--json")
    assert said.code == 1
    path.unlink()
    assert watch.leaks(problem) == []


@pytest.mark.parametrize(("name", "judge"), [("existing", adoptions), ("conflicts", decided_conflicts)])
def test_a_map_whose_columns_are_swapped_names_no_one(name: str, judge: Callable[..., object], watch: Watch) -> None:
    path = watch.folder / "mappings" / "values" / f"{name}.csv"
    path.write_text(f"{HEADER}{NAME},map,contacts,,,\n{VICTIM['email']},keep,,,,\n", "utf-8")
    found = read_mappings(read_settings(watch.folder)).values(name)
    problem = stopped(lambda: judge(found))
    assert "2 problems" in str(problem)
    path.unlink()
    assert watch.leaks(problem) == []


def test_counts_that_are_none_and_columns_that_are_none_name_no_one(watch: Watch, checked: Watch) -> None:
    path = watch.folder / "mappings" / "values" / "expected_counts.csv"
    path.write_text(f"{HEADER}{NAME},map,{VICTIM['email']},,,\n", "utf-8")
    problem = stopped(lambda: desk.land(read_settings(watch.folder)))
    assert "is no count" in str(problem)
    path.unlink()
    assert watch.leaks(problem) == []
    warehouse = read_settings(checked.folder).warehouse
    problem = stopped(lambda: read_columns(warehouse, {NAME: "day first", VICTIM["email"]: "day first"}))
    assert "this snapshot has no such column" in str(problem)
    assert watch.leaks(problem) == []


TORN = {
    "mappings/objects/patient.toml": f'kind = "record"\ntitle = "{NAME}\n',
    "mappings/custom_fields/contacts.toml": f'[cf_x]\nlabel = "{NAME}" "{VICTIM["email"]}"\n',
    "migration.toml": f'[practice]\nname = "{NAME}\n',
}


@pytest.mark.parametrize("name", TORN)
def test_a_torn_file_of_decisions_names_line_and_column_alone(name: str, watch: Watch, workbench: Workbench) -> None:
    path = watch.folder / name
    path.write_text(TORN[name], "utf-8")
    said = workbench("suggest", "--accept-above", "0.95", "--by", "Ada", "--migration", watch.folder, "--json")
    assert (said.code, "line" in said.document["reason"]) == (1, True)
    problem = stopped(lambda: read_mappings(read_settings(watch.folder)))
    path.unlink()
    assert watch.leaks(problem) == []


VALUES = {
    "no header": f"{NAME}\n{VICTIM['email']}\n".encode(),
    "no text": f"source_value\n{NAME}".encode() + b"\xff\x81",
    "a short row": f"source_value,records\n{NAME}\n".encode("utf-16"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_that_cannot_be_read_tell_nobody(kind: str, watch: Watch, workbench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "values.csv").write_bytes(VALUES[kind])
    assert workbench("suggest", "carriers", "--values", tmp_path / "values.csv").code == 1
    assert watch.leaks() == []


def test_a_draft_of_a_table_without_header_holds_no_line_of_it(
    watch: Watch, workbench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "foreign").mkdir()
    people = (watch.delivery / "contacts.csv").read_bytes().splitlines(keepends=True)[1:]
    (tmp_path / "foreign" / "people.csv").write_bytes(b"".join(people))
    assert workbench("init", tmp_path / "made", "--exports", tmp_path / "foreign").code == 0
    assert watch.leaks(folder=tmp_path / "made") == []


@pytest.fixture
def checked(ready: Practice, tmp_path: Path, heard: list[Said]) -> Watch:
    """The watch over a copy of a practice that is staged and checked."""
    shutil.copytree(ready.folder, tmp_path / "checked")
    found = [*patients_of(ready.settings.warehouse), text_canary("the planted one", NAME), text_canary("note", BODY)]
    assert len(found) > 20
    return Watch(tmp_path / "checked", ready.settings.exports, found, heard)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("sources/contacts.sql", "    c.*,", "    c.*, c.email::INTEGER AS odd,", id="a SELECT"),
        pytest.param("objects/note.toml", 'where = "', 'where = "length(body::DATE::VARCHAR) > 0 AND ', id="a filter"),
    ],
)
def test_a_query_that_fails_on_a_value_names_the_file_alone(name: str, old: str, new: str, checked: Watch) -> None:
    path = checked.folder / "mappings" / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    settings = read_settings(checked.folder)
    problem = stopped(lambda: stage(settings, read_mappings(settings), tenant="x"))
    assert f"mappings/{name}" in str(problem)
    assert "DuckDB cannot evaluate it: Conversion Error" in str(problem)
    assert checked.leaks(problem) == []


@pytest.mark.parametrize("book", [NAME.encode() * 50, b"PK\x03\x04" + NAME.encode() * 50], ids=["no workbook", "torn"])
def test_a_list_that_came_back_broken_tells_nobody(
    book: bytes, checked: Watch, workbench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "back.xlsx").write_bytes(book)
    said = workbench("status", "--read-back", tmp_path / "back.xlsx", "--by", "Ada", "--migration", checked.folder)
    assert said.code == 1
    assert checked.leaks() == []


def test_a_load_that_is_killed_leaves_no_value_behind(checked: Watch, ready: Practice) -> None:
    practice = Practice(checked.folder, ready.truth)
    with serve(practice) as tenant_url:
        deaths = [Death("^POST /crm/sales/api/notes", 3, moment, 0.003) for moment in ("after", "answered")]
        middleman = Middleman(tenant_url, practice.settings.ledger, deaths)
        practice.use_tenant(middleman.base_url)
        for _ in deaths.copy():
            with subprocess.Popen([sys.executable, str(LOADING), str(checked.folder)], stderr=subprocess.PIPE) as child:
                middleman.process = child
                said = child.communicate(timeout=120)[1].decode()
            assert child.returncode == -signal.SIGKILL, said
            assert [*told(said, checked.canaries), *checked.leaks()] == []
        middleman.close()


def refuse(*, quoting: bool) -> None:
    """Stop over a value of the planted patient, with or without the error behind it."""
    try:
        int(VICTIM["email"])
    except ValueError as fault:
        raise MappingProblem("The delivery has 1 problem.") from fault if quoting else None


def test_a_leak_that_is_planted_is_found(watch: Watch) -> None:
    planted = read(watch.delivery, "contacts")[0]["contact_id"]
    assert watch.leaks(stopped(lambda: refuse(quoting=False))) == []
    assert watch.leaks(stopped(lambda: refuse(quoting=True))) == [f"email of {planted}"]
    assert f"last_name of {planted}" in watch.leaks(MappingProblem(f"The delivery has 1 problem: {NAME}."))
    (watch.folder / "data" / "left.part").write_text(BODY, "utf-8")
    assert watch.leaks() == ["data/left.part: note of the planted one"]
