"""The order in which mappings load: what a lookup points at goes first; never typed by hand."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from workbench.errors import MappingProblem
from workbench.mapping.object_mapping import ObjectMapping

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
    while sorter.is_active():
        ready = sorted((by_name[name] for name in sorter.get_ready()), key=_rank)
        ordered.extend(ready)
        sorter.done(*(mapping.name for mapping in ready))
    return ordered
