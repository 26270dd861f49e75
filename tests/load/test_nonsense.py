"""A tenant that answers nonsense learns no more and tells no patient: not in what is printed, not in an error, not in a file."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

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


def refused(status: int, shape: Callable[[str], object]) -> Answer:
    return lambda said, _: httpx.Response(status, json=shape(said))


def page(status: int) -> Answer:
    return lambda said, _: httpx.Response(
        status, content=f"<html><h1>{said}</h1>", headers={"content-type": "text/html"}
    )


NONSENSE: dict[str, Answer] = {
    "400 that echoes what was sent": refused(400, lambda said: {"errors": {"message": [f"{said} is not unique"]}}),
    "400 that echoes it as a field": refused(400, lambda said: {"errors": {"message": f"{said} can't be blank"}}),
    "422 with texts alone": refused(422, lambda said: [said, {"why": said}]),
    "400 as a page": page(400),
    "403 that echoes": refused(403, lambda said: {"message": said}),
    "a page with 200": page(200),
    "a page with 500": page(500),
    "JSON that breaks off": lambda _, answer: httpx.Response(answer.status_code, content=answer.content[:-7]),
    "a list": refused(200, lambda said: [said]),
    "a text": refused(200, lambda said: said),
    "nothing": refused(200, lambda _: None),
    "another envelope": refused(200, lambda said: {"person": {"id": 1, "name": said}}),
    "an id that is a text": refused(
        200, lambda said: {one: {"id": said} for one in ("contact", "note", "deal", "task")}
    ),
    "an id that is a list": refused(200, lambda said: {one: {"id": [said]} for one in ("contact", "note", "deal")}),
    "a redirect": lambda said, _: httpx.Response(302, headers={"location": "https://elsewhere.example/?q=x"}),
}


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
    scope = rehearsal.few(2, 1)

    def answer(request: httpx.Request, given: httpx.Response) -> httpx.Response | None:
        is_write = request.method in ("POST", "PUT") and not re.search("/_tenant/", request.url.path)
        made = NONSENSE[kind](" ".join(texts(request.content)), given) if is_write else None
        if made is not None:
            made.headers.update(
                {name: value for name, value in given.headers.items() if name.startswith("x-rehearsal")}
            )
        return made

    rehearsal.transport.after.append(answer)
    said = ""
    try:
        rehearsal.load(scope)
    except WorkbenchError as problem:
        said = "".join(traceback.format_exception(problem))
    heard = capsys.readouterr()
    assert [label for text in (said, heard.out, heard.err) for label in told(text, watched)] == []
    assert scan(rehearsal.practice.folder, watched) == []
    # What the tenant did under its nonsense is found, and nothing is doubled.
    rehearsal.transport.after.remove(answer)
    rehearsal.load(scope)
    assert rehearsal.doubles_and_losses(scope) == NOTHING_WRONG
