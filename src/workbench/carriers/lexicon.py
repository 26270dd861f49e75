"""Payers that are known, and the anchors they make of a pick-list: which words and states stand for which of its values."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from workbench.carriers.names import BRACKET, FAMILY_WORDS, UNSPECIFIED, Key, bare, core, owners_of, variants
from workbench.carriers.readings import Reading, read_spelling
from workbench.carriers.slips import initials
from workbench.carriers.strength import Strength
from workbench.carriers.texts import normal
from workbench.dental.payers import Payer, words


class States(IntEnum):
    """How the states of a form agree with those of a spelling."""

    NO_STATE = 0
    OTHER_STATE = 1
    FITS = 2
    EXACT = 3


@dataclass(frozen=True)
class Anchor:
    """One value to propose: on the pick-list, or a known payer that the list lacks (it keeps others off its spellings)."""

    value: str
    is_listed: bool
    family: str = ""
    states: frozenset[str] = frozenset()
    payer_ids: frozenset[str] = frozenset()
    is_unspecified: bool = False


@dataclass(frozen=True)
class Form:
    """One way to write an anchor: the text, its reading, and how firmly it stands."""

    anchor: int
    text: str
    reading: Reading
    strength: int


@dataclass(frozen=True, order=True)
class Window:
    """Some words of a reading that are a form of an anchor; how its states and those of the form agree."""

    start: int
    end: int
    anchor: int
    strength: int
    relation: int


@dataclass
class Anchors:
    """A pick-list made ready to be looked up: by text, by words with states, and by words in any order."""

    anchors: list[Anchor] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    by_text: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    by_words: dict[str, dict[frozenset[str], set[tuple[int, int]]]] = field(default_factory=lambda: defaultdict(dict))
    by_bag: dict[Key, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    by_letter: dict[str, list[Form]] = field(default_factory=lambda: defaultdict(list))
    initials: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    holders: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    vocabulary: set[str] = field(default_factory=set)
    alone: dict[str, list[tuple[frozenset[str], int, int]]] = field(default_factory=dict)

    def add(self, anchor: Anchor, forms: Iterable[tuple[str, int]]) -> None:
        """Add an anchor with its forms, the firmest first; what others own already stays theirs only if firmer."""
        place = len(self.anchors)
        self.anchors.append(anchor)
        seen: set[Key] = set()
        for text, strength in forms:
            reading = read_spelling(text)
            self.by_text[normal(text)].add((strength, place))
            if not reading.words:
                continue
            joined, states = reading.key
            self.by_bag["".join(sorted(reading.words)), states].add((strength, place))
            self.vocabulary.update(normal(text).split(), reading.words)
            if strength in (Strength.NAME, Strength.KNOWN):
                for word in reading.words:
                    self.holders[word].add(place)
                for letters, added in initials(bare(text), reading):
                    self.initials[letters][place] = min(added, self.initials[letters].get(place, added))
            # "Amer." spelled out is the first word of many names, and "DDS Inc" without its end is anybody.
            is_common = (joined in words().plain or len(joined) < 4) and normal(text).replace(" ", "") != joined
            if reading.key in seen or (strength == Strength.KNOWN and is_common):
                continue
            seen.add(reading.key)
            form = Form(place, text, reading, strength)
            self.forms.append(form)
            self.by_letter[joined[0]].append(form)
            self.by_words[joined].setdefault(states, set()).add((strength, place))

    def firmest(self, found: Iterable[tuple[int, int]]) -> tuple[int, set[int]]:
        """Return the firmest strength among forms and the anchors that hold it; names go before short forms."""
        held = list(found)
        strength = min(one for one, _ in held)
        # What a value of the list is called without its last plan word is as much its name as another's short form.
        as_firm = {strength, Strength.SHORTENED} if strength == Strength.KNOWN else {strength}
        return strength, {place for one, place in held if one in as_firm}

    def windows(self, reading: Reading) -> list[Window]:
        """Return every run of a reading's words that is a form of one anchor alone."""
        found: list[Window] = []
        size = len(reading.words)
        for start in range(min(size, 12)):
            for end in range(start + 1, min(size, 12) + 1):
                part = reading.words[start:end]
                for states, strength, place in self._alone("".join(part)):
                    found.append(Window(start, end, place, strength, self.relation(reading, states, place)))
        return found

    def _alone(self, joined: str) -> list[tuple[frozenset[str], int, int]]:
        if joined not in self.by_words:
            return []
        if joined not in self.alone:
            ranked = [(states, *self.firmest(held)) for states, held in self.by_words[joined].items()]
            self.alone[joined] = [(states, strength, min(one)) for states, strength, one in ranked if len(one) == 1]
        return self.alone[joined]

    def relation(self, reading: Reading, states: frozenset[str], place: int) -> int:
        """Say how the states of a form of an anchor agree with those of a reading."""
        anchor = self.anchors[place]
        if states == reading.states:
            return States.EXACT
        if states:
            if reading.states and reading.states < states:
                return States.FITS
            return States.NO_STATE if not reading.states else States.OTHER_STATE
        if anchor.is_unspecified:
            return States.OTHER_STATE
        return States.FITS if not anchor.states or reading.states <= anchor.states else States.OTHER_STATE


