"""Named transforms: texts of one source row in, one destination text out, or a stated problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from workbench.canonical import Form
from workbench.dental.ada_codes import read_codes
from workbench.dental.npi import npi_problem
from workbench.errors import WorkbenchError
from workbench.staging import times, words
from workbench.vocabulary import Severity

Cell = str | None
NO_MAIL = {"none@none.com", "test@test.com", "n/a", "none", "declined"}
ADA_CODES_A_FIELD = 42
EMPTY_DAYS = {"0001-01-01", "1900-01-00", "1900-01-01", "1899-12-30", "9999-12-31"}
"""Days that mean nothing: Open Dental's and the spreadsheet's zero (export reference §0)."""


class UnreadableError(WorkbenchError):
    """A value cannot become what the destination wants; the text names the rule, never the value."""

    def __init__(self, rule: str, message: str, severity: Severity = Severity.WARN, kept: Cell = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.severity = severity
        self.kept = kept


@dataclass(frozen=True)
class Transform:
    """A named function over the texts of one row.

    `first_filled`: it gets one text, the first filled of its columns; otherwise all of them in order.
    `blank_too`: it is asked although every text is empty.
    """

    form: Form
    function: Callable[..., Cell]
    first_filled: bool = True
    blank_too: bool = False


def text(value: str) -> Cell:
    """Trim the ends."""
    return value.strip() or None


def phone(value: str) -> Cell:
    """Return a valid US or international number as E.164; valid, not merely possible."""
    try:
        parsed = phonenumbers.parse(words.without_labels(value), "US")
    except phonenumbers.NumberParseException:
        raise UnreadableError("phone", "is no phone number") from None
    if not phonenumbers.is_valid_number(parsed):
        raise UnreadableError("phone", "is no valid phone number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def phone_list(*values: Cell) -> Cell:
    """Return home and other phones as Freshsales' group field."""
    labels = ("Home", "Other")
    found = [{"label": label, "value": phone(value)} for label, value in zip(labels, values, strict=True) if value]
    return words.as_json(found) if found else None


