"""Clean the text of ADA values, name what a person must decide, and judge one word; every change is a named rule."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

INVISIBLE = dict.fromkeys(
    (0x00AD, 0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
)
TIMES = str.maketrans("\u00d7\u2715\u2716", "XXX")
DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
WORKBOOK_ESCAPE = re.compile(r"_X00[01][0-9A-F]_")
DIGIT = "[0-9OIL]"
CODE = rf"D(?={DIGIT}{{0,3}}[0-9]){DIGIT}{{4}}(?![0-9])"
AFTER_D = re.compile(rf"(?<![A-Z0-9])D[\s\-._#:]+(?=(?={DIGIT}{{0,3}}[0-9]){DIGIT}{{4}}(?![0-9]))")
PIECE = re.compile(
    rf"D(?P<digits>(?={DIGIT}{{0,3}}[0-9]){DIGIT}{{4}})(?P<tail>\.\d{{1,2}}|-\d{{1,2}}|X\d{{1,2}}|[-._]?[A-Z]+|-[A-Z]\d)??(?={CODE}|$)"
)
LOOKALIKE = str.maketrans("OIL", "011")
FRINGE = " .:!?*\"'`()[]{}<>=_-~#\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u2022\u00b7\u2023\u25aa"

REFUSALS = (
    (re.compile(r"#(?:REF|N/A|NAME|VALUE|DIV/0|NUM|NULL|SPILL|CALC)\b"), "a spreadsheet error"),
    (re.compile(r"\d(?:\.\d+)?E[+-]?\d"), "scientific notation: digits are lost"),
    (
        re.compile(
            r"\b(?:OR|NOT|VS|VERSUS|EITHER|INSTEAD|EXCEPT|WITHOUT|UNLESS|RATHER)\b|\bW/O\b|[-=]+>|[\u2192\u21d2]"
        ),
        "alternatives: a person decides",
    ),
    (
        re.compile(
            rf"{CODE}.*\b(?:NO(?!\.)|WAS|NOW|FORMERLY|CHANGED|REPLACED|REPLACES|DOWNGRADED|UPGRADED)\b.*{CODE}",
            re.DOTALL,
        ),
        "alternatives: a person decides",
    ),
    (
        re.compile(
            rf"(?:{CODE}|(?<![\w.])\d{{4}})[^\S\n]*(?:-+|\.\.+|~|\u2026|\bTO\b|\bTHRU\b|\bTHROUGH\b)"
            rf"\s*(?:{CODE}|\d{{3,4}}(?!\d))"
        ),
        "a range: a person decides",
    ),
)
SHORT_RANGE = re.compile(
    rf"D{DIGIT}{{2}}({DIGIT})({DIGIT})(?:-|\s+(?:-|TO|THRU)\s+(?=\d\d\s*(?:[;,\n]|$)))(\d)(\d)(?!\d)"
)

# What may stand beside a code without being one; cut only when a code with its D is there.
ASIDES = (
    (
        "date",
        re.compile(
            r"(?<![\w/.-])(?:\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[/-](?:19|20)\d\d)"
            r"(?![\w/-])"
        ),
    ),
    ("fee", re.compile(r"\$\s*[\d,]*\d(?:\.\d+)?|(?<![\w.])[\d,]*\d(?:\.\d\d)?\s*(?:USD|DOLLARS)\b")),
    (
        "fee",
        re.compile(
            r"\b(?:FEES?|UCR|CHARGE[DS]?|COST|PRICE|AMT|AMOUNT|EST|PAID|COPAY|USD|INS|TOTAL|BAL(?:ANCE)?)"
            r"\s*[:=@]?\s*[\d,]*\d(?:\.\d\d?)?(?![\w])"
        ),
    ),
    ("fee", re.compile(r"(?<![\w,.])\d{1,3},\d{3}(?:\.\d\d)?(?![\w,])|(?<![\w.])\d+\.\d\d(?![\w])|@\s*\d+(?:\.\d\d)?")),
    ("year", re.compile(r"\bCDT[\s-]*(?:19|20)\d\d\b|(?<![\w.$#-])(?:19|20)\d\d(?![\w.])")),
    (
        "interval",
        re.compile(
            r"\b(?:Q|EVERY)?\s*\d{1,2}\s*(?:M|MO|MOS|MONTHS?|MRC|Y|YRS?|YEARS?|W|WKS?|WEEKS?|MIN|MINS)(?:\s*\d{1,2}\s*D)?\b"
        ),
    ),
    ("quantity", re.compile(r"(?<![A-Z0-9])(?:(?:X|QTY)[\s:]*\d{1,2}|\d{1,2}\s*X)(?![A-Z0-9])")),
    ("tooth", re.compile(r"(?:#|\bTOOTH|\bTEETH|\bTH|\bT)[\s#:]*\d{1,2}(?:\s*[-,&]\s*#?\d{1,2}(?![\w/]))*(?![\w])")),
)


def clean(raw: str) -> tuple[str, list[str]]:
    """Return the text upper-cased and free of invisible and guarding characters, and the rules that were used."""
    rules: list[str] = []

    def step(rule: str, before: str, after: str) -> str:
        if before != after:
            rules.append(rule)
        return after

    text = step("invisible characters", raw, raw.translate(INVISIBLE))
    text = step("full-width characters", text, DASHES.sub("-", unicodedata.normalize("NFKC", text)))
    text = step("times sign", text, text.translate(TIMES))
    text = step("upper case", text, text.upper())
    text = step("workbook escape", text, WORKBOOK_ESCAPE.sub("\n", text))
    text = step("outer blanks", text, text.strip())
    if guarded := re.fullmatch(r"=\s*\"?([^\"]*)\"?", text):
        text = step("text guard", text, guarded[1].strip())
    text = step("text guard", text, re.sub(r"^['\u2018\u2019`]+", "", text))
    return step("mark after D", text, AFTER_D.sub("D", text)), rules


def refusal(text: str) -> str | None:
    """Say why a person must read the text, if it is no plain list of codes."""
    for shape, reason in REFUSALS:
        if shape.search(text):
            return reason
    for tens, ones, to_tens, to_ones in SHORT_RANGE.findall(text):
        # D0270-74 may be a range; D7140-32 cannot be one, so 32 is a tooth or a modifier.
        if to_tens + to_ones > (tens + ones).translate(str.maketrans("OIL", "011")):
            return "a range: a person decides"
    if "?" in text.rstrip("?") and len(re.findall(CODE, text)) > 1:
        return "alternatives: a person decides"
    return None


def cut_asides(text: str) -> tuple[str, list[str]]:
    """Cut dates, fees, years, intervals, quantities and teeth that stand beside codes."""
    rules = []
    for rule, shape in ASIDES:
        cut = shape.sub(" ", text)
        if cut != text:
            rules.append(rule)
        text = cut
    return text, rules


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
