"""All decision files of a migration, read together so that every problem is named at once."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path

from workbench.errors import MappingProblem, gather
from workbench.keys import spelling_key
from workbench.mapping.custom_fields import FOLDED, CustomField, fold_fields, read_custom_fields
from workbench.mapping.object_mapping import ObjectMapping, order_mappings, read_object_mapping
from workbench.mapping.sources import Source, read_source
from workbench.mapping.value_map import CONFLICTS, ValueMap, read_value_map
from workbench.settings import Settings
from workbench.vocabulary import Decision, Edition

MODULES = {"account": "sales_accounts", "contact": "contacts", "lead": "contacts", "deal": "deals"}
"""Which Freshsales module a destination belongs to; people are one module, whatever edition."""
LEADS = {"lead": "leads"}
"""Classic keeps the custom fields of leads in a module of their own."""
TICKS = "setup_ticks.csv"
"""What an admin ticked after the approval: no decision about data, so it voids nothing."""


@dataclass(frozen=True)
class Mappings:
    """What people decided: sources, object mappings in load order, custom fields, and the way to value maps."""

    settings: Settings
    sources: dict[str, Source]
    objects: list[ObjectMapping]
    custom_fields: dict[str, list[CustomField]]

    def __getitem__(self, name: str) -> ObjectMapping:
        """Return one object mapping by file name."""
        return next(one for one in self.objects if one.name == name)

    def of(self, source_object: str) -> list[ObjectMapping]:
        """Return the mappings that read one source object."""
        return [one for one in self.objects if one.source_object == source_object]

    def values(self, name: str) -> ValueMap:
        """Read one value map now; an editor may have saved it a moment ago."""
        is_typed = name.partition(".")[0] in self.typed
        return read_value_map(
            name, self.settings.values_folders, partial(spelling_key, self.settings) if is_typed else None
        )

    @cached_property
    def typed(self) -> set[str]:
        """The value maps that fields ask, `stage` for every pipeline's own: people typed their spellings.

        What a lookup or a SELECT asks is an id, or words that the SELECT itself folded.
        """
        return {leaf.values.partition(".")[0] for one in self.objects for leaf in one.leaves if leaf.values}

    def custom_field(self, destination: str, name: str) -> CustomField | None:
        """Return the definition of one custom field of a destination's module."""
        fields = self.custom_fields.get(field_modules(self.settings.edition).get(destination, ""), [])
        return next((one for one in fields if one.name == name), None)


def field_modules(edition: Edition) -> dict[str, str]:
    """Return which Freshsales module holds the custom fields of each destination."""
    return MODULES | LEADS if edition is Edition.CLASSIC else MODULES


def read_mappings(settings: Settings) -> Mappings:
    """Read and cross-check mappings/; raise once with every problem of every file."""
    root = settings.mappings
    problems: list[str] = []

    def note(path: Path, found: list[str]) -> None:
        problems.extend(f"{path.relative_to(settings.folder).as_posix()}: {one}" for one in found)

    sources: dict[str, Source] = {}
    for path in sorted((root / "sources").glob("*.sql")):
        source, found = read_source(path)
        note(path, found)
        if source:
            sources[source.name] = source
    objects: list[ObjectMapping] = []
    for path in sorted((root / "objects").glob("*.toml")):
        mapping, found = read_object_mapping(path, settings.edition, settings.plan)
        note(path, found)
        if mapping:
            objects.append(mapping)
    custom_fields: dict[str, list[CustomField]] = {}
    for path in sorted((root / "custom_fields").glob("*.toml")):
        fields, found = read_custom_fields(path)
        note(path, found)
        custom_fields[path.stem] = [
            one for one in fields if settings.edition in one.editions and settings.plan in one.plans
        ]
    if not objects:
        problems.append("mappings/objects holds no mapping; workbench init writes the starter's")
    if not problems:
        problems.extend(_contradictions(Mappings(settings, sources, objects, custom_fields)))
    if not problems:
        modules = field_modules(settings.edition)
        custom_fields = _split_leads(objects, custom_fields, settings.edition)
        decided = read_value_map(FOLDED, settings.values_folders)
        objects, custom_fields, problems = fold_fields(objects, custom_fields, modules, decided)
    if problems:
        raise MappingProblem(gather("mappings/", problems))
    return Mappings(settings, sources, order_mappings(objects), custom_fields)


