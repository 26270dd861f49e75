from __future__ import annotations

import traceback

import pytest

from workbench.freshsales.refusals import STANDARD_LABELS, Reason, Refused, plain_label, refusal, words_of


def errors(message: object, code: int = 400) -> dict[str, object]:
    return {"errors": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("status", "body", "reason", "label"),
    [
        pytest.param(400, errors(["Contact is not unique"]), Reason.NOT_UNIQUE, "Contact", id="e-mail taken"),
        pytest.param(400, errors(["MobileNumber is not unique"]), Reason.NOT_UNIQUE, "MobileNumber", id="phone taken"),
        pytest.param(400, errors(["Name has already been taken"]), Reason.NOT_UNIQUE, "Name", id="older wording"),
        pytest.param(
            400, errors(["The type for sales_accounts is invalid."]), Reason.TYPE_INVALID, "sales_accounts", id="shape"
        ),
        pytest.param(400, errors(["Owner is invalid"]), Reason.OWNER_INVALID, "Owner", id="owner"),
        pytest.param(
            400, errors(["Title is too long (maximum is 256 characters)"]), Reason.TOO_LONG, "Title", id="long"
        ),
        pytest.param(400, errors(["Due date can't be blank", "x"]), Reason.REQUIRED, "Due date", id="required"),
        pytest.param(400, errors(["Stage is not included in the list"]), Reason.NOT_A_CHOICE, "", id="no choice"),
        pytest.param(400, errors(["Maximum of 100 records are allowed"]), Reason.TOO_MANY, "", id="over a hundred"),
        pytest.param(400, errors(["Bulk upsert needs a unique field"]), Reason.NO_KEY, "", id="no unique deal field"),
        pytest.param(400, errors(["Storage limit exceeded"]), Reason.QUOTA, "", id="quota as a 400"),
        pytest.param(400, errors("End date should be after start date"), Reason.INVALID, "End date", id="a string"),
        pytest.param(400, errors(None), Reason.INVALID, "", id="null"),
        pytest.param(400, {"errors": ["Name is invalid"]}, Reason.INVALID, "Name", id="a bare list"),
        pytest.param(400, {"errors": {"message": {"email": ["is not unique"]}}}, Reason.NOT_UNIQUE, "", id="nested"),
        pytest.param(400, None, Reason.INVALID, "", id="HTML or nothing"),
        pytest.param(400, [1, "Name is invalid"], Reason.INVALID, "Name", id="a list as body"),
        pytest.param(422, errors(["cf_npi is not unique"]), Reason.NOT_UNIQUE, "cf_npi", id="a custom field's name"),
        pytest.param(404, errors("Contact not found", 404), Reason.NOT_FOUND, "", id="gone"),
        pytest.param(405, None, Reason.BUSY, "", id="busy"),
        pytest.param(409, None, Reason.CONFLICT, "", id="conflict"),
        pytest.param(413, None, Reason.QUOTA, "", id="file storage"),
        pytest.param(418, None, Reason.OTHER, "", id="anything else"),
    ],
)
def test_a_refusal_of_any_shape_has_a_reason(status: int, body: object, reason: Reason, label: str) -> None:
    made = refusal(status, body)
    assert (made.status, made.reason, plain_label(made.label)) == (status, reason, plain_label(label))
    assert reason.sentence in made.public


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("Jane Canary is not unique", id="a name where the label stands"),
        pytest.param("jane.canary@example.com is not unique", id="an e-mail"),
        pytest.param("Email jane.canary@example.com has already been taken", id="a value after the label"),
        pytest.param("Canary is invalid", id="a family name"),
        pytest.param("cf_note: canary root canal is too long", id="a value behind a field"),
    ],
)
def test_what_freshsales_echoes_of_a_patient_stays_out_of_the_public_text(message: str) -> None:
    made = refusal(400, errors([message]))
    shown = "".join(traceback.format_exception(made)) + repr(made) + made.public
    assert "canary" not in shown.lower()
    assert made.messages == [message]


def test_a_custom_fields_label_is_public_once_the_schema_was_read() -> None:
    body = errors(["Chart Number is not unique"])
    assert refusal(400, body).public == Reason.NOT_UNIQUE.sentence
    assert refusal(400, body, STANDARD_LABELS | {plain_label("Chart Number")}).label == "Chart Number"


def test_every_reason_has_a_sentence_of_its_own() -> None:
    sentences = [reason.sentence for reason in Reason]
    assert len(set(sentences)) == len(sentences)
    assert str(Refused(400, Reason.INVALID)) == "Freshsales refused it (400): a value is not accepted"


def test_words_are_found_however_deep() -> None:
    assert words_of({"errors": {"message": ["a", {"x": ["b"]}, " "]}}) == ["a", "b"]
    assert words_of({"message": "a"}) == ["a"]
    assert words_of("<html>") == []
