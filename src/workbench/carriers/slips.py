"""Words that nobody knows beside words that are known: slips of the keyboard, shortened words, initials, what is left over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from workbench.carriers.readings import Reading
from workbench.dental.payers import words

VOWELS = frozenset("aeiouy")
LONG = 5
"""A word of more letters may shorten another with vowels left in it: Rnaissnce."""
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+")
INNER = {"bluecross": "bc", "blueshield": "bs", "healthcare": "hc", "medicaid": "m"}
ADDED = ("", "d", "g", "p", "i", "c", "f", "ic", "dp", "dg", "fg", "li", "lic")
"""Letters that front desks add to initials: dental, group, plan, insurance, company, financial, life."""


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
        return size >= (5 if self.keys == 1 else 9) and self.margin > (0 if size > 9 else 1)


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
        # Another way to write the same word is no other word.
        means = words().short.get(ranked[0][-1], (ranked[0][-1],)) if ranked else ()
        ranked = ranked[:1] + [one for one in ranked[1:] if words().short.get(one[-1], (one[-1],)) != means]
        if not ranked or ranked[0][0] > most or (len(ranked) > 1 and ranked[1][:4] == ranked[0][:4]):
            continue
        keys, *_, meant = ranked[0]
        made[word] = Slip(word, meant, keys, ranked[1][0] - keys if len(ranked) > 1 else 3)
    return made


def abbreviates(short: Sequence[str], full: Sequence[str]) -> bool:
    """Say whether short words shorten those of a name in order: each begins like its word, and holds letters of it."""
    if len(short) > len(full) or len(full) - len(short) > 1 or (len(short) == 1 and len(short[0]) < 3):
        return False
    return all(_begins(one, other) for one, other in zip(short, full, strict=False))


def _begins(short: str, full: str) -> bool:
    """Say whether a word is the beginning of another and some of its further letters: no vowels, unless it is long."""
    if not short or short[0] != full[0] or len(short) > len(full):
        return False
    letters, same = iter(full), next((at for at, one in enumerate(short) if one != full[at]), len(short))
    return all(one in letters for one in short) and (len(short) > LONG or VOWELS.isdisjoint(short[same:]))


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


def is_two_words(typed: str, known: AbstractSet[str]) -> bool:
    """Say whether a word is two known ones written together: then it is a name of its own, and no slip of another."""
    return any(typed[:place] in known and typed[place:] in known for place in range(4, len(typed) - 3))


def is_sure_slip(slip: Slip, reading: Reading, known: AbstractSet[str]) -> bool:
    """Say whether a slip is sure: by itself, or as one key in one of several words that together are a name."""
    common = words().common
    is_word = slip.typed in words().ordinary or len(slip.typed) < 5
    if slip.meant in common and is_word and sorted(slip.typed) != sorted(slip.meant):
        return False  # Aetna Café is no "care"
    others = any(one not in common and one != slip.meant for one in reading.words)
    if slip.typed in words().ordinary or is_two_words(slip.typed, known):
        return others and slip.keys == 1
    together = slip.keys == 1 and len(reading.words) + len(reading.states) > 1 and len(reading.key[0]) > 8
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
