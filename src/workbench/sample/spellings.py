"""Canonical values and how people type them: phones, NPIs, carriers, codes, claims; times, flags and money."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from random import Random
from typing import Any
from zlib import crc32

# Geographic area codes of the United States; 555-0100 to 555-0199 is kept free for made-up people.
AREA_CODES = (
    312, 773, 847, 630, 815, 414, 262, 608, 215, 267, 610, 814, 412, 973, 201, 908, 732, 609,
    617, 781, 508, 978, 413, 217, 309, 618, 920, 715, 570, 717, 724, 484, 856, 862, 551, 857,
    774, 351, 339, 212, 718, 646, 347, 917, 516, 631, 914, 845, 518, 315, 585, 607, 716, 203,
    860, 475, 401, 603, 802, 207, 302, 410, 443, 301, 240, 202, 703, 571, 540, 804, 757, 434,
    276, 304, 681, 216, 440, 330, 234, 419, 567, 614, 740, 937, 513, 317, 765, 812, 219, 260,
    574, 313, 734, 248, 586, 810, 989, 616, 269, 517, 231, 906, 952, 612, 651, 763, 507, 218,
    320, 515, 563, 319,
)  # fmt: skip
LINES = 100
PHONE_FORMS = ("({a}) 555-{n}", "{a}-555-{n}", "{a}.555.{n}", "1-{a}-555-{n}", "({a}) 555-{n}", "{a}555{n}")
CARRIER_KINDS = {"exact": 46, "normalised": 36, "other": 10, "none": 5, "open": 3}
"""How often a carrier is typed in which way, out of a hundred."""
CLAIMS = (
    ("Submitted", "Submitted"),
    ("Pending", "Pending"),
    ("Paid", "Paid"),
    ("Denied", "Denied"),
    ("Appeal", "Appeal"),
    ("Paid", "Paid"),
    ("Unsent", ""),
    ("PAYRECVD", "Paid"),
    ("Submitted", "Submitted"),
    ("In review", "Pending"),
    ("Paid", "Paid"),
    ("Not covered", "Denied"),
    ("Appealed", "Appeal"),
    ("Sent", "Submitted"),
    ("Paid", "Paid"),
    ("Pending", "Pending"),
    ("Settled", "Paid"),
    ("E-filed", "Submitted"),
    ("Paid", "Paid"),
    ("Max reached", "Denied"),
    ("In process", "Pending"),
    ("Paid", "Paid"),
    ("Under appeal", "Appeal"),
    ("submitted", "Submitted"),
)
"""Claim statuses as typed, and the one of five they mean; a claim that was never sent has none."""
REPAIRS = (
    "lower",
    "space",
    "hyphen",
    "comma",
    "bare",
    "letter O",
    "slash",
    "plus",
    "twice",
    "tooth",
    "blanks",
    "suffix",
    "newline",
    "float",
)
UNREADABLE = ("see chart", "crown + buildup", "2.74E+03", "per Dr. Okafor", "D2S40")


@dataclass(frozen=True)
class Spelling:
    """A value as typed, what it means (nothing: it names no value), and whether leaving it open is right too."""

    typed: str
    value: str
    is_open: bool = False


def phone(number: int, rng: Random) -> Spelling:
    """Return the phone with this number in line; numbers repeat only after thousands."""
    place = number * 7919 % (len(AREA_CODES) * LINES)  # a prime step, so that neighbours do not look alike
    area, line = AREA_CODES[place // LINES], f"{100 + place % LINES:04d}"
    return Spelling(rng.choice(PHONE_FORMS).format(a=area, n=line), f"+1{area}555{line}")


def npi(number: int) -> str:
    """Return a National Provider Identifier with its check digit: Luhn over 80840 and the first nine digits."""
    stem = f"1{number * 104729 % 100_000_000:08d}"
    digits = [int(digit) for digit in reversed("80840" + stem)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    return stem + str(-(doubled + sum(digits[1::2])) % 10)


class Carriers:
    """The payers of the practice's patients, and every way their names get typed."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        text = (files(__package__) / "carriers.csv").read_text("utf-8")
        for line in csv.DictReader(text.splitlines()):
            self._known[line["kind"]][line["canonical"]].append(line["spelling"])
        self.canonical = sorted(self._known["other"])
        kinds = [kind for kind, share in CARRIER_KINDS.items() for _ in range(share)]
        self._kinds = [kinds[place * 37 % len(kinds)] for place in range(len(kinds))]

    def pick(self, number: int, rng: Random) -> Spelling:
        """Return the carrier that the patient with this number names."""
        kind = self._kinds[number % len(self._kinds)]
        if kind in ("none", "open"):
            return Spelling(rng.choice(self._known[kind][""]), "", is_open=kind == "open")
        return self.typed_as(kind, rng.choice(self.canonical), rng)

    def typed_as(self, kind: str, canonical: str, rng: Random) -> Spelling:
        """Return one payer typed exactly, in other case and punctuation, or by a name only people know."""
        if kind == "normalised":
            return Spelling(rng.choice(_same_when_normalised(canonical)), canonical)
        if kind in ("other", "later"):
            return Spelling(rng.choice(self._known[kind][canonical]), canonical, is_open=True)
        return Spelling(canonical, canonical)

    def unheard(self) -> Spelling:
        """Return the spelling that only a later delivery holds."""
        ((canonical, spellings),) = self._known["later"].items()
        return Spelling(spellings[0], canonical, is_open=True)


def _same_when_normalised(name: str) -> list[str]:
    forms = [name.upper(), name.lower(), f"{name}.", f"*{name}", f" {name}", f"{name}  ", f"{name.upper()},"]
    if " " in name:
        forms += [name.replace(" ", "  ", 1), name.upper().replace(" ", "  ")]
    return [form for form in forms if form != name]


