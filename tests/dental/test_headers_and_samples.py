"""Names of columns as words, and what their values look like."""

from __future__ import annotations

import pytest

from workbench.dental.headers import asked, bared, fold, squash
from workbench.dental.samples import are_odd, are_secret, fits, sensitivity_of, shapes_of
from workbench.dental.tables import shared_letters, shared_prefix, tables_of


@pytest.mark.parametrize(
    ("written", "words"),
    [
        pytest.param("HmPhone", ("home", "phone"), id="camel case and a short form"),
        pytest.param("WIRELESSPHONE", ("mobile", "phone"), id="run together in capitals"),
        pytest.param("Pat_LName", ("contact", "last", "name"), id="a single letter belongs to the word behind it"),
        pytest.param("guardiansname", ("guarantor", "name"), id="a plural inside a run"),
        pytest.param("FIRSTVISITDATE", ("first", "visit", "date"), id="three words in one run"),
        pytest.param("TxtMsgOk", ("text", "ok"), id="the same word twice is said once"),
        pytest.param("# Ops", ("number", "operatory"), id="a mark is a word"),
        pytest.param("qwxzkj", ("qwxzkj",), id="a run nobody knows stays whole"),
        pytest.param("operator", ("operator",), id="a word is not cut into short forms"),
        pytest.param("Client's first", ("contact", "first"), id="an apostrophe and what it shortens"),
        pytest.param("Don't call", ("do", "not", "call"), id="a not that is shortened"),
        pytest.param("Sign-in ID", ("login", "id"), id="a sign-in is no signature"),
        pytest.param("Born (mm/dd/yy)", ("date", "birth"), id="brackets that tell a form"),
        pytest.param("Kept (Y/N/L)", ("kept",), id="brackets that tell codes"),
        pytest.param("Patient (Last, First)", ("contact",), id="brackets that tell an order"),
        pytest.param("Note(s)", ("note",), id="brackets that tell a plural"),
        pytest.param("Benefit (est)", ("benefit", "estimate"), id="brackets with a word of the name"),
        pytest.param("Odds (%)", ("odd", "percent"), id="brackets with a mark of the name"),
        pytest.param("strZip", ("zipcode",), id="a type that a program wrote before it"),
        pytest.param("dtSeen", ("date", "visit"), id="such a type that is a word of the name"),
        pytest.param("txtOk", ("text", "ok"), id="a word that looks like such a type"),
        pytest.param("No Calls", ("not", "call"), id="a no that is no number"),
        pytest.param("No of Ops", ("number", "operatory"), id="a no that is one"),
        pytest.param("PTID", ("contact", "id"), id="whose it is and what it holds, in two letters each"),
        pytest.param("TXFEECD", ("treatment", "fee", "code"), id="the same around a word"),
        pytest.param("SBSCRNO", ("subscriber", "number"), id="a piece without its vowels"),
        pytest.param("slots", ("slot",), id="vowels that the other word lacks"),
    ],
)
def test_a_name_is_words(written: str, words: tuple[str, ...]) -> None:
    assert fold(written) == words


def test_names_of_one_system_are_compared_without_case_and_marks() -> None:
    assert squash("Pat_FName") == squash("PAT FNAME") == "patfname"


def test_what_nearly_all_columns_begin_with_is_the_tables_own() -> None:
    assert shared_prefix(["RefDr_ID", "RefDr_First", "RefDr_Last", "RefDr_City", "Note"]) == ("referral", "provider")
    assert shared_prefix(["First", "Last", "City", "State"]) == ()


def test_letters_that_most_names_of_a_terse_table_begin_with_are_the_tables_own() -> None:
    assert shared_letters(["TXNUM", "TXFEE", "TXDOC", "TOOTH", "TXDSC"]) == "tx"
    assert shared_letters(["NTXT", "NPAT", "NUSR", "NDAT"]) == "n"
    assert shared_letters(["NAME", "CITY", "NOTE", "NUMBER", "STATE"]) == ""
    assert shared_letters(["Tx No", "Tx Fee", "Tx Doc", "Tx Dsc"]) == ""


def test_columns_that_stand_together_are_one_table() -> None:
    four, other = ["patient"] * 4, ["case"] * 4
    assert tables_of([*four, *other, *four]) == [[0, 1, 2, 3], [8, 9, 10, 11], [4, 5, 6, 7]]
    assert tables_of(["patient", "case"] * 3) == [[0, 2, 4], [1, 3, 5]]


def test_a_question_asks_for_what_a_plain_name_says() -> None:
    assert ("entered", "by") in asked(fold("Who entered it?"))
    assert ("number", "operatory") in asked(fold("How many chairs"))
    assert ("due", "date") in asked(fold("When due"))
    assert asked(fold("Due date")) == ()


def test_a_link_is_what_it_points_at() -> None:
    assert bared(("provider", "user", "id"), {"contact"}, is_link=True) == ("provider",)
    assert bared(("contact", "status"), {"contact"}) == ("status",)


