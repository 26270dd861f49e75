"""Stage a mapping: one SELECT joins its source rows with what their distinct values were converted to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from workbench.canonical import Form
from workbench.errors import MappingProblem, gather
from workbench.mapping.columns import held_back_fields, missing_columns
from workbench.mapping.files import Mappings
from workbench.mapping.object_mapping import FieldMapping, ObjectMapping, placeholder
from workbench.mapping.value_map import ValueMap
from workbench.settings import Settings
from workbench.staging.conversions import Answers, Cell, Conversions, Texts
from workbench.staging.lookups import Linked, link, owner_of
from workbench.staging.problems import Problems, UnreadableError
from workbench.staging.times import local_time
from workbench.staging.transforms import AS_HTML, PARTS, PREFIXED, TRANSFORMS, ZONED, Each, Transform
from workbench.staging.words import claim_parts, in_parts, marker, printable, with_marker
from workbench.vocabulary import Severity
from workbench.warehouse import Warehouse, identifier

ZONE = "time_zone"
"""The column in which a source SELECT gives the zone of a row's place, where it knows one."""
TITLE_FIELDS = {"title": 250, "name": 255}
"""Lengths that importers saw refused on standard fields; custom fields have their own (contract §6)."""
NOT_SENT = {"source_id", "depth", "fingerprint"}


@dataclass
class Stager:
    """What staging one mapping needs beside its rows."""

    settings: Settings
    mappings: Mappings
    mapping: ObjectMapping
    conversions: Conversions
    have: set[str]
    """The columns that the source yields."""
    held_back: dict[str, str] = field(default_factory=dict)
    """Fields that stay empty on this target, each with the health-bearing column that would fill it."""
    values: dict[str, ValueMap] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    """The SQL of every field, over the joined answers."""
    links: dict[str, Linked] = field(default_factory=dict)
    parts: list[Answers] = field(default_factory=list)
    """The field whose text may come in several parts, where the mapping has one."""

    @property
    def zone(self) -> str:
        """The practice's own time zone."""
        return str(self.settings["practice.time_zone"])

    def value_map(self, name: str) -> ValueMap:
        """Return a value map, read once."""
        if name not in self.values:
            self.values[name] = self.mappings.values(name)
        return self.values[name]


@dataclass(frozen=True)
class Staged:
    """What staging one mapping made, and how long its distinct values took."""

    rows: int
    converting: float


def stage_mapping(warehouse: Warehouse, settings: Settings, mappings: Mappings, mapping: ObjectMapping) -> Staged:
    """Write staged.<mapping> from the rows it claims, in bounded memory."""
    begun = perf_counter()
    stager = convert_values(warehouse, settings, mappings, mapping)
    converting = perf_counter() - begun
    conversions, table = stager.conversions, f"staged.{mapping.name}"
    print_of = fingerprint([*stager.made, *stager.links])
    warehouse.run(
        f"CREATE OR REPLACE TABLE {table} AS SELECT *, {print_of} AS fingerprint FROM ({staging_select(stager)})"
    )
    conversions.note_where(table, "s.source_id", list(_field_checks(stager)))
    links = [check for one in stager.links.values() for check in one.checks]
    conversions.note_where(conversions.rows, conversions.key, links)
    if stager.parts:
        claim_parts(warehouse, mapping.name, mapping.source_object)
    conversions.drop()
    return Staged(int(warehouse.run(f"SELECT count(*) FROM {table}")[0][0]), converting)


def convert_values(warehouse: Warehouse, settings: Settings, mappings: Mappings, mapping: ObjectMapping) -> Stager:
    """Convert the distinct values of every field and link of a mapping; what cannot be read is listed."""
    source = mappings.sources[mapping.source_object]
    have = set(warehouse.columns(source.table))
    if missing := missing_columns(mapping, have):
        raise MappingProblem(gather("mappings/", missing))
    conversions = Conversions(warehouse, mapping, source, Problems(mapping.name, mapping.source_object))
    stager = Stager(settings, mappings, mapping, conversions, have, held_back_fields(settings, mappings, mapping))
    stager.made |= {one.name: _field(stager, one) for one in mapping.fields.values()}
    for one in mapping.fields.values():
        if one.shared:
            stager.made.setdefault(one.shared, "NULL::VARCHAR")
    stager.links |= {name: _link(stager, name) for name in mapping.lookups}
    conversions.problems.write(warehouse)
    return stager


