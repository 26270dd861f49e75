"""Read the ADA procedure codes out of a free-text value: right, safely repaired, or left to a person.

Format and category ranges only; whether a code exists is for the licensed list of the practice to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from workbench.dental.ada_text import (
    CODE,
    DIGIT,
    Number,
    clean,
    cut_asides,
    is_aside,
    read_number,
    refusal,
    split_tokens,
    whole_codes,
)
from workbench.dental.knowledge import read_facts

FIRST = "D0100"
CANONICAL = re.compile(r"D[0-9]{4}(?:;D[0-9]{4})*")
SEPARATORS = re.compile(r"[;,/\\&+|\n\r\t\f\v]|(?<=[0-9OIL])[._:](?=D[0-9OIL])|\b(?:AND|WITH|PLUS|THEN)\b|\bW/")
LABELS = frozenset((
    "ADA", "CDT", "CODE", "CODES", "PROC", "PROCS", "PROCEDURE", "PROCEDURES", "DENTAL", "TX", "NO", "NUM", "NUMBER", "D",
))  # fmt: skip
HUNG_ON = re.compile(r"\b(ADA|CDT|CODE|PROC|TX)[#-]?(?=[0-9])")
YEAR = re.compile(r"D(?:19|20)")
LOW_CONFIDENCE = frozenset({"three digits", "question mark", "round number"})


class Verdict(StrEnum):
    """How a value reads."""

    OK = "ok"
    REPAIRABLE = "repairable"
    INVALID = "invalid"


@dataclass(frozen=True)
class CodeReading:
    """What one value says; `readable` also holds the codes of an invalid value whose other parts say nothing."""

    verdict: Verdict
    codes: tuple[str, ...]
    rules: tuple[str, ...] = ()
    reason: str = ""
    readable: tuple[str, ...] = ()

    @property
    def is_doubtful(self) -> bool:
        """Say whether a repair was made that a person should glance at."""
        return not LOW_CONFIDENCE.isdisjoint(self.rules)


def read_codes(raw: str) -> CodeReading:
    """Read a value by the ladder: right as it stands, one reading by listed rules, or invalid with the reason.

    "D2740/2950" reads D2740 and D2950; "D0270-D0274" is a range and stays with a person.
    """
    codes = tuple(raw.split(";"))
    if CANONICAL.fullmatch(raw) and min(codes) >= FIRST and len(set(codes)) == len(codes):
        return CodeReading(Verdict.OK, codes, readable=codes)
    text, rules = clean(raw)
    if not text:
        return _invalid("blank")
    if reason := refusal(text):
        return _invalid(reason)
    if "?" in text:
        rules.append("question mark")
    if re.search(rf"(?<![A-Z]){CODE}", text):
        text, cut = cut_asides(text)
        rules += cut
        return _beside_codes(text, rules)
    return _bare(text, rules)


def category_of(code: str) -> str | None:
    """Name the category of a code by its range."""
    for row in read_facts("cdt_categories.csv"):
        if row["first"] <= code <= row["last"]:
            return row["category"]
    return None


def _beside_codes(text: str, rules: list[str]) -> CodeReading:
    """Read a text that holds at least one code with its D; numbers and words beside it are judged by their place."""
    codes, unread = [], []
    parts = SEPARATORS.split(text)
    for part in parts:
        tokens = list(split_tokens(part))
        whole = [whole_codes(token, rules) for token in tokens]
        numbers = [read_number(token, rules) for token in tokens]
        is_plain = all(read or number for read, number in zip(whole, numbers, strict=True))
        for place, (token, read, number) in enumerate(zip(tokens, whole, numbers, strict=True)):
            if read:
                codes += read
            elif number and _may_join(number, alone=len(tokens) == 1, plain=is_plain or place == 0):
                codes.append(number.code)
                rules.append(number.rule)
            elif number and len(token) == 4 and number.code.endswith("00"):
                rules.append("round number")  # a fee; no code of a list ends like that
            elif number or not is_aside(token):
                unread.append(token)
            elif token not in LABELS:
                rules.append("tooth" if token.isdigit() else "words")
            else:
                rules.append("label")
    return _reading(codes, unread, [*rules, "list"] if len(codes) > 1 else rules)


def _may_join(number: Number, *, alone: bool, plain: bool) -> bool:
    """Say whether a number beside a code is a code too, and not a fee: by its place, and never in round hundreds."""
    if number.code.endswith("00"):
        return False
    return alone or (plain and not number.is_short)


def _bare(text: str, rules: list[str]) -> CodeReading:
    """Read a text without any D code: numbers count only when nothing but numbers and labels is there."""
    numbers, labels = [], set()
    has_separator = bool(SEPARATORS.search(text))
    for part in SEPARATORS.split(HUNG_ON.sub(r"\1 ", text)):
        for token in split_tokens(part):
            if token in LABELS:
                labels.add(token)
                rules.append("label")
                continue
            number = read_number(re.sub(r"\.0{1,2}$", "", token), rules)
            if number is None:
                return _invalid(_shape(token))
            rules += [number.rule, *(["float tail"] if "." in token else [])]
            numbers.append(number)
    codes = [number.code for number in numbers]
    if len(codes) > 1 and any(number.is_short for number in numbers) and not has_separator:
        return _invalid("numbers of three digits in a row: a person decides")
    if (len(codes) > 1 or labels) and any(map(YEAR.match, codes)):
        return _invalid("a number beside a year: a person decides")
    if "D" in labels and any(number.is_short for number in numbers):
        return _invalid("too short for a code")  # nothing strips a zero behind a D
    return _reading(codes, [], [*rules, "list"] if len(codes) > 1 else rules)


def _reading(codes: list[str], unread: list[str], rules: list[str]) -> CodeReading:
    once = tuple(dict.fromkeys(codes))
    good = tuple(code for code in once if code >= FIRST)
    if unread:
        return CodeReading(Verdict.INVALID, (), reason=_shape(unread[0]), readable=good)
    if not once:
        return _invalid("no code in it")
    if good != once:
        return CodeReading(Verdict.INVALID, (), reason="below the first category D0100", readable=good)
    named = [*rules, "duplicate"] if len(once) < len(codes) else rules
    return CodeReading(Verdict.REPAIRABLE, once, tuple(dict.fromkeys(named)) or ("marks",), readable=once)


def _invalid(reason: str) -> CodeReading:
    return CodeReading(Verdict.INVALID, (), reason=reason)


def _shape(token: str) -> str:
    shapes = (
        (r"\d{5}", "five digits: a medical code or the number of a date"),
        (r"[A-CE-Z]\d{2}(?:\.\w+)?|[A-CE-Z]\d{2}\w{1,4}\.\w*", "the shape of a diagnosis code"),
        (r"[A-CE-Z]\d{4}", "a letter and four digits, and the letter is not D"),
        (rf"D{DIGIT}{{0,3}}", "too short for a code"),
        (rf"D{DIGIT}{{5,}}|\d{{5,}}", "too long for a code"),
        (r"[^\d]+", "words and no code"),
    )
    return next((reason for shape, reason in shapes if re.fullmatch(shape, token)), "a part that is no code")
