"""The work list of held rows: each reason with where its row stands, who can end it, and what a decision would answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from workbench.checks.causes import DECIDE, REPAIR, UNKNOWN
from workbench.dental.knowledge import read_facts
from workbench.freshsales.foreign import ASKING, has_foreign, match_foreign
from workbench.ledger.runs import last_run
from workbench.ledger.store import open_ledger
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import FieldMapping, Lookup, asked_map
from workbench.mapping.sources import Source
from workbench.mapping.spellings import standing_rows
from workbench.mapping.value_map import EXISTING
from workbench.settings import Settings
from workbench.vocabulary import Decision
from workbench.warehouse import Warehouse, identifier, open_warehouse

HELD = "SELECT rule, mapping, source_object, source_id, field, message FROM checked.held"
OMITTED = (
    "SELECT 'omitted' AS rule, mapping, source_object, source_id, field, message FROM staged.problems"
    " WHERE rule = 'open' AND severity = 'warn'"
)
"""Rows that travel without one field: its spelling has no decision."""
ACTS = "SELECT type, column_name, why, nullif(any_value(owner), '') AS acts FROM checked.results GROUP BY ALL"
NOBODY = "SELECT '' AS type, '' AS column_name, '' AS why, '' AS acts"
"""Who acts on the rows that an expectation holds, by its suite."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One reason that holds one row: where it stands, what is wrong, who can end it, and what a decision would answer.

    `rows` counts the reasons that one decision ends, on the first of them; the others have 0.
    """

    cause: str
    source_object: str
    source_id: str
    mapping: str
    field: str
    file: str
    record: int | None
    wrong: str
    fix: str
    who: str
    where: str
    value_map: str = ""
    spelling: str = ""
    choices: tuple[str, ...] = ()
    rows: int = 0

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names the reason in a workbook."""
        return self.source_object, self.source_id, self.mapping, self.field


@dataclass(frozen=True)
class WorkList:
    """What is held, in the order in which people work: decisions that end most reasons first; and what it was made of."""

    written_for: dict[str, str]
    waiting: list[Waiting]
    choices: dict[str, tuple[str, ...]]
    """The answers that a value map takes; one that is not named takes any."""
    held: int

    def causes(self) -> list[str]:
        """Return the causes, most reasons first."""
        return [cause for cause, _ in Counter(one.cause for one in self.waiting).most_common()]


def work_list(settings: Settings, mappings: Mappings) -> WorkList:
    """Return every reason that holds a row, and the open spellings that leave out a field; none while nothing is checked."""
    held = 0
    made: list[Waiting] = []
    choices: dict[str, tuple[str, ...]] = {}
    snapshot = ""
    if settings.warehouse.is_file():
        with open_warehouse(settings.warehouse) as warehouse:
            if warehouse.has("raw.deliveries"):
                snapshot = str(next(iter(warehouse.run("SELECT snapshot FROM raw.deliveries")), ("",))[0])
            if warehouse.has("checked.held"):
                choices = _choices(warehouse, mappings)
                held = int(warehouse.run("SELECT count(*) FROM checked.held")[0][0])
                found = warehouse.frame(f"{HELD} UNION ALL {OMITTED} ORDER BY ALL")
                for (source_object,), part in found.group_by("source_object", maintain_order=True):
                    made += _waiting(warehouse, mappings, str(source_object), part)
    return WorkList(_written_for(settings, snapshot), _in_order(made), choices, held)


def _written_for(settings: Settings, snapshot: str) -> dict[str, str]:
    run = None
    if settings.ledger.is_file():
        ledger = open_ledger(settings.ledger, b"")  # no image is read
        run = last_run(ledger)
        ledger.engine.dispose()
    return {
        "migration": str(settings["migration.id"]),
        "target": str(settings.target),
        "run": run.run_id if run else "none",
        "snapshot": snapshot,
    }


def _waiting(warehouse: Warehouse, mappings: Mappings, source_object: str, held: pl.DataFrame) -> Iterator[Waiting]:
    source = mappings.sources[source_object]
    warehouse.connection.register("held_here", held.to_arrow())
    acts = ACTS if warehouse.has("checked.results") else NOBODY
    rows = warehouse.frame(
        f"SELECT h.*, o.acts, s.* FROM held_here h LEFT JOIN {source.table} s ON s.{identifier(source.key)} = h.source_id"
        f" LEFT JOIN ({acts}) o ON o.type = h.rule AND o.column_name = h.field AND o.why = h.message ORDER BY h.source_id"
    )
    warehouse.connection.unregister("held_here")
    standing = rows.filter(pl.col("rule") == EXISTING)["source_id"].unique().to_list()
    matches = _matches(warehouse, mappings, source, standing)
    for row in rows.iter_rows(named=True):
        name, filled = row["mapping"], _filling(mappings, row["mapping"], row["field"])
        asked = DECISIONS[row["rule"]](mappings, row, filled) if row["rule"] in DECISIONS else None
        advice = DECIDE[row["rule"]] if asked else REPAIR.get(row["rule"], UNKNOWN)
        if row["rule"] == "omitted" and not asked:
            continue
        place = f"{source_object}, {_columns(filled)}" if filled else source_object
        where = advice.where.format(place=place, mapping=name, map=asked[0] if asked else "")
        yield Waiting(
            advice.cause, source_object, row["source_id"], name, row["field"], row.get("source_file") or "",
            row.get("source_row"), row["message"], advice.fix, row["acts"] or advice.who, where, *(asked or ("", "")),
            matches.get(asked[1], ()) if asked else (),
        )  # fmt: skip


