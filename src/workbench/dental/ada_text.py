"""Clean the text beside ADA procedure codes and name what a person must decide; every change is a named rule."""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = dict.fromkeys(
    (0x00AD, 0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
)
TIMES = str.maketrans("\u00d7\u2715\u2716", "XXX")
DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
WORKBOOK_ESCAPE = re.compile(r"_X00[01][0-9A-F]_")
DIGIT = "[0-9OIL]"
CODE = rf"D(?={DIGIT}{{0,3}}[0-9]){DIGIT}{{4}}(?![0-9])"
AFTER_D = re.compile(rf"(?<![A-Z0-9])D[\s\-._#:]+(?=(?={DIGIT}{{0,3}}[0-9]){DIGIT}{{4}}(?![0-9]))")

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
