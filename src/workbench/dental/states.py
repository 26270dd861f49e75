"""States by any of their names, and the zips that a spreadsheet robbed of their zeros."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from workbench.dental.knowledge import read_facts


class Zip(NamedTuple):
    """A zip code, or None when the text is none, and the rule that was used."""

    value: str | None
    rule: str


def state_code(text: str | None) -> str | None:
    """Return the two letters of a state, district, territory or military area by code, name or old short form."""
    return _states().get(_fold(text or ""))


def read_zip(text: str | None, state: str | None) -> Zip:
    """Return a zip of 5 or 5+4 digits; lost leading zeros come back only in states whose zips have them."""
    said = (text or "").strip()
    if re.fullmatch(r"\d{5}(?:-\d{4})?", said):
        return Zip(said, "as given")
    if re.fullmatch(r"\d{9}", said):
        return Zip(f"{said[:5]}-{said[5:]}", "nine digits without the hyphen")
    found = re.fullmatch(r"(\d{3,4})(-\d{4})?(?:\.0)?", said)
    if not found:
        return Zip(None, "no zip code")
    lost = 5 - len(found[1])
    code = state_code(state)
    allowed = {row["code"]: int(row["lost_zeros"]) for row in read_facts("states.csv")}.get(code or "", 0)
    padded = found[1].zfill(5)
    if code == "NY" and not padded.startswith("005"):
        allowed = 0  # one prefix of New York alone starts with zeros
    if (code in ("PR", "VI") and not padded.startswith(("006", "007", "008", "009"))) or lost > allowed:
        return Zip(None, "too short for a zip of this state")
    return Zip(padded + (found[2] or ""), "leading zero restored")


@cache
def _states() -> dict[str, str]:
    names: dict[str, str] = {}
    for row in read_facts("states.csv"):
        names |= {_fold(row[column]): row["code"] for column in ("short", "name", "code")}
    return names


def _fold(text: str) -> str:
    return re.sub(r"[^a-z]+", " ", text.lower()).strip()
