"""One line of the field editor: a source column with its samples by shape, what becomes of it, and what is proposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.canonical import Form
from workbench.mapping.columns import sensitivity_of_column
from workbench.mapping.custom_fields import DATE_TIMES
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import ObjectMapping
from workbench.privacy import mask
from workbench.reports.premapping import OURS, fate_of, how_filled
from workbench.settings import Settings
from workbench.staging.transforms import TRANSFORMS
from workbench.suggest.known_fields import Field, known_fields
from workbench.suggest.opinions import model_field_candidates
from workbench.suggest.value_files import DESTINATIONS, NO_CUSTOM_FIELDS
from workbench.vocabulary import Kind
from workbench.warehouse import identifier, open_warehouse

Line = dict[str, Any]
Candidate = Mapping[str, Any]
SAMPLES, READ = 4, 200
"""So many shapes are shown, of the first so many values."""
TAKEN = (
    (("date",), {Form.DATE}),
    (("number", "money"), {Form.NUMBER, Form.MONEY}),
    (("checkbox", "boolean"), {Form.BOOLEAN}),
    (DATE_TIMES, {Form.TIME}),
)
"""What a field of some type takes; any other takes a text."""
AS_TEXT = {Form.TEXT, Form.RICH, Form.LIST}


@dataclass(frozen=True)
class Column:
    """One column of a source table: how many rows fill it, of how many, shapes of some values, and what is proposed."""

    name: str
    filled: int
    rows: int
    samples: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = field(default=(), compare=False)
    reason: str = ""


def columns_of_table(settings: Settings, mappings: Mappings, mapping: ObjectMapping) -> list[Column]:
    """Return the landed columns of a mapping's source, each with proposals for the mapping's own destination."""
    table = f"raw.{identifier(mapping.source_object)}"
    with open_warehouse(settings.warehouse) as warehouse:
        names = [one for one in warehouse.columns(table) if one not in OURS]
        if not names:
            return []
        counts = ", ".join(f"count(nullif(trim({identifier(one)}::VARCHAR), ''))" for one in names)
        rows, *filled = warehouse.run(f"SELECT count(*), {counts} FROM {table}")[0]
        some = warehouse.frame(f"SELECT {', '.join(map(identifier, names))} FROM {table} LIMIT {READ}")
    values = {one: [str(cell) for cell in some[one].drop_nulls() if str(cell).strip()] for one in names}
    asked = [
        {
            "source_object": mapping.source_object,
            "source_column": one,
            "sample_values": "|".join(cell.replace("|", " ") for cell in values[one]),
        }
        for one in names
    ]
    answers, _ = model_field_candidates(settings, asked)
    return [
        Column(
            name,
            int(count),
            int(rows),
            tuple(dict.fromkeys(mask(cell.strip()) for cell in values[name]))[:SAMPLES],
            tuple(one for one in answer["candidates"] if _fits(one, mapping)),
            answer["reason"],
        )
        for name, count, answer in zip(names, filled, answers, strict=True)
    ]


def _fits(candidate: Candidate, mapping: ObjectMapping) -> bool:
    """Say whether a proposal is for what the mapping makes; a lead is a contact that is not one yet."""
    wanted = candidate["object"]
    goes_to = {DESTINATIONS.get(wanted, wanted)} | ({"lead"} if wanted == "contact" else set())
    is_custom = candidate["field"].startswith(("cf_", "external_id"))
    return mapping.destination in goes_to and not (is_custom and wanted in NO_CUSTOM_FIELDS)


def make_line(number: int, column: Column, mappings: Mappings, mapping: ObjectMapping) -> Line:
    """Return a line as the page gets it; `fate` is that of the whole source, `becomes` what this mapping makes of it."""
    source = mappings.sources[mapping.source_object]
    fate, why = fate_of(column.name, source.key, source.sql, mappings.of(source.name))
    here = [(one.name, how_filled(one)) for one in mapping.leaves if column.name in (*one.columns, *one.marker)] + [
        (one.name, "link") for one in mapping.lookups.values() if column.name in (one.column, one.by)
    ]
    if mapping.ignored.get(column.name, "").startswith("open:"):
        fate = "none"
    return {
        "id": number,
        "column": column.name,
        "filled": column.filled,
        "rows": column.rows,
        "samples": list(column.samples),
        "fate": fate,
        "sensitivity": str(sensitivity_of_column(mappings, source.name, column.name)),
        "becomes": ", ".join(name for name, _ in here),
        "how": ", ".join(dict.fromkeys(how for _, how in here)),
        "why": mapping.ignored.get(column.name, "") or ("" if here else why),
        "here": bool(here) or column.name in mapping.ignored,
        "candidates": [
            {key: one[key] for key in ("field", "confidence", "reason", "transform")} for one in column.candidates
        ],
        "reason": column.reason,
    }


def mappings_to_edit(mappings: Mappings) -> list[str]:
    """Return the mappings whose columns people map, by name: those that make records or files."""
    return sorted(one.name for one in mappings.objects if one.kind in (Kind.RECORD, Kind.FILE))


def destination_fields(mappings: Mappings, mapping: ObjectMapping) -> list[str]:
    """Return the fields that a destination is known to have: shipped, defined, or filled by any mapping."""
    alike = [one for one in mappings.objects if one.destination == mapping.destination]
    named = {name for one in alike for name in (*one.fields, *one.lookups)}
    return sorted(named | {one.name for one in _shipped(mapping.destination)})


def _shipped(destination: str) -> list[Field]:
    return [one for one in known_fields(None) if DESTINATIONS.get(one.object, one.object) == destination]


def is_defined(mappings: Mappings, mapping: ObjectMapping, name: str) -> bool:
    """Say whether a field of a mapping's destination is a custom field that the files define."""
    return mappings.custom_field(mapping.destination, name) is not None


def fits(mappings: Mappings, mapping: ObjectMapping, name: str, via: str) -> tuple[str, str]:
    """Return why a transform makes what a field does not take, and what is to be known where it takes it as a text."""
    custom, way = mappings.custom_field(mapping.destination, name), TRANSFORMS.get(via)
    shipped = (one for one in _shipped(mapping.destination) if one.name == name)
    kind = custom.type if custom else next((one.kind for one in shipped), "")
    if way is None or not kind:
        return "", ""
    takes = next((forms for kinds, forms in TAKEN if kind in kinds), None)
    if takes and way.form not in takes:
        ways = [one for one, other in TRANSFORMS.items() if other.form in takes]
        return f"{name} is a {kind} field, and {via} makes a {way.form}; {', '.join(ways)} would fit.", ""
    if takes or way.form in AS_TEXT:
        return "", ""
    return "", f"{name} is a {kind} field: the {way.form} that {via} makes is sent as a text."
