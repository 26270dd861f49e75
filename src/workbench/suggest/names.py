"""Spellings beside names: equal, equal when normalised, near by n-grams or by slips of the keyboard; OpenRefine's keys."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

import numpy as np
from rapidfuzz.distance import OSA

from workbench.carriers.texts import normal
from workbench.suggest.suggestion import Candidate, Suggestion

DIGITS = re.compile(r"\d+")


def suggest_names(spellings: Iterable[str], choices: Mapping[str, Iterable[str]]) -> list[Suggestion]:
    """Propose for each spelling the choice that equals it, then one that equals it normalised, then by an alias.

    `choices` gives the aliases of each choice. Two choices under one normal form make neither a proposal.
    """
    exact = set(choices)
    by_normal: dict[str, set[str]] = {}
    aliases: dict[str, set[str]] = {}
    for choice, known in choices.items():
        by_normal.setdefault(normal(choice), set()).add(choice)
        for alias in known:
            aliases.setdefault(normal(alias), set()).add(choice)
    return [Suggestion(spelling, _found(spelling, exact, by_normal, aliases)) for spelling in spellings]


def _found(
    spelling: str, exact: set[str], by_normal: Mapping[str, set[str]], aliases: Mapping[str, set[str]]
) -> tuple[Candidate, ...]:
    if spelling in exact:
        return (Candidate(spelling, 1.0, "equal"),)
    key = normal(spelling)
    for known, confidence, reason in (
        (by_normal, 0.98, "equal but for case, punctuation and blanks"),
        (aliases, 0.96, "a known short form"),
    ):
        choices = known.get(key, set()) if key else set()
        if len(choices) == 1:
            return (Candidate(next(iter(choices)), confidence, reason),)
    return ()


def grams(text: str, size: int = 3) -> set[str]:
    """Return the n-grams of a key, with its ends marked."""
    marked = f"^{text}$"
    return {marked[place : place + size] for place in range(max(1, len(marked) - size + 1))}


class Neighbours:
    """Keys found again by the rare n-grams that they share with another key; the order of keys decides nothing."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = sorted(set(keys))
        holders: dict[str, list[int]] = {}
        for place, key in enumerate(self.keys):
            for gram in grams(key):
                holders.setdefault(gram, []).append(place)
        total = len(self.keys) + 1
        self._holders = {gram: np.array(places, dtype=np.int32) for gram, places in holders.items()}
        self._weights = {gram: math.log(total / len(places)) for gram, places in holders.items()}
        norms = np.ones(len(self.keys))
        for gram, places in self._holders.items():
            norms[places] += self._weights[gram] ** 2
        self._norms = np.sqrt(norms)

    def near(self, key: str, most: int = 12) -> list[tuple[float, str]]:
        """Return the nearest keys with their cosine, nearest first; equal ones by the alphabet."""
        found = [gram for gram in sorted(grams(key)) if gram in self._holders]
        if not found or not self.keys:
            return []
        places = np.concatenate([self._holders[gram] for gram in found])
        weights = np.concatenate([np.full(len(self._holders[gram]), self._weights[gram] ** 2) for gram in found])
        scores = np.bincount(places, weights=weights, minlength=len(self.keys)) / self._norms
        own = math.sqrt(sum(self._weights[gram] ** 2 for gram in found)) or 1.0
        best = np.argsort(-scores, kind="stable")[:most]
        return [(round(float(scores[one]) / own, 6), self.keys[one]) for one in best if scores[one] > 0]


def gather_near(keys: Iterable[str], *, alike: float = 0.85) -> dict[str, str]:
    """Return for each key the first key of its group: all of a group are alike with each other, and hold equal numbers."""
    ordered = sorted(set(keys), key=lambda one: (len(one), one))
    index = Neighbours(ordered)
    groups: dict[str, list[str]] = {}
    leader: dict[str, str] = {}
    for key in ordered:
        for _, other in index.near(key, 8):
            head = leader.get(other)
            if head is None or _digits(other) != _digits(key):
                continue
            if all(OSA.normalized_similarity(key, one) >= alike for one in groups[head]):
                groups[head].append(key)
                leader[key] = head
                break
        else:
            groups[key], leader[key] = [key], key
    return leader


def _digits(text: str) -> list[str]:
    return DIGITS.findall(text)


def name_groups(keys: Mapping[str, tuple[str, str]], plain: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return for spellings that are alike the name of their group and its size; a group needs two and a plain one.

    `keys` gives the states and the words of each spelling: only spellings of the same states are put together. A group
    takes the name of one of its `plain` members, from which nothing had to be set aside, written as most of them are.
    """
    blocks: dict[str, dict[str, list[str]]] = {}
    for one, (states, joined) in keys.items():
        blocks.setdefault(states, {}).setdefault(joined, []).append(one)
    groups: dict[tuple[str, str], list[str]] = {}
    for states, held in blocks.items():
        for joined, leader in gather_near(held).items():
            groups.setdefault((states, leader), []).extend(held[joined])
    may_name = set(plain)
    found: dict[str, tuple[str, int]] = {}
    for members in groups.values():
        names = sorted(
            (-len(blocks[keys[one][0]][keys[one][1]]), one.isupper() or one.islower(), len(one), one)
            for one in members
            if one in may_name
        )
        if names and len(members) > 1:
            found |= {one: (names[0][-1], len(members)) for one in members}
    return found


def one_answers(decided: Mapping[str, str]) -> dict[str, str]:
    """Return the answer of each normal form to which all earlier decisions give the same."""
    found: dict[str, set[str]] = {}
    for spelling, answer in decided.items():
        found.setdefault(normal(spelling), set()).add(answer)
    return {key: min(answers) for key, answers in found.items() if key and len(answers) == 1}
