"""The optional language model, at any server with the `/chat/completions` contract: off by default, asked once, noted.

What may be asked is for `opinions` to say; of an answer nothing is believed but choices off the list that was given.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import os
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from workbench.errors import SettingsProblem
from workbench.keys import model_key
from workbench.ledger.audit import note_act
from workbench.settings import Settings

AT_ONCE, MOST_REQUESTS = 50, 20
"""Questions a request, and requests each time that something is proposed; what is left waits for the next time."""
WAIT, LARGEST = 60.0, 1_000_000
"""Seconds for an answer, and its bytes."""
FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)
OFF = "The language model is off."
ROUND = (
    'You are given a JSON object with "choices" and "questions". Reply with a JSON list and nothing else: one object'
    ' {"index": number, "answer": text} for each question that one choice surely answers, the answer copied letter by'
    " letter from the choices. Leave out every question of which you are not sure. "
)
Question = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What came of asking: the choice for a question, by its place, and counts; `problem` says what ended it."""

    answers: Mapping[int, str]
    asked: int
    dropped: int
    left: int
    problem: str = ""


@dataclass(frozen=True)
class LanguageModel:
    """One model at one server; its key stands in no text."""

    settings: Settings = field(repr=False)
    url: str
    name: str
    key: str = field(repr=False)
    wait_seconds: float = WAIT

    @property
    def reason(self) -> str:
        """The reason of a proposal that it makes."""
        return f"the language model {self.name} says so"

    def ask(self, about: str, task: str, choices: Sequence[str], questions: Sequence[Question]) -> Told:
        """Ask what it never answered before; return the choices it made, those of earlier times among them.

        An answer that is no choice letter by letter, and one to no question, is dropped and counted. The first request
        without a usable answer is the last.
        """
        begun = f"{self.url}\n{self._body(ROUND + task, choices, [])}\n"
        keys = [hashlib.sha256(f"{begun}{_json(one)}".encode()).hexdigest() for one in questions]
        answers, dropped = self._kept({*keys})
        new = [place for place, key in enumerate(keys) if key not in answers]
        sent, problem = 0, ""
        for start in range(0, min(len(new), AT_ONCE * MOST_REQUESTS), AT_ONCE):
            places = new[start : start + AT_ONCE]
            body = self._body(ROUND + task, choices, [questions[one] for one in places])
            self._note(about, body, len(places))
            sent += len(places)
            reply, problem = self._post(body)
            read = None if problem else _read(reply, choices, len(places))
            if read is None:
                problem = f"{problem or 'an answer nobody can read'}, for {len(places)} of them"
                break
            made = {keys[one]: read[0].get(number, "") for number, one in enumerate(places)}
            answers, dropped = answers | made, dropped + read[1]
            if problem := self._keep(made, read[1]):
                break
        allowed = {*choices}
        taken = {place: answers[key] for place, key in enumerate(keys) if answers.get(key) in allowed}
        return Told(taken, len(keys) - len(new) + sent, dropped, len(new) - sent, problem)

    def _body(self, task: str, choices: Sequence[str], questions: Sequence[Question]) -> str:
        numbered = [{"index": number, **one} for number, one in enumerate(questions)]
        said = _json({"choices": [*choices], "questions": numbered})
        messages = [{"role": "system", "content": task}, {"role": "user", "content": said}]
        return _json({"model": self.name, "temperature": 0, "messages": messages})

    def _note(self, about: str, body: str, questions: int) -> None:
        """Note in the audit chain what is about to leave: how much, where to, and the hash of it."""
        digest = hashlib.sha256(body.encode()).hexdigest()
        facts = {"model": self.name, "host": httpx.URL(self.url).host, "questions": questions, "sha256": digest}
        note_act(self.settings, "language model asked", about, **facts)

    def _post(self, body: str) -> tuple[bytes, str]:
        """Return the answer's bytes, or what went wrong, told without a word of the server's."""
        # httpx writes full URLs at INFO.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        headers |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        got, until = bytearray(), time.monotonic() + self.wait_seconds
        # What is meant for this machine goes through nobody's proxy.
        direct = dict.fromkeys(("all://", "http://", "https://") if _is_local(self.url) else ())
        patience = httpx.Timeout(self.wait_seconds, connect=min(10.0, self.wait_seconds))
        try:
            with (
                httpx.Client(timeout=patience, follow_redirects=False, mounts=direct) as http,
                http.stream("POST", f"{self.url}/chat/completions", content=body, headers=headers) as reply,
            ):
                if reply.status_code != httpx.codes.OK:
                    return b"", f"HTTP {reply.status_code}"
                for part in reply.iter_bytes():
                    got += part
                    if len(got) > LARGEST or time.monotonic() > until:
                        return b"", "an answer too long to wait for"
        except httpx.TimeoutException:
            return b"", f"no answer in {self.wait_seconds:g} seconds"
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            ImportError,
            ValueError,
        ) as failed:  # the last two: a proxy nobody can use
            return b"", f"no connection, {type(failed).__name__}"
        return bytes(got), ""

    def _kept(self, keys: Collection[str]) -> tuple[dict[str, str], int]:
        """Return the kept answers to some questions, and how many were dropped in the requests that brought them."""
        answers, dropped = dict[str, str](), 0
        path = self.settings.model_answers
        for line in path.read_text("utf-8", errors="replace").split("\n") if path.is_file() else ():
            try:
                kept = json.loads(line)
                known = {key: str(answer) for key, answer in kept["answers"].items() if key in keys}
                dropped += int(kept["dropped"]) if known else 0
            except (ValueError, TypeError, KeyError, AttributeError):  # a line that a killed run cut off
                continue
            answers |= known
        return answers, dropped

    def _keep(self, answers: Mapping[str, str], dropped: int) -> str:
        path = self.settings.model_answers
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(opened, "a", encoding="utf-8") as file:
                file.write(f"{_json({'answers': answers, 'dropped': dropped})}\n")
        except OSError as failed:
            return f"its answers cannot be kept, {failed.strerror}"
        return ""


