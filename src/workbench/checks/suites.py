"""Great Expectations suite files, read strictly: whatever would be dropped in silence is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from workbench.checks.predicates import PREDICATES, argument_problems
from workbench.errors import MappingProblem, gather
from workbench.vocabulary import Severity

SCHEMAS = ("raw", "staged")
SUITE_KEYS = {"name", "meta", "expectations"}
EXPECTATION_KEYS = {"type", "kwargs", "meta"}
META_KEYS = {"why", "severity", "owner", "form"}
SUITE_META_KEYS = {"why", "key", "owner"}


@dataclass(frozen=True)
class Expectation:
    """One thing that every row should fulfil, why, what happens to a row that does not, and who then acts."""

    type: str
    kwargs: dict[str, Any]
    why: str
    severity: Severity
    owner: str
    source: str = "written"
    form: str = ""
    """What its regular expression stands for, in words: `a date such as 1980-05-17`."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at."""
        return tuple(self.kwargs[name] for name in ("column", "column_A", "column_B") if name in self.kwargs)

    @property
    def field(self) -> str:
        """The columns in one text, for tables that people read."""
        return ", ".join(self.columns)


@dataclass(frozen=True)
class Suite:
    """The expectations of one table."""

    schema: str
    name: str
    expectations: tuple[Expectation, ...]
    key: str = "source_id"

    @property
    def title(self) -> str:
        """Its name as people know it: `raw/contacts`, `staged/patient`."""
        return f"{self.schema}/{self.name}"

    @property
    def table(self) -> str:
        """The table it judges: of the export the text as it was read, since spellings of a date or a yes are no fault."""
        return f"profile.read_{self.name}" if self.schema == "raw" else f"{self.schema}.{self.name}"


def read_suites(folder: Path) -> list[Suite]:
    """Read every suite under raw/ and staged/, sorted; each problem of each file is named at once."""
    suites = []
    problems = [
        f"{path.relative_to(folder).as_posix()}: is never read; a suite is raw/<object>.json or staged/<mapping>.json"
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() == ".json"
        and (path.suffix != ".json" or path.relative_to(folder).parent.as_posix() not in SCHEMAS)
    ]
    for schema in SCHEMAS:
        for path in sorted((folder / schema).glob("*.json")):
            suite, found = read_suite(path, schema)
            problems += [f"{schema}/{path.name}: {problem}" for problem in found]
            if suite is not None:
                suites.append(suite)
    if problems:
        raise MappingProblem(gather(f"{folder.name}", problems))
    if not suites:
        raise MappingProblem(
            f"{folder.name}/ holds no suite, so nothing of the export would be checked."
            " Bring its raw/ and staged/ back from git, or from a folder made by workbench init."
        )
    return suites


def read_suite(path: Path, schema: str) -> tuple[Suite | None, list[str]]:
    """Read one suite file; return it, or every problem it has."""
    try:
        found = json.loads(path.read_text("utf-8"), object_pairs_hook=_once)
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        return None, [f"is no JSON ({problem})"]
    except _Twice as problem:
        return None, [f"has the key {str(problem)!r} twice in one object, and JSON would drop the first"]
    if not isinstance(found, dict):
        return None, ["is no suite: a JSON object with name, meta and expectations"]
    problems = list(_suite_problems(found, path.stem, schema))
    listed = found.get("expectations")
    written = listed if isinstance(listed, list) else []
    owner = found["meta"].get("owner") if isinstance(found.get("meta"), dict) else None
    for place, one in enumerate(written, start=1):
        problems += [f"expectation {place}: {problem}" for problem in _expectation_problems(one, owner)]
        if not problems and _asked(one) in [_asked(other) for other in written[: place - 1]]:
            problems.append(f"expectation {place}: {one['type']} is asked of the same column above")
    if problems:
        return None, problems
    made = tuple(_expectation(one, str(owner)) for one in written)
    return Suite(schema, path.stem, made, found["meta"].get("key", "source_id")), []