def email(value: str) -> Cell:
    """Return an address with its domain in lower case; refuse placeholders. No mail is sent to check."""
    cleaned = value.strip()
    if cleaned.lower() in NO_MAIL or cleaned.lower().startswith("noemail@"):
        raise UnreadableError("email", "is a placeholder, not an address")
    try:
        return validate_email(cleaned, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise UnreadableError("email", "is no e-mail address") from None


def email_list(value: str) -> Cell:
    """Return further addresses as a list."""
    found = email(value)
    return words.as_json([found]) if found else None


def website(value: str) -> Cell:
    """Return a web address with a scheme."""
    cleaned = value.strip()
    if not cleaned:
        return None
    return cleaned if "://" in cleaned else f"https://{cleaned}"


def address(*lines: Cell) -> Cell:
    """Join address lines; unit lines stay."""
    return ", ".join(line.strip() for line in lines if line and line.strip()) or None


def money(value: str) -> Cell:
    """Return an exact decimal with two places; blank is not zero."""
    cleaned = value.strip().replace("$", "").replace(",", "").replace("USD", "").strip()
    negative = (cleaned.startswith("(") and cleaned.endswith(")")) or cleaned.endswith("-")
    try:
        amount = Decimal(cleaned.strip("()-").strip() if negative else cleaned)
    except InvalidOperation:
        raise UnreadableError("money", "is no amount", Severity.HOLD) from None
    return f"{-amount if negative else amount:.2f}"


def integer(value: str) -> Cell:
    """Return a whole number."""
    try:
        return str(int(Decimal(value.strip())))
    except (InvalidOperation, ValueError):
        raise UnreadableError("integer", "is no whole number") from None


def day(value: str) -> Cell:
    """Return the date of an ISO day or time; the days that mean nothing are empty."""
    cleaned = value.strip()[:10]
    if cleaned in EMPTY_DAYS:
        return None
    try:
        return date.fromisoformat(cleaned).isoformat()
    except ValueError:
        raise UnreadableError("day", "is no date") from None


def checkbox(value: str) -> Cell:
    """Return true or false; blank is unknown and stays empty."""
    return {"y": "true", "yes": "true", "true": "true", "n": "false", "no": "false", "false": "false"}.get(
        value.strip().lower()
    )


def flag(value: Cell) -> Cell:
    """Return Yes, No or Not recorded: blank is never No (a flag here is no clinical advice)."""
    return {"y": "Yes", "n": "No"}.get((value or "").strip().lower()[:1], "Not recorded")


def subscription(do_not_contact: Cell, consent: Cell) -> Cell:
    """Return Freshsales' subscription status: 0 unsubscribed, 1 subscribed, 2 not subscribed.

    Source: choices of the contact field in captured tenants; new contacts would default to 1.
    """
    refuses = (do_not_contact or "").strip().upper() == "Y" or (consent or "").strip().upper() == "N"
    if refuses:
        return "0"
    return "1" if (consent or "").strip().upper() == "Y" else "2"


def npi(value: str) -> Cell:
    """Return a National Provider Identifier whose check digit holds (Luhn over 80840)."""
    problem = npi_problem(value.strip())
    if problem:
        raise UnreadableError("npi", problem)
    return value.strip()


def ada_codes(value: str) -> Cell:
    """Return the first 42 procedure codes: what a text field of 256 characters holds."""
    return ";".join(read_codes(value).codes[:ADA_CODES_A_FIELD]) or None


def ada_codes_more(value: str) -> Cell:
    """Return the codes beyond the first 42; more than 84 hold the row, none is cut."""
    codes = read_codes(value).codes
    if len(codes) > 2 * ADA_CODES_A_FIELD:
        raise UnreadableError("ada_codes", f"holds {len(codes)} codes, and two fields take 84", Severity.HOLD)
    return ";".join(codes[ADA_CODES_A_FIELD:]) or None


def ada_codes_unread(value: str) -> Cell:
    """Return the whole text where a part of it reads as no code: nothing typed is lost."""
    if read_codes(value).verdict != "invalid":
        return None
    raise UnreadableError("ada_codes", "holds something that reads as no code", kept=value.strip())


def task_status(value: str) -> Cell:
    """Return 1 for tasks that are over, 0 for open ones."""
    return "1" if value.strip().lower() in ("done", "cancelled", "canceled") else "0"


def activity_type(value: str) -> Cell:
    """Return Freshsales' default sales-activity type of a note type."""
    return {"phone": "Phone", "email": "Email", "text": "SMS Outgoing"}.get(value.strip().lower())


TRANSFORMS: dict[str, Transform] = {
    "text": Transform(Form.TEXT, text),
    "long_text": Transform(Form.RICH, words.long_text),
    "rich_text": Transform(Form.RICH, words.rich_text, first_filled=False),
    "activity_title": Transform(Form.TEXT, words.activity_title, first_filled=False),
    "phone": Transform(Form.TEXT, phone),
    "phone_list": Transform(Form.LIST, phone_list, first_filled=False),
    "email": Transform(Form.TEXT, email),
    "email_list": Transform(Form.LIST, email_list),
    "website": Transform(Form.TEXT, website),
    "address": Transform(Form.TEXT, address, first_filled=False),
    "money": Transform(Form.MONEY, money),
    "integer": Transform(Form.NUMBER, integer),
    "checkbox": Transform(Form.BOOLEAN, checkbox),
    "flag": Transform(Form.TEXT, flag, blank_too=True),
    "subscription": Transform(Form.NUMBER, subscription, first_filled=False, blank_too=True),
    "day": Transform(Form.DATE, day),
    "local_day": Transform(Form.DATE, times.local_day, first_filled=False),
    "local_time": Transform(Form.TIME, times.local_time, first_filled=False),
    "end_time": Transform(Form.TIME, times.end_time, first_filled=False),
    "rails_zone": Transform(Form.TEXT, times.rails_zone, blank_too=True),
    "stamps": Transform(Form.TEXT, times.stamps, first_filled=False),
    "source_id": Transform(Form.TEXT, text),
    "npi": Transform(Form.TEXT, npi),
    "ada_codes": Transform(Form.TEXT, ada_codes),
    "ada_codes_more": Transform(Form.TEXT, ada_codes_more),
    "ada_codes_unread": Transform(Form.TEXT, ada_codes_unread),
    "task_status": Transform(Form.NUMBER, task_status),
    "activity_type": Transform(Form.TEXT, activity_type),
}
"""Every transform a mapping may name with `via`."""

PREFIXED = {"source_id"}
ZONED = {"local_time", "local_day", "end_time", "stamps", "rails_zone"}
"""Transforms whose last column is a time zone; blank there means the practice's own."""
