"""What a mapping file may say: sections, keys, and the transforms with the columns each takes; every problem of one."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from workbench.errors import MappingProblem
from workbench.freshsales.endpoints import endpoint
from workbench.settings import NEWEST, NO_NEWEST
from workbench.vocabulary import Edition, Kind, Policy, Sensitivity

SECTIONS = {"kind", "destination", "rows", "title", "reason", "source", "fields", "lookups", "ignored"}
SECTIONS |= {"editions", "plans", "history", "group", "sensitivity"}
SOURCE_KEYS = {"from", "where"}
FIELD_KEYS = {"from", "via", "values", "const", "required", "unique", "names", "within", "marker", "on_open", "shared"}
FIELD_KEYS |= {"narrows", "split", "conflict"}
NARROWING_KEYS = {"to", "over"}
LOOKUP_KEYS = {"from", "to", "by", "required", "may_be_blank", "values", "conflict"}
PICK_LISTS = {
    "lifecycle_stages",
    "contact_statuses",
    "industry_types",
    "lead_sources",
    "task_types",
    "sales_activity_types",
    "deal_pipelines",
    "deal_stages",
}
"""The tenant's own lists that `names` may mean."""
MANY = 99
TAKES = {
    **dict.fromkeys(("text", "long_text", "phone", "email", "email_list", "website", "money", "integer"), (1, MANY)),
    **dict.fromkeys(("checkbox", "flag", "day", "source_id", "npi", "task_status", "activity_type"), (1, MANY)),
    **dict.fromkeys(("ada_codes", "ada_codes_more", "ada_codes_unread"), (1, MANY)),
    "rails_zone": (1, 1),
    "address": (1, MANY),
    "phone_list": (1, 2),
    "rich_text": (2, 2),
    "subscription": (2, 2),
    "local_day": (2, 2),
    "local_time": (2, 2),
    "activity_title": (3, 3),
    "typed_text": (3, 3),
    "stamps": (3, 3),
    "end_time": (4, 4),
}
"""Every transform that `via` may name, with the least and the most source columns; one of many: the first filled."""
NAME = re.compile(r"^[a-z][a-z0-9_]{0,60}\Z")
STAGED_TABLES = re.compile(
    r"^(?:source|unclaimed|later_wave|older|condensed)_|^(?:problems|claims|changes|stamp|condensed)$"
)
"""Names that staging gives its own tables."""


