"""Named transforms: texts of one source row in, one destination text out, or a stated problem."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from workbench.canonical import Form
from workbench.dental.ada_codes import read_codes
from workbench.dental.npi import npi_problem
from workbench.staging import times, words
from workbench.staging.problems import UnreadableError
from workbench.vocabulary import Severity

Cell = str | None
NO_MAIL = {"test@test.com", "n/a", "none", "declined", "no email", "unknown"}
NO_MAIL_NAMES = ("noemail@", "no-email@", "nomail@", "none@", "declined@")
SEVERAL_NUMBERS = re.compile(r"\s*(?:/|&|\bor\b|[;,](?!\s*(?:e?xt?|#)))\s*", re.IGNORECASE)
SEVERAL_ADDRESSES = re.compile(r"[;,\s]+")
AMOUNT = re.compile(r"(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})?(?:\.\d*)?")
NEGATIVE = [re.compile(sign) for sign in (r"\((.+)\)", r"-(.+)", r"(.+)-")]
CURRENCY = re.compile(r"^([(-]?)\s*(?:USD|\$)\s*|\s*USD$", re.IGNORECASE)
ADA_CODES_A_FIELD = 42
AS_TYPED = r"[!-~](?:[ -~]*[!-~])?"
"""Printable ASCII without blanks at its ends."""
PLAIN_ADDRESS = (
    r"[a-z]{1,20}(?:[0-9]{1,8}|[._][a-z]{1,20}[0-9]{0,4})@[a-z]{2,20}(?:\.[a-z]{2,20})?\.(?:com|net|org|edu)"
)
"""Addresses of the plainest shape, and no placeholder has it: a name with a second part or a number."""
YES = {"y", "yes", "true", "t", "1", "-1", "x", "checked"}
NO = {"n", "no", "false", "f", "0"}
"""How exports write a yes and a no; blank is neither (export reference §1.3)."""


class Each(NamedTuple):
    """Which transform is asked for each column, what stands between the answers, and a word before each."""

    via: str
    separator: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transform:
    """A named function over the texts of one row.

    `first_filled`: it gets one text, the first filled of its columns; otherwise all of them in order.
    `blank_too`: it is asked although every text is empty.
    `each`: it is made of what another transform makes of each column alone, in this order, by this separator.
    `as_is`: a regular expression (RE2) of single texts that it returns unchanged, so that nobody has to ask.
    """

    form: Form
    function: Callable[..., Cell]
    first_filled: bool = True
    blank_too: bool = False
    as_is: str | None = None
    each: Each | None = None


def text(value: str) -> Cell:
    """Trim the ends."""
    return value.strip() or None


def phone(value: str) -> Cell:
    """Return a valid US or international number as E.164; valid, not merely possible.

    Of several numbers the first is kept; an extension is left out: E.164 has none. Both are said.
    """
    first, *others = [one for one in SEVERAL_NUMBERS.split(words.without_labels(value)) if one] or [""]
    try:
        parsed = phonenumbers.parse(first, "US")
    except phonenumbers.NumberParseException:
        raise UnreadableError("phone", "is no phone number") from None
    if not phonenumbers.is_valid_number(parsed):
        raise UnreadableError("phone", "is no valid phone number")
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if others:
        raise UnreadableError("phone_more", "holds several numbers, and the first is kept", kept=number)
    if parsed.extension:
        raise UnreadableError("phone_extension", "has an extension, which is left out", kept=number)
    return number


def phone_list(*values: Cell) -> Cell:
    """Return home and other phones as Freshsales' group field; one that cannot be read costs no other."""
    found, problem = [], None
    for label, value in zip(("Home", "Other"), values, strict=False):
        if value and value.strip():
            try:
                number = phone(value)
            except UnreadableError as caught:
                number, problem = caught.kept, caught
            found += [{"label": label, "value": number}] if number else []
    made = words.as_json(found) if found else None
    if problem:
        raise UnreadableError(problem.rule, str(problem), kept=made)
    return made


