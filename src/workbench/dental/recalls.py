"""Find the recall that hides in a task's text: type, interval and due date, each with the rule that read it.

A call date is no due date, and an interval alone is none either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from workbench.dental.knowledge import read_facts

UNHEARD = r"(?!\s*(?:ans|resp|show|vm\b|msg|mess|reach|avail|home\b|yet\b))"  # nobody was reached; the recall stands
NO_RECALL = re.compile(
    rf"\b(?:no|not|off|without|declin\w*|refus\w*|cancel\w*|stop(?:ped)?|discontinue[ds]?|d/c|remove[ds]?|inactiv\w*)\b{UNHEARD}"
    r"(?:\s+\w+){0,2}?\s+(?:recall|recare|continuing care|rc)\b(?!\s+(?:appt|appointment|visit))"
    r"|\b(?:no longer|not|(?:does|do|did)(?:\s+not|n't)\s+want|taken?)\s+(?:on|off|any|to be on)?\s*(?:recall|recare|continuing care)\b"
    r"|\b(?:recall|recare|continuing care)[\s:=-]*(?:n/?a\b|none\b|off\b|declin|refus|inactiv|stopped|cancel|discontinued"
    rf"|(?:not|no)\b{UNHEARD})",
    re.IGNORECASE,
)
SPEAKS_OF_RECALL = re.compile(
    r"\b(?:recall|recare|continuing\s+care|rc|hyg(?:iene)?)\b|\d\s*m(?:o|os)?\s*rc\b", re.IGNORECASE
)
IS_DUE = re.compile(r"\b(?:over)?due\b", re.IGNORECASE)
OTHERS_DUE = re.compile(
    r"\b(?:payment|pymt|pmt|balance|bal|bill|invoice|statement|copay|co-pay|amount|amt|fee|premium|money|insurance|ins|claim"
    r"|verification|lab|case|crown|report|forms?|paperwork|pre-?auth)\.?\s+(?:is\s+|was\s+|now\s+|past\s+)?$",
    re.IGNORECASE,
)
"""What stands before a due that is no recall's."""

NUMBERS = {"three": "3", "four": "4", "six": "6", "nine": "9", "twelve": "12", "one": "1", "two": "2"}
INTERVAL = re.compile(
    r"(?<![\w/.#-])(?P<every>q\.?\s*|every\s+|each\s+)?(?P<count>\d{1,2}|three|four|six|nine|twelve|one|two)\s*-?\s*"
    r"(?P<unit>mrc|(?:months?|mths?|mos?|m|years?|yrs?|y|weeks?|wks?|w)\b(?!\.?\s*(?:overdue|past|behind|late)))\b\.?"
    r"(?:\s*(?<![a-z]\d)(?P<days>\d{1,2})\s*d(?:ays?)?\b)?"
    r"(?!\s*(?:ago|old|pregnant|supply|free|post|after|later|since))",
    re.IGNORECASE,
)
JOINED = re.compile(r"(?<![\w/.#-])(?P<count>\d{1,2})(?P<unit>[my])(?P<days>\d{1,2})d\b", re.IGNORECASE)
SHORT_EVERY = re.compile(r"\bq\s*(?P<count>[346]|12)\b(?!\s*(?:days?|weeks?|wks?|years?|[/-]))", re.IGNORECASE)
NO_INTERVAL = re.compile(
    r"(?:\b(?:in|for|within|past|over|overdue|by|after|was|age|aged|last|about)|\d\s*(?:to|or|-|/|&))\s*$",
    re.IGNORECASE,
)
"""What stands before a span of time that is no interval."""
NAMED_INTERVALS = (
    (re.compile(r"\b(?:semi-?annual(?:ly)?|twice a year|2x\s*/?\s*(?:a\s+)?year)\b", re.IGNORECASE), "6m"),
    (re.compile(r"\bquarterly\b", re.IGNORECASE), "3m"),
    (re.compile(r"\b(?:annual(?:ly)?|yearly|once a year)\b", re.IGNORECASE), "1y"),
)