def read_toml(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read one decision file; what no parser understands is a problem, not a traceback."""
    try:
        return tomllib.loads(path.read_text("utf-8")), []
    except UnicodeDecodeError:
        return {}, ["is not UTF-8; save it as UTF-8"]
    except tomllib.TOMLDecodeError as problem:
        text = str(problem)
        if "overwrite" in text.lower() or "duplicate" in text.lower():
            text = f"a destination field stands twice ({text})"
        return {}, [text]


def find_problems(name: str, found: dict[str, Any], edition: Edition) -> Iterator[str]:
    """Yield everything that is wrong with one mapping file by itself."""
    if not NAME.match(name) or STAGED_TABLES.match(name):
        yield f"the file cannot be named {name!r}: small letters, digits and underscores, and no name of staging's own"
    yield from _unknown("", found, SECTIONS)
    odd = [
        section
        for section in ("source", "fields", "lookups", "ignored", "sensitivity")
        if not isinstance(found.get(section, {}), dict)
    ]
    yield from (f"{section}: is a section, not a value" for section in odd)
    if odd:
        return
    yield from _head_problems(found, edition)
    fields, lookups = found.get("fields", {}), found.get("lookups", {})
    for field, spec in fields.items():
        yield from _field_problems(f"[fields] {field}: ", field, spec)
        within = spec.get("within") if isinstance(spec, dict) else None
        if within and within not in fields:
            yield f"[fields] {field}: within names {within!r}, which this mapping does not fill"
    for lookup, spec in lookups.items():
        yield from _lookup_problems(f"[lookups] {lookup}: ", lookup, spec)
    for column, reason in found.get("ignored", {}).items():
        if not isinstance(reason, str) or not reason.strip():
            yield f"[ignored] {column}: needs a reason"
    for column, told in found.get("sensitivity", {}).items():
        if told not in list(Sensitivity):
            yield f"[sensitivity] {column}: one of {', '.join(Sensitivity)}"
    for twice in sorted(set(fields) & set(lookups)):
        yield f"{twice}: a destination field stands twice, in [fields] and in [lookups]"


def _head_problems(found: dict[str, Any], edition: Edition) -> Iterator[str]:
    kinds = [str(kind) for kind in Kind]
    kind = found.get("kind")
    if kind not in kinds:
        yield f"kind: one of {', '.join(kinds)}"
    source = found.get("source", {})
    yield from _unknown("[source] ", source, SOURCE_KEYS)
    if not isinstance(source.get("from"), str):
        yield "[source] from: names the source object, and is missing"
    if not isinstance(source.get("where", ""), str):
        yield "[source] where: is a text"
    if not isinstance(found.get("history", ""), str):
        yield "history: names the source column with the time of a row"
    group = found.get("group", [])
    if not isinstance(group, list) or not all(isinstance(one, str) and one for one in group):
        yield "group: lists the source columns whose rows become one"
    if kind == Kind.LEFT_OUT and not found.get("reason"):
        yield "reason: rows that do not move need one"
    if kind in (Kind.RECORD, Kind.FILE):
        yield from _destination_problems(found.get("destination"), edition)


def _destination_problems(destination: Any, edition: Edition) -> Iterator[str]:
    if not destination:
        yield "destination: is missing"
        return
    try:
        endpoint(str(destination), edition)
    except MappingProblem as problem:
        yield f"destination: {problem}"


def _field_problems(where: str, name: str, spec: Any) -> Iterator[str]:
    if not NAME.match(name):
        yield f"{where}Freshsales has no such field: small letters, digits and underscores"
    if not isinstance(spec, dict):
        yield f'{where}is a table such as {{ from = "column" }}'
        return
    yield from _unknown(where, spec, FIELD_KEYS)
    if ("from" in spec) == ("const" in spec):
        yield f"{where}has {'both from and const' if 'from' in spec else 'neither from nor const'}"
    yield from _filling_problems(where, spec)
    yield from _conflict_problems(where, spec)
    if spec.get("on_open", "hold") not in ("hold", "omit"):
        yield f"{where}on_open is hold or omit"
    if not isinstance(spec.get("required", False), bool):
        yield f"{where}required is true or false"
    if spec.get("split", False) not in (True, False) or (spec.get("split") and "marker" not in spec):
        yield f"{where}split is true or false, and needs a marker: each part is found again by its own"
    unique = spec.get("unique", "holder")
    if unique != "holder" and not str(unique).startswith("append:"):
        yield f"{where}unique is holder, or append: with the columns to append"
    if "names" in spec and spec["names"] not in PICK_LISTS:
        yield f"{where}names: there is no pick-list {spec['names']!r}{_meant(str(spec['names']), PICK_LISTS)}"
    if "narrows" in spec:
        yield from _narrowing_problems(f"{where}narrows: ", spec["narrows"])


def _conflict_problems(where: str, spec: dict[str, Any]) -> Iterator[str]:
    policy = spec.get("conflict", Policy.DESTINATION)
    if policy == NEWEST:
        yield f"{where}conflict: {NO_NEWEST}"
    elif policy not in list(Policy):
        yield f"{where}conflict is one of {', '.join(Policy)}"


def _narrowing_problems(where: str, spec: Any) -> Iterator[str]:
    if not isinstance(spec, dict) or set(spec) != NARROWING_KEYS:
        yield f"{where}has to and over, as in {{ to = 0, over = [1] }}"
    elif not isinstance(spec["over"], list) or not spec["over"] or spec["to"] in spec["over"]:
        yield f"{where}over lists one or more other values than to"


def _filling_problems(where: str, spec: dict[str, Any]) -> Iterator[str]:
    columns, marker = listed(spec.get("from", ())), listed(spec.get("marker", ()))
    if not all(isinstance(column, str) and column for column in (*columns, *marker)):
        yield f"{where}from and marker name source columns"
        return
    if marker and len(marker) not in (2, 3):
        yield f"{where}marker takes time and author, and the time of completion if there is one"
    via = spec.get("via", "text")
    if via not in TAKES:
        yield f"{where}no transform named {via!r}{_meant(str(via), TAKES)}"
    elif "values" in spec and len(columns) > 1:
        yield f"{where}values takes one column"
    elif "from" in spec and "values" not in spec:
        least, most = TAKES[via]
        if not least <= len(columns) <= most:
            wanted = str(least) if least == most else f"{least} to {most}" if most < MANY else "one or more"
            yield f"{where}{via} takes {wanted} columns, not {len(columns)}"


def _lookup_problems(where: str, name: str, spec: Any) -> Iterator[str]:
    if not NAME.match(name):
        yield f"{where}Freshsales has no such field: small letters, digits and underscores"
    if (
        not isinstance(spec, dict)
        or not isinstance(spec.get("from"), str)
        or not isinstance(spec.get("to"), str | dict)
    ):
        yield f"{where}needs from and to"
        return
    yield from _unknown(where, spec, LOOKUP_KEYS)
    if isinstance(spec["to"], dict) and "by" not in spec:
        yield f"{where}several targets need by, the column that names the target"
    if isinstance(spec["to"], str) and "by" in spec:
        yield f"{where}by chooses between several targets, and there is one"
    if spec["to"] == "owners" and "values" not in spec:
        yield f"{where}owners are found by a value map; values is missing"
    yield from _conflict_problems(where, spec)
    for key in ("required", "may_be_blank"):
        if not isinstance(spec.get(key, False), bool):
            yield f"{where}{key} is true or false"


def written(value: Any) -> str:
    """Return a value, or what fills one field, as a mapping file writes it: `{ from = "city", via = "text" }`."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {written(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)  # JSON's texts, lists of texts and booleans are TOML's


def listed(value: Any) -> tuple[Any, ...]:
    """Return one column or several as a tuple."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _unknown(where: str, found: Iterable[str], known: set[str]) -> Iterator[str]:
    for key in found:
        if key not in known:
            yield f"{where}no key named {key!r}{_meant(key, known)}"


def _meant(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