def language_model(settings: Settings, *, wait_seconds: float = WAIT) -> LanguageModel | str:
    """Return the model that [suggest] of migration.toml names, or the sentence that says why none is asked."""
    url, name = settings["suggest.model_url"].rstrip("/"), settings["suggest.model"]
    if not url:
        return OFF
    is_local = _is_local(url)
    if not name:
        raise SettingsProblem("[suggest] model is empty. Name the model that model_url serves, or empty model_url.")
    key = model_key()
    if not key.isascii() or not key.isprintable() or not (key or is_local):
        return "The language model was not asked: there is no usable key. Put it into WORKBENCH_MODEL_KEY."
    return LanguageModel(settings, url, name, key, wait_seconds)


def _is_local(model_url: str) -> bool:
    """Say whether an address is this machine's; refuse what must not carry a key or a spelling."""
    try:
        url = httpx.URL(model_url)
    except httpx.InvalidURL:
        raise SettingsProblem("[suggest] model_url is no URL.") from None
    try:
        is_local = url.host == "localhost" or ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        is_local = False
    if not url.host or url.scheme not in ("http", "https") or url.userinfo or url.query or url.fragment:
        raise SettingsProblem("[suggest] model_url looks like https://host/v1")
    if url.scheme == "http" and not is_local:
        raise SettingsProblem(f"{url.host} is not on this machine, so its model_url must start with https://.")
    return is_local


def _read(reply: bytes, choices: Iterable[str], asked: int) -> tuple[dict[int, str], int] | None:
    """Return the choices of an answer by the index of their question, and how much was dropped; None for nonsense."""
    try:
        said = json.loads(reply)["choices"][0]["message"]["content"]
        fenced = FENCED.fullmatch(said)
        listed = json.loads(fenced[1] if fenced else said)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    if not isinstance(listed, list):
        return None
    allowed, found = {*choices}, dict[int, str]()
    for one in listed:
        number, answer = (one.get("index"), one.get("answer")) if isinstance(one, dict) else (None, None)
        if type(number) is int and 0 <= number < asked and isinstance(answer, str) and answer in allowed:
            found.setdefault(number, answer)
    return found, len(listed) - len(found)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
