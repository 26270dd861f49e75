"""Stages of cases on the stages of a pipeline: by name, behind a prefix, by a slip of the keyboard, by what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from rapidfuzz.distance import OSA

from workbench.carriers.texts import normal
from workbench.suggest.known_fields import rows_of
from workbench.suggest.names import suggest_names
from workbench.suggest.suggestion import Candidate, Suggestion

PREFIXED, SLIP, MEANS, INSIDE, WORDS, SEVERAL = 0.96, 0.93, 0.9, 0.85, 0.85, 0.6
"""How sure each rule is; only a name behind a prefix is ever accepted unseen."""
PREFIX = re.compile(r"^(?:\d{1,2}\s*[.):-]?\s+|[^:>/|-]{2,40}?\s*(?:[:>/|]|\s-)\s*)")
DENIED = re.compile(r"\b(?:not|no|never|un|wont|without)\b")
UNDONE = re.compile(r"\b(?:not|to be|needs?(?: to be)?|ready to be|awaiting|waiting to be)\b(?: \w+){0,2}")
LEAST, LONG, SHORT = 5, 9, 4
"""From so many letters on one key may slip, and two; a word so short says something only by itself."""


def suggest_stages(spellings: Iterable[str], choices: Mapping[str, Iterable[str]]) -> list[Suggestion]:
    """Propose for each spelling the stages it may be, the surest first; `choices` gives the aliases of each stage.

    What says the same by other words ("Tx presented", "Predetermination sent") is proposed below what a machine accepts:
    stages are a practice's own, and their names promise nothing.
    """
    named = suggest_names(spellings, choices)
    called = {normal(name): stage for stage, aliases in choices.items() for name in (stage, *aliases)}
    meant: dict[str, set[str]] = {}
    for stage in choices:
        for meaning in meanings(stage):
            meant.setdefault(meaning, set()).add(stage)
    return [
        one if one.candidates else Suggestion(one.source_value, _found(one.source_value, called, meant))
        for one in named
    ]


def meanings(text: str) -> list[str]:
    """Return what a stage's name says of a case, by the longest phrases of stage_words.csv in it, in their order."""
    rest = f" {UNDONE.sub(' ', normal(text)) if not _phrases().get(normal(text)) else normal(text)} "
    found: list[tuple[int, str]] = []
    for phrase, meaning in _phrases().items():
        if (place := rest.find(f" {phrase} ")) >= 0 and (len(phrase) > SHORT or f" {phrase} " == rest):
            found.append((place, meaning))
            rest = rest.replace(f" {phrase} ", f" {'~' * len(phrase)} ")
    return list(dict.fromkeys(meaning for _, meaning in sorted(found)))


def _found(spelling: str, called: Mapping[str, str], meant: Mapping[str, set[str]]) -> tuple[Candidate, ...]:
    text, made = normal(spelling), dict[str, Candidate]()

    def put(stage: str, confidence: float, reason: str) -> None:
        if stage not in made or made[stage].confidence < confidence:
            made[stage] = Candidate(stage, confidence, reason)

    before = PREFIX.match(spelling)
    behind = normal(spelling[before.end() :]) if before and not meanings(before[0]) else text
    if behind != text and behind in called:
        put(called[behind], PREFIXED, "the name, behind a number or its pipeline")
    for typed in {text, behind}:
        most = 0 if len(typed) < LEAST else 1 if len(typed) < LONG else 2
        near = sorted((OSA.distance(typed, name), stage) for name, stage in called.items())
        if near and 0 < near[0][0] <= most and (len(near) == 1 or near[1][0] > near[0][0]):
            put(near[0][1], SLIP, "a slip of the keyboard in the name")
    said = meanings(spelling)
    for meaning in said:
        stages = meant.get(meaning, set())
        sure = MEANS if text in _phrases() else INSIDE
        for stage in stages:
            put(stage, sure if len(stages) == 1 and len(said) == 1 else SEVERAL, f"says that it is {meaning}")
    if not said and not DENIED.search(text):
        inside = {stage for name, stage in called.items() if f" {name} " in f" {text} "}
        for stage in inside:
            put(stage, WORDS if len(inside) == 1 else SEVERAL, "the name, within a longer text")
    return tuple(sorted(made.values(), key=lambda one: (-one.confidence, one.value))[:3])


@cache
def _phrases() -> dict[str, str]:
    """Return phrases with what they say of a case, the longest first."""
    listed = [(normal(one), row["means"]) for row in rows_of("stage_words.csv") for one in row["phrases"].split("|")]
    return dict(sorted(listed, key=lambda one: (-len(one[0]), one[0])))