def make_anchors(choices: Mapping[str, Iterable[str]] | None, payers: Sequence[Payer]) -> Anchors:
    """Return the anchors of a pick-list, or of the known payers where none is given.

    A value of the list takes the short forms of the payer it names. Where several name one payer, only the one that
    equals its name does; the others stand on their full names. A known payer that no value names stays, off the list.
    """
    made = Anchors()
    if choices is None:
        shipped = sorted(payers, key=lambda one: one.name)
        called = {payer.name: _forms(payer.name, (), payer) for payer in shipped}
        _give_to_whole_names(called)
        for payer in shipped:
            made.add(_anchor(payer.name, payer, is_listed=True), called[payer.name])
        return made
    owners = owners_of(sorted(choices), payers)
    owned = {one.name for one in owners.values()}
    taken = {read_spelling(text).key for value in choices for text in (value, *variants(value), *choices[value])}
    forms = {value: _forms(value, choices[value], owners.get(value)) for value in sorted(choices)}
    _give_to_longer_names(forms)
    _give_to_whole_names(forms)
    for value, ways in forms.items():
        made.add(_anchor(value, owners.get(value), is_listed=True), ways)
    for payer in sorted(payers, key=lambda one: one.name):
        if payer.name not in owned:
            theirs = _forms(payer.name, (), payer, is_listed=False)
            free = [one for one in theirs if read_spelling(one[0]).key not in taken]
            made.add(_anchor(payer.name, payer, is_listed=False), free)
    return made


def _give_to_longer_names(forms: dict[str, list[tuple[str, int]]]) -> None:
    """Let "X Community Plan" own what short forms of X say with its further words, where the list holds both."""
    read = {value: read_spelling(bare(value)).words for value in forms}
    cores = {core(value): value for value in sorted(forms, reverse=True)}
    for value, held in forms.items():
        theirs = {one for one in held if one[1] == Strength.KNOWN and cores.get(core(one[0]), value) != value}
        # What is called by its family's name with plan words (BCBS FEP Dental) is no short form of the family.
        theirs = {one for one in theirs if not set(read_spelling(one[0]).words) <= FAMILY_WORDS.keys() | words().plan}
        held[:] = [one for one in held if one not in theirs]
        for one in sorted(theirs):
            forms[cores[core(one[0])]].append(one)
    by_words = {found: value for value, found in sorted(read.items(), reverse=True) if found}
    for value, found in read.items():
        for size in range(1, len(found)):
            shorter = by_words.get(found[:size])
            if shorter is None or shorter == value or found[0] in FAMILY_WORDS:
                continue
            further = found[size:]
            ways = [
                (text, read_spelling(text).words, strength)
                for text, strength in forms[shorter]
                if strength == Strength.KNOWN
            ]
            short = {inner for _, inner, _ in ways} | {found[:size]}
            ended = {
                text for text, inner, _ in ways if inner[-len(further) :] == further and inner[: -len(further)] in short
            }
            forms[shorter] = [one for one in forms[shorter] if one[0] not in ended]
            longer = [f"{text} {' '.join(further)}" for text, inner, _ in ways if text not in ended and inner]
            forms[value] += [(one, Strength.KNOWN) for one in (*sorted(ended), *longer)]


