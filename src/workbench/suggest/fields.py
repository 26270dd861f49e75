"""Which destination field a source column probably is: known schemas, names, phrases, shared words, and the values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from workbench.dental.headers import KEY_WORDS, asked, bared, fold, squash
from workbench.dental.samples import are_odd, are_secret, fits, shapes_of
from workbench.dental.tables import likeness, near_words, tables_of
from workbench.suggest.known_fields import (
    OWN_WORDS,
    SAID_AS,
    STAYS,
    Field,
    Table,
    Words,
    known_fields,
    left_out,
    read_table,
    said_elsewhere,
    telling_values,
    transform_of,
)

__all__ = ["fold", "suggest_fields"]

Row = Mapping[str, str]
SURE, MOST = 0.95, 3
KNOWN_TABLE, SAME_NAME, OWN_KEY, OWN_WORD, AS_LINK = 0.99, 0.98, 0.8, 0.95, 0.88
OTHER_ORDER, ELSEWHERE, ASKED = 0.93, 0.93, 0.92
"""What each rule about a name proves: how often it was right on systems held out (docs/field-suggestions.md)."""
LIKE, LEAST, LEAST_FILLED, ONLY_VALUES, VALUES_TOO, TYPE_TOO = 0.85, 0.52, 0.48, 0.6, 0.2, 0.08
"""A name alone has to be more like than one whose column has values that a field could hold."""
NO_OBJECT, CLAIMED, SECOND, SECOND_FILLED, ODD_VALUES, ODD_NAME, CLEARLY = 0.8, 0.9, 0.65, 0.75, 0.75, 0.5, 0.03
"""What is left of a score when the object is unknown, another column claims the field, values or name speak against it."""
WHO, WHEN = {"user": 0.54, "lookup": 0.5}, {"date": 0.5, "datetime": 0.5}
ASKED_FOR = {"who": WHO, "whom": WHO, "whose": WHO, "when": WHEN}
"""What a question that is no known one asks for, and how little that proves."""
FIRST_OF_ITS_KIND = ("1",)
"""A number behind a name that says no more than that it is the first: GRPNUM1."""
FEW, TWICE = 3, 0.2
"""So many fields, and such a share of them, that are surely filled twice are those of several tables."""
LINE = "0 0, .5 .08, .58 .12, .6 .37, .66 .4, .69 .61, .86 .62, .9 .75, .93 .93, 1 1"
POINTS = [(float(score), float(sure)) for score, sure in (point.split() for point in LINE.split(","))]
"""Score → confidence, by straight lines between: what was right of the columns of systems held out."""
IS_FLAG = re.compile(r"^(?:is|has)(?=[A-Z_ ])|^(?:is|has)_|(?:flg|flag|_yn)$", re.IGNORECASE)
TAKES_FLAGS = re.compile("status|flag|outcome")
TELLING = ("email", "phone", "url", "date", "datetime", "checkbox")
VALUES_ARE = {"email": "e-mail addresses", "url": "web addresses"}
KEYS = ("external_id", "cf_source_system_id")
LINKS = ("user", "lookup", "dropdown")


@dataclass(frozen=True)
class Found:
    """One field a column may be, how sure, and why."""

    field: Field
    confidence: float
    reason: str


@dataclass(frozen=True)
class Column:
    """One column as it was read: its words, those that are its own, what its values look like and are usual for."""

    name: str
    words: Words
    bare: Words
    near: Mapping[str, list[tuple[float, int]]]
    shapes: Mapping[str, float]
    likely: Collection[str]
    unlikely: Collection[str]


@dataclass(frozen=True)
class Answer:
    """What is said of one column."""

    found: tuple[Found, ...]
    kind: str
    reason: str


def suggest_fields(rows: Iterable[Row], choices: Iterable[Row] | None = None) -> list[dict[str, Any]]:
    """Return one object a column, in order, with at most three candidates, best first.

    `choices` are the destination's fields with their labels and types; without them the shipped list of known fields
    is used. Columns of one source object are read together: what stands beside a column says what it may be.
    """
    return suggest_among(list(rows), known_fields(choices))


def suggest_among(
    rows: Sequence[Row], fields: Sequence[Field], *, without: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the same for fields that are ready; `without` names public schemas to forget, as measuring does."""
    answers: dict[int, Answer] = {}
    for places in tables_of([row["source_object"] for row in rows]):
        columns = [rows[place] for place in places]
        name, headers = columns[0]["source_object"], [row["source_column"] for row in columns]
        table = read_table(name, headers, fields, without)
        answers |= dict(zip(places, _settle([_answer(row, table) for row in columns], columns), strict=True))
    return [_shown(row, answers[place]) for place, row in enumerate(rows)]