def _filling(mappings: Mappings, mapping: str, field: str) -> FieldMapping | Lookup | None:
    """Return what fills a field of a mapping, a part of a folded field among them."""
    one = next((one for one in mappings.objects if one.name == mapping), None)
    leaves: Iterable[FieldMapping | Lookup] = [*one.leaves, *one.lookups.values()] if one else []
    return next((leaf for leaf in leaves if leaf.name == field), None)


def _columns(filled: FieldMapping | Lookup | None) -> str:
    return ", ".join(filled.columns if isinstance(filled, FieldMapping) else [filled.column] if filled else [])


def _of_field(mappings: Mappings, row: Row, filled: FieldMapping | Lookup | None) -> tuple[str, str] | None:
    """Return the value map that a field asks, and the spelling; a blank asks nothing."""
    if filled is None or not filled.values:
        return None
    spelling = str(row.get(_columns(filled).partition(", ")[0]) or "").strip()
    return (asked_map(filled.values, row), spelling) if spelling else None


def _of_source(mappings: Mappings, row: Row, _: FieldMapping | Lookup | None) -> tuple[str, str] | None:
    """Return what the source SELECT asks, unless it is answered: then something else keeps the row."""
    for name, column in mappings.sources[row["source_object"]].asks:
        spelling = str(row.get(column) or "").strip()
        decided = mappings.values(name).find(spelling)
        if spelling and (decided is None or decided.answer in (None, *WAITS)):
            return name, spelling
    return None


def _of_existing(_: Mappings, row: Row, __: FieldMapping | Lookup | None) -> tuple[str, str]:
    return EXISTING, f"{row['source_object']}/{row['source_id']}"


ROUTES, WAITS = "contact_route", ("hold",)
"""The answer of a route that holds the person."""
DECISIONS = {
    "open": _of_field, "omitted": _of_field, "owner": _of_field, "route": _of_source, "required": _of_source, EXISTING: _of_existing,
}  # fmt: skip
"""How a rule that a decision can end finds the value map and the spelling."""


def fixed_answers(settings: Settings, mappings: Mappings) -> dict[str, tuple[str, ...]]:
    """Return the answers of the maps that no setup can add to: the routes, and the tenant's active users for owners."""
    owned = {one.values for mapping in mappings.objects for one in mapping.lookups.values() if one.is_owner}
    with open_warehouse(settings.warehouse) as warehouse:
        found = _choices(warehouse, mappings)
    return {name: answers for name, answers in found.items() if name == ROUTES or name in owned}


def _choices(warehouse: Warehouse, mappings: Mappings) -> dict[str, tuple[str, ...]]:
    """Return the answers that a map takes: routes, tenant users, what a pick-list or the tenant offers."""
    made = {ROUTES: {row["route"] for row in read_facts("routes.csv")}}
    if not warehouse.has("destination.choices"):
        return {name: tuple(sorted(found)) for name, found in made.items()}
    users = warehouse.run(
        "SELECT DISTINCT lower(trim(email)) FROM destination.users WHERE is_active AND email IS NOT NULL"
    )
    for mapping in mappings.objects:
        made |= {
            one.values: {str(email) for (email,) in users}
            for one in mapping.lookups.values()
            if one.is_owner and one.values
        }
        for field in mapping.leaves:
            custom = mappings.custom_field(mapping.destination, field.name)
            if field.values and field.names:
                names = warehouse.run("SELECT name FROM destination.choices WHERE kind = ?", [field.names])
                names += warehouse.run("SELECT DISTINCT stage FROM destination.stages") if field.within else []
                made[field.values] = {str(name) for (name,) in names}
            elif field.values and custom and custom.choices:
                made[field.values] = set(custom.choices)
    return {name.partition("{")[0].rstrip("."): tuple(sorted(found)) for name, found in made.items() if found}


def _matches(warehouse: Warehouse, mappings: Mappings, source: Source, keys: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the numbers of the foreign records that some rows of a source may be, the surest first."""
    select = standing_rows(mappings, source, source.table)
    if not keys or not select or not has_foreign(warehouse):
        return {}
    warehouse.run(f"CREATE OR REPLACE TEMP TABLE standing ({ASKING})")
    warehouse.run(f"INSERT INTO standing {select} WHERE {identifier(source.key)} IN (SELECT unnest(?))", [keys])
    found: dict[str, tuple[str, ...]] = {}
    for match in match_foreign(warehouse):
        found[match.source_key] = (*found.get(match.source_key, ()), str(match.destination_id))
    return found


def _in_order(made: list[Waiting]) -> list[Waiting]:
    """Put the first reason of each decision before the others, those that end most of them first of all."""
    asked = Counter((one.cause, one.value_map, one.spelling) for one in made if one.value_map)
    seen: set[tuple[str, str, str]] = set()
    ordered = []
    for one in sorted(made, key=lambda one: (one.cause, one.value_map, one.source_object, one.source_id, one.field)):
        decision = (one.cause, one.value_map, one.spelling)
        rows = 0 if decision in seen else asked[decision]
        seen.add(decision)
        ordered.append(replace(one, rows=rows))
    return sorted(ordered, key=lambda one: (one.cause, -one.rows))


def closed_choices(work: WorkList, one: Waiting) -> tuple[str, ...] | None:
    """Return the answers that a decision may give; None where it may give any."""
    if one.value_map == EXISTING:
        return one.choices
    return work.choices.get(one.value_map) or work.choices.get(one.value_map.partition(".")[0])


WORDS: Mapping[str, Mapping[str, Decision]] = {
    EXISTING: {"adopt": Decision.MAP, "create": Decision.BLANK, "hold": Decision.ASK},
    "": {str(one): one for one in Decision},
}


def decision_words(value_map: str) -> Mapping[str, Decision]:
    """Return the words in which a decision of a map is typed, each with what is written."""
    return WORDS.get(value_map, WORDS[""])
