"""US dental payers, the words that spellings of them are made of, and what says that there is no carrier: CSVs beside it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from workbench.dental.knowledge import read_facts
from workbench.errors import MappingProblem

OWN_PAYERS = "payers.csv"
"""The file, beside the value maps' folder, in which a practice adds payers and short forms to the shipped ones."""
HEADER = ("name", "family", "states", "payer_ids", "aliases")
NOT_LETTERS = re.compile(r"[^a-z0-9]+")


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
    return tuple(_payer(row) for row in read_facts("payers.csv"))


def extended(own: Path) -> tuple[Payer, ...]:
    """Return the shipped payers with a practice's own file laid over them: a payer or short form named there is theirs."""
    if not own.is_file():
        return known_payers()
    theirs = {one.name: one for one in read_payers(own)}
    taken = {_plain(alias) for one in theirs.values() for alias in (*one.aliases, one.name)}
    kept = [
        replace(one, aliases=tuple(alias for alias in one.aliases if _plain(alias) not in taken))
        for one in known_payers()
        if one.name not in theirs
    ]
    return (*kept, *theirs.values())


@dataclass(frozen=True)
class Words:
    """Words by their role in a spelling, and every written form of a state with its code.

    `plan` words may stand beside a payer's name; the `loose` ones of them make another company of a `plain` English word
    (Lincoln Benefit Life), and only `lead` words may stand before a name. `aside` are sponsors and places, `markers` what a
    front desk writes around a name, `kept` names that look like states, `ordinary` English words that are no slip of a
    payer's name, `ambiguous` codes of states that are words too, `people` words that people are called by as well,
    `abbreviated` short forms of states, which no word is a slip of, `cities` large ones with the code of their state, and
    `common` what stands in many names (plan words and brands), and `two_fold` codes of states that are short forms, too.
    """

    short: Mapping[str, tuple[str, ...]]
    join: Mapping[tuple[str, ...], tuple[str, ...]]
    legal: frozenset[str]
    plan: frozenset[str]
    loose: frozenset[str]
    plain: frozenset[str]
    lead: frozenset[str]
    ordinary: frozenset[str]
    fillers: frozenset[str]
    families: frozenset[str]
    brand: frozenset[str]
    ambiguous: frozenset[str]
    short_states: frozenset[str]
    directions: frozenset[str]
    employers: frozenset[str]
    aside: frozenset[tuple[str, ...]]
    markers: frozenset[tuple[str, ...]]
    junk: frozenset[str]
    kept: frozenset[tuple[str, ...]]
    states: Mapping[tuple[str, ...], str]
    codes: frozenset[str]
    classes: Mapping[str, str]
    people: frozenset[str]
    every: frozenset[str]
    abbreviated: frozenset[str]
    cities: Mapping[tuple[str, ...], str]
    common: frozenset[str]
    two_fold: frozenset[str]


@cache
def words() -> Words:
    """Return the words that spellings of carriers are made of."""
    roles = {row["role"]: parts(row["words"]) for row in read_facts("carrier_words.csv")}
    pairs = dict(one.split("=", 1) for one in roles["short"])
    joins = dict(one.split("=", 1) for one in roles["join"])
    classes = {phrase: row["class"] for row in read_facts("not_carriers.csv") for phrase in parts(row["phrases"])}
    states: dict[tuple[str, ...], str] = {}
    cities: dict[tuple[str, ...], str] = {}
    abbreviated: set[str] = set()
    for row in read_facts("carrier_states.csv"):
        for form in (row["name"].lower(), *parts(row["short_forms"])):
            states[tuple(form.split())] = row["code"]
        states[(row["name"].lower().replace(" ", ""),)] = row["code"]
        abbreviated |= {word for form in parts(row["short_forms"]) for word in form.split()}
        abbreviated -= set(row["name"].lower().split())
        cities |= {tuple(one.split()): row["code"] for one in parts(row["cities"])}
    said = [*pairs, *joins, *classes]
    said += [
        one for role, held in roles.items() if role not in ("ordinary", "person") for one in held if "=" not in one
    ]
    plain = {role: frozenset(held) for role, held in roles.items()}
    return Words(
        short={word: tuple(meaning.split()) for word, meaning in pairs.items()},
        join={tuple(word.split()): tuple(meaning.split()) for word, meaning in joins.items()},
        legal=plain["legal"],
        plan=plain["plan"],
        loose=plain["loose"],
        plain=plain["plain"],
        lead=plain["lead"],
        ordinary=plain["ordinary"],
        fillers=plain["filler"],
        families=plain["family"],
        brand=plain["brand"],
        ambiguous=plain["ambiguous"],
        short_states=plain["short_state"],
        directions=plain["direction"],
        employers=plain["employer"],
        junk=plain["junk"],
        aside=_phrases(roles["sponsor"] + roles["city"]) | cities.keys(),
        markers=_phrases(roles["marker"]),
        kept=_phrases(roles["kept"]),
        states=states,
        codes=frozenset(states.values()),
        classes=classes,
        people=plain["person"],
        every=frozenset(word for text in said for word in text.split()) | {word for form in states for word in form},
        abbreviated=frozenset(abbreviated),
        cities=cities,
        common=plain["plan"] | plain["brand"],
        two_fold=frozenset(word for word in pairs if word.upper() in states.values() and word not in ("al", "la")),
    )


def _phrases(texts: Iterable[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(text.split()) for text in texts)


def _plain(text: str) -> str:
    return NOT_LETTERS.sub(" ", text.casefold()).strip()


def parts(text: str) -> tuple[str, ...]:
    """Return the parts of a cell that lists several, joined with `|`."""
    return tuple(one.strip() for one in text.split("|") if one.strip())
