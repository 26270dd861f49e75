"""The names in a pick-list: their parts that are names themselves, what is left without plan words, and whose they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from workbench.carriers.readings import read_spelling
from workbench.carriers.texts import normal
from workbench.dental.payers import Payer, words

UNSPECIFIED = re.compile(r"\(?\b(?:state|plan)?\s*(?:unspecified|unknown|not specified)\b\)?", re.IGNORECASE)
BRACKET = re.compile(r"\s*\(([^)]*)\)")


Key = tuple[str, frozenset[str]]


FAMILY_WORDS = {"deltadental": "delta", "bluecross": "blue", "blueshield": "blue", "medicaid": "medicaid"}


def bare(value: str) -> str:
    """Return a name without a remark that the member or plan is not specified."""
    return UNSPECIFIED.sub(" ", value).strip() or value


def core(text: str) -> Key:
    """Return the words of a name without plan words, joined, and its states."""
    reading = read_spelling(bare(text))
    return "".join(one for one in reading.words if one not in words().plan) or text, reading.states


def variants(name: str) -> list[str]:
    """Return a name as it stands, and its parts beside, inside and without brackets or slashes that are names themselves."""
    plain = bare(name)
    found = [plain]
    halves = [one for one in plain.split("/") if len(one) > 2]
    if len(halves) > 1 and not any(one in FAMILY_WORDS for one in read_spelling(plain).words):
        found += [one for one in halves if not set(read_spelling(one).words) <= words().plan]
    if inside := BRACKET.search(plain):
        outside = BRACKET.sub("", plain)
        if read_spelling(inside[1]).words or not read_spelling(inside[1]).states:
            found.append(outside)
        if len(inside[1]) > 2 and not set(read_spelling(inside[1]).words) <= words().plan:
            found.append(inside[1])
    return found


def owners_of(values: Sequence[str], payers: Sequence[Payer]) -> dict[str, Payer]:
    """Return which payer each value of a list names, where no other value names it as well or better."""
    named: dict[tuple[int, object], dict[str, Payer]] = defaultdict(dict)
    for payer in payers:
        named[0, normal(payer.name)][payer.name] = payer
        for rank, texts in enumerate((variants(payer.name), payer.aliases), 1):
            for text in texts:
                named[rank, read_spelling(text).key][payer.name] = payer
                joined, states = core(text)
                named[3, (joined, states or payer.states)][payer.name] = payer
                named[4, joined if not states else (joined, states)][payer.name] = payer
    claims: dict[str, list[tuple[int, str, Payer]]] = defaultdict(list)
    for value in values:
        read: list[object] = [read_spelling(one).key for one in variants(value)]
        mine = core(value)
        keys: list[list[object]] = [[normal(value)], read, read, [mine], [mine if mine[1] else mine[0]]]
        for rank, tried in enumerate(keys):
            found = next((one for key in tried if len(one := named.get((rank, key), {})) == 1), {})
            if found:
                ((name, payer),) = found.items()
                claims[name].append((rank, value, payer))
                break
    owners = {}
    for claimed in claims.values():
        best = min(rank for rank, *_ in claimed)
        firm = [(value, payer) for rank, value, payer in claimed if rank == best]
        if len(firm) == 1:
            owners[firm[0][0]] = firm[0][1]
    return owners
