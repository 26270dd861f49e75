"""The docs name every word a user may type or meet, link only to what is there, and tell no machine's secrets."""

from __future__ import annotations

import ast
import json
import re
from enum import StrEnum
from pathlib import Path

import pytest

from workbench import vocabulary
from workbench.journey.steps import APART, STEPS
from workbench.mapping import custom_fields, grammar
from workbench.settings import DEFAULTS
from workbench.staging.transforms import TRANSFORMS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
WANTED_PAGES = {
    "exports",
    "glossary",
    "mapping-files",
    "notebooks",
    "production-run",
    "freshsales-notes",
    "reliability",
    "suggestions",
    "field-suggestions",
    "reading-the-pages",
    "security",
}
LINK = re.compile(r"\]\(([^)\s]+)\)")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|opt|Users|usr|var|etc)/")
INDEX_HOST = re.compile(r"pyp[i]\.|pythonh[o]sted|index-[u]rl|an[a]conda\.org|devp[i]", re.IGNORECASE)
VOCABULARIES = [one for one in vars(vocabulary).values() if isinstance(one, type) and issubclass(one, StrEnum)]
WORDS = [
    pytest.param(word, id=f"{one.__name__}-{word}") for one in VOCABULARIES if one is not StrEnum for word in list(one)
]


def page(name: str) -> str:
    """Return one page of docs."""
    return (DOCS / f"{name}.md").read_text("utf-8")


def names_in(text: str) -> set[str]:
    """Return every word that a page sets as code, examples included."""
    blocks = "\n".join(re.findall(r"```.*?```", text, re.DOTALL))
    inline = " ".join(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))
    return set(re.findall(r"[A-Za-z][\w-]*", f"{blocks} {inline}"))


def cells_in(text: str) -> set[str]:
    """Return what stands as code in the first cell of every table row."""
    first = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    return {name for cell in first for name in re.findall(r"`([^`]+)`", cell)}


def test_every_page_is_there_and_no_other() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == WANTED_PAGES


@pytest.mark.parametrize("keys", [grammar.SECTIONS, grammar.FIELD_KEYS, grammar.LOOKUP_KEYS])
def test_every_key_of_a_mapping_file_has_a_line(keys: set[str]) -> None:
    assert keys - cells_in(page("mapping-files")) == set()


def test_every_transform_has_a_line_and_none_is_invented() -> None:
    section = page("mapping-files").split("## Transforms")[1].split("\n## ")[0]
    assert cells_in(section) - {"via"} == set(TRANSFORMS)


def test_every_type_and_rank_of_a_custom_field_is_described() -> None:
    wanted = {*custom_fields.TYPES, *(str(rank) for rank in custom_fields.Rank)}
    assert wanted - names_in(page("mapping-files")) == set()


def test_every_setting_has_a_line_and_none_is_invented() -> None:
    section = page("mapping-files").split("## `migration.toml`")[1]
    assert cells_in(section) == {f"[{section}] {key}" for section, keys in DEFAULTS.items() for key in keys}


def test_a_setting_that_no_code_reads_is_owned_up_to() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    section = page("mapping-files").split("## `migration.toml`")[1]
    lines = dict(re.findall(r"^\| `\[(\w+\] \w+)` \| (.*) \|$", section, re.MULTILINE))
    silent = {name for name, text in lines.items() if text.startswith("no effect yet")}
    unread = {name for name in lines if not re.search(f"[\"']{name.replace('] ', '.')}[\"']", code)}
    assert unread - {"migration] version"} == silent


def rules_told() -> dict[str, str]:
    """Return, by rule, what the third column of the table of rules says."""
    section = page("mapping-files").split("## Every rule and its test")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z0-9-]+)` \|[^|]+\| (.+) \|$", section, re.MULTILINE))


def named_tests(path: str) -> set[str]:
    """Return the names of the tests of a file, which may not be there."""
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_reviewed_rule_has_a_line_and_none_is_invented() -> None:
    reviewed = [line.split() for line in (ROOT / "tests" / "rules.txt").read_text("utf-8").splitlines()]
    told = rules_told()
    assert [slug for slug, *_ in reviewed] == list(told)
    assert {slug for slug, *rest in reviewed if rest} == {slug for slug, test in told.items() if test == "not yet"}


def test_every_rule_names_a_test_that_is_there() -> None:
    named = {slug: test.strip("`") for slug, test in rules_told().items() if test != "not yet"}
    lost = {
        slug: test
        for slug, test in named.items()
        if test.partition("::")[2] not in named_tests(test.partition("::")[0])
    }
    assert named and lost == {}


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_a_closed_vocabulary_is_in_the_glossary(word: str) -> None:
    assert str(word) in names_in(page("glossary"))


def test_every_room_is_in_the_glossary_and_in_the_tree_of_the_readme() -> None:
    rooms = {path.parent.name for path in (ROOT / "src" / "workbench").glob("*/__init__.py")}
    assert rooms - cells_in(page("glossary")) == set()
    assert {room for room in rooms if f"  {room}/ " not in (ROOT / "README.md").read_text("utf-8")} == set()


def test_every_notebook_has_a_line_and_none_is_invented() -> None:
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {name for name in cells_in(page("notebooks")) if name[:2].isdigit()} == notebooks


def test_each_notebook_stands_beside_its_step() -> None:
    text = page("notebooks")
    missing = [
        f"{name} | {step}"
        for step, names in {**STEPS, **APART}.items()
        for name in names
        if f"| `{name}` | {step} |" not in text
    ]
    assert missing == []


def test_every_notebook_parameter_is_described() -> None:
    found: set[str] = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if "parameters" in cell["metadata"].get("tags", []):
                found |= set(re.findall(r"^(\w+):", "".join(cell["source"]), re.MULTILINE))
    assert found - names_in(page("notebooks")) == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(path.read_text("utf-8"))]
    lost = [link for link in links if link and "://" not in link and not (path.parent / link).exists()]
    assert lost == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_page_names_a_machine_path_or_a_package_index(path: Path) -> None:
    text = path.read_text("utf-8")
    assert MACHINE_PATH.findall(text) == []
    assert INDEX_HOST.findall(text) == []


def test_pictures_are_small_enough_for_git() -> None:
    assert [path.name for path in (DOCS / "images").iterdir() if path.stat().st_size > 250 * 1024] == []
