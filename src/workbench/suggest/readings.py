"""Read a carrier's spelling: what is set aside, which words name the carrier, which states, and whether it is none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from workbench.dental.payers import Words, words

Fixes = Mapping[str, str]
NO_FIXES: Fixes = {}
MARKS = str.maketrans(dict.fromkeys("®™©°\u200b\u200c\u200d\ufeff\ufffd`´'’‘", "") | {"&": " and ", "+": " plus "})
BEFORE_NUMBER = "grp|group|gp|policy|pol|acct|account|member|mbr|sub|id|plan|payer id|payor id"
ASIDE = (
    ("an e-mail address", re.compile(r"\S+@\S+\.\w+")),
    ("a PO box", re.compile(r"\b(?:p\W{0,2}o\W{0,2}\s*box|box)\s*#?\s*\d.*$")),
    ("a street", re.compile(r"\b\d{1,5}\s+(?:[a-z]+\s+){1,3}(?:st|street|ave|avenue|blvd|rd|road|dr|drive|ln|suite|ste)\b.*$")),
    ("a phone", re.compile(r"(?<![\w-])(?:\+?1[-. ]?)?(?:\(\d{3}\)\s?|\d{3}[-. ])?\d{3}[-.]\d{4}\b")),
    ("a phone", re.compile(r"\b1?\d{10}\b")),
    ("a date", re.compile(r"\b\d{1,4}[/-]\d{1,2}(?:[/-]\d{2,4})?\b")),
    ("a group number", re.compile(rf"(?:\b(?:{BEFORE_NUMBER})\b|#)[\s.:#-]*(?:no|num|number)?\b[\s.:#-]*(?=[a-z-]{{0,4}}\d)[a-z\d-]+")),
)  # fmt: skip
DOTTED = re.compile(r"\b(?:[a-z]\.\s?){2,}(?:[a-z]\b)?")
SLASHED = re.compile(r"\b([a-z])/([a-z])\b")
SPACED = re.compile(r"(?<![a-z])(?:[a-z] ){2,}[a-z](?![a-z])")
DIGIT = re.compile(r"\d")
LONG_NUMBER = re.compile(r"\d{8}")
STUCK = re.compile(r"\b([a-z]{4,})\d+\b")
NOT_WORDS = re.compile(r"[^a-z0-9]+")
NUMBER = re.compile(r"[a-z]{0,2}\d[a-z\d]*")
FUSED = re.compile(r"(bcbs|bc|bs|ddpo|ddp|dd|delta|deltadental|bluecross|blueshield|regence|medicaid)(?:of)?([a-z]{2})")
NO_NAME = re.compile(r"\s*(?:[dD]\d{4}|\d+(?:\.\d+)?[eE][+-]?\d+)\s*")
"""A procedure's code, or a number as a spreadsheet shortens it."""
PERSON = re.compile(r"\b(?:dob|ssn|born)\b|@|\b\d{3}-\d{2}-\d{4}\b", re.IGNORECASE)
EMPLOYER = re.compile(r"(?:city|county|state|town|village|port|school district) of \w+(?: \w+)?")


@dataclass(frozen=True)
class Reading:
    """A spelling read: the words that name the carrier in order, states as codes, and what was set aside.

    `kind` says carrier, not_a_carrier or junk; `bracket` is the place of the first word that stood in brackets; `doubt`
    says what a person has to look at, if anything.
    """

    words: tuple[str, ...]
    states: frozenset[str] = frozenset()
    numbers: tuple[str, ...] = ()
    kind: str = "carrier"
    label: str = ""
    bracket: int = 99
    notes: tuple[str, ...] = ()
    doubt: str = ""
    fixed: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, frozenset[str]]:
        """The words without blanks, and the states: equal for spellings that differ in form alone."""
        return "".join(self.words), self.states


def folded(text: str) -> str:
    """Return a text in small letters, without accents, trade marks and apostrophes."""
    if text.isascii():
        return text.translate(MARKS).casefold()
    plain = unicodedata.normalize("NFKD", text.translate(MARKS)).casefold()
    return "".join(one for one in plain if not unicodedata.combining(one))


def is_fused(word: str) -> bool:
    """Say whether a word is a family's initials and a state's code in one, as in "ddca"."""
    fused = FUSED.fullmatch(word)
    return fused is not None and fused[2].upper() in words().codes


def is_between_states(reading: Reading) -> bool:
    """Say whether a family's name stands with a word that may be a slip of two states: its member is anybody's guess."""
    known = words()
    if known.families.isdisjoint(reading.words):
        return False
    names = [form[0] for form in known.states if len(form) == 1 and len(form[0]) > 3]
    return any(
        len(process.extract(one, names, scorer=OSA.distance, score_cutoff=2, limit=2)) > 1
        for one in reading.words
        if len(one) > 4 and one not in known.every
    )


def tokens(text: str) -> list[str]:
    """Return the raw words of a spelling as its reading sees them before anything is spelled out."""
    return _set_aside(folded(text))[0].split()


