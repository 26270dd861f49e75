"""Read the name of a column as plain words: "HmPhone", "HOME_PH" and "homephone" are all (home, phone)."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from workbench.dental.knowledge import read_facts

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[#%]")
SHORTENED = (
    (re.compile(r"\bsign(?:s|ed|ing)?[ _-]?(?:in|on)\b", re.IGNORECASE), "login"),
    (re.compile(r"\b(ins(?:urance)?\.?|member(?:ship)?)[ _-]card\b", re.IGNORECASE), r"\1"),
    (re.compile(r"n['’]t\b", re.IGNORECASE), " not"),
    (re.compile(r"['’](?:s|d|re|ve|ll|m)?\b", re.IGNORECASE), ""),
)
"""What stands for other words: don't for do not, who's for who; a sign-in is no signature, an insurance card no card to pay with."""
FORM = r"(?:mm?|dd?|y{1,4}|hh?|yes|no|true|false|[a-z0-9])"
HINTS = re.compile(
    rf"\((?:s|es|{FORM}(?: ?[/.|-] ?{FORM})+|[a-z](?:, ?[a-z])+|last,? ?first(?:,? ?m\w*)?|first,? ?last|optional|required)\)",
    re.IGNORECASE,
)
"""What brackets say of the values' form, or of a plural, and not of what a column is: (mm/dd/yyyy), (Y/N), (L, F), (s)."""
REFUSED = re.compile(
    r"^no[ _](?=(?:phone )?calls?\b|contact\b|(?:e-?)?mail|texts?\b|sms\b|solicit|marketing|corresp|reminder|shows?\b"
    r"|outreach|communication)",
    re.IGNORECASE,
)
"""A "no" before what is not to be done is no number: No Calls."""
TYPED = re.compile(
    r"^(?:str|int|bln|bool|ole|lng|dbl|sng|chk|cbo|cur|ysn|vch|txt(?!(?i:ok|msg|con|opt|perm|able))|mem(?!(?i:id|no|nu|nbr)))"
    r"(?=[A-Z])|^dt[mt]?(?=[A-Z])"
)
"""Types that programs write before a name: strCity, blnActive; of a day it is a word of the name: dtBirth."""
KEY_WORDS = (("id",), ("number",), ("key",), ("code",))
MARKS = {"#": "number", "%": "percent"}
SHORTEST, SHORTEST_RUN, MOST_PIECES = 2, 4, 4
LEAST_BONES, LEAST_BEGUN = 3, 4
FIRST_OF_TWO = re.compile("pt|tx|cs|ap|of|us|tk|nt|em|pr|st|ph|hm|wk|cl|rc|in|gp|co|lg|ad|ct")
LAST_OF_TWO = re.compile("no|cd|nm|dt|id|ph|ad|st|tm|pt|mi|ty|tp|ct|cy|zp|fl|yn|by|ln|fn")
"""Pieces of two letters that say whose a column is, at its beginning, and what it holds, at its end: TXFEE, FEECD."""
ASKS = {
    ("how", "many"): ("number _", "_ count"),
    ("how", "much"): ("_ amount", "amount _", "_"),
    ("how", "often"): ("_ interval", "_ frequency"),
    ("how", "long"): ("_ duration", "_ minute"),
    ("how", "soon"): ("due date", "_ priority"),
    ("what", "kind"): ("_ type", "type _", "_"),
    ("what", "type"): ("_ type", "type _", "_"),
    ("what", "time"): ("_ time", "_ date time"),
    ("kind",): ("_ type", "type _"),
    ("who",): ("_ by", "_", "_ name"),
    ("whom",): ("_", "_ by"),
    ("when",): ("_ date", "date _", "_ on", "_ at", "_"),
    ("why",): ("_ reason", "reason _", "_ because"),
    ("where",): ("_ location", "_ office", "_"),
    ("what",): ("_", "_ name"),
    ("about",): ("_ note", "_"),
}
"""What a question asks for, with its other words in place of the line."""
FILLERS = re.compile("to|at|for|is|are|was|were|did|does|do|been|be|has|have|had|in|on|the|of|they|we|it|you|us|up|s")
PLURALS = re.compile(r"(?<=[a-z]{3})(?<![siu])s$")


def fold(name: str) -> tuple[str, ...]:
    """Return a column name as words: camel case split, marks and short forms spelled out; "Cell #" is mobile number."""
    words = [word for one in _joined(_plain(name.removeprefix("cf_"))) for word in _read(one)]
    return tuple(word for place, word in enumerate(words) if not place or word != words[place - 1])


def is_header(name: str) -> bool:
    """Say whether a name is made of words that columns are called by, and of nothing else."""
    words = fold(name)
    return bool(words) and all(word in _said() for word in words)


