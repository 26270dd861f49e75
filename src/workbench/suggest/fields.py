"""Which destination field a source column probably is: known schemas, names, phrases, shared words, and the values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.dental.headers import fold, squash
from workbench.dental.samples import are_secret, fits, shapes_of
from workbench.suggest.known_fields import (
    OWN_WORDS,
    SAID_AS,
    Field,
    KnownTable,
    Words,
    known_fields,
    left_out,
    likeness,
    object_of,
    recognise,
    said_elsewhere,
    telling_values,
    weigh,
)

__all__ = ["fold", "suggest_fields"]

Row = Mapping[str, str]
SURE, MOST = 0.95, 3
KNOWN_TABLE, SAME_NAME, OWN_KEY, OWN_WORD, AS_LINK, OTHER_ORDER, ELSEWHERE = 0.98, 0.98, 0.94, 0.95, 0.88, 0.93, 0.93
LEAST, NO_OBJECT, CLAIMED, SECOND, ODD_VALUES, ODD_NAME, ONLY_VALUES = (
    0.53, 0.8, 0.9, 0.6, 0.75, 0.5, 0.6
)
MANY, COMMON = 4, 0.7
"""From so many columns on, the word with which so large a share of them begins is the table's and no column's own."""
IS_FLAG = re.compile(r"^(?:is|has)(?=[A-Z_ ])|^(?:is|has)_|(?:flg|flag|_yn)$", re.IGNORECASE)
TAKES_FLAGS = re.compile("status|flag|outcome")
TELLING = ("email", "phone", "url", "date", "datetime", "checkbox")
VALUES_ARE = {"email": "e-mail addresses", "url": "web addresses"}
KEYS, KEY_WORDS = ("external_id", "cf_source_system_id"), (("id",), ("number",), ("key",))
LINKS = ("user", "lookup", "dropdown")
NEEDS_LETTERS = {"first_name", "last_name", "city", "display_name"}


@dataclass(frozen=True)
class Found:
    """One field a column may be, how sure, and why."""

    field: Field
    confidence: float
    reason: str


@dataclass(frozen=True)
class Table:
    """The columns that one source object brought: what it becomes, the fields it may fill, and whose table it is."""

    object: str | None
    fields: tuple[Field, ...]
    weights: Mapping[str, float]
    known: tuple[KnownTable, ...]
    prefix: Words
    called: Words
    without: Collection[str]


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
    listed: Sequence[Row], fields: Sequence[Field], *, without: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the same for fields that are ready; `without` names public schemas to forget, as measuring does."""
    answers: dict[int, Answer] = {}
    for name in dict.fromkeys(row["source_object"] for row in listed):
        places = [place for place, row in enumerate(listed) if row["source_object"] == name]
        columns = [listed[place] for place in places]
        table = _table(name, [row["source_column"] for row in columns], fields, without)
        answers |= dict(zip(places, _settle([_answer(row, table) for row in columns], columns), strict=True))
    return [_shown(row, answers[place]) for place, row in enumerate(listed)]


def _table(name: str, headers: Sequence[str], fields: Sequence[Field], without: Collection[str]) -> Table:
    wanted = object_of(name)
    same = tuple(one for one in fields if one.object == wanted) or tuple(fields)
    is_known = any(one.object == wanted for one in fields)
    return Table(wanted if is_known else None, same, weigh(same), recognise(headers, wanted, without), _prefix(headers), fold(name), without)


def _prefix(headers: Sequence[str]) -> Words:
    """Return the words with which nearly all columns of a table begin: Pat_First, Pat_Last."""
    named, prefix = [fold(one) for one in headers], ()
    while len(named) >= MANY:
        longer = Counter(words[: len(prefix) + 1] for words in named if len(words) > len(prefix) + 1)
        first, often = longer.most_common(1)[0] if longer else ((), 0)
        if often < COMMON * len(named) or first[:-1] != prefix:
            break
        prefix = first
    return prefix


