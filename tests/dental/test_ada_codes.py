"""ADA codes are right, repaired by a named rule, or left to a person."""

import re
from pathlib import Path

import pytest

import workbench
from workbench.dental.ada_codes import Verdict, category_of, read_codes


@pytest.mark.parametrize("raw", ["D0120", "D9999", "D0100", "D2740;D2950"])
def test_the_canonical_form_is_ok(raw):
    reading = read_codes(raw)
    assert (reading.verdict, reading.codes) == (Verdict.OK, tuple(raw.split(";")))


@pytest.mark.parametrize(
    ("raw", "codes", "rule"),
    [
        ("d2740", "D2740", "upper case"),
        (" D2740 ", "D2740", "outer blanks"),
        ("Ｄ２７４０", "D2740", "full-width characters"),
        ("\ufeffD27\u200b40", "D2740", "invisible characters"),
        ("D-2740", "D2740", "mark after D"),
        ("DO12O", "D0120", "letter for digit"),
        ("2740.0", "D2740", "float tail"),
        ("120.00", "D0120", "three digits"),
        ("02740", "D2740", "old five-digit form"),
        ('="0120"', "D0120", "text guard"),
        ("'2740", "D2740", "text guard"),
        ("D2740_x000D_", "D2740", "workbook escape"),
        ("D2740-RT", "D2740", "suffix"),
        ("D7140x4", "D7140", "suffix"),
        ("ADA code: 2740", "D2740", "label"),
        ("CDT 2024: D2740", "D2740", "year"),
        ("D7140 #1, #16, #17", "D7140", "tooth"),
        ("D2392 MO #3, DO #4", "D2392", "words"),
        ("D4341 UR; D4341 UL", "D4341", "duplicate"),
        ("D0120D1110D0274", "D0120;D1110;D0274", "run together"),
        ("D0120 1110", "D0120;D1110", "missing D"),
        ("120/274/1110", "D0120;D0274;D1110", "list"),
        ("D2740 w/ 2950", "D2740;D2950", "list"),
    ],
)
def test_a_safe_repair_names_its_rule(raw, codes, rule):
    reading = read_codes(raw)
    assert (reading.verdict, ";".join(reading.codes)) == (Verdict.REPAIRABLE, codes)
    assert rule in reading.rules


@pytest.mark.parametrize(
    "raw",
    [
        "D1110 2023",
        "D1110 $1,250.00",
        "D1110 fee 1250",
        "D1110 95.00",
        "D1110 q6m",
        "D1110 3/4/21",
        "D1110 (95)",
        "D1110 DO",
    ],
)
def test_a_year_fee_interval_or_surface_is_no_second_code(raw):
    assert read_codes(raw).codes == ("D1110",)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("D0270-D0274", "a range: a person decides"),
        ("D0270 – 0274", "a range: a person decides"),
        ("D2750-52", "a range: a person decides"),
        ("D2740 or D2750", "alternatives: a person decides"),
        ("D2740 not D2750", "alternatives: a person decides"),
        ("D2740 -> D2750", "alternatives: a person decides"),
        ("D0000", "below the first category D0100"),
        ("D274", "too short for a code"),
        ("D27400", "too long for a code"),
        ("99213", "five digits: a medical code or the number of a date"),
        ("K02.9", "the shape of a diagnosis code"),
        ("J0670", "a letter and four digits, and the letter is not D"),
        ("D1.1E+03", "scientific notation: digits are lost"),
        ("#REF!", "a spreadsheet error"),
        ("DS740", "a part that is no code"),
        ("crown 2740", "words and no code"),
        ("D1110 950", "a part that is no code"),
        ("", "blank"),
    ],
)
def test_the_rest_stays_with_a_person(raw, reason):
    reading = read_codes(raw)
    assert (reading.verdict, reading.codes, reading.reason) == (Verdict.INVALID, (), reason)


def test_the_readable_part_of_an_invalid_value_is_kept_apart():
    assert read_codes("D2740; 99213").readable == ("D2740",)
    assert read_codes("D2740 or D2750").readable == ()


def test_a_lost_zero_is_doubtful():
    assert read_codes("120").is_doubtful
    assert not read_codes("D-0120").is_doubtful


def test_categories_follow_the_ranges():
    assert [category_of(code) for code in ("D0100", "D5899", "D5900", "D6199", "D6200", "D0099")] == [
        "Diagnostic",
        "Removable prosthodontics",
        "Maxillofacial prosthetics",
        "Implants",
        "Fixed prosthodontics",
        None,
    ]


def test_no_list_of_codes_and_no_description_is_shipped():
    package = Path(workbench.__file__).parent
    data = [path for kind in ("csv", "toml", "json") for path in package.rglob(f"*.{kind}")]
    assert data
    codes = {path.name: set(re.findall(r"\bD[0-9]{4}\b", path.read_text("utf-8"))) for path in data}
    # The bounds of the twelve categories, and what a sample needs.
    assert {name: len(found) for name, found in codes.items() if len(found) > 24} == {}