PIVOT = 70
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONTH = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
DATES = (
    ("year first", re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?!\d)")),
    ("month first", re.compile(r"(?P<m>\d{1,2})([/.-])(?P<d>\d{1,2})\2(?P<y>\d{4}|\d{2})(?![\d/])")),
    ("month by name", re.compile(MONTH + r"\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})(?!\d)", re.IGNORECASE)),
    ("month by name", re.compile(r"(?P<d>\d{1,2})\s+" + MONTH + r"\s+(?P<y>\d{4})(?!\d)", re.IGNORECASE)),
    ("month and year", re.compile(r"(?P<m>\d{1,2})[/-](?P<y>20\d\d)(?![\d/-])")),
    ("month and year", re.compile(MONTH + r"\s+(?P<y>20\d\d)(?!\d)", re.IGNORECASE)),
)
ANOTHER = re.compile(r"\s*(?:or|and|to|thru|through|[-/&])\s*\d{1,4}[/.-]\d", re.IGNORECASE)
"""Behind a due date: a second one, so neither is the due date."""
SHORT_MONTH = re.compile(r"(?P<m>\d{2})/(?P<y>\d{2})(?![\d/-])")
DUE_WORDS = (
    ("due", re.compile(r"\bdue(?:\s+(?:date|on|by|in|for))*\s*[:=]?\s*", re.IGNORECASE)),
    (
        "next",
        re.compile(
            r"\bnext(?:\s+(?:recall|recare|visit|appt|appointment|due|hyg|on|is|date))*\s*[:=]?\s*", re.IGNORECASE
        ),
    ),
    ("overdue since", re.compile(r"\boverdue(?:\s+(?:since|from))?\s*[:=]?\s*", re.IGNORECASE)),
)
LAST = re.compile(r"\blast(?:\s+(?:visit|seen|recall|recare|hyg|prophy|pm|on|was))*\s*[:=]?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Recall:
    """What a text says of a patient's recall; a rule is named for each value that was found."""

    recall_type: str | None = None
    interval: str | None = None
    due: date | None = None
    type_rule: str | None = None
    interval_rule: str | None = None
    due_rule: str | None = None

    @property
    def rule(self) -> str:
        """All rules that were used, in one line."""
        return "; ".join(rule for rule in (self.type_rule, self.interval_rule, self.due_rule) if rule)


def read_recall(text: str, *, is_recall: bool = False) -> Recall | None:
    """Read a task's text; None when it holds no recall data or says that there is no recall.

    `is_recall` says that the task is a recall by its type, so the text need not say so itself.
    """
    folded = re.sub(r"\s+", " ", text.replace("\u00a0", " ")).strip()
    if not folded or NO_RECALL.search(folded):
        return None
    kind, interval, due = _type(folded), _interval(folded), _due(folded)
    speaks = is_recall or SPEAKS_OF_RECALL.search(folded) or (kind and (interval or any(_dues(folded, IS_DUE))))
    if not speaks or not (kind or interval or due):
        return None
    return Recall(
        recall_type=kind,
        interval=interval[0] if interval else None,
        due=due[0] if due else None,
        type_rule=f"type: {kind.lower()}" if kind else None,
        interval_rule=f"interval: {interval[1]}" if interval else None,
        due_rule=f"due: {due[1]}" if due else None,
    )


@cache
def _type_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = read_facts("recall_types.csv")
    return tuple((row["recall_type"], re.compile(row["pattern"], re.IGNORECASE)) for row in rows)


def _type(text: str) -> str | None:
    """Return the first type of the list that the text names; the list's order decides between several."""
    return next((name for name, pattern in _type_patterns() if pattern.search(text)), None)


def _interval(text: str) -> tuple[str, str] | None:
    """Return the one interval that the text names, the recall's own (6MRC) before others; two are for a person."""
    said = list(_intervals(text))
    spans = {span for span, is_own in said if is_own} or {span for span, _ in said}
    if spans:
        return (spans.pop(), "number and unit") if len(spans) == 1 else None
    if short := SHORT_EVERY.search(text):
        return f"{short['count']}m", "every n, in months"
    return next(((named, "named") for pattern, named in NAMED_INTERVALS if pattern.search(text)), None)


def _intervals(text: str) -> Iterator[tuple[str, bool]]:
    for found in sorted([*JOINED.finditer(text), *INTERVAL.finditer(text)], key=lambda match: match.start()):
        if NO_INTERVAL.search(text[: found.start()]):
            continue
        count = int(NUMBERS.get(found["count"].lower(), found["count"]))
        unit = found["unit"][0].lower()
        every = found.groupdict().get("every")
        if (unit == "m" and 1 <= count <= 36) or (unit == "y" and 1 <= count <= 5) or (unit == "w" and every):
            days = f"{int(found['days'])}d" if found["days"] else ""
            yield f"{count}{unit}{days}", found["unit"].lower() == "mrc"


def _dues(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield where a recall is said to be due, and not a payment or the lab."""
    return (found for found in pattern.finditer(text) if not OTHERS_DUE.search(text[: found.start()]))


def _due(text: str) -> tuple[date, str] | None:
    for word, pattern in DUE_WORDS:
        found = {_date_at(text, match.end()) for match in _dues(text, pattern)} - {None}
        if not found:
            found = {_short_month(text, match.end()) for match in _dues(text, pattern)} - {None}
        if len(found) > 1:
            return None  # two due dates: a person reads the task
        if one := next(iter(found), None):
            return one[0], f"{word}, {one[1]}"
    return None


def _date_at(text: str, place: int) -> tuple[date, str] | None:
    for rule, pattern in DATES:
        if found := pattern.match(text, place):
            parts = found.groupdict()
            if ANOTHER.match(text, found.end()):
                return None
            month = MONTHS.index(parts["name"][:3].lower()) + 1 if parts.get("name") else int(parts["m"])
            try:
                return date(_year(parts["y"]), month, int(parts.get("d") or 1)), rule
            except ValueError:
                return None
    return None


def _year(text: str) -> int:
    """Recalls lie near today, often ahead: a year of two digits is of this century, unless that is far ahead."""
    return int(text) + (0 if len(text) == 4 else 1900 if int(text) >= PIVOT else 2000)


def _short_month(text: str, place: int) -> tuple[date, str] | None:
    """Read "next 04/24" as April 2024 only where last visit and interval lead to that very month."""
    found, last, interval = SHORT_MONTH.match(text, place), LAST.search(text), _interval(text)
    seen = _date_at(text, last.end()) if last else None
    if not (found and seen and interval and re.fullmatch(r"\d+m", interval[0])):
        return None
    months = seen[0].year * 12 + seen[0].month - 1 + int(interval[0][:-1])
    said = (2000 + int(found["y"])) * 12 + int(found["m"]) - 1
    if said != months:
        return None
    return date(months // 12, months % 12 + 1, 1), "month and year, as last visit and interval say"
