"""The words of a carrier spelled out, and the states taken out of them: a short form counts only where a state may stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from workbench.carriers.texts import INNER_CAPITAL, LONGEST, NOT_WORDS, OF_NAME, folded
from workbench.dental.payers import Words, words

FUSED = re.compile(r"(bcbs|bc|bs|ddpo|ddp|dd|delta|deltadental|bluecross|blueshield|regence|medicaid)(?:of)?([a-z]{2})")


def is_fused(word: str) -> bool:
    """Say whether a word is a family's initials and a state's code in one, as in "ddca"."""
    fused = FUSED.fullmatch(word)
    return fused is not None and fused[2].upper() in words().codes


def split_capitals(text: str, known: AbstractSet[str]) -> str:
    """Return a spelling with words that nobody knows cut where a small letter meets a capital: MutOmaha, NEDelta."""
    return " ".join(
        one
        if not OF_NAME.match(one) and ((low := NOT_WORDS.sub("", folded(one))) in known or is_fused(low))
        else INNER_CAPITAL.sub(" ", one)
        for one in text[: 2 * LONGEST].split()
    )


def cut_state(spelled: list[str], known: Words) -> tuple[int, str] | None:
    """Return where the last words of a family's name begin a state's name that no other begins with, and its code."""
    if known.families.isdisjoint(spelled):
        return None
    for place in range(1, len(spelled)):
        last = "".join(spelled[place:])
        begun = begun_by(last, known) if len(last) > 3 and last not in known.plan else set()
        if len(begun) == 1 and begun <= known.codes:
            of = place - (spelled[place - 1] == "of")
            return of - (spelled[of - 1] == "the"), begun.pop()
    return None


def begun_by(last: str, known: Words) -> set[str]:
    """Return the states whose names begin so; Kansas City has a plan of its own."""
    found = {code for form, code in known.states.items() if "".join(form).startswith(last)}
    return found | ({"kansas city"} if "kansascity".startswith(last) else set())


def spelled_out(found: list[str], known: Words) -> tuple[list[str], frozenset[str], str]:
    """Spell short forms out, join the words of a brand, and take the states out of the words."""
    joined: list[str] = []
    place = 0
    while place < len(found):
        for size in (4, 3, 2):
            window = tuple(found[place : place + size])
            if len(window) == size and (window in known.join or window in known.kept):
                joined += known.join.get(window, ("".join(window),))
                place += size
                break
        else:
            # "NE Delta" is Northeast Delta Dental; behind a name the two letters are a state.
            is_state = place > 0 and found[place] in known.two_fold
            joined += (found[place],) if is_state else _spelled(found[place], known)
            place += 1
    again = [one for pair in _pairs(joined) for one in pair]
    return _take_states(again, known)


def _spelled(word: str, known: Words) -> Iterable[str]:
    fused = FUSED.fullmatch(word)
    if fused and is_fused(word) and word not in known.short:
        return (*known.short.get(fused[1], (fused[1],)), f"@{fused[2].upper()}")
    return known.short.get(word, (word,))


def _pairs(found: list[str]) -> Iterable[tuple[str, ...]]:
    """Join what only stands together after short forms were spelled out: `delta` + `dental`, `blue` + `cross`."""
    place = 0
    while place < len(found):
        two = tuple(found[place : place + 2])
        if two in (("deltadental", "dental"), ("deltadental", "deltadental")):
            yield ("deltadental",)
            place += 2
        elif two in (("blue", "cross"), ("blue", "shield"), ("health", "care")):
            yield ("".join(two),)
            place += 2
        else:
            yield (found[place],)
            place += 1


def _take_states(found: list[str], known: Words) -> tuple[list[str], frozenset[str], str]:
    """Take states out of the words; a short form counts only where a state may stand."""
    kept: list[str] = []
    states: set[str] = set()
    doubt = ""
    place = 0
    while place < len(found):
        word = found[place]
        if word.startswith("@"):
            states.add(word[1:])
            place += 1
            continue
        for size in (3, 2, 1):
            window = tuple(found[place : place + size])
            code = known.states.get(window)
            code = code or (word.upper() if size == 1 and len(word) == 2 and word.upper() in known.codes else None)
            if len(window) == size and code and _may_be_state(found, place, size, known, code):
                states.add(code)
                doubt = doubt or _doubtful(found, place, word, known)
                if kept and kept[-1] == "of":
                    kept.pop()
                place += size
                break
        else:
            kept.append(word)
            place += 1
    if len(states) > 1:
        doubt = "two states"
    return kept, frozenset(states), doubt


def _may_be_state(found: list[str], place: int, size: int, known: Words, code: str) -> bool:
    written = " ".join(found[place : place + size])
    before = found[place - 1] if place else ""
    if size > 1 or len(written) > 6 or written in known.short_states:
        return True
    if before == "of":
        return True
    after = found[place + size :]
    in_family = any(one in known.families for one in found)
    if written == "co":
        return before in known.families and not any(one in ("insurance", "life") for one in found)
    if len(written) == 2 and written in known.ambiguous:
        return (
            in_family
            and (before in known.families or not after or all(one in known.plan for one in after))
            and place > 0
        ) or (place == 0 and bool(after) and after[0] in known.families)
    is_last = place > 0 and all(one in known.plan or one in known.legal for one in after)
    is_first = place == 0 and bool(after) and after[0] in known.families
    return is_last or is_first or before in known.families


def _doubtful(found: list[str], place: int, word: str, known: Words) -> str:
    if word == "co" and (not place or found[place - 1] != "of"):
        return '"co" is Colorado or company'
    if place and found[place - 1] in known.directions:
        return "half a state's name"
    if word == "ne" and (not place or found[place - 1] != "of"):
        return '"NE" is Nebraska or northeast'
    return ""
