"""Bulk jobs: up to 100 records in one call, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from workbench.freshsales.client import Freshsales
from workbench.freshsales.endpoints import Endpoint
from workbench.freshsales.refusals import (
    Json,
    OutcomeUnknown,
    Reason,
    Refused,
    label_of,
    reason_of,
    words_of,
)
from workbench.freshsales.shapes import shape
from workbench.vocabulary import Edition

MOST_ROWS = 100
BUSY_TRIES = 10
BUSY_SECONDS = 5.0
# A poll costs a call, a wait costs nothing while other requests travel: few polls, further and further apart.
POLL_WAITS = (4.0, 8.0, 16.0, 30.0, 60.0, 120.0, 240.0, 480.0)
DONE = {"success", "succeeded", "completed", "complete", "done", "finished"}
ROW_NAMES = ("identifier", "unique_identifier", "emails", "email", "name", "id")
MESSAGES = ("errors", "error", "messages", "message", "reason")
BROKEN = {"failed", "failure", "error", "cancelled", "canceled", "aborted"}


class BulkRow(NamedTuple):
    """One record of a bulk call: its key and its flat fields; `by` names the identifier where it is not the usual one.

    A whole number as key is the record's Freshsales id. `record` is what `shape` makes of the fields, where it is there
    as JSON already.
    """

    key: str | int
    fields: Mapping[str, Any]
    by: str = ""
    record: bytes | None = None


@dataclass(frozen=True)
class JobResult:
    """What a finished job says; which ids were made it does not say.

    `failed` names each refused row by its place in the call (a number from 0) where the tenant tells it, else by its
    key as text. Refused rows that the report does not name are counted in `unnamed`.
    """

    succeeded: int
    failed: list[tuple[int | str, Refused]] = field(default_factory=list)
    unnamed: int = 0


def send_bulk(tenant: Freshsales, endpoint: Endpoint, rows: Sequence[BulkRow], *, keep_empty: bool = False) -> str:
    """Send up to 100 rows as one job and return the job's path below base_url.

    A tenant too busy for another job (405) has stored nothing: it is asked again, then Refused with reason BUSY.
    """
    if not endpoint.bulk_path:
        raise Refused(405, Reason.NO_KEY)
    if len(rows) > MOST_ROWS:
        raise Refused(400, Reason.TOO_MANY)
    body = bulk_body(endpoint, (bulk_row(endpoint, row, tenant.edition, keep_empty=keep_empty) for row in rows))
    for attempt in range(BUSY_TRIES):
        try:
            answer = tenant.call("POST", endpoint.bulk_path, json=orjson.Fragment(body))
        except Refused as problem:
            if problem.reason is not Reason.BUSY or attempt == BUSY_TRIES - 1:
                raise
            tenant.clock.wait_until(tenant.clock.now() + BUSY_SECONDS * (attempt + 1))
            continue
        break
    url = answer.body.get("job_status_url") if isinstance(answer.body, dict) else None
    if not isinstance(url, str):
        raise OutcomeUnknown(f"{endpoint.bulk_path}: the answer names no job.", status=answer.status)
    return job_path(url, tenant.base_url)


def bulk_row(endpoint: Endpoint, row: BulkRow, edition: Edition, *, keep_empty: bool = False) -> bytes:
    """Return one row of a bulk call as JSON."""
    key, fields, by, record = row
    by = by or ("id" if isinstance(key, int) else endpoint.bulk_identifier or "")
    if not by:
        raise Refused(400, Reason.NO_KEY)
    if record is None or keep_empty:
        record = orjson.dumps(shape(endpoint.destination, fields, edition, keep_empty=keep_empty))
    return b'{"%b":%b,"data":%b}' % (by.encode(), orjson.dumps(key), record)


def bulk_body(endpoint: Endpoint, rows: Iterable[bytes]) -> bytes:
    """Return what a bulk call sends for some rows, each JSON."""
    return b'{"%b":[%b]}' % (endpoint.plural.encode(), b",".join(rows))


def job_path(url: str, base_url: str) -> str:
    """Return a job's address below base_url: the embedded tenant may have another port by the next poll."""
    path = urlsplit(url).path
    base = urlsplit(base_url).path.rstrip("/")
    if base and path.startswith(f"{base}/"):
        return path[len(base) :]
    at = path.rfind("/job_statuses/")
    if at < 0:
        raise OutcomeUnknown("The answer to a bulk call names a job at an address that is not one.")
    return path[at:]


def poll_job(tenant: Freshsales, job_path: str, *, waits: Sequence[float] = POLL_WAITS) -> JobResult:
    """Ask for a job's outcome, later and later; OutcomeUnknown when it does not end, broke, or is not there."""
    for wait in waits:
        tenant.clock.wait_until(tenant.clock.now() + wait)
        try:
            body = tenant.call("GET", job_path).body
        except Refused as problem:
            raise OutcomeUnknown(f"GET {job_path}: the job cannot be read ({problem.status}).") from None
        status = str(body.get("status") or "").lower() if isinstance(body, dict) else ""
        if status in BROKEN:
            raise OutcomeUnknown(f"GET {job_path}: the job ended as {status}.")
        if status in DONE:
            return read_result(body)
    raise OutcomeUnknown(f"GET {job_path}: the job did not end within {sum(waits) / 60:.0f} minutes.")


def read_result(body: Mapping[str, Any]) -> JobResult:
    """Read a finished job's `data`, a JSON text; SUCCESS is its status even when rows failed."""
    data = body.get("data")
    if isinstance(data, str):
        try:
            data = orjson.loads(data)
        except orjson.JSONDecodeError:
            data = None
    if not isinstance(data, dict) or not isinstance(data.get("record_status"), dict):
        raise OutcomeUnknown("The job ended, but its report cannot be read.")
    counts = data["record_status"]
    failed = list(_failures(data.get("detailed_failure_report") or []))
    said = int(counts.get("failed") or 0)
    return JobResult(int(counts.get("succeeded") or 0), failed, unnamed=max(0, said - len(failed)))


def _failures(report: Json) -> Iterator[tuple[int | str, Refused]]:
    """Yield each failed row of a report whose exact shape nobody has published."""
    items = report.items() if isinstance(report, dict) else [(None, one) for one in report]
    for outer, item in items:
        told = item if isinstance(item, dict) else {"message": item}
        place = next((told[name] for name in ("index", "row", "position") if type(told.get(name)) is int), None)
        key = next((told[name] for name in ROW_NAMES if told.get(name) not in (None, "", {})), outer)
        if isinstance(key, dict):
            key = next(iter(key.values()))
        words = words_of([told[name] for name in MESSAGES if told.get(name)])
        if place is not None or key is not None:
            yield str(key) if place is None else place, refused_for(words)


def refused_for(words: list[str]) -> Refused:
    """Make the refusal of one row of a job from its messages."""
    return Refused(400, reason_of(words), messages=words, label=label_of(words))
