"""One record: create, upsert by our own field, update, delete, read, and find by source id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import TenantUnreachable
from workbench.freshsales.answers import is_number
from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import SOURCE_ID, Endpoint, endpoint
from workbench.freshsales.refusals import Json, OutcomeUnknown, Reason, Refused
from workbench.freshsales.shapes import flatten, merged, shape

NEEDS_BEFORE = {
    "custom_field",
    "company",
    "emails",
    "phone_numbers",
    "contacts_added_list",
    "tags_added",
    "tags_removed",
}
"""What a PUT would lose, or leave behind, if the record were not read first."""
UNIQUE = ("email", "emails_more", "name", SOURCE_ID)
"""What unique rules look at, in the recycle bin too."""


def create_record(tenant: Freshsales, destination: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Create one record from flat fields and return it as stored (https://developers.freshworks.com/crm/api)."""
    where = endpoint(destination, tenant.edition)
    body = {where.singular: shape(destination, fields, tenant.edition)}
    return _stored(where, tenant.call("POST", where.path, json=body).body)


def upsert_record(
    tenant: Freshsales, destination: str, fields: Mapping[str, Any], *, key: str | None = None, keep_empty: bool = False
) -> tuple[dict[str, Any], bool]:
    """Create or update one record found by our unique field; return it as stored, and whether it was created.

    Only the fields that are sent change. `key` is the source id; it stands in the fields when it is not given.
    """
    where = endpoint(destination, tenant.edition)
    assert where.upsert_path is not None and where.upsert_key is not None
    answer = tenant.call(
        "POST",
        where.upsert_path,
        json={
            "unique_identifier": {where.upsert_key: key or fields[SOURCE_ID]},
            where.singular: shape(destination, fields, tenant.edition, keep_empty=keep_empty),
        },
    )
    return _stored(where, answer.body), answer.status == 201


def update_record(
    tenant: Freshsales,
    destination: str,
    record_id: int,
    fields: Mapping[str, Any],
    *,
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Change the named fields of one record, empty ones cleared, and return it as stored.

    `before` is the record as just read; without it, it is read first, since a PUT replaces all custom fields.
    """
    where = endpoint(destination, tenant.edition)
    changes = shape(destination, fields, tenant.edition, keep_empty=True)
    if before is None and NEEDS_BEFORE & set(changes):
        before = read_record(tenant, destination, record_id)
        if before is None:
            raise Refused(404, Reason.NOT_FOUND)
    if "emails_more" in fields and "email" not in fields:
        # A list of e-mails is sent whole: without the first one it would take it away.
        first = {"email": flatten(destination, before or {}).get("email")}
        changes = shape(destination, first | dict(fields), tenant.edition, keep_empty=True)
    body = {where.singular: merged(before or {}, changes)}
    return _stored(where, tenant.call("PUT", f"{where.path}/{record_id}", json=body).body)


def delete_record(tenant: Freshsales, destination: str, record_id: int) -> bool:
    """Delete one record softly, into the recycle bin; say whether it was there."""
    where = endpoint(destination, tenant.edition)
    try:
        tenant.call("DELETE", f"{where.path}/{record_id}")
    except Refused as problem:
        if problem.reason is Reason.NOT_FOUND:
            return False
        raise
    return True


def hold_unique(
    tenant: Freshsales, destination: str, record_id: int, before: Mapping[str, Any], now: Mapping[str, Any]
) -> None:
    """Give a record that is not deleted after all the unique values back that it had before they were released."""
    if endpoint(destination, tenant.edition).has_custom_fields:
        held = {name: value for name, value in flatten(destination, before).items() if name in UNIQUE}
        update_record(tenant, destination, record_id, held, before=now)


def release_unique(tenant: Freshsales, destination: str, record_id: int, now: Mapping[str, Any]) -> bool:
    """Free the values that unique rules would see in the recycle bin, and say whether all of them are free.

    For a record that is about to be deleted, `now` being how it stands. Where the tenant refuses to let one go, the source
    id alone is freed, if that may be.
    """
    where = endpoint(destination, tenant.edition)
    freed: dict[str, Any] = {SOURCE_ID: None}
    ways = [freed]
    if where.bulk_identifier == "emails" or where.converts_to:
        # A contact may not be left without any address or number: then an address that can never be one takes its place.
        parting = {"email": f"released-{record_id}@rollback.invalid", "emails_more": []}
        ways = [freed | {"email": None, "emails_more": []}, freed | parting, freed]
    elif where.bulk_identifier == "name":
        ways = [freed | {"name": f"{str(now.get('name'))[:200]} (rolled back {record_id})"}, freed]
    for fields in ways:
        try:
            update_record(tenant, destination, record_id, fields, before=now)
        except Refused:
            continue
        return fields is not freed or len(ways) == 1
    return False


def read_record(tenant: Freshsales, destination: str, record_id: int) -> dict[str, Any] | None:
    """Read one record with its links, or None when it is gone. Notes have no address: read them at their parent."""
    where = endpoint(destination, tenant.edition)
    params = {"include": where.include} if where.include else None
    try:
        body = tenant.call("GET", f"{where.path}/{record_id}", params=params).body
    except Refused as problem:
        if problem.reason is Reason.NOT_FOUND:
            return None
        raise
    found = body.get(where.singular) if isinstance(body, dict) else None
    if not isinstance(found, dict) or not is_number(found.get("id")):
        raise TenantUnreachable(f"GET {where.path}/{record_id}: the answer holds no {where.singular}.")
    record = dict(_with_attendees(found, body))
    # Links are side-loaded beside a deal, but nested in a contact.
    for beside in ("contacts", "sales_account"):
        if beside in body and beside not in record and beside != where.singular:
            record[beside] = body[beside]
    if where.singular == "deal" and not record.get("sales_account_id") and body.get("sales_accounts"):
        record["sales_account_id"] = body["sales_accounts"][0]["id"]
    return record


def find_all_by_source_id(tenant: Freshsales, destination: str, source_id: str) -> list[dict[str, Any]]:
    """Return every record that carries a source id, oldest first; more than one is an incident."""
    where = endpoint(destination, tenant.edition)
    body = tenant.call("GET", "/lookup", params={"q": source_id, "f": SOURCE_ID, "entities": where.singular}).body
    found = (body.get(where.plural) or {}) if isinstance(body, dict) else {}
    records = found.get(where.plural, []) if isinstance(found, dict) else found
    exact = [one for one in records if (one.get("custom_field") or {}).get(SOURCE_ID, source_id) == source_id]
    return sorted(exact, key=lambda one: int(one["id"]))


def find_by_source_id(tenant: Freshsales, destination: str, source_id: str) -> dict[str, Any] | None:
    """Return the record that carries a source id, the oldest of several; not to find one is no proof at once."""
    found = find_all_by_source_id(tenant, destination, source_id)
    return found[0] if found else None


def _stored(where: Endpoint, body: Json) -> dict[str, Any]:
    record = body.get(where.singular) if isinstance(body, dict) else None
    if not isinstance(record, dict) or not is_number(record.get("id")):
        raise OutcomeUnknown(f"{where.path}: the answer to a write holds no {where.singular}.", status=200)
    return _with_attendees(record, body)


def _with_attendees(record: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Put the attendees that stand beside an appointment into it."""
    if "appointment_attendees" in body:
        return {**record, "appointment_attendees": body["appointment_attendees"]}
    return record