def _column(row: Row, table: Table, words: Words, values: Sequence[str]) -> Column:
    name = row["source_column"]
    bare = words[len(table.prefix) :] if words[: len(table.prefix)] == table.prefix else words
    if table.letters and name.lower().startswith(table.letters):
        bare = fold(name[len(table.letters) :])
    bare = bare[:-1] if bare[-1:] == FIRST_OF_ITS_KIND else bare
    likely, unlikely, _ = telling_values(values, table.object)
    near = near_words(bare, table.weights)
    return Column(name, words, bare or words, near, shapes_of(values), likely, unlikely)


def _answer(row: Row, table: Table) -> Answer:
    name, values = row["source_column"], (row.get("sample_values") or "").split("|")
    words = fold(name)
    if reason := left_out(words, table.object, is_secret=True):
        return Answer((), "left_out", reason)
    if are_secret(values):
        return Answer((), "left_out", "its values have the shape of a secret or of a person's number")
    if telling_values(values, table.object)[2]:
        return Answer((), "left_out", "its values are marital statuses, and no field holds them")
    column = _column(row, table, words, values)
    fitting = [one for one in table.fields if fits(column.shapes, one.kind)]
    found = [one for field in fitting if (one := _candidate(column, field, table))]
    best = max((one.confidence for one in found), default=0.0)
    if reason := _stays(column, table, best):
        return Answer((), "left_out", reason)
    if not found:
        barred = [one for one in table.fields if words in one.names or words in one.said]
        why = f"its values do not fit {barred[0].name} ({barred[0].kind})" if barred else "no field is called like it"
        return Answer((), "unknown", why)
    ranked = sorted(found, key=lambda one: (-one.confidence, one.field.object, one.field.name))
    if ranked[0].field.kind == STAYS:
        return Answer(
            (), "left_out", "identifier, minimum necessary: it moves only where the destination has a field for it"
        )
    kept = [one for one in ranked if one.field.kind != STAYS]
    return Answer(tuple(kept[:MOST]), "field", kept[0].reason)


def _stays(column: Column, table: Table, best: float) -> str:
    """Say why a column stays out, unless a field is called like it; what its own schema says comes first."""
    said = [one.reason(column.name) for one in table.known if squash(column.name) in one.columns | one.reasons]
    if said and all(said):
        return said[0] if best < SAME_NAME else ""
    if best >= SAID_AS[""]:
        return ""
    elsewhere = said_elsewhere(column.name, table.object, table.without)[1] if best < OWN_WORD else ""
    return left_out(column.words, table.object) or elsewhere


def _candidate(column: Column, field: Field, table: Table) -> Found | None:
    confidence, reason = _named(column, field, table)
    if table.object is None:
        confidence *= NO_OBJECT  # where nobody knows what the object becomes, a name alone proves less
    if IS_FLAG.search(column.name) and field.kind != "checkbox" and not TAKES_FLAGS.search(field.name):
        confidence, reason = confidence * ODD_NAME, f"{reason}; but its name is that of a yes or no"
    shapes = column.shapes
    is_odd = bool(shapes) and field.name not in column.likely and are_odd(shapes, field.kind, field.name)
    if is_odd or (shapes and field.name in column.unlikely):
        confidence, reason = confidence * ODD_VALUES, f"{reason}; but the values look like something else"
    elif field.name in column.likely and confidence < OTHER_ORDER:
        alone = ONLY_VALUES if shapes.get("letters", 0) >= 0.5 else 0.0  # codes in digits are usual everywhere
        told = f"{reason}; its values are usual there" if confidence else "its values are usual there"
        confidence, reason = min(OTHER_ORDER, max(alone, confidence + VALUES_TOO)), told
    elif shapes and field.kind in TELLING and 0 < confidence < OTHER_ORDER:
        confidence, reason = min(OTHER_ORDER, confidence + TYPE_TOO), f"{reason}; the values fit ({field.kind})"
    if confidence < LEAST_FILLED and shapes.get(field.kind, 0) == 1 and field.kind in VALUES_ARE:
        confidence, reason = ONLY_VALUES, f"the values are {VALUES_ARE[field.kind]}"
    return Found(field, round(confidence, 2), reason) if confidence >= _least(bool(shapes)) else None


def _named(column: Column, field: Field, table: Table) -> tuple[float, str]:
    """Return how sure the name alone makes it, by the first rule that holds, and the rule in words."""
    known = next((one for one in table.known if field.name in one.columns.get(squash(column.name), ())), None)
    if known:
        return KNOWN_TABLE, known.told
    if column.words in field.names:
        return SAME_NAME, "the name or label is equal"
    for words, told in ((column.words, ""), (column.bare, f"; the columns begin with {' '.join(table.prefix)!r}")):
        if words in field.said or words in field.names:
            return field.said.get(words, SAID_AS[""]), f"known to mean it{told}"
    return _alike(column, field, table)


