"""Each named transform by a table of cases; what cannot be read is said, never guessed."""

from __future__ import annotations

import inspect

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.mapping.grammar import MANY, TAKES
from workbench.staging.problems import UnreadableError
from workbench.staging.transforms import TRANSFORMS, ZONED
from workbench.staging.words import printable


def run(via: str, *texts: str | None) -> str | None:
    return TRANSFORMS[via].function(*texts)


def refused(via: str, *texts: str | None) -> tuple[str, str, str | None]:
    with pytest.raises(UnreadableError) as caught:
        run(via, *texts)
    return caught.value.rule, str(caught.value.severity), caught.value.kept


def test_a_mapping_may_name_each_transform_and_no_other():
    assert set(TAKES) == set(TRANSFORMS)


@pytest.mark.parametrize("via", sorted(TAKES))
def test_each_transform_takes_the_columns_that_a_mapping_may_name(via):
    least, most = TAKES[via]
    parameters = inspect.signature(TRANSFORMS[via].function).parameters.values()
    if TRANSFORMS[via].first_filled:
        assert (len(parameters), least) == (1, 1)
    elif any(one.kind is one.VAR_POSITIONAL for one in parameters):
        assert (least, most in (2, MANY)) == (1, True)
    else:
        assert (least, most) == (len(parameters), len(parameters))
    assert via not in ZONED or most < MANY


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        pytest.param("(503) 363-5432", "+15033635432", id="brackets"),
        pytest.param("503.363.5432", "+15033635432", id="dots"),
        pytest.param("1-503-363-5432", "+15033635432", id="country code"),
        pytest.param("(503)363-5432 cell", "+15033635432", id="label behind"),
        pytest.param("503-363-5432 (mom)", "+15033635432", id="label in brackets"),
        pytest.param("Home: 503-363-5432", "+15033635432", id="label before"),
        pytest.param("c: 503-363-5432", "+15033635432", id="letter before"),
        pytest.param("503-363-5432 h", "+15033635432", id="letter behind"),
        pytest.param("C (512) 363-5432", "+15123635432", id="letter before brackets"),
        pytest.param("(512) 363-5432 W", "+15123635432", id="letter W"),
        pytest.param("wife's cell: 512-363-5432", "+15123635432", id="whose label before"),
        pytest.param("512-363-5432 Dad’s cell", "+15123635432", id="whose label behind"),
        pytest.param("512 363 5432 (leave msg)", "+15123635432", id="words in brackets"),
        pytest.param("5123635432", "+15123635432", id="digits alone"),
        pytest.param("+44 20 7946 0958", "+442079460958", id="London"),
        pytest.param("1-800-FLOWERS", "+18003569377", id="vanity"),
        pytest.param("604-684-1234", "+16046841234", id="Canada"),
        pytest.param("011 52 55 5123 4567", "+525551234567", id="Mexico"),
    ],
)
def test_a_phone_becomes_e164(typed, number):
    assert run("phone", typed) == number


@pytest.mark.parametrize(
    ("typed", "rule", "kept"),
    [
        pytest.param("5033635432 x12", "phone_extension", "+15033635432", id="extension"),
        pytest.param("503-363-5432 ext. 12", "phone_extension", "+15033635432", id="ext."),
        pytest.param("503 363 5432;ext=99", "phone_extension", "+15033635432", id="ext="),
        pytest.param("503 363 5432 / 503 363 5433", "phone_more", "+15033635432", id="two numbers"),
        pytest.param("503 363 5432 or 503 363 5433", "phone_more", "+15033635432", id="one or another"),
        pytest.param("H: (512) 555-0100 x12", "phone_extension", "+15125550100", id="label and extension"),
        pytest.param("work 512.363.5432, ext 9", "phone_extension", "+15123635432", id="label, comma and extension"),
        pytest.param("512-363-5432, 512-363-5433", "phone_more", "+15123635432", id="two with a comma"),
        pytest.param("512-363-5432 & 512-363-5433", "phone_more", "+15123635432", id="two with an and"),
        pytest.param("363-5432", "phone", None, id="no area code"),
        pytest.param("555-0100 no area", "phone", None, id="no area code, in words"),
        pytest.param("(555) 123-4567", "phone", None, id="ten digits and no such area"),
        pytest.param("999-363-5432", "phone", None, id="ten digits and an area that is none"),
        pytest.param("(503) 363-543O", "phone", None, id="letter O"),
        pytest.param("000-000-0000", "phone", None, id="zeros"),
        pytest.param("123-456-7890", "phone", None, id="possible, not valid"),
        pytest.param("5.03364E+09", "phone", None, id="spreadsheet"),
        pytest.param("n/a", "phone", None, id="words"),
        pytest.param("cell", "phone", None, id="label alone"),
    ],
)
def test_what_a_phone_loses_is_said(typed, rule, kept):
    assert refused("phone", typed) == (rule, "warn", kept)


