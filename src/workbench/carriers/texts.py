"""Texts of carriers before their words are read: folded, with what is not the name set aside, and remarks marked."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

SIGNS = ("(", ")", "~")
"""What stands among the words of a text that is set aside: brackets, and where a remark begins."""
MARKS = str.maketrans(dict.fromkeys("®™©°\u200b\u200c\u200d\ufeff\ufffd`´'’‘", "") | {"&": " and ", "+": " plus "})
BEFORE_NUMBER = "grp|group|gp|policy|pol|acct|account|member|mbr|sub|id|plan|payer id|payor id|zip"
ASIDE = (
    ("an e-mail address", re.compile(r"\S+@\S+\.\w+")),
    ("a PO box", re.compile(r"\b(?:p\W{0,2}o\W{0,2}\s*box|box)\s*#?\s*\d.*$")),
    ("a street", re.compile(r"\b\d{1,5}\s+(?:[a-z]+\s+){1,3}(?:st|street|ave|avenue|blvd|rd|road|dr|drive|ln|suite|ste)\b.*$")),
    ("a phone", re.compile(r"(?<![\w-])(?:\+?1[-. ]?)?(?:\(\d{3}\)\s?|\d{3}[-. ])?\d{3}[-.]\d{4}\b")),
    ("a phone", re.compile(r"\b1?\d{10}\b")),
    ("a date", re.compile(r"\b\d{1,4}[/-]\d{1,2}(?:[/-]\d{2,4})?\b")),
    ("an address", re.compile(
        r"(?<=[a-z)] )(?<!local )(?<!council )(?<!dc )(?<!title )(?<!plan )(?<!group )\d{3,5}"
        r"(?: (?!(?:fund|trust|welfare|benefits?|health|dental|plan|insurance|ppo|hmo)\b)[a-z.]+){2,}\s*$"
    )),
    ("a group number", re.compile(rf"(?:\b(?:{BEFORE_NUMBER})\b|#)[\s.:#-]*(?:no|num|number)?\b[\s.:#-]*(?=[a-z-]{{0,4}}\d)[a-z\d-]+")),
)  # fmt: skip
LONGEST = 400
NOT_THIS = re.compile(
    r"(?<!\bdo)(?<!\bdoes)(?<!\bis)(?<!\bhas)(?<!\bwas)(?<!\bif)(?<!\bor)(?<!\bare)(?<!\bpt)(?<!\bins)(?<!\binsurance)[\s,(/;:-]+not"
    r"\s+(?!(?:use|used|listed|given|on|sure|active|accept|accepted|verified|eligible|covered|in|par|a|our|known|valid|bill"
    r"|insured|needed|available|found|provided|effective|applicable|yet|required|assigned|contracted|participating)\b)[^()]*\)?"
)
"""What a spelling says that it is not: "Delta of Virginia, not WV"."""
APART = re.compile(r"\s+[-\u2013\u2014]+\s*|\s*[\u2013\u2014]+\s+|,\s+|\s+/\s+|[;:]\s+|\s*[*]{2,}\s*")
"""What separates a name from a remark beside it."""
DOTTED = re.compile(r"\b(?:[a-z]\.\s?){2,}(?:[a-z]\b)?")
SLASHED = re.compile(r"\b([a-z])/([a-z])\b")
SPACED = re.compile(r"(?<![a-z])(?:[a-z] ){2,}[a-z](?![a-z])")
INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})")
OF_NAME = re.compile(r"of[A-Z]")
DIGIT = re.compile(r"\d")
STUCK = re.compile(r"\b([a-z]{4,})\d+\b")
NOT_WORDS = re.compile(r"[^a-z0-9]+")
NUMBER = re.compile(r"[a-z]{0,3}\d[a-z\d]*")
NOT_LETTERS = re.compile(r"[^a-z0-9]+")


def folded(text: str) -> str:
    """Return a text in small letters, without accents, trade marks and apostrophes; no name is longer than what is read."""
    text = " ".join(text[: 2 * LONGEST].split())[:LONGEST]
    if text.isascii():
        return text.translate(MARKS).casefold()
    plain = unicodedata.normalize("NFKD", text.translate(MARKS)).casefold()
    return "".join(one for one in plain if not unicodedata.combining(one))


def normal(text: str) -> str:
    """Return a spelling without case, accents, punctuation and extra blanks."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    return NOT_LETTERS.sub(" ", "".join(one for one in plain if not unicodedata.combining(one))).strip()


def tokens(text: str) -> list[str]:
    """Return the raw words of a spelling as its reading sees them before anything is spelled out."""
    return without_signs(set_aside(folded(text))[0].split())


def first_part(marked: list[str]) -> list[str]:
    """Return the words before the first dash, comma or bracket that stands behind a word."""
    first = next((place for place, one in enumerate(marked) if one in SIGNS and without_signs(marked[:place])), None)
    return without_signs(marked[:first])


def without_signs(marked: list[str]) -> list[str]:
    """Return words alone, without brackets and what marks a remark."""
    return [one for one in marked if one not in SIGNS]


@lru_cache(maxsize=100_000)
def set_aside(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return the words of a folded text, its numbers, and what else was taken out; asked twice for each spelling."""
    notes = []
    for what, pattern in ASIDE if DIGIT.search(text) or "@" in text else ():
        text, count = pattern.subn(" ", text)
        if count:
            notes.append(what)
    if (said := NOT_THIS.search(text)) and said.start() > 2:
        text = NOT_THIS.sub(" ", text)
        notes.append("what it is not")
    text = DOTTED.sub(lambda found: found[0].replace(".", "").replace(" ", "") + " ", text)
    text = SLASHED.sub(r"\1\2", text)
    text = APART.sub(" qqapart ", text)
    text = text.replace("(", " qqopen ").replace(")", " qqclose ").replace("[", " qqopen ").replace("]", " qqclose ")
    text = STUCK.sub(r"\1", " ".join(NOT_WORDS.sub(" ", text).split()))
    text = SPACED.sub(lambda found: found[0].replace(" ", ""), text)
    found = text.replace("qqopen", "(").replace("qqclose", ")").replace("qqapart", "~").split()
    if "(" in found and found.index("(") == 0:
        found = without_signs(found)
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
    if not place:
        leads_name = len(found) > 1 and (not one.isdigit() or len(one) < 5) and found[1] not in SIGNS
        return not leads_name and not (len(one) > 4 and sum(letter.isalpha() for letter in one) > 2)
    return len(one) > 4 or found[place - 1] not in ("local", "dc", "care", "council", "seiu", "ufcw", "ibew", "lu")
