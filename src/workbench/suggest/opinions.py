"""What the optional language model is told, and what its word is worth: a candidate below what a machine accepts.

Told are names of payers, names and types of destination fields, names of columns with the shapes of some values, and
spellings of carriers that pass a filter; never a row. What speaks against a proposal of our own speaks against its.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from workbench.carriers.lexicon import Anchors, States, make_anchors
from workbench.carriers.readings import is_between_states, read_spelling
from workbench.carriers.strength import Strength
from workbench.carriers.texts import normal
from workbench.dental.headers import fold, is_header
from workbench.dental.payers import Payer, known_payers, words
from workbench.dental.samples import are_odd, are_secret, fits, shapes_of
from workbench.mapping.spellings import Asked
from workbench.privacy import SMALLEST_COUNT, mask, may_be_personal
from workbench.settings import Settings
from workbench.suggest.fields import Row, suggest_fields
from workbench.suggest.known_fields import STAYS, Field, known_fields, left_out, object_of, transform_of
from workbench.suggest.language_model import WAIT, LanguageModel, Told, language_model
from workbench.suggest.suggestion import Candidate, Suggestion

SURE, MOST = 0.95, 3
ALONE, RAISED, AT_MOST = 0.6, 0.05, 0.94
"""What a model's word proves alone, what it adds to a proposal of our own, and what the sum never exceeds."""
LONGEST, SHAPES = 80, 5
TWO_DIGITS = re.compile(r"\d\D*\d")
VALUES = ("day", "moment", "time", "email", "integer", "decimal", "phone")
CARRIERS = "A question is how a US dental front desk typed an insurance carrier; a choice is a carrier's name."
COLUMNS = (
    "A question is a column of a dental practice's export, with its table and the shapes of some values (a: letter, 9:"
    " digit); a choice is a field of the destination with its type."
)


def may_be_told(spelling: str, people: int) -> bool:
    """Say whether a carrier's spelling may leave this machine; `people` are those whose own record writes it so.

    Whatever is typed where a carrier belongs may be a person's name, and no rule tells an unknown word from a name. So
    a spelling goes if every word of it is known to the shipped payers and none is a name of people, too, or if so many
    people have it that it points at none of them (k-anonymity, k = 11). A dozen records prove less: they may be the
    cases of one patient. Numbers never go: members, groups, days and phones are written with them.
    """
    if (
        len(spelling) > LONGEST
        or not spelling.isprintable()
        or may_be_personal(spelling)
        or TWO_DIGITS.search(spelling)
    ):
        return False
    said = {*normal(spelling).split()}
    about_insurance = not said.isdisjoint(words().plan | words().brand | words().families | words().short.keys())
    return people >= SMALLEST_COUNT or (spelling.isascii() and about_insurance and said <= _payers_words())


@cache
def _payers_words() -> frozenset[str]:
    """Return the words of the shipped payers and of those who write them, without those that people are called by."""
    named = {
        word
        for payer in known_payers()
        for text in (payer.name, *payer.aliases, *payer.doubtful)
        for word in normal(text).split()
        if len(word) > 2  # two letters may be a person's initials
    }
    return frozenset(word for word in words().every | named if len(word) > 1) - words().people


def carrier_opinions(
    settings: Settings,
    asked: Asked,
    found: Sequence[Suggestion],
    payers: Sequence[Payer],
    *,
    wait_seconds: float = WAIT,
) -> tuple[list[Suggestion], str]:
    """Return suggestions with what the language model adds to those that are open and not sure, and a sentence."""
    model = language_model(settings, wait_seconds=wait_seconds)
    if isinstance(model, str):
        return [*found], model
    unsure = {one.source_value for one in found if _is_unsure(one)}
    spellings = [one for one in asked.open if one in unsure]
    told = [one for one in spellings if may_be_told(one, asked.people.get(one, 0))]
    shipped = {one.name for one in known_payers()}
    names = sorted(one.name for one in payers if one.name in shipped or not may_be_personal(one.name))
    answer = model.ask(asked.name, CARRIERS, names, [{"spelling": one} for one in told])
    answers = {told[place]: value for place, value in answer.answers.items()}
    anchors = make_anchors(None, [one for one in payers if one.name in {*answers.values()}])
    agreed = {
        one.source_value: answers[one.source_value]
        for one in found
        if one.source_value in answers and _agrees(one, answers[one.source_value], anchors)
    }
    made = [_merged(one, agreed[one.source_value], model) if one.source_value in agreed else one for one in found]
    return made, _sentence(model, answer, "spellings", unsure=len(spellings), told=len(told), proposals=len(agreed))


def _is_unsure(one: Suggestion) -> bool:
    """Say whether a carrier is still to be found: what names none, or stands between two states, has its answer."""
    is_sure = one.best is not None and one.best.confidence >= SURE
    return one.kind == "carrier" and not is_sure and not is_between_states(read_spelling(one.source_value))


def _agrees(own: Suggestion, value: str, anchors: Anchors) -> bool:
    """Say whether the states that a spelling names agree; a federation's member needs one, or a proposal of our own."""
    place = next(place for place, one in enumerate(anchors.anchors) if one.value == value)
    anchor, reading = anchors.anchors[place], read_spelling(own.source_value)
    is_guess = anchor.family and anchor.states and not reading.states
    if is_guess and value not in {one.value for one in own.candidates}:
        return False
    forms = [one for one in anchors.forms if one.anchor == place]
    telling = [one.reading.states for one in forms if one.strength == Strength.NAME or one.reading.states]
    return any(anchors.relation(reading, states, place) >= States.FITS for states in telling)