def test_home_and_other_phones_become_a_labelled_list():
    assert orjson.loads(run("phone_list", "(503) 363-5432", "503-363-5433")) == [
        {"label": "Home", "value": "+15033635432"},
        {"label": "Other", "value": "+15033635433"},
    ]
    assert orjson.loads(run("phone_list", None, "503-363-5433")) == [{"label": "Other", "value": "+15033635433"}]


def test_a_phone_that_cannot_be_read_costs_no_other():
    assert refused("phone_list", "363-5432", "503-363-5433") == (
        "phone",
        "warn",
        '[{"label":"Other","value":"+15033635433"}]',
    )
    assert refused("phone_list", "363-5432", None) == ("phone", "warn", None)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        pytest.param(" Dana.Lund@Example.COM ", "Dana.Lund@example.com", id="domain in lower case"),
        pytest.param("dana+work@example.com", "dana+work@example.com", id="plus"),
        pytest.param("dana@müller.example.com", "dana@müller.example.com", id="umlaut"),
    ],
)
def test_an_address_keeps_its_local_part(typed, address):
    assert run("email", typed) == address
    assert orjson.loads(run("email_list", typed)) == [address]


@pytest.mark.parametrize(
    ("typed", "rule", "kept"),
    [
        pytest.param("none@none.com", "email", None, id="none"),
        pytest.param("TEST@test.com", "email", None, id="test"),
        pytest.param("noemail@lakeside.com", "email", None, id="noemail"),
        pytest.param("declined@practice.com", "email", None, id="declined"),
        pytest.param("N/A", "email", None, id="n/a"),
        pytest.param("dana@", "email", None, id="half"),
        pytest.param("mary ann@example.com", "email", None, id="blank inside"),
        pytest.param("dana@example..com", "email", None, id="two dots"),
        pytest.param("a@example.com; b@example.com", "email_more", "a@example.com", id="two addresses"),
    ],
)
def test_placeholders_and_broken_addresses_are_refused(typed, rule, kept):
    assert refused("email", typed) == (rule, "warn", kept)


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("1234.5", "1234.50"),
        ("$1,234.50", "1234.50"),
        ("USD 45", "45.00"),
        ("45 usd", "45.00"),
        ("(45.00)", "-45.00"),
        ("45.00-", "-45.00"),
        ("-$45", "-45.00"),
        ("($1,000)", "-1000.00"),
        ("0", "0.00"),
        ("-0.00", "0.00"),
        (".5", "0.50"),
        ("$ 12", "12.00"),
        ("$-5.00", "-5.00"),
        ("123456789012345.67", "123456789012345.67"),
    ],
)
def test_money_is_an_exact_decimal(typed, amount):
    assert run("money", typed) == amount


@pytest.mark.parametrize(
    "typed",
    [
        "N/C",
        "TBD",
        "$",
        "-",
        "1.234,50",
        "1,23",
        "NaN",
        "Infinity",
        "1e999999",
        "1e3",
        "--5",
        "-($5)",
        "£5",
        "1 000",
        "12 34",
        "1.2.3",
        "(5",
        "0x10",
    ],
)
def test_what_is_no_amount_holds_the_row(typed):
    assert refused("money", typed) == ("money", "hold", None)