def _alike(column: Column, field: Field, table: Table) -> tuple[float, str]:
    """Return the same for a name that is no known one: by what may be left out of it, its words, and other systems."""
    bare, own = column.bare, OWN_WORDS.get(field.object, frozenset())
    called = [one for one in (*field.names, *field.said) if one]
    if field.name in KEYS and column.words[-1:] in KEY_WORDS and column.words[:-1] == table.called:
        return OWN_KEY, "the table's own key"
    if (short := bared(bare, own)) != bare and short in called:
        return min(OWN_WORD, field.said.get(short, OWN_WORD)), "known to mean it, but for a word that adds nothing"
    linked = bared(bare, own, is_link=True)
    if field.kind in LINKS and linked and linked != bare and linked in {bared(one, (), is_link=True) for one in called}:
        return AS_LINK, "a link to what is known to mean it"
    if any(len(bare) == len(one) and set(bare) == set(one) for one in called):
        return OTHER_ORDER, "the same words in another order"
    known_as = field.names | field.said.keys()
    if plain := next((one for one in (*asked(bare), *asked(column.words)) if one in known_as), None):
        return ASKED * field.said.get(plain, 1.0), f"it asks for {' '.join(plain)!r}"
    share, system = said_elsewhere(column.name, table.object, table.without)[0].get(field.name, (0.0, ""))
    near = [one for one in called if not column.near.keys().isdisjoint(one)]
    score, phrase = max(((likeness(bare, one, table.weights, column.near), one) for one in near), default=(0.0, ()))
    elsewhere = (ELSEWHERE * share, f"{system} calls it so")
    question = next((one for one in bare if field.kind in ASKED_FOR.get(one, ())), "")
    asks = (ASKED_FOR[question][field.kind], f"it asks {question}") if question else (0.0, "")
    return max(elsewhere, (round(LIKE * score, 2), f"like {' '.join(phrase)!r}"), asks)


def _settle(answers: Sequence[Answer], columns: Sequence[Row]) -> list[Answer]:
    """Lower a proposal where another column of the same table is surely that field: each is filled once.

    Where many fields are surely filled twice, the columns are those of several tables, and nobody claims anything.
    """
    claims: dict[str, tuple[float, str]] = {}
    sure = Counter[str]()
    for answer, row in zip(answers, columns, strict=True):
        for best in answer.found[:1]:
            claim = (best.confidence, row["source_column"])
            claims[best.field.name] = max(claims.get(best.field.name, (0.0, "")), claim)
            sure[best.field.name] += best.confidence >= SAID_AS[""]
    if sum(count > 1 for count in sure.values()) >= max(FEW, TWICE * len(sure)):
        return list(answers)
    settled = []
    for answer, row in zip(answers, columns, strict=True):
        is_filled = any(one.strip() for one in (row.get("sample_values") or "").split("|"))
        found = [_claimed(one, claims, row["source_column"], is_filled) for one in answer.found]
        found = sorted((one for one in found if one.confidence >= _least(is_filled)), key=lambda one: -one.confidence)
        kind = answer.kind if found or not answer.found else "left_out"
        told = f"{answer.reason}; another column fits it better" if kind != answer.kind else answer.reason
        settled.append(Answer(tuple(found), kind, found[0].reason if found else told))
    return settled


def _claimed(one: Found, claims: Mapping[str, tuple[float, str]], column: str, is_filled: bool) -> Found:
    confidence, by = claims.get(one.field.name, (0.0, column))
    if by == column or confidence < one.confidence + CLEARLY:
        return one
    # Of two ids or two notes the doubtful one is a second of its kind, and no field waits for it.
    second = SECOND_FILLED if is_filled else SECOND
    lowered = one.confidence * (CLAIMED if one.confidence > LIKE else second)
    return Found(one.field, round(lowered, 2), f"{one.reason}; {by!r} fits it better")


def _least(is_filled: bool) -> float:
    return LEAST_FILLED if is_filled else LEAST


def _calibrated(score: float) -> float:
    """Return how often a proposal of this score was right."""
    (low, least), (high, most) = next(pair for pair in pairwise(POINTS) if score <= pair[1][0])
    return round(least + (most - least) * (score - low) / (high - low), 2)


def _shown(row: Row, answer: Answer) -> dict[str, Any]:
    found = answer.found
    tied = len(found) > 1 and found[1].confidence == found[0].confidence
    return {
        "source_object": row["source_object"],
        "source_column": row["source_column"],
        "candidates": [
            {
                "object": one.field.object,
                "field": one.field.name,
                "confidence": _calibrated(one.confidence),
                "reason": one.reason,
                "transform": transform_of(one.field),
            }
            for one in found
        ],
        "kind": answer.kind,
        "reason": answer.reason,
        "auto": bool(found) and found[0].confidence >= SURE and not tied,
    }