@pytest.mark.parametrize(
    ("kind", "values", "does"),
    [
        pytest.param("date", ["03/14/1981", "1990-07-02", ""], True, id="days"),
        pytest.param("date", ["20250930"], True, id="days without marks"),
        pytest.param("date", ["Monday"], False, id="a weekday is no date"),
        pytest.param("datetime", ["09:30"], False, id="a time without its day"),
        pytest.param("datetime", ["202604011330", "20260401T1330"], True, id="moments without marks"),
        pytest.param("datetime", ["4/1/26 1:30p", "4/1/26, 9:00 AM", "Wed 4/1/26 2pm"], True, id="moments by hand"),
        pytest.param("datetime", ["4/1/26 1:30p", "4/2/26"], True, id="a moment and a day"),
        pytest.param("datetime", ["4/1", "Friday"], False, id="a day without its year"),
        pytest.param("datetime", ["202613011330"], False, id="a month that is none"),
        pytest.param("number", ["1,250.00", "($20.00)", "12%"], True, id="amounts"),
        pytest.param("number", ["2026-01-02"], False, id="a date is no number"),
        pytest.param("checkbox", ["Y", "N", ""], True, id="yes and no"),
        pytest.param("checkbox", ["Y", "maybe"], False, id="maybe"),
        pytest.param("email", ["a@example.com", "declined"], True, id="an address and a placeholder"),
        pytest.param("phone", ["555-410-7000 x12", "(555)310-4471"], True, id="phones"),
        pytest.param("phone", ["2026-01-02"], False, id="a date is no phone"),
        pytest.param("url", ["www.lakeside.example"], True, id="web address"),
        pytest.param("user", ["jhale", "DR1", "4"], True, id="logins, codes and ids"),
        pytest.param("user", ["3200.00", "12.50"], False, id="money is no owner"),
        pytest.param("user", ["01", "03", "H2"], True, id="codes are no money"),
        pytest.param("lookup", ["004471-0", "004471-2"], True, id="accounts of a family are no phones"),
        pytest.param("lookup", ["555-201-3344"], False, id="a phone is no record"),
        pytest.param("lookup", ["10442", "20190211"], True, id="ids that look like days"),
        pytest.param("dropdown", ["2026-01-02"], False, id="a day is no choice"),
        pytest.param("text", ["anything at all"], True, id="text takes all"),
        pytest.param("number", ["", "n/a"], True, id="no value speaks against it"),
    ],
)
def test_a_field_takes_values_of_its_type(kind: str, values: list[str], does: bool) -> None:
    assert fits(shapes_of(values), kind) is does


@pytest.mark.parametrize(
    ("value", "is_so"),
    [
        ("123-45-6789", True),
        ("***-**-1234", True),
        ("$2b$12$abcdefghijkl", True),
        ("4111 1111 1111 1111", True),
        ("data:image/png;base64,iVBOR", True),
        ("12-3456789", False),
        ("555-201-3344", False),
        ("W2210044", False),
    ],
)
def test_secrets_have_a_shape(value: str, is_so: bool) -> None:
    assert are_secret(["", value]) is is_so


def test_digits_are_no_name_and_a_moment_is_no_note() -> None:
    assert are_odd(shapes_of(["3", "4"]), "text", "first_name")
    assert are_odd(shapes_of(["2026-01-02 10:00"]), "text", "cf_notes")
    assert not are_odd(shapes_of(["Ann"]), "text", "first_name")


def test_a_heading_is_no_sentence_and_an_id_has_no_blanks() -> None:
    said = [
        "Please call them again about the estimate that we sent in May",
        "Fax the records once the release is signed by her",
    ]
    assert are_odd(shapes_of(said), "text", "title") and not are_odd(shapes_of(said), "text", "description")
    assert are_odd(shapes_of(["Ann Lee", "Dr. Roe"]), "text", "external_id")
    assert not are_odd(shapes_of(["A 100", "A101", "A102"]), "text", "external_id")


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("first_name", (), "direct"),
        ("phone_mobile", (), "direct"),
        ("PatEmailAddr", (), "direct"),
        ("cf_member_id", (), "direct"),
        ("date_of_birth", (), "quasi"),
        ("zip", (), "quasi"),
        ("cf_insurance_carrier", (), "health"),
        ("cf_claim_status", (), "health"),
        ("cf_ada_codes", (), "health"),
        ("recall_due", (), "health"),
        ("note_body", (), "health"),
        ("note_id", (), "none"),
        ("sort_order", (), "none"),
        ("is_active", (), "none"),
        ("reachable_at", ("(312) 555-0143", "773 555 0188"), "direct"),
        ("extra", ("a@example.com", "b@example.com"), "direct"),
        ("extra", ("red", "blue"), "none"),
    ],
)
def test_what_a_column_tells_of_a_patient_is_suggested_by_its_name_and_its_values(column, values, told):
    assert sensitivity_of(column, values) == told