def staging_select(stager: Stager) -> str:
    """Return the SELECT that joins the claimed rows with the answers: source id, depth, and every field and link."""
    conversions = stager.conversions
    source_id = conversions.key
    for one in stager.parts:
        source_id = f"{source_id} || CASE WHEN {one.table}.part > 1 THEN ':part-' || {one.table}.part ELSE '' END"
    depth = "s.depth::INTEGER" if "depth" in stager.have else "0"
    made = stager.made | {name: one.value for name, one in stager.links.items()}
    named = ", ".join(f"{text} AS {identifier(name)}" for name, text in made.items())
    return f"SELECT {source_id} AS source_id, {depth} AS depth, {named} FROM {conversions.rows} s{conversions.joins}"


def fingerprint(columns: Iterable[str]) -> str:
    """Return sha256 over the canonical payload as SQL: name, length and value of every filled field and link, by name."""
    # Each value goes with its length, so that no text of a value can pass for another field.
    parts = ", ".join(
        f"'{name}=' || length({identifier(name)}) || ':' || {identifier(name)}"
        for name in sorted(set(columns) - NOT_SENT)
    )
    return f"sha256(concat_ws(chr(30), {parts}))"


def _field(stager: Stager, field: FieldMapping) -> str:
    """Return the SQL of a field's value; what cannot be read is listed under the field."""
    if field.parts:
        # One labelled line a filled part, in the order of the parts.
        lines = ", ".join(f"{_text(part.label + ': ')} || nullif({_field(stager, part)}, '')" for part in field.parts)
        return f"nullif(concat_ws(chr(10), {lines}), '')"
    if field.name in stager.held_back and not field.marker:  # by its marker a record is found again
        return "NULL::VARCHAR"
    if field.const is not None:
        return _text(str(field.const).lower() if isinstance(field.const, bool) else str(field.const))
    each = TRANSFORMS[field.via].each
    if each and not field.values:
        return _joined(stager, field, each)
    answers = _decided(stager, field) if field.values else _transformed(stager, field)
    stager.conversions.note(field.name, answers)
    if field.via in PREFIXED and not field.values:
        return f"{_text(stager.settings['source.id_prefix'])} || {answers.value}"
    return answers.value


def _link(stager: Stager, name: str) -> Linked:
    lookup = stager.mapping.lookups[name]
    if not lookup.is_owner:
        return link(lookup)
    owners = stager.value_map(lookup.values) if lookup.values else None
    convert = owner_of(lookup, owners, str(stager.settings["policy.fallback_owner"]))
    answers = stager.conversions.ask(
        f"link {name}", [_column(lookup.column)], lambda texts: convert(texts[0]), blank_too=True
    )
    stager.conversions.note(name, answers)
    return Linked(answers.value, [])


def _inputs(stager: Stager, field: FieldMapping) -> list[str]:
    inputs = ["NULL::VARCHAR" if field.name in stager.held_back else _column(name) for name in field.columns]
    if field.via in ZONED:
        inputs[-1] = f"coalesce(nullif({inputs[-1]}, ''), {_text(stager.zone)})"
    return inputs


def _joined(stager: Stager, field: FieldMapping, each: Each) -> str:
    """Ask for each column alone: there are far fewer of its values than of all together."""
    transform = PARTS.get(each.via) or TRANSFORMS[each.via]
    inputs = _inputs(stager, field)
    texts, zone = (inputs[:-1], inputs[-1:]) if field.via in ZONED else (inputs, [])
    made = []
    for place, text in enumerate(texts):
        answers = stager.conversions.ask(
            each.via, [text, *zone], lambda given: _convert(transform, given), as_is=transform.as_is
        )
        stager.conversions.note(field.name, answers)
        word = f"{_text(each.words[place])} || " if each.words else ""
        made.append(f"{word}{answers.value}")
    return f"nullif(concat_ws({_text(each.separator)}, {', '.join(made)}), '')"


def _transformed(stager: Stager, field: FieldMapping) -> Answers:
    transform, inputs = TRANSFORMS[field.via], _inputs(stager, field)
    if field.marker:
        return _marked(stager, field, transform, inputs)
    return stager.conversions.ask(
        field.via,
        inputs,
        lambda texts: _convert(transform, texts),
        as_is=transform.as_is,
        blank_too=transform.blank_too,
    )


