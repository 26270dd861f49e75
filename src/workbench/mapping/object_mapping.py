"""One mapping file: source rows to one destination; the destination field is the key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from workbench.errors import MappingProblem
from workbench.mapping.grammar import find_problems, listed, read_toml
from workbench.vocabulary import Edition, Kind, Plan, Sensitivity

ASKS_TYPES = "getvariable('activity_types')"
"""What a `where` says that goes by the sales-activity types of the tenant."""


@dataclass(frozen=True)
class Narrowing:
    """A value of the source, such as a withdrawn consent, that is written also over these of somebody else's."""

    to: Any
    over: tuple[Any, ...]


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
    narrows: Narrowing | None = None
    split: bool = False
    conflict: str | None = None
    label: str = ""
    parts: tuple[FieldMapping, ...] = ()
    """Fields that the plan has no room for: each becomes a labelled line of this one, in this order."""

    @property
    def leaves(self) -> tuple[FieldMapping, ...]:
        """What fills it: itself, or the fields folded into it."""
        return self.parts or (self,)

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
    conflict: str | None = None

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
    sensitivity: dict[str, Sensitivity] = field(default_factory=dict)
    """What source columns tell of a patient, where a person decided it."""
    history: str = ""
    """The source column with the time of a row that `[policy] history` may find too old; empty: rows always move."""
    group: tuple[str, ...] = ()
    """The source columns whose rows become one: a line each of a summary note, where `[policy] history` condenses."""

    @property
    def leaves(self) -> Iterator[FieldMapping]:
        """Every field that source columns fill, those folded into another among them."""
        return (leaf for one in self.fields.values() for leaf in one.leaves)

    @property
    def used_columns(self) -> set[str]:
        """Every source column that fills a field, a marker or a lookup."""
        used = {column for one in self.leaves for column in (*one.columns, *one.marker)}
        used |= {one.column for one in self.lookups.values()}
        used |= {one.by for one in self.lookups.values() if one.by}
        used |= {column for name in self.value_maps if (column := placeholder(name))}
        return used | ({self.history} if self.history else set()) | set(self.group)

    @property
    def value_maps(self) -> set[str]:
        """The value maps it asks, patterns such as `stage.{pipeline}` included."""
        named = {one.values for one in self.leaves} | {one.values for one in self.lookups.values()}
        return {name for name in named if name}


def placeholder(values: str) -> str:
    """Return the source column that a pattern such as `stage.{pipeline}` asks for; empty where there is none."""
    return values.partition("{")[2].partition("}")[0]


def asked_map(values: str, row: Mapping[str, Any]) -> str:
    """Return the value map that one source row asks: `stage.{pipeline}` becomes `stage.ortho`."""
    column = placeholder(values)
    return values.replace(f"{{{column}}}", str(row.get(column) or "none")) if column else values


def read_object_mapping(
    path: Path, edition: Edition, plan: Plan = Plan.ENTERPRISE
) -> tuple[ObjectMapping | None, list[str]]:
    """Read one mapping file for one edition and plan; return it, or every problem it has."""
    found, problems = read_toml(path)
    if problems:
        return None, problems
    for name, known, ours in (("editions", list(Edition), edition), ("plans", list(Plan), plan)):
        changed = found.pop(name, {})
        problems += [f"[{name}] {one}: one of {', '.join(known)}" for one in changed if one not in known]
        for section, changes in changed.get(ours, {}).items():
            found[section] = _changed(found.get(section, {}), changes)
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
        sensitivity={column: Sensitivity(told) for column, told in found.get("sensitivity", {}).items()},
        history=found.get("history", ""),
        group=tuple(found.get("group", ())),
    ), []


def _changed(section: Any, changes: Any) -> Any:
    """Return a section with the changes of an edition or plan; `false` takes a field out."""
    if not isinstance(changes, dict) or not isinstance(section, dict):
        return changes
    return {name: value for name, value in {**section, **changes}.items() if value is not False}


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
        narrows=Narrowing(narrows["to"], tuple(narrows["over"])) if (narrows := spec.get("narrows")) else None,
        split=spec.get("split", False),
        conflict=spec.get("conflict"),
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
        conflict=spec.get("conflict"),
    )


RANK = ("account", "contact", "lead", "deal", "appointment", "task", "sales_activity", "note", "file")
"""Which destination goes first where lookups leave it open: accounts → people → deals → activities → notes → files."""


def _rank(mapping: ObjectMapping) -> tuple[int, str]:
    place = RANK.index(mapping.destination) if mapping.destination in RANK else -1
    return place, mapping.name


def order_mappings(mappings: list[ObjectMapping]) -> list[ObjectMapping]:
    """Sort mappings so that targets of lookups come first; a lookup on its own object never orders."""
    readers: dict[str, list[str]] = {}
    for mapping in mappings:
        readers.setdefault(mapping.source_object, []).append(mapping.name)
    graph: dict[str, set[str]] = {}
    for mapping in sorted(mappings, key=lambda one: one.name):
        targets = {target for lookup in mapping.lookups.values() for target in lookup.targets.values()}
        targets.discard(mapping.source_object)
        graph[mapping.name] = {name for target in targets for name in readers.get(target, [])}
    try:
        sorter = TopologicalSorter(graph)
        sorter.prepare()
    except CycleError as cycle:
        raise MappingProblem(
            f"mappings/objects: lookups go round in a circle: {' → '.join(cycle.args[1])}. Remove one of them."
        ) from None
    by_name = {mapping.name: mapping for mapping in mappings}
    ordered: list[ObjectMapping] = []
    ready: list[tuple[tuple[int, str], str]] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, (_rank(by_name[name]), name))
        # One at a time: what it opens may go before what waits, as a task before a summary note.
        _, first = heappop(ready)
        ordered.append(by_name[first])
        sorter.done(first)
    return ordered
