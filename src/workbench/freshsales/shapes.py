"""Flat destination fields to the API's record and back, the same names both ways.

Flat names are Freshsales' own, cf_ fields beside the others, and these of ours: `account` and `contact` (ids), `target`
((destination, id)), `emails_more` (list of texts), `phone_numbers` (list of {label, value}),
`company_name` (the company of a Classic lead, which is no account), `removed` (whether the one tag stands that is ours;
`tags` are the others).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from workbench.freshsales.endpoints import REMOVED, REMOVED_TAG, destination_of, endpoint, targetable
from workbench.freshsales.refusals import Json
from workbench.vocabulary import Edition

ELEMENTS = ("emails_more", "phone_numbers", "tags")
"""Flat fields that hold a list: people and we change them element by element."""
USER = "FdMultitenant::User"
"""How Freshsales names a user among an appointment's attendees."""
PLACED = frozenset({"account", "contact", "owner", "owner_id", "parent", "target", "company_name", "text", "removed"})
"""Names of ours that stand elsewhere in Freshsales' record, or under another name."""
ALIASES = {"owner": "owner_id", "parent": "parent_sales_account_id"}
HOLE, HOLE_OF_IDS = "\x1f", 2**53 - 1
"""Values that no field has."""
# Nested or derived by Freshsales: never compared as fields.
LEFT_ASIDE = frozenset(
    {
        "custom_field",
        "emails",
        "email",
        "phone_numbers",
        "company",
        "sales_accounts",
        "sales_account",
        "sales_account_id",
        "contacts",
        "contact_ids",
        "targetables",
        "targetable",
        "targetable_id",
        "targetable_type",
        "links",
    }
)


def shape(
    destination: str, fields: Mapping[str, Any], edition: Edition = Edition.SUITE, *, keep_empty: bool = False
) -> dict[str, Any]:
    """Return the API's record for flat fields.

    Empty values are left out, since Freshsales refuses a whole contact for an empty e-mail; `keep_empty` sends them as
    null, which clears the field of an existing record.
    """
    record: dict[str, Any] = _emails(fields, keep_empty=keep_empty)
    custom: dict[str, Any] = {}
    for name, value in fields.items():
        is_empty = not value and _is_empty(value)
        if (is_empty and not keep_empty) or name in ("email", "emails_more"):
            continue
        kept = None if is_empty else value
        if name.startswith("cf_"):
            custom[name] = kept
        elif name in PLACED:
            record |= _placed(destination, ALIASES.get(name, name), kept, edition)
        else:
            record[name] = kept
    if custom:
        record["custom_field"] = custom
    return record


class Around(NamedTuple):
    """The JSON that stands before and after a flat value in the API's record, or in its custom fields."""

    is_custom: bool
    before: str
    after: str


def around(destination: str, name: str, edition: Edition = Edition.SUITE, *, is_id: bool = False) -> Iterator[Around]:
    """Yield what `shape` puts around one filled field, member by member, so that whoever makes many records asks once."""
    hole = HOLE_OF_IDS if is_id else HOLE
    record = shape(destination, {name: hole}, edition)
    custom = record.pop("custom_field", {})
    for member, value in (record | custom).items():
        before, _, after = orjson.dumps({member: value}).decode()[1:-1].partition(orjson.dumps(hole).decode())
        yield Around(member in custom, before, after)


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], ())


def _placed(destination: str, name: str, value: Json, edition: Edition) -> dict[str, Any]:
    where = endpoint(destination, edition)
    placed = {name: value}
    match name:
        case "account" if where.singular == "contact":
            placed = {"sales_accounts": [{"id": int(value), "is_primary": True}] if value else []}
        case "account":
            placed = {"sales_account_id": int(value) if value else None}
        case "contact":
            ids = value if isinstance(value, list | tuple) else [value]
            placed = {"contacts_added_list": [int(one) for one in ids if one]}
        case "owner_id" if where.singular == "appointment":
            # An appointment keeps no owner_id: its owner is the attending user. A patient never attends.
            return {
                "appointment_attendees_attributes": [{"attendee_type": USER, "attendee_id": int(value)}]
                if value
                else []
            }
        case "target":
            kind, number = value or (None, None)
            placed = {"targetable_type": targetable(kind, edition) if kind else None, "targetable_id": number}
        case "company_name":
            placed = {"company": {"name": value}}
        case "removed":
            placed = {"tags_added" if value else "tags_removed": [REMOVED_TAG]}
        case "text" if where.text_field:
            placed = {where.text_field: value}
    return placed


def _emails(fields: Mapping[str, Any], *, keep_empty: bool) -> dict[str, Any]:
    """Return the bare e-mail, or the whole list where further ones stand, or may have to go."""
    first = fields.get("email") or None
    more = [one for one in fields.get("emails_more") or [] if one and one != first]
    if more or (keep_empty and "emails_more" in fields):
        listed = [one for one in (first, *more) if one]
        return {"emails": [{"value": one, "is_primary": index == 0} for index, one in enumerate(listed)]}
    return {"email": first} if first or (keep_empty and "email" in fields) else {}


