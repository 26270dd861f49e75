"""Every record of a kind, by pages: complete and once each, also while others add and delete."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

from workbench.clock import WallClock
from workbench.errors import SetupMissing
from workbench.freshsales.answers import items
from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import Endpoint, endpoint
from workbench.freshsales.records import find_by_source_id, read_record
from workbench.freshsales.refusals import Reason, Refused

__all__ = [
    "calls_to_list",
    "find_by_source_id",
    "list_newest",
    "list_records",
    "read_children",
    "read_documents",
    "read_newest",
    "read_pages",
    "read_parent_notes",
    "read_record",
]
PER_PAGE = 100  # more is not an error, but answers 100 all the same
MOST_PASSES = 3
STABLE = {"per_page": PER_PAGE, "sort": "id", "sort_type": "asc"}
LOCAL_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d")
"""A time in the account's own zone; others are told in Z."""
Marks = dict[str, tuple[int, int | None]]
"""By path: the page that was read last, and the total that it told."""


@dataclass(frozen=True)
class Vitals:
    """What one answer tells beside its data: calls left, how far the tenant's clock is ahead, a moment in its own zone."""

    calls_left: int | None
    seconds_ahead: float | None
    moment: datetime | None


def read_vitals(tenant: Freshsales) -> Vitals:
    """Ask for the views of accounts, contacts and deals, which a plain role may not see, and look at the answers."""
    listed: list[Any] = []
    for destination in ("account", "contact", "deal"):
        answer = tenant.call("GET", f"{endpoint(destination, tenant.edition).path}/filters")
        listed += (answer.body.get("filters") or []) if isinstance(answer.body, dict) else []
    told = [str(one.get("updated_at") or "") for one in listed if isinstance(one, dict)]
    moment = next((datetime.fromisoformat(one) for one in told if LOCAL_STAMP.fullmatch(one)), None)
    left, date = answer.headers.get("x-ratelimit-remaining", ""), answer.headers.get("date")
    ahead = parsedate_to_datetime(date).timestamp() - WallClock().now() if date else None
    return Vitals(int(left) if left.isdigit() else None, ahead, moment)


def read_pages(tenant: Freshsales, endpoint: Endpoint, marks: Marks | None = None) -> Iterator[list[dict[str, Any]]]:
    """Yield all accounts, contacts, deals or leads, a page at a time; every record once.

    `marks` is kept up to date before each page is yielded; given again after a cut, reading goes on at those pages.
    """
    include = {"include": endpoint.include} if endpoint.include else {}
    places = [(f"{endpoint.path}/view/{view}", include) for view in _views(tenant, endpoint)]
    yield from _union(tenant, places, endpoint.plural, marks)


def list_records(tenant: Freshsales, destination: str) -> Iterator[dict[str, Any]]:
    """Yield all tasks, appointments or sales activities from their list pages; every record once."""
    where = endpoint(destination, tenant.edition)
    include = {"include": where.include} if where.include else {}
    places = [(where.path, include | ({"filter": name} if name else {})) for name in where.list_filters]
    for page in _union(tenant, places, where.plural):
        yield from page