def _merged(own: Suggestion, value: str, model: LanguageModel) -> Suggestion:
    there = next((one for one in own.candidates if one.value == value), None)
    weighed = _weighed(there.confidence, there.reason, model) if there else (ALONE, model.reason)
    made = Candidate(value, *weighed)
    ranked = sorted([*(one for one in own.candidates if one != there), made], key=lambda one: -one.confidence)
    return replace(own, candidates=tuple(ranked[:MOST]))


def _weighed(confidence: float, reason: str, model: LanguageModel) -> tuple[float, str]:
    """Return a proposal of our own as it is once the model says the same."""
    return max(confidence, round(min(confidence + RAISED, AT_MOST), 3)), f"{reason}; {model.reason}, too"


def model_field_candidates(
    settings: Settings, rows: Iterable[Row], choices: Iterable[Row] | None = None
) -> tuple[list[dict[str, Any]], str]:
    """Return what `suggest_fields` says of columns, with what the language model adds to those not sure, and a sentence.

    What stays out keeps staying out: a sensitive column is neither told nor proposed. Nothing is told of a table whose
    first line may be a record.
    """
    columns, listed = [*rows], None if choices is None else [*choices]
    found = suggest_fields(columns, listed)
    model = language_model(settings)
    if isinstance(model, str):
        return found, model
    fields = {f"{one.object}.{one.name} ({one.kind})": one for one in known_fields(listed) if one.kind != STAYS}
    unsure = [place for place, one in enumerate(found) if one["kind"] != "left_out" and not one["auto"]]
    headed = _tables_with_headers(columns)
    told = [place for place in unsure if columns[place]["source_object"] in headed and _is_plain(columns[place])]
    answer = model.ask("fields", COLUMNS, sorted(fields), [_question(columns[place]) for place in told])
    answers = {told[place]: fields[value] for place, value in answer.answers.items()}
    objects = {one.object for one in fields.values()}
    sure = {(one["source_object"], one["candidates"][0]["field"]) for one in found if one["auto"]}
    agreed = {
        place: field
        for place, field in answers.items()
        if (columns[place]["source_object"], field.name) not in sure and _may_fill(columns[place], field, objects)
    }
    made = [_with_field(one, agreed[place], model) if place in agreed else one for place, one in enumerate(found)]
    return made, _sentence(model, answer, "columns", unsure=len(unsure), told=len(told), proposals=len(agreed))


def _tables_with_headers(columns: Sequence[Row]) -> set[str]:
    """Return the tables whose first line surely names columns: where it does not, a record of somebody stands there."""
    tables: dict[str, list[Row]] = {}
    for one in columns:
        tables.setdefault(one["source_object"], []).append(one)
    return {
        name
        for name, held in tables.items()
        if sum(is_header(one["source_column"]) for one in held) >= max(2, len(held) / 2)
        and not any(_is_value(one) for one in held)
    }


def _is_value(column: Row) -> bool:
    """Say whether a column is called like one of its own values, or like a number, a day or an address."""
    header, values = column["source_column"].strip().lower(), (column.get("sample_values") or "").lower()
    shapes = shapes_of([header])
    return bool(header) and (header in values.split("|") or any(shapes.get(one) for one in VALUES))


def _is_plain(column: Row) -> bool:
    header = column["source_column"]
    return header.isprintable() and len(header) <= LONGEST and "@" not in header and not TWO_DIGITS.search(header)


def _question(column: Row) -> dict[str, Any]:
    """Return what is told of a column: of the values their shapes alone, and what is no plain letter or sign as `?`."""
    values = filter(None, (one.strip() for one in (column.get("sample_values") or "").split("|")))
    shapes = sorted({mask(one).encode("ascii", "replace").decode() for one in values})[:SHAPES]
    table = column["source_object"]
    return {
        "table": table if is_header(table) else object_of(table) or "",
        "column": column["source_column"],
        "shapes": shapes,
    }


def _may_fill(column: Row, field: Field, objects: Collection[str]) -> bool:
    """Say whether a field could take a column at all: its object, its type, and nothing that has to stay."""
    called, values = fold(column["source_column"]), (column.get("sample_values") or "").split("|")
    shapes, wanted = shapes_of(values), object_of(column["source_object"])
    if wanted in objects and wanted != field.object:
        return False
    if any(left_out(called, field.object, is_secret=one) for one in (True, False)) or are_secret(values):
        return False
    return fits(shapes, field.kind) and not (shapes and are_odd(shapes, field.kind, field.name))


def _with_field(own: dict[str, Any], field: Field, model: LanguageModel) -> dict[str, Any]:
    key = {"object": field.object, "field": field.name}
    there = next((one for one in own["candidates"] if key.items() <= one.items()), None)
    weighed = _weighed(there["confidence"], there["reason"], model) if there else (ALONE, model.reason)
    made = {**key, "confidence": weighed[0], "reason": weighed[1], "transform": transform_of(field)}
    ranked = sorted([*(one for one in own["candidates"] if one is not there), made], key=lambda one: -one["confidence"])
    return {**own, "candidates": ranked[:MOST], "kind": "field", "reason": ranked[0]["reason"]}


def _sentence(model: LanguageModel, answer: Told, what: str, *, unsure: int, told: int, proposals: int) -> str:
    """Say what was asked and what came of it, in counts."""
    dropped = answer.dropped + len(answer.answers) - proposals
    text = (
        f"The language model {model.name} was asked about {answer.asked} of {unsure} open {what}, {unsure - told} withheld"
        f" by the filter for personal data: {proposals} proposals, {dropped} answers dropped."
    )
    if answer.problem:
        text += f" It ended with {answer.problem}; what was proposed stands."
    return f"{text} {answer.left} were not asked." if answer.left else text
