"""The validation ladder of ADA codes, line by line: what is one reading, and what stays with a person."""

import pytest

from workbench.dental.ada_codes import Verdict, read_codes

ONE = {  # each line of the ladder, and spellings that all read D2740
    "trim": [" D2740", "D2740\t", "D2740\r\n", "\u00a0D2740\u00a0", "\u2003D2740"],
    "compatibility forms": ["Ｄ２７４０", "D２７４０", "D₂₇₄₀"],
    "invisible": ["\u200bD2740", "D27\u200d40", "\ufeffD2740", "D2740\u200e", "D\u00ad2740", "\u202aD2740\u202c"],
    "upper case": ["d2740", "ｄ2740"],
    "mark after D": ["D 2740", "D-2740", "D.2740", "D_2740", "D#2740", "D:2740", "D: 2740", "D - 2740", "D\u20132740"],
    "letter for digit": ["D274O", "D274o"],
    "missing D": ["2740", " 2740 ", "274O"],
    "old form": ["02740"],
    "float tail": ["2740.0", "2740.00", "D2740.0", "D2740.00", "02740.0"],
    "text guard": ['="D2740"', '="2740"', "=D2740", "'D2740", "'2740", '=""D2740""', "\u2018D2740"],
    "workbook escape": ["D2740_x000D_", "D2740_x000a_", "_x0009_D2740"],
    "quotes": ['"D2740"', "'D2740'", "\u201cD2740\u201d", "\u00abD2740\u00bb"],
    "brackets": ["(D2740)", "[D2740]", "{D2740}", "<D2740>", "(2740)"],
    "stars": ["*D2740", "D2740*", "**D2740**"],
    "suffix": ["D2740A", "D2740a", "D2740-A", "D2740_A", "D2740.A", "D2740.1", "D2740.10", "D2740RT"],
    "modifier": ["D2740-RT", "D2740 RT", "D2740-22", "D2740-K1", "D2740 -RT"],
    "tooth": [
        "D2740 #14",
        "#14 D2740",
        "D2740 tooth 14",
        "D2740 th 14",
        "D2740 t14",
        "D2740 (14)",
        "D2740#14",
        "D2740/30",
    ],
    "teeth": ["D2740 1, 16, 17, 32", "D2740 #1 #16", "D2740 teeth 1-16", "D2740 #A"],
    "surface": ["D2740 MO", "D2740 MOD #14", "#14-MO D2740", "D2740 14-MO", "D2740 DO", "DO D2740"],
    "quadrant": ["D2740 UR", "D2740 UR, UL", "D2740 UR UL LR LL", "D2740 quad 1"],
    "quantity": ["D2740 x2", "D2740 x 4", "4x D2740", "D2740 (x4)", "D2740 qty: 4", "2 D2740", "D2740*4", "D2740 ×4"],
    "label": ["CDT D2740", "CDT: D2740", "CDT-D2740", "ADA code: 2740", "ADA#2740", "CDT2740", "Proc D2740"],
    "status": ["D2740 completed", "D2740 (pending)", "D2740 - approved", "D2740 pre-auth", "completed D2740"],
    "words": [
        "D2740 crown",
        "crown (D2740)",
        "D2740: crown",
        "D2740 - crown, porcelain",
        "D2740 Dr. Lund",
        "D2740, etc",
    ],
    "duplicates": ["D2740 D2740", "D2740;D2740", "D2740, 2740"],
    "loose ends": ["D2740;", ";D2740", "D2740,", "D2740/", "D2740-", "D2740+", "D2740?"],
}


@pytest.mark.parametrize(
    "raw", [pytest.param(raw, id=f"{line} {place}") for line, raws in ONE.items() for place, raw in enumerate(raws)]
)
def test_a_listed_repair_gives_the_one_reading(raw):
    reading = read_codes(raw)
    assert (reading.verdict, reading.codes) == (Verdict.REPAIRABLE, ("D2740",))


@pytest.mark.parametrize(
    ("raw", "codes"),
    [
        ("120", "D0120"),
        ("120.0", "D0120"),
        ("0120", "D0120"),
        ("00120", "D0120"),
        ("DO12O", "D0120"),
        ("D0l20", "D0120"),
        ("DI11O", "D1110"),
        ("04267", "D4267"),
        ("D0120; D1110", "D0120;D1110"),
        ("D0120,D1110", "D0120;D1110"),
        ("D0120/D1110", "D0120;D1110"),
        ("D0120\\D1110", "D0120;D1110"),
        ("D0120&D1110", "D0120;D1110"),
        ("D0120 + D1110", "D0120;D1110"),
        ("D0120 D1110", "D0120;D1110"),
        ("D0120\r\nD1110", "D0120;D1110"),
        ("- D0120\n- D1110", "D0120;D1110"),
        ("1) D0120 2) D1110", "D0120;D1110"),
        ("\u2022 D0120 \u2022 D1110", "D0120;D1110"),
        ("D0120 and D1110", "D0120;D1110"),
        ("D0120 w/D1110", "D0120;D1110"),
        ("D0120D1110", "D0120;D1110"),
        ("D0120.D1110", "D0120;D1110"),
        ("D0120, D1110 and D0274", "D0120;D1110;D0274"),
        ("D1110,D0120,D1110", "D1110;D0120"),
        ("D0120_x000D_\nD1110", "D0120;D1110"),
        ("['D0120', 'D1110']", "D0120;D1110"),
        ("1110, 0120", "D1110;D0120"),
        ("1110 0120", "D1110;D0120"),
        ("D6010/6057/6058", "D6010;D6057;D6058"),
        ("D1110 (adult prophy), D0120 (exam)", "D1110;D0120"),
        ("D2740 crown & D2950 buildup", "D2740;D2950"),
    ],
)
def test_a_list_keeps_its_order_and_each_code_once(raw, codes):
    reading = read_codes(raw)
    assert (reading.verdict, ";".join(reading.codes)) == (Verdict.REPAIRABLE, codes)