def _convert(transform: Transform, texts: Texts) -> Cell:
    given = tuple(printable(text) if text else text for text in texts)
    if transform.first_filled:
        given = (next((text for text in given if text and text.strip()), None),)
    if not transform.blank_too and not any(text and text.strip() for text in given):
        return None
    return transform.function(*given)


def _decided(stager: Stager, field: FieldMapping) -> Answers:
    assert field.values
    pattern = field.values
    column = placeholder(pattern)
    severity = Severity.WARN if field.on_open == "omit" else Severity.HOLD

    def decide(texts: Texts) -> Cell:
        spelling = (texts[0] or "").strip()
        if not spelling:
            return None
        name = pattern.replace(f"{{{column}}}", texts[1] or "none") if column else pattern
        decided = stager.value_map(name).find(spelling)
        if decided is None or decided.is_open:
            raise UnreadableError("open", "spelling has no decision", severity)
        return decided.answer

    inputs = [_column(field.columns[0]), *([_column(column)] if column else [])]
    return stager.conversions.ask(f"{pattern} {severity}", inputs, decide)


def _marked(stager: Stager, field: FieldMapping, transform: Transform, inputs: Sequence[str]) -> Answers:
    """Ask row by row: a text with its marker under it is like no other."""
    zone = _column(ZONE) if ZONE in stager.have else "NULL::VARCHAR"
    problems, is_html = stager.conversions.problems, field.via in AS_HTML
    prefix = str(stager.settings["source.id_prefix"])
    limit = _limit(stager, field) if field.split else None

    def moment(one: str, text: Cell, zone: Cell) -> Cell:
        try:
            return local_time(text, zone or stager.zone)
        except UnreadableError as problem:
            problems.note(one, field.name, problem.rule, Severity.WARN, str(problem))
            return printable(text or "")

    def mark(one: str, texts: Texts) -> list[Cell]:
        body, at, by, *done = texts[: len(inputs)], *texts[len(inputs) : -1]
        try:
            made = _convert(transform, body)
        except UnreadableError as problem:
            made = problem.kept
            problems.note(one, field.name, problem.rule, problem.severity, str(problem))
        begun, ended = moment(one, at, texts[-1]), moment(one, done[0] if done else None, texts[-1])

        def line(part: int) -> str:
            source_id = f"{prefix}{one}" if part == 1 else f"{prefix}{one}:part-{part}"
            return marker(stager.mapping.source_object, source_id, begun, by, ended)

        parts = in_parts(made, limit - len(with_marker(" ", line(99), is_html=True))) if made and limit else [made]
        return [with_marker(text, line(part), is_html=is_html) for part, text in enumerate(parts, 1)]

    asked = [*inputs, *(_column(name) for name in field.marker), zone]
    answers = stager.conversions.ask_rows(field.name, asked, mark)
    if field.split:
        stager.parts.append(answers)
    return answers


def _field_checks(stager: Stager) -> Iterator[tuple[str, str, str, Severity, str]]:
    for one in stager.mapping.fields.values():
        value, limit = f"s.{identifier(one.name)}", _limit(stager, one)
        if one.required:
            blank = f"coalesce({value}, '') = ''"
            yield one.name, "required", blank, Severity.HOLD, f"'has no {one.name}'"
        if limit:
            why = f"length({value}) || ' characters, and Freshsales takes {limit}'"
            yield one.name, "too_long", f"length({value}) > {limit}", Severity.HOLD, why


def _limit(stager: Stager, field: FieldMapping) -> int | None:
    custom = stager.mappings.custom_field(stager.mapping.destination, field.name)
    if custom:
        return custom.max_length if custom.type != "date" else None
    if TRANSFORMS[field.via].form is Form.RICH:
        return 10_000
    return TITLE_FIELDS.get(field.name)


def _column(name: str) -> str:
    return f"s.{identifier(name)}::VARCHAR"


def _text(value: str) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def form_of(field: FieldMapping) -> Form:
    """Return the kind of value a field holds."""
    if field.values or field.names or field.parts:
        return Form.TEXT
    if isinstance(field.const, bool):
        return Form.BOOLEAN
    return TRANSFORMS[field.via].form