def _answer(row: Row, table: Table) -> Answer:
    name = row["source_column"]
    words, values = fold(name), (row.get("sample_values") or "").split("|")
    if reason := left_out(words, table.object, secret=True):
        return Answer((), "left_out", reason)
    if are_secret(values):
        return Answer((), "left_out", "its values have the shape of a secret or of a person's number")
    shapes = shapes_of(values)
    likely, unlikely, stays = telling_values(values, table.object)
    found = [
        one
        for field in table.fields
        if fits(shapes, field.kind) and (one := _candidate(name, words, field, table, shapes, likely, unlikely))
    ]
    best = max((one.confidence for one in found), default=0.0)
    told = next((one for one in table.known if squash(name) in one.columns), None)
    reason = told.reason(name) if told else ""
    if not reason or best >= SAME_NAME:
        reason = "" if best >= SAID_AS[""] else left_out(words, table.object) or (
            said_elsewhere(name, table.object, table.without)[1] if best < OWN_WORD else ""
        )
    if stays:
        return Answer((), "left_out", "its values are marital statuses, and no field holds them")
    if reason and best < SAME_NAME:
        return Answer((), "left_out", reason)
    if not found:
        barred = [one for one in table.fields if words in one.names or words in one.said]
        why = f"its values do not fit {barred[0].name} ({barred[0].kind})" if barred else "no field is called like it"
        return Answer((), "unknown", why)
    ranked = sorted(found, key=lambda one: (-one.confidence, one.field.object, one.field.name))
    return Answer(tuple(ranked[:MOST]), "field", ranked[0].reason)


def _candidate(
    name: str, words: Words, field: Field, table: Table, shapes: Mapping[str, float], likely: set[str], unlikely: set[str]
) -> Found | None:
    confidence, reason = _named(name, words, field, table)
    if table.object is None:
        confidence *= NO_OBJECT  # where nobody knows what the object becomes, a name alone proves less
    if confidence and IS_FLAG.search(name) and field.kind != "checkbox" and not TAKES_FLAGS.search(field.name):
        confidence, reason = confidence * ODD_NAME, f"{reason}; but its name is that of a yes or no"
    if shapes and (confidence or field.name in likely):
        if field.name in unlikely or _are_odd(field, shapes):
            confidence, reason = confidence * ODD_VALUES, f"{reason}; but the values look like something else"
        elif field.name in likely and confidence < OTHER_ORDER:
            alone = ONLY_VALUES if shapes["letters"] >= 0.5 else 0.0  # codes in digits are usual everywhere
            confidence, reason = min(OTHER_ORDER, max(alone, confidence + 0.2)), f"{reason}; its values are usual there"
        elif field.kind in TELLING and confidence < OTHER_ORDER:
            confidence, reason = min(OTHER_ORDER, confidence + 0.08), f"{reason}; the values fit ({field.kind})"
    if confidence < LEAST and shapes.get(field.kind, 0) == 1 and field.kind in VALUES_ARE:
        confidence, reason = ONLY_VALUES, f"the values are {VALUES_ARE[field.kind]}"
    return Found(field, round(confidence, 2), reason) if confidence >= LEAST else None


def _named(name: str, words: Words, field: Field, table: Table) -> tuple[float, str]:
    """Return how sure the name alone makes it, by the first rule that holds, and the rule in words."""
    for known in table.known:
        if field.name in known.columns.get(squash(name), ()):
            return KNOWN_TABLE, known.told
    if words in field.names:
        return SAME_NAME, "the name or label is equal"
    if words in field.said:
        return field.said[words], "known to mean it"
    if field.name in KEYS and words[-1:] in KEY_WORDS and words[:-1] == table.called:
        return OWN_KEY, "the table's own key"
    called = field.names | field.said.keys()
    bare = words[len(table.prefix) :] if words[: len(table.prefix)] == table.prefix else words
    if bare and bare != words and bare in called:
        told = f"known to mean it; {' '.join(table.prefix)!r} is what the columns begin with"
        return field.said.get(bare, SAID_AS[""]), told
    own = OWN_WORDS.get(field.object, frozenset())
    short = _without(bare, own)
    if short and any(short in (one, _without(one, own)) for one in called):
        return OWN_WORD, "known to mean it, but for a word that adds nothing"
    linked = _without(bare, own, links=True)
    if field.kind in LINKS and linked and any(linked in (one, _without(one, own, links=True)) for one in called):
        return AS_LINK, "a link to what is known to mean it"
    if any(set(bare) == set(one) for one in called):
        return OTHER_ORDER, "the same words in another order"
    shares, told = said_elsewhere(name, table.object, table.without)[0].get(field.name, (0.0, ""))
    alike, phrase = max((likeness(bare, one, table.weights), one) for one in called)
    return max((ELSEWHERE * shares, f"{told} calls it so"), (round(0.85 * alike, 2), f"like {' '.join(phrase)!r}"))


