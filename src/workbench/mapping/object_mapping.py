"""One mapping file: source rows to one destination; the destination field is the key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from workbench.vocabulary import Edition, Kind

SECTIONS = {"kind", "destination", "rows", "title", "reason", "source", "fields", "lookups", "ignored", "editions"}
SOURCE_KEYS = {"from", "where"}
FIELD_KEYS = {"from", "via", "values", "const", "required", "unique", "names", "within", "marker", "on_open", "shared"}
LOOKUP_KEYS = {"from", "to", "by", "required", "values", "self"}


@dataclass(frozen=True)
class FieldMapping:
    """One destination field and what fills it."""

    name: str
    columns: tuple[str, ...] = ()
    via: str = "text"
    values: str | None = None
    const: Any = None
    required: bool = False
    unique: str | None = None
    names: str | None = None
    within: str | None = None
    marker: tuple[str, ...] = ()
    on_open: str = "hold"
    shared: str | None = None

    @property
    def is_custom(self) -> bool:
        """Say whether Freshsales keeps it under `custom_field`."""
        return self.name.startswith("cf_")


@dataclass(frozen=True)
class Lookup:
    """A destination field that points at another record, named by its source object."""

    name: str
    column: str
    targets: dict[str, str]
    by: str | None = None
    required: bool = False
    values: str | None = None

    @property
    def is_owner(self) -> bool:
        """Say whether it points at a tenant user, found by e-mail."""
        return set(self.targets.values()) == {"owners"}


@dataclass(frozen=True)
class ObjectMapping:
    """One file of mappings/objects."""

    name: str
    kind: Kind
    destination: str
    source_object: str
    where: str
    title: str
    rows: tuple[int, ...] = ()
    reason: str = ""
    fields: dict[str, FieldMapping] = field(default_factory=dict)
    lookups: dict[str, Lookup] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)

    @property
    def used_columns(self) -> set[str]:
        """Every source column that fills a field, a marker or a lookup."""
        used = {column for one in self.fields.values() for column in (*one.columns, *one.marker)}
        used |= {one.column for one in self.lookups.values()}
        return used | {one.by for one in self.lookups.values() if one.by}

    @property
    def value_maps(self) -> set[str]:
        """The value maps it asks, patterns such as `stage.{pipeline}` included."""
        named = [one.values for one in (*self.fields.values(), *self.lookups.values())]
        return {name for name in named if name}


def read_object_mapping(path: Path, edition: Edition) -> tuple[ObjectMapping | None, list[str]]:
    """Read one mapping file for one edition; return it, or every problem it has."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as problem:
        text = str(problem)
        if "overwrite" in text.lower() or "duplicate" in text.lower():
            text = f"a destination field stands twice ({text})"
        return None, [text]
    for section, changes in found.pop("editions", {}).get(edition, {}).items():
        if isinstance(changes, dict):
            found[section] = {**found.get(section, {}), **changes}
        else:
            found[section] = changes
    problems = list(_problems(found))
    if problems:
        return None, problems
    source = found["source"]
    return ObjectMapping(
        name=path.stem,
        kind=Kind(found["kind"]),
        destination=found.get("destination", ""),
        source_object=source["from"],
        where=source.get("where", "true"),
        title=found.get("title", path.stem.replace("_", " ")),
        rows=tuple(found.get("rows", [])),
        reason=found.get("reason", ""),
        fields={name: _field(name, spec) for name, spec in found.get("fields", {}).items()},
        lookups={name: _lookup(name, spec) for name, spec in found.get("lookups", {}).items()},
        ignored=dict(found.get("ignored", {})),
    ), []


def _field(name: str, spec: dict[str, Any]) -> FieldMapping:
    return FieldMapping(
        name=name,
        columns=_listed(spec.get("from", ())),
        via=spec.get("via", "text"),
        values=spec.get("values"),
        const=spec.get("const"),
        required=spec.get("required", False),
        unique=spec.get("unique"),
        names=spec.get("names"),
        within=spec.get("within"),
        marker=_listed(spec.get("marker", ())),
        on_open=spec.get("on_open", "hold"),
        shared=spec.get("shared"),
    )


def _lookup(name: str, spec: dict[str, Any]) -> Lookup:
    to = spec["to"]
    return Lookup(
        name=name,
        column=spec["from"],
        targets=dict(to) if isinstance(to, dict) else {"": to},
        by=spec.get("by"),
        required=spec.get("required", False),
        values=spec.get("values"),
    )


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _problems(found: dict[str, Any]) -> Iterator[str]:
    yield from _unknown("", found, SECTIONS)
    kinds = [str(kind) for kind in Kind]
    if found.get("kind") not in kinds:
        yield f"kind: one of {', '.join(kinds)}"
        return
    source = found.get("source")
    if not isinstance(source, dict) or "from" not in source:
        yield "[source] from: names the source object, and is missing"
        return
    yield from _unknown("[source] ", source, SOURCE_KEYS)
    if found["kind"] == Kind.LEFT_OUT and not found.get("reason"):
        yield "reason: rows that do not move need one"
    if found["kind"] in (Kind.RECORD, Kind.FILE) and not found.get("destination"):
        yield "destination: is missing"
    for name, spec in found.get("fields", {}).items():
        if not isinstance(spec, dict):
            yield f'[fields] {name}: is a table such as {{ from = "column" }}'
            continue
        yield from _unknown(f"[fields] {name}: ", spec, FIELD_KEYS)
        if "from" not in spec and "const" not in spec:
            yield f"[fields] {name}: has neither from nor const"
        if spec.get("on_open", "hold") not in ("hold", "omit"):
            yield f"[fields] {name}: on_open is hold or omit"
    for name, spec in found.get("lookups", {}).items():
        if not isinstance(spec, dict) or "from" not in spec or "to" not in spec:
            yield f"[lookups] {name}: needs from and to"
            continue
        yield from _unknown(f"[lookups] {name}: ", spec, LOOKUP_KEYS)
        if isinstance(spec["to"], dict) and "by" not in spec:
            yield f"[lookups] {name}: several targets need by, the column that names the target"
    for column, reason in found.get("ignored", {}).items():
        if not isinstance(reason, str) or not reason.strip():
            yield f"[ignored] {column}: needs a reason"
    twice = set(found.get("fields", {})) & set(found.get("lookups", {}))
    for name in sorted(twice):
        yield f"{name}: a destination field stands twice, in [fields] and in [lookups]"


def _unknown(where: str, found: Iterable[str], known: set[str]) -> Iterator[str]:
    for key in found:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            meant = f"; did you mean {close[0]!r}?" if close else ""
            yield f"{where}no key named {key!r}{meant}"