def _give_to_whole_names(forms: dict[str, list[tuple[str, int]]]) -> None:
    """Leave "Aetna Dental" to Aetna where the list also holds "Aetna Dental Access": a shortened name is another's whole."""
    whole = {core(value): value for value in sorted(forms, reverse=True)}
    own: dict[Key, str] = {}
    for value in sorted(forms):
        reading = read_spelling(bare(value))
        own[reading.key] = value
        while len(reading.words) > 2 and reading.words[-1] in words().plan:
            reading = replace(reading, words=reading.words[:-1])
            own.setdefault(reading.key, value)
    for value, held in forms.items():
        held[:] = [one for one in held if one[1] != Strength.SHORTENED or whole.get(core(one[0]), value) == value]
        held[:] = [
            one for one in held if one[1] != Strength.KNOWN or own.get(read_spelling(one[0]).key, value) == value
        ]


def _anchor(value: str, payer: Payer | None, *, is_listed: bool) -> Anchor:
    reading = read_spelling(bare(value))
    family = payer.family if payer else next((FAMILY_WORDS[one] for one in reading.words if one in FAMILY_WORDS), "")
    is_bare = not reading.states and bool(reading.words) and all(one in FAMILY_WORDS for one in reading.words)
    states = payer.states if payer and payer.states else reading.states
    ids = payer.payer_ids if payer else frozenset()
    return Anchor(value, is_listed, family, states, ids, is_bare or UNSPECIFIED.search(value) is not None)


def is_loose(anchor: Anchor) -> bool:
    """Say whether only "company" tells a member's name from its family's: "Delta Dental Insurance"."""
    reading = read_spelling(bare(anchor.value))
    family = [one for one in reading.words if one in FAMILY_WORDS]
    is_bare = all(one in words().plan for one in reading.words if one not in FAMILY_WORDS)
    return bool(family) and is_bare and reading.is_company and not reading.states and not anchor.is_unspecified


def _forms(value: str, given: Iterable[str], payer: Payer | None, *, is_listed: bool = True) -> list[tuple[str, int]]:
    forms: list[tuple[str, int]] = [(value, Strength.NAME), (bare(value), Strength.NAME)]
    # A part of a name may be another's whole name: "TRICARE/UCCI" does not own "UCCI"; what stands before a bracket is its own.
    plain = BRACKET.sub("", bare(value)).strip()
    forms += [(one, Strength.GIVEN if one == plain else Strength.KNOWN) for one in variants(value)[1:]]
    forms += [(one, Strength.GIVEN) for one in sorted(given)]
    if payer:
        forms += [(one, Strength.KNOWN) for one in (*variants(payer.name), *payer.aliases)]
        forms += [(one, Strength.DOUBTFUL) for one in payer.doubtful]
    reading = read_spelling(bare(value))
    lead = list(itertools.takewhile(lambda one: one not in FAMILY_WORDS, reading.words))
    if is_listed and lead and len(lead) < len(reading.words):
        forms += [(" ".join(reading.words), Strength.SHORTENED), (" ".join(lead), Strength.DOUBTFUL)]
    while is_listed and len(reading.words) > 1 and reading.words[-1] in words().plan:
        reading = replace(reading, words=reading.words[:-1])
        if reading.words[0] not in words().plan and reading.words[0] not in FAMILY_WORDS:
            state = f" of {min(reading.states)}" if reading.states else ""
            is_plain = len(reading.words) == 1 and reading.words[0] in words().plain
            forms.append((" ".join(reading.words) + state, Strength.DOUBTFUL if is_plain else Strength.SHORTENED))
    return forms


def telling_windows(firm: list[Window], reading: Reading) -> list[Window]:
    """Leave out forms made of plan words alone, unless they lead with two words, stand before a bracket, or are all."""
    plan = words().plan
    is_plan = {one: plan.issuperset(reading.words[one.start : one.end]) for one in firm}
    leading = [one for one in firm if one.start == 0 and (one.end > 1 or one.end == reading.bracket)]
    kept = [one for one in firm if not is_plan[one] or one in leading]
    return kept or [one for one in firm if one.start == 0]
