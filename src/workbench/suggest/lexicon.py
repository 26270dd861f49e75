"""Payers that are known, and the anchors they make of a pick-list: which words and states stand for which of its values."""

from __future__ import annotations

import csv
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from workbench.errors import MappingProblem
from workbench.suggest.names import normal
from workbench.suggest.readings import HERE, Reading, parts, read_spelling, words

HEADER = ("name", "family", "states", "payer_ids", "aliases")
UNSPECIFIED = re.compile(r"\(?\b(?:state|plan)?\s*(?:unspecified|unknown|not specified)\b\)?", re.IGNORECASE)
BRACKET = re.compile(r"\s*\(([^)]*)\)")
FAMILY_WORDS = {"deltadental": "delta", "bluecross": "blue", "blueshield": "blue", "medicaid": "medicaid"}
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+")
INNER = {"bluecross": "bc", "blueshield": "bs", "healthcare": "hc", "medicaid": "m"}
ADDED = ("", "d", "g", "p", "i", "c", "f", "ic", "dp", "dg", "fg", "li", "lic")
"""Letters that front desks add to initials: dental, group, plan, insurance, company, financial, life."""
NAME, GIVEN, KNOWN, SHORTENED, DOUBTFUL = range(5)
"""How firmly a form stands for its anchor: its own name, an alias of the list, a known alias, a shorter name, a shared one."""


@dataclass(frozen=True)
class Payer:
    """One payer: its federation if it is a member of one, the states it writes (none: any), its ids and its short forms.

    `doubtful` holds short forms that others are called by too: they propose, and never decide.
    """

    name: str
    family: str = ""
    states: frozenset[str] = frozenset()
    payer_ids: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


def read_payers(path: Path) -> tuple[Payer, ...]:
    """Return the payers of a CSV with the header name,family,states,payer_ids,aliases; lists are joined with `|`.

    A practice extends the shipped list with such a file; an alias that ends in `?` only proposes.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restval="")
        missing = [name for name in HEADER if name not in (reader.fieldnames or [])]
        if missing:
            raise MappingProblem(
                f"{path.name} lacks the column {', '.join(missing)}; its header must be {','.join(HEADER)}."
            )
        return tuple(_payer(row) for row in reader if row["name"].strip())


def _payer(row: Mapping[str, str]) -> Payer:
    states, ids, aliases = (parts(row[name]) for name in ("states", "payer_ids", "aliases"))
    return Payer(
        row["name"].strip(),
        row["family"].strip(),
        frozenset(states),
        frozenset(one.casefold().lstrip("0") for one in ids),
        tuple(one for one in aliases if not one.endswith("?")),
        tuple(one.removesuffix("?") for one in aliases if one.endswith("?")),
    )


@cache
def known_payers() -> tuple[Payer, ...]:
    """Return the shipped payers (payers.csv: names, states and ids are facts that payers and clearing houses publish)."""
    return read_payers(HERE / "payers.csv")


def extended(own: Path) -> tuple[Payer, ...]:
    """Return the shipped payers with a practice's own file laid over them: a payer or short form named there is theirs."""
    if not own.is_file():
        return known_payers()
    theirs = {one.name: one for one in read_payers(own)}
    taken = {normal(alias) for one in theirs.values() for alias in (*one.aliases, one.name)}
    kept = [
        replace(one, aliases=tuple(alias for alias in one.aliases if normal(alias) not in taken))
        for one in known_payers()
        if one.name not in theirs
    ]
    return (*kept, *theirs.values())


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


Key = tuple[str, frozenset[str]]


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
            if strength in (NAME, KNOWN):
                for word in reading.words:
                    self.holders[word].add(place)
                for letters, added in initials(text, reading):
                    self.initials[letters][place] = min(added, self.initials[letters].get(place, added))
            # "Amer." spelled out would be the first word of many names.
            if reading.key in seen or (strength == KNOWN and joined in words().plain and normal(text) != joined):
                continue
            seen.add(reading.key)
            form = Form(place, text, reading, strength)
            self.forms.append(form)
            self.by_letter[joined[0]].append(form)
            self.by_words[joined].setdefault(states, set()).add((strength, place))

    def firmest(self, found: Iterable[tuple[int, int]]) -> tuple[int, set[int]]:
        """Return the firmest strength among forms and the anchors that hold it; names go before short forms."""
        strength = min(one for one, _ in found)
        return strength, {place for one, place in found if one == strength}


def make_anchors(choices: Mapping[str, Iterable[str]] | None, payers: Sequence[Payer]) -> Anchors:
    """Return the anchors of a pick-list, or of the known payers where none is given.

    A value of the list takes the short forms of the payer it names. Where several name one payer, only the one that
    equals its name does; the others stand on their full names. A known payer that no value names stays, off the list.
    """
    made = Anchors()
    if choices is None:
        for payer in sorted(payers, key=lambda one: one.name):
            made.add(_anchor(payer.name, payer, is_listed=True), _forms(payer.name, (), payer))
        return made
    owners = _owners(sorted(choices), payers)
    owned = {one.name for one in owners.values()}
    taken = {read_spelling(text).key for value in choices for text in (value, *choices[value])}
    forms = {value: _forms(value, choices[value], owners.get(value)) for value in sorted(choices)}
    _give_to_longer_names(forms)
    for value, ways in forms.items():
        made.add(_anchor(value, owners.get(value), is_listed=True), ways)
    for payer in sorted(payers, key=lambda one: one.name):
        if payer.name not in owned:
            forms = [one for one in _forms(payer.name, (), payer, is_listed=False) if read_spelling(one[0]).key not in taken]
            made.add(_anchor(payer.name, payer, is_listed=False), forms)
    return made