def _without(words: Words, own: frozenset[str], *, links: bool = False) -> Words:
    """Return the words without those of the object; of a link also without what says that it is one: user, id."""
    while links and len(words) > 1 and words[-1:] in KEY_WORDS:
        words = words[:-1]
    return tuple(word for word in words if word not in own and not (links and word == "user"))


def _are_odd(field: Field, shapes: Mapping[str, float]) -> bool:
    """Say whether values contradict a field whose type alone would take them."""
    if field.kind == "text" and max(shapes[one] for one in ("day", "moment", "email", "url")) >= 0.5:
        return shapes["integer"] < 1
    return field.name in NEEDS_LETTERS and not shapes["letters"]


def _settle(answers: Sequence[Answer], columns: Sequence[Row]) -> list[Answer]:
    """Lower a proposal where another column of the same table is surely that field: each is filled once."""
    claims: dict[str, tuple[float, str]] = {}
    for answer, row in zip(answers, columns, strict=True):
        if answer.found:
            best = answer.found[0]
            claims[best.field.name] = max(
                claims.get(best.field.name, (0.0, "")), (best.confidence, row["source_column"])
            )
    settled = []
    for answer, row in zip(answers, columns, strict=True):
        found = [_claimed(one, claims, row["source_column"]) for one in answer.found]
        found = sorted((one for one in found if one.confidence >= LEAST), key=lambda one: -one.confidence)
        kind = answer.kind if found or not answer.found else "left_out"
        told = found[0].reason if found else answer.reason
        settled.append(Answer(tuple(found), kind, told))
    return settled


def _claimed(one: Found, claims: Mapping[str, tuple[float, str]], column: str) -> Found:
    confidence, by = claims.get(one.field.name, (0.0, column))
    if by == column or confidence < one.confidence + 0.03:
        return one
    # Of two ids or two notes the doubtful one is a second of its kind, and no field waits for it.
    lowered = one.confidence * (CLAIMED if one.confidence > SAID_AS["?"] else SECOND)
    return Found(one.field, round(lowered, 2), f"{one.reason}; {by!r} fits it better")


TRANSFORMS = {
    "date": "day",
    "datetime": "local_time",
    "phone": "phone",
    "email": "email",
    "url": "website",
    "checkbox": "checkbox",
    "number": "money",
}


def transform_of(field: Field) -> str:
    """Name the transform, value map or lookup by which a column would fill a field."""
    by_name = {
        "external_id": "source_id",
        "cf_source_system_id": "source_id",
        "cf_npi": "npi",
        "cf_ada_codes": "ada_codes",
        "cf_procedure_code": "ada_codes",
    }
    if field.kind in ("user", "lookup"):
        return "lookup of owners" if field.kind == "user" else f"lookup by {field.name}"
    if field.kind == "dropdown":
        return f"value map {field.name.removeprefix('cf_').removesuffix('_id')}"
    return by_name.get(field.name) or TRANSFORMS.get(field.kind, "text")


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
                "confidence": one.confidence,
                "reason": one.reason,
                "transform": transform_of(one.field),
            }
            for one in found
        ],
        "kind": answer.kind,
        "reason": answer.reason,
        "auto": bool(found) and found[0].confidence >= SURE and not tied,
    }