def _split_leads(
    objects: list[ObjectMapping], custom_fields: dict[str, list[CustomField]], edition: Edition
) -> dict[str, list[CustomField]]:
    """Give Classic's leads the people's fields that their mappings fill, and contacts those that theirs fill."""
    if edition is not Edition.CLASSIC:
        return custom_fields
    split = dict(custom_fields)
    for destination, module in field_modules(edition).items():
        filled = {
            name
            for one in objects
            if one.destination == destination
            for field in one.fields.values()
            for name in (field.name, field.shared)
        }
        fields = [
            replace(one, module=module) for one in custom_fields.get(MODULES[destination], []) if one.name in filled
        ]
        if fields or module in split:
            split[module] = fields
    return split


def decision_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield every decision file under a stable name: mappings, values of this target, expectations, settings."""
    for folder, ending in (("sources", "sql"), ("objects", "toml"), ("custom_fields", "toml"), ("values", "csv")):
        for path in sorted((settings.mappings / folder).glob(f"*.{ending}")):
            if path.name != TICKS:
                yield f"mappings/{folder}/{path.name}", path
    if settings.own_decisions != settings.mappings / "values":
        for path in sorted(settings.own_decisions.glob("*.csv")):
            if path.name != TICKS:
                yield f"decisions/{path.name}", path
    for path in sorted((settings.folder / "expectations").rglob("*.json")):
        yield path.relative_to(settings.folder).as_posix(), path
    yield "migration.toml", settings.folder / "migration.toml"


def hash_decisions(settings: Settings) -> tuple[str, dict[str, str]]:
    """Return one hash over every decision file, and each file's own."""
    found = {name: hash_decision(path) for name, path in decision_files(settings)}
    each = {name: digest for name, digest in found.items() if digest is not None}
    whole = hashlib.sha256("\n".join(f"{name} {digest}" for name, digest in sorted(each.items())).encode())
    return whole.hexdigest(), each


def hash_decision(path: Path) -> str | None:
    """Return the hash of what one file decides, or None where it decides nothing."""
    text = _decided(path)
    return None if text is None else hashlib.sha256(text).hexdigest()


def _decided(path: Path) -> bytes | None:
    """Return what a file decides, or None for one that decides nothing.

    Where deliveries lie is not decided: their bytes are bound, and one may be added. A conflict that a load found and
    nobody answered yet decides nothing either.
    """
    text = path.read_bytes()
    if path.stem == CONFLICTS:
        rows = [
            row for row in csv.reader(text.decode("utf-8-sig", "replace").splitlines()) if Decision.ASK not in row[1:2]
        ]
        return repr(rows).encode() if len(rows) > 1 else None
    return re.sub(rb"(?m)^\s*exports\s*=.*$", b"", text) if path.name == "migration.toml" else text


def _contradictions(mappings: Mappings) -> Iterator[str]:
    yield from _unknown_objects(mappings)
    yield from _undefined_fields(mappings)


def _unknown_objects(mappings: Mappings) -> Iterator[str]:
    known = sorted(mappings.sources)
    for mapping in mappings.objects:
        where = f"mappings/objects/{mapping.name}.toml"
        if mapping.source_object not in mappings.sources:
            yield f"{where}: [source] from: no source object {mapping.source_object!r}{_meant(mapping.source_object, known)}"
        for lookup in mapping.lookups.values():
            for target in lookup.targets.values():
                if target not in mappings.sources and target != "owners":
                    yield f"{where}: [lookups] {lookup.name}: no source object {target!r}{_meant(target, known)}"
    for name in known:
        if not mappings.of(name):
            yield f"mappings/sources/{name}.sql: no mapping reads it; say in a left_out mapping why its rows stay"


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; there is {close[0]!r}" if close else f"; there are {', '.join(known)}"


def _undefined_fields(mappings: Mappings) -> Iterator[str]:
    defined = {(module, one.name) for module, fields in mappings.custom_fields.items() for one in fields}
    used: set[tuple[str, str]] = set()
    for mapping in mappings.objects:
        module = MODULES.get(mapping.destination)
        named = [name for field in mapping.fields.values() for name in (field.name, field.shared) if name]
        for name in (one for one in named if one.startswith("cf_")):
            where = f"mappings/objects/{mapping.name}.toml: [fields] {name}:"
            if module is None:
                yield f"{where} Freshsales has no custom fields on {mapping.destination}"
            elif (module, name) not in defined:
                yield f"{where} is not defined in mappings/custom_fields/{module}.toml"
            else:
                used.add((module, name))
    for module, name in sorted(defined - used):
        yield f"mappings/custom_fields/{module}.toml: [{name}]: no mapping fills it"