def test_parts_of_a_cent_are_rounded_and_said():
    assert refused("money", "10.005") == ("money_cents", "warn", "10.01")


@given(st.decimals(-(10**12), 10**12, places=2))
def test_an_amount_comes_back_to_the_cent_however_it_is_written(amount):
    written = f"{abs(amount):,.2f}"
    wanted = f"{amount:.2f}" if amount else "0.00"
    for typed in (
        (f"({written})", f"-${written}", f"{written}-") if amount < 0 else (written, f"${written}", f"{written} USD")
    ):
        assert run("money", typed) == wanted


@pytest.mark.parametrize(
    ("via", "texts"),
    [
        pytest.param("phone", ["(503) 363-5432 cell", "1-800-FLOWERS", "+44 20 7946 0958"], id="phone"),
        pytest.param("email", ["Dana@EXAMPLE.com", "dana@müller.example.com"], id="email"),
        pytest.param("money", ["($1,234.5)", ".5", "0"], id="money"),
        pytest.param("integer", ["3.0", "1,200"], id="integer"),
        pytest.param("website", ["www.lakeside.example"], id="website"),
        pytest.param("ada_codes", ["d2740, 2950", "D6010;D6057"], id="codes"),
        pytest.param("day", [" 2021-03-04 23:59:59"], id="day"),
        pytest.param("checkbox", ["Y", "0"], id="checkbox"),
        pytest.param("flag", ["Y", "n", ""], id="flag"),
        pytest.param("npi", [" 1234567893 "], id="npi"),
    ],
)
def test_what_was_converted_once_stays_as_it_is(via, texts):
    for typed in texts:
        made = run(via, typed)
        assert made == ("Not recorded" if via == "flag" and not typed else run(via, made))


@pytest.mark.parametrize("via", sorted(via for via, one in TRANSFORMS.items() if one.as_is))
@given(data=st.data())
def test_a_text_that_stands_as_it_is_would_be_converted_to_itself(via, data):
    transform = TRANSFORMS[via]
    typed = data.draw(st.from_regex(transform.as_is or "", fullmatch=True, alphabet=st.characters(codec="ascii")))
    assert transform.function(typed) == typed
    assert printable(typed) == typed


@pytest.mark.parametrize(("typed", "number"), [("3", "3"), ("3.0", "3"), (" 1,200 ", "1200"), ("-2", "-2")])
def test_a_whole_number(typed, number):
    assert run("integer", typed) == number


@pytest.mark.parametrize("typed", ["3.5", "many", "NaN", "Infinity", "1e400000"])
def test_what_is_no_whole_number_is_said(typed):
    assert refused("integer", typed) == ("integer", "warn", None)


@pytest.mark.parametrize(
    ("typed", "day"),
    [("2021-03-04", "2021-03-04"), (" 2021-03-04 23:59:59", "2021-03-04"), ("2021-03-04T08:00:00Z", "2021-03-04")],
)
def test_a_day(typed, day):
    assert run("day", typed) == day


@pytest.mark.parametrize("typed", ["0001-01-01", "1900-01-00", "1900-01-01 00:00:00", "1899-12-30", "9999-12-31"])
def test_a_day_that_means_nothing_is_empty_and_counted(typed):
    assert refused("day", typed) == ("empty_day", "warn", None)


@pytest.mark.parametrize("typed", ["03/04/2021", "2021-02-30", "44259", "soon"])
def test_a_day_is_never_guessed(typed):
    assert refused("day", typed) == ("day", "warn", None)


@pytest.mark.parametrize(
    ("typed", "flag"),
    [
        ("Y", "Yes"),
        ("yes", "Yes"),
        ("1", "Yes"),
        ("N", "No"),
        ("false", "No"),
        ("", "Not recorded"),
        (None, "Not recorded"),
    ],
)
def test_a_blank_flag_is_not_recorded_and_never_no(typed, flag):
    assert run("flag", typed) == flag


