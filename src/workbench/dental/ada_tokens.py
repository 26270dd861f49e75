"""Judge one word of an ADA value: codes, the number of a code, or something that may stand beside one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.dental.ada_text import CODE, DIGIT

PIECE = re.compile(
    rf"D(?P<digits>(?={DIGIT}{{0,3}}[0-9]){DIGIT}{{4}})(?P<tail>\.\d{{1,2}}|-\d{{1,2}}|X\d{{1,2}}|[-._]?[A-Z]+|-[A-Z]\d)??(?={CODE}|$)"
)
LOOKALIKE = str.maketrans("OIL", "011")
FRINGE = " .:!?*\"'`()[]{}<>=_-~#\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u2022\u00b7\u2023\u25aa"


@dataclass(frozen=True)
class Number:
    """The code that a number without its D would be, and the rule that says so."""

    code: str
    rule: str

    @property
    def is_short(self) -> bool:
        """Say whether its zero was lost too."""
        return self.rule == "three digits"


def split_tokens(part: str) -> Iterator[str]:
    """Yield the words of a part, free of the marks around them."""
    spread = re.sub(r"[\s:=()\[\]{}<>\"*]+|(?<![A-Z0-9])-|-(?![A-Z0-9])", " ", part)
    for word in spread.split():
        if token := word.strip(FRINGE):
            yield token


def whole_codes(token: str, rules: list[str]) -> list[str]:
    """Return the codes that a token consists of, run together or with a suffix; none if anything else is in it."""
    codes, place = [], 0
    # A label or word may hang on by a hyphen in front: CDT-D2740.
    token = re.sub(rf"^[A-Z]+-(?={CODE})", "", token)
    while place < len(token):
        piece = PIECE.match(token, place)
        if piece is None or re.fullmatch(r"[OI]+", piece["tail"] or ""):
            return []  # a last O or I may be a fifth digit
        digits = piece["digits"].translate(LOOKALIKE)
        if digits != piece["digits"]:
            rules.append("letter for digit")
        if piece["tail"]:
            rules.append("suffix")
        codes.append(f"D{digits}")
        place = piece.end()
    if len(codes) > 1:
        rules.append("run together")
    return codes


def read_number(token: str, rules: list[str]) -> Number | None:
    """Return the code that a number without its D would be."""
    if re.fullmatch(rf"[0-9O]{DIGIT}{{3,4}}", token) and len(re.findall("[0-9]", token)) > 1:
        digits = token.translate(LOOKALIKE)
        if digits != token:
            rules.append("letter for digit")
        if len(digits) == 4:
            return Number(f"D{digits}", "missing D")
        if digits[0] == "0" and token[-1].isdigit():  # 0140L is D0140 with a suffix as well as D1401
            return Number(f"D{digits[1:]}", "old five-digit form")
    return Number(f"D0{token}", "three digits") if re.fullmatch(r"[0-9]{3}", token) else None


def is_aside(token: str) -> bool:
    """Say whether a token may stand beside a code: a word, a tooth, a quantity, a share, a shade."""
    bare = re.sub(r"['.\-\u2019_]", "", token)
    if bare.isalpha():
        return True
    return bool(
        re.fullmatch(
            r"\d{1,2}|\d{1,3}%|(?:\d{1,2}[A-Z]{1,6}){1,2}|(?:T|TH|X|Q|QTY|UR|UL|LR|LL)#?\d{1,2}[A-Z]{0,5}|[ABC][1-4](?:\.5)?"
            r"|[A-Z]+-\d{1,2}|\d{1,2}(?:-(?:\d{1,2}|[A-Z]+))+|#\d{1,2}[A-Z]{0,5}",
            token,
        )
    )