def flatten(destination: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as read back as flat fields, under the names that `shape` takes; values are left raw."""
    flat = {name: value for name, value in record.items() if name not in LEFT_ASIDE}
    flat |= record.get("custom_field") or {}
    listed = [one for one in record.get("emails") or [] if isinstance(one, dict) and one.get("value")]
    primary = next((one["value"] for one in listed if one.get("is_primary")), None)
    email = record.get("email") or primary
    if "email" in record or listed:
        flat["email"] = email
        flat["emails_more"] = [one["value"] for one in listed if one["value"] != email]
    if "phone_numbers" in record:
        flat["phone_numbers"] = [
            {"label": one.get("label"), "value": one.get("value")} for one in record["phone_numbers"] or []
        ]
    if "tags" in record:
        tags = record["tags"] or []
        flat["tags"] = [one for one in tags if one != REMOVED_TAG]
        flat[REMOVED] = True if REMOVED_TAG in tags else None
    company = record.get("company", "")
    if company is None or isinstance(company, dict):
        flat["company_name"] = (company or {}).get("name")
    flat |= _links(destination, record)
    return flat


def _links(destination: str, record: Mapping[str, Any]) -> dict[str, Any]:
    links: dict[str, Any] = {}
    accounts = [one for one in record.get("sales_accounts") or [] if isinstance(one, dict)]
    if "sales_accounts" in record and destination in ("contact", "lead"):
        links["account"] = next((one["id"] for one in accounts if one.get("is_primary")), None)
        if links["account"] is None and accounts:
            links["account"] = accounts[0]["id"]
    elif record.get("sales_account_id"):
        links["account"] = record["sales_account_id"]
    elif isinstance(record.get("sales_account"), dict):
        links["account"] = record["sales_account"]["id"]
    people = [one["id"] for one in record.get("contacts") or [] if isinstance(one, dict)]
    people = people or record.get("contact_ids") or []
    if people:
        links["contact"] = people[0] if len(people) == 1 else sorted(people)
    elif destination == "deal" and "contacts" in record:
        links["contact"] = None
    attending = [one for one in record.get("appointment_attendees") or [] if one.get("attendee_type") == USER]
    if attending:
        links["owner_id"] = attending[0]["attendee_id"]
    targets = [one for one in record.get("targetables") or [] if isinstance(one, dict)]
    if targets:
        links["target"] = (destination_of(targets[0]["type"]), targets[0]["id"])
    elif record.get("targetable_id"):
        links["target"] = (destination_of(str(record.get("targetable_type"))), record["targetable_id"])
    return links


def merged(record: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a PUT that changes what `changes` names and keeps the rest of `record`.

    A PUT replaces the whole `custom_field` object since 2026-07-04; of e-mails and phone numbers it keeps those that
    are not named, so one which has to go is sent back marked.
    """
    body = dict(changes)
    if "custom_field" in changes:
        body["custom_field"] = {**(record.get("custom_field") or {}), **changes["custom_field"]}
    if "company" in changes:
        body["company"] = {**(record.get("company") or {}), **changes["company"]}
    for group in ("emails", "phone_numbers"):
        if group in changes:
            body[group] = _group(record.get(group) or [], changes[group] or [])
    if "contacts_added_list" in changes:
        linked = {one["id"] for one in record.get("contacts") or []}
        body["contacts_removed_list"] = sorted(linked - set(changes["contacts_added_list"]))
    added, removed = body.pop("tags_added", []), body.pop("tags_removed", [])
    if added or removed:
        others = [one for one in record.get("tags") or [] if one not in (*added, *removed)]
        body["tags"] = [*others, *added]
    return body


def _group(known: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_value = {str(one["value"]).casefold(): one for one in known if one.get("value")}
    kept = [{**by_value.pop(str(one["value"]).casefold(), {}), **one} for one in wanted]
    return kept + [{**one, "_destroy": True} for one in by_value.values()]


def without_ours(before: list[Any], ours: list[Any], now: list[Any]) -> list[Any]:
    """Return a list of a record without what we added to it, and with what we took out; what people added or took out stays."""
    was, wrote, there = elements_of(before), elements_of(ours), elements_of(now)
    stay = [one for key, one in there.items() if key in was or key not in wrote]
    return stay + [one for key, one in was.items() if key not in wrote and key not in there]


def elements_of(listed: list[Any]) -> dict[str, Any]:
    """Return the elements of a list by what makes two of them one: the value, in any case of letters."""
    return {str(one.get("value") if isinstance(one, dict) else one).casefold(): one for one in listed}
