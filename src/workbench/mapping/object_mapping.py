"""One mapping file: source rows to one destination; the destination field is the key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.mapping.grammar import find_problems, listed, read_toml
from workbench.vocabulary import Edition, Kind


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
    may_be_blank: bool = False

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
        used |= {one.by for one in self.lookups.values() if one.by}
        return used | {column for name in self.value_maps if (column := placeholder(name))}

    @property
    def value_maps(self) -> set[str]:
        """The value maps it asks, patterns such as `stage.{pipeline}` included."""
        named = {one.values for one in self.fields.values()} | {one.values for one in self.lookups.values()}
        return {name for name in named if name}


def placeholder(values: str) -> str:
    """Return the source column that a pattern such as `stage.{pipeline}` asks for; empty where there is none."""
    return values.partition("{")[2].partition("}")[0]


def read_object_mapping(path: Path, edition: Edition) -> tuple[ObjectMapping | None, list[str]]:
    """Read one mapping file for one edition; return it, or every problem it has."""
    found, problems = read_toml(path)
    if problems:
        return None, problems
    editions = found.pop("editions", {})
    problems = [f"[editions] {name}: one of {', '.join(Edition)}" for name in editions if name not in list(Edition)]
    for section, changes in editions.get(edition, {}).items():
        found[section] = {**found.get(section, {}), **changes} if isinstance(changes, dict) else changes
    problems += find_problems(path.stem, found, edition)
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
        columns=listed(spec.get("from", ())),
        via=spec.get("via", "text"),
        values=spec.get("values"),
        const=spec.get("const"),
        required=spec.get("required", False),
        unique=spec.get("unique"),
        names=spec.get("names"),
        within=spec.get("within"),
        marker=listed(spec.get("marker", ())),
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
        may_be_blank=spec.get("may_be_blank", False),
    )