@pytest.mark.parametrize(
    "beside",
    [
        "2024", "(2024)", "in 2024", ", 2024", "Mar 4 2021", "3/4/21", "on 2021-03-04", "CDT 2024",
        "$1200", "$1,200.00", "1200.00", "fee 1200", "fee: 950", "@ 95", "95 USD", "1200", ", 1200", "= 95",
        "6m", "6 mo", "q6m", "q 6 months", "6MRC", "6m1d", "every 6 months", "6 month recall", "12 months", "1Y",
        "DO", "MO DO", "50%", "shade A2", "30 min", "1 of 2",
    ],
)  # fmt: skip
def test_a_year_a_fee_an_interval_or_a_surface_never_becomes_a_second_code(beside):
    for raw in (f"D1110 {beside}", f"{beside} D1110"):
        assert read_codes(raw).readable == ("D1110",), raw


@pytest.mark.parametrize(
    "raw",
    [
        "D0270-D0274", "D0270-0274", "D0270 - 74", "D0270-74", "D0270 to D0274", "D0270 to 74", "D0270 thru D0274",
        "D0270\u2014D0274", "D0270..D0274", "0270-0274", "D27xx", "D27XX", "D27**",
    ],
)  # fmt: skip
def test_a_range_stays_with_a_person(raw):
    reading = read_codes(raw)
    assert (reading.verdict, reading.codes) == (Verdict.INVALID, ())


@pytest.mark.parametrize(
    "raw",
    [
        "D2740 or D2750", "D2740/or D2750", "D2740 or 2750", "2740 or 2750", "not D2740", "D2740 (not D2750)",
        "D2740 vs D2750", "either D2740 or D2750", "D2740 instead of D2750", "D2740?D2750", "D2740 -> D2750",
        "D2740; no D2950", "D2740 (was D2750)", "D2740 changed to D2750",
    ],
)  # fmt: skip
def test_alternatives_stay_with_a_person(raw):
    reading = read_codes(raw)
    assert (reading.verdict, reading.reason) == (Verdict.INVALID, "alternatives: a person decides")


@pytest.mark.parametrize(
    "raw",
    [
        "D0000", "D0001", "D0050", "D0099", "0099", "099", "00099", "D0120; D0000",  # below the first category
        "D", "D1", "D27", "D274", "D 274", "D-274", "D.274", "12", "1",  # too short
        "D27400", "D02740", "D027400", "DD2740", "12740", "27400", "002740", "01201110", "D01201110",  # too long
        "99213", "70355", "D2740, 99213", "J0670", "E0486", "A4550", "S9999", "0120T", "T1015", "N1234",  # other lists
        "K02.9", "K02.52", "K0381", "Z01.20",  # diagnoses
        "44562", "45000.0", "44259.375", "2024-01-02", "1/2/2024", "3/4/21", "CDT 2024", "1110, 2024",  # dates
        "1.1E+03", "1.11E3", "2.74e3", "D1.1E+03", "D2.74E+03",  # scientific notation
        "DS740", "D274S", "D2Z40", "D2A4B", "DABCD", "DB120", "D12B0", "D|110", "D27 40", "D27-40",  # letters and gaps
        "crown", "n/a", "N/A", "TBD", "none", "-", "?", "   ", "NULL", "unknown", "see notes", "DO", "MO",  # words
        "#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#####", "D2740 #REF!",  # spreadsheet errors
        "X2740", "C2740", "P2740",  # other letters
        "2740 crown", "crown 2740", "2740 #14", "2740 MO", "2740 x2", "1110 6m", "1110 $95", "tooth 14",  # no D beside words
        "2,740", "2740.5", "2740.000", "2740A", "2740-RT",
    ],
)  # fmt: skip
def test_what_has_no_one_reading_is_invalid(raw):
    reading = read_codes(raw)
    assert (reading.verdict, reading.codes, bool(reading.reason)) == (Verdict.INVALID, (), True)


@pytest.mark.parametrize("raw", ["120", "D2740?", "D2740 1200", "D0120; 274"])
def test_a_reading_of_low_confidence_is_not_accepted_by_itself(raw):
    assert read_codes(raw).is_doubtful
