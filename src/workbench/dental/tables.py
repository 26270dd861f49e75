"""Names of columns beside others: how alike two are, which stand in one table, and what all of a table begin with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from rapidfuzz.fuzz import ratio

from workbench.dental.headers import fold, is_word

MANY, COMMON = 4, 0.7
"""From so many columns on, the words with which so large a share of them begins are the table's and no column's own."""
LONGEST_LETTERS, MOST_BEGIN, ALL_BEGIN = 5, 0.55, 0.9
"""So many letters before names that are run together, of so large a share; of nearly all, where they are no word."""
SIMILAR, SHORTEST_PART, NEAR = 86, 3, 0.8


def tables_of(names: Sequence[str]) -> list[list[int]]:
    """Return the places of the columns of each table, by the name that stands beside each column.

    Columns of one name that stand together are one table, for an export may hold the tables of several systems under one
    name; where they stand in shreds, all of the name are.
    """
    runs = defaultdict[str, list[list[int]]](list)
    for place, name in enumerate(names):
        if place and names[place - 1] == name:
            runs[name][-1].append(place)
        else:
            runs[name].append([place])
    return [
        table
        for found in runs.values()
        for table in (
            found if sum(map(len, found)) >= MANY * len(found) else [sorted(place for run in found for place in run)]
        )
    ]


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


def shared_letters(headers: Sequence[str]) -> str:
    """Return the letters with which most columns of a table begin, where no mark parts them: TXNUM, TXFEE, TXDOC."""
    runs = [one.lower() for one in headers if one.isalnum() and (one.isupper() or one.islower())]
    if len(runs) < MANY or len(runs) < COMMON * len(headers):
        return ""
    for length in range(LONGEST_LETTERS, 0, -1):
        begun = Counter(one[:length] for one in runs if len(one) > length)
        letters, often = max(begun.items(), key=lambda one: one[1], default=("", 0))
        needed = MOST_BEGIN if length > 1 and is_word(letters) else ALL_BEGIN
        if often >= needed * len(headers):
            return letters
    return ""


def near_words(words: tuple[str, ...], weights: Mapping[str, float]) -> dict[str, list[tuple[float, int]]]:
    """Return, for each known word that a name has or nearly has, how near and at which place of the name."""
    found = defaultdict[str, list[tuple[float, int]]](list)
    for place, word in enumerate(words):
        for known in weights:
            if near := _near(word, known):
                found[known].append((near, place))
    return dict(found)


def likeness(
    words: tuple[str, ...],
    phrase: tuple[str, ...],
    weights: Mapping[str, float],
    near: Mapping[str, list[tuple[float, int]]],
) -> float:
    """Return the share of the weight that two names have in common, 0 to 1; near spellings count for less."""
    common, used = 0.0, set[int]()
    for word in phrase:
        score, place = max((one for one in near.get(word, ()) if one[1] not in used), default=(0.0, -1))
        common += score * weights[word]
        used.add(place)
    if not common:
        return 0.0
    unknown = max(weights.values())
    return 2 * common / sum(weights.get(one, unknown) for one in (*words, *phrase))


def _near(word: str, other: str) -> float:
    if word == other:
        return 1.0
    short, long = sorted((word, other), key=len)
    if word[0] != other[0] or len(short) < SHORTEST_PART or short.isdigit():
        return 0.0
    return NEAR if long.startswith(short) or ratio(word, other) >= SIMILAR else 0.0
