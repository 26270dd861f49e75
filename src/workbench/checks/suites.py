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


@dataclass(frozen=True)
class Expectation:
    """One thing that every row should fulfil, why, and what happens to a row that does not."""

    type: str
    kwargs: dict[str, Any]
    why: str
    severity: Severity
    source: str = "written"

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
    suites, problems = [], []
    for schema in SCHEMAS:
        for path in sorted((folder / schema).glob("*.json")):
            suite, found = read_suite(path, schema)
            problems += [f"{schema}/{path.name}: {problem}" for problem in found]
            if suite is not None:
                suites.append(suite)
    if problems:
        raise MappingProblem(gather(f"{folder.name}", problems))
    return suites


def read_suite(path: Path, schema: str) -> tuple[Suite | None, list[str]]:
    """Read one suite file; return it, or every problem it has."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        return None, [f"is no JSON ({problem})"]
    if not isinstance(found, dict):
        return None, ["is no suite: a JSON object with name, meta and expectations"]
    problems = list(_suite_problems(found, path.stem, schema))
    for place, one in enumerate(found.get("expectations") or [], start=1):
        problems += [f"expectation {place}: {problem}" for problem in _expectation_problems(one)]
    if problems:
        return None, problems
    made = tuple(
        Expectation(one["type"], dict(one["kwargs"]), one["meta"]["why"], Severity(one["meta"]["severity"]))
        for one in found["expectations"]
    )
    return Suite(schema, path.stem, made, found["meta"].get("key", "source_id")), []


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
    elif schema == "raw" and not meta.get("key"):
        yield "meta.key is missing: the column that names a row"


def _expectation_problems(one: Any) -> Iterator[str]:
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
    if not str(meta.get("why") or "").strip():
        yield f"{kind}: meta.why is missing"
    if meta.get("severity") not in [str(known) for known in Severity]:
        yield f"{kind}: meta.severity is one of {', '.join(Severity)}"


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