def email(value: str) -> Cell:
    """Return an address with its domain in lower case; refuse placeholders. No mail is sent to check."""
    listed = [one for one in SEVERAL_ADDRESSES.split(value.strip()) if one]
    first, *others = listed if all("@" in one for one in listed) else [value.strip()]
    if first.lower() in NO_MAIL or first.lower().startswith(NO_MAIL_NAMES):
        raise UnreadableError("email", "is a placeholder, not an address")
    try:
        address = validate_email(first, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise UnreadableError("email", "is no e-mail address") from None
    if others:
        raise UnreadableError("email_more", "holds several addresses, and the first is kept", kept=address)
    return address


def email_list(value: str) -> Cell:
    """Return further addresses as a list."""
    try:
        found = email(value)
    except UnreadableError as problem:
        kept = words.as_json([problem.kept]) if problem.kept else None
        raise UnreadableError(problem.rule, str(problem), kept=kept) from None
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
    """Return an exact decimal with two places; blank is not zero. Parts of a cent are rounded, and said."""
    bare = CURRENCY.sub(r"\1", value.strip()).strip()
    digits = next((found[1].strip() for sign in NEGATIVE if (found := sign.fullmatch(bare))), bare)
    if not AMOUNT.fullmatch(digits) or not any(one.isdigit() for one in digits):
        raise UnreadableError("money", "is no amount", Severity.HOLD)
    amount = Decimal(digits.replace(",", ""))
    cents = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    made = f"{-cents if digits != bare and cents else cents:.2f}"
    if cents != amount:
        raise UnreadableError("money_cents", "has parts of a cent, which are rounded", kept=made)
    return made


def integer(value: str) -> Cell:
    """Return a whole number; `3.0` is one, `3.5` is none."""
    try:
        number = Decimal(value.strip().replace(",", ""))
        if number.is_finite() and abs(number) < 10**15 and number == int(number):
            return str(int(number))
    except InvalidOperation:
        pass
    raise UnreadableError("integer", "is no whole number")


def day(value: str) -> Cell:
    """Return the date of an ISO day or time; the days that mean nothing are empty."""
    if times.stands_for_nothing(value):
        raise UnreadableError("empty_day", "stands for no date")
    try:
        return date.fromisoformat(value.strip()[:10]).isoformat()
    except ValueError:
        raise UnreadableError("day", "is no date") from None


def checkbox(value: str) -> Cell:
    """Return true or false; blank is unknown and stays empty."""
    said = value.strip().lower()
    if said not in YES | NO:
        raise UnreadableError("checkbox", "says neither yes nor no")
    return "true" if said in YES else "false"


def flag(value: Cell) -> Cell:
    """Return Yes, No or Not recorded: blank is never No (a flag here is no clinical advice)."""
    said = (value or "").strip().lower()
    if said and said not in YES | NO:
        raise UnreadableError("flag", "says neither yes nor no", kept="Not recorded")
    return "Yes" if said in YES else "No" if said in NO else "Not recorded"


def subscription(do_not_contact: Cell, consent: Cell) -> Cell:
    """Return Freshsales' subscription status: 0 unsubscribed, 1 subscribed, 2 not subscribed.

    Source: choices of the contact field in captured tenants; new contacts would default to 1. What is no clear yes
    subscribes nobody.
    """
    refused, agreed = (do_not_contact or "").strip().lower(), (consent or "").strip().lower()
    if refused and refused not in YES | NO:
        raise UnreadableError("consent", "says neither yes nor no, and counts as a refusal", kept="0")
    if refused in YES or agreed in NO:
        return "0"
    if agreed and agreed not in YES:
        raise UnreadableError("consent", "says neither yes nor no, and counts as no consent", kept="2")
    return "1" if agreed in YES else "2"


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
    "text": Transform(Form.TEXT, text, as_is=AS_TYPED),
    "long_text": Transform(Form.RICH, words.long_text),
    "rich_text": Transform(Form.RICH, words.rich_text, first_filled=False),
    "typed_text": Transform(Form.RICH, words.typed_text, first_filled=False),
    "activity_title": Transform(Form.TEXT, words.activity_title, first_filled=False),
    "phone": Transform(Form.TEXT, phone),
    "phone_list": Transform(Form.LIST, phone_list, first_filled=False),
    "email": Transform(Form.TEXT, email, as_is=PLAIN_ADDRESS),
    "email_list": Transform(Form.LIST, email_list),
    "website": Transform(Form.TEXT, website),
    "address": Transform(Form.TEXT, address, first_filled=False, each=Each("text", ", ")),
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
    "stamps": Transform(
        Form.TEXT, times.stamps, first_filled=False, each=Each("stamp", "; ", ("created ", "modified "))
    ),
    "source_id": Transform(Form.TEXT, text, as_is=AS_TYPED),
    "npi": Transform(Form.TEXT, npi),
    "ada_codes": Transform(Form.TEXT, ada_codes),
    "ada_codes_more": Transform(Form.TEXT, ada_codes_more),
    "ada_codes_unread": Transform(Form.TEXT, ada_codes_unread),
    "task_status": Transform(Form.NUMBER, task_status),
    "activity_type": Transform(Form.TEXT, activity_type),
}
"""Every transform a mapping may name with `via`."""

PARTS: dict[str, Transform] = {"stamp": Transform(Form.TEXT, times.stamp, first_filled=False)}
"""Transforms that others are made of; no mapping names them."""
PREFIXED = {"source_id"}
AS_HTML = {"rich_text", "typed_text"}
ZONED = {"local_time", "local_day", "end_time", "stamps", "rails_zone"}
"""Transforms whose last column is a time zone; blank there means the practice's own."""
