"""The order of the rooms, in one place, and the rules of the house that a test can hold."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import errors

REPOSITORY = Path(__file__).parent.parent
SOURCE = REPOSITORY / "src" / "workbench"

HALL = (
    *("errors", "settings", "vocabulary", "clock", "warehouse", "privacy", "suppression", "keys", "log"),
    *("canonical", "pacing"),
)
ROOMS = (
    "ledger",  # the store
    "dental_exec",  # the door in
    "freshsales",  # the door out
    "dental",
    "carriers",
    "profile",
    "mapping",
    "suggest",
    "staging",
    "checks",
    "load",
    "reconcile",
    "reports",
    "audiences",
    "keeping",
)
"""The sentence: a room imports the hall and the rooms above it."""
AFTER_SUGGEST = ROOMS[ROOMS.index("suggest") + 1 :]
MAY_IMPORT = {
    **{room: {*ROOMS[:place]} - ({"suggest"} if room in AFTER_SUGGEST else set()) for place, room in enumerate(ROOMS)},
    "editors": {*ROOMS},
    "journey": {*ROOMS, "sample"},  # `rehearse` generates the practice
    "tenant": set(),
    "sample": set(),
    "cli": {*ROOMS, "editors", "journey", "tenant", "sample"},
}
ONE_ROOM = {
    "httpx": "freshsales",
    "great_expectations": "checks",
    "pandas": "checks",
    "ipywidgets": "editors",
    "anywidget": "editors",
    "papermill": "journey",
    "altair": "reports",
    "starlette": "tenant",
    "uvicorn": "tenant",
    "sqlalchemy": "ledger",
    "fastexcel": "dental_exec",
    "fsspec": "dental_exec",
}
MAY_TOO = {("suggest/language_model.py", "httpx")}
"""The one exception: the optional language model speaks with a server of its own, never with the tenant."""
LONGEST_MODULE = 300
MOST_MODULES = 12
NAMES_FOR_NOTHING = {"utils", "helpers", "common", "base", "manager"}

MODULES = sorted(SOURCE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8")) for path in MODULES}


def told(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def room_of(path: Path) -> str:
    """The folder below workbench, or the name of a module that lies beside the folders."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            for name in node.names:
                # `from workbench import errors` names its room last.
                yield f"{node.module}.{name.name}" if node.module == "workbench" else str(node.module)


def imported_rooms(tree: ast.Module) -> set[str]:
    found = {name.split(".")[1] for name in imported_modules(tree) if name.startswith("workbench.")}
    return found - {"__version__"}


def tracked_files() -> list[Path]:
    """What git holds or would hold; without git, what lies in the folders that are shipped."""
    listing = ["git", "-C", str(REPOSITORY), "ls-files", "--cached", "--others", "--exclude-standard"]
    made = subprocess.run(listing, capture_output=True, text=True, check=False)
    if made.returncode == 0:
        return [path for name in made.stdout.splitlines() if (path := REPOSITORY / name).is_file()]
    folders = ("src", "tests", "mappings", "expectations", "notebooks", "docs")
    inside = [path for folder in folders for path in (REPOSITORY / folder).rglob("*") if path.is_file()]
    return [path for path in [*inside, *REPOSITORY.glob("*.*")] if path.is_file() and "__pycache__" not in path.parts]


def test_every_module_has_its_place_in_the_order() -> None:
    known = {*HALL, *MAY_IMPORT, "__init__"}
    assert {room_of(path) for path in MODULES} - known == set()


def test_the_hall_imports_no_room() -> None:
    wrong = {
        told(path): sorted(rooms)
        for path, tree in TREES.items()
        if room_of(path) in HALL and (rooms := imported_rooms(tree) - set(HALL))
    }
    assert wrong == {}


def test_a_room_imports_the_hall_and_the_rooms_above_it() -> None:
    wrong = {
        told(path): sorted(rooms)
        for path, tree in TREES.items()
        if (room := room_of(path)) in MAY_IMPORT
        and (rooms := imported_rooms(tree) - set(HALL) - MAY_IMPORT[room] - {room})
    }
    assert wrong == {}


def test_the_tenant_shares_no_code_with_anybody() -> None:
    found = {
        told(path) for path, tree in TREES.items() if room_of(path) == "tenant" and imported_rooms(tree) - {"tenant"}
    }
    assert found == set()


def test_one_heavy_library_has_one_room() -> None:
    wrong = [
        f"{told(path)} imports {library}, which belongs to {ONE_ROOM[library]}"
        for path, tree in TREES.items()
        for library in sorted({name.split(".")[0] for name in imported_modules(tree)} & set(ONE_ROOM))
        if room_of(path) != ONE_ROOM[library] and (told(path), library) not in MAY_TOO
    ]
    assert wrong == []


