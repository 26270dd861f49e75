"""Read the name of a column as plain words: "HmPhone", "HOME_PH" and "homephone" are all (home, phone)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache

from workbench.dental.knowledge import read_facts

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[#%]")
KEY_WORDS = (("id",), ("number",), ("key",), ("code",))
MARKS = {"#": "number", "%": "percent"}
MANY, COMMON = 4, 0.7
"""From so many columns on, the words with which so large a share of them begins are the table's and no column's own."""
SHORTEST, SHORTEST_RUN, MOST_PIECES = 2, 5, 4
LEAST_BONES, LEAST_BEGUN = 3, 4
PLURALS = re.compile(r"(?<=[a-z]{3})(?<![siu])s$")


def fold(name: str) -> tuple[str, ...]:
    """Return a column name as words: camel case split, marks and short forms spelled out; "Cell #" is mobile number."""
    words = [word for one in _joined(name.removeprefix("cf_")) for word in _read(one)]
    return tuple(word for place, word in enumerate(words) if not place or word != words[place - 1])


def is_header(name: str) -> bool:
    """Say whether a name is made of words that columns are called by, and of nothing else."""
    words = fold(name)
    return bool(words) and all(word in _said() for word in words)


def shared_prefix(headers: Sequence[str]) -> tuple[str, ...]:
    """Return the words with which nearly all columns of a table begin: Pat_First, Pat_Last."""
    named = [fold(one) for one in headers]
    prefix: tuple[str, ...] = ()
    while len(named) >= MANY:
        longer = Counter(words[: len(prefix) + 1] for words in named if len(words) > len(prefix) + 1)
        first, often = longer.most_common(1)[0] if longer else ((), 0)
        if often < COMMON * len(named) or first[:-1] != prefix:
            break
        prefix = first
    return prefix


def bared(words: tuple[str, ...], own: Collection[str], *, is_link: bool = False) -> tuple[str, ...]:
    """Return the words without those of the object; of a link also without what says that it is one: user, id."""
    while is_link and len(words) > 1 and words[-1:] in KEY_WORDS:
        words = words[:-1]
    return tuple(word for word in words if word not in own and not (is_link and word == "user"))


def squash(name: str) -> str:
    """Return a column name as exports of one system repeat it: without case, blanks and marks."""
    return re.sub(r"[^a-z0-9#%$]+", "", name.lower())


def _joined(name: str) -> list[str]:
    """Return the runs of a name, a single letter joined to the run behind it where both are one word: L, Name."""
    made: list[str] = []
    for one in (MARKS.get(run, run.lower()) for run in WORDS.findall(name)):
        if made and len(made[-1]) == 1 and made[-1] + one in _meanings():
            made[-1] += one
        else:
            made.append(one)
    return made


@cache
def _read(word: str) -> tuple[str, ...]:
    """Return what one run of letters means; a run that nobody knows is cut into words that somebody knows."""
    if known := _known(word):
        return tuple(_meanings()[known].split())
    pieces = _cut(word) if len(word) >= SHORTEST_RUN else ()
    if pieces:
        return tuple(part for piece in pieces for part in _meanings()[_known(piece)].split())
    if meant := _spelled(word):
        return tuple(meant.split())
    return (PLURALS.sub("", word),)


def _spelled(short: str) -> str:
    """Return what a word without its vowels or without its end means (ofc, occup), where all such words mean one thing."""
    bones = _bones(short)
    alike = {
        means for word, means in _meanings().items() if means and len(word) >= SHORTEST_RUN and _bones(word) == bones
    }
    begun = {means for word, means in _meanings().items() if means and word.startswith(short)}
    for meant in (alike if len(bones) >= LEAST_BONES else set(), begun if len(short) >= LEAST_BEGUN else set()):
        if len(meant) == 1:
            return meant.pop()
    return ""


@cache
def _bones(word: str) -> str:
    """Return a word without the vowels behind its first letter and without doubled letters."""
    return re.sub(r"(.)\1+", r"\1", word[:1] + re.sub(r"[aeiouy]", "", word[1:]))


def _cut(run: str) -> tuple[str, ...]:
    """Cut a run into the fewest known words, at most one of them of two letters; nothing if that cannot be done."""
    best: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(SHORTEST, len(run) + 1):
        ways = [
            (*best[start], run[start:end])
            for start in range(max(0, end - 14), end - SHORTEST + 1)
            if start in best and _known(run[start:end])
        ]
        fit = [
            way
            for way in ways
            if len(way) <= MOST_PIECES and sum(len(one) == SHORTEST and one != "id" for one in way) <= 1
        ]
        if fit:
            best[end] = min(fit, key=lambda way: (len(way), [-len(one) for one in way]))
    return best.get(len(run), ())


def _known(word: str) -> str:
    """Return the word, or its singular, under which it is known; nothing if it is not."""
    return next((one for one in (word, PLURALS.sub("", word)) if one in _meanings()), "")


@cache
def _said() -> frozenset[str]:
    meanings = _meanings()
    return frozenset(meanings) | {word for means in meanings.values() for word in means.split()}


@cache
def _meanings() -> dict[str, str]:
    return {row["word"]: row["means"] or "" for row in read_facts("header_words.csv")}