def ada_codes(codes: list[str], number: int, rng: Random) -> Spelling:
    """Return a case's procedure codes as typed; `value` holds them joined, or nothing where no reader can know."""
    if number % 90 == 18:
        return Spelling(UNREADABLE[number // 90 % len(UNREADABLE)], "")
    value = ";".join(codes)
    if number % 4 != 1:
        return Spelling(value, value)
    return Spelling(_repairable(codes, REPAIRS[number // 4 % len(REPAIRS)]), value)


def _repairable(codes: list[str], way: str) -> str:
    one, several = codes[0], len(codes) > 1
    first = {
        "lower": one.lower(),
        "space": f"D {one[1:]}",
        "hyphen": f"D-{one[1:]}",
        "suffix": f"{one}A",
        "letter O": one[0] + one[1:].replace("0", "O"),
        "tooth": f"{one} #19",
        "twice": f"{one};{one}",
        "blanks": f"  {one} ",
    }.get(way, one)
    if not several:
        return {"bare": one[1:], "float": f"{one[1:]}.0"}.get(way, first)
    if way == "bare":
        return ";".join(code[1:] for code in codes)
    joint = {"comma": ", ", "slash": "/", "plus": " + ", "newline": "\n"}.get(way, ";")
    return joint.join([first, *codes[1:]])


class Numbers:
    """Counts what was invented, so that ids follow each other and kinds take turns; `start` continues another count."""

    def __init__(self, start: Counter[str] | None = None) -> None:
        self.last = Counter(start or {})

    def next(self, what: str) -> int:
        """Return the next number of its kind, from 1."""
        self.last[what] += 1
        return self.last[what]


Cell = str | int | float | bool | datetime
"""What a cell may hold: text, and in a workbook a number, a yes or no, or a time."""
Way = dict[str, Any]
"""How one column is typed: a line of messy.toml."""
NO_DAY = datetime(1899, 12, 30)
TYPED_TIMES = {
    "M/D/YYYY": "{0.month}/{0.day}/{0.year}",
    "MM/DD/YY": "{0:%m/%d/%y}",
    "DD/MM/YYYY": "{0:%d/%m/%Y}",
    "Mon D YYYY": "{0:%b} {0.day} {0.year}",
    "YYYY-MM-DDTHH:MM:SS": "{0:%Y-%m-%d}",
}
FLAG_WORDS = {"cell": (True, False)}
PHONE_WORDS = ("{} cell", "{} x12", "tel {}", "{} (home)", "{} / 312-555-0100")
ZERO_STATES = {"CT", "MA", "ME", "NH", "NJ", "RI", "VT"}
"""States whose ZIP codes begin with a zero, and with one alone."""


def type_row(ways: dict[str, Way], row: dict[str, str], key: str) -> dict[str, Cell]:
    """Return a row as a spreadsheet and a hurried front desk leave it; it means the same.

    Which cells are typed in which way follows from the row's key alone, so that a record is the same wherever it stands.
    """
    typed: dict[str, Cell] = dict(row)
    for column, way in ways.items():
        chance, turn = divmod(crc32(f"{column} of {key}".encode()), way.get("every", 1))
        value = row.get(column, "")
        if not value and turn == 0 and way.get("blank"):
            typed[column] = _pick(way["blank"], chance)
        elif not value:
            typed[column] = _flag(way["flag"], value) if "flag" in way else value
        else:
            typed[column] = _type_cell(way, value, row, chance, is_due=turn == 0)
    return typed


def _pick(choices: Sequence[str], chance: int) -> str:
    return choices[chance % len(choices)]


def _type_cell(way: Way, value: str, row: dict[str, str], chance: int, *, is_due: bool) -> Cell:
    match way:
        case {"time": form}:
            return _time(form, value)
        case {"flag": form}:
            return _flag(form, value)
        case {"money": form}:
            return _money(form, value)
        case {"number": True}:
            return float(value)
        case {"zip": True}:
            return value[1:] if row["state"] in ZERO_STATES and value.startswith("0") else value
    return _spell(way, value, chance) if is_due else value


def _spell(way: Way, value: str, chance: int) -> str:
    match way:
        case {"link": True}:
            return _pick((value, value, value, value.lower(), f" {value}", f"{value} "), chance)
        case {"phone": True}:
            return _pick(("{}", "{}", "{}", *PHONE_WORDS), chance).format(value)
        case {"spell": words}:
            return _pick(words.get(value, [value]), chance)
        case {"pad": True}:
            return _pick((f"{value} ", f" {value}"), chance)
        case {"windows": True}:
            return value.replace("/", "\\")
        case {"guard": sign}:
            return {"=": f'="{value}"', "'": f"'{value}"}.get(sign, f"{value}{sign}")
    return value


def _time(form: str, value: str) -> Cell:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    is_day = len(value) == len("2021-03-04")
    if form == "cell":
        return moment
    if form == "serial":
        since = moment - NO_DAY
        return since.days if is_day else round(since / timedelta(days=1), 6)
    joined = "" if is_day else f"{'T' if 'T' in form else ' '}{moment:%H:%M:%S}"
    return TYPED_TIMES[form].format(moment) + joined


def _flag(form: str, value: str) -> Cell:
    yes, no = FLAG_WORDS.get(form) or form.split("/")
    return {"Y": yes, "N": no}.get(value, value)


def _money(form: str, value: str) -> Cell:
    try:
        amount = Decimal(value)
    except ArithmeticError:
        return value
    match form:
        case "cell":
            return float(amount)
        case "1.234,50":
            return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
        case "$1,234.50":
            return f"${amount:,.2f}"
    return f"USD {amount}"
