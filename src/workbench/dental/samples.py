"""Tell what the sample values of a column look like, and whether a field of some type could take them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from workbench.dental.headers import fold
from workbench.dental.knowledge import read_facts
from workbench.vocabulary import Sensitivity

NOTHING = {"", "null", "n/a", "na", "none", "nil", "-", "--", ".", "unknown", "declined", "tbd"}
FLAGS = {"y", "n", "yes", "no", "t", "f", "true", "false", "x", "0", "1", "2", "-1", "on", "off"}
"""How exports write yes and no; 0, 1 and 2 are the codes of "nobody asked", yes and no."""
DAY = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|(?:19|20)\d{2}[01]\d[0-3]\d"
    r"|[a-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2}[ -][a-z]{3,9}[ -]\d{2,4})"
)
CLOCK = r"(?:\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[ap](?:\.?m)?\.?)?|\d{1,2} ?[ap]\.?m\.?)"
WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,? )?"
RUN_ON = r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])t?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?"
"""A moment without marks between its parts: 202602170800, 20260217T0800."""
SHAPES = {
    "day": re.compile(rf"{WEEKDAY}{DAY}", re.IGNORECASE),
    "moment": re.compile(
        rf"{WEEKDAY}{DAY}(?:,? at |,? |t|\s+){CLOCK}(?: ?z| ?[+-]\d\d:?\d\d| [a-z]{{3,4}})?|{RUN_ON}z?", re.IGNORECASE
    ),
    "time": re.compile(CLOCK, re.IGNORECASE),
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE),
    "url": re.compile(r"https?://\S+|(?:www\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/\S*)?", re.IGNORECASE),
    "integer": re.compile(r"-?\d{1,3}(?:,\d{3})+|-?\d+"),
    "decimal": re.compile(r"\(?-?\$? ?(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d+)?\)?%?|\d+%"),
    "dialled": re.compile(
        r"(?:\+?1[ .-]?)?(?:\(?\d{3}\)?[ .-]?)?\d{3}[ .-]?\d{4}(?:\s*(?:x|ext\.?|#)\s*\d+)?", re.IGNORECASE
    ),
    "phone": re.compile(r"\+?[\d\s().\-/]{7,}(?:\s*(?:x|ext\.?|#)\s*\d+)?", re.IGNORECASE),
}
SECRETS = re.compile(
    r"(?:\d{3}|[*xX]{3})-(?:\d{2}|[*xX]{2})-\d{4}|\$2[aby]\$\S+|\$argon2\S+|(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
    r"|data:image\S+|(?:\d{4}[ -]){3}\d{4}",
    re.IGNORECASE,
)
NEEDS_LETTERS = {"first_name", "last_name", "city", "display_name"}
HEADINGS = {"title", "name", "display_name"}
IDS = {"external_id", "cf_source_system_id"}
LONGEST_NAME, LONGEST_CHOICE = 40, 60
LONGEST_HEADING, MOST_WORDS = 70, 8
TELLING = 0.75
"""From such a share of phones or addresses on a column is one of them, whatever it is called."""
TAKES = {
    "number": {"integer", "decimal"},
    "checkbox": {"flag"},
    "email": {"email"},
    "phone": {"phone"},
    "url": {"url"},
}
"""Types of fields that take values of certain shapes alone; days take days and moments."""
NO_LINK = {"day", "moment", "time", "url", "amount", "dialled"}
"""Shapes that are no record and no member of staff; neither is a choice, but for decimals and times."""


def sensitivity_of(column: str, values: Sequence[str] = ()) -> Sensitivity:
    """Suggest what a column tells of a patient, by the words of its name and by what its values look like.

    A suggestion for a person, who decides in the mapping. Names of things and of staff pass for names of people.
    """
    words = set(fold(column)) | set(column.lower().split("_"))
    for row in read_facts("sensitivity.csv"):
        if words.issuperset(row["words"].split()):
            return Sensitivity(row["is"])
    shapes = shapes_of(values)
    if are_secret(values) or max(shapes.get("email", 0), shapes.get("phone", 0)) >= TELLING:
        return Sensitivity.DIRECT
    return Sensitivity.NONE


def shapes_of(values: Sequence[str]) -> dict[str, float]:
    """Return the share of the filled values that has each shape; being a flag, a choice, a name or a sentence is a shape, too."""
    filled = [one.strip() for one in values if one.strip().lower() not in NOTHING]
    if not filled:
        return {}
    shares = {name: _share(shape.fullmatch(one) is not None for one in filled) for name, shape in SHAPES.items()}
    digits = [len(re.sub(r"\D", "", one)) for one in filled]
    shares["phone"] = _share(
        SHAPES["phone"].fullmatch(one) is not None and 7 <= count <= 16 and not SHAPES["day"].fullmatch(one)
        for one, count in zip(filled, digits, strict=True)
    )
    shares["flag"] = _share(one.lower() in FLAGS for one in filled)
    shares["amount"] = _share(
        SHAPES["decimal"].fullmatch(one) is not None and not SHAPES["integer"].fullmatch(one) for one in filled
    )
    shares["choice"] = _share(len(one) <= LONGEST_CHOICE for one in filled)
    shares["name"] = _share(len(one) <= LONGEST_NAME for one in filled)
    shares["blank"] = _share(" " in one for one in filled)
    shares["sentence"] = _share(len(one) > LONGEST_HEADING or one.count(" ") >= MOST_WORDS for one in filled)
    shares["letters"] = _share(any(letter.isalpha() for letter in one) for one in filled)
    return shares


def are_secret(values: Sequence[str]) -> bool:
    """Say whether any value has the shape of a social security number, a card, a hash or a drawn signature."""
    return any(SECRETS.fullmatch(one.strip()) for one in values)


def fits(shares: Mapping[str, float], kind: str) -> bool:
    """Say whether a field of a type could take values of these shapes; without values nothing speaks against it."""
    if not shares:
        return True
    if kind in ("date", "datetime"):
        return shares["day"] + shares["moment"] >= 1
    if kind in TAKES:
        return max(shares[shape] for shape in TAKES[kind]) >= (0.5 if kind in ("email", "phone", "url") else 1)
    if kind in ("lookup", "user"):
        return shares["name"] == 1 and not any(shares[one] >= 0.5 for one in NO_LINK - _as_id(shares))
    if kind == "dropdown":
        return shares["choice"] == 1 and not any(shares[one] >= 0.5 for one in ("day", "moment", "email"))
    return True


def are_odd(shares: Mapping[str, float], kind: str, name: str) -> bool:
    """Say whether values contradict a field whose type alone would take them: a day in a note, digits for a name.

    So are ids with blanks between letters, and sentences for a heading.
    """
    if kind == "text" and max(shares[one] for one in ("day", "moment", "email", "url")) >= 0.5:
        return shares["integer"] < 1
    if name in IDS:
        return shares["blank"] >= 0.5 and shares["letters"] >= 0.5
    return (name in NEEDS_LETTERS and not shares["letters"]) or (name in HEADINGS and shares["sentence"] >= 0.5)


def _as_id(shares: Mapping[str, float]) -> set[str]:
    """Whole numbers are ids; digits of a day or a moment without marks may be one."""
    return {"day", "moment", "dialled"} if shares["integer"] == 1 else set()


def _share(facts: Iterable[bool]) -> float:
    known = list(facts)
    return sum(known) / len(known)
