"""Exact and normalised match of spellings on a list of choices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from workbench.suggest.suggestion import Candidate, Suggestion

NOT_LETTERS = re.compile(r"[^a-z0-9]+")


def normal(text: str) -> str:
    """Return a spelling without case, accents, punctuation and extra blanks."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    return NOT_LETTERS.sub(" ", "".join(one for one in plain if not unicodedata.combining(one))).strip()


def suggest_names(spellings: Iterable[str], choices: Mapping[str, Iterable[str]]) -> list[Suggestion]:
    """Propose for each spelling the choice that equals it, then one that equals it normalised, then by an alias.

    `choices` gives the aliases of each choice. Two choices under one normal form make neither a proposal.
    """
    exact = set(choices)
    by_normal: dict[str, set[str]] = {}
    aliases: dict[str, set[str]] = {}
    for choice, known in choices.items():
        by_normal.setdefault(normal(choice), set()).add(choice)
        for alias in known:
            aliases.setdefault(normal(alias), set()).add(choice)
    return [Suggestion(spelling, _found(spelling, exact, by_normal, aliases)) for spelling in spellings]


def _found(
    spelling: str, exact: set[str], by_normal: Mapping[str, set[str]], aliases: Mapping[str, set[str]]
) -> tuple[Candidate, ...]:
    if spelling in exact:
        return (Candidate(spelling, 1.0, "equal"),)
    key = normal(spelling)
    for known, confidence, reason in (
        (by_normal, 0.98, "equal but for case, punctuation and blanks"),
        (aliases, 0.96, "a known short form"),
    ):
        choices = known.get(key, set()) if key else set()
        if len(choices) == 1:
            return (Candidate(next(iter(choices)), confidence, reason),)
    return ()