def read_spelling(text: str, fixes: Fixes = NO_FIXES) -> Reading:
    """Read one spelling; `fixes` spells words right that nobody knows as they were typed."""
    known = words()
    typed = folded(text)
    plain = " ".join(NOT_WORDS.sub(" ", typed).split())
    if label := known.classes.get(plain):
        return Reading((), kind="not_a_carrier", label=label)
    if plain in known.junk or not plain or PERSON.search(typed) or NO_NAME.fullmatch(text):
        return Reading((), kind="junk")
    rest, numbers, notes = _set_aside(typed)
    marked = rest.split()
    found = [one for one in marked if one not in "()"]
    fixed = tuple((one, fixes[one]) for one in found if one in fixes)
    found = [word for one in found for word in fixes.get(one, one).split()]
    if not found or all(NUMBER.fullmatch(one) for one in found):
        return Reading((), numbers=numbers, kind="junk")
    named = _without_markers(found, known)
    if label := _is_no_carrier(named, known, is_fixed=bool(fixed)):
        return Reading((), kind="junk" if label == "junk" else "not_a_carrier", label=label, fixed=fixed)
    spelled, states, doubt = _spelled_out(named, known)
    named = [one for one in spelled if one not in known.legal]
    if "a date" in notes or LONG_NUMBER.search(rest + " ".join(numbers)) or "id" in NOT_WORDS.split(typed):
        doubt = doubt or "it may hold personal data"
    before = _spelled_out(marked[: marked.index("(")], known)[0] if "(" in marked else []
    bracket = len([one for one in before if one not in known.legal]) or 99
    return Reading(tuple(named or spelled), states, numbers, bracket=bracket, notes=notes, doubt=doubt, fixed=fixed)


@lru_cache(maxsize=100_000)
def _set_aside(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return the words of a folded text, its numbers, and what else was taken out; asked twice for each spelling."""
    notes = []
    for what, pattern in ASIDE if DIGIT.search(text) or "@" in text else ():
        text, count = pattern.subn(" ", text)
        if count:
            notes.append(what)
    text = DOTTED.sub(lambda found: found[0].replace(".", "").replace(" ", "") + " ", text)
    text = SLASHED.sub(r"\1\2", text)
    text = text.replace("(", " qqopen ").replace(")", " qqclose ").replace("[", " qqopen ").replace("]", " qqclose ")
    text = STUCK.sub(r"\1", " ".join(NOT_WORDS.sub(" ", text).split()))
    text = SPACED.sub(lambda found: found[0].replace(" ", ""), text)
    found = text.replace("qqopen", "(").replace("qqclose", ")").split()
    if "(" in found and found.index("(") == 0:
        found = [one for one in found if one not in "()"]
    numbers = tuple(one for place, one in enumerate(found) if _is_number(found, place))
    if numbers:
        notes.append("a number")
    kept = [one for place, one in enumerate(found) if not _is_number(found, place)]
    return " ".join(kept), numbers, tuple(notes)


def _is_number(found: list[str], place: int) -> bool:
    """A payer id or group number; the number of a union's local, or one that leads, is part of a name."""
    one = found[place]
    if not NUMBER.fullmatch(one) or one in ("1st", "2nd", "3rd"):
        return False
    return not (place and found[place - 1] in ("local", "dc", "care", "council"))


def _without_markers(found: list[str], known: Words) -> list[str]:
    for size in (4, 3, 2, 1):
        for place in (0, len(found) - size):
            at = place
            while 0 <= at <= len(found) - size and tuple(found[at : at + size]) in known.markers:
                del found[at : at + size]
                at = min(at, len(found) - size)
    return found


def _is_no_carrier(named: list[str], known: Words, *, is_fixed: bool) -> str:
    """Say which class of no carrier a spelling is whose every word belongs to such a phrase; nothing where it is none."""
    text = " ".join(named)
    if not named:
        return "status"
    if text in known.junk and not is_fixed:
        return "junk"
    if EMPLOYER.fullmatch(text) or text.endswith(tuple(known.employers)):
        return "employer"
    place, label = 0, ""
    while place < len(named):
        for size in range(min(6, len(named) - place), 0, -1):
            phrase = " ".join(named[place : place + size])
            if said := known.classes.get(phrase):
                label = label or said
                place += size
                break
        else:
            if named[place] not in known.fillers:
                return ""
            place += 1
    return label


def _spelled_out(found: list[str], known: Words) -> tuple[list[str], frozenset[str], str]:
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
            joined += _spelled(found[place], known)
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
        )
    is_last = place > 0 and all(one in known.plan or one in known.legal for one in after)
    is_first = place == 0 and bool(after) and after[0] in known.families
    return is_last or is_first or before in known.families


def _doubtful(found: list[str], place: int, word: str, known: Words) -> str:
    if word == "co" and (not place or found[place - 1] != "of"):
        return '"co" is Colorado or company'
    if place and found[place - 1] in known.directions:
        return "half a state's name"
    if word == "ne" and place == 0:
        return '"NE" is Nebraska or northeast'
    return ""