@cache
def asked(words: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return what a name that asks is called as a plain one: who entered is entered by, how many chairs is number of chairs.

    Nothing for a name that asks nothing.
    """
    for question, ways in ASKS.items():
        place = next((at for at in range(len(words)) if words[at : at + len(question)] == question), None)
        if place is not None:
            rest = tuple(one for one in words[:place] + words[place + len(question) :] if not FILLERS.fullmatch(one))
            made = (way.replace("_", " ".join(rest)).split() if rest else way.replace("_", "").split() for way in ways)
            return tuple(tuple(one) for one in made if one)
    return ()


def bared(words: tuple[str, ...], own: Collection[str], *, is_link: bool = False) -> tuple[str, ...]:
    """Return the words without those of the object; of a link also without what says that it is one: user, id."""
    while is_link and len(words) > 1 and words[-1:] in KEY_WORDS:
        words = words[:-1]
    return tuple(word for word in words if word not in own and not (is_link and word == "user"))


def is_word(name: str) -> bool:
    """Say whether a run of letters is a word or a short form that is known."""
    return bool(_known(name.lower()))


def squash(name: str) -> str:
    """Return a column name as exports of one system repeat it: without case, blanks and marks."""
    return re.sub(r"[^a-z0-9#%$]+", "", name.lower())


def _plain(name: str) -> str:
    """Return a name without what brackets say of its form, apostrophes, and the type before it."""
    for shortened, means in SHORTENED:
        name = shortened.sub(means, name)
    return TYPED.sub(lambda typed: "date " if typed[0].startswith("dt") else "", HINTS.sub(" ", name))


def _joined(name: str) -> list[str]:
    """Return the runs of a name, a single letter joined to the run behind it where both are one word: L, Name."""
    made: list[str] = []
    name = REFUSED.sub("not ", name)
    for one in (MARKS.get(run, run.lower()) for run in WORDS.findall(name)):
        if made and len(made[-1]) == 1 and made[-1] + one in _meanings():
            made[-1] += one
        else:
            made.append(one)
    return made


@cache
def _read(word: str) -> tuple[str, ...]:
    """Return what one run of letters means; a run that nobody knows is cut into words that somebody knows."""
    if known := _known(word):
        return tuple(_meanings()[known].split())
    pieces = _cut(word) if len(word) >= SHORTEST_RUN else ()
    if pieces:
        return tuple(part for piece in pieces for part in _piece(piece).split())
    if meant := _spelled(word):
        return tuple(meant.split())
    return (PLURALS.sub("", word),)


def _spelled(short: str) -> str:
    """Return what a word without its vowels or without its end means (ofc, occup), where all such words mean one thing."""
    bones = _bones(short)
    alike = {
        means
        for word, means in _meanings().items()
        if means and len(word) > SHORTEST_RUN and _bones(word) == bones and _is_within(short, word)
    }
    begun = {means for word, means in _meanings().items() if means and word.startswith(short)}
    for meant in (alike if len(bones) >= LEAST_BONES else set(), begun if len(short) >= LEAST_BEGUN else set()):
        if len(meant) == 1:
            return meant.pop()
    return ""


def _is_within(short: str, word: str) -> bool:
    """Say whether a word has the letters of a short form in their order."""
    letters = iter(word)
    return all(letter in letters for letter in short)


@cache
def _bones(word: str) -> str:
    """Return a word without the vowels behind its first letter and without doubled letters."""
    return re.sub(r"(.)\1+", r"\1", word[:1] + re.sub(r"[aeiouy]", "", word[1:]))


def _cut(run: str) -> tuple[str, ...]:
    """Cut a run into the fewest pieces with a meaning, at most one of them of two letters; nothing if that cannot be done.

    What says whose a column is, and what it holds, may be of two letters besides: TXFEECD.
    """
    best: dict[int, tuple[str, ...]] = {0: ()}
    for end in range(SHORTEST, len(run) + 1):
        ways = [
            (*best[start], run[start:end])
            for start in range(max(0, end - 14), end - SHORTEST + 1)
            if start in best and _piece(run[start:end])
        ]
        fit = [way for way in ways if len(way) <= MOST_PIECES and _shorts(way, end == len(run)) <= 1]
        if fit:
            best[end] = min(fit, key=lambda way: (len(way), _shorts(way, False), [-len(one) for one in way]))
    pieces = best.get(len(run), ())
    is_short = len(run) == SHORTEST_RUN
    return (
        ()
        if is_short and not (pieces and FIRST_OF_TWO.fullmatch(pieces[0]) and LAST_OF_TWO.fullmatch(pieces[-1]))
        else pieces
    )


def _shorts(way: tuple[str, ...], is_whole: bool) -> int:
    """Count the pieces of two letters that neither begin a run as whose it is, nor end it as what it holds."""
    counted = way[bool(FIRST_OF_TWO.fullmatch(way[0])) : -1 if is_whole and LAST_OF_TWO.fullmatch(way[-1]) else None]
    return sum(len(one) == SHORTEST and one != "id" for one in counted)


@cache
def _piece(piece: str) -> str:
    """Return what one piece of a run means; of four letters and more without a vowel also by its consonants."""
    if known := _known(piece):
        return _meanings()[known] or " "
    is_bare = len(piece) >= LEAST_BEGUN and _bones(piece) == piece
    return _spelled(piece) if is_bare else ""


def _known(word: str) -> str:
    """Return the word, or its singular, under which it is known; nothing if it is not."""
    return next((one for one in (word, PLURALS.sub("", word)) if one in _meanings()), "")


@cache
def _said() -> frozenset[str]:
    meanings = _meanings()
    return frozenset(meanings) | {word for means in meanings.values() for word in means.split()}


@cache
def _meanings() -> dict[str, str]:
    return {row["word"]: row["means"] or "" for row in read_facts("header_words.csv")}