class _Twice(Exception):
    """A key that stands twice in one JSON object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise _Twice(key)
        made[key] = value
    return made


def _asked(one: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return one["type"], one["kwargs"]


def _expectation(one: dict[str, Any], owner: str) -> Expectation:
    meta = one["meta"]
    severity, form = Severity(meta["severity"]), meta.get("form", "")
    return Expectation(one["type"], dict(one["kwargs"]), meta["why"], severity, meta.get("owner", owner), form=form)


def _suite_problems(found: dict[str, Any], stem: str, schema: str) -> Iterator[str]:
    for key in sorted(set(found) - SUITE_KEYS):
        yield f"no key named {key!r}; a suite has name, meta and expectations (ids churn, leave them out)"
    if found.get("name") != stem:
        yield f"its name is {found.get('name')!r}, and the file's is {stem!r}"
    if not isinstance(found.get("expectations"), list) or not found["expectations"]:
        yield "holds no expectation, and an empty suite would always pass"
    meta = found.get("meta")
    if not isinstance(meta, dict) or not str(meta.get("why") or "").strip():
        yield "meta.why is missing: what does this suite guard?"
        return
    for key in sorted(set(meta) - SUITE_META_KEYS):
        yield f"meta has no key named {key!r}; there are {', '.join(sorted(SUITE_META_KEYS))}"
    if schema == "raw" and not meta.get("key"):
        yield "meta.key is missing: the column that names a row"


def _expectation_problems(one: Any, owner: object) -> Iterator[str]:
    if not isinstance(one, dict) or not isinstance(one.get("type"), str) or not isinstance(one.get("kwargs"), dict):
        yield "needs type, kwargs and meta"
        return
    for key in sorted(set(one) - EXPECTATION_KEYS):
        yield f"no key named {key!r}; there are kwargs, meta and type"
    kind = one["type"]
    if kind in PREDICATES:
        yield from (f"{kind}: {problem}" for problem in argument_problems(kind, one["kwargs"]))
        yield from _regex_problems(one["kwargs"])
    else:
        yield _unknown_type(kind)
    meta = one.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    yield from (f"{kind}: {problem}" for problem in _meta_problems(meta, owner, "regex" in one["kwargs"]))


def _meta_problems(meta: dict[str, Any], owner: object, has_regex: bool) -> Iterator[str]:
    for key in sorted(set(meta) - META_KEYS):
        yield f"meta has no key named {key!r}; there are {', '.join(sorted(META_KEYS))}"
    if not _text(meta.get("why")):
        yield "meta.why is missing"
    if meta.get("severity") not in [str(known) for known in Severity]:
        yield f"meta.severity is one of {', '.join(Severity)}"
    if not _text(meta.get("owner", owner)):
        yield "meta.owner is missing, here and in the suite: who acts on the rows that fail?"
    if "form" in meta and not has_regex:
        yield "meta.form says what a regex stands for, and there is none"
    if "form" in meta and not _text(meta["form"]):
        yield "meta.form is empty: what does the regex stand for, in words?"


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _regex_problems(kwargs: dict[str, Any]) -> Iterator[str]:
    regex = str(kwargs.get("regex", ""))
    if classes := sorted(set(re.findall(r"\\[sSdDwWbB]", regex))):
        yield f"regex: {' '.join(classes)} differs between Python and DuckDB beyond ASCII; name the signs, as in [0-9]"
    try:
        re.compile(regex)
    except re.error as problem:
        yield f"regex: {problem}"


def _unknown_type(kind: str) -> str:
    from workbench.checks.evaluation import registered_types  # noqa: PLC0415  seconds to import, and only errors ask

    if kind in registered_types():
        return (
            f"{kind} has no SQL predicate here, so failing rows could not be named; there are {', '.join(PREDICATES)}"
        )
    close = get_close_matches(kind, PREDICATES, n=1)
    return f"no expectation named {kind!r}" + (f"; did you mean {close[0]!r}?" if close else "")
