"""Spellings beside names: equal, equal when normalised, near by n-grams or by slips of the keyboard; OpenRefine's keys."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from workbench.dental.payers import words
from workbench.suggest.readings import Reading
from workbench.suggest.suggestion import Candidate, Suggestion

NOT_LETTERS = re.compile(r"[^a-z0-9]+")
DIGITS = re.compile(r"\d+")
VOWELS = frozenset("aeiouy")
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+")
INNER = {"bluecross": "bc", "blueshield": "bs", "healthcare": "hc", "medicaid": "m"}
ADDED = ("", "d", "g", "p", "i", "c", "f", "ic", "dp", "dg", "fg", "li", "lic")
"""Letters that front desks add to initials: dental, group, plan, insurance, company, financial, life."""


def normal(text: str) -> str:
    """Return a spelling without case, accents, punctuation and extra blanks."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    return NOT_LETTERS.sub(" ", "".join(one for one in plain if not unicodedata.combining(one))).strip()


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


@dataclass(frozen=True)
class Slip:
    """A word that nobody knows, the known word it is a slip of, in how many keys, and how far the next word lies."""

    typed: str
    meant: str
    keys: int
    margin: int

    @property
    def is_sure(self) -> bool:
        """Say whether hardly another word can be meant: long enough, begun right, and no other word near."""
        size = len(self.typed)
        same_letters = set(self.typed) == set(self.meant)
        if not self.margin:
            return False
        if self.typed[0] != self.meant[0] and sorted(self.typed) != sorted(self.meant):
            return False
        if same_letters:
            return size >= (5 if self.keys == 1 else 8)
        return size >= (6 if self.keys == 1 else 9) and self.margin > (0 if size > 9 else 1)


def spell_right(
    unknown: Iterable[str], known: Iterable[str], common: AbstractSet[str] = frozenset()
) -> dict[str, Slip]:
    """Return for unknown words the known word that each is a slip of, where only one can be meant.

    One key in words of four letters and more, two from seven on. Between two words as near, letters that changed places
    go before letters that changed, and a `common` word before a rare one. Time grows with the number of unknown words.
    """
    by_length: dict[int, list[str]] = {}
    for word in sorted({one for one in known if len(one) > 3 and one.isalpha()}):
        by_length.setdefault(len(word), []).append(word)
    made = {}
    for word in sorted(set(unknown)):
        size = len(word)
        if size < 4 or not word.isalpha() or VOWELS.isdisjoint(word):  # initials are never a slip of a word
            continue
        most = 1 if size < 7 else 2
        near = [one for length in range(size - most - 1, size + most + 2) for one in by_length.get(length, ())]
        found = process.extract(word, near, scorer=OSA.distance, score_cutoff=most + 1, limit=None)
        ranked = sorted(
            (int(keys), sorted(one) != sorted(word), one[0] != word[0], one not in common, one)
            for one, keys, _ in found
        )
        if not ranked or ranked[0][0] > most or (len(ranked) > 1 and ranked[1][:4] == ranked[0][:4]):
            continue
        keys, *_, meant = ranked[0]
        made[word] = Slip(word, meant, keys, ranked[1][0] - keys if len(ranked) > 1 else 3)
    return made


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


def abbreviates(short: Sequence[str], full: Sequence[str]) -> bool:
    """Say whether short words shorten those of a name in order: each begins like its word, and holds letters of it."""
    if len(short) > len(full) or len(full) - len(short) > 1 or (len(short) == 1 and len(short[0]) < 3):
        return False
    return all(_begins(one, other) for one, other in zip(short, full, strict=False))


def _begins(short: str, full: str) -> bool:
    if not short or short[0] != full[0] or len(short) > len(full):
        return False
    letters = iter(full)
    return all(one in letters for one in short)


def initials(text: str, reading: Reading) -> Iterable[tuple[str, int]]:
    """Return initials by which a name may go, with the number of letters added for words it is known without."""
    plain = [one for one in CAMEL.sub(" ", text).casefold().split() if one.isalpha()]
    if len(plain) < 2 and len(reading.words) < 2:
        return
    letters = "".join("dd" if one == "deltadental" else INNER.get(one, one[0]) for one in reading.words)
    state = min(reading.states).casefold() if len(reading.states) == 1 else ""
    for core in {letters, "".join(INNER.get(one, one[0]) for one in plain if one not in ("the", "and"))}:
        for end in ("", state, state[:1]):
            for added in ADDED:
                if 1 < len(core + end + added) < 9:
                    yield core + end + added, len(added) + (end != state)


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


def is_two_words(typed: str, known: AbstractSet[str]) -> bool:
    """Say whether a word is two known ones written together: then it is a name of its own, and no slip of another."""
    return any(typed[:place] in known and typed[place:] in known for place in range(4, len(typed) - 3))


def is_sure_slip(slip: Slip, reading: Reading, known: AbstractSet[str]) -> bool:
    """Say whether a slip is sure: by itself, or as one key in one of several words that together are a name."""
    common = words().plan | words().brand
    others = any(one not in common and one != slip.meant for one in reading.words)
    if slip.typed in words().ordinary or is_two_words(slip.typed, known):
        return others and slip.keys == 1
    together = slip.keys == 1 and len(reading.words) > 1 and len(reading.key[0]) > 8
    return slip.is_sure or (
        together and (slip.meant in common or (slip.margin > 0 and (others or len(slip.typed) > 5)))
    )


def unknown_words(left: Sequence[str]) -> list[str]:
    """Return the words that are neither plan words nor the name of a sponsor or a place."""
    known, place, found = words(), 0, []
    while place < len(left):
        size = next((one for one in (3, 2, 1) if tuple(left[place : place + one]) in known.aside), 0)
        if not size and left[place] not in known.plan and len(left[place]) > 1:
            found.append(left[place])
        place += size or 1
    return found