def calls_to_list(where: Endpoint, count: int) -> int:
    """Return about how many calls list `count` records of a kind: none where only their parents list them.

    Pages, a last one a list, one that names the views, and a look at each total where there are several lists.
    """
    lists = max(len(where.views), len(where.list_filters))
    again = lists if lists > 1 else 0
    return -(-count // PER_PAGE) + lists - 1 + again + bool(where.views) if lists else 0


def read_newest(tenant: Freshsales, endpoint: Endpoint, count: int) -> Iterator[dict[str, Any]]:
    """Yield accounts, contacts or deals, youngest first, from about as many pages as `count` new records fill."""
    include = {"include": endpoint.include} if endpoint.include else {}
    pages = 2 * -(-count // PER_PAGE) + 1
    if endpoint.path not in tenant.views:
        tenant.views[endpoint.path] = _views(tenant, endpoint)
    for view in tenant.views[endpoint.path]:
        path = f"{endpoint.path}/view/{view}"
        for page in range(1, pages + 1):
            body = _page(tenant, path, endpoint.plural, {**include, **STABLE, "sort_type": "desc", "page": page})
            yield from (_with_links(one, body, endpoint.plural) for one in body[endpoint.plural])
            if len(body[endpoint.plural]) < PER_PAGE:
                break


def list_newest(tenant: Freshsales, destination: str, since: float) -> Iterator[dict[str, Any]]:
    """Yield tasks, appointments or sales activities made since a moment, and perhaps some more, from the last page on.

    A list that does not count its pages, or does not begin with its oldest record, is read whole.
    """
    where = endpoint(destination, tenant.edition)
    for name in where.list_filters:
        params = {**STABLE, **({"filter": name} if name else {})}
        first = _page(tenant, where.path, where.plural, params | {"page": 1})
        pages = _pages(first)
        last = first if pages == 1 else _page(tenant, where.path, where.plural, params | {"page": pages or 1})
        if pages is None or _made_at(first[where.plural], min) > _made_at(last[where.plural], min):
            yield from list_records(tenant, destination)
            return
        for number in range(pages, 0, -1):
            body = last if number == pages else first if number == 1 else None
            records = (body or _page(tenant, where.path, where.plural, params | {"page": number}))[where.plural]
            yield from records
            if records and _made_at(records, max) < since:
                break


def read_children(tenant: Freshsales, plural: str, record_id: int, kind: str) -> list[dict[str, Any]]:
    """Return what hangs on a contact, account or deal: its notes, tasks, appointments or document_associations."""
    try:
        pages = list(_steady(tenant, f"/{plural}/{record_id}/{kind}", kind, {}, set()))
    except Refused as problem:
        if problem.reason is Reason.NOT_FOUND:
            return []
        raise
    return [one for page in pages for one in page]


def read_parent_notes(tenant: Freshsales, plural: str, record_id: int) -> list[dict[str, Any]]:
    """Return the notes of a contact, account or deal; notes have no address of their own."""
    return read_children(tenant, plural, record_id, "notes")


def read_documents(tenant: Freshsales, plural: str, record_id: int) -> list[dict[str, Any]]:
    """Return the files of a contact, account or deal."""
    return read_children(tenant, plural, record_id, "document_associations")


def _views(tenant: Freshsales, endpoint: Endpoint) -> list[int]:
    body = tenant.call("GET", f"{endpoint.path}/filters").body
    listed = [one for one in body.get("filters") or [] if isinstance(one, dict)] if isinstance(body, dict) else []
    views = []
    for start in endpoint.views:
        found = [one for one in listed if str(one.get("name", "")).casefold().startswith(start.casefold())]
        if not found:
            raise SetupMissing(
                f"{tenant.alias} has no view {start.strip()!r} of {endpoint.plural}, so they cannot be listed."
                " Make one that shows them all and starts with that word."
            )
        # The tenant's own view stands before those that people made under a like name.
        views.append(min(found, key=lambda one: (not one.get("is_default"), int(one["id"])))["id"])
    return views


def _union(
    tenant: Freshsales, places: list[tuple[str, dict[str, Any]]], envelope: str, marks: Marks | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yield the pages of several lists that share no record; one that moved between them meanwhile is met again."""
    seen: set[int] = set()
    totals = []
    for path, params in places:
        totals.append((yield from _steady(tenant, path, envelope, params, seen, marks=marks)))
    for (path, params), total in zip(places, totals, strict=True):
        if len(places) > 1 and _total(_page(tenant, path, envelope, {**params, **STABLE, "per_page": 1})) != total:
            yield from _steady(tenant, path, envelope, params, seen)


def _steady(
    tenant: Freshsales,
    path: str,
    envelope: str,
    params: Mapping[str, Any],
    seen: set[int],
    *,
    marks: Marks | None = None,
) -> Generator[list[dict[str, Any]], None, int | None]:
    """Yield pages by ascending id and return the total; what slid off its page by others' deletions is read again.

    New records come last and are met on the way. A total that has changed by the end makes another pass, and so does
    one that has shrunk since a mark was set: its pages are others now.
    """
    last: int | None = None
    start, told = (marks or {}).get(path, (1, None))
    for _ in range(MOST_PASSES):
        first: int | None = None
        listed, before = (start - 1) * PER_PAGE, [-1]
        for page in count(start):
            body = _page(tenant, path, envelope, {**params, **STABLE, "page": page})
            records: list[dict[str, Any]] = body[envelope]
            if page == start > 1 and (_total(body) or 0) < (told or 0):
                first = -1  # no total: another pass, from the first page on
                break
            if marks is not None:
                marks[path] = (page, _total(body))
            ids = [int(one["id"]) for one in records]
            # A page past the end says total 0; a list that knows no pages repeats its first.
            if not ids or ids == before:
                break
            before, last = ids, _total(body)
            listed += len(ids)
            first = last if first is None else first
            fresh = [one for one in records if int(one["id"]) not in seen]
            seen.update(ids)
            if fresh:
                yield [_with_links(one, body, envelope) for one in fresh]
            if _is_last(body, page, listed, len(ids)):
                break
        start = 1
        if first == last:
            break
    return last


def _page(tenant: Freshsales, path: str, envelope: str, params: Mapping[str, Any]) -> dict[str, Any]:
    body = tenant.call("GET", path, params=params).body
    items(path, body, envelope)
    found: dict[str, Any] = body
    return found


def _total(body: Mapping[str, Any]) -> int | None:
    total = (body.get("meta") or {}).get("total")
    return None if total is None else int(total)


def _pages(body: Mapping[str, Any]) -> int | None:
    meta = body.get("meta") or {}
    if meta.get("total_pages") is not None:
        return max(1, int(meta["total_pages"]))
    total = _total(body)
    return None if total is None else max(1, -(-total // PER_PAGE))


def _made_at(records: list[dict[str, Any]], choose: Callable[[Iterable[float]], float]) -> float:
    return choose([datetime.fromisoformat(str(one["created_at"])).timestamp() for one in records] or [0.0])


def _is_last(body: Mapping[str, Any], page: int, listed: int, length: int) -> bool:
    meta = body.get("meta") or {}
    if meta.get("total_pages") is not None:
        return page >= int(meta["total_pages"])
    # Tasks and appointments count their records, not their pages; notes may count nothing.
    return listed >= int(meta["total"]) if meta.get("total") is not None else length < PER_PAGE


def _with_links(record: dict[str, Any], body: Mapping[str, Any], envelope: str) -> dict[str, Any]:
    """Put a deal's side-loaded contacts into the record, where a list tells which are whose."""
    if envelope == "deals" and "contact_ids" in record and "contacts" not in record and body.get("contacts"):
        mine = set(record["contact_ids"] or [])
        return {**record, "contacts": [one for one in body["contacts"] if one.get("id") in mine]}
    if envelope == "appointments" and "appointment_attendees" in body:
        attending = set(record.get("appointment_attendee_ids") or [])
        return {
            **record,
            "appointment_attendees": [one for one in body["appointment_attendees"] if one["id"] in attending],
        }
    return record
