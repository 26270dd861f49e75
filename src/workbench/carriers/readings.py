"""Read a carrier's spelling: what is set aside, which words name the carrier, which states, and whether it is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from workbench.carriers.places import begun_by, cut_state, spelled_out
from workbench.carriers.texts import NOT_WORDS, NUMBER, SIGNS, first_part, folded, set_aside, without_signs
from workbench.dental.payers import Words, words

Fixes = Mapping[str, str]
NO_FIXES: Fixes = {}
COMPANY = frozenset({"co", "company", "corp", "corporation", "inc"})
MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
LONG_NUMBER = re.compile(r"\d{8}")
NO_NAME = re.compile(
    rf"\s*(?:d\d{{4}}|\d+(?:\.\d+)?e[+-]?\d+|\d{{1,2}}-(?:{MONTH})(?:-\d{{2,4}})?|(?:{MONTH})-\d{{2,4}}"
    r"|\$\s?\d[\d,.]*(?:\s+\w+)?|[a-z]{2,3}[ -]?\d{3,}[ -]\d{3,}|(?:dr|mr|mrs|ms)\.? [a-z]+)\s*",
    re.IGNORECASE,
)
"""A procedure's code, a number or a date as a spreadsheet shortens it, money, a member's number, or a person."""
PERSON = re.compile(r"^\W*(?:dob|ssn|born)\b|\b(?:dob|ssn|born)\W*\d|@|\b\d{3}-\d{2}-\d{4}\b", re.IGNORECASE)
ABOUT_PERSON = frozenset({"dob", "ssn", "born", "id"})
CUT_AT = (15, 20, 24, 25, 30, 32, 35, 40, 50)
"""Widths of columns at which old systems cut a name off."""
EMPLOYER = re.compile(r"(?:city|county|state|town|village|port|school district) of \w+(?: \w+)?")


@dataclass(frozen=True)
class Reading:
    """A spelling read: the words that name the carrier in order, states as codes, and what was set aside.

    `kind` says carrier, not_a_carrier or junk; `bracket` is the place of the first word that stood in brackets, `apart`
    of the first behind a dash, a comma or a bracket; `doubt` says what a person has to look at, if anything.
    """

    words: tuple[str, ...]
    states: frozenset[str] = frozenset()
    numbers: tuple[str, ...] = ()
    kind: str = "carrier"
    label: str = ""
    bracket: int = 99
    apart: int = 99
    notes: tuple[str, ...] = ()
    doubt: str = ""
    fixed: tuple[tuple[str, str], ...] = ()
    is_company: bool = False
    remark: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[str, frozenset[str]]:
        """The words without blanks, and the states: equal for spellings that differ in form alone."""
        return "".join(self.words), self.states


def is_between_states(reading: Reading) -> bool:
    """Say whether a family's name stands with a word that may be a slip of two states: its member is anybody's guess."""
    known = words()
    if known.families.isdisjoint(reading.words):
        return False
    names = [form[0] for form in known.states if len(form) == 1 and len(form[0]) > 3]
    return any(
        len(near := process.extract(one, names, scorer=OSA.distance, score_cutoff=2, limit=2)) > 1
        and near[0][1] == near[1][1]
        for one in reading.words
        if len(one) > 4 and one not in known.every
    )


def read_spelling(text: str, fixes: Fixes = NO_FIXES) -> Reading:
    """Read one spelling; `fixes` spells words right that nobody knows as they were typed."""
    return _read(text, fixes) if fixes else _read_name(text)


@lru_cache(maxsize=20_000)
def _read_name(text: str) -> Reading:
    """Read a name of a list or a payer, as it stands: the same ones are asked for again and again."""
    return _read(text, NO_FIXES)


def _read(text: str, fixes: Fixes) -> Reading:
    known = words()
    typed = folded(text)
    plain = " ".join(NOT_WORDS.sub(" ", typed).split())
    if label := known.classes.get(plain):
        return Reading((), kind="not_a_carrier", label=label)
    if plain in known.junk or not plain or PERSON.search(text) or NO_NAME.fullmatch(text):
        return Reading((), kind="junk")
    rest, numbers, notes = set_aside(typed)
    marked = rest.split()
    found = [one for one in marked if one not in SIGNS]
    fixed = tuple((one, fixes[one]) for one in found if one in fixes)
    found = [word for one in found for word in fixes.get(one, one).split()]
    if not found or all(NUMBER.fullmatch(one) for one in found):
        return Reading((), numbers=numbers, kind="junk")
    named = _without_markers(found, known)
    first = first_part(marked)
    if label := _is_no_carrier(named, known, is_fixed=bool(fixed), first=" ".join(first)):
        return Reading((), kind="junk" if label == "junk" else "not_a_carrier", label=label, fixed=fixed)
    spelled, states, doubt = spelled_out(named, known)
    if not states and (cut := cut_state(spelled, known)):
        spelled, states, doubt = spelled[: cut[0]], frozenset({cut[1]}), "the state is cut off or spelled short"
    elif states and len(text) in CUT_AT and named[-1] in known.abbreviated and len(begun_by(named[-1], known)) > 1:
        doubt = doubt or "it may be cut off"
    is_company = any(one in COMPANY for one in spelled)
    named = [one for one in spelled if one not in known.legal]
    if "a date" in notes or LONG_NUMBER.search(rest + " ".join(numbers)) or _about_person(typed, states):
        doubt = doubt or "it may hold personal data"
    bracket = _size(without_signs(marked[: marked.index("(")]) if "(" in marked else [], fixes, known)
    remark = frozenset(marked[next((place for place, one in enumerate(marked) if one in SIGNS), len(marked)) :])
    apart = _size(first if len(first) < len(found) else [], fixes, known)
    return Reading(
        tuple(named or spelled), states, numbers, "carrier", "", bracket, apart, notes, doubt, fixed, is_company, remark
    )


def _about_person(typed: str, states: frozenset[str]) -> bool:
    """Say whether words speak of a person's number or birth; "ID" may be Idaho."""
    return bool(ABOUT_PERSON & {*NOT_WORDS.split(typed)} - ({"id"} if "ID" in states else set()))