def _give_to_longer_names(forms: dict[str, list[tuple[str, int]]]) -> None:
    """Let "X Community Plan" own what short forms of X say with its further words, where the list holds both."""
    read = {value: read_spelling(bare(value)).words for value in forms}
    by_words = {found: value for value, found in sorted(read.items(), reverse=True) if found}
    for value, found in read.items():
        for size in range(1, len(found)):
            shorter = by_words.get(found[:size])
            if shorter is None or shorter == value or found[0] in FAMILY_WORDS:
                continue
            further = found[size:]
            ways = [(text, read_spelling(text).words, strength) for text, strength in forms[shorter] if strength == KNOWN]
            theirs = {text for text, inner, _ in ways if inner[-len(further) :] == further}
            forms[shorter] = [one for one in forms[shorter] if one[0] not in theirs]
            longer = [f"{text} {' '.join(further)}" for text, inner, _ in ways if text not in theirs and inner]
            forms[value] += [(one, KNOWN) for one in (*sorted(theirs), *longer)]


def _anchor(value: str, payer: Payer | None, *, is_listed: bool) -> Anchor:
    reading = read_spelling(bare(value))
    family = payer.family if payer else next((FAMILY_WORDS[one] for one in reading.words if one in FAMILY_WORDS), "")
    is_bare = not reading.states and bool(reading.words) and all(one in FAMILY_WORDS for one in reading.words)
    states = payer.states if payer and payer.states else reading.states
    ids = payer.payer_ids if payer else frozenset()
    return Anchor(value, is_listed, family, states, ids, is_bare or UNSPECIFIED.search(value) is not None)


def bare(value: str) -> str:
    """Return a name without a remark that the member or plan is not specified."""
    return UNSPECIFIED.sub(" ", value).strip() or value


def _owners(values: Sequence[str], payers: Sequence[Payer]) -> dict[str, Payer]:
    """Return which payer each value of a list names, where no other value names it as well."""
    names: dict[str, list[Payer]] = defaultdict(list)
    keys: dict[tuple[int, Key], list[Payer]] = defaultdict(list)
    for payer in payers:
        names[normal(payer.name)].append(payer)
        for rank, texts in enumerate((variants(payer.name), payer.aliases)):
            for text in texts:
                keys[rank, read_spelling(text).key].append(payer)
    claims: dict[str, list[tuple[int, str, Payer]]] = defaultdict(list)
    for value in values:
        ranked = [names[normal(value)], *([] for _ in range(2))]
        for rank in (0, 1):
            ranked[rank + 1] = [one for text in variants(value) for one in keys.get((rank, read_spelling(text).key), [])]
        for rank, found in enumerate(ranked):
            if len({one.name for one in found}) == 1:
                claims[found[0].name].append((rank, value, found[0]))
                break
    owners = {}
    for found in claims.values():
        best = min(rank for rank, *_ in found)
        firm = [(value, payer) for rank, value, payer in found if rank == best]
        if len(firm) == 1:
            owners[firm[0][0]] = firm[0][1]
    return owners


def variants(name: str) -> list[str]:
    """Return a name as it stands, and without and inside its bracket where that is a name by itself."""
    plain = bare(name)
    found = [plain]
    if inside := BRACKET.search(plain):
        outside = BRACKET.sub("", plain)
        if not read_spelling(inside[1]).states:
            found.append(outside)
        if len(inside[1]) > 2 and not set(read_spelling(inside[1]).words) <= words().plan:
            found.append(inside[1])
    return found


def _forms(value: str, given: Iterable[str], payer: Payer | None, *, is_listed: bool = True) -> list[tuple[str, int]]:
    forms = [(one, NAME) for one in (value, *variants(value))]
    forms += [(one, GIVEN) for one in sorted(given)]
    if payer:
        forms += [(one, KNOWN) for one in (*variants(payer.name), *payer.aliases)]
        forms += [(one, DOUBTFUL) for one in payer.doubtful]
    reading = read_spelling(bare(value))
    lead = [one for one in itertools.takewhile(lambda one: one not in FAMILY_WORDS, reading.words)]
    if is_listed and lead and len(lead) < len(reading.words):
        forms += [(" ".join(reading.words), SHORTENED), (" ".join(lead), DOUBTFUL)]
    while is_listed and len(reading.words) > 1 and reading.words[-1] in words().plan:
        reading = replace(reading, words=reading.words[:-1])
        if reading.words[0] not in words().plan and reading.words[0] not in FAMILY_WORDS:
            state = f" of {min(reading.states)}" if reading.states else ""
            is_plain = len(reading.words) == 1 and reading.words[0] in words().plain
            forms.append((" ".join(reading.words) + state, DOUBTFUL if is_plain else SHORTENED))
    return forms


def initials(text: str, reading: Reading) -> Iterable[tuple[str, int]]:
    """Return initials by which a name may go, with the number of letters added for words it is known without."""
    plain = [one for one in CAMEL.sub(" ", bare(text)).casefold().split() if one.isalpha()]
    if len(plain) < 2 and len(reading.words) < 2:
        return
    letters = "".join("dd" if one == "deltadental" else INNER.get(one, one[0]) for one in reading.words)
    state = min(reading.states).casefold() if len(reading.states) == 1 else ""
    for core in {letters, "".join(INNER.get(one, one[0]) for one in plain if one not in ("the", "and"))}:
        for end in ("", state, state[:1]):
            for added in ADDED:
                if 1 < len(core + end + added) < 9:
                    yield core + end + added, len(added) + (end != state)