def test_no_module_is_longer_than_it_can_be_read() -> None:
    long = {
        told(path): lines
        for path in (*MODULES, *SOURCE.rglob("*.js"))
        if (lines := len(path.read_text("utf-8").splitlines())) > LONGEST_MODULE
    }
    assert long == {}


def test_rooms_are_one_folder_deep_and_hold_a_dozen_modules_at_most() -> None:
    assert [told(path) for path in MODULES if len(path.relative_to(SOURCE).parts) > 2] == []
    full = {
        folder.name: len(modules)
        for folder in SOURCE.iterdir()
        if folder.is_dir()
        and len(modules := [one for one in folder.glob("*.py") if not one.stem.startswith("__")]) > MOST_MODULES
    }
    assert full == {}


def test_modules_are_named_after_a_thing() -> None:
    assert [told(path) for path in MODULES if path.stem in NAMES_FOR_NOTHING] == []


def compared_words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string constant that code compares with or matches on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides: list[ast.AST] = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            sides = [node.value]
        else:
            continue
        for side in sides:
            yield from (
                (one.lineno, one.value)
                for one in ast.walk(side)
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )


def read_mapping_files() -> dict[str, dict[str, object]]:
    folder = REPOSITORY / "mappings" / "objects"
    return {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))}


def test_no_code_asks_which_mapping_it_has() -> None:
    """Code by stage, knowledge by object; the words that are destinations too (`note`) may be asked for as such."""
    mappings = read_mapping_files()
    names = set(mappings) - {one.get("destination") for one in mappings.values()}
    wrong = [
        f"{told(path)}:{line} asks for {word!r}"
        for path, tree in TREES.items()
        if room_of(path) not in ("sample", "tenant", "dental")
        for line, word in compared_words(tree)
        if word in names
    ]
    assert wrong == []


def test_each_of_the_thirteen_rows_has_a_mapping_file() -> None:
    rows = {row for one in read_mapping_files().values() for row in one.get("rows", [])}
    assert rows == set(range(1, 14))


@pytest.mark.parametrize(
    ("row", "field"),
    [
        pytest.param(9, "cf_insurance_carrier", id="carriers"),
        pytest.param(10, "cf_recall_due", id="recalls"),
        pytest.param(11, "cf_claim_status", id="claims"),
        pytest.param(11, "cf_ada_codes", id="codes"),
    ],
)
def test_a_row_of_fields_is_a_field_of_the_mapping_that_names_it(row: int, field: str) -> None:
    claiming = [
        name for name, one in read_mapping_files().items() if row in one.get("rows", []) and field in one["fields"]
    ]
    assert claiming


# One letter of each word stands in brackets, so that this file keeps its own rule.
FORBIDDEN = {
    "a package index": re.compile(r"\bpyp[i]\.|pythonh[o]sted|an[a]conda\.org|-[-](?:extra-)?index-url\b"),
    "a machine's path": re.compile(r"(?<![\w.}])/(?:work|root|home)/"),
    "a writing machine": re.compile(r"\b(?:anthr[o]pic|cl[a]ude|open[a]i|chat[g]pt|c[o]pilot)\b", re.IGNORECASE),
}


def test_no_tracked_file_names_a_package_index_a_machine_or_a_machine_that_writes() -> None:
    wrong = [
        f"{path.relative_to(REPOSITORY).as_posix()}:{number} names {what}"
        for path in tracked_files()
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]
    assert wrong == []


def test_the_lock_pins_every_package_by_hash_and_names_no_address() -> None:
    text = (REPOSITORY / "requirements.lock").read_text("utf-8")
    pins = re.split(r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    assert [pin.split()[0] for pin in pins if pin and "--hash=sha256:" not in pin] == []
    assert "://" not in text


def test_the_tree_of_errors_is_the_tree_of_classes() -> None:
    drawn = drawn_tree(errors.__doc__ or "")
    written = {
        name: base.__name__
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, Exception) and (base := one.__base__) is not None
    }
    assert drawn == written


def drawn_tree(text: str) -> dict[str, str]:
    """Read the drawing: a name hangs on the last name that stands one step to its left."""
    above: list[str] = []
    found = {}
    for line in text.splitlines():
        drawn = re.match(r"((?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+)\b(?=\s{2,}|$)", line)
        if drawn:
            depth = len(drawn[1]) // 4
            found[drawn[2]] = above[depth - 1] if depth else "Exception"
            above[depth:] = [drawn[2]]
    return found
