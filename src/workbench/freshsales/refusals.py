"""What can become of a call that brought no usable success: never sent, outcome unknown, refused, or slowed down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, TypeAlias

from workbench.errors import TenantRefusesKey, Terminal, Transient

Json: TypeAlias = Any
"""Whatever a JSON body may hold."""


class Reason(StrEnum):
    """Why Freshsales said no, with the sentence that people read."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Reason:
        """Keep the short word as the value, the sentence beside it."""
        made = str.__new__(cls, value)
        made._value_ = value
        made.sentence = sentence
        return made

    NOT_UNIQUE = "not_unique", "another record already holds this value of a unique field"
    NO_KEY = "no_key", "the tenant has no unique field that this kind of record could be found by"
    NOT_FOUND = "not_found", "there is no such record"
    REQUIRED = "required", "a field that the tenant requires is empty"
    TOO_LONG = "too_long", "a text is longer than the field"
    TYPE_INVALID = "type_invalid", "a value has the wrong shape for its field"
    NOT_A_CHOICE = "not_a_choice", "a value is no choice of its field's list"
    OWNER_INVALID = "owner_invalid", "the owner is no active user of the tenant"
    TOO_MANY = "too_many", "more than 100 records in one call"
    BUSY = "busy", "the tenant takes no further bulk job now; nothing was stored"
    QUOTA = "quota", "the file storage of the tenant is full, or the file is above its limit"
    FILE_TOO_LARGE = "file_too_large", "the file is larger than the 150 MB that Freshsales takes"
    CONFLICT = "conflict", "the record was changed at the same time"
    INVALID = "invalid", "a value is not accepted"
    OTHER = "other", "no reason that the workbench knows"


class NotSent(Transient):
    """Provably nothing reached the tenant: sending again is safe."""


class OutcomeUnknown(Transient):
    """The call was sent, and no usable answer came: look before sending again."""

    def __init__(self, text: str, *, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class Throttled(Transient):
    """Refused by the rate limit (429): nothing was stored, and everybody waits."""


class PermissionMissing(TenantRefusesKey):
    """The key works, but its role may not do this to this kind of record (403)."""

    def __init__(self, text: str, *, resource: str) -> None:
        super().__init__(text)
        self.resource = resource


class Refused(Terminal):
    """A definite no: nothing was stored, and the same call would be refused again.

    `messages` are Freshsales' own words and may echo a patient's value: they belong into the encrypted store only.
    The text of this error, and `public`, hold the reason's sentence and a field's label.
    """

    def __init__(self, status: int, reason: Reason, *, messages: list[str] | None = None, label: str = "") -> None:
        self.status = status
        self.reason = reason
        self.messages = messages or []
        self.label = label
        super().__init__(f"Freshsales refused it ({status}): {self.public}")

    @property
    def public(self) -> str:
        """What may be shown and logged: the reason, and the field where a known one is named."""
        return f"{self.reason.sentence} ({self.label})" if self.label else self.reason.sentence


STATUSES = {404: Reason.NOT_FOUND, 405: Reason.BUSY, 409: Reason.CONFLICT, 413: Reason.QUOTA}
"""Statuses that say everything; the others are told apart by their words."""

# Wordings from captured answers of several years (reference/freshsales-api.md §4); the first that matches decides.
WORDS = [
    (Reason.QUOTA, re.compile(r"\b(storage|quota)\b", re.I)),
    (Reason.NOT_A_CHOICE, re.compile(r"not included in the list|not a valid (choice|option)", re.I)),
    (Reason.NO_KEY, re.compile(r"\bno unique|unique (deal |custom )?(field|identifier)", re.I)),
    (Reason.NOT_UNIQUE, re.compile(r"not unique|already (been taken|exists|in use)|duplicate", re.I)),
    (Reason.TYPE_INVALID, re.compile(r"\btype (for|of) .* invalid|invalid type|wrong type", re.I)),
    (Reason.TOO_MANY, re.compile(r"too many|(limit|than|up to|maximum) (of )?\d+ (records|items|entries)", re.I)),
    (Reason.TOO_LONG, re.compile(r"too long|exceed|maximum|at most \d+ char|more than \d+ char", re.I)),
    (Reason.OWNER_INVALID, re.compile(r"\bowner\b.*(invalid|inactive|not found|exist)|invalid owner|owner_id", re.I)),
    (Reason.REQUIRED, re.compile(r"(can.?t|cannot|must not) be (blank|empty)|mandatory|required|is missing", re.I)),
]
LABEL = re.compile(
    r"^(?:the )?(?:type (?:for|of) )?(?P<label>[A-Za-z][\w .'/-]{0,60}?)\s+(?:field )?"
    r"(?:is|are|has|can.?t|cannot|must|should)\b",
    re.I,
)
STANDARD_NAMES = """
    contact lead deal account company task appointment note first_name last_name name email emails mobile mobile_number
    work_number phone phone_numbers address city state zipcode country time_zone owner owner_id lifecycle_stage_id
    lifecycle_stage contact_status_id subscription_status external_id sales_account_id sales_account sales_accounts
    parent_sales_account_id website industry_type_id industry_type amount deal_pipeline_id deal_pipeline deal_stage_id
    deal_stage expected_close closed_date contacts_added_list title description due_date status task_type_id from_date
    end_date start_date location targetable targetable_id targetable_type sales_activity_type_id file file_name tags
    custom_field job_title
"""
STANDARD_LABELS = frozenset(re.sub(r"[^a-z0-9]", "", name) for name in STANDARD_NAMES.split())
"""Field names that may stand in a public message; the custom fields' labels join them once they are read."""


def words_of(body: Json) -> list[str]:
    """Return the messages of an error body of any shape seen: list, string, null, HTML or nothing at all."""
    if isinstance(body, dict):
        found = body.get("errors", body)
        if isinstance(found, dict):
            found = found.get("message", found.get("messages"))
        return list(_texts(found))
    return list(_texts(body)) if isinstance(body, list) else []


def _texts(found: Json) -> Iterator[str]:
    if isinstance(found, str) and found.strip():
        yield found.strip()
    elif isinstance(found, dict):
        for value in found.values():
            yield from _texts(value)
    elif isinstance(found, list):
        for value in found:
            yield from _texts(value)


def reason_of(messages: Iterable[str], status: int = 400) -> Reason:
    """Return the reason that a status and its messages stand for."""
    if status in STATUSES:
        return STATUSES[status]
    text = "\n".join(messages)
    for reason, pattern in WORDS:
        if pattern.search(text):
            return reason
    return Reason.INVALID if status in (400, 422) else Reason.OTHER


def label_of(messages: Iterable[str], labels: frozenset[str] = STANDARD_LABELS) -> str:
    """Return the field that the messages name, if it is one we know; anything else could be a patient's value."""
    for message in messages:
        if found := LABEL.match(message):
            label = found["label"].strip()
            if plain_label(label) in labels or re.fullmatch(r"cf_[a-z0-9_-]+", label):
                return label
    return ""


def plain_label(label: str) -> str:
    """Return a label without case, spaces and punctuation, as labels are compared."""
    return re.sub(r"[^a-z0-9]", "", label.lower())


def refusal(status: int, body: Json, labels: frozenset[str] = STANDARD_LABELS) -> Refused:
    """Make the refusal that a status and a body of any shape stand for."""
    messages = words_of(body)
    return Refused(status, reason_of(messages, status), messages=messages, label=label_of(messages, labels))