@pytest.mark.parametrize("typed", ["Not sure", "None known", "N/A", "?", "nope"])
def test_a_flag_that_says_neither_is_not_recorded_and_said(typed):
    assert refused("flag", typed) == ("flag", "warn", "Not recorded")


@pytest.mark.parametrize(
    ("typed", "box"), [("Y", "true"), ("X", "true"), ("-1", "true"), ("T", "true"), ("N", "false"), ("0", "false")]
)
def test_a_checkbox(typed, box):
    assert run("checkbox", typed) == box
    assert refused("checkbox", "maybe") == ("checkbox", "warn", None)


@pytest.mark.parametrize(
    ("do_not_contact", "consent", "status"),
    [
        pytest.param("Y", "Y", "0", id="do not contact goes first"),
        pytest.param("yes", "", "0", id="yes"),
        pytest.param("N", "N", "0", id="no consent"),
        pytest.param("", "Y", "1", id="consent"),
        pytest.param("N", "yes", "1", id="consent in words"),
        pytest.param("", "", "2", id="nothing said"),
        pytest.param(None, None, "2", id="no column"),
        pytest.param("N", " ", "2", id="blank"),
    ],
)
def test_nobody_is_subscribed_without_a_clear_yes(do_not_contact, consent, status):
    assert run("subscription", do_not_contact, consent) == status


def test_what_is_no_clear_answer_subscribes_nobody_and_is_said():
    assert refused("subscription", "DNC", "Y") == ("consent", "warn", "0")
    assert refused("subscription", "N", "perhaps") == ("consent", "warn", "2")


def test_an_npi_needs_its_check_digit():
    assert run("npi", " 1234567893 ") == "1234567893"
    for typed in ("1234567890", "123456789", "1.23457E+09", "3000000000"):
        assert refused("npi", typed) == ("npi", "warn", None)


def codes(count: int) -> str:
    return ";".join(f"D{1000 + place}" for place in range(count))


@pytest.mark.parametrize(("count", "first", "more"), [(1, 1, 0), (42, 42, 0), (43, 42, 1), (84, 42, 42)])
def test_42_codes_fill_a_field_and_84_fill_two(count, first, more):
    written = [run(via, codes(count)) for via in ("ada_codes", "ada_codes_more", "ada_codes_unread")]
    assert [len(one.split(";")) if one else 0 for one in written] == [first, more, 0]
    assert ";".join(filter(None, written)) == codes(count)
    assert all(len(one) <= 256 for one in written if one)


def test_more_than_84_codes_hold_the_row_and_none_is_cut():
    assert refused("ada_codes_more", codes(85)) == ("ada_codes", "hold", None)


def test_codes_are_repaired_by_safe_rules_and_what_reads_as_none_is_kept_whole():
    assert run("ada_codes", "d2740, D2950") == "D2740;D2950"
    assert run("ada_codes", "crown #3") is None
    assert refused("ada_codes_unread", " crown #3 ") == ("ada_codes", "warn", "crown #3")


@pytest.mark.parametrize(
    ("typed", "status"), [("Done", "1"), ("cancelled", "1"), ("Canceled", "1"), ("New", "0"), ("Viewed", "0")]
)
def test_a_task_that_is_over_is_completed(typed, status):
    assert run("task_status", typed) == status


@pytest.mark.parametrize(
    ("typed", "kind"), [("Phone", "Phone"), ("email", "Email"), ("Text", "SMS Outgoing"), ("Clinical", None)]
)
def test_a_note_type_is_an_activity_of_a_default_type(typed, kind):
    assert run("activity_type", typed) == kind


def test_address_lines_are_joined_and_unit_lines_stay():
    assert run("address", " 12 Alder St ", "Apt 3") == "12 Alder St, Apt 3"
    assert run("address", None, "Apt 3", " ") == "Apt 3"
    assert run("address", None, "") is None


@pytest.mark.parametrize(
    ("typed", "address"),
    [("www.lakeside.example", "https://www.lakeside.example"), ("http://a.example", "http://a.example"), (" ", None)],
)
def test_a_website_gets_a_scheme(typed, address):
    assert run("website", typed) == address
