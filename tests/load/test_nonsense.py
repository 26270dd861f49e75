"""A tenant that answers nonsense learns no more and tells no patient: not in what is printed, not in an error, not in a file."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from itertools import cycle

import httpx
import orjson
import pytest
from canaries import Canary, patients_of, scan, text_canary, told
from loads import NOTHING_WRONG, Rehearsal

from workbench.errors import WorkbenchError

Answer = Callable[[str, httpx.Response], httpx.Response]


def texts(asked: bytes) -> list[str]:
    """Return every text of a request's body."""
    try:
        body = orjson.loads(asked)
    except orjson.JSONDecodeError:
        return [asked.decode("utf-8", "replace")]
    found: list[str] = []
    waiting = [body]
    while waiting:
        one = waiting.pop()
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
        found += [one] if isinstance(one, str) else []
    return found


ENVELOPES = ("contact", "sales_account", "deal", "note", "task", "appointment", "sales_activity", "document")


def refused(status: int, shape: Callable[[str], object]) -> Answer:
    return lambda said, _: httpx.Response(status, json=shape(said))


def page(status: int) -> Answer:
    return lambda said, _: httpx.Response(
        status, content=f"<html><h1>{said}</h1>", headers={"content-type": "text/html"}
    )


NONSENSE: dict[str, list[Answer]] = {
    "refusals that echo what was sent": [
        refused(400, lambda said: {"errors": {"message": [f"{said} is not unique"]}}),
        refused(400, lambda said: {"errors": {"message": f"{said} can't be blank"}}),
        refused(422, lambda said: [said, {"why": said}]),
        page(400),
    ],
    "what is no data": [
        page(200),
        page(500),
        lambda _, answer: httpx.Response(answer.status_code, content=answer.content[:-7]),
        lambda _, __: httpx.Response(302, headers={"location": "https://elsewhere.example/?q=x"}),
    ],
    "a right that is missing": [refused(403, lambda said: {"message": said})],
    "data of another shape": [
        refused(200, lambda said: {one: {"id": said} for one in ENVELOPES}),
        refused(200, lambda said: {one: {"id": [said]} for one in ENVELOPES}),
        refused(200, lambda said: {"person": {"id": 1, "name": said}}),
        refused(200, lambda said: {"deal_pipelines": [{"id": 1, "name": "Ours", "deal_stages": [{"id": said}]}]}),
        refused(
            200, lambda said: {"deal_pipelines": [{"id": 1}], "users": [{"id": said}], "fields": [{"name": [said]}]}
        ),
        refused(200, lambda said: [said]),
        refused(200, lambda said: said),
        refused(200, lambda _: None),
    ],
}
"""Answers that writes get in turn."""


def loaded(rehearsal: Rehearsal, scope: set[str], answer: Callable[..., httpx.Response | None]) -> str:
    """Load while some answers are nonsense, which keep the tenant's clock; return the chain of the error that ends it."""

    def listen(request: httpx.Request, given: httpx.Response) -> httpx.Response | None:
        if (made := answer(request, given)) is not None:
            kept = {name: value for name, value in given.headers.items() if name.startswith("x-rehearsal")}
            made.headers.update(kept)
        return made

    rehearsal.transport.after.append(listen)
    try:
        rehearsal.load(scope)
    except WorkbenchError as problem:
        return "".join(traceback.format_exception(problem))
    finally:
        rehearsal.transport.after.remove(listen)
    return ""


@pytest.fixture
def watched(rehearsal: Rehearsal) -> list[Canary]:
    """Patients of the practice."""
    found = patients_of(rehearsal.practice.settings.warehouse, people=60)
    assert len(found) > 40
    return [*found, text_canary("a planted note", "of the planted patient nobody")]


@pytest.mark.parametrize("kind", NONSENSE)
def test_writes_that_are_answered_with_nonsense_tell_nobody(
    kind: str, rehearsal: Rehearsal, watched: list[Canary], capsys: pytest.CaptureFixture[str]
) -> None:
    scope = rehearsal.few(3, 2)
    turns, given_in_turn = cycle(NONSENSE[kind]), Counter[int]()

    def answer(request: httpx.Request, given: httpx.Response) -> httpx.Response | None:
        if request.method not in ("POST", "PUT") or "/_tenant/" in request.url.path:
            return None
        made = next(turns)(" ".join(texts(request.content)), given)
        given_in_turn[made.status_code] += 1
        return made

    said = loaded(rehearsal, scope, answer)
    heard = capsys.readouterr()
    assert given_in_turn.total() >= len(NONSENSE[kind]), "each was given"
    assert [label for text in (said, heard.out, heard.err) for label in told(text, watched)] == []
    assert scan(rehearsal.practice.folder, watched) == []
    # What the tenant did under its nonsense is found, and nothing is doubled.
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG


@pytest.mark.parametrize("path", ["selector/", "settings/", "/view/", "job_statuses/"])
@pytest.mark.parametrize("kind", ["what is no data", "data of another shape"])
def test_reads_that_are_answered_with_nonsense_end_with_a_reason(
    path: str, kind: str, rehearsal: Rehearsal, watched: list[Canary], capsys: pytest.CaptureFixture[str]
) -> None:
    scope, turns, asked = rehearsal.few(12, 0), cycle(NONSENSE[kind]), Counter[str]()
    echoed = watched[0].needles[0] * 3

    def answer(request: httpx.Request, given: httpx.Response) -> httpx.Response | None:
        if request.method != "GET" or path not in request.url.path or "/_tenant/" in request.url.path:
            return None
        asked[path] += 1
        return next(turns)(echoed, given)

    said = loaded(rehearsal, scope, answer)
    heard = capsys.readouterr()
    assert asked
    assert [label for text in (said, heard.out, heard.err) for label in told(text, watched)] == []
    assert scan(rehearsal.practice.folder, watched) == []
    # A list of what the tenant offers is needed; without pages and jobs a load finds other ways, or says why not.
    assert said or path in ("/view/", "job_statuses/")
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