def _size(before: list[str], fixes: Fixes, known: Words) -> int:
    """Return how many words of a name stand before a sign; 99 where it stands behind none."""
    spelled = spelled_out([word for one in before for word in fixes.get(one, one).split()], known)[0] if before else []
    return len([one for one in spelled if one not in known.legal]) or 99


def _without_markers(found: list[str], known: Words) -> list[str]:
    for size in (4, 3, 2, 1):
        for place in (0, len(found) - size):
            at = place
            while 0 <= at <= len(found) - size and tuple(found[at : at + size]) in known.markers:
                del found[at : at + size]
                at = min(at, len(found) - size)
    return found


def _is_no_carrier(named: list[str], known: Words, *, is_fixed: bool, first: str) -> str:
    """Say which class of no carrier a spelling is whose every word belongs to such a phrase; nothing where it is none.

    `first` is what stands before a remark: "Ameritas (Lincoln Public Schools)" is no employer.
    """
    text = " ".join(named)
    if not named:
        return "status"
    if text in known.junk and not is_fixed:
        return "junk"
    is_member = not known.families.isdisjoint(spelled_out(named, known)[0])
    if EMPLOYER.fullmatch(text) or (first.endswith(tuple(known.employers)) and not is_member):
        return "employer"
    place, label, told = 0, "", 0
    while place < len(named):
        for size in range(min(6, len(named) - place), 0, -1):
            phrase = " ".join(named[place : place + size])
            is_junk = phrase in known.junk and (size > 1 or phrase not in known.plan)
            if said := known.classes.get(phrase, "junk" if is_junk else ""):
                label = said if label in ("", "junk") else label
                place += size
                told += size > 1 or said != "junk"
                break
        else:
            if named[place] not in known.fillers and not named[place].isdigit():
                return ""
            place += 1
    # Words that stand beside such phrases and are none themselves say nothing: a name could be made of them.
    return label if told or len(named) > 1 else ""
